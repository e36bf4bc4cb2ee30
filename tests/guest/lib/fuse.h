/*
 * A virtio-fs driver for bare guests (virtio 1.2, 5.11): one share and one
 * message at a time. Functions return NULL, or what is wrong.
 */
#ifndef TESTS_GUEST_LIB_FUSE_H
#define TESTS_GUEST_LIB_FUSE_H

#include <linux/fuse.h>

#include "tests/guest/lib/guest.h"

enum {
	FUSE_SLOT = 1, /* of the first share; the next ones follow */
	MAP_READ = FUSE_SETUPMAPPING_FLAG_READ,
	MAP_WRITE = FUSE_SETUPMAPPING_FLAG_WRITE,
};

/**
 * struct fuse_file - An open file of the share's top directory
 */
struct fuse_file {
	uint64_t node;
	uint64_t fh;
};

/* Begin a session with the share in @slot, and show its window. */
const char *fuse_start(unsigned int slot, volatile uint8_t **window);

const char *fuse_open(const char *name, struct fuse_file *file);

/* Let the window show @len bytes of the file from its beginning. */
const char *fuse_map(const struct fuse_file *file, uint32_t at, uint32_t len,
		     uint32_t flags);

/* As somebody else on the host might do it: see devices/fs/dax.h. */
const char *fuse_resize(const struct fuse_file *file, uint32_t size);

/* What does a message read from the file? */
const char *fuse_read(const struct fuse_file *file, uint32_t offset,
		      uint8_t *byte);

#endif /* TESTS_GUEST_LIB_FUSE_H */
