/*
 * The kernel modules that a guest needs before its root is mounted.
 */
#ifndef BOOT_MODULES_H
#define BOOT_MODULES_H

#include "boot/bytes.h"

struct fail;

/* A few, and what they depend on: 8 with Linux 6.1. */
enum { MODULES_MAX_CNT = 32, MODULES_NAME_LEN = 64 };

/* Before the name of a module that a kernel may lack */
#define MODULES_MAY_MISS "?"

/**
 * struct module - A module to load
 * @name:	As modprobe(8) knows it, with underscores
 * @elf:	Its content, unpacked
 */
struct module {
	char name[MODULES_NAME_LEN];
	struct bytes elf;
};

/**
 * struct modules - Modules in order of loading; all zero is an empty list
 * @module:	Each name occurs once
 * @cnt:	Modules in use
 * @map:	Where their contents are, if they came from the cache [owned]
 * @map_len:	Bytes at @map
 */
struct modules {
	struct module module[MODULES_MAX_CNT];
	unsigned int cnt;
	void *map;
	size_t map_len;
};

/**
 * modules_collect() - Read some modules and all that they depend on
 * @modules:	Filled; to be destroyed whatever the result
 * @dir:	The kernel's directory, /lib/modules/VERSION
 * @wanted:	Names of modules or aliases, ending with NULL; what the kernel
 *		has built in is skipped, and what it lacks if MODULES_MAY_MISS
 *		is in front of the name
 * @cache_dir:	Where to keep the result for the next time; NULL for nowhere
 * @fail:	Set on failure
 *
 * A cached result holds for as long as depmod has not run again. Only without
 * one is libkmod loaded: with what it is linked to, that takes 2 ms.
 *
 * Return: 0, -ENOENT if the directory, its index or a module is missing, or
 *	   another negative errno
 * #syscalls(setup): openat newfstatat read pread64 lseek mmap munmap close
 */
int modules_collect(struct modules *modules, const char *dir,
		    const char *const *wanted, const char *cache_dir,
		    struct fail *fail);

/** modules_find() - One of them by its name, or NULL */
struct module *modules_find(struct modules *modules, const char *name);

/** modules_destroy() - Release the modules; accepts a half-built list */
void modules_destroy(struct modules *modules);

#endif /* BOOT_MODULES_H */
