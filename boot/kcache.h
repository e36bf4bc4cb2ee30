/*
 * The cache of what takes time to make out of a kernel's files: unpacked
 * kernels, and sets of modules. One file for each.
 *
 * Theory of operation: an entry is named by the identity of the kernel file,
 * so a kernel that changes in any way has another entry. It is the unpacked
 * kernel, then a trailer. It is written without a name and gets its name when
 * it is complete and on disk: whoever finds the name finds all of it, and
 * whoever is killed leaves nothing behind. Its modification time is set to
 * that of the kernel file, so that a later write into it shows. What another
 * user has written is no entry, wherever XDG_CACHE_HOME points to: it could be
 * any kernel. An entry that fails any check gives way to the next one.
 *
 * Several processes may do all this at once. At worst some of them unpack the
 * same kernel, and the first one's entry stays.
 */
#ifndef BOOT_KCACHE_H
#define BOOT_KCACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/**
 * struct kcache_key - Identity of a kernel file; written to disk as it is
 * @dev:	Its file system
 * @ino:	Its inode
 * @size:	Its length
 * @mtime_ns:	When its contents changed
 * @ctime_ns:	When anything about it changed
 * @what:	What was made of it: 0 for the unpacked kernel itself
 */
struct kcache_key {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t what;
};

/** kcache_key_init() - Take the identity out of what fstat() says */
void kcache_key_init(struct kcache_key *key, const struct stat *st);

/**
 * kcache_key_add() - Make the key of something else that comes from this file
 * @key:	Filled by kcache_key_init()
 * @text:	What it depends on beside the file; each call counts
 */
void kcache_key_add(struct kcache_key *key, const char *text);

/**
 * kcache_get() - Open the entry of a kernel
 * @dir:	Cache directory
 * @key:	Kernel
 * @image_len:	Length of the unpacked kernel, which begins at offset 0
 *
 * Return: a descriptor to read from, -ENOENT if there is no good entry, or
 *	   another negative errno
 * #syscalls: openat newfstatat geteuid pread64 close
 */
int kcache_get(const char *dir, const struct kcache_key *key,
	       uint64_t *image_len);

/**
 * kcache_put() - Write the entry of a kernel, the directory too if need be
 * @dir:	Cache directory
 * @key:	Kernel
 * @image:	Unpacked kernel
 * @image_len:	Its length
 *
 * Return: a descriptor to read the entry from, or a negative errno, and then
 *	   nothing has changed
 * #syscalls: mkdir openat write utimensat fdatasync linkat unlinkat close
 */
int kcache_put(const char *dir, const struct kcache_key *key, const void *image,
	       size_t image_len);

#endif /* BOOT_KCACHE_H */
