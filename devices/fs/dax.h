/*
 * DAX: host file pages in guest memory (virtio 1.2, 5.11.6.4; <linux/fuse.h>,
 * SETUPMAPPING).
 *
 * Theory of operation: a window is reserved address space that is guest memory,
 * too (vmm/base/guestmem.h). The guest's kernel decides what it shows; mapping
 * is one mmap() over the reservation. There is never a hole in it: where
 * nothing is mapped, and behind the end of a file, is PROT_NONE, whose use is
 * an error of KVM_RUN, not of this process.
 *
 * Files change size. What the guest may do with pages behind the end is up to
 * its kernel, which knows the size from replies of this server. So:
 *
 * grow		Before a reply tells a size, the pages up to it are there
 *		(dax_show()). Then the extent is mapped as a whole, and further
 *		growth needs nothing.
 * shrink	By the host, at any time. KVM finds no page behind the end, and
 *		either KVM_RUN fails, or the processor tries for ever without
 *		leaving the kernel. So a watch (inotify) wakes dax_tick(), which
 *		puts zero pages there; on file systems whose changes come from
 *		elsewhere sizes are polled. And if KVM_RUN fails, dax_repair()
 *		looks at all files.
 *
 * A guest that goes by an old size reads zeros, and what it writes there is
 * lost.
 *
 * A file is open while something of it is mapped, for writing only if the guest
 * has asked for that. What the guest writes then nobody hears of: so as long
 * what others remember of the file is no good (versions_heat()).
 *
 * Locks: @dax.lock guards everything and is held across mmap() and fstat(). No
 * other lock is taken meanwhile.
 */
#ifndef DEVICES_FS_DAX_H
#define DEVICES_FS_DAX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/fs/extents.h"

struct handle;
struct handle_table;
struct versions;

enum {
	DAX_BUCKETS = 1024,
	DAX_QUIET_MS = 20, /* between two looks at files that change */
	DAX_POLL_MS = 100, /* between two looks at files without a watch */
};

/**
 * struct dax_file - A file of which something is mapped [dax.lock]
 * @dax:	Whose
 * @handle:	Open file, NULL if this place is free [owned: a reference]
 * @node_id:	Its inode
 * @next:	In the same bucket, or next free place
 * @next_listed:	Next in the list of those that may have to be closed
 * @listed:	Is in that list
 * @extent_cnt:	Extents that show it
 * @watch:	Of inotify; -1: none
 * @polled:	Nobody says when it changes
 * @writable:	@handle is open for writing
 * @fact:	Then, counter of its attributes, hot (versions.h); 0: none
 * @shown:	Size that all its extents show, a multiple of the page;
 *		UINT64_MAX: whatever size it grows to
 */
struct dax_file {
	struct dax *dax;
	struct handle *handle;
	uint64_t node_id;
	struct dax_file *next;
	struct dax_file *next_listed;
	bool listed;
	uint32_t extent_cnt;
	int watch;
	bool polled;
	bool writable;
	uint32_t fact;
	uint64_t shown;
};

/**
 * struct dax - A window and what it shows
 * @window:	First byte; NULL: there is none [init, borrowed]
 * @len:	Bytes [init]
 * @handles:	[init, borrowed]
 * @versions:	NULL: nobody wants to know [init, borrowed]
 * @watch_fd:	inotify; -1: none [init, owned]
 * @timer_fd:	When to look again [init, owned]
 * @poll_fd:	Eventfd: there are files that have to be polled [init, owned]
 * @armed:	It was set, and dax_tick() has not yet come [lock]
 * @lock:	See above
 * @extents:	[lock]
 * @file:	Places for as many files as extents [owned, lock]
 * @free:	First free one [lock]
 * @listed:	Files that may have to be closed [lock]
 * @bucket:	Files by node id [lock]
 * @file_cnt:	Files in use [written with lock]
 * @polled_cnt:	Those that are polled [lock]
 * @change_cnt:	How often anything was mapped
 */
struct dax {
	char *window;
	uint64_t len;
	struct handle_table *handles;
	const struct versions *versions;
	int watch_fd;
	int timer_fd;
	int poll_fd;
	bool armed;
	pthread_mutex_t lock;
	struct extents extents;
	struct dax_file *file;
	struct dax_file *free;
	struct dax_file *listed;
	struct dax_file *bucket[DAX_BUCKETS];
	atomic_uint file_cnt;
	unsigned int polled_cnt;
	_Atomic uint64_t change_cnt;
};

