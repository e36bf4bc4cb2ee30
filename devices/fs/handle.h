/*
 * Handles: the files and directories that the guest has open, by file handle.
 *
 * An open file's inode is in use as long as the handle is there: whatever
 * happens to its names, requests that name the inode find it.
 *
 * Locks: the table's, never held across a system call; and one for the
 * position of a directory, held across the two calls that use it and no other
 * lock.
 */
#ifndef DEVICES_FS_HANDLE_H
#define DEVICES_FS_HANDLE_H

#include <stdint.h>

#include "devices/fs/table.h"

struct inode;
struct inode_table;

/** enum handle_kind - What is open */
enum handle_kind {
	HANDLE_FILE,
	HANDLE_DIRECTORY,
	HANDLE_NUM_KINDS,
};

/**
 * struct handle - Something that the guest has open
 * @slot:	Place in the table
 * @fd:		Descriptor for input and output [owned; constant while in use]
 * @kind:	[constant while in use]
 * @writable:	@fd is open for writing [constant while in use]
 * @inode:	Of which inode [constant while in use]
 * @node_id:	Its id; every request must name both [constant]
 * @position_lock:	Guards the descriptor's position, of a directory
 */
struct handle {
	struct table_slot slot;
	int fd;
	enum handle_kind kind;
	bool writable;
	struct inode *inode;
	uint64_t node_id;
	pthread_mutex_t position_lock;
};

/**
 * struct handle_table - All handles
 * @table:	struct handle by file handle, and the lock
 * @inodes:	[init, borrowed]
 */
struct handle_table {
	struct table table;
	struct inode_table *inodes;
};

/**
 * handle_table_init() - Make an empty table
 * @t:		Table; to be destroyed whatever the result
 * @max_cnt:	Most handles
 * @inodes:	Where their inodes are
 *
 * Return: 0 or -ENOMEM
 */
int handle_table_init(struct handle_table *t, uint32_t max_cnt,
		      struct inode_table *inodes);

/**
 * handle_table_reset() - Make all handles invalid
 *
 * #syscalls(loop vcpu fs): close
 */
void handle_table_reset(struct handle_table *t);

/** handle_table_destroy() - Close everything; accepts a half-built @t */
void handle_table_destroy(struct handle_table *t);

/**
 * handle_add() - Hand out a descriptor as a handle
 * @t:		Handles
 * @fd:		Taken, also on failure
 * @writable:	It is open for writing
 * @inode:	Of which inode, in use; a directory's is a directory
 * @fh:		File handle, filled
 *
 * Return: 0, -ENFILE at the limit, -ENOMEM
 * #syscalls(fs): close
 */
int handle_add(struct handle_table *t, int fd, bool writable,
	       struct inode *inode, uint64_t *fh);

/** handle_kind_of() - What an open @inode is */
enum handle_kind handle_kind_of(const struct inode *inode);

/**
 * handle_get() - Begin to use a handle
 *
 * Return: NULL unless @fh is open, of this kind and of this inode
 */
struct handle *handle_get(struct handle_table *t, uint64_t fh,
			  enum handle_kind kind, uint64_t node_id);

/**
 * handle_put() - End to use a handle; NULL is ignored
 *
 * #syscalls(fs): close
 */
void handle_put(struct handle_table *t, struct handle *handle);

/** handle_release() - Make a handle invalid; closed when nobody uses it */
void handle_release(struct handle_table *t, struct handle *handle);

#endif /* DEVICES_FS_HANDLE_H */
