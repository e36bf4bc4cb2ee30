/*
 * A root whose changes go elsewhere: the kernel's overlayfs.
 */
#include "boot/guest/overlay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/guest/report.h"

/* In the initramfs, which nobody sees later. */
#define LAYER "/layer"
#define UPPER LAYER "/upper"
#define WORK LAYER "/work"

enum { TEXT_LEN = 256 };

/* Mount what the upper layer is kept in. */
static int mount_layer(const char *upper, bool *trusted)
{
	char tag[TEXT_LEN] = "";
	const char *word = strchr(upper, ' ');

	mkdir(LAYER, 0755);
	*trusted = true;
	if (!word)
		return mount("tmpfs", LAYER, "tmpfs", 0, "mode=0755");
	*trusted = !strcmp(word, " trusted");
	snprintf(tag, sizeof(tag), "%.*s", (int)(word - upper), upper);
	return mount(tag, LAYER, "virtiofs", 0, NULL);
}

/* Make the directories. The upper one is the root in the guest: new, it looks
 * like the lower one.
 */
static int make_directories(const char *lower)
{
	struct stat st;

	if (mkdir(WORK, 0700) && errno != EEXIST)
		return -1;
	if (mkdir(UPPER, 0755))
		return errno == EEXIST ? 0 : -1;
	if (stat(lower, &st) || chown(UPPER, st.st_uid, st.st_gid))
		return -1;
	return chmod(UPPER, st.st_mode & 07777);
}

int overlay_mount(const char *upper, const char *lower, const char *target,
		  struct guest_msg *why)
{
	char options[TEXT_LEN];
	bool trusted;

	mkdir(target, 0755);
	if (mount_layer(upper, &trusted) || make_directories(lower))
		return report_fail(why, -errno,
				   "overlay: a place for changes: %s",
				   strerror(errno));
	/* Directories of the lower layer can be renamed: with attributes that
	 * users could forge, the kernel refuses that.
	 */
	snprintf(options, sizeof(options),
		 "lowerdir=%s,upperdir=" UPPER ",workdir=" WORK ",%s", lower,
		 trusted ? "redirect_dir=on" : "userxattr");
	if (mount("overlay", target, "overlay", 0, options))
		return report_fail(why, -errno, "overlay: mount failed: %s",
				   strerror(errno));
	return 0;
}
