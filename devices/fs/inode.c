/*
 * Inodes: the files and directories that the guest knows, by node id.
 */
#include "devices/fs/inode.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum { BUCKET_BITS_FIRST = 10 };

static uint32_t *bucket_of(const struct inode_table *t, dev_t dev, ino_t ino)
{
	/* Fibonacci hashing: the high bits depend on all bits of the sum. */
	uint64_t h = (ino + (uint64_t)dev * 31) * 0x9e3779b97f4a7c15ULL;

	return &t->bucket[h >> (64 - t->bucket_bits)];
}

static void hash_add(struct inode_table *t, struct inode *inode)
{
	uint32_t *bucket = bucket_of(t, inode->dev, inode->ino);

	inode->hash_next = *bucket;
	*bucket = inode->slot.idx;
}

static void hash_del(struct inode_table *t, struct inode *inode)
{
	uint32_t *link = bucket_of(t, inode->dev, inode->ino);

	while (*link != inode->slot.idx) {
		struct inode *other = table_at(&t->table, *link);

		link = &other->hash_next;
	}
	*link = inode->hash_next;
}

static struct inode *hash_find(const struct inode_table *t,
			       const struct stat *st)
{
	uint32_t idx = *bucket_of(t, st->st_dev, st->st_ino);

	while (idx) {
		struct inode *inode = table_at(&t->table, idx);

		if (inode->dev == st->st_dev && inode->ino == st->st_ino &&
		    inode->type == (st->st_mode & S_IFMT))
			return inode;
		idx = inode->hash_next;
	}
	return NULL;
}

/* Double the number of buckets. Without memory the chains just get longer. */
static void hash_grow(struct inode_table *t)
{
	uint32_t *old = t->bucket;
	size_t old_cnt = BIT(t->bucket_bits);

	t->bucket = calloc(2 * old_cnt, sizeof(*t->bucket));
	if (!t->bucket) {
		t->bucket = old;
		return;
	}
	t->bucket_bits++;
	for (size_t i = 0; i < old_cnt; i++) {
		for (uint32_t idx = old[i]; idx;) {
			struct inode *inode = table_at(&t->table, idx);

			idx = inode->hash_next;
			hash_add(t, inode);
		}
	}
	free(old);
}

int inode_table_init(struct inode_table *t, uint32_t max_cnt, int root_fd)
{
	struct stat st;
	uint64_t id;
	int err;

	*t = (struct inode_table){.bucket_bits = BUCKET_BITS_FIRST};
	err = table_init(&t->table, sizeof(struct inode), max_cnt);
	if (err)
		goto fail;
	err = -ENOMEM;
	t->bucket = calloc(BIT(t->bucket_bits), sizeof(*t->bucket));
	if (!t->bucket)
		goto fail;
	err = fstat(root_fd, &st) < 0 ? -errno : 0;
	if (!err && !S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (err)
		goto fail;
	err = inode_learn(t, root_fd, &st, &id);
	/* The first index, generation 0: what the protocol calls the root. */
	assert(err || id == FUSE_ROOT_ID);
	return err;
fail:
	close(root_fd);
	return err;
}

/* Free an inode that nobody needs; its descriptor is returned to be closed
 * without the lock, or -1.
 */
static int reap(struct inode_table *t, struct inode *inode)
{
	if (inode->slot.live || inode->slot.ref_cnt)
		return -1;
	hash_del(t, inode);
	t->inode_cnt--;
	table_free(&t->table, inode);
	return fd_take(&inode->fd);
}

/* Let the guest's count drop to zero. */
static void forget_at(struct inode_table *t, uint32_t idx)
{
	struct inode *inode;
	int fd = -1;

	pthread_mutex_lock(&t->table.lock);
	inode = table_at(&t->table, idx);
	if (inode->slot.live) {
		inode->slot.live = false;
		inode->lookup_cnt = 0;
		fd = reap(t, inode);
	}
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
}

void inode_table_reset(struct inode_table *t)
{
	uint32_t used_cnt;

	pthread_mutex_lock(&t->table.lock);
	used_cnt = t->table.used_cnt;
	pthread_mutex_unlock(&t->table.lock);
	for (uint32_t i = FUSE_ROOT_ID + 1; i <= used_cnt; i++)
		forget_at(t, i);
}

void inode_table_destroy(struct inode_table *t)
{
	for (uint32_t i = FUSE_ROOT_ID; i <= t->table.used_cnt; i++)
		forget_at(t, i);
	free(t->bucket);
	t->bucket = NULL;
	table_destroy(&t->table);
}

/* Add an inode that is not in the hash. */
static int add(struct inode_table *t, int *fd, const struct stat *st,
	       struct inode **inode)
{
	void *item;
	int err = table_add(&t->table, &item);

	if (err)
		return err;
	*inode = item;
	(*inode)->fd = fd_take(fd);
	(*inode)->dev = st->st_dev;
	(*inode)->ino = st->st_ino;
	(*inode)->type = st->st_mode & S_IFMT;
	if (++t->inode_cnt > BIT(t->bucket_bits))
		hash_grow(t);
	hash_add(t, *inode);
	return 0;
}

static uint64_t count_lookup(struct inode *inode)
{
	if (inode->lookup_cnt < UINT64_MAX)
		inode->lookup_cnt++;
	inode->slot.live = true;
	return table_id(&inode->slot);
}

int inode_learn(struct inode_table *t, int fd, const struct stat *st,
		uint64_t *id)
{
	struct inode *inode;
	int err = 0;

	pthread_mutex_lock(&t->table.lock);
	inode = hash_find(t, st);
	if (!inode)
		err = add(t, &fd, st, &inode);
	if (!err)
		*id = count_lookup(inode);
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
	return err;
}

uint64_t inode_learn_again(struct inode_table *t, struct inode *inode)
{
	uint64_t id;

	pthread_mutex_lock(&t->table.lock);
	id = count_lookup(inode);
	pthread_mutex_unlock(&t->table.lock);
	return id;
}

struct inode *inode_get(struct inode_table *t, uint64_t id)
{
	struct inode *inode;

	pthread_mutex_lock(&t->table.lock);
	inode = table_find(&t->table, id);
	if (inode)
		inode->slot.ref_cnt++;
	pthread_mutex_unlock(&t->table.lock);
	return inode;
}

void inode_put(struct inode_table *t, struct inode *inode)
{
	int fd;

	if (!inode)
		return;
	pthread_mutex_lock(&t->table.lock);
	inode->slot.ref_cnt--;
	fd = reap(t, inode);
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
}

void inode_forget(struct inode_table *t, uint64_t id, uint64_t lookup_cnt)
{
	struct inode *inode;
	int fd = -1;

	if (id == FUSE_ROOT_ID)
		return;
	pthread_mutex_lock(&t->table.lock);
	inode = table_find(&t->table, id);
	if (inode) {
		inode->lookup_cnt -= MIN(lookup_cnt, inode->lookup_cnt);
		inode->slot.live = inode->lookup_cnt;
		fd = reap(t, inode);
	}
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
}
