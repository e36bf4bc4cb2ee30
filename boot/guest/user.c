/*
 * Who the command runs as.
 */
#include "boot/guest/user.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot/guest/file.h"
#include "boot/guest/plan.h"
#include "boot/guest/report.h"

/* Longest name in a message, as in command.c. */
#define NAME "%.120s"

/* A line of /etc/passwd and one of /etc/group */
enum {
	PASSWD_NAME,
	PASSWD_UID = 2,
	PASSWD_GID,
	PASSWD_HOME = 5,
	PASSWD_NUM_FIELDS = FILE_MAX_FIELDS,
	GROUP_NAME = 0,
	GROUP_GID = 2,
	GROUP_MEMBERS,
	GROUP_NUM_FIELDS,
};

/* False for what is no id: too large, a name, nothing at all. */
static bool read_id(const char *text, uint32_t *id)
{
	uint64_t value = *text ? 0 : UINT32_MAX;

	for (; *text >= '0' && *text <= '9' && value < UINT32_MAX; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	*id = (uint32_t)value;
	return !*text && value < UINT32_MAX;
}

/* Finds a name or, without one, user->uid. Fills ids and home directory. */
static bool find_entry(struct user *user, struct file_table *passwd,
		       const char *name)
{
	uint32_t uid, gid;

	while (file_table_next(passwd, PASSWD_NUM_FIELDS)) {
		if (!read_id(passwd->field[PASSWD_UID], &uid) ||
		    !read_id(passwd->field[PASSWD_GID], &gid))
			continue;
		if (name ? strcmp(passwd->field[PASSWD_NAME], name)
			 : uid != user->uid)
			continue;
		user->uid = uid;
		user->gid = gid;
		return true;
	}
	return false;
}

static int find_group(const char *path, const char *text, gid_t *gid,
		      struct guest_msg *why)
{
	struct file_table group;
	bool found = false;

	if (read_id(text, gid))
		return 0;
	file_table_open(&group, path);
	while (!found && file_table_next(&group, GROUP_NUM_FIELDS))
		found = !strcmp(group.field[GROUP_NAME], text) &&
			read_id(group.field[GROUP_GID], gid);
	file_table_close(&group);
	return found ? 0
		     : report_fail(why, -ENOENT,
				   "group '" NAME
				   "': not in the guest's /etc/group",
				   text);
}

static int add_group(struct user *user, gid_t gid, struct guest_msg *why)
{
	if (user->group_cnt == NGROUPS_MAX)
		return report_fail(why, -E2BIG, "user: more than %d groups",
				   NGROUPS_MAX);
	user->groups[user->group_cnt++] = gid;
	return 0;
}

static bool is_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")))
		if (!strcmp(member, name))
			return true;
	return false;
}

/* All groups that list @name. */
static int add_memberships(struct user *user, const char *path,
			   const char *name, struct guest_msg *why)
{
	struct file_table group;
	uint32_t gid;
	int err = 0;

	file_table_open(&group, path);
	while (!err && file_table_next(&group, GROUP_NUM_FIELDS))
		if (is_member(group.field[GROUP_MEMBERS], name) &&
		    read_id(group.field[GROUP_GID], &gid) && gid != user->gid)
			err = add_group(user, gid, why);
	file_table_close(&group);
	return err;
}

/* The user alone: ids, home directory, and the groups that follow from it. */
static int find_user(struct user *user, const struct plan *plan,
		     struct file_table *passwd, const char *group,
		     struct guest_msg *why)
{
	const char *text = plan_value(plan, GUEST_SPEC_USER);
	const char *group_text = plan_value(plan, GUEST_SPEC_GROUP);
	bool is_number = read_id(text, &user->uid);
	bool found = find_entry(user, passwd, is_number ? NULL : text);
	const char *home = found ? passwd->field[PASSWD_HOME] : "";
	int err = 0;

	if (!found && !is_number)
		return report_fail(why, -ENOENT,
				   "user '" NAME
				   "': not in the guest's /etc/passwd",
				   text);
	snprintf(user->home, sizeof(user->home), "HOME=%s", *home ? home : "/");
	if (group_text)
		err = find_group(group, group_text, &user->gid, why);
	if (!err)
		err = add_group(user, user->gid, why);
	if (!err && found && !group_text)
		err = add_memberships(user, group, passwd->field[PASSWD_NAME],
				      why);
	return err;
}

int user_find(struct user *user, const struct plan *plan, const char *passwd,
	      const char *group, struct guest_msg *why)
{
	char *const *more = plan->list[GUEST_SPEC_ADD_GROUP];
	bool is_named = plan_value(plan, GUEST_SPEC_USER);
	struct file_table table;
	gid_t gid;
	int err = 0;

	user->is_asked = is_named || *more;
	user->uid = 0;
	user->gid = 0;
	user->group_cnt = 0;
	user->home[0] = '\0';
	if (is_named) {
		file_table_open(&table, passwd);
		err = find_user(user, plan, &table, group, why);
		file_table_close(&table);
	}
	for (; !err && *more; more++) {
		err = find_group(group, *more, &gid, why);
		if (!err)
			err = add_group(user, gid, why);
	}
	return err;
}

int user_become(const struct user *user, struct guest_msg *why)
{
	long err = 0;
	int i;

	if (!user->is_asked)
		return 0;
	/* Or it could not open /dev/stdout and the others. */
	for (i = 0; !err && i <= STDERR_FILENO; i++)
		err = fchown(i, user->uid, (gid_t)-1);
	/* The library's functions would look for more threads first. */
	if (!err)
		err = syscall(SYS_setgroups, user->group_cnt, user->groups);
	if (!err)
		err = syscall(SYS_setgid, user->gid);
	if (!err)
		err = syscall(SYS_setuid, user->uid);
	if (err)
		return report_fail(why, -errno, "user %u:%u: %s", user->uid,
				   user->gid, strerror(errno));
	return 0;
}
