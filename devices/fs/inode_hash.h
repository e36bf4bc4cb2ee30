/*
 * Inodes by device and number of their host files. The inode table's lock is
 * held for all of it.
 */
#ifndef DEVICES_FS_INODE_HASH_H
#define DEVICES_FS_INODE_HASH_H

#include <sys/types.h>

struct inode;
struct inode_hash;
struct inode_table;
struct statx;

/** inode_hash_init() - Make an empty hash: 0 or -ENOMEM; to be destroyed */
int inode_hash_init(struct inode_hash *hash);

/** inode_hash_destroy() - Free it */
void inode_hash_destroy(struct inode_hash *hash);

/** inode_hash_add() - Add an inode; it is found before older ones like it */
void inode_hash_add(struct inode_table *t, struct inode *inode);

/** inode_hash_del() - Take an inode out */
void inode_hash_del(struct inode_table *t, struct inode *inode);

/**
 * inode_hash_find() - The latest inode with this device, number, type and mount
 *
 * An older one is of a file that had the number before.
 *
 * Return: NULL if there is none
 */
struct inode *inode_hash_find(const struct inode_table *t,
			      const struct statx *stx);

/** inode_device() - Device of a file with these attributes */
dev_t inode_device(const struct statx *stx);

#endif /* DEVICES_FS_INODE_HASH_H */
