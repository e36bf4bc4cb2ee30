/*
 * What the guest's kernel wants to see in the window (virtio 1.2, 5.11.6.4).
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
	MAPPING_FLAGS =
		FUSE_SETUPMAPPING_FLAG_READ | FUSE_SETUPMAPPING_FLAG_WRITE,
	REMOVE_MAX = EXTENT_PAGE / sizeof(struct fuse_removemapping_one),
};
static_assert(REMOVE_MAX * sizeof(struct fuse_removemapping_one) <= FS_DATA_LEN,
	      "all fit the worker's memory");

/* Open the request's file, under no name that the guest could know. */
static int open_unnamed(struct fs_request *req, bool write,
			struct handle **handle)
{
	struct handle_table *handles = &req->fs->handles;
	uint64_t fh;
	int err, fd;

	fd = request_open_inode(req, req->inode->fd, req->inode->type,
				write ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	err = handle_add(handles, fd, write, req->inode, &fh);
	if (err)
		return err;
	*handle = handle_get(handles, fh, HANDLE_FILE, req->header.nodeid);
	/* NULL if a reset came in between. */
	if (!*handle)
		return -ESTALE;
	handle_release(handles, *handle);
	return 0;
}

static int check_mapping(const struct fs_request *req,
			 const struct fuse_setupmapping_in *arg)
{
	if (!request_agreed(req, FUSE_MAP_ALIGNMENT))
		return -ENOSYS;
	if (!arg->flags || arg->flags & ~(uint64_t)MAPPING_FLAGS)
		return -EINVAL;
	if (!extents_range_ok(req->fs->dax.len, arg->moffset, arg->len) ||
	    !extents_range_ok(align_down(INT64_MAX, EXTENT_PAGE), arg->foffset,
			      arg->len))
		return -EINVAL;
	if (!S_ISREG(req->inode->type))
		return -ENODEV;
	if (arg->flags & FUSE_SETUPMAPPING_FLAG_WRITE && req->fs->read_only)
		return -EROFS;
	return 0;
}

/* A caller without CAP_FSETID wants to write, and will not say so once more:
 * the file loses the bits that it would lose by a write.
 */
static int drop_set_id(const struct fs_request *req)
{
	int fd = req->inode->fd;
	char name[FD_NAME_LEN];
	struct statx stx;
	mode_t mode;

	if (!req->header.uid)
		return 0;
	if (statx(fd, "", AT_EMPTY_PATH, OWNER_STATX_MASK, &stx) < 0)
		return -errno;
	if (req->fs->owner == FS_OWNER_XATTR)
		return owner_drop_set_id(req, fd, &stx);
	mode = stx.stx_mode & ~S_ISUID & FS_MODE_BITS;
	if (mode & S_IXGRP)
		mode &= ~S_ISGID;
	if (mode == (stx.stx_mode & FS_MODE_BITS))
		return 0;
	fd_name(name, fd);
	return fchmodat(req->fs->proc_fd, name, mode, 0) < 0 ? -errno : 0;
}

int fs_op_setupmapping(struct fs_request *req)
{
	const struct fuse_setupmapping_in *arg = req->arg;
	struct dax *dax = &req->fs->dax;
	struct dax_range range = {
		.at = arg->moffset,
		.len = arg->len,
		.offset = arg->foffset,
		.write = arg->flags & FUSE_SETUPMAPPING_FLAG_WRITE,
		.fact = facts_file_counter(req->fs, req->inode),
	};
	struct handle *handle;
	int err = check_mapping(req, arg);

	if (!err && range.write)
		err = drop_set_id(req);
	if (err)
		return err;
	/* Its set-ID bits may have gone. */
	if (range.write)
		facts_file_changed(req->fs, req->inode);
	err = dax_map(dax, req->header.nodeid, NULL, &range);
	if (err != -EBADF)
		return err;
	err = open_unnamed(req, range.write, &handle);
	return err ? err : dax_map(dax, req->header.nodeid, handle, &range);
}

/* Take and check all ranges before any is removed. */
static int take_ranges(struct fs_request *req,
		       struct fuse_removemapping_one *one, uint32_t cnt)
{
	if (!cnt || cnt > REMOVE_MAX)
		return -EINVAL;
	if (!iov_take(req->in, one, cnt * sizeof(*one)))
		return -EINVAL;
	for (uint32_t i = 0; i < cnt; i++) {
		if (!extents_range_ok(req->fs->dax.len, one[i].moffset,
				      one[i].len))
			return -EINVAL;
	}
	return 0;
}

/* Add a range to one that it touches. */
static bool join(struct fuse_removemapping_one *to,
		 const struct fuse_removemapping_one *one)
{
	if (to->moffset + to->len == one->moffset) {
		to->len += one->len;
		return true;
	}
	if (one->moffset + one->len == to->moffset) {
		to->moffset = one->moffset;
		to->len += one->len;
		return true;
	}
	return false;
}

int fs_op_removemapping(struct fs_request *req)
{
	const struct fuse_removemapping_in *arg = req->arg;
	struct fuse_removemapping_one *one = (void *)req->worker->data;
	struct fuse_removemapping_one run;
	int err;

	if (!request_agreed(req, FUSE_MAP_ALIGNMENT))
		return -ENOSYS;
	err = take_ranges(req, one, arg->count);
	if (err)
		return err;
	run = one[0];
	for (uint32_t i = 1; !err && i < arg->count; i++) {
		if (join(&run, &one[i]))
			continue;
		err = dax_unmap(&req->fs->dax, run.moffset, run.len);
		run = one[i];
	}
	return err ? err : dax_unmap(&req->fs->dax, run.moffset, run.len);
}
