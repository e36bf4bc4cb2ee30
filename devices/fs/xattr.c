/*
 * Extended attributes.
 *
 * Theory of operation: these calls take no O_PATH descriptor, so a file is
 * named by its number below the working directory, which is /proc/self/fd
 * (creds.h). Access control lists are neither shown to nor taken from a guest
 * that would store but not obey them (no FUSE_POSIX_ACL). The attribute in
 * which the server keeps a file's owner is not there for the guest (owner.h).
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "devices/fs/acl.h"
#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

#define ACL_PREFIX "system.posix_acl_"
#define TRUSTED_PREFIX "trusted."

static bool is_acl(const char *name)
{
	return !strncmp(name, ACL_PREFIX, strlen(ACL_PREFIX));
}

static bool hidden(const struct fs_request *req, const char *name)
{
	return is_acl(name) && !request_agreed(req, FUSE_POSIX_ACL);
}

int fs_op_setxattr(struct fs_request *req)
{
	/* Dispatch has filled up the short form. */
	const struct fuse_setxattr_in *arg = req->arg;
	struct creds *creds = &req->worker->creds;
	char path[FD_NAME_LEN];
	int err = 0;

	if (arg->size > FS_DATA_LEN)
		return -E2BIG;
	if (arg->size != req->in->left)
		return -EINVAL;
	if (hidden(req, req->name[0]))
		return -EOPNOTSUPP;
	if (owner_is_attribute(req->fs, req->name[0]))
		return -EPERM;
	iov_take(req->in, req->worker->data, arg->size);
	if (is_acl(req->name[0]))
		err = acl_to_host(req->fs, req->worker->data, arg->size);
	if (err)
		return err;
	/* The caller may not keep a set-group-ID bit with the new list. */
	if (arg->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID)
		err = request_kill_set_id(req, req->inode->fd);
	if (!err && setxattr(fd_name(path, req->inode->fd), req->name[0],
			     req->worker->data, arg->size, (int)arg->flags) < 0)
		err = -errno;
	creds_restore(creds);
	facts_file_changed(req->fs, req->inode);
	return err;
}

/* Reply with @len bytes of the worker's memory, or just with the length if the
 * guest gave no room.
 */
static int put_data(struct fs_request *req, size_t len)
{
	const struct fuse_getxattr_in *arg = req->arg;
	struct fuse_getxattr_out out = {.size = len};

	if (!arg->size)
		return request_put(req, &out, sizeof(out));
	if (len > arg->size)
		return -ERANGE;
	return request_put(req, req->worker->data, len);
}

int fs_op_getxattr(struct fs_request *req)
{
	const struct fuse_getxattr_in *arg = req->arg;
	/* The host's kernel allocates what it is offered. */
	size_t room = MIN(arg->size, FS_DATA_LEN);
	char path[FD_NAME_LEN];
	ssize_t len;
	int err = 0;

	if (hidden(req, req->name[0]))
		return -EOPNOTSUPP;
	if (owner_is_attribute(req->fs, req->name[0]))
		return -ENODATA;
	len = getxattr(fd_name(path, req->inode->fd), req->name[0],
		       req->worker->data, room);
	if (len < 0)
		return -errno;
	if (room && is_acl(req->name[0]))
		err = acl_to_guest(req->fs, req->worker->data, len);
	return err ? err : put_data(req, len);
}

/* Others than root do not even see the names of trusted attributes. */
static bool is_secret(const struct fs_request *req, const char *name)
{
	return req->header.uid &&
	       !strncmp(name, TRUSTED_PREFIX, strlen(TRUSTED_PREFIX));
}

int fs_op_listxattr(struct fs_request *req)
{
	char *names = req->worker->data;
	char path[FD_NAME_LEN];
	size_t name_len, kept = 0;
	ssize_t len;

	len = listxattr(fd_name(path, req->inode->fd), names, FS_DATA_LEN);
	if (len < 0)
		return -errno;
	for (size_t at = 0; at < (size_t)len; at += name_len) {
		name_len = strlen(names + at) + 1;
		if (hidden(req, names + at) || is_secret(req, names + at) ||
		    owner_is_attribute(req->fs, names + at))
			continue;
		memmove(names + kept, names + at, name_len);
		kept += name_len;
	}
	return put_data(req, kept);
}

int fs_op_removexattr(struct fs_request *req)
{
	char path[FD_NAME_LEN];

	if (hidden(req, req->name[0]))
		return -EOPNOTSUPP;
	if (owner_is_attribute(req->fs, req->name[0]))
		return -EPERM;
	if (removexattr(fd_name(path, req->inode->fd), req->name[0]) < 0)
		return -errno;
	facts_file_changed(req->fs, req->inode);
	return 0;
}
