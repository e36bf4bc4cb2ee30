/*
 * Inodes by device and number of their host files.
 */
#include "devices/fs/inode_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "devices/fs/inode.h"
#include "vmm/base/bits.h"

enum { BITS_FIRST = 10 };

int inode_hash_init(struct inode_hash *hash)
{
	hash->bits = BITS_FIRST;
	hash->bucket = calloc(BIT(BITS_FIRST), sizeof(*hash->bucket));
	return hash->bucket ? 0 : -ENOMEM;
}

void inode_hash_destroy(struct inode_hash *hash)
{
	free(hash->bucket);
	hash->bucket = NULL;
}

dev_t inode_device(const struct statx *stx)
{
	return makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

static uint32_t *bucket_of(const struct inode_hash *hash, dev_t dev, ino_t ino)
{
	/* Fibonacci hashing: the high bits depend on all bits of the sum. */
	uint64_t h = (ino + (uint64_t)dev * 31) * 0x9e3779b97f4a7c15ULL;

	return &hash->bucket[h >> (64 - hash->bits)];
}

static void add(struct inode_hash *hash, struct inode *inode)
{
	uint32_t *bucket = bucket_of(hash, inode->dev, inode->ino);

	inode->hash_next = *bucket;
	*bucket = inode->slot.idx;
}

/* Move a chain, oldest inode first: the latest stays the first to be found. */
static void move_chain(struct inode_table *t, uint32_t idx)
{
	uint32_t turned = 0;

	while (idx) {
		struct inode *inode = table_at(&t->table, idx);
		uint32_t next = inode->hash_next;

		inode->hash_next = turned;
		turned = idx;
		idx = next;
	}
	while (turned) {
		struct inode *inode = table_at(&t->table, turned);

		turned = inode->hash_next;
		add(&t->hash, inode);
	}
}

/* Double the number of buckets. Without memory the chains just get longer. */
static void grow(struct inode_table *t)
{
	struct inode_hash *hash = &t->hash;
	size_t old_cnt = BIT(hash->bits);
	uint32_t *old = hash->bucket;
	uint32_t *bucket = calloc(2 * old_cnt, sizeof(*bucket));

	if (!bucket)
		return;
	hash->bucket = bucket;
	hash->bits++;
	for (size_t i = 0; i < old_cnt; i++)
		move_chain(t, old[i]);
	free(old);
}

void inode_hash_add(struct inode_table *t, struct inode *inode)
{
	if (++t->hash.cnt > BIT(t->hash.bits))
		grow(t);
	add(&t->hash, inode);
}

void inode_hash_del(struct inode_table *t, struct inode *inode)
{
	uint32_t *link = bucket_of(&t->hash, inode->dev, inode->ino);

	while (*link != inode->slot.idx) {
		struct inode *other = table_at(&t->table, *link);

		link = &other->hash_next;
	}
	*link = inode->hash_next;
	t->hash.cnt--;
}

struct inode *inode_hash_find(const struct inode_table *t,
			      const struct statx *stx)
{
	dev_t dev = inode_device(stx);
	uint32_t idx = *bucket_of(&t->hash, dev, stx->stx_ino);

	while (idx) {
		struct inode *inode = table_at(&t->table, idx);

		if (inode->dev == dev && inode->ino == stx->stx_ino &&
		    inode->type == (stx->stx_mode & S_IFMT) &&
		    inode->mnt_id == (uint32_t)stx->stx_mnt_id)
			return inode;
		idx = inode->hash_next;
	}
	return NULL;
}
