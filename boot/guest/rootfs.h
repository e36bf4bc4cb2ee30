/*
 * File systems: those of the initramfs, and the share as the root.
 */
#ifndef BOOT_GUEST_ROOTFS_H
#define BOOT_GUEST_ROOTFS_H

#include <stdbool.h>

#include "boot/guest/abi.h"

/**
 * rootfs_early() - Mount /sys and /dev in the initramfs, make 0, 1 and 2 valid
 * @why:	Set on failure
 *
 * Return: 0 or a negative errno
 */
int rootfs_early(struct guest_msg *why);

/**
 * rootfs_mount_share() - Mount a share
 * @tag:	Tag of the virtio-fs device
 * @target:	Mount point
 * @flags:	MS_*
 * @options:	Mount options, NULL for none; tried without them if the
 *		kernel refuses them: kernels differ in those that they know
 *
 * Return: 0 or a negative errno
 */
int rootfs_mount_share(const char *tag, const char *target, unsigned long flags,
		       const char *options);

/**
 * rootfs_take_file() - Take a file of a share, for rootfs_mount_file()
 * @tag:	Tag of the virtio-fs device
 * @name:	File in its root directory
 * @flags:	MS_*
 * @options:	As for rootfs_mount_share()
 *
 * Needs the initramfs. The share itself is mounted nowhere afterwards.
 *
 * Return: a descriptor [owned by the caller] or a negative errno
 */
int rootfs_take_file(const char *tag, const char *name, unsigned long flags,
		     const char *options);

/**
 * rootfs_mount_file() - Put a file over another one
 * @file_fd:	From rootfs_take_file(), once
 * @target:	The other one
 *
 * Return: 0 or a negative errno
 */
int rootfs_mount_file(int file_fd, const char *target);

/**
 * rootfs_enter() - Mount the share and make it the root directory
 * @tag:	Tag of the virtio-fs device
 * @read_only:	Mount it so
 * @options:	Mount options, NULL for none
 * @overlay:	Value of GUEST_SPEC_OVERLAY, NULL for none
 * @why:	Set on failure
 *
 * The initramfs is emptied. Nothing is mounted below the new root yet.
 *
 * Return: 0 or a negative errno
 */
int rootfs_enter(const char *tag, bool read_only, const char *options,
		 const char *overlay, struct guest_msg *why);

/**
 * rootfs_populate() - Mount what programs expect: /proc, /sys, /dev, /run
 * @control_fd:	Receives a WARNING for each mount point that is missing
 * @why:	Set on failure
 *
 * Nothing is written into the share, so a missing mount point stays missing.
 *
 * Return: 0 or a negative errno
 */
int rootfs_populate(int control_fd, struct guest_msg *why);

/**
 * rootfs_mount_tmp() - Mount a file system in memory on /tmp
 * @size:	Bytes, decimal
 * @why:	Set on failure
 *
 * Return: 0 or a negative errno
 */
int rootfs_mount_tmp(const char *size, struct guest_msg *why);

#endif /* BOOT_GUEST_ROOTFS_H */
