/*
 * Inodes that are open though no request uses them.
 */
#include "devices/fs/inode_idle.h"

#include "devices/fs/inode.h"
#include "devices/fs/place.h"
#include "vmm/base/fd.h"

/* A link in the list: a neighbour's, or the list's own. */
static uint32_t *newer_of(struct inode_table *t, uint32_t idx)
{
	struct inode *inode = idx ? table_at(&t->table, idx) : NULL;

	return inode ? &inode->newer : &t->oldest;
}

static uint32_t *older_of(struct inode_table *t, uint32_t idx)
{
	struct inode *inode = idx ? table_at(&t->table, idx) : NULL;

	return inode ? &inode->older : &t->newest;
}

bool inode_is_idle(const struct inode *inode)
{
	return inode->fd >= 0 && !inode->slot.ref_cnt && !inode->kept;
}

static void add_between(struct inode_table *t, uint32_t older,
			struct inode *inode, uint32_t newer)
{
	inode->older = older;
	inode->newer = newer;
	*newer_of(t, older) = inode->slot.idx;
	*older_of(t, newer) = inode->slot.idx;
}

void inode_idle_add(struct inode_table *t, struct inode *inode)
{
	add_between(t, t->newest, inode, 0);
}

void inode_idle_add_oldest(struct inode_table *t, struct inode *inode)
{
	add_between(t, 0, inode, t->oldest);
}

void inode_idle_del(struct inode_table *t, struct inode *inode)
{
	*newer_of(t, inode->older) = inode->newer;
	*older_of(t, inode->newer) = inode->older;
}

void inode_idle_set_kept(struct inode_table *t, struct inode *inode, bool kept)
{
	t->kept_cnt += kept;
	t->kept_cnt -= inode->kept;
	inode->kept = kept;
}

static bool is_only_seen(const struct inode *inode)
{
	return inode->place->id_type == FILEID_SEEN;
}

void inode_idle_shrink(struct inode_table *t, bool reads, struct leftover *left)
{
	struct inode *inode;

	if (t->open_cnt <= t->limits.open_max || !t->oldest)
		return;
	inode = table_at(&t->table, t->oldest);
	if (!is_only_seen(inode)) {
		inode_idle_del(t, inode);
		t->open_cnt--;
		left->inode_fd = fd_take(&inode->fd);
	} else if (reads) {
		inode_begin(t, inode);
		left->seen = inode;
	}
}

void inode_idle_complete(struct inode_table *t, struct inode *inode)
{
	struct fileid id;

	pthread_mutex_lock(&t->table.lock);
	place_id(inode->place, &id);
	pthread_mutex_unlock(&t->table.lock);
	if (id.type != FILEID_SEEN)
		return;
	if (fileid_complete(&id, inode->fd, inode->mnt_id))
		id.type = FILEID_BIRTH;
	pthread_mutex_lock(&t->table.lock);
	place_complete(&inode->place, &id);
	pthread_mutex_unlock(&t->table.lock);
}
