/*
 * A root directory that holds the shares and nothing else.
 */
#include "vmm/sandbox/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/fd.h"

int jail_begin(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ? -errno : 0;
}

int jail_clone(int dir_fd, bool read_only)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC |
			    (read_only ? MOUNT_ATTR_RDONLY : 0),
		.propagation = MS_PRIVATE,
	};
	int fd = open_tree(dir_fd, "",
			   AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE |
				   OPEN_TREE_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	if (!mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
			   sizeof(attr)))
		return fd;
	err = -errno;
	fd_close(&fd);
	return err;
}

/* An empty file system of our own, not yet mounted anywhere. */
static int make_root(void)
{
	autofd fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0555", 0) ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC,
		     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Only what is mounted somewhere can be mounted upon. Over the root it is in
 * nobody's way: paths begin below it.
 */
static int mount_file(int dir_fd, int file_fd, const char *name)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	autofd point = openat(dir_fd, name, O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (point < 0 ||
	    move_mount(dir_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) ||
	    move_mount(file_fd, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH) ||
	    mount_setattr(dir_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		return -errno;
	return 0;
}

int jail_clone_file(int file_fd, const char *name, bool read_only)
{
	autofd file = jail_clone(file_fd, read_only);
	autofd dir = file < 0 ? file : make_root();
	char path[32];
	int err, fd;

	if (dir < 0)
		return dir;
	err = mount_file(dir, file, name);
	fd = err ? err : jail_clone(dir, read_only);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (fd >= 0 && umount2(path, MNT_DETACH)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* The mount of an open file is one of the namespace that it was opened in: ours
 * has it by its path only.
 */
static int clone_file(int fd)
{
	char self[32], target[PATH_MAX];
	struct stat st, found;
	ssize_t len;
	int clone;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	clone = open_tree(AT_FDCWD, target,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				  AT_SYMLINK_NOFOLLOW);
	if (clone < 0)
		return -errno;
	if (fstat(fd, &st) || fstat(clone, &found) ||
	    st.st_dev != found.st_dev || st.st_ino != found.st_ino)
		fd_close(&clone);
	return clone < 0 ? -ENOENT : clone;
}

void jail_reopen_device(int fd)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			    MOUNT_ATTR_NOEXEC,
		.propagation = MS_PRIVATE,
	};
	int flags = fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK);
	autofd mount = clone_file(fd);
	autofd again = -1;
	char path[32];

	if (mount < 0 ||
	    mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mount);
	again = open(path, flags | O_NOCTTY | O_CLOEXEC);
	if (again >= 0)
		dup2(again, fd);
}

static int hang(int root_fd, unsigned int idx, int fd)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", idx);
	if (mkdirat(root_fd, name, 0) ||
	    move_mount(fd, "", root_fd, name, MOVE_MOUNT_F_EMPTY_PATH))
		return -errno;
	return 0;
}

/* Put the new root over the old one, and take the old one away below it. */
static int change_root(int root_fd)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount_setattr(root_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ||
	    fchdir(root_fd) || syscall(SYS_pivot_root, ".", ".") ||
	    umount2(".", MNT_DETACH) || chdir("/"))
		return -errno;
	return 0;
}

int jail_enter(const int *fd, unsigned int cnt)
{
	autofd root_fd = make_root();
	int err = 0;

	if (root_fd < 0)
		return root_fd;
	/* It has to be somewhere before anything can be hung into it. */
	if (move_mount(root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH))
		return -errno;
	for (unsigned int i = 0; !err && i < cnt; i++)
		err = hang(root_fd, i, fd[i]);
	return err ? err : change_root(root_fd);
}
