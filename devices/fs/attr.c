/*
 * Attributes of a file and of its file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "devices/fs/facts.h"
#include "devices/fs/fuse_abi.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
	SETATTR_KNOWN = FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE |
			FATTR_ATIME | FATTR_MTIME | FATTR_FH | FATTR_ATIME_NOW |
			FATTR_MTIME_NOW | FATTR_LOCKOWNER | FATTR_CTIME |
			FATTR_KILL_SUIDGID,
};

/* Reply with the attributes of the request's inode. */
static int put_attr(struct fs_request *req)
{
	struct fuse_attr_out out = {0};
	struct fuse_versions versions;
	struct statx stx;
	int err;

	facts_of_file(req, req->inode, &versions);
	err = owner_stat(req, req->inode->fd, "", STATX_BASIC_STATS, &stx);
	if (err)
		return err;
	out.attr_valid = facts_valid_s(req, versions.attr_index);
	request_fill_attr(req, &stx, &out.attr);
	request_told(req, req->header.nodeid, &out.attr);
	request_put(req, &out, sizeof(out));
	return facts_put(req, &versions);
}

int fs_op_getattr(struct fs_request *req)
{
	const struct fuse_getattr_in *arg = req->arg;
	struct handle *handle;

	/* The handle's file is the inode's: it only has to be right. */
	if (arg->getattr_flags & FUSE_GETATTR_FH && arg->fh) {
		handle = handle_get(&req->fs->handles, arg->fh, HANDLE_FILE,
				    req->header.nodeid);
		if (!handle)
			return -EBADF;
		handle_put(&req->fs->handles, handle);
	}
	return put_attr(req);
}

static struct fuse_sx_time sx_time(const struct statx_timestamp *time)
{
	return (struct fuse_sx_time){
		.tv_sec = time->tv_sec,
		.tv_nsec = time->tv_nsec,
	};
}

static void fill_statx(const struct fs_request *req, const struct statx *stx,
		       struct fuse_statx *out)
{
	struct fuse_attr attr;

	request_fill_attr(req, stx, &attr);
	*out = (struct fuse_statx){
		.mask = stx->stx_mask & (STATX_BASIC_STATS | STATX_BTIME),
		.blksize = attr.blksize,
		.attributes = stx->stx_attributes,
		.attributes_mask = stx->stx_attributes_mask,
		.nlink = attr.nlink,
		.uid = attr.uid,
		.gid = attr.gid,
		.mode = stx->stx_mode,
		.ino = attr.ino,
		.size = attr.size,
		.blocks = attr.blocks,
		.atime = sx_time(&stx->stx_atime),
		.btime = sx_time(&stx->stx_btime),
		.ctime = sx_time(&stx->stx_ctime),
		.mtime = sx_time(&stx->stx_mtime),
		.rdev_major = stx->stx_rdev_major,
		.rdev_minor = stx->stx_rdev_minor,
	};
}

int fs_op_statx(struct fs_request *req)
{
	struct fuse_statx_out out = {0};
	struct fuse_versions versions;
	struct statx stx;
	int err;

	facts_of_file(req, req->inode, &versions);
	err = owner_stat(req, req->inode->fd, "",
			 STATX_BASIC_STATS | STATX_BTIME, &stx);
	if (err)
		return err;
	out.attr_valid = facts_valid_s(req, versions.attr_index);
	fill_statx(req, &stx, &out.stat);
	dax_show(&req->fs->dax, req->header.nodeid, stx.stx_size);
	request_put(req, &out, sizeof(out));
	return facts_put(req, &versions);
}

/* Refuse numbers that the system calls below would understand as something
 * else, before anything is changed.
 */
static int check_setattr(const struct fuse_setattr_in *arg)
{
	if (arg->valid & ~SETATTR_KNOWN)
		return -EINVAL;
	if (arg->valid & FATTR_UID && arg->uid == (uid_t)-1)
		return -EINVAL;
	if (arg->valid & FATTR_GID && arg->gid == (gid_t)-1)
		return -EINVAL;
	if (arg->valid & FATTR_SIZE && arg->size > INT64_MAX)
		return -EFBIG;
	if (arg->valid & FATTR_ATIME && arg->atimensec >= NS_PER_S)
		return -EINVAL;
	if (arg->valid & FATTR_MTIME && arg->mtimensec >= NS_PER_S)
		return -EINVAL;
	return 0;
}

