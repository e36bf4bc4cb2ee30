/*
 * User ids of the monitor (user_namespaces(7), subuid(5)).
 *
 * Theory of operation: a monitor that is root stays in the host's user
 * namespace: it may do there what guests ask for. Anybody else's gets one of
 * its own, in which it is root:
 *
 *	range	the caller has subordinate ids: the caller is 0, they are the
 *		ids from 1 on. If ROOTFS belongs to the first of them, as a tree
 *		does that was unpacked with those ids as 0 and up, then they are
 *		the ids from 0 on.
 *	one	there are none: the caller is 0, and no other id exists.
 */
#ifndef VMM_SANDBOX_USERNS_H
#define VMM_SANDBOX_USERNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/sandbox/subid.h"

struct fail;

/** enum userns_ids - Whose ids the monitor sees */
enum userns_ids {
	USERNS_HOST,  /* the host's: no user namespace */
	USERNS_RANGE, /* the caller's and the caller's subordinate ones */
	USERNS_ONE,   /* the caller's only */
	USERNS_NUM_IDS,
};

/**
 * struct userns - Ids of a monitor [init]
 * @ids:	Which
 * @moved:	USERNS_RANGE: 0 is the first subordinate id, not the caller
 * @uid:	The caller
 * @gid:	The caller's group
 * @uids:	USERNS_RANGE: subordinate user ids
 * @gids:	USERNS_RANGE: subordinate group ids
 */
struct userns {
	enum userns_ids ids;
	bool moved;
	uid_t uid;
	gid_t gid;
	struct subid_range uids;
	struct subid_range gids;
};

/**
 * userns_plan() - Find out which ids the caller can have
 * @u:		Filled
 * @rootfs:	Directory whose owner tells who is root, NULL: none
 *
 * #syscalls(setup): openat read close newfstatat capget
 */
void userns_plan(struct userns *u, const char *rootfs);

/**
 * userns_map() - Give a process in a new user namespace its ids
 * @u:		Plan, not USERNS_HOST
 * @pid:	Process; a child of the caller's
 * @fail:	Receives one line if it is not possible
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(setup): openat write close clone3 wait4
 */
int userns_map(const struct userns *u, pid_t pid, struct fail *fail);

/**
 * userns_become_root() - Be the root of the namespace
 *
 * What only the caller may open must be open by then.
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): setresuid setresgid
 */
int userns_become_root(const struct userns *u);

#endif /* VMM_SANDBOX_USERNS_H */
