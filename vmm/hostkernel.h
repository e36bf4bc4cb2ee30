/*
 * Which kernel of the host a guest gets, and where its modules are.
 */
#ifndef VMM_HOSTKERNEL_H
#define VMM_HOSTKERNEL_H

#include <limits.h>

struct fail;

/**
 * struct hostkernel - A kernel and its modules
 * @kernel:	Path of the bzImage or vmlinux
 * @modules:	Path of its module directory
 */
struct hostkernel {
	char kernel[PATH_MAX];
	char modules[PATH_MAX];
};

/**
 * hostkernel_find() - Choose kernel and modules
 * @found:	Filled
 * @kernel:	What the user gave, or NULL for the newest /boot/vmlinuz-* that
 *		has its /lib/modules
 * @modules:	What the user gave, or NULL for the directory of the kernel's
 *		version: beside a kernel in .../boot, else in /lib/modules
 * @fail:	Receives one line if nothing fits
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: openat getdents64 access pread64
 */
int hostkernel_find(struct hostkernel *found, const char *kernel,
		    const char *modules, struct fail *fail);

#endif /* VMM_HOSTKERNEL_H */