static int change_owner(struct fs_request *req,
			const struct fuse_setattr_in *arg)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int err = 0;

	if (!(arg->valid & (FATTR_UID | FATTR_GID)))
		return 0;
	if (arg->valid & FATTR_UID)
		err = idmap_to_host(&req->fs->uid, arg->uid, &uid);
	if (!err && arg->valid & FATTR_GID)
		err = idmap_to_host(&req->fs->gid, arg->gid, &gid);
	if (err)
		return err;
	if (req->fs->owner == FS_OWNER_XATTR)
		return owner_chown(req, uid, gid);
	if (fchownat(req->inode->fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* Truncate by the guest's handle, or without one by a descriptor of our own. */
static int change_size(struct fs_request *req,
		       const struct fuse_setattr_in *arg)
{
	struct creds *creds = &req->worker->creds;
	int own_fd = -1;
	int fd, err = 0;

	if (!(arg->valid & FATTR_SIZE))
		return 0;
	if (!req->handle) {
		own_fd = request_open_inode(req, req->inode->fd,
					    req->inode->type, O_WRONLY);
		if (own_fd < 0)
			return own_fd;
	}
	fd = req->handle ? req->handle->fd : own_fd;
	if (arg->valid & FATTR_KILL_SUIDGID)
		err = request_kill_set_id(req, fd);
	if (!err && ftruncate(fd, (off_t)arg->size) < 0)
		err = -errno;
	creds_restore(creds);
	fd_close(&own_fd);
	return err;
}

static int change_mode(struct fs_request *req,
		       const struct fuse_setattr_in *arg)
{
	char name[FD_NAME_LEN];

	if (!(arg->valid & FATTR_MODE))
		return 0;
	if (req->fs->owner == FS_OWNER_XATTR)
		return owner_chmod(req, arg->mode);
	fd_name(name, req->inode->fd);
	if (fchmodat(req->fs->proc_fd, name, arg->mode & FS_MODE_BITS, 0) < 0)
		return -errno;
	return 0;
}

static int change_times(struct fs_request *req,
			const struct fuse_setattr_in *arg)
{
	struct timespec times[] = {
		{(time_t)arg->atime, arg->atimensec},
		{(time_t)arg->mtime, arg->mtimensec},
	};

	if (!(arg->valid & (FATTR_ATIME | FATTR_MTIME)))
		return 0;
	if (!(arg->valid & FATTR_ATIME))
		times[0].tv_nsec = UTIME_OMIT;
	else if (arg->valid & FATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	if (!(arg->valid & FATTR_MTIME))
		times[1].tv_nsec = UTIME_OMIT;
	else if (arg->valid & FATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	if (utimensat(req->inode->fd, "", times, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int fs_op_setattr(struct fs_request *req)
{
	static int (*const steps[])(struct fs_request *,
				    const struct fuse_setattr_in *) = {
		change_owner, change_size, change_mode, change_times};
	const struct fuse_setattr_in *arg = req->arg;
	int err = check_setattr(arg);

	if (!err && arg->valid & FATTR_FH && arg->fh) {
		req->handle = handle_get(&req->fs->handles, arg->fh,
					 HANDLE_FILE, req->header.nodeid);
		err = req->handle ? 0 : -EBADF;
	}
	if (err)
		return err;
	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(*steps); i++)
		err = steps[i](req, arg);
	/* Also if it was done in part only. */
	facts_file_changed(req->fs, req->inode);
	return err ? err : put_attr(req);
}

int fs_op_statfs(struct fs_request *req)
{
	struct fuse_statfs_out out = {0};
	struct statfs st;

	if (fstatfs(req->inode->fd, &st) < 0)
		return -errno;
	out.st = (struct fuse_kstatfs){
		.blocks = st.f_blocks,
		.bfree = st.f_bfree,
		.bavail = st.f_bavail,
		.files = st.f_files,
		.ffree = st.f_ffree,
		.bsize = st.f_bsize,
		.namelen = st.f_namelen,
		.frsize = st.f_frsize,
	};
	return request_put(req, &out, sizeof(out));
}
