/*
 * Landlock (Linux: Documentation/userspace-api/landlock.rst): rules that a
 * process makes for itself, about paths, the network and other processes.
 */
#ifndef VMM_SANDBOX_LANDLOCK_H
#define VMM_SANDBOX_LANDLOCK_H

#include <stdbool.h>

/**
 * struct landlock_dir - A directory that stays reachable
 * @fd:		The directory
 * @read_only:	For reading only
 */
struct landlock_dir {
	int fd;
	bool read_only;
};

/**
 * landlock_abi() - What can this kernel do?
 *
 * Return: a version, -EOPNOTSUPP if it is switched off, -ENOSYS if the kernel
 *	   has none, or another negative errno
 * #syscalls(setup): landlock_create_ruleset
 */
int landlock_abi(void);

/**
 * landlock_enter() - Confine this thread, and those that it starts
 * @dir:	What stays reachable; nothing else can be opened
 * @cnt:	How many; 0: paths are not confined
 *
 * As far as the kernel's Landlock goes; before ABI 2 not at all, for that could
 * not tell renames between directories from an escape. no_new_privs is set.
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): landlock_create_ruleset landlock_add_rule
 * #syscalls(setup): landlock_restrict_self close
 */
int landlock_enter(const struct landlock_dir *dir, unsigned int cnt);

#endif /* VMM_SANDBOX_LANDLOCK_H */
