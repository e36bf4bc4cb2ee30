/*
 * Room in the window.
 */
#include "devices/fs/inode_room.h"

#include <sys/stat.h>

#include "devices/fs/inode.h"
#include "vmm/base/bits.h"

uint32_t inode_room_of(uint64_t len)
{
	return MIN(len / ROOM_PIECE * 4 / 5, UINT32_MAX);
}

void inode_room_take(struct inode_table *t, struct inode *inode,
		     const struct statx *stx)
{
	uint64_t pieces = MAX(
		stx->stx_size / ROOM_PIECE + !!(stx->stx_size % ROOM_PIECE), 1);

	if (!S_ISREG(stx->stx_mode) || stx->stx_size < t->limits.room_min ||
	    pieces > t->room)
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
