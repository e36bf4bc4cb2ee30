/*
 * The monitor's sandbox: what a guest that has taken it over can reach.
 */
#include "vmm/sandbox/sandbox.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/sandbox/caps.h"
#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/jail.h"
#include "vmm/sandbox/keeper.h"

/* What the monitor never needs, and why nobody else shall have it. */
static const struct {
	int resource;
	rlim_t max;
} limits[] = {
	{RLIMIT_CORE, 0}, /* the guest's memory does not end up in a file */
	{RLIMIT_MEMLOCK, 0},
	{RLIMIT_MSGQUEUE, 0},
	{RLIMIT_RTPRIO, 0},
};

static const enum filter_kind filter_of[] = {
	[THREAD_LOOP] = FILTER_LOOP,
	[THREAD_VCPU] = FILTER_VCPU,
	[THREAD_FS] = FILTER_FS,
	[THREAD_FS_AUX] = FILTER_FS_AUX,
};
static_assert(ARRAY_SIZE(filter_of) == THREAD_NUM_KINDS, "a filter for each");

static _Noreturn void end(const char *what, int err)
{
	log_line("sandbox: %s: %s; the machine was ended", what,
		 strerror(-err));
	_exit(FILTER_STATUS);
}

/* On each thread, before its first work. */
static void enter_thread(void *opaque, enum thread_kind kind)
{
	const struct sandbox *sb = opaque;
	enum filter_kind filter = filter_of[kind];
	int err = caps_enter(kind);

	if (err)
		end("capabilities", err);
	if (kind == THREAD_FS && sb->handles)
		filter = FILTER_FS_HANDLES;
	err = filter_install(filter);
	if (err)
		end("filter of system calls", err);
}

static int open_proc(struct sandbox *sb)
{
	autofd fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	sb->proc_fd = jail_clone(fd, false);
	return sb->proc_fd < 0 ? sb->proc_fd : 0;
}

/* What is given as a stream is the guest's to read or write, no more: a
 * directory would be a way to the host's tree.
 */
static int check_streams(struct fail *fail)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fstat(fd, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			return fail_set(fail, -EISDIR,
					"%s: is a directory; give a file, a "
					"pipe or a terminal",
					names[fd]);
		if (S_ISCHR(st.st_mode))
			jail_reopen_device(fd);
	}
	return 0;
}

/* What a caller's environment says is not for a guest to find. */
static void forget_environment(void)
{
	for (char **var = environ; *var; var++)
		explicit_bzero(*var, strlen(*var));
	*environ = NULL;
}

int sandbox_init(struct sandbox *sb, const struct keeper *keeper,
		 struct fail *fail)
{
	int err;

	*sb = (struct sandbox){
		.keeper = keeper,
		.jailed = keeper->jailed,
		.proc_fd = -1,
	};
	if (!sb->jailed) {
		log_line("sandbox: off; whoever breaks out of the guest can do "
			 "what you can do");
		return 0;
	}
	sb->entry = (struct thread_entry){enter_thread, sb};
	err = jail_begin();
	if (!err)
		err = open_proc(sb);
	if (!err)
		err = filter_catch();
	if (err)
		return fail_set(fail, err,
				"sandbox: mounts: %s; `wherry doctor` says "
				"what is missing",
				strerror(-err));
	return check_streams(fail);
}

struct sandbox_ids sandbox_ids(const struct sandbox *sb)
{
	const struct userns *userns = &sb->keeper->userns;

	/* In a namespace it is root, whoever that is outside. */
	if (sb->jailed || userns->ids == USERNS_HOST)
		return (struct sandbox_ids){.ids = userns->ids};
	return (struct sandbox_ids){USERNS_ONE, userns->uid, userns->gid};
}

/* In a user namespace, the kernel lets nobody see below what is mounted; but
 * there its interfaces give no more than the caller's rights.
 */
static int find_kernelfs(struct sandbox *sb, int dir_fd)
{
	char path[32], dir[PATH_MAX], at[16];
	ssize_t len;

	if (sb->keeper->userns.ids != USERNS_HOST)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	len = readlink(path, dir, sizeof(dir) - 1);
	if (len < 0)
		return -errno;
	dir[len] = '\0';
	snprintf(at, sizeof(at), "/%u", sb->dir_cnt);
	return kernelfs_find(&sb->kernelfs, "/proc/self/mountinfo", dir, at);
}

