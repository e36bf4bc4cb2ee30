/*
 * Sets of kernel modules in the cache (boot/kcache.h).
 */
#ifndef BOOT_MODCACHE_H
#define BOOT_MODCACHE_H

struct kcache_key;
struct modules;

/**
 * modcache_get() - Map a set of modules
 * @modules:	Filled; all zero if there is no good entry
 * @cache_dir:	Cache directory
 * @key:	Key of the set
 *
 * Return: 0, -ENOENT if there is no good entry, or another negative errno
 * #syscalls: openat newfstatat pread64 mmap munmap close
 */
int modcache_get(struct modules *modules, const char *cache_dir,
		 const struct kcache_key *key);

/**
 * modcache_put() - Keep a set of modules
 * @modules:	Set
 * @cache_dir:	Cache directory, made if need be
 * @key:	Key of the set
 *
 * Return: 0 or a negative errno
 * #syscalls: mkdir openat write utimensat fdatasync linkat unlinkat close
 */
int modcache_put(const struct modules *modules, const char *cache_dir,
		 const struct kcache_key *key);

#endif /* BOOT_MODCACHE_H */
