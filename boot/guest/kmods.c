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

int kmods_open(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/" GUEST_MODULE_DIR "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int kmods_load_opened(int fd)
{
	int err = 0;

	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		err = -errno;
	close(fd);
	return err;
}

int kmods_load(char *const *names, struct guest_msg *why)
{
	for (; *names; names++) {
		int fd = kmods_open(*names);
		int err = fd < 0 ? fd : kmods_load_opened(fd);

		if (err)
			return report_fail(why, err, "kernel module '%s': %s",
					   *names, strerror(-err));
	}
	return 0;
}
