/*
 * Inodes: the files and directories that the guest knows, by node id.
 *
 * Theory of operation: an inode holds an O_PATH descriptor of a host file. The
 * guest counts how often it was told about it (lookup_cnt) and gives that back
 * with FORGET; an inode is freed when that count and the requests in flight
 * are both zero. As long as the descriptor is open the host cannot give the
 * inode number to another file, so (device, number, type) finds an inode
 * again and two names of one file get one node id.
 *
 * Locks: the table's, which is never held across a system call or together
 * with another one.
 */
#ifndef DEVICES_FS_INODE_H
#define DEVICES_FS_INODE_H

#include <stdint.h>
#include <sys/stat.h>

#include "devices/fs/table.h"

/**
 * struct inode - A host file that the guest knows
 * @slot:	Place in the table
 * @fd:		O_PATH descriptor [owned; constant while in use]
 * @dev:	Device of the host file [constant while in use]
 * @ino:	Number on that device [constant while in use]
 * @type:	S_IFREG and so on [constant while in use]
 * @hash_next:	Next index in the same bucket [lock]
 * @lookup_cnt:	How often the guest was told the id [lock]
 */
struct inode {
	struct table_slot slot;
	int fd;
	dev_t dev;
	ino_t ino;
	mode_t type;
	uint32_t hash_next;
	uint64_t lookup_cnt;
};

/**
 * struct inode_table - All inodes
 * @table:	struct inode by node id, and the lock
 * @bucket:	Hash by (device, number, type): first index, 0 if none [owned]
 * @bucket_bits:	Logarithm of the number of buckets [lock]
 * @inode_cnt:	Inodes in the hash [lock]
 */
struct inode_table {
	struct table table;
	uint32_t *bucket;
	unsigned int bucket_bits;
	uint32_t inode_cnt;
};

/**
 * inode_table_init() - Make a table that knows the root
 * @t:		Table; to be destroyed whatever the result
 * @max_cnt:	Most inodes
 * @root_fd:	O_PATH descriptor of a directory; taken, also on failure
 *
 * Return: 0, -ENOTDIR, or another negative errno
 * #syscalls: fstat newfstatat close
 */
int inode_table_init(struct inode_table *t, uint32_t max_cnt, int root_fd);

/**
 * inode_table_reset() - Forget all but the root, whatever the counts say
 *
 * An inode that another thread is using is freed when that thread is done.
 * #syscalls(fs): close
 */
void inode_table_reset(struct inode_table *t);

/** inode_table_destroy() - Forget everything; accepts a half-built @t */
void inode_table_destroy(struct inode_table *t);

/**
 * inode_learn() - The guest is told about a file once more
 * @t:		Inodes
 * @fd:		O_PATH descriptor of the file; taken, also on failure
 * @st:		Its attributes
 * @id:		Node id, filled; lookup_cnt was raised by one
 *
 * Return: 0, -ENFILE at the limit, -ENOMEM
 * #syscalls(fs): close
 */
int inode_learn(struct inode_table *t, int fd, const struct stat *st,
		uint64_t *id);

/** inode_learn_again() - The guest is told about @inode once more: its id */
uint64_t inode_learn_again(struct inode_table *t, struct inode *inode);

/** inode_get() - Begin to use the inode with this id; NULL if it is dead */
struct inode *inode_get(struct inode_table *t, uint64_t id);

/**
 * inode_put() - End to use an inode; NULL is ignored
 *
 * #syscalls(fs): close
 */
void inode_put(struct inode_table *t, struct inode *inode);

/**
 * inode_forget() - The guest gives back @lookup_cnt of its count
 *
 * An unknown id, the root, and more than there is to give back are harmless.
 * #syscalls(fs): close
 */
void inode_forget(struct inode_table *t, uint64_t id, uint64_t lookup_cnt);

#endif /* DEVICES_FS_INODE_H */
