/*
 * Handles: the files and directories that the guest has open, by file handle.
 */
#include "devices/fs/handle.h"

#include "devices/fs/inode.h"
#include "vmm/base/fd.h"

int handle_table_init(struct handle_table *t, uint32_t max_cnt,
		      struct inode_table *inodes)
{
	t->inodes = inodes;
	return table_init(&t->table, sizeof(struct handle), max_cnt);
}

void handle_table_destroy(struct handle_table *t)
{
	handle_table_reset(t);
	table_destroy(&t->table);
}

enum handle_kind handle_kind_of(const struct inode *inode)
{
	return S_ISDIR(inode->type) ? HANDLE_DIRECTORY : HANDLE_FILE;
}

int handle_add(struct handle_table *t, int fd, bool writable,
	       struct inode *inode, uint64_t *fh)
{
	struct handle *handle;
	void *item;
	int err;

	inode_use(t->inodes, inode);
	pthread_mutex_lock(&t->table.lock);
	err = table_add(&t->table, &item);
	if (!err) {
		handle = item;
		handle->fd = fd_take(&fd);
		handle->kind = handle_kind_of(inode);
		handle->writable = writable;
		handle->inode = inode;
		handle->node_id = table_id(&inode->slot);
		pthread_mutex_init(&handle->position_lock, NULL);
		*fh = table_id(&handle->slot);
	}
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
	if (err)
		inode_put(t->inodes, inode);
	return err;
}

struct handle *handle_get(struct handle_table *t, uint64_t fh,
			  enum handle_kind kind, uint64_t node_id)
{
	struct handle *handle;

	pthread_mutex_lock(&t->table.lock);
	handle = table_find(&t->table, fh);
	if (handle && (handle->kind != kind || handle->node_id != node_id))
		handle = NULL;
	if (handle)
		handle->slot.ref_cnt++;
	pthread_mutex_unlock(&t->table.lock);
	return handle;
}

/* Free a handle that nobody needs; its descriptor and inode are given up
 * without the lock.
 */
static struct inode *reap(struct handle_table *t, struct handle *handle,
			  int *fd)
{
	if (handle->slot.live || handle->slot.ref_cnt)
		return NULL;
	*fd = fd_take(&handle->fd);
	pthread_mutex_destroy(&handle->position_lock);
	table_free(&t->table, handle);
	return handle->inode;
}

void handle_put(struct handle_table *t, struct handle *handle)
{
	struct inode *inode;
	int fd = -1;

	if (!handle)
		return;
	pthread_mutex_lock(&t->table.lock);
	handle->slot.ref_cnt--;
	inode = reap(t, handle, &fd);
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
	inode_put(t->inodes, inode);
}

void handle_release(struct handle_table *t, struct handle *handle)
{
	pthread_mutex_lock(&t->table.lock);
	handle->slot.live = false;
	pthread_mutex_unlock(&t->table.lock);
}

/* Make one handle invalid. */
static void reset_at(struct handle_table *t, uint32_t idx)
{
	struct inode *inode = NULL;
	struct handle *handle;
	int fd = -1;

	pthread_mutex_lock(&t->table.lock);
	handle = table_at(&t->table, idx);
	if (handle->slot.live) {
		handle->slot.live = false;
		inode = reap(t, handle, &fd);
	}
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
	inode_put(t->inodes, inode);
}

void handle_table_reset(struct handle_table *t)
{
	uint32_t used_cnt;

	pthread_mutex_lock(&t->table.lock);
	used_cnt = t->table.used_cnt;
	pthread_mutex_unlock(&t->table.lock);
	for (uint32_t i = 1; i <= used_cnt; i++)
		reset_at(t, i);
}
