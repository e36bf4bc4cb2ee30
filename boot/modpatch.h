/*
 * Wherry's own builds of the guest's file system modules, in place of those of
 * the kernel's package (boot/guest/linux, devices/fs/VERSIONS.md).
 */
#ifndef BOOT_MODPATCH_H
#define BOOT_MODPATCH_H

#include <stdbool.h>

struct modules;

/**
 * modpatch_use() - Put patched modules in the place of stock ones
 * @modules:	From modules_collect(); changed only if all was found
 * @dir:	Has VERSION/fuse.ko and VERSION/virtiofs.ko
 *
 * VERSION and all else that the kernel compares (vermagic) must be those of
 * the stock module.
 *
 * Return: true if the patched ones are in @modules now
 * #syscalls(setup): openat newfstatat pread64 close
 */
bool modpatch_use(struct modules *modules, const char *dir);

/**
 * modpatch_use_installed() - The same with what is installed with this binary
 * @modules:	From modules_collect()
 *
 * That is ../lib/wherry/modules beside it or, where it was built,
 * guest-modules.
 *
 * Return: true if the patched ones are in @modules now
 * #syscalls(setup): readlink
 */
bool modpatch_use_installed(struct modules *modules);

#endif /* BOOT_MODPATCH_H */
