/*
 * Inodes: how many there are, who uses them, and names that change, on the host
 * or by the guest.
 */
#include <fcntl.h>

#include "devices/fs/inode.h"
#include "devices/fs/inode_hash.h"
#include "devices/fs/inode_idle.h"
#include "devices/fs/place.h"

uint32_t inode_cnt(struct inode_table *t)
{
	uint32_t cnt;

	pthread_mutex_lock(&t->table.lock);
	cnt = t->hash.cnt;
	pthread_mutex_unlock(&t->table.lock);
	return cnt;
}

void inode_use(struct inode_table *t, struct inode *inode)
{
	pthread_mutex_lock(&t->table.lock);
	inode->slot.ref_cnt++;
	pthread_mutex_unlock(&t->table.lock);
}

bool inode_takes_care(struct inode_table *t)
{
	unsigned int care = atomic_load(&t->care);

	/* Whether two threads count one file makes no difference. */
	if (care)
		atomic_store(&t->care, care - 1);
	return care;
}

/* Begin to use the inode of a file with these attributes, open or not. */
static struct inode *begin_found(struct inode_table *t, const struct statx *stx)
{
	struct inode *inode;

	pthread_mutex_lock(&t->table.lock);
	inode = inode_hash_find(t, stx);
	if (inode)
		inode_begin(t, inode);
	pthread_mutex_unlock(&t->table.lock);
	return inode;
}

struct inode *inode_find(struct inode_table *t, int dir_fd, const char *name)
{
	struct inode *inode;
	struct statx stx;

	if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, FS_STATX_MASK, &stx) < 0)
		return NULL;
	inode = begin_found(t, &stx);
	/* One that cannot be opened is another file with the same number. */
	if (inode && inode_open(t, inode)) {
		inode_put(t, inode);
		inode = NULL;
	}
	return inode;
}

void inode_keep(struct inode_table *t, struct inode *inode)
{
	/* Of a directory the number of links says nothing. */
	bool lost = !inode->mount || S_ISDIR(inode->type);
	struct statx stx;

	if (!lost && !statx(inode->fd, "", AT_EMPTY_PATH, STATX_NLINK, &stx))
		lost = !stx.stx_nlink;
	pthread_mutex_lock(&t->table.lock);
	if (lost && !inode->kept && t->kept_cnt < t->limits.open_max / 2)
		inode_idle_set_kept(t, inode, true);
	pthread_mutex_unlock(&t->table.lock);
}

void inode_moved(struct inode_table *t, uint64_t dir_id, int dir_fd,
		 const char *name)
{
	struct inode *inode;
	struct statx stx;
	bool needed;

	pthread_mutex_lock(&t->table.lock);
	needed = t->named_cnt;
	pthread_mutex_unlock(&t->table.lock);
	if (!needed ||
	    statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, FS_STATX_MASK, &stx) < 0)
		return;
	inode = begin_found(t, &stx);
	if (!inode)
		return;
	pthread_mutex_lock(&t->table.lock);
	if (!inode->mount)
		place_move(&inode->place, dir_id, name);
	pthread_mutex_unlock(&t->table.lock);
	inode_put(t, inode);
}
