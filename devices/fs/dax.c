/*
 * DAX: host file pages in guest memory.
 */
#include "devices/fs/dax.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/fs/dax_file.h"
#include "devices/fs/handle.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum { MS_PER_S = 1000 };

static const long NS_PER_MS = 1000000;

int dax_init(struct dax *dax, void *window, uint64_t len, uint32_t max_cnt,
	     struct handle_table *handles)
{
	*dax = (struct dax){
		.window = window,
		.len = len,
		.handles = handles,
		.watch_fd = -1,
		.timer_fd = -1,
		.poll_fd = -1,
	};
	pthread_mutex_init(&dax->lock, NULL);
	if (!window)
		return 0;
	/* Without inotify all files are polled. */
	dax->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	dax->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (dax->timer_fd < 0)
		return -errno;
	dax->poll_fd = fd_event();
	if (dax->poll_fd < 0)
		return dax->poll_fd;
	dax->file = calloc(max_cnt, sizeof(*dax->file));
	if (!dax->file)
		return -ENOMEM;
	for (uint32_t i = 0; i < max_cnt; i++) {
		dax->file[i].next = dax->free;
		dax->free = &dax->file[i];
	}
	return extents_init(&dax->extents, max_cnt, dax_file_count);
}

/* Map nothing. A hole in the window might be filled by anybody's mmap(), and
 * would be the guest's: so rather no process than a hole.
 */
