/*
 * Files of which something is mapped.
 */
#include "devices/fs/dax_file.h"

#include <errno.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "devices/fs/fstype.h"
#include "devices/fs/handle.h"
#include "devices/fs/versions.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static struct dax_file **bucket_of(struct dax *dax, uint64_t node_id)
{
	return &dax->bucket[node_id % DAX_BUCKETS];
}

struct dax_file *dax_file_find(struct dax *dax, uint64_t node_id)
{
	struct dax_file *file = *bucket_of(dax, node_id);

	while (file && file->node_id != node_id)
		file = file->next;
	return file;
}

struct dax_file *dax_file_next(struct dax *dax, struct dax_file *file)
{
	struct dax_file **bucket = dax->bucket;

	if (file && file->next)
		return file->next;
	if (file)
		bucket = bucket_of(dax, file->node_id) + 1;
	while (bucket < dax->bucket + DAX_BUCKETS && !*bucket)
		bucket++;
	return bucket < dax->bucket + DAX_BUCKETS ? *bucket : NULL;
}

struct dax_file *dax_file_of_watch(struct dax *dax, int watch)
{
	struct dax_file *file = NULL;

	while ((file = dax_file_next(dax, file)) && file->watch != watch)
		;
	return file;
}

/* dax_file_reap() is to look at it. */
static void list(struct dax_file *file)
{
	if (file->listed)
		return;
	file->listed = true;
	file->next_listed = file->dax->listed;
	file->dax->listed = file;
}

void dax_file_count(struct dax_file *file, int delta)
{
	file->extent_cnt += delta;
	if (!file->extent_cnt)
		list(file);
}

/* Can a file like this be mapped at all? To find that out over the window might
 * leave a hole there.
 */
static int try_to_map(int fd, uint32_t type)
{
	void *at;

	if (fstype_is_strange(type))
		return -ENODEV;
	at = mmap(NULL, EXTENT_PAGE, PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, EXTENT_PAGE);
	return 0;
}

/* Hear of changes. Paths begin in /proc/self/fd: creds_enter(). A file that is
 * known by another id, too, since it was mounted twice, has one watch only.
 */
static void watch(struct dax *dax, struct dax_file *file, uint32_t type)
{
	int fd = file->handle->fd;
	char name[FD_NAME_LEN];
	int id = inotify_add_watch(dax->watch_fd, fd_name(name, fd), IN_MODIFY);

	file->watch = id < 0 || dax_file_of_watch(dax, id) ? -1 : id;
	file->polled = file->watch < 0 || fstype_is_remote(type);
	if (file->polled && !dax->polled_cnt++)
		fd_event_signal(dax->poll_fd);
}

/* The guest may write from now on, and until the file is taken out. */
static void set_writable(struct dax *dax, struct dax_file *file,
			 const struct dax_range *range)
{
	file->writable = true;
	if (!dax->versions)
		return;
	file->fact = range->fact;
	versions_heat(dax->versions, file->fact);
}

/* Take a place for a file that is open. */
static int add(struct dax *dax, uint64_t node_id, struct handle *handle,
	       const struct dax_range *range, struct dax_file **added)
{
	struct dax_file **bucket = bucket_of(dax, node_id);
	struct dax_file *file = dax->free;
	struct statfs st;
	int err;

	if (fstatfs(handle->fd, &st) < 0)
		return -errno;
	err = try_to_map(handle->fd, (uint32_t)st.f_type);
	if (err)
		return err;
	if (!file)
		return -ENFILE;
	dax->free = file->next;
	*file = (struct dax_file){
		.dax = dax,
		.handle = handle,
		.node_id = node_id,
		.next = *bucket,
		.watch = -1,
	};
	*bucket = file;
	atomic_fetch_add(&dax->file_cnt, 1);
	watch(dax, file, (uint32_t)st.f_type);
	list(file);
	if (range->write)
		set_writable(dax, file, range);
	*added = file;
	return 0;
}

int dax_file_get(struct dax *dax, uint64_t node_id, struct handle *handle,
		 const struct dax_range *range, struct dax_file **file,
		 struct handle **unused)
{
	struct dax_file *known = dax_file_find(dax, node_id);
	bool write = range->write;
	int err = 0;

	*unused = handle;
	if (known && write && !known->writable && handle) {
		*unused = known->handle;
		known->handle = handle;
		set_writable(dax, known, range);
	} else if (!known && handle) {
		err = add(dax, node_id, handle, range, &known);
		*unused = err ? handle : NULL;
	}
	if (!err && (!known || (write && !known->writable)))
		err = -EBADF;
	*file = known;
	return err;
}

/* Give a file's place back: its handle. */
static struct handle *take_out(struct dax *dax, struct dax_file *file)
{
	struct dax_file **link = bucket_of(dax, file->node_id);
	struct handle *handle = file->handle;

	while (*link != file)
		link = &(*link)->next;
	*link = file->next;
	if (file->watch >= 0)
		inotify_rm_watch(dax->watch_fd, file->watch);
	dax->polled_cnt -= file->polled;
	if (dax->versions)
		versions_cool(dax->versions, file->fact);
	*file = (struct dax_file){.next = dax->free};
	dax->free = file;
	atomic_fetch_sub(&dax->file_cnt, 1);
	return handle;
}

/* The handle of a file of which nothing is mapped, or NULL. */
static struct handle *take_unmapped(struct dax *dax)
{
	struct dax_file *file;

	while ((file = dax->listed)) {
		dax->listed = file->next_listed;
		file->listed = false;
		if (!file->extent_cnt)
			return take_out(dax, file);
	}
	return NULL;
}

void dax_file_reap(struct dax *dax)
{
	struct handle *handle;

	do {
		pthread_mutex_lock(&dax->lock);
		handle = take_unmapped(dax);
		pthread_mutex_unlock(&dax->lock);
		handle_put(dax->handles, handle);
	} while (handle);
}
