/*
 * Shares that init mounts for the user.
 */
#ifndef BOOT_GUEST_VOLUMES_H
#define BOOT_GUEST_VOLUMES_H

#include "boot/guest/abi.h"

struct plan;

/**
 * volumes_mount() - Mount all volumes, in the root
 * @plan:	Names them
 * @why:	Set on failure
 *
 * Nothing is written into a share: a mount point that is not there is made only
 * where the file system is the guest's own.
 *
 * Return: 0 or a negative errno
 */
int volumes_mount(const struct plan *plan, struct guest_msg *why);

#endif /* BOOT_GUEST_VOLUMES_H */
