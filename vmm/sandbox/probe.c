/*
 * What this host lets a sandbox be made of.
 */
#include "vmm/sandbox/probe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/parse.h"
#include "vmm/sandbox/jail.h"

static const char CGROUP_ROOT[] = "/sys/fs/cgroup";

static int write_file(const char *path, const char *text)
{
	autofd fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));
}

/* A namespace without a map is allowed where using it is not. */
static int make_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[32];
	int err;

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	err = write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!err)
		err = write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return err ? err : write_file("/proc/self/gid_map", map);
}

static int make_namespaces(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		    CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		return -errno;
	return jail_begin();
}

static int change_root(void)
{
	autofd dir_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd clone_fd = dir_fd < 0 ? -errno : jail_clone(dir_fd, true);

	return clone_fd < 0 ? clone_fd : jail_enter(&clone_fd, 1);
}

static int (*const steps[])(void) = {
	[PROBE_USER_NAMESPACE] = make_user_namespace,
	[PROBE_NAMESPACES] = make_namespaces,
	[PROBE_MOUNTS] = change_root,
};
static_assert(ARRAY_SIZE(steps) == PROBE_NUM_STEPS, "a function for each");

/* Go through the steps; what they make goes with the process. */
static void go(struct probe_isolation *result, bool can_isolate)
{
	unsigned int step =
		can_isolate ? PROBE_NAMESPACES : PROBE_USER_NAMESPACE;
	int err = 0;

	while (step < PROBE_NUM_STEPS) {
		err = steps[step]();
		if (err)
			break;
		step++;
	}
	*result = (struct probe_isolation){step, err};
}

void probe_isolation(struct probe_isolation *result, bool can_isolate)
{
	struct probe_isolation heard;
	int ends[2];
	pid_t child;

	/* If nothing is heard of the child, a filter has ended it. */
	*result = (struct probe_isolation){
		can_isolate ? PROBE_NAMESPACES : PROBE_USER_NAMESPACE, -EPERM};
	if (pipe2(ends, O_CLOEXEC) < 0) {
		result->err = -errno;
		return;
	}
	child = fork();
	if (child == 0) {
		go(&heard, can_isolate);
		_exit(fd_write_full(ends[1], &heard, sizeof(heard)) != 0);
	}
	if (child < 0)
		result->err = -errno;
	fd_close(&ends[1]);
	if (read(ends[0], &heard, sizeof(heard)) == sizeof(heard))
		*result = heard;
	fd_close(&ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
}

int probe_seccomp(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		return -errno;
	return 0;
}

/* The beginning of a file of /proc, as text; "" if it cannot be read. */
static void read_text(const char *path, char *text, size_t len)
{
	autofd fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, text, len - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

int probe_cgroup_path(const char *text, char *path, size_t len)
{
	while (strncmp(text, "0::/", 4) != 0) {
		text = strchr(text, '\n');
		if (!text)
			return -ENOENT;
		text++;
	}
	text += 3;
	if (strcspn(text, "\n") >= len)
		return -ENAMETOOLONG;
	snprintf(path, len, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

int probe_cgroup(void)
{
	char text[2 * PATH_MAX], path[PATH_MAX], procs[2 * PATH_MAX];
	struct statfs st;
	int err;

	if (statfs(CGROUP_ROOT, &st) < 0)
		return -errno;
	if (st.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOENT;
	read_text("/proc/self/cgroup", text, sizeof(text));
	err = probe_cgroup_path(text, path, sizeof(path));
	if (err)
		return err;
	snprintf(procs, sizeof(procs), "%s%s/cgroup.procs", CGROUP_ROOT, path);
	return access(procs, W_OK) < 0 ? -errno : 0;
}

int64_t probe_sysctl(const char *path)
{
	uint64_t value;
	char text[32];

	read_text(path, text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	return parse_uint(text, 0, INT64_MAX, &value) ? -1 : (int64_t)value;
}

bool probe_program(const char *name)
{
	const char *at = getenv("PATH");
	char path[PATH_MAX];

	while (at && *at) {
		size_t len = strcspn(at, ":");

		if (len &&
		    snprintf(path, sizeof(path), "%.*s/%s", (int)len, at,
			     name) < (int)sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
		at += len + (at[len] == ':');
	}
	return false;
}
