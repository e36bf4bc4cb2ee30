/*
 * What a cache mode means in the protocol's words.
 */
#include "devices/fs/cache.h"

#include <assert.h>
#include <linux/fuse.h>

#include "vmm/base/bits.h"

/* A guest that may believe for ever asks again after a day. */
enum { ONE_DAY_S = 24 * 60 * 60 };

static const struct cache_mode modes[] = {
	[FS_CACHE_NONE] = {0, FOPEN_DIRECT_IO, 0},
	[FS_CACHE_AUTO] = {1, 0, 0},
	[FS_CACHE_ALWAYS] = {ONE_DAY_S, FOPEN_KEEP_CACHE,
			     FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR},
};
static_assert(ARRAY_SIZE(modes) == FS_NUM_CACHES, "a row for each mode");

const struct cache_mode *cache_mode(enum fs_cache cache)
{
	return &modes[cache];
}
