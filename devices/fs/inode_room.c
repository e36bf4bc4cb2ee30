/*
 * Room in the window.
 */
#include "devices/fs/inode_room.h"

#include <linux/fuse.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "devices/fs/inode.h"
#include "vmm/base/bits.h"

uint32_t inode_room_of(int dir_fd, uint64_t len)
{
	struct statfs st;

	/* 9p and FUSE: each server decides. Overlayfs: what is mapped does not
	 * change when a write makes a copy of the file.
	 */
	if (fstatfs(dir_fd, &st) < 0 || st.f_type == FUSE_SUPER_MAGIC ||
	    st.f_type == V9FS_MAGIC || st.f_type == OVERLAYFS_SUPER_MAGIC)
		return 0;
	return MIN(len / ROOM_PIECE * 4 / 5, UINT32_MAX);
}

/* A store in the window is no write: it does not take set-ID bits away. */
static bool is_suitable(const struct inode_table *t, const struct statx *stx)
{
	const struct inode *root = table_at(&t->table, FUSE_ROOT_ID);

	/* What is mounted below may be of a kind that cannot be mapped. */
	return root->mnt_id == (uint32_t)stx->stx_mnt_id &&
	       S_ISREG(stx->stx_mode) &&
	       !(stx->stx_mode & (S_ISUID | S_ISGID)) &&
	       stx->stx_size >= t->limits.room_min;
}

void inode_room_take(struct inode_table *t, struct inode *inode,
		     const struct statx *stx)
{
	uint64_t pieces = MAX((stx->stx_size + ROOM_PIECE - 1) / ROOM_PIECE, 1);

	if (!is_suitable(t, stx) || pieces > t->room)
		return;
	inode->pieces = pieces;
	t->room -= pieces;
}

void inode_room_give(struct inode_table *t, struct inode *inode)
{
	t->room += inode->pieces;
	inode->pieces = 0;
}

bool inode_has_room(struct inode_table *t, uint64_t id)
{
	const struct inode *inode;
	bool has;

	pthread_mutex_lock(&t->table.lock);
	inode = table_find(&t->table, id);
	has = inode && inode->pieces;
	pthread_mutex_unlock(&t->table.lock);
	return has;
}
