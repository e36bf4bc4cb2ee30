/*
 * Host mounts below a share in which files can be opened by handle.
 *
 * A mount is kept open for as long as the guest knows a file of it: the host
 * can then unmount it with MNT_DETACH only, as with any file in use.
 */
#ifndef DEVICES_FS_MOUNTS_H
#define DEVICES_FS_MOUNTS_H

#include <stdint.h>

struct statx;

enum { MOUNTS_MAX = 64 }; /* beyond, files are found again by name */

/**
 * struct mounts - Mounts in use [inode table's lock]
 * @mount:	Place 0 is never used; free ones have no users
 */
struct mounts {
	struct mount {
		uint32_t id;
		uint32_t user_cnt;
		int fd; /* a directory of it, open for reading [owned] */
	} mount[MOUNTS_MAX];
};

/** mounts_find() - The place of a mount, or 0 */
unsigned int mounts_find(const struct mounts *m, uint32_t id);

/**
 * mounts_open() - Try whether files of a mount can be opened by handle
 * @dir_fd:	O_PATH descriptor of any of its directories
 * @stx:	Attributes of that directory
 *
 * Return: a descriptor for mounts_add(), or -1 if they cannot
 * #syscalls(fs): openat2 name_to_handle_at close
 * #syscalls(fs-handles): open_by_handle_at
 */
int mounts_open(int dir_fd, const struct statx *stx);

/**
 * mounts_add() - Put a mount that is not there yet into a free place
 * @m:		Mounts
 * @id:		The kernel's number of the mount
 * @fd:		From mounts_open(); taken if there is a place
 *
 * Return: the place, or 0
 */
unsigned int mounts_add(struct mounts *m, uint32_t id, int *fd);

/** mounts_get() - One more file uses a place */
void mounts_get(struct mounts *m, unsigned int place);

/** mounts_put() - One less does: a descriptor to be closed, or -1 */
int mounts_put(struct mounts *m, unsigned int place);

/** mounts_destroy() - Close all, whoever uses them */
void mounts_destroy(struct mounts *m);

#endif /* DEVICES_FS_MOUNTS_H */
