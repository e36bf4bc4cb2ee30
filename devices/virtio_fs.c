/*
 * virtio-fs, a shared directory (virtio 1.2, 5.11).
 */
#include "devices/virtio_fs.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <linux/virtio_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"

/* Threads' names, by queue. */
static const char *const thread_names[] = {
	[VIRTIO_FS_HIPRIO] = "fs-hiprio",
	[VIRTIO_FS_REQUEST] = "fs-request",
	"fs-request2",
	"fs-request3",
	"fs-request4",
	"fs-request5",
	"fs-request6",
	"fs-request7",
	"fs-request8",
};
static_assert(ARRAY_SIZE(thread_names) ==
		      VIRTIO_FS_REQUEST + VIRTIO_FS_MAX_REQUESTS,
	      "a thread for each queue");
static_assert((int)VIRTIO_FS_NUM_REGIONS <= (int)VIRTIO_MAX_SHM, "all");
static_assert(ARRAY_SIZE(thread_names) <= VIRTIO_MAX_QUEUES, "all");

/* How many there are to release: none in a half-built device. */
static unsigned int queue_cnt(const struct virtio_fs *vfs)
{
	return vfs->server ? vfs->class.queue_cnt : 0;
}

/* The user wanted more than this guest can do. */
static void say_unshared(struct virtio_fs *vfs, unsigned int idx)
{
	char name[sizeof("share ") + VIRTIO_FS_TAG_LEN];

	if (!atomic_exchange(&vfs->fs->unshared, false))
		return;
	snprintf(name, sizeof(name), "share %s", vfs->tag);
	log_guest(&vfs->server[idx].unshared, name,
		  "the guest's kernel cannot share versions: cache=auto");
}

/* A request without a reply goes back with no bytes written. */
static uint32_t serve(struct virtio_dev *dev, unsigned int idx,
		      struct queue_req *req)
{
	struct virtio_fs *vfs = CONTAINER_OF(dev, struct virtio_fs, dev);
	struct virtio_fs_server *server = &vfs->server[idx];
	struct fs_worker *worker = &server->worker;
	size_t len;

	if (idx != VIRTIO_FS_HIPRIO)
		worker->later = later_prepare(&server->later, req);
	len = fs_serve(vfs->fs, worker, &req->readable, &req->writable);
	if (atomic_load_explicit(&vfs->fs->unshared, memory_order_relaxed))
		say_unshared(vfs, idx);
	if (len != FS_LATER)
		return len;
	later_keep(&server->later);
	return VIRTIO_LATER;
}

static void kick(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_fs *vfs = CONTAINER_OF(dev, struct virtio_fs, dev);

	later_push(&vfs->server[idx].later);
	virtio_dev_serve(dev, idx, &vfs->server[idx].req, serve);
}

/* A reset ends the FUSE session: the next driver begins with INIT, and must not
 * find the files of the last one. It stops the queues that were in use one by
 * one, so nothing is in flight when the last one goes, whichever that is. A
 * driver that stops one queue only has to begin anew, too.
 */
static void stop(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_fs *vfs = CONTAINER_OF(dev, struct virtio_fs, dev);

	later_stop(&vfs->server[idx].later);
	fs_reset(vfs->fs);
}

static const struct virtio_class fs_class = {
	.name = "virtio-fs",
	.id = VIRTIO_ID_FS,
	/* Linux sizes its requests so that one fits the ring. */
	.queue_size = QUEUE_MAX_SIZE,
	.windows = true,
	.kick = kick,
	.stop = stop,
};

static_assert(VIRTIO_FS_TAG_LEN == sizeof(((struct virtio_fs_config *)0)->tag),
	      "5.11.4");

static int set_config(struct virtio_fs *vfs, const char *tag)
{
	struct virtio_fs_config config = {
		.num_request_queues = htole32(queue_cnt(vfs) - 1),
	};
	size_t len = strlen(tag);

	if (!len)
		return -EINVAL;
	if (len > sizeof(config.tag))
		return -ENAMETOOLONG;
	memcpy(config.tag, tag, len); /* all of it used: no NUL (5.11.4) */
	virtio_dev_set_config(&vfs->dev, &config, sizeof(config));
	return 0;
}

/* Give a queue its thread. */
static int init_server(struct virtio_fs *vfs, unsigned int idx)
{
	struct virtio_fs_server *server = &vfs->server[idx];
	int err = worker_init(&server->thread);

	if (!err)
		err = fs_worker_init(&server->worker);
	server->worker.forgets = idx == VIRTIO_FS_HIPRIO;
	if (!err)
		err = virtio_dev_attach(&vfs->dev, idx, &server->thread.loop);
	if (idx != VIRTIO_FS_HIPRIO)
		virtio_dev_set_alone(&vfs->dev, idx);
	return err;
}

static int alloc_servers(struct virtio_fs *vfs)
{
	vfs->server = calloc(vfs->class.queue_cnt, sizeof(*vfs->server));
	if (!vfs->server)
		return -ENOMEM;
	for (unsigned int i = 0; i < queue_cnt(vfs); i++) {
		vfs->server[i].thread.loop =
			(struct loop){.epoll_fd = -1, .stop_fd = -1};
		later_init(&vfs->server[i].later, &vfs->dev, i);
	}
	return 0;
}

