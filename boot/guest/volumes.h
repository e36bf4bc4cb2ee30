/*
 * Shares that init mounts for the user.
 */
#ifndef BOOT_GUEST_VOLUMES_H
#define BOOT_GUEST_VOLUMES_H

#include <stdbool.h>

#include "boot/guest/abi.h"

struct plan;

/**
 * struct volume - One of them; strings are borrowed from the plan
 * @tag:	Of its device
 * @flags:	MS_*
 * @options:	To mount it with, NULL for none
 * @path:	Where
 * @is_file:	A single file of the share, not its root directory
 * @file_fd:	That file, until it is mounted
 */
struct volume {
	const char *tag;
	unsigned long flags;
	const char *options;
	char *path;
	bool is_file;
	int file_fd;
};

/**
 * struct volumes - All of them
 * @volume:	In the order in which they are mounted
 * @cnt:	How many
 */
struct volumes {
	struct volume volume[GUEST_MAX_VOLUMES];
	unsigned int cnt;
};

/**
 * volumes_prepare() - Read what there is to mount, and take files, in the
 *		       initramfs
 * @v:		Filled
 * @plan:	Names them; cut up in place, must outlive @v
 * @why:	Set on failure
 *
 * A share that is a single file has to be mounted somewhere before the file can
 * be: here, where nobody sees it and nothing has to be made for it.
 *
 * Return: 0 or a negative errno
 */
int volumes_prepare(struct volumes *v, const struct plan *plan,
		    struct guest_msg *why);

/**
 * volumes_mount() - Mount all volumes, in the root
 * @v:		From volumes_prepare()
 * @why:	Set on failure
 *
 * Nothing is written into a share: a mount point that is not there is made only
 * where the file system is the guest's own.
 *
 * Return: 0 or a negative errno
 */
int volumes_mount(const struct volumes *v, struct guest_msg *why);

#endif /* BOOT_GUEST_VOLUMES_H */
