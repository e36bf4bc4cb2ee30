/*
 * Machines with names: each has a directory while it runs.
 */
#include "vmm/statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

#define MACHINE "machine"

enum { TEXT_LEN = STATEDIR_COMMAND_LEN + 128 };

/* All that can be in a directory. */
static const char *const files[] = {MACHINE, STATEDIR_SOCKET, STATEDIR_LOG};

bool statedir_is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char more[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t len = strlen(name);

	return len && len <= STATEDIR_NAME_LEN && strchr(first, name[0]) &&
	       strspn(name, more) == len;
}

static void make_empty(struct statedir *dir, const char *name)
{
	*dir = (struct statedir){.all_fd = -1, .dir_fd = -1, .lock_fd = -1};
	snprintf(dir->name, sizeof(dir->name), "%s", name);
}

static int path_of_all(char *path, size_t len, struct fail *fail)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	int n;

	/* It may be that of who has become us (su). */
	if (runtime && runtime[0] == '/' && !stat(runtime, &st) &&
	    st.st_uid == geteuid())
		n = snprintf(path, len, "%s/wherry", runtime);
	else if (geteuid() == 0)
		n = snprintf(path, len, "/run/wherry");
	else
		return fail_set(fail, -ENOENT,
				"XDG_RUNTIME_DIR: not a directory of yours, so "
				"there is no place for machines with names; "
				"set it to one that only you may enter");
	return n < (int)len ? 0
			    : fail_set(fail, -ENAMETOOLONG,
				       "XDG_RUNTIME_DIR: its path is too long");
}

/* A directory in which somebody else could put something is none for us. */
static int check_owner(int fd, const char *path, struct fail *fail)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail_set(fail, -errno, "%.200s: %s", path,
				strerror(errno));
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return fail_set(fail, -EPERM,
				"%.200s: others may enter; make it yours alone "
				"(chmod 700), or set XDG_RUNTIME_DIR",
				path);
	return 0;
}

/* The directory of all machines, locked. */
static int open_all(struct statedir *dir, struct fail *fail)
{
	char path[PATH_MAX];
	int err = path_of_all(path, sizeof(path), fail);

	if (err)
		return err;
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail_set(fail, -errno, "%.200s: %s", path,
				strerror(errno));
	dir->all_fd =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	err = dir->all_fd < 0 ? -errno : 0;
	if (!err)
		err = check_owner(dir->all_fd, path, fail);
	if (err == -EPERM)
		return err;
	if (err || flock(dir->all_fd, LOCK_EX))
		return fail_set(fail, err ? err : -errno, "%.200s: %s", path,
				strerror(err ? -err : errno));
	return 0;
}

static void unlock_all(const struct statedir *dir)
{
	flock(dir->all_fd, LOCK_UN);
}

static int open_dir(int all_fd, const char *name)
{
	return openat(all_fd, name,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 0 if its keeper lives, -ENOENT if not; another negative errno if that cannot
 * be told.
 */
static int find_keeper(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB))
		return errno == EWOULDBLOCK ? 0 : -errno;
	flock(fd, LOCK_UN);
	return -ENOENT;
}

/* The keeper's process id, as it is in our pid namespace; 0: it is not in ours.
 * -ENODATA: there is none, or not yet. Who holds a lock the kernel knows; what
 * he writes down is true for himself alone.
 */
static pid_t find_pid(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return -ENODATA;
	return lock.l_pid;
}

