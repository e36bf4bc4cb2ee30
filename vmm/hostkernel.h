/*
 * Which kernel of the host a guest gets, and where its modules are.
 */
#ifndef VMM_HOSTKERNEL_H
#define VMM_HOSTKERNEL_H

#include <limits.h>
#include <stdbool.h>

struct fail;

enum { VERSION_TEXT_LEN = 40 }; /* "6.1.176" and the like */

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
 * hostkernel_find_newest() - Choose the newest kernel of the host that this
 *			      user can read, with modules that it can read
 * @found:	Filled
 * @boot_dir:	/boot: where the kernels are, as vmlinuz-VERSION. It need not
 *		be readable itself
 * @modules_dir: /lib/modules: where the modules are, in VERSION; some
 *		distributions have a vmlinuz there, too
 * @fail:	Receives one line if nothing fits: that a kernel may not be
 *		read if there is such a one, else that there is none
 *
 * Return: 0, -EACCES or -ENOENT with @fail set
 * #syscalls: openat getdents64 access
 */
int hostkernel_find_newest(struct hostkernel *found, const char *boot_dir,
			   const char *modules_dir, struct fail *fail);

/**
 * hostkernel_find() - Choose kernel and modules
 * @found:	Filled
 * @kernel:	What the user gave, or NULL for hostkernel_find_newest()
 * @modules:	What the user gave, or NULL for the directory of the kernel's
 *		version: the kernel's own directory if it is one of modules,
 *		beside a kernel in .../boot, else in /lib/modules
 * @fail:	Receives one line if nothing fits
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: openat getdents64 access pread64
 */
int hostkernel_find(struct hostkernel *found, const char *kernel,
		    const char *modules, struct fail *fail);

/**
 * hostkernel_stalls() - Can this Linux stand still when a file is closed that
 *			 has pieces in a window?
 * @kernel:	Path of the bzImage; of others nothing is known
 * @version:	Filled if so; room for VERSION_TEXT_LEN bytes
 *
 * The one that takes replies of a share takes that of RELEASE, forgets the file
 * if that was its last user, and waits for the reply to REMOVEMAPPING, which is
 * for itself to take. So does Linux since 6.18, until 7.1.2, and so do older
 * series to which that was carried back.
 * #syscalls: openat pread64
 */
bool hostkernel_stalls(const char *kernel, char *version);

#endif /* VMM_HOSTKERNEL_H */
