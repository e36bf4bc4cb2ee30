/*
 * Loading the kernel modules that the initramfs carries.
 */
#ifndef BOOT_GUEST_KMODS_H
#define BOOT_GUEST_KMODS_H

#include "boot/guest/abi.h"

/**
 * kmods_load() - Load modules and remove their files, which take up memory
 * @names:	Modules in GUEST_MODULE_DIR in loading order, ending with NULL
 * @why:	Set on failure
 *
 * Return: 0 or a negative errno
 */
int kmods_load(char *const *names, struct guest_msg *why);

#endif /* BOOT_GUEST_KMODS_H */
