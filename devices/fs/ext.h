/*
 * What a guest may add to a request that makes a file: security contexts and
 * supplementary groups (<linux/fuse.h>, struct fuse_secctx_header, struct
 * fuse_ext_header).
 */
#ifndef DEVICES_FS_EXT_H
#define DEVICES_FS_EXT_H

#include <stddef.h>
#include <stdint.h>

struct fs_request;

/**
 * struct fs_ext - Extensions of a request, in the worker's memory
 * @label_name:	Attribute that holds the security context, NULL if there is none
 * @label:	Its value
 * @label_len:	Bytes of it
 * @group:	Supplementary groups of the caller that matter here, the host's
 * @group_cnt:	How many
 */
struct fs_ext {
	const char *label_name;
	const void *label;
	size_t label_len;
	uint32_t *group;
	uint32_t group_cnt;
};

/**
 * ext_take() - Take all extensions of a request, what follows its strings
 *
 * Return: 0, or -EINVAL if they are not well formed, come twice or are too many
 */
int ext_take(struct fs_request *req, struct fs_ext *ext);

/**
 * ext_label() - Give a new file its security context, if it was sent one
 * @ext:	Extensions
 * @fd:		Descriptor of the file, O_PATH will do
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): setxattr
 */
int ext_label(const struct fs_ext *ext, int fd);

#endif /* DEVICES_FS_EXT_H */
