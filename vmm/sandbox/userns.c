/*
 * User ids of the monitor.
 */
#include "vmm/sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/sandbox/caps.h"

static bool has_range(struct userns *u)
{
	const struct passwd *pw = getpwuid(u->uid);
	const char *name = pw ? pw->pw_name : NULL;

	return !subid_find("/etc/subuid", u->uid, name, &u->uids) &&
	       !subid_find("/etc/subgid", u->uid, name, &u->gids);
}

void userns_plan(struct userns *u, const char *rootfs)
{
	struct stat st;

	*u = (struct userns){.uid = geteuid(), .gid = getegid()};
	if (caps_can_isolate())
		return;
	u->ids = has_range(u) ? USERNS_RANGE : USERNS_ONE;
	if (u->ids == USERNS_RANGE && rootfs && !stat(rootfs, &st))
		u->moved = st.st_uid == u->uids.first &&
			   st.st_gid == u->gids.first;
}

static int write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	autofd fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd_write_full(fd, text, strlen(text));
}

/* One's own id is all that the kernel lets one give without help. */
static int map_one(const struct userns *u, pid_t pid, struct fail *fail)
{
	char uids[32], gids[32];
	int err;

	snprintf(uids, sizeof(uids), "0 %u 1", u->uid);
	snprintf(gids, sizeof(gids), "0 %u 1", u->gid);
	err = write_file(pid, "uid_map", uids);
	if (!err)
		err = write_file(pid, "setgroups", "deny");
	if (!err)
		err = write_file(pid, "gid_map", gids);
	if (!err)
		return 0;
	return fail_set(fail, err,
			"sandbox: ids of a user namespace: %s; `wherry doctor` "
			"says what is missing",
			strerror(-err));
}

/* The keeper's signals are no business of its helpers'. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setsigmask(attr, &none) ||
	       posix_spawnattr_setsigdefault(attr, &all) ||
	       posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
}

/* newuidmap(1) and newgidmap(1) may give what /etc/subuid and subgid say. */
static int start_helper(const struct userns *u, pid_t pid, bool groups,
			pid_t *helper)
{
	const struct subid_range *range = groups ? &u->gids : &u->uids;
	uint32_t self = groups ? u->gid : u->uid;
	uint32_t first_self = u->moved ? range->count : 0;
	uint32_t first_range = u->moved ? 0 : 1;
	char name[16], text[7][16];
	char *argv[9] = {name};
	char *const envp[] = {NULL};
	posix_spawn_file_actions_t quiet;
	posix_spawnattr_t attr;
	const uint32_t value[] = {pid,	       first_self,   self,	  1,
				  first_range, range->first, range->count};
	int err;

	snprintf(name, sizeof(name), "%s", groups ? "newgidmap" : "newuidmap");
	for (int i = 0; i < 7; i++) {
		snprintf(text[i], sizeof(text[i]), "%u", value[i]);
		argv[i + 1] = text[i];
	}
	err = posix_spawn_file_actions_init(&quiet);
	if (err)
		return -err;
	err = posix_spawnattr_init(&attr);
	if (!err) {
		err = posix_spawn_file_actions_addopen(
			&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
		if (!err)
			err = set_signals(&attr);
		if (!err)
			err = posix_spawnp(helper, name, &quiet, &attr, argv,
					   envp);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&quiet);
	return -err;
}

static int map_range(const struct userns *u, pid_t pid, struct fail *fail)
{
	pid_t helper[2] = {-1, -1};
	int status = 0, bad = 0, err = 0;

	for (int i = 0; !err && i < 2; i++)
		err = start_helper(u, pid, i == 1, &helper[i]);
	for (int i = 0; i < 2; i++) {
		if (helper[i] < 0)
			continue;
		bad |= waitpid(helper[i], &status, 0) < 0 || status;
	}
	if (err)
		return fail_set(fail, err,
				"sandbox: newuidmap and newgidmap: %s; install "
				"the package uidmap",
				strerror(-err));
	if (bad)
		return fail_set(fail, -EPERM,
				"sandbox: newuidmap or newgidmap refuses the "
				"ids of /etc/subuid and /etc/subgid; see that "
				"they are set-user-ID root");
	return 0;
}

int userns_map(const struct userns *u, pid_t pid, struct fail *fail)
{
	return u->ids == USERNS_RANGE ? map_range(u, pid, fail)
				      : map_one(u, pid, fail);
}

int userns_become_root(const struct userns *u)
{
	if (!u->moved)
		return 0;
	return setresgid(0, 0, 0) || setresuid(0, 0, 0) ? -errno : 0;
}
