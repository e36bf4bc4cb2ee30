/*
 * Access control lists as attributes carry them (system.posix_acl_access and
 * system.posix_acl_default, <linux/posix_acl_xattr.h>), and the ids in them.
 */
#ifndef DEVICES_FS_ACL_H
#define DEVICES_FS_ACL_H

#include <stddef.h>

struct fs;

/**
 * acl_to_host() - Translate the ids of a list that the guest stores
 * @fs:		Whose translations
 * @value:	Value of the attribute, changed in place, also on failure
 * @len:	Its length
 *
 * Whether the list makes sense is for the host's kernel to say; here its
 * length, its version and its tags must be known.
 *
 * Return: 0, -EINVAL if it is malformed, -EPERM if it names an id that the
 *	   guest may not use
 */
int acl_to_host(const struct fs *fs, void *value, size_t len);

/**
 * acl_to_guest() - Translate the ids of a list that the guest is to see
 *
 * Parameters as acl_to_host().
 *
 * Return: 0 or -EINVAL if it is malformed
 */
int acl_to_guest(const struct fs *fs, void *value, size_t len);

#endif /* DEVICES_FS_ACL_H */
