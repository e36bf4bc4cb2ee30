/*
 * The monitor's sandbox: what a guest that has taken it over can reach.
 *
 * Theory of operation: stages, each entered once and in this order. What a
 * stage needs was done before it; nothing of an earlier one comes back.
 *
 * KEPT		keeper_run(): namespaces of its own (users if not root, mounts,
 *		pids, network, IPC, host name, cgroups)
 *	Should	open kernel, modules, cache, terminal, /dev/kvm; create the
 *		machine; open shares by sandbox_open_dir()
 *	Mustn't	run anything of the guest's; keep a descriptor of a host
 *		directory that is not a clone
 * ENTERED	sandbox_enter(): root directory with the shares only, inherited
 *		descriptors closed, environment and groups forgotten,
 *		no_new_privs, capabilities of file servers at most, Landlock,
 *		limits
 *	Should	start threads
 *	Mustn't	open anything but below a share; touch the guest's memory
 * FILTERED	sandbox_enter_thread(), each thread for itself: its kind's
 *		capabilities and system calls
 *	Should	run the machine and end
 *	Mustn't	make threads
 *
 * A sandbox that is off (--no-sandbox) has only KEPT, without namespaces.
 */
#ifndef VMM_SANDBOX_SANDBOX_H
#define VMM_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include "vmm/base/thread.h"
#include "vmm/sandbox/kernelfs.h"
#include "vmm/sandbox/landlock.h"
#include "vmm/sandbox/userns.h"

struct fail;
struct keeper;

enum { SANDBOX_MAX_DIRS = 16 };

/**
 * struct sandbox - The monitor's sandbox [main thread]
 * @keeper:	Process outside [borrowed]
 * @jailed:	It is on
 * @handles:	Some share's files are found by handles
 * @proc_fd:	/proc/self/fd, for file servers [owned]
 * @dir:	Shares; their descriptors are owned until sandbox_enter() ends
 * @dir_cnt:	How many
 * @kernelfs:	What lies below them and is not shared
 * @entry:	What threads call first
 */
struct sandbox {
	const struct keeper *keeper;
	bool jailed;
	bool handles;
	int proc_fd;
	struct landlock_dir dir[SANDBOX_MAX_DIRS];
	unsigned int dir_cnt;
	struct kernelfs kernelfs;
	struct thread_entry entry;
};

/**
 * sandbox_init() - Begin, as the first thing in the monitor's process
 * @sb:		Filled; to be destroyed whatever the result
 * @keeper:	Outlives @sb
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(setup): openat mount open_tree mount_setattr close rt_sigaction
 */
int sandbox_init(struct sandbox *sb, const struct keeper *keeper,
		 struct fail *fail);

/**
 * struct sandbox_ids - Who the monitor is
 * @ids:	USERNS_ONE if it may be nobody else
 * @uid:	Its user id, as it sees it
 * @gid:	Its group id
 */
struct sandbox_ids {
	enum userns_ids ids;
	uid_t uid;
	gid_t gid;
};

/** sandbox_ids() - Find out who the monitor is, in or without a sandbox */
struct sandbox_ids sandbox_ids(const struct sandbox *sb);

/**
 * sandbox_open_dir() - Take a directory into the sandbox
 * @sb:		Sandbox, not entered
 * @dir_fd:	Directory; stays the caller's, and is to be closed
 * @read_only:	Nothing will be written there
 * @handles:	Its files are found by handles (open_by_handle_at(2)), which
 *		takes a capability that reaches the whole file system, and a
 *		Landlock that does not look at paths
 *
 * Return: a descriptor that stands for it until sandbox_enter() [owned by @sb],
 *	   or a negative errno
 * #syscalls(setup): open_tree mount_setattr fcntl close
 */
int sandbox_open_dir(struct sandbox *sb, int dir_fd, bool read_only,
		     bool handles);

/**
 * sandbox_open_file() - Take a file into the sandbox, and nothing beside it
 * @sb:		Sandbox, not entered
 * @file_fd:	Regular file; stays the caller's, and is to be closed
 * @name:	What it is called in the directory that stands for it
 * @read_only:	Nothing will be written there
 * @handles:	As for sandbox_open_dir()
 *
 * Return: a descriptor of that directory until sandbox_enter() [owned by @sb],
 *	   -ENOTSUP if the sandbox is off, or another negative errno
 * #syscalls(setup): open_tree mount_setattr fsopen fsconfig fsmount openat
 * #syscalls(setup): move_mount umount2 close
 */
int sandbox_open_file(struct sandbox *sb, int file_fd, const char *name,
		      bool read_only, bool handles);

/**
 * sandbox_enter() - Leave the host behind
 * @sb:		Sandbox
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set; then only destroy and end
 * #syscalls(setup): setresuid setresgid setgroups prctl capget capset prlimit64
 * #syscalls(setup): openat getdents64 fcntl close poll umount2
 */
int sandbox_enter(struct sandbox *sb, struct fail *fail);

/** sandbox_destroy() - Close what is left */
void sandbox_destroy(struct sandbox *sb);

#endif /* VMM_SANDBOX_SANDBOX_H */