/**
 * struct dax_range - What is to be mapped; checked
 * @at:		First byte in the window
 * @len:	Bytes
 * @offset:	First byte in the file
 * @write:	For writing, too
 * @fact:	Then, counter of the file's attributes; 0: none
 */
struct dax_range {
	uint64_t at;
	uint64_t len;
	uint64_t offset;
	bool write;
	uint32_t fact;
};

/**
 * dax_init() - Begin to use a window
 * @dax:	Filled; to be destroyed whatever the result
 * @window:	Reserved address space, PROT_NONE, a multiple of the page; NULL:
 *		there is none, and nothing else is to be called but
 *		dax_reset(), dax_show(), dax_repair() and dax_destroy()
 * @len:	Bytes
 * @max_cnt:	Most extents; each takes up to three of the process's mappings
 *		(vm.max_map_count)
 * @handles:	Where files are open
 *
 * Return: 0 or a negative errno
 * #syscalls: inotify_init1 timerfd_create eventfd2
 */
int dax_init(struct dax *dax, void *window, uint64_t len, uint32_t max_cnt,
	     struct handle_table *handles);

/**
 * dax_reset() - Map nothing any more
 *
 * #syscalls(loop vcpu fs): mmap inotify_rm_watch close futex
 */
void dax_reset(struct dax *dax);

/** dax_destroy() - Reset and release; accepts a half-built @dax */
void dax_destroy(struct dax *dax);

/**
 * dax_map() - Show a range of a file in place of what was there
 * @dax:	Window
 * @node_id:	The file's inode
 * @handle:	The open file, good for @range; taken, also on failure. NULL:
 *		one that is open already
 * @range:	Which; @range->offset + @range->len fits off_t
 *
 * Return: 0; -EBADF if there is no file that is open already; -ENOMEM if there
 *	   are too many extents; or another negative errno
 * #syscalls(fs): statx mmap munmap inotify_add_watch fstatfs write close
 */
int dax_map(struct dax *dax, uint64_t node_id, struct handle *handle,
	    const struct dax_range *range);

/**
 * dax_unmap() - Show nothing in a range
 * @dax:	Window
 * @at:		First byte
 * @len:	Bytes; checked
 *
 * Return: 0, or -ENOMEM if what is left is too many pieces
 * #syscalls(fs): mmap inotify_rm_watch close
 */
int dax_unmap(struct dax *dax, uint64_t at, uint64_t len);

/**
 * dax_show() - The guest is about to be told a size: let it see that much
 * @dax:	Window
 * @node_id:	The file's inode
 * @size:	Bytes
 *
 * #syscalls(fs): statx mmap
 */
void dax_show(struct dax *dax, uint64_t node_id, uint64_t size);

/**
 * dax_repair() - A processor cannot use its memory: look for files that shrank
 *
 * On a vCPU thread. Afterwards there is a page, of the file or of zeros,
 * wherever something is mapped.
 *
 * Return: how often the window has changed so far
 * #syscalls(vcpu): statx mmap
 */
uint64_t dax_repair(struct dax *dax);

/**
 * dax_access() - A processor's access that KVM could not do in the window
 * @dax:	Window
 * @at:		First byte
 * @data:	Read or written
 * @len:	Bytes; @at + @len is within the window
 * @write:	Which
 *
 * On a vCPU thread. Where nothing is mapped, ones are read; what cannot be
 * written is lost.
 * #syscalls(vcpu): getpid process_vm_readv process_vm_writev
 */
void dax_access(struct dax *dax, uint64_t at, void *data, unsigned int len,
		bool write);

/**
 * dax_notice() - @watch_fd is readable: look soon
 *
 * It stays readable until dax_tick().
 * #syscalls(fs-aux): timerfd_settime
 */
void dax_notice(struct dax *dax);

/**
 * dax_tick() - @timer_fd is readable: look at the files that have changed
 *
 * #syscalls(fs-aux): read statx mmap timerfd_settime
 */
void dax_tick(struct dax *dax);

/**
 * dax_poll() - @poll_fd was signalled: dax_tick() has files to poll
 *
 * #syscalls(fs-aux): timerfd_settime
 */
void dax_poll(struct dax *dax);

#endif /* DEVICES_FS_DAX_H */
