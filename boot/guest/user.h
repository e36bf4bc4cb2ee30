/*
 * Who the command runs as: names and numbers, and what the root's /etc/passwd
 * and /etc/group say of them.
 */
#ifndef BOOT_GUEST_USER_H
#define BOOT_GUEST_USER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "boot/guest/abi.h"

struct plan;

/**
 * struct user - Whose process the command will be
 * @is_asked:	By the plan; otherwise it stays init's
 * @uid:	User id
 * @gid:	Primary group
 * @group_cnt:	How many groups
 * @groups:	All of them, the primary one first
 * @home:	HOME=DIR for its environment, empty if the plan names no user
 */
struct user {
	bool is_asked;
	uid_t uid;
	gid_t gid;
	size_t group_cnt;
	gid_t groups[NGROUPS_MAX];
	char home[sizeof("HOME=") + PATH_MAX];
};

/**
 * user_find() - Look up the user and the groups that a plan names
 * @user:	Filled
 * @plan:	Its user, group and additional groups
 * @passwd:	Path of the users' file
 * @group:	Path of the groups' file
 * @why:	Set on failure
 *
 * A user has the groups of its entry, and those that list it as a member,
 * unless the plan names a group. A number needs no entry: then its group is 0
 * and its home directory the root.
 *
 * Return: 0, -ENOENT for an unknown name, or -E2BIG
 */
int user_find(struct user *user, const struct plan *plan, const char *passwd,
	      const char *group, struct guest_msg *why);

/**
 * user_become() - Make the calling process, and its streams, the user's
 * @user:	From user_find()
 * @why:	Set on failure
 *
 * Return: 0 or a negative errno
 */
int user_become(const struct user *user, struct guest_msg *why);

#endif /* BOOT_GUEST_USER_H */
