/*
 * Where unpacked kernels are kept.
 */
#ifndef VMM_CACHEDIR_H
#define VMM_CACHEDIR_H

#include <stddef.h>

struct fail;

/**
 * cachedir_find() - Choose the cache directory (XDG Base Directory
 *		     Specification): $XDG_CACHE_HOME/wherry, ~/.cache/wherry, or
 *		     /var/cache/wherry for a user without a home
 * @dir:	Filled
 * @len:	Room at @dir
 * @fail:	Receives one line if the path is too long
 *
 * Return: 0 or -ENAMETOOLONG with @fail set
 */
int cachedir_find(char *dir, size_t len, struct fail *fail);

/**
 * cachedir_check() - Can entries be written there? Changes nothing
 * @dir:	Absolute path; what of it is missing would have to be made
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): openat close
 */
int cachedir_check(const char *dir);

#endif /* VMM_CACHEDIR_H */
