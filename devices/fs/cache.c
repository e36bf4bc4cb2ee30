/*
 * What a cache mode means in the protocol's words.
 */
#include "devices/fs/cache.h"

#include <assert.h>

#include "devices/fs/fuse_abi.h"
#include "vmm/base/bits.h"

static const struct cache_mode modes[] = {
	[FS_CACHE_NONE] = {0, FOPEN_DIRECT_IO, 0},
	[FS_CACHE_AUTO] = {1, 0, 0},
	[FS_CACHE_ALWAYS] = {CACHE_LONG_S, FOPEN_KEEP_CACHE,
			     FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR},
	[FS_CACHE_SHARED] = {1, FOPEN_KEEP_CACHE,
			     FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR},
};
static_assert(ARRAY_SIZE(modes) == FS_NUM_CACHES, "a row for each mode");

const struct cache_mode *cache_mode(const struct fs *fs)
{
	if (fs->cache == FS_CACHE_SHARED &&
	    !(atomic_load(&fs->agreed) & FUSE_SHARED_VERSIONS))
		return &modes[FS_CACHE_AUTO];
	return &modes[fs->cache];
}