static void map_nothing(struct dax *dax, uint64_t at, uint64_t len)
{
	if (mmap(dax->window + at, len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		abort();
	atomic_fetch_add(&dax->change_cnt, 1);
}

/* Map over a part of the window. A call that fails may have left a hole, so
 * then there is nothing.
 */
static int map_over(struct dax *dax, uint64_t at, uint64_t len, int prot,
		    int flags, int fd, uint64_t offset)
{
	void *to = dax->window + at;
	int err;

	if (mmap(to, len, prot, flags | MAP_FIXED, fd, (off_t)offset) ==
	    MAP_FAILED) {
		err = -errno;
		map_nothing(dax, at, len);
		return err;
	}
	atomic_fetch_add(&dax->change_cnt, 1);
	return 0;
}

static int map_zeros(struct dax *dax, uint64_t at, uint64_t len)
{
	return map_over(dax, at, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Map a part of an extent's file, from @from bytes in the extent to @to. */
static int map_file(struct dax *dax, const struct extent *extent, uint64_t from,
		    uint64_t to)
{
	int prot = PROT_READ | (extent->writable ? PROT_WRITE : 0);

	return map_over(dax, extent->at + from, to - from, prot, MAP_SHARED,
			extent->file->handle->fd, extent->offset + from);
}

void dax_reset(struct dax *dax)
{
	if (!dax->window)
		return;
	pthread_mutex_lock(&dax->lock);
	if (dax->extents.cnt)
		map_nothing(dax, 0, dax->len);
	extents_drop_all(&dax->extents);
	pthread_mutex_unlock(&dax->lock);
	dax_file_reap(dax);
}

void dax_destroy(struct dax *dax)
{
	if (!dax->window)
		return;
	dax_reset(dax);
	extents_destroy(&dax->extents);
	free(dax->file);
	dax->file = NULL;
	fd_close(&dax->watch_fd);
	fd_close(&dax->timer_fd);
	fd_close(&dax->poll_fd);
}

/* How much of an extent is in a file of this size? */
static uint64_t covered(const struct extent *extent, uint64_t size)
{
	return size <= extent->offset ? 0
				      : MIN(size - extent->offset, extent->len);
}

/* A file shrank: zeros behind its end. */
static void shrink(struct dax *dax, struct extent *extent, uint64_t size)
{
	uint64_t backed = covered(extent, size);

	if (backed >= extent->backed)
		return;
	extent->zeroed =
		!map_zeros(dax, extent->at + backed, extent->len - backed);
	extent->backed = backed;
}

/* A file grew: the file's pages, to the end of the extent. */
static bool grow(struct dax *dax, struct extent *extent, uint64_t size)
{
	int err;

	if (covered(extent, size) <= extent->backed)
		return true;
	err = map_file(dax, extent, extent->backed, extent->len);
	extent->zeroed = false;
	if (!err)
		extent->backed = extent->len;
	return !err;
}

/* Let all extents of a file show the size that it has now. */
static void follow(struct dax *dax, struct dax_file *file)
{
	bool less, done = true, whole = file->extent_cnt;
	struct statx stx;
	uint64_t size;

	if (statx(file->handle->fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx) < 0)
		return;
	size = align_up(stx.stx_size, EXTENT_PAGE);
	if (size == file->shown)
		return;
	less = size < file->shown;
	for (uint32_t i = 0; i < dax->extents.cnt; i++) {
		struct extent *extent = &dax->extents.item[i];

		if (extent->file != file)
			continue;
		if (less)
			shrink(dax, extent, size);
		else
			done &= grow(dax, extent, size);
		whole &= extent->backed == extent->len;
	}
	/* What did not work is tried again at the next occasion. */
	if (done)
		file->shown = whole && !less ? UINT64_MAX : size;
}

static void follow_all(struct dax *dax, bool polled_only)
{
	for (struct dax_file *file = NULL; (file = dax_file_next(dax, file));) {
		if (file->polled || !polled_only)
			follow(dax, file);
	}
}

/* Put an extent in the place of what is there; the file's size is shown. */
static int replace(struct dax *dax, struct extent *extent)
{
	int cut, err = 0;

	if (extents_full(&dax->extents))
		return -ENOMEM;
	extent->backed = covered(extent, extent->file->shown);
	if (extent->backed)
		err = map_file(dax, extent, 0, extent->backed);
	cut = extents_cut(&dax->extents, extent->at, extent->len);
	if (err)
		map_nothing(dax, extent->at, extent->len);
	else if (cut && extent->backed < extent->len)
		map_nothing(dax, extent->at + extent->backed,
			    extent->len - extent->backed);
	if (!err)
		extents_add(&dax->extents, extent);
	return err;
}

int dax_map(struct dax *dax, uint64_t node_id, struct handle *handle,
	    const struct dax_range *range)
{
	struct extent extent = {
		.at = range->at,
		.len = range->len,
		.offset = range->offset,
		.writable = range->write,
	};
	struct handle *unused;
	int err;

	pthread_mutex_lock(&dax->lock);
	err = dax_file_get(dax, node_id, handle, range, &extent.file, &unused);
	if (!err) {
		follow(dax, extent.file);
		err = replace(dax, &extent);
	}
	pthread_mutex_unlock(&dax->lock);
	handle_put(dax->handles, unused);
	dax_file_reap(dax);
	return err;
}

int dax_unmap(struct dax *dax, uint64_t at, uint64_t len)
{
	int cut;

	pthread_mutex_lock(&dax->lock);
	cut = extents_cut(&dax->extents, at, len);
	if (cut > 0)
		map_nothing(dax, at, len);
	pthread_mutex_unlock(&dax->lock);
	dax_file_reap(dax);
	return MIN(cut, 0);
}

void dax_show(struct dax *dax, uint64_t node_id, uint64_t size)
{
	struct dax_file *file;

	if (!atomic_load(&dax->file_cnt))
		return;
	pthread_mutex_lock(&dax->lock);
	file = dax_file_find(dax, node_id);
	if (file && size > file->shown)
		follow(dax, file);
	pthread_mutex_unlock(&dax->lock);
}

/* A guest that goes by an old size may use the pages behind the end. */
static void fill(struct dax *dax, struct extent *extent)
{
	uint64_t backed = extent->backed;

	if (backed == extent->len || extent->zeroed)
		return;
	extent->zeroed =
		!map_zeros(dax, extent->at + backed, extent->len - backed);
}

uint64_t dax_repair(struct dax *dax)
{
	if (!dax->window)
		return 0;
	pthread_mutex_lock(&dax->lock);
	follow_all(dax, false);
	for (uint32_t i = 0; i < dax->extents.cnt; i++)
		fill(dax, &dax->extents.item[i]);
	pthread_mutex_unlock(&dax->lock);
	return atomic_load(&dax->change_cnt);
}

void dax_access(struct dax *dax, uint64_t at, void *data, unsigned int len,
		bool write)
{
	struct iovec own = {data, len};
	struct iovec guest = {dax->window + at, len};

	dax_repair(dax);
	if (write)
		process_vm_writev(getpid(), &own, 1, &guest, 1, 0);
	else if (process_vm_readv(getpid(), &own, 1, &guest, 1, 0) != len)
		memset(data, 0xff, len);
}

static void set_timer(struct dax *dax, unsigned int ms)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = ms / MS_PER_S,
			     .tv_nsec = ms % MS_PER_S * NS_PER_MS},
	};

	dax->armed = true;
	timerfd_settime(dax->timer_fd, 0, &when, NULL);
}

void dax_notice(struct dax *dax)
{
	pthread_mutex_lock(&dax->lock);
	set_timer(dax, DAX_QUIET_MS);
	pthread_mutex_unlock(&dax->lock);
}

/* Never later than it would be. */
static void poll_later(struct dax *dax)
{
	if (dax->polled_cnt && !dax->armed)
		set_timer(dax, DAX_POLL_MS);
}

void dax_poll(struct dax *dax)
{
	pthread_mutex_lock(&dax->lock);
	poll_later(dax);
	pthread_mutex_unlock(&dax->lock);
}

/* Look at the files that inotify names; more of them than fit here wait for the
 * next tick.
 */
static void follow_watched(struct dax *dax)
{
	_Alignas(struct inotify_event) char events[4096];
	struct inotify_event event;
	struct dax_file *file;
	ssize_t len = read(dax->watch_fd, events, sizeof(events));

	for (char *at = events; len > 0 && at < events + len;
	     at += sizeof(event) + event.len) {
		memcpy(&event, at, sizeof(event));
		if (event.mask & IN_Q_OVERFLOW)
			follow_all(dax, false);
		file = event.wd < 0 ? NULL : dax_file_of_watch(dax, event.wd);
		if (file)
			follow(dax, file);
	}
}

void dax_tick(struct dax *dax)
{
	uint64_t ticks;

	if (read(dax->timer_fd, &ticks, sizeof(ticks)) < 0)
		return;
	pthread_mutex_lock(&dax->lock);
	dax->armed = false;
	follow_watched(dax);
	follow_all(dax, true);
	poll_later(dax);
	pthread_mutex_unlock(&dax->lock);
}