static void watch_ready(struct loop_source *source, uint32_t events)
{
	struct virtio_fs *vfs = CONTAINER_OF(source, struct virtio_fs, watch);

	(void)events;
	/* Not again before it was looked at. */
	loop_mod(&vfs->server[VIRTIO_FS_HIPRIO].thread.loop, source, 0);
	dax_notice(&vfs->fs->dax);
}

static void timer_ready(struct loop_source *source, uint32_t events)
{
	struct virtio_fs *vfs = CONTAINER_OF(source, struct virtio_fs, timer);

	(void)events;
	dax_tick(&vfs->fs->dax);
	if (vfs->watch.fd >= 0)
		loop_mod(&vfs->server[VIRTIO_FS_HIPRIO].thread.loop,
			 &vfs->watch, EPOLLIN);
}

static void poll_ready(struct loop_source *source, uint32_t events)
{
	struct virtio_fs *vfs = CONTAINER_OF(source, struct virtio_fs, poll);

	(void)events;
	dax_poll(&vfs->fs->dax);
}

static void marks_ready(struct loop_source *source, uint32_t events)
{
	struct virtio_fs *vfs = CONTAINER_OF(source, struct virtio_fs, marks);

	(void)events;
	marks_read(&vfs->fs->marks);
}

/* Hear of files that others change. */
static int init_marks(struct virtio_fs *vfs)
{
	if (!vfs->fs->versions || vfs->fs->marks.fd < 0)
		return 0;
	vfs->marks = (struct loop_source){vfs->fs->marks.fd, marks_ready};
	return loop_add(&vfs->server[VIRTIO_FS_HIPRIO].thread.loop, &vfs->marks,
			EPOLLIN);
}

/* Hear of files in the window that change. */
static int init_window(struct virtio_fs *vfs)
{
	struct loop *loop = &vfs->server[VIRTIO_FS_HIPRIO].thread.loop;
	const struct dax *dax = &vfs->fs->dax;
	int err = 0;

	if (!dax->window)
		return 0;
	vfs->watch = (struct loop_source){dax->watch_fd, watch_ready};
	vfs->timer = (struct loop_source){dax->timer_fd, timer_ready};
	vfs->poll = (struct loop_source){dax->poll_fd, poll_ready};
	if (dax->watch_fd >= 0)
		err = loop_add(loop, &vfs->watch, EPOLLIN);
	if (!err)
		err = loop_add(loop, &vfs->timer, EPOLLIN);
	return err ? err : loop_add(loop, &vfs->poll, EPOLLIN | EPOLLET);
}

int virtio_fs_init(struct virtio_fs *vfs, const struct guestmem *mem,
		   struct fs *fs, const char *tag, unsigned int cnt)
{
	int err;

	assert(cnt && cnt <= VIRTIO_FS_MAX_REQUESTS);
	*vfs = (struct virtio_fs){.class = fs_class, .fs = fs, .tag = tag};
	vfs->class.queue_cnt = VIRTIO_FS_REQUEST + cnt;
	err = virtio_dev_init(&vfs->dev, &vfs->class, mem);
	if (!err)
		err = alloc_servers(vfs);
	if (!err)
		err = set_config(vfs, tag);
	for (unsigned int i = 0; !err && i < queue_cnt(vfs); i++)
		err = init_server(vfs, i);
	if (!err)
		err = init_marks(vfs);
	return err ? err : init_window(vfs);
}

void virtio_fs_destroy(struct virtio_fs *vfs)
{
	virtio_fs_stop(vfs);
	/* The server may still have requests of ours. */
	fs_reset(vfs->fs);
	virtio_dev_destroy(&vfs->dev);
	for (unsigned int i = 0; i < queue_cnt(vfs); i++) {
		later_destroy(&vfs->server[i].later);
		worker_destroy(&vfs->server[i].thread);
		fs_worker_destroy(&vfs->server[i].worker);
	}
	free(vfs->server);
	vfs->server = NULL;
}

/* On the thread: first what takes more rights than serving does. It cannot
 * fail; should it, the process ends rather than to serve as somebody else.
 */
static void enter(void *opaque, enum thread_kind kind)
{
	struct virtio_fs_server *server = opaque;

	if (fs_worker_enter(server->fs, &server->worker))
		abort();
	thread_enter(server->machine_entry, kind);
}

/* Start the thread of a queue. */
static int start(struct virtio_fs *vfs, unsigned int idx,
		 const struct thread_entry *entry)
{
	struct virtio_fs_server *server = &vfs->server[idx];

	server->fs = vfs->fs;
	server->machine_entry = entry;
	server->entry = (struct thread_entry){enter, server};
	return worker_start(&server->thread, thread_names[idx],
			    idx == VIRTIO_FS_HIPRIO ? THREAD_FS_AUX : THREAD_FS,
			    &server->entry);
}

int virtio_fs_start(struct virtio_fs *vfs, const struct thread_entry *entry)
{
	int err = fs_start(vfs->fs, entry);

	for (unsigned int i = 0; !err && i < queue_cnt(vfs); i++)
		err = start(vfs, i, entry);
	return err;
}

void virtio_fs_stop(struct virtio_fs *vfs)
{
	for (unsigned int i = 0; i < queue_cnt(vfs); i++)
		worker_stop(&vfs->server[i].thread);
}
