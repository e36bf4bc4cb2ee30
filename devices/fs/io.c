/*
 * File contents, moved between the host's file and the guest's memory without
 * a copy in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"

/* preadv2() or pwritev2() */
typedef ssize_t move_fn(int fd, const struct iovec *iov, int cnt, off_t offset,
			int flags);

/* Is this an offset, with as many bytes behind it? */
static bool range_ok(uint64_t offset, uint64_t len)
{
	return offset <= INT64_MAX && len <= INT64_MAX - offset;
}

/* Move all of @memory, unless the file or its device ends before. One call
 * takes so many segments that only a strange guest causes a second one.
 *
 * Return: bytes moved, or a negative errno if that is none
 */
static ssize_t move_all(struct fs_request *req, struct iov_cursor *memory,
			move_fn *move, uint64_t offset, int flags)
{
	struct iovec *iov = req->worker->iov;
	unsigned int cnt = FS_MAX_SEGMENTS;
	ssize_t n, done = 0;

	while (memory->left && cnt == FS_MAX_SEGMENTS) {
		cnt = iov_list(memory, iov, FS_MAX_SEGMENTS, memory->left);
		n = move(req->handle->fd, iov, (int)cnt, (off_t)offset + done,
			 flags);
		if (n < 0)
			return done ? done : -errno;
		if (!n)
			break;
		done += n;
		iov_skip(memory, n);
	}
	return done;
}

int fs_op_read(struct fs_request *req)
{
	const struct fuse_read_in *arg = req->arg;
	size_t len = MIN(arg->size, FS_MAX_DATA);
	ssize_t n;

	if (!range_ok(arg->offset, arg->size))
		return -EINVAL;
	iov_cut(req->out, len);
	n = move_all(req, req->out, preadv2, arg->offset, 0);
	if (n < 0)
		return (int)n;
	req->reply_len = n;
	return 0;
}

/* The guest's kernel knows the end of the file only as it was; "append" means
 * where it is now. Not for what comes from its cache: that has its place, and
 * the handle was a guess. Nor for O_DIRECT, whose parts may overtake each
 * other: at the end they would be in the wrong order.
 */
static int write_flags(const struct fuse_write_in *arg)
{
	if (!(arg->flags & O_APPEND) || arg->flags & O_DIRECT ||
	    arg->write_flags & FUSE_WRITE_CACHE)
		return 0;
	return RWF_APPEND;
}

int fs_op_write(struct fs_request *req)
{
	const struct fuse_write_in *arg = req->arg;
	struct creds *creds = &req->worker->creds;
	struct fuse_write_out out = {0};
	ssize_t n = 0;

	if (arg->size > FS_MAX_DATA || arg->size > req->in->left ||
	    !range_ok(arg->offset, arg->size))
		return -EINVAL;
	iov_cut(req->in, arg->size);
	if (arg->write_flags & FUSE_WRITE_KILL_SUIDGID)
		n = request_kill_set_id(req, req->handle->fd);
	if (!n)
		n = move_all(req, req->in, pwritev2, arg->offset,
			     write_flags(arg));
	creds_restore(creds);
	facts_file_changed(req->fs, req->handle->inode);
	if (n < 0)
		return (int)n;
	out.size = n;
	dax_show(&req->fs->dax, req->header.nodeid, arg->offset + n);
	return request_put(req, &out, sizeof(out));
}
