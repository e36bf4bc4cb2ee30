/*
 * What a cache mode means in the protocol's words.
 */
#ifndef DEVICES_FS_CACHE_H
#define DEVICES_FS_CACHE_H

#include <stdint.h>

#include "devices/fs/server.h"

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

/** cache_mode() - The row of a cache mode */
const struct cache_mode *cache_mode(enum fs_cache cache);

#endif /* DEVICES_FS_CACHE_H */
