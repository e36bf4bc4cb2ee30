/*
 * Open regular files: handles, and all that is done with them but input and
 * output.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "devices/fs/cache.h"
#include "devices/fs/ops.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
	MODE_BITS = 07777,

	/* The flags of open() that mean something to the server. Not among
	 * them: O_DIRECT, since alignment that the guest's program was told
	 * about is not that of the host's file: the guest bypasses its own
	 * cache, the host's remains. O_APPEND: WRITE says itself what is to be
	 * appended. O_CREAT, O_EXCL: CREATE's own. The rest acts in the guest.
	 */
	FLAGS_KEPT = O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME,

	FALLOCATE_KNOWN = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
			  FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
			  FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE,

	/* A thread is not lost to one request for longer than this takes. */
	COPY_MAX = 64 << 20,
};

/* The flags for the host's open(), or a negative errno. */
static int host_flags(const struct fs *fs, uint32_t flags)
{
	uint32_t access = flags & O_ACCMODE;

	if (access == O_ACCMODE)
		return -EINVAL;
	if (fs->read_only && (access != O_RDONLY || flags & O_TRUNC))
		return -EROFS;
	return (int)(flags & FLAGS_KEPT);
}

/* Make a handle of a descriptor, which is taken. */
static int fill_open(struct fs_request *req, int fd, uint64_t node_id,
		     int flags, struct fuse_open_out *out)
{
	*out = (struct fuse_open_out){
		.open_flags = cache_mode(req->fs->cache)->open_flags,
	};
	/* There is nothing to flush: spares the guest a message at close. */
	if ((flags & O_ACCMODE) == O_RDONLY)
		out->open_flags |= FOPEN_NOFLUSH;
	return handle_add(&req->fs->handles, fd, HANDLE_FILE, node_id,
			  &out->fh);
}

int fs_op_open(struct fs_request *req)
{
	const struct fuse_open_in *arg = req->arg;
	struct creds *creds = &req->worker->creds;
	int flags = host_flags(req->fs, arg->flags);
	struct fuse_open_out out;
	int fd, err = 0;

	if (flags < 0)
		return flags;
	if (S_ISDIR(req->inode->type))
		return -EISDIR;
	if (flags & O_TRUNC && arg->open_flags & FUSE_OPEN_KILL_SUIDGID)
		err = creds_drop_fsetid(creds);
	if (err)
		return err;
	fd = request_open_inode(req, req->inode->fd, req->inode->type, flags);
	creds_restore(creds);
	if (fd < 0)
		return fd;
	err = fill_open(req, fd, req->header.nodeid, flags, &out);
	return err ? err : request_put(req, &out, sizeof(out));
}

/* Tell the guest about a file that is open; @fd stays the caller's. */
static int learn_opened(struct fs_request *req, int fd,
			struct fuse_entry_out *entry)
{
	int path_fd = request_open_inode(req, fd, S_IFREG, O_PATH);

	return path_fd < 0 ? path_fd : request_learn(req, path_fd, entry);
}

/* Make the file: its descriptor, or a negative errno. */
static int make_file(struct fs_request *req, int flags)
{
	const struct fuse_create_in *arg = req->arg;
	int fd, err;

	err = request_become_caller(req);
	if (err)
		return err;
	fd = openat(req->inode->fd, req->name[0],
		    flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    arg->mode & MODE_BITS);
	if (fd < 0)
		fd = -errno;
	creds_restore(&req->worker->creds);
	if (fd == -EEXIST && !(arg->flags & O_EXCL))
		return -ESTALE;
	return fd;
}

int fs_op_create(struct fs_request *req)
{
	const struct fuse_create_in *arg = req->arg;
	int flags = host_flags(req->fs, arg->flags);
	struct fuse_entry_out entry;
	struct fuse_open_out out;
	int fd, err;

	if (flags < 0)
		return flags;
	fd = make_file(req, flags);
	if (fd < 0)
		return fd;
	err = learn_opened(req, fd, &entry);
	if (err) {
		fd_close(&fd);
		return err;
	}
	err = fill_open(req, fd, entry.nodeid, flags, &out);
	if (err) {
		inode_forget(&req->fs->inodes, entry.nodeid, 1);
		return err;
	}
	request_put(req, &entry, sizeof(entry));
	return request_put(req, &out, sizeof(out));
}

int fs_op_release(struct fs_request *req)
{
	handle_release(&req->fs->handles, req->handle);
	return 0;
}

int fs_op_flush(struct fs_request *req)
{
	int fd = fcntl(req->handle->fd, F_DUPFD_CLOEXEC, 0);

	/* Out of descriptors: nothing is lost but an early report. */
	if (fd < 0)
		return 0;
	return close(fd) < 0 ? -errno : 0;
}

int fs_op_fsync(struct fs_request *req)
{
	const struct fuse_fsync_in *arg = req->arg;
	int fd = req->handle->fd;

	if (arg->fsync_flags & FUSE_FSYNC_FDATASYNC)
		return fdatasync(fd) < 0 ? -errno : 0;
	return fsync(fd) < 0 ? -errno : 0;
}

int fs_op_fallocate(struct fs_request *req)
{
	const struct fuse_fallocate_in *arg = req->arg;

	if (arg->mode & ~FALLOCATE_KNOWN)
		return -EINVAL;
	/* Numbers beyond off_t are negative there: EINVAL. */
	if (fallocate(req->handle->fd, (int)arg->mode, (off_t)arg->offset,
		      (off_t)arg->length) < 0)
		return -errno;
	return 0;
}

int fs_op_lseek(struct fs_request *req)
{
	const struct fuse_lseek_in *arg = req->arg;
	struct fuse_lseek_out out;
	off_t offset;

	if (arg->whence != SEEK_DATA && arg->whence != SEEK_HOLE)
		return -EINVAL;
	/* Nobody uses the position that this leaves behind. */
	offset = lseek(req->handle->fd, (off_t)arg->offset, (int)arg->whence);
	if (offset < 0)
		return -errno;
	out.offset = offset;
	return request_put(req, &out, sizeof(out));
}

int fs_op_copy_file_range(struct fs_request *req)
{
	const struct fuse_copy_file_range_in *arg = req->arg;
	off_t off_in = (off_t)arg->off_in;
	off_t off_out = (off_t)arg->off_out;
	struct fuse_write_out out = {0};
	struct handle *to;
	ssize_t len;

	if (arg->flags)
		return -EINVAL;
	to = handle_get(&req->fs->handles, arg->fh_out, HANDLE_FILE,
			arg->nodeid_out);
	if (!to)
		return -EBADF;
	len = copy_file_range(req->handle->fd, &off_in, to->fd, &off_out,
			      MIN(arg->len, COPY_MAX), 0);
	if (len < 0)
		len = -errno;
	handle_put(&req->fs->handles, to);
	if (len < 0)
		return (int)len;
	out.size = len;
	return request_put(req, &out, sizeof(out));
}
