/*
 * Loading the kernel modules that the initramfs carries.
 */
#include "boot/guest/kmods.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot/guest/report.h"

static int load(const char *path)
{
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		err = -errno;
	close(fd);
	return err;
}

int kmods_load(char *const *names, struct guest_msg *why)
{
	char path[PATH_MAX];
	int err;

	for (; *names; names++) {
		snprintf(path, sizeof(path), "/" GUEST_MODULE_DIR "/%s.ko",
			 *names);
		err = load(path);
		if (err)
			return report_fail(why, err, "kernel module '%s': %s",
					   *names, strerror(-err));
		unlink(path);
	}
	return 0;
}
