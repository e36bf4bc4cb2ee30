/*
 * File systems: those of the initramfs, and the share as the root.
 */
#include "boot/guest/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot/guest/overlay.h"
#include "boot/guest/report.h"
#include "vmm/base/bits.h"

#define NEW_ROOT "/newroot"
#define OVERLAY "/overlay"

/* <linux/mount.h>, which musl does not come with. */
enum { TREE_CLONE = 0x1, FROM_DESCRIPTOR = 0x4, FOLLOW_LINKS = 0x10 };

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/**
 * struct row - A file system to mount
 * @type:	Its type, and its source for /proc/mounts
 * @target:	Mount point
 * @flags:	MS_*
 * @options:	Of the file system
 * @is_made:	The mount point is made first: it lies in our own /dev
 * @is_optional: The kernel may lack it
 */
struct row {
	const char *type;
	const char *target;
	unsigned long flags;
	const char *options;
	bool is_made;
	bool is_optional;
};

static const struct row rows[] = {
	{"proc", "/proc", SAFE, NULL, false, false},
	{"sysfs", "/sys", SAFE, NULL, false, false},
	{"devtmpfs", "/dev", MS_NOSUID, "mode=0755", false, false},
	{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
	 "gid=5,mode=620,ptmxmode=666", true, false},
	{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", true, false},
	{"mqueue", "/dev/mqueue", SAFE, NULL, true, true},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", false, false},
	{"cgroup2", "/sys/fs/cgroup", SAFE, NULL, false, true},
};

static const struct {
	const char *target;
	const char *path;
} links[] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
};

int rootfs_early(struct guest_msg *why)
{
	int fd;

	if (mount("sysfs", "/sys", "sysfs", SAFE, NULL) ||
	    mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL))
		return report_fail(why, -errno, "initramfs: mount failed: %s",
				   strerror(errno));
	/* Without a console the kernel starts init with nothing open. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

int rootfs_mount_share(const char *tag, const char *target, unsigned long flags,
		       const char *options)
{
	if (options && !mount(tag, target, "virtiofs", flags, options))
		return 0;
	return mount(tag, target, "virtiofs", flags, NULL) ? -errno : 0;
}

int rootfs_take_file(const char *tag, const char *name, unsigned long flags,
		     const char *options)
{
	char path[64];
	int err = rootfs_mount_share(tag, NEW_ROOT, flags, options);
	int fd;

	if (err)
		return err;
	snprintf(path, sizeof(path), NEW_ROOT "/%s", name);
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			  TREE_CLONE | O_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	umount2(NEW_ROOT, MNT_DETACH);
	return err ? err : fd;
}

int rootfs_mount_file(int file_fd, const char *target)
{
	return syscall(SYS_move_mount, file_fd, "", AT_FDCWD, target,
		       FROM_DESCRIPTOR | FOLLOW_LINKS)
		       ? -errno
		       : 0;
}

int rootfs_enter(const char *tag, bool read_only, const char *options,
		 const char *overlay, struct guest_msg *why)
{
	const char *root = overlay ? OVERLAY : NEW_ROOT;
	int err = rootfs_mount_share(tag, NEW_ROOT, read_only ? MS_RDONLY : 0,
				     options);

	if (err)
		return report_fail(why, err,
				   "root file system '%s': mount failed: %s",
				   tag, strerror(-err));
	if (overlay)
		err = overlay_mount(overlay, NEW_ROOT, root, why);
	if (err)
		return err;
	umount2("/sys", MNT_DETACH);
	umount2("/dev", MNT_DETACH);
	unlink("/init");
	unlink("/" GUEST_SPEC_FILE);
	/* The first root of all cannot be left with pivot_root(). */
	if (chdir(root) || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		return report_fail(why, -errno,
				   "root file system '%s': cannot enter: %s",
				   tag, strerror(errno));
	return 0;
}

static int mount_row(const struct row *row, int control_fd,
		     struct guest_msg *why)
{
	/* Cannot reach the share: without our /dev there is no parent. */
	if (row->is_made)
		mkdir(row->target, 0755);
	if (!mount(row->type, row->target, row->type, row->flags,
		   row->options) ||
	    row->is_optional)
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return report_fail(why, -errno, "%s: mount failed: %s",
				   row->target, strerror(errno));
	report_warning(control_fd,
		       "%s: not mounted: no such directory in the root",
		       row->target);
	return 0;
}

int rootfs_populate(int control_fd, struct guest_msg *why)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		err = mount_row(&rows[i], control_fd, why);
		if (err)
			return err;
	}
	for (i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i].target, links[i].path) &&
		    errno != ENOENT && errno != ENOTDIR && errno != EEXIST)
			report_warning(control_fd, "%s: %s", links[i].path,
				       strerror(errno));
	return 0;
}

int rootfs_mount_tmp(const char *size, struct guest_msg *why)
{
	char options[64];

	snprintf(options, sizeof(options), "mode=1777,size=%s", size);
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options))
		return report_fail(why, -errno,
				   "tmp-size: /tmp: %s; it has to be a "
				   "directory of ROOTFS",
				   strerror(errno));
	return 0;
}
