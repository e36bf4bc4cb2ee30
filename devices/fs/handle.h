/*
 * Handles: the files and directories that the guest has open, by file handle.
 *
 * Locks: the table's, never held across a system call; and one for the
 * position of a directory, held across the two calls that use it and no other
 * lock.
 */
#ifndef DEVICES_FS_HANDLE_H
#define DEVICES_FS_HANDLE_H

#include <stdint.h>

#include "devices/fs/table.h"

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
 * @node_id:	Of which inode; every request must name both [constant]
 * @position_lock:	Guards the descriptor's position, of a directory
 */
struct handle {
	struct table_slot slot;
	int fd;
	enum handle_kind kind;
	uint64_t node_id;
	pthread_mutex_t position_lock;
};

/**
 * handle_add() - Hand out a descriptor as a handle
 * @t:		struct handle by file handle
 * @fd:		Taken, also on failure
 * @kind:	What it is
 * @node_id:	Of which inode
 * @fh:		File handle, filled
 *
 * Return: 0, -ENFILE at the limit, -ENOMEM
 * #syscalls(fs): close
 */
int handle_add(struct table *t, int fd, enum handle_kind kind, uint64_t node_id,
	       uint64_t *fh);

/**
 * handle_get() - Begin to use a handle
 *
 * Return: NULL unless @fh is open, of this kind and of this inode
 */
struct handle *handle_get(struct table *t, uint64_t fh, enum handle_kind kind,
			  uint64_t node_id);

/**
 * handle_put() - End to use a handle; NULL is ignored
 *
 * #syscalls(fs): close
 */
void handle_put(struct table *t, struct handle *handle);

/** handle_release() - Make a handle invalid; closed when nobody uses it */
void handle_release(struct table *t, struct handle *handle);

/**
 * handle_reset() - Make all handles invalid
 *
 * #syscalls(fs): close
 */
void handle_reset(struct table *t);

#endif /* DEVICES_FS_HANDLE_H */
