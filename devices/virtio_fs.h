/*
 * virtio-fs, a shared directory (virtio 1.2, 5.11): rings in front of the FUSE
 * server of devices/fs.
 *
 * Theory of operation: each queue has a thread, so that a FORGET, which the
 * guest sends on the high priority queue, never waits behind a request that
 * the host's file system keeps waiting, nor a processor of the guest behind
 * another one's requests. A request is done where it is popped, but for one
 * that waits for a lock, which is answered later (later.h), on the queue that
 * it came by. "fs-hiprio" also looks after the files in the window (dax.h), and
 * hears of files that others change (marks.h). It opens nothing, and has no
 * right to.
 *
 *	queue 0, hiprio		thread "fs-hiprio"	FORGET, INTERRUPT
 *	queue 1, requests	thread "fs-request"	everything else
 *	queue 2, requests	thread "fs-request2"	the same, and so on
 *
 * Nothing is ordered across queues. A guest waits for the reply before it sends
 * what depends on it; where it does not (INTERRUPT), the server sees to that.
 * They have one session: whichever queue is stopped, it ends, which is what a
 * reset does to all of them.
 */
#ifndef DEVICES_VIRTIO_FS_H
#define DEVICES_VIRTIO_FS_H

#include "devices/fs/server.h"
#include "devices/later.h"
#include "devices/virtio/device.h"
#include "vmm/base/worker.h"

/** enum virtio_fs_queues - Queues of the device (virtio 1.2, 5.11.2) */
enum virtio_fs_queues {
	VIRTIO_FS_HIPRIO,
	VIRTIO_FS_REQUEST, /* the first one for requests */
};

enum { VIRTIO_FS_MAX_REQUESTS = 8 }; /* queues for requests */

/** enum virtio_fs_regions - Shared memory regions (5.11.6.4; VERSIONS.md) */
enum virtio_fs_regions {
	VIRTIO_FS_CACHE,
	VIRTIO_FS_VERSIONS,
	VIRTIO_FS_NUM_REGIONS,
};

enum { VIRTIO_FS_TAG_LEN = 36 }; /* at most */

/**
 * struct virtio_fs_server - Who serves a queue
 * @fs:		FUSE server [borrowed]
 * @entry:	What the thread calls first: ours, then the machine's
 * @machine_entry:	The machine's [borrowed]
 * @thread:	Runs the queue's loop
 * @worker:	What the FUSE server needs for a thread [thread]
 * @unshared:	Budget for lines about guests that share no versions [thread]
 * @req:	The request that is being done [thread]
 * @later:	Requests that are answered later; none of VIRTIO_FS_HIPRIO
 */
struct virtio_fs_server {
	struct fs *fs;
	struct thread_entry entry;
	const struct thread_entry *machine_entry;
	struct worker thread;
	struct fs_worker worker;
	struct log_limit unshared;
	struct queue_req req;
	struct later_pool later;
};

/**
 * struct virtio_fs - A shared directory
 * @class:	What kind of device it is: queues differ
 * @dev:	What all devices have
 * @fs:		FUSE server [init, borrowed]
 * @tag:	Name by which the guest mounts it [init, borrowed]
 * @server:	By queue; most of it takes memory when it is used [owned]
 * @watch:	Files in the window that change; on "fs-hiprio"
 * @timer:	When to look at them; the same
 * @poll:	That there are some that do not tell; the same
 * @marks:	Files that others have changed; the same
 */
struct virtio_fs {
	struct virtio_class class;
	struct virtio_dev dev;
	struct fs *fs;
	const char *tag;
	struct virtio_fs_server *server;
	struct loop_source watch;
	struct loop_source timer;
	struct loop_source poll;
	struct loop_source marks;
};

/**
 * virtio_fs_init() - Make a device; nothing is served before virtio_fs_start()
 * @vfs:	Filled; to be destroyed whatever the result
 * @mem:	Guest memory
 * @fs:		FUSE server, outlives @vfs
 * @tag:	Name by which the guest mounts it, 1 to 36 bytes; outlives @vfs
 * @cnt:	Queues for requests, 1 to VIRTIO_FS_MAX_REQUESTS
 *
 * Return: 0, -EINVAL if @tag is empty, -ENAMETOOLONG if it is too long, or
 *	   another negative errno
 * #syscalls: eventfd2 epoll_create1 epoll_ctl
 */
int virtio_fs_init(struct virtio_fs *vfs, const struct guestmem *mem,
		   struct fs *fs, const char *tag, unsigned int cnt);

/** virtio_fs_destroy() - Stop the threads, release all, even half-built */
void virtio_fs_destroy(struct virtio_fs *vfs);

/**
 * virtio_fs_start() - Start the threads, those of the FUSE server as well
 * @vfs:	Device
 * @entry:	What each calls first, NULL for nothing; outlives them
 *
 * Return: 0 or a negative errno; virtio_fs_stop() whatever the result
 */
int virtio_fs_start(struct virtio_fs *vfs, const struct thread_entry *entry);

/** virtio_fs_stop() - End the threads, each after the batch that it is in */
void virtio_fs_stop(struct virtio_fs *vfs);

#endif /* DEVICES_VIRTIO_FS_H */