static int take_dir(struct sandbox *sb, int fd, bool read_only, bool handles)
{
	assert(sb->dir_cnt < SANDBOX_MAX_DIRS);
	sb->dir[sb->dir_cnt++] = (struct landlock_dir){fd, read_only};
	sb->handles |= handles;
	return fd;
}

int sandbox_open_dir(struct sandbox *sb, int dir_fd, bool read_only,
		     bool handles)
{
	int err = sb->jailed ? find_kernelfs(sb, dir_fd) : 0;
	int fd;

	if (err)
		return err;
	if (sb->jailed)
		fd = jail_clone(dir_fd, read_only);
	else
		fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return sb->jailed ? fd : -errno;
	return take_dir(sb, fd, read_only, handles);
}

int sandbox_open_file(struct sandbox *sb, int file_fd, const char *name,
		      bool read_only, bool handles)
{
	int fd = -ENOTSUP;

	if (sb->jailed)
		fd = jail_clone_file(file_fd, name, read_only);
	return fd < 0 ? fd : take_dir(sb, fd, read_only, handles);
}

/* Close what the caller's process left open in ours: all that is ours is closed
 * when a program is executed, so nothing of that can have come that way.
 */
static int close_inherited(const struct sandbox *sb)
{
	int fd = openat(sb->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		int number = (int)strtol(entry->d_name, NULL, 10);
		int flags = fcntl(number, F_GETFD);

		if (number > STDERR_FILENO && flags >= 0 &&
		    !(flags & FD_CLOEXEC))
			close(number);
	}
	closedir(dir);
	return 0;
}

static int enter_jail(const struct sandbox *sb)
{
	int fd[SANDBOX_MAX_DIRS];

	for (unsigned int i = 0; i < sb->dir_cnt; i++)
		fd[i] = sb->dir[i].fd;
	return jail_enter(fd, sb->dir_cnt);
}

static int limit_resources(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct rlimit limit = {limits[i].max, limits[i].max};

		if (setrlimit(limits[i].resource, &limit))
			return -errno;
	}
	return 0;
}

static void close_dirs(struct sandbox *sb)
{
	for (unsigned int i = 0; i < sb->dir_cnt; i++)
		fd_close(&sb->dir[i].fd);
	sb->dir_cnt = 0;
}

/* Rights go from the large to the small: each step needs those that the later
 * ones take. Nothing may be opened by path once the root has changed.
 */
static int enter(struct sandbox *sb, const char **what)
{
	const struct userns *userns = &sb->keeper->userns;
	int err;

	*what = "inherited descriptors";
	err = close_inherited(sb);
	if (err)
		return err;
	*what = "root directory";
	err = enter_jail(sb);
	if (!err)
		err = kernelfs_hide(&sb->kernelfs);
	if (err)
		return err;
	*what = "ids";
	err = userns_become_root(userns);
	if (err)
		return err;
	*what = "groups";
	if (userns->ids != USERNS_ONE && setgroups(0, NULL))
		return -errno;
	*what = "capabilities";
	err = caps_limit(userns->ids, sb->handles);
	if (err)
		return err;
	*what = "resource limits";
	err = limit_resources();
	if (err)
		return err;
	*what = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	*what = "landlock";
	err = landlock_enter(sb->dir, sb->handles ? 0 : sb->dir_cnt);
	if (err)
		return err;
	forget_environment();
	*what = "keeper";
	return keeper_bind(sb->keeper);
}

int sandbox_enter(struct sandbox *sb, struct fail *fail)
{
	const char *what = "";
	int err = sb->jailed ? enter(sb, &what) : 0;

	close_dirs(sb);
	if (err == -ECHILD)
		return fail_set(fail, err, "sandbox: keeper: has ended");
	return err ? fail_set(fail, err,
			      "sandbox: %s: %s; `wherry doctor` says what is "
			      "missing",
			      what, strerror(-err))
		   : 0;
}

void sandbox_destroy(struct sandbox *sb)
{
	close_dirs(sb);
	kernelfs_destroy(&sb->kernelfs);
	fd_close(&sb->proc_fd);
}
