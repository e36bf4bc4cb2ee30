/*
 * A root whose changes go elsewhere: the kernel's overlayfs, with the share as
 * its lower layer.
 */
#ifndef BOOT_GUEST_OVERLAY_H
#define BOOT_GUEST_OVERLAY_H

#include "boot/guest/abi.h"

/**
 * overlay_mount() - Put an overlay on a directory
 * @upper:	Value of GUEST_SPEC_OVERLAY
 * @lower:	Mounted; what is there is not changed
 * @target:	Mount point of the overlay, which is made
 * @why:	Set on failure
 *
 * A share as upper layer gets directories "upper", with what was changed, and
 * "work". An upper layer that was used before goes on being used.
 *
 * Return: 0 or a negative errno
 */
int overlay_mount(const char *upper, const char *lower, const char *target,
		  struct guest_msg *why);

#endif /* BOOT_GUEST_OVERLAY_H */
