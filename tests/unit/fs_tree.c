/*
 * A directory to share, with something of everything in it.
 */
#include "tests/unit/fs_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vmm/base/fd.h"

#define must(condition)                              \
	do {                                         \
		if (!(condition)) {                  \
			perror("tree: " #condition); \
			abort();                     \
		}                                    \
	} while (0)

static int open_directory(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0);
	return fd;
}

static void make_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			0644);

	must(fd >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	/* A first read would show: relatime. */
	must(futimens(fd, (struct timespec[]){{1000, 0}, {2000, 0}}) == 0);
	close(fd);
}

/* Immutable and append-only things can be removed as well. */
static void clear_flags(int fd)
{
	int flags = 0;

	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static void remove_file(int dir_fd, const char *name)
{
	int fd;

	if (unlinkat(dir_fd, name, 0) == 0)
		return;
	fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	must(fd >= 0);
	clear_flags(fd);
	close(fd);
	must(unlinkat(dir_fd, name, 0) == 0);
}

/* Remove a directory and all that is in it. */
static void remove_tree(int dir_fd, const char *name)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int fd;

	fchmodat(dir_fd, name, 0700, 0);
	fd = open_directory(dir_fd, name);
	clear_flags(fd);
	must(fchmod(fd, 0700) == 0);
	dir = fdopendir(fd);
	must(dir);
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		must(!fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW));
		if (S_ISDIR(st.st_mode))
			remove_tree(fd, entry->d_name);
		else
			remove_file(fd, entry->d_name);
	}
	closedir(dir);
	must(unlinkat(dir_fd, name, AT_REMOVEDIR) == 0);
}

void tree_open(struct fs_tree *t)
{
	const char *tmp = getenv("TMPDIR");
	struct timespec times[] = {{1000, 0}, {2000, 0}};
	struct stat st;

	*t = (struct fs_tree){.share_fd = -1};
	snprintf(t->path, sizeof(t->path), "%s/wherry-tree-XXXXXX",
		 tmp ? tmp : "/dev/shm");
	must(mkdtemp(t->path));
	must(chmod(t->path, 0755) == 0);
	t->base_fd = open_directory(AT_FDCWD, t->path);
	must(fstat(t->base_fd, &st) == 0);
	t->base_ino = st.st_ino;
	must(mkdirat(t->base_fd, "outside", 0755) == 0);
	t->outside_fd[0] = open_directory(t->base_fd, "outside");
	make_file(t->outside_fd[0], "canary", "nobody may see or change this");
	must(mkdirat(t->outside_fd[0], "directory", 0755) == 0);
	t->outside_fd[1] =
		openat(t->outside_fd[0], "canary", O_PATH | O_CLOEXEC);
	t->outside_fd[2] = open_directory(t->outside_fd[0], "directory");
	must(futimens(t->outside_fd[0], times) == 0);
	must(futimens(t->outside_fd[2], times) == 0);
}

static void make_links(const struct fs_tree *t)
{
	int fd = t->share_fd;
	char absolute[160];

	snprintf(absolute, sizeof(absolute), "%s/outside/canary", t->path);
	must(symlinkat("file", fd, "link") == 0);
	must(symlinkat("../outside", fd, "up") == 0);
	must(symlinkat(absolute, fd, "abs") == 0);
	must(symlinkat("loop", fd, "loop") == 0);
}

void tree_fill(struct fs_tree *t)
{
	int sub, deep;

	if (t->share_fd >= 0) {
		fd_close(&t->share_fd);
		remove_tree(t->base_fd, "share");
	}
	must(mkdirat(t->base_fd, "share", 0755) == 0);
	t->share_fd = open_directory(t->base_fd, "share");
	make_file(t->share_fd, "file", "sixteen bytes...");
	must(mkdirat(t->share_fd, "sub", 0755) == 0);
	must(mkdirat(t->share_fd, "empty", 0755) == 0);
	sub = open_directory(t->share_fd, "sub");
	must(mkdirat(sub, "deep", 0755) == 0);
	deep = open_directory(sub, "deep");
	make_file(deep, "leaf", "");
	must(linkat(deep, "leaf", t->share_fd, "hard", 0) == 0);
	close(deep);
	close(sub);
	must(mknodat(t->share_fd, "fifo", S_IFIFO | 0666, 0) == 0);
	must(mknodat(t->share_fd, "null", S_IFCHR | 0666, makedev(1, 3)) == 0 ||
	     errno == EPERM);
	make_links(t);
	for (int i = 0; i < TREE_NUM_OUTSIDE; i++)
		must(fstat(t->outside_fd[i], &t->outside[i]) == 0);
}

bool tree_intact(const struct fs_tree *t)
{
	struct stat now;

	for (int i = 0; i < TREE_NUM_OUTSIDE; i++) {
		if (fstat(t->outside_fd[i], &now) < 0 ||
		    memcmp(&now, &t->outside[i], sizeof(now)) != 0)
			return false;
	}
	return true;
}

bool tree_is_outside(const struct fs_tree *t, uint64_t ino)
{
	for (int i = 0; i < TREE_NUM_OUTSIDE; i++) {
		if (t->outside[i].st_ino == ino)
			return true;
	}
	return false;
}

void tree_close(struct fs_tree *t)
{
	for (int i = 0; i < TREE_NUM_OUTSIDE; i++)
		close(t->outside_fd[i]);
	fd_close(&t->share_fd);
	fd_close(&t->base_fd);
	remove_tree(AT_FDCWD, t->path);
}
