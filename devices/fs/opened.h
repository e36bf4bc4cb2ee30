/*
 * Handles that the guest does not know: it uses files without OPEN where it
 * was told that none is needed (FUSE_NO_OPEN_SUPPORT).
 *
 * Theory of operation: a request that names an inode but no handle gets one
 * from here. It is opened at the first use, for reading; a request that writes
 * opens it anew for both, for an executable that is open for writing could not
 * be run on the host. A small cache in sets of four; what it drops is opened
 * again when it is needed.
 */
#ifndef DEVICES_FS_OPENED_H
#define DEVICES_FS_OPENED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fs;
struct fs_request;
struct handle;
struct inode;

enum {
	OPENED_SETS = 64,
	OPENED_WAYS = 4,
};

/**
 * struct opened - The cache
 * @lock:	A leaf
 * @set:	Sets; by node id [lock]
 */
struct opened {
	pthread_mutex_t lock;
	struct opened_set {
		unsigned int next; /* way to be used next */
		struct opened_file {
			uint64_t node_id; /* 0: free */
			uint64_t fh;
			bool writable;
		} way[OPENED_WAYS];
	} set[OPENED_SETS];
};

/** opened_init() - Make an empty cache */
void opened_init(struct opened *o);

/** opened_reset() - Forget all; the handles are their table's care */
void opened_reset(struct opened *o);

/**
 * opened_forget() - The guest may have forgotten an inode: close its handle
 *
 * #syscalls(fs): close
 */
void opened_forget(struct fs *fs, uint64_t node_id);

/**
 * opened_get() - Begin to use a handle of an inode
 * @req:	Request
 * @inode:	In use
 * @write:	It will be written to
 * @handle:	Filled; for handle_put()
 *
 * Return: 0 or a negative errno
 */
int opened_get(const struct fs_request *req, struct inode *inode, bool write,
	       struct handle **handle);

#endif /* DEVICES_FS_OPENED_H */
