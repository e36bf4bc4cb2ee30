/*
 * Volumes as the user writes them: HOST:GUEST[:OPTION...].
 */
#include "vmm/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "boot/guest/abi.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/share.h"

#define UPPER_TAG CONFIG_OWN_TAGS "overlay"

/* By index of the share. */
static const char *const tags[] = {
	CONFIG_OWN_TAGS "volume-1",  CONFIG_OWN_TAGS "volume-2",
	CONFIG_OWN_TAGS "volume-3",  CONFIG_OWN_TAGS "volume-4",
	CONFIG_OWN_TAGS "volume-5",  CONFIG_OWN_TAGS "volume-6",
	CONFIG_OWN_TAGS "volume-7",  CONFIG_OWN_TAGS "volume-8",
	CONFIG_OWN_TAGS "volume-9",  CONFIG_OWN_TAGS "volume-10",
	CONFIG_OWN_TAGS "volume-11", CONFIG_OWN_TAGS "volume-12",
	CONFIG_OWN_TAGS "volume-13", CONFIG_OWN_TAGS "volume-14",
	CONFIG_OWN_TAGS "volume-15",
};
_Static_assert(ARRAY_SIZE(tags) == CONFIG_MAX_SHARES, "a tag for each");
_Static_assert(GUEST_MAX_VOLUMES >= (int)CONFIG_MAX_SHARES, "init has room");

/* No component is "." or "..". */
static bool is_straight(const char *path)
{
	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (path[0] == '.' &&
		    (len == 1 || (len == 2 && path[1] == '.')))
			return false;
		path += len;
	}
	return true;
}

/* Leave one '/' where there are several, and none at the end. */
static void normalise(char *path)
{
	const char *from = path;
	char *to = path;

	while (*(from += strspn(from, "/"))) {
		size_t len = strcspn(from, "/");

		*to++ = '/';
		memmove(to, from, len);
		to += len;
		from += len;
	}
	*to = '\0';
}

static int check_guest(const struct config *config, char *guest,
		       struct fail *fail)
{
	if (guest[0] != '/' || !guest[strspn(guest, "/")] ||
	    !is_straight(guest))
		return fail_set(fail, -EINVAL,
				"--volume GUEST %s: not a place for a volume; "
				"give an absolute path without '.' and '..', "
				"not / itself",
				guest);
	normalise(guest);
	for (unsigned int i = 0; i < config->share_cnt; i++) {
		if (config->share[i].mount &&
		    !strcmp(config->share[i].mount, guest))
			return fail_set(fail, -EINVAL,
					"--volume GUEST %s: another volume is "
					"there; give a different path",
					guest);
	}
	return 0;
}

static int take_guest(struct config *config, struct config_share *share,
		      char *guest, struct fail *fail)
{
	int err = check_guest(config, guest, fail);

	share->mount = guest;
	share->tag = tags[config->share_cnt];
	return err;
}

int volume_parse(struct config *config, char *text, struct fail *fail)
{
	static const struct share_form form = {"--volume", "GUEST", take_guest};

	return share_parse_form(config, &form, text, fail);
}

int volume_add_upper(struct config *config, struct fail *fail)
{
	struct config_share *share = &config->share[config->share_cnt];

	if (!config->overlay_dir)
		return 0;
	if (config->share_cnt == CONFIG_MAX_SHARES)
		return fail_set(fail, -EINVAL,
				"--overlay %s: there are %d shares already; "
				"leave one out",
				config->overlay_dir, CONFIG_MAX_SHARES);
	*share = (struct config_share){
		.option = "--overlay",
		.dir = config->overlay_dir,
		.tag = UPPER_TAG,
		.fs = SHARE_DEFAULTS,
	};
	share->fs.dax_len = 0;
	config->share_cnt++;
	return 0;
}

int volume_lock_upper(const struct config *config, const struct sandbox *sb,
		      int *lock_fd, struct fail *fail)
{
	/* The last share: see volume_add_upper(). */
	int dir_fd = sb->dir[sb->dir_cnt - 1].fd;
	autofd fd = -1;
	int err = 0;

	*lock_fd = -1;
	if (!config->overlay_dir)
		return 0;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		err = -errno;
	if (err == -EWOULDBLOCK)
		return fail_set(fail, err,
				"--overlay %s: another machine uses it; wait "
				"until that has ended, or give another "
				"directory",
				config->overlay_dir);
	if (err)
		return fail_set(fail, err,
				"--overlay %s: cannot be locked: %s; give a "
				"directory of a local file system that you may "
				"read",
				config->overlay_dir, strerror(-err));
	*lock_fd = fd_take(&fd);
	return 0;
}

const char *volume_mount_options(const struct fs_config *fs)
{
	if (!fs->dax_len)
		return NULL;
	return fs->dax_min ? "dax=inode" : "dax=always";
}

const char *volume_upper(const struct config *config, const struct sandbox *sb)
{
	if (!config->overlay)
		return NULL;
	if (!config->overlay_dir)
		return GUEST_OVERLAY_MEMORY;
	/* Only the host's root may write what only root may read. */
	return sandbox_ids(sb).ids == USERNS_HOST ? UPPER_TAG " trusted"
						  : UPPER_TAG " user";
}

/* A path comes before all that is below it. */
static int compare(const void *left, const void *right)
{
	const struct guest_volume *l = left, *r = right;

	return strcmp(l->path, r->path);
}

void volume_list(const struct config *config, int files,
		 struct guest_volume list[CONFIG_MAX_SHARES + 1])
{
	unsigned int cnt = 0;

	for (unsigned int i = 0; i < config->share_cnt; i++) {
		const struct config_share *share = &config->share[i];

		if (share->mount)
			list[cnt++] = (struct guest_volume){
				.tag = share->tag,
				.path = share->mount,
				.options = volume_mount_options(&share->fs),
				.read_only = share->fs.read_only,
				.is_file = files & BIT(i),
			};
	}
	qsort(list, cnt, sizeof(list[0]), compare);
	list[cnt] = (struct guest_volume){.tag = NULL};
}