/* The file of a machine that runs, or as find_keeper() has it. */
static int open_running(int dir_fd)
{
	autofd fd = openat(dir_fd, MACHINE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int err = fd < 0 ? -errno : find_keeper(fd);

	return err ? err : fd_take(&fd);
}

static void remove_dir(int all_fd, int dir_fd, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(dir_fd, files[i], 0);
	unlinkat(all_fd, name, AT_REMOVEDIR);
}

/* What was left behind by who could not remove it; with the lock of all. */
static void sweep(int all_fd)
{
	int fd = open_dir(all_fd, ".");
	DIR *all = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (all && (entry = readdir(all))) {
		autofd dir_fd = statedir_is_name(entry->d_name)
					? open_dir(all_fd, entry->d_name)
					: -1;
		autofd running = dir_fd < 0 ? -1 : open_running(dir_fd);

		if (running == -ENOENT)
			remove_dir(all_fd, dir_fd, entry->d_name);
	}
	if (all)
		closedir(all);
}

static int make_dir(struct statedir *dir)
{
	sweep(dir->all_fd);
	if (mkdirat(dir->all_fd, dir->name, 0700))
		return -errno;
	dir->dir_fd = open_dir(dir->all_fd, dir->name);
	if (dir->dir_fd < 0)
		return -errno;
	dir->lock_fd =
		openat(dir->dir_fd, MACHINE,
		       O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	/* Who looks whether it runs holds it for a moment. */
	if (dir->lock_fd < 0 || flock(dir->lock_fd, LOCK_EX))
		return -errno;
	return 0;
}

int statedir_create(struct statedir *dir, const char *name, struct fail *fail)
{
	int err;

	make_empty(dir, name);
	err = open_all(dir, fail);
	if (err)
		return err;
	err = make_dir(dir);
	unlock_all(dir);
	if (err == -EEXIST)
		return fail_set(fail, err,
				"--name %s: a machine of that name runs; "
				"choose another, or end it (wherry stop %s)",
				name, name);
	return err ? fail_set(fail, err, "--name %s: %s", name, strerror(-err))
		   : 0;
}

/* In a line, and no longer than others need to know it again. */
static void join(char *out, size_t len, char *const *argv)
{
	size_t used = 0;

	out[0] = '\0';
	for (; *argv && used < len; argv++)
		used += (size_t)snprintf(out + used, len - used, "%s%s",
					 used ? " " : "", *argv);
	for (; *out; out++) {
		if ((unsigned char)*out < ' ' || *out == '\x7f')
			*out = '?';
	}
}

int statedir_describe(const struct statedir *dir, char *const *argv)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char command[STATEDIR_COMMAND_LEN];
	char text[TEXT_LEN];
	int len;

	if (fcntl(dir->lock_fd, F_SETLK, &lock))
		return -errno;
	join(command, sizeof(command), argv);
	len = snprintf(text, sizeof(text), "%lld %s\n", (long long)time(NULL),
		       command);
	return fd_write_full(dir->lock_fd, text, (size_t)len);
}

static int read_text(int fd, char text[TEXT_LEN])
{
	ssize_t n = pread(fd, text, TEXT_LEN - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strchr(text, '\n') ? 0 : -ENODATA;
}

static int read_info(int fd, struct statedir_info *info)
{
	char text[TEXT_LEN], *end;

	if (read_text(fd, text))
		return -ENODATA;
	*strchr(text, '\n') = '\0';
	info->pid = find_pid(fd);
	info->since = strtoll(text, &end, 10);
	if (info->pid < 0 || *end != ' ')
		return -ENODATA;
	snprintf(info->command, sizeof(info->command), "%.*s",
		 STATEDIR_COMMAND_LEN - 1, end + 1);
	return 0;
}

void statedir_finish(struct statedir *dir, int status)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", status);

	fd_write_full(dir->lock_fd, text, (size_t)len);
	flock(dir->all_fd, LOCK_EX);
	remove_dir(dir->all_fd, dir->dir_fd, dir->name);
	statedir_close(dir);
}

static int find(struct statedir *dir)
{
	sweep(dir->all_fd);
	dir->dir_fd = open_dir(dir->all_fd, dir->name);
	if (dir->dir_fd < 0)
		return -errno;
	dir->lock_fd = open_running(dir->dir_fd);
	return MIN(dir->lock_fd, 0);
}

int statedir_open(struct statedir *dir, const char *name, struct fail *fail)
{
	int err;

	make_empty(dir, name);
	if (!statedir_is_name(name))
		return fail_set(fail, -EINVAL,
				"machine %.80s: not a name; wherry ps lists "
				"those that run",
				name);
	err = open_all(dir, fail);
	if (err)
		return err;
	err = find(dir);
	unlock_all(dir);
	if (err == -ENOENT)
		return fail_set(fail, err,
				"machine %s: does not run; wherry ps lists "
				"those that do",
				name);
	return err ? fail_set(fail, err, "machine %s: %s", name, strerror(-err))
		   : 0;
}

void statedir_close(struct statedir *dir)
{
	fd_close(&dir->all_fd);
	fd_close(&dir->dir_fd);
	fd_close(&dir->lock_fd);
}

bool statedir_has_ended(const struct statedir *dir)
{
	return find_keeper(dir->lock_fd) == -ENOENT;
}

/* The number may be another's by now; but if the keeper has it after we have
 * got hold of the process, it was the keeper's.
 */
int statedir_signal(const struct statedir *dir, int sig)
{
	pid_t pid = find_pid(dir->lock_fd);
	autofd pidfd = -1;

	if (pid < 0)
		return statedir_has_ended(dir) ? -ESRCH : pid;
	if (!pid)
		return -EXDEV;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	if (find_pid(dir->lock_fd) != pid)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) ? -errno : 0;
}

int statedir_wait(const struct statedir *dir)
{
	char text[TEXT_LEN], *end;

	while (flock(dir->lock_fd, LOCK_SH)) {
		if (errno != EINTR)
			return -errno;
	}
	if (read_text(dir->lock_fd, text))
		return -ENODATA;
	end = strchr(text, '\n') + 1;
	return *end ? (int)strtol(end, NULL, 10) : -ENODATA;
}

static int is_visible(const struct dirent *entry)
{
	return statedir_is_name(entry->d_name);
}

int statedir_list(void (*tell)(void *opaque, const char *name,
			       const struct statedir_info *info),
		  void *opaque, struct fail *fail)
{
	struct statedir dir;
	struct dirent **entries = NULL;
	int cnt, err;

	make_empty(&dir, "");
	err = open_all(&dir, fail);
	if (!err)
		sweep(dir.all_fd);
	cnt = err ? 0
		  : scandirat(dir.all_fd, ".", &entries, is_visible, alphasort);
	/* Whoever is told may be slow. */
	if (!err)
		unlock_all(&dir);
	for (int i = 0; i < cnt; i++) {
		autofd dir_fd = open_dir(dir.all_fd, entries[i]->d_name);
		autofd running = dir_fd < 0 ? -1 : open_running(dir_fd);
		struct statedir_info info;

		if (running >= 0 && !read_info(running, &info))
			tell(opaque, entries[i]->d_name, &info);
		free(entries[i]);
	}
	free(entries);
	statedir_close(&dir);
	return err;
}
