/*
 * What a cache mode means in the protocol's words.
 */
#ifndef DEVICES_FS_CACHE_H
#define DEVICES_FS_CACHE_H

#include <stdint.h>

#include "devices/fs/server.h"

/* A guest that may believe for ever asks again after a day. */
enum { CACHE_LONG_S = 24 * 60 * 60 };

/**
 * struct cache_mode - What the guest is told in a cache mode
 * @valid_s:	How long names and attributes are good for, in seconds
 * @open_flags:	FOPEN_ flags of files
 * @opendir_flags:	FOPEN_ flags of directories
 */
struct cache_mode {
	uint32_t valid_s;
	uint32_t open_flags;
	uint32_t opendir_flags;
};

/**
 * cache_mode() - The row of a share's cache mode
 *
 * With FS_CACHE_SHARED, that of facts without a version; FS_CACHE_AUTO's if the
 * guest cannot share any.
 */
const struct cache_mode *cache_mode(const struct fs *fs);

#endif /* DEVICES_FS_CACHE_H */
