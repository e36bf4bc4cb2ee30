/*
 * A virtio-fs driver for bare guests (virtio 1.2, 5.11): one share and one
 * message at a time. Functions return NULL, or what is wrong.
 */
#ifndef TESTS_GUEST_LIB_FUSE_H
#define TESTS_GUEST_LIB_FUSE_H

#include <linux/fuse.h>

#include "tests/guest/lib/guest.h"

enum {
	FUSE_SLOT = 1,	/* of the first share; the next ones follow */
	FUSE_QUEUE = 1, /* for requests, behind that of urgent messages */
	MAP_READ = FUSE_SETUPMAPPING_FLAG_READ,
	MAP_WRITE = FUSE_SETUPMAPPING_FLAG_WRITE,
};

/**
 * struct fuse_call - A message of any kind, and what came back
 * @opcode:	FUSE_
 * @node:	Node id
 * @arg:	What follows the header
 * @arg_len:	Bytes of it
 * @more:	What follows that: strings, data
 * @more_len:	Bytes of it
 * @reply:	Room for what follows the reply's header
 * @room:	Bytes of it
 * @error:	Of the reply; or FUSE_SILENT
 * @replied:	Bytes in @reply
 */
struct fuse_call {
	uint32_t opcode;
	uint64_t node;
	const void *arg;
	uint32_t arg_len;
	const void *more;
	uint32_t more_len;
	void *reply;
	uint32_t room;
	int error;
	uint32_t replied;
};

enum { FUSE_SILENT = 1 }; /* given back without a reply */

/**
 * struct fuse_file - An open file of the share's top directory
 */
struct fuse_file {
	uint64_t node;
	uint64_t fh;
};

/* Begin a session with the share in @slot, and show its window. */
const char *fuse_start(unsigned int slot, volatile uint8_t **window);

/* Send any message and wait until it was given back. */
const char *fuse_call(struct fuse_call *call);

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
