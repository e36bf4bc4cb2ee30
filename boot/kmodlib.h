/*
 * libkmod, loaded when it is needed: it brings a cryptographic library whose
 * relocation alone takes 2 ms, and most runs find their modules in the cache.
 */
#ifndef BOOT_KMODLIB_H
#define BOOT_KMODLIB_H

#include <libkmod.h>

/* What is used of it; each is called as in <libkmod.h>. */
#define KMODLIB_FUNCTIONS(X)            \
	X(kmod_new)                     \
	X(kmod_unref)                   \
	X(kmod_get_dirname)             \
	X(kmod_set_log_priority)        \
	X(kmod_list_next)               \
	X(kmod_module_new_from_lookup)  \
	X(kmod_module_get_module)       \
	X(kmod_module_get_dependencies) \
	X(kmod_module_get_name)         \
	X(kmod_module_get_path)         \
	X(kmod_module_unref)            \
	X(kmod_module_unref_list)

/**
 * struct kmodlib - The library's functions, by their names
 * @handle:	From dlopen() [owned]
 */
struct kmodlib {
	void *handle;
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name has none */
#define X(name) __typeof__(&(name)) name;
	KMODLIB_FUNCTIONS(X)
#undef X
};

/**
 * kmodlib_load() - Load the library
 *
 * Return: 0 or -ENOENT if it is not there or lacks a function
 * #syscalls: openat read pread64 newfstatat mmap mprotect munmap close
 */
int kmodlib_load(struct kmodlib *lib);

/** kmodlib_unload() - Unload it; accepts one that could not be loaded */
void kmodlib_unload(struct kmodlib *lib);

#endif /* BOOT_KMODLIB_H */
