/*
 * File systems that are interfaces of the host's kernel: what lies below a
 * share (whose directory may be "/") is not shared if it is one of them.
 */
#ifndef VMM_SANDBOX_KERNELFS_H
#define VMM_SANDBOX_KERNELFS_H

#include <limits.h>

enum { KERNELFS_MAX = 64 };

/**
 * struct kernelfs - Mounts to be hidden
 * @path:	Where they will be in the new root directory [owned]
 * @cnt:	How many
 */
struct kernelfs {
	char *path[KERNELFS_MAX];
	unsigned int cnt;
};

/**
 * kernelfs_find() - Find those below a directory
 * @k:		Gets more; zeroed memory is an empty one
 * @mountinfo:	/proc/self/mountinfo or a file like it (proc(5))
 * @dir:	Path of the directory, without links
 * @at:		Its path in the new root directory
 *
 * Return: 0, -E2BIG if there are too many, or another negative errno
 * #syscalls(setup): openat newfstatat read close
 */
int kernelfs_find(struct kernelfs *k, const char *mountinfo, const char *dir,
		  const char *at);

/**
 * kernelfs_holds() - Find out whether a file or directory is in one of them
 * @mountinfo:	As for kernelfs_find()
 * @fd:		The file or directory
 * @type:	Filled with its type, or with NULL: it is in none
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): statx openat newfstatat read close
 */
int kernelfs_holds(const char *mountinfo, int fd, const char **type);

/**
 * kernelfs_hide() - Unmount all that was found, in the new root directory
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): umount2
 */
int kernelfs_hide(const struct kernelfs *k);

/** kernelfs_destroy() - Free what was found */
void kernelfs_destroy(struct kernelfs *k);

#endif /* VMM_SANDBOX_KERNELFS_H */
