/*
 * Shares that init mounts for the user.
 */
#include "boot/guest/volumes.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "boot/guest/plan.h"
#include "boot/guest/report.h"
#include "boot/guest/rootfs.h"

/* statfs(2): virtio-fs is a kind of FUSE. */
#define FUSE_MAGIC 0x65735546

/* Longest path in a message, so that the reason after it still fits. */
#define PATH "%.120s"

/* Is a directory in a share? */
static bool is_shared(const char *path)
{
	struct statfs st;

	return statfs(path, &st) || st.f_type == FUSE_MAGIC;
}

/* Make a directory that is not there; @name is the '/' before its name. */
static int make_directory(char *path, char *name)
{
	struct stat st;
	bool shared;

	if (!stat(path, &st) || errno != ENOENT)
		return 0;
	*name = '\0';
	shared = is_shared(name == path ? "/" : path);
	*name = '/';
	if (shared)
		return -EROFS;
	return mkdir(path, 0755) ? -errno : 0;
}

static int make_path(char *path)
{
	char *name, *next = path;
	int err = 0;

	while (next && !err) {
		name = next;
		next = strchr(name + 1, '/');
		if (next)
			*next = '\0';
		err = make_directory(path, name);
		if (next)
			*next = '/';
	}
	return err;
}

static int mount_volume(char *text, struct guest_msg *why)
{
	const char *tag = strsep(&text, " ");
	const char *mode = text ? strsep(&text, " ") : NULL;
	const char *options = text ? strsep(&text, " ") : NULL;
	int err;

	if (!text)
		return report_fail(why, -EINVAL, "initramfs: volume '%.40s'",
				   tag);
	err = make_path(text);
	if (err == -EROFS)
		return report_fail(why, err,
				   "volume '" PATH "': no such directory in "
				   "ROOTFS or the volume there; make it, or "
				   "give --overlay",
				   text);
	if (!err)
		err = rootfs_mount_share(tag, text,
					 strcmp(mode, "ro") ? 0 : MS_RDONLY,
					 strcmp(options, "-") ? options : NULL);
	return err ? report_fail(why, err, "volume '" PATH "': %s", text,
				 strerror(-err))
		   : 0;
}

int volumes_mount(const struct plan *plan, struct guest_msg *why)
{
	char **volume = plan->list[GUEST_SPEC_VOLUME];
	int err = 0;

	for (; *volume && !err; volume++)
		err = mount_volume(*volume, why);
	return err;
}
