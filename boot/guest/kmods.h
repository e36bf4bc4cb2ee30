/*
 * Loading the kernel modules that the initramfs carries.
 */
#ifndef BOOT_GUEST_KMODS_H
#define BOOT_GUEST_KMODS_H

#include "boot/guest/abi.h"

/**
 * kmods_open() - Open a module and remove its file: its memory goes when it is
 *		  closed
 * @name:	Module in GUEST_MODULE_DIR
 *
 * Return: a descriptor, which reaches the module from anywhere, or a negative
 *	   errno
 */
int kmods_open(const char *name);

/**
 * kmods_load_opened() - Load a module and close it
 * @fd:		From kmods_open()
 *
 * Return: 0 or a negative errno
 */
int kmods_load_opened(int fd);

/**
 * kmods_load() - Load modules and remove their files, which take up memory
 * @names:	Modules in GUEST_MODULE_DIR in loading order, ending with NULL
 * @why:	Set on failure
 *
 * Return: 0 or a negative errno
 */
int kmods_load(char *const *names, struct guest_msg *why);

#endif /* BOOT_GUEST_KMODS_H */
