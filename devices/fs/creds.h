/*
 * Who a server thread is while it does something for the guest.
 *
 * Theory of operation: the guest's kernel has checked permissions already
 * (default_permissions), with facts the server does not have: supplementary
 * groups, capabilities, user namespaces. So the server must not check again,
 * and acts as itself with all its capabilities, with two exceptions:
 *
 * - A new file belongs to its caller. While it is made, the thread has the
 *   caller's user and group as its effective ones, and every capability it had
 *   before but, for callers other than root, CAP_FSETID: so the host's kernel
 *   clears a set-group-ID bit that the caller could not have set (directories
 *   that hand down their group, CVE-2022-0358). Supplementary groups of the
 *   server are dropped once and for all, for the same reason; the guest names
 *   the one of its caller that counts (CREATE_SUPP_GROUP). The caller's umask
 *   comes along if it is for the host to apply (DONT_MASK).
 * - A write or truncation by somebody without CAP_FSETID must clear
 *   set-user-ID and set-group-ID bits. The guest says so by a flag
 *   (HANDLE_KILLPRIV_V2), and the host's kernel does it if the thread has no
 *   CAP_FSETID meanwhile.
 *
 * A server that is not root, or may not change its user, makes all files as
 * the user that it is. So does one that keeps the guest's owners in attributes
 * (owner.h), whoever it is. All calls are the raw system calls, which change
 * one thread; the C library's would change the process.
 */
#ifndef DEVICES_FS_CREDS_H
#define DEVICES_FS_CREDS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct creds - Identity of a server thread [that thread only]
 * @entered:	creds_enter() was done
 * @uid:	User of the server itself
 * @gid:	Its group
 * @switches:	The thread can become somebody else
 * @changed_user:	It is somebody else now
 * @changed_groups:	It has supplementary groups now
 * @umask:	Its umask: the last caller's, which matters to nothing else
 * @changed_caps:	It has fewer capabilities now
 * @caps:	Capabilities of the server itself
 */
struct creds {
	bool entered;
	uint32_t uid;
	uint32_t gid;
	bool switches;
	bool changed_user;
	bool changed_groups;
	uint32_t umask;
	bool changed_caps;
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
};

/**
 * struct creds_user - Whom to be while a file is made
 * @uid:	Of its owner
 * @gid:	The same
 * @group:	Supplementary groups
 * @group_cnt:	How many
 * @umask:	What is taken off the file's mode
 * @is_root:	The caller is root in the guest, whatever it is here
 */
struct creds_user {
	uint32_t uid;
	uint32_t gid;
	const uint32_t *group;
	uint32_t group_cnt;
	uint32_t umask;
	bool is_root;
};

/**
 * creds_enter() - Make the calling thread a server thread
 * @creds:	Identity, filled
 * @proc_fd:	/proc/self/fd, which becomes the working directory: that gives
 *		path names to descriptors for calls that take nothing else
 *
 * The thread gets a umask (none: the guest's kernel has applied the caller's)
 * and a working directory of its own, and loses its supplementary groups.
 *
 * Return: 0 or a negative errno
 * #syscalls: unshare umask fchdir capget geteuid getegid setgroups
 */
int creds_enter(struct creds *creds, int proc_fd);

/**
 * creds_become() - Be the caller of a request until creds_restore()
 *
 * Return: 0, or a negative errno with nothing changed
 * #syscalls(fs): setresgid setresuid setgroups umask capset
 */
int creds_become(struct creds *creds, const struct creds_user *user);

/**
 * creds_drop_fsetid() - Be unable to keep set-ID bits until creds_restore()
 * @creds:	Identity
 * @gid:	Group to be in: a set-group-ID bit of a file which its group
 *		cannot execute is taken from others only
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): capset setresgid
 */
int creds_drop_fsetid(struct creds *creds, uint32_t gid);

/**
 * creds_restore() - Be the server again; does nothing if nothing changed
 *
 * It cannot fail; should it, the process ends rather than to go on as a mix.
 * #syscalls(fs): setresuid setresgid setgroups capset
 */
void creds_restore(struct creds *creds);

#endif /* DEVICES_FS_CREDS_H */
