/*
 * The guest's first root: a cpio archive, written in memory (format "newc",
 * Linux Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#ifndef BOOT_INITRAMFS_H
#define BOOT_INITRAMFS_H

#include <stdint.h>

#include "boot/bytes.h"

struct guest_spec;
struct modules;

/**
 * struct initramfs - An archive; all zero is an empty one
 * @bytes:	The archive
 * @entry_cnt:	Entries so far, and so the last inode number
 */
struct initramfs {
	struct bytes bytes;
	uint32_t entry_cnt;
};

/**
 * initramfs_add_dir() - Add a directory
 * @fs:		Archive; errors are found by initramfs_finish()
 * @path:	Without a leading slash; its parent comes first
 */
void initramfs_add_dir(struct initramfs *fs, const char *path);

/**
 * initramfs_add_file() - Add a regular file
 * @fs:		Archive; errors are found by initramfs_finish()
 * @path:	Without a leading slash; its directory comes first
 * @mode:	Permissions
 * @data:	Content, copied
 * @len:	Its length, less than 4 GiB
 */
void initramfs_add_file(struct initramfs *fs, const char *path, uint32_t mode,
			const void *data, size_t len);

/**
 * initramfs_add_char() - Add a character device
 * @fs:		Archive; errors are found by initramfs_finish()
 * @path:	Without a leading slash; its directory comes first
 * @dev_major:	Device number
 * @dev_minor:	Device number
 */
void initramfs_add_char(struct initramfs *fs, const char *path,
			uint32_t dev_major, uint32_t dev_minor);

/**
 * initramfs_finish() - Add the end of the archive
 *
 * Return: 0, or the error of the first call that had one
 */
int initramfs_finish(struct initramfs *fs);

/**
 * initramfs_build() - Write all that a guest of ours boots into
 * @fs:		Filled; to be destroyed whatever the result
 * @spec:	What to run
 * @modules:	What to load before
 *
 * The same input gives the same bytes.
 *
 * Return: 0, -E2BIG if arguments and environment are too long, or -ENOMEM
 */
int initramfs_build(struct initramfs *fs, const struct guest_spec *spec,
		    const struct modules *modules);

/** initramfs_destroy() - Release the archive; accepts a half-built one */
void initramfs_destroy(struct initramfs *fs);

#endif /* BOOT_INITRAMFS_H */
