/*
 * Handles: the files and directories that the guest has open, by file handle.
 */
#include "devices/fs/handle.h"

#include "vmm/base/fd.h"

int handle_add(struct table *t, int fd, enum handle_kind kind, uint64_t node_id,
	       uint64_t *fh)
{
	struct handle *handle;
	void *item;
	int err;

	pthread_mutex_lock(&t->lock);
	err = table_add(t, &item);
	if (!err) {
		handle = item;
		handle->fd = fd_take(&fd);
		handle->kind = kind;
		handle->node_id = node_id;
		pthread_mutex_init(&handle->position_lock, NULL);
		*fh = table_id(&handle->slot);
	}
	pthread_mutex_unlock(&t->lock);
	fd_close(&fd);
	return err;
}

struct handle *handle_get(struct table *t, uint64_t fh, enum handle_kind kind,
			  uint64_t node_id)
{
	struct handle *handle;

	pthread_mutex_lock(&t->lock);
	handle = table_find(t, fh);
	if (handle && (handle->kind != kind || handle->node_id != node_id))
		handle = NULL;
	if (handle)
		handle->slot.ref_cnt++;
	pthread_mutex_unlock(&t->lock);
	return handle;
}

/* Free a handle that nobody needs; its descriptor is returned to be closed
 * without the lock, or -1.
 */
static int reap(struct table *t, struct handle *handle)
{
	if (handle->slot.live || handle->slot.ref_cnt)
		return -1;
	pthread_mutex_destroy(&handle->position_lock);
	table_free(t, handle);
	return fd_take(&handle->fd);
}

void handle_put(struct table *t, struct handle *handle)
{
	int fd;

	if (!handle)
		return;
	pthread_mutex_lock(&t->lock);
	handle->slot.ref_cnt--;
	fd = reap(t, handle);
	pthread_mutex_unlock(&t->lock);
	fd_close(&fd);
}

void handle_release(struct table *t, struct handle *handle)
{
	pthread_mutex_lock(&t->lock);
	handle->slot.live = false;
	pthread_mutex_unlock(&t->lock);
}

/* Make one handle invalid. */
static void reset_at(struct table *t, uint32_t idx)
{
	struct handle *handle;
	int fd = -1;

	pthread_mutex_lock(&t->lock);
	handle = table_at(t, idx);
	if (handle->slot.live) {
		handle->slot.live = false;
		fd = reap(t, handle);
	}
	pthread_mutex_unlock(&t->lock);
	fd_close(&fd);
}

void handle_reset(struct table *t)
{
	uint32_t used_cnt;

	pthread_mutex_lock(&t->lock);
	used_cnt = t->used_cnt;
	pthread_mutex_unlock(&t->lock);
	for (uint32_t i = 1; i <= used_cnt; i++)
		reset_at(t, i);
}
