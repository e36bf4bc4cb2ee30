/*
 * Where unpacked kernels are kept.
 */
#include "vmm/cachedir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

int cachedir_find(char *dir, size_t len, struct fail *fail)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int n;

	if (cache && cache[0] == '/')
		n = snprintf(dir, len, "%s/wherry", cache);
	else if (home && home[0] == '/')
		n = snprintf(dir, len, "%s/.cache/wherry", home);
	else
		n = snprintf(dir, len, "/var/cache/wherry");
	if (n < (int)len)
		return 0;
	return fail_set(fail, -ENAMETOOLONG,
			"cache directory: its path is too long; set "
			"XDG_CACHE_HOME");
}

int cachedir_check(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s", dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (;;) {
		autofd fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		char *slash = strrchr(path, '/');

		if (fd >= 0)
			return 0;
		if (errno != ENOENT || !slash || !slash[1])
			return -errno;
		slash[slash == path] = '\0';
	}
}
