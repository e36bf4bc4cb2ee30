/*
 * Handles that the guest does not know.
 */
#include "devices/fs/opened.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "devices/fs/request.h"

void opened_init(struct opened *o)
{
	*o = (struct opened){0};
	pthread_mutex_init(&o->lock, NULL);
}

void opened_reset(struct opened *o)
{
	pthread_mutex_lock(&o->lock);
	memset(o->set, 0, sizeof(o->set));
	pthread_mutex_unlock(&o->lock);
}

static struct opened_set *set_of(struct opened *o, uint64_t node_id)
{
	return &o->set[node_id % OPENED_SETS];
}

/* The handle of an inode, if it is there and good enough. */
static struct handle *find(struct fs *fs, struct inode *inode, bool write)
{
	struct opened *o = &fs->opened;
	uint64_t node_id = table_id(&inode->slot);
	struct opened_set *set = set_of(o, node_id);
	uint64_t fh = 0;

	pthread_mutex_lock(&o->lock);
	for (unsigned int i = 0; i < OPENED_WAYS; i++) {
		if (set->way[i].node_id == node_id &&
		    (!write || set->way[i].writable))
			fh = set->way[i].fh;
	}
	pthread_mutex_unlock(&o->lock);
	if (!fh)
		return NULL;
	return handle_get(&fs->handles, fh, handle_kind_of(inode), node_id);
}

/* Let go of a handle that is in the cache no more. */
static void drop(struct fs *fs, const struct opened_file *file)
{
	struct handle_table *handles = &fs->handles;

	for (unsigned int kind = 0; file->fh && kind < HANDLE_NUM_KINDS;
	     kind++) {
		struct handle *handle =
			handle_get(handles, file->fh, kind, file->node_id);

		if (!handle)
			continue;
		handle_release(handles, handle);
		handle_put(handles, handle);
	}
}

/* Put a handle in the place of the inode's own, or else of some other one's. */
static void put(struct fs *fs, const struct opened_file *file)
{
	struct opened *o = &fs->opened;
	struct opened_set *set = set_of(o, file->node_id);
	struct opened_file old;
	unsigned int i;

	pthread_mutex_lock(&o->lock);
	for (i = 0; i < OPENED_WAYS; i++) {
		if (set->way[i].node_id == file->node_id)
			break;
	}
	if (i == OPENED_WAYS)
		i = set->next++ % OPENED_WAYS;
	old = set->way[i];
	set->way[i] = *file;
	pthread_mutex_unlock(&o->lock);
	drop(fs, &old);
}

void opened_forget(struct fs *fs, uint64_t node_id)
{
	struct opened *o = &fs->opened;
	struct opened_set *set = set_of(o, node_id);
	struct opened_file file = {0};

	pthread_mutex_lock(&o->lock);
	for (unsigned int i = 0; i < OPENED_WAYS; i++) {
		if (set->way[i].node_id != node_id)
			continue;
		file = set->way[i];
		set->way[i] = (struct opened_file){0};
	}
	pthread_mutex_unlock(&o->lock);
	drop(fs, &file);
}

int opened_get(const struct fs_request *req, struct inode *inode, bool write,
	       struct handle **handle)
{
	struct fs *fs = req->fs;
	struct opened_file file = {
		.node_id = table_id(&inode->slot),
		.writable = write,
	};
	int fd, err;

	*handle = find(fs, inode, write);
	if (*handle)
		return 0;
	fd = request_open_inode(req, inode->fd, inode->type,
				write ? O_RDWR : O_RDONLY);
	if (fd == -EPERM && write) /* append-only */
		fd = request_open_inode(req, inode->fd, inode->type,
					O_RDWR | O_APPEND);
	if (fd < 0)
		return fd;
	err = handle_add(&fs->handles, fd, write, inode, &file.fh);
	if (err)
		return err;
	*handle = handle_get(&fs->handles, file.fh, handle_kind_of(inode),
			     file.node_id);
	put(fs, &file);
	/* NULL if a reset came in between. */
	return *handle ? 0 : -ESTALE;
}
