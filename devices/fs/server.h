/*
 * The FUSE server: a host directory spoken to in FUSE messages
 * (<linux/fuse.h>), whoever carries them. It knows neither virtio nor KVM.
 */
#ifndef DEVICES_FS_SERVER_H
#define DEVICES_FS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "vmm/base/iov.h"

/** enum fs_cache - How long the guest may believe what it was told */
enum fs_cache {
	FS_CACHE_NONE,	 /* not at all */
	FS_CACHE_AUTO,	 /* names and attributes for one second */
	FS_CACHE_ALWAYS, /* as long as it likes: nobody else changes the tree */
	FS_NUM_CACHES,
};

/**
 * struct fs_config - What is served, and how
 * @root_fd:	The directory, O_PATH or better [borrowed until fs_init() ends]
 * @cache:	Cache mode
 * @read_only:	Refuse every change with EROFS
 */
struct fs_config {
	int root_fd;
	enum fs_cache cache;
	bool read_only;
};

struct fs;
struct fs_worker;

/* The contract of the two calls that a transport makes (struct fs and struct
 * fs_worker are the caller's storage, as everywhere):
 *
 *   int fs_init(struct fs *fs, const struct fs_config *config);
 *   void fs_destroy(struct fs *fs);
 *
 *   size_t fs_serve(struct fs *fs, struct fs_worker *worker,
 *                   struct iov_cursor *in, struct iov_cursor *out);
 *
 * fs_serve() takes one request from @in, does it, puts the reply into @out and
 * returns its length; 0 means that there is no reply (FORGET, or a request so
 * broken that none is possible). Several threads may serve one @fs at once,
 * each with its own @worker.
 */

#endif /* DEVICES_FS_SERVER_H */
