/*
 * What this host lets a sandbox be made of. Each probe tries the thing itself
 * and leaves nothing behind.
 */
#ifndef VMM_SANDBOX_PROBE_H
#define VMM_SANDBOX_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum probe_step - What a sandbox begins with, in this order */
enum probe_step {
	PROBE_USER_NAMESPACE, /* only without privilege: with one id in it */
	PROBE_NAMESPACES,     /* all the others */
	PROBE_MOUNTS,	      /* clones of mounts, and a root of them */
	PROBE_NUM_STEPS,
};

/**
 * struct probe_isolation - How far a sandbox gets
 * @step:	The first step that failed; PROBE_NUM_STEPS: none
 * @err:	Why, a negative errno
 */
struct probe_isolation {
	enum probe_step step;
	int err;
};

/**
 * probe_isolation() - Go through the steps in a process of its own
 * @result:	Filled
 * @can_isolate: No user namespace is needed (caps_can_isolate())
 *
 * Called by a process that has one thread.
 * #syscalls(setup): clone wait4 pipe2 read write openat close exit_group
 * #syscalls(setup): unshare
 */
void probe_isolation(struct probe_isolation *result, bool can_isolate);

/**
 * probe_seccomp() - Are there seccomp filters that end a process?
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): seccomp
 */
int probe_seccomp(void);

/**
 * probe_cgroup_path() - Find the version 2 cgroup in what /proc/PID/cgroup says
 * @text:	Its lines (cgroups(7))
 * @path:	Filled: "/", "/user.slice/..."
 * @len:	Room at @path
 *
 * Return: 0, -ENOENT if there is none, or -ENAMETOOLONG
 */
int probe_cgroup_path(const char *text, char *path, size_t len);

/**
 * probe_cgroup() - May this process put others into cgroups below its own?
 *
 * Return: 0, -ENOENT if there is no cgroup of version 2 to be seen, -EACCES or
 *	   -EROFS if it belongs to somebody else, or another negative errno
 * #syscalls(setup): openat pread64 close statfs access
 */
int probe_cgroup(void);

/**
 * probe_sysctl() - Read a number from a file below /proc/sys
 *
 * Return: the number, or -1 if this kernel has no such thing
 * #syscalls(setup): openat pread64 close
 */
int64_t probe_sysctl(const char *path);

/**
 * probe_program() - Is there such a program in the directories of $PATH?
 *
 * #syscalls(setup): access
 */
bool probe_program(const char *name);

#endif /* VMM_SANDBOX_PROBE_H */
