/*
 * Shares that init mounts for the user.
 */
#include "boot/guest/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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

/* Make an empty file that is not there, with the directories above it. A link
 * that leads nowhere is left alone: it may lead into a share.
 */
static int make_file(char *path)
{
	char *name = strrchr(path, '/');
	struct stat st;
	int err = 0, fd;

	if (!stat(path, &st))
		return S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (errno != ENOENT)
		return -errno;
	*name = '\0';
	if (name != path)
		err = make_path(path);
	if (!err && is_shared(name == path ? "/" : path))
		err = -EROFS;
	*name = '/';
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Cut @text up; a pointer behind its last word, or NULL if one is missing. */
static char *take_words(char *text, char **word, int cnt)
{
	for (int i = 0; text && i < cnt; i++)
		word[i] = strsep(&text, " ");
	return text;
}

static int fail_volume(struct guest_msg *why, int err,
		       const struct volume *volume)
{
	if (err == -EROFS)
		return report_fail(why, err,
				   "volume '" PATH "': no such %s in ROOTFS or "
				   "the volume there; make it, or give "
				   "--overlay",
				   volume->path,
				   volume->is_file ? "file" : "directory");
	if (err == -EISDIR)
		return report_fail(why, err,
				   "volume '" PATH "': HOST is a file, and "
				   "this a directory; give the path of a file",
				   volume->path);
	return report_fail(why, err, "volume '" PATH "': %s", volume->path,
			   strerror(-err));
}

static int prepare_volume(struct volume *volume, char *text,
			  struct guest_msg *why)
{
	enum { TAG, MODE, KIND, OPTIONS, NUM_WORDS };
	char *word[NUM_WORDS];
	char *path = take_words(text, word, NUM_WORDS);

	if (!path || path[0] != '/')
		return report_fail(why, -EINVAL, "initramfs: volume '%.40s'",
				   text);
	*volume = (struct volume){
		.tag = word[TAG],
		.flags = strcmp(word[MODE], "ro") ? 0 : MS_RDONLY,
		.options = strcmp(word[OPTIONS], "-") ? word[OPTIONS] : NULL,
		.path = path,
		.is_file = !strcmp(word[KIND], "file"),
	};
	if (!volume->is_file)
		return 0;
	volume->file_fd = rootfs_take_file(volume->tag, GUEST_VOLUME_FILE,
					   volume->flags, volume->options);
	return volume->file_fd < 0 ? fail_volume(why, volume->file_fd, volume)
				   : 0;
}

int volumes_prepare(struct volumes *v, const struct plan *plan,
		    struct guest_msg *why)
{
	char **text = plan->list[GUEST_SPEC_VOLUME];
	int err = 0;

	v->cnt = 0;
	for (; *text && !err; text++)
		err = prepare_volume(&v->volume[v->cnt++], *text, why);
	return err;
}

static int mount_volume(const struct volume *volume)
{
	int err = volume->is_file ? make_file(volume->path)
				  : make_path(volume->path);

	if (err)
		return err;
	if (!volume->is_file)
		return rootfs_mount_share(volume->tag, volume->path,
					  volume->flags, volume->options);
	err = rootfs_mount_file(volume->file_fd, volume->path);
	close(volume->file_fd);
	return err;
}

int volumes_mount(const struct volumes *v, struct guest_msg *why)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < v->cnt; i++) {
		err = mount_volume(&v->volume[i]);
		if (err)
			fail_volume(why, err, &v->volume[i]);
	}
	return err;
}
