/*
 * Open regular files: handles, and all that is done with them but input and
 * output.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "devices/fs/cache.h"
#include "devices/fs/ext.h"
#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
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

	/* Before, a guest's overlayfs uses a file that it has made without a
	 * name by the one that its kernel invents, "/", after the file got a
	 * real one. To rename over it that name is looked up, which cannot
	 * succeed: ESTALE. (Linux 6.1 speaks 38, 6.12 speaks 40.)
	 */
	TMPFILE_MINOR = 39,

	/* A thread is not lost to one request for longer than this takes. */
	COPY_MAX = 64 << 20,
};

/* The flags for the host's open(), or a negative errno. */
static int host_flags(const struct fs_request *req, uint32_t flags)
{
	const struct fs *fs = req->fs;
	uint32_t access = flags & O_ACCMODE;

	if (access == O_ACCMODE)
		return -EINVAL;
	if (fs->read_only && (access != O_RDONLY || flags & O_TRUNC))
		return -EROFS;
	/* A page that is written in part is read first, by this handle. */
	if (access == O_WRONLY && request_agreed(req, FUSE_WRITEBACK_CACHE))
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	return (int)(flags & FLAGS_KEPT);
}

/* How the guest is to use a file that is open with these flags of its own. */
static uint32_t open_flags(const struct fs_request *req, uint32_t flags)
{
	uint32_t out = cache_mode(req->fs)->open_flags;

	/* There is nothing to flush and no lock to drop: spares the guest a
	 * message at close.
	 */
	if ((flags & O_ACCMODE) == O_RDONLY && req->fs->local_locks)
		out |= FOPEN_NOFLUSH;
	/* Appended is where the host says that the end is, not where a guest
	 * that writes later believes it.
	 */
	if (flags & O_APPEND && request_agreed(req, FUSE_WRITEBACK_CACHE))
		out |= FOPEN_DIRECT_IO;
	return out;
}

/* Make a handle of a descriptor, which is taken. */
static int fill_open(struct fs_request *req, int fd, struct inode *inode,
		     uint32_t flags, struct fuse_open_out *out)
{
	*out = (struct fuse_open_out){.open_flags = open_flags(req, flags)};
	/* A guest that sends no OPEN may send no RELEASE either. */
	if (request_agreed(req, FUSE_NO_OPEN_SUPPORT)) {
		fd_close(&fd);
		return 0;
	}
	return handle_add(&req->fs->handles, fd,
			  (flags & O_ACCMODE) != O_RDONLY, inode, &out->fh);
}

int fs_op_open(struct fs_request *req)
{
	const struct fuse_open_in *arg = req->arg;
	struct creds *creds = &req->worker->creds;
	int flags = host_flags(req, arg->flags);
	struct fuse_open_out out;
	int fd, err = 0;

	if (flags < 0)
		return flags;
	if (S_ISDIR(req->inode->type))
		return -EISDIR;
	if (request_agreed(req, FUSE_NO_OPEN_SUPPORT))
		return -ENOSYS;
	if (flags & O_TRUNC && arg->open_flags & FUSE_OPEN_KILL_SUIDGID)
		err = request_kill_set_id(req, req->inode->fd);
	if (err)
		return err;
	fd = request_open_inode(req, req->inode->fd, req->inode->type, flags);
	/* Append-only: whatever is written to it is appended. */
	if (fd == -EPERM && arg->flags & O_APPEND)
		fd = request_open_inode(req, req->inode->fd, req->inode->type,
					flags | O_APPEND);
	creds_restore(creds);
	/* Its set-ID bits may be gone even if it is not open. */
	if (flags & O_TRUNC)
		facts_file_changed(req->fs, req->inode);
	if (fd < 0)
		return fd;
	err = fill_open(req, fd, req->inode, arg->flags, &out);
	return err ? err : request_put(req, &out, sizeof(out));
}

/* Tell the guest about a file that it has made and opened; @fd is taken. */
static int reply_made(struct fs_request *req, const char *name, int fd)
{
	const struct fuse_create_in *arg = req->arg;
	struct inode_table *inodes = &req->fs->inodes;
	struct fuse_entry_out entry;
	struct fuse_open_out out;
	struct facts facts;
	struct inode *inode;
	int err, path_fd;

	facts_of_name(req, req->inode, name, &facts);
	path_fd = request_open_inode(req, fd, S_IFREG, O_PATH);
	err = path_fd < 0
		      ? path_fd
		      : request_learn(req, req->inode, name, path_fd, &entry);
	if (err) {
		fd_close(&fd);
		return err;
	}
	err = inode_get(inodes, entry.nodeid, &inode);
	if (err)
		fd_close(&fd);
	else
		err = fill_open(req, fd, inode, arg->flags, &out);
	/* Nothing but the inode leads to a file without a name. */
	if (!err && !name)
		inode_keep(inodes, inode);
	inode_put(inodes, inode);
	if (err) {
		inode_forget(inodes, entry.nodeid, 1);
		return err;
	}
	facts_complete(req, &facts, &entry);
	request_put(req, &entry, sizeof(entry));
	request_put(req, &out, sizeof(out));
	return facts_put(req, &facts.out);
}

/* Make a file as the caller: its descriptor, or a negative errno. */
static int make_file(struct fs_request *req, const struct fs_ext *ext,
		     const char *name, int flags)
{
	const struct fuse_create_in *arg = req->arg;
	mode_t mode = S_IFREG | (arg->mode & FS_MODE_BITS);
	int err = request_become_caller(req, ext, arg->umask);
	int fd;

	if (err)
		return err;
	fd = fd_open(req->inode->fd, name, flags | O_NOFOLLOW,
		     owner_new_mode(req->fs, mode) & FS_MODE_BITS, 0);
	creds_restore(&req->worker->creds);
	err = fd < 0 ? 0 : ext_label(ext, fd);
	if (!err && fd >= 0)
		err = owner_made(req, ext, fd, mode);
	if (!err)
		return fd;
	fd_close(&fd);
	if (flags & O_CREAT) {
		unlinkat(req->inode->fd, name, 0);
		facts_name_changed(req->fs, req->inode, name);
	}
	return err;
}

int fs_op_create(struct fs_request *req)
{
	const struct fuse_create_in *arg = req->arg;
	int flags = host_flags(req, arg->flags);
	struct fs_ext ext;
	int fd, err = ext_take(req, &ext);

	if (flags < 0 || err)
		return err ? err : flags;
	fd = make_file(req, &ext, req->name[0], flags | O_CREAT | O_EXCL);
	if (fd == -EEXIST && !(arg->flags & O_EXCL))
		return -ESTALE;
	if (fd < 0)
		return fd;
	facts_name_changed(req->fs, req->inode, req->name[0]);
	return reply_made(req, req->name[0], fd);
}

int fs_op_tmpfile(struct fs_request *req)
{
	const struct fuse_create_in *arg = req->arg;
	int flags = host_flags(req, arg->flags);
	struct fs_ext ext;
	int fd, err = ext_take(req, &ext);

	if (req->fs->minor < TMPFILE_MINOR)
		return -ENOSYS;
	if (flags < 0 || err)
		return err ? err : flags;
	/* With O_EXCL it can never get a name. */
	flags |= O_TMPFILE | (int)(arg->flags & O_EXCL);
	fd = make_file(req, &ext, ".", flags);
	return fd < 0 ? fd : reply_made(req, NULL, fd);
}

int fs_op_release(struct fs_request *req)
{
	const struct fuse_release_in *arg = req->arg;
	bool flocked = arg->release_flags & FUSE_RELEASE_FLOCK_UNLOCK;

	if (!req->handle)
		return 0;
	handle_release(&req->fs->handles, req->handle);
	lock_release(&req->fs->locks, req->header.nodeid, arg->fh,
		     flocked ? &arg->lock_owner : NULL);
	return 0;
}

/* Can the host have to report what no reply has said? Not of a file that nobody
 * has written to, by any handle: whose handle a guest's page comes with is the
 * guest's guess. What is stored in the window is seen by nobody.
 */
static bool may_report(const struct fs *fs, const struct handle *handle)
{
	return handle->writable &&
	       (atomic_load(&handle->inode->written) || fs->dax.window);
}

int fs_op_flush(struct fs_request *req)
{
	const struct fuse_flush_in *arg = req->arg;
	int fd;

	/* Nothing was opened. The guest remembers that and asks no more. */
	if (!req->handle)
		return -ENOSYS;
	lock_flush(&req->fs->locks, req->header.nodeid, arg->lock_owner);
	if (!may_report(req->fs, req->handle))
		return 0;
	fd = fcntl(req->handle->fd, F_DUPFD_CLOEXEC, 0);
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

int fs_op_syncfs(struct fs_request *req)
{
	int fd = request_open_inode(req, req->inode->fd, req->inode->type,
				    O_RDONLY);
	int err;

	if (fd < 0)
		return fd;
	err = syncfs(fd) < 0 ? -errno : 0;
	fd_close(&fd);
	return err;
}

/* These requests do not say whether the caller has CAP_FSETID: root has. */
static int kill_set_id(const struct fs_request *req, int fd)
{
	return req->header.uid ? request_kill_set_id(req, fd) : 0;
}

int fs_op_fallocate(struct fs_request *req)
{
	const struct fuse_fallocate_in *arg = req->arg;
	int fd = req->handle->fd;
	int err;

	if (arg->mode & ~FALLOCATE_KNOWN)
		return -EINVAL;
	err = kill_set_id(req, fd);
	/* Numbers beyond off_t are negative there: EINVAL. */
	if (!err && fallocate(fd, (int)arg->mode, (off_t)arg->offset,
			      (off_t)arg->length) < 0)
		err = -errno;
	creds_restore(&req->worker->creds);
	facts_file_changed(req->fs, req->handle->inode);
	if (!err && !(arg->mode & FALLOC_FL_KEEP_SIZE))
		dax_show(&req->fs->dax, req->header.nodeid,
			 arg->offset + arg->length);
	return err;
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

/* The handle that is copied to. */
static int get_target(struct fs_request *req,
		      const struct fuse_copy_file_range_in *arg,
		      struct handle **to)
{
	if (!arg->fh_out && request_agreed(req, FUSE_NO_OPEN_SUPPORT)) {
		struct inode *inode;
		int err = inode_get(&req->fs->inodes, arg->nodeid_out, &inode);

		if (!err)
			err = opened_get(req, inode, true, to);
		inode_put(&req->fs->inodes, inode);
		return err;
	}
	*to = handle_get(&req->fs->handles, arg->fh_out, HANDLE_FILE,
			 arg->nodeid_out);
	return *to ? 0 : -EBADF;
}

int fs_op_copy_file_range(struct fs_request *req)
{
	const struct fuse_copy_file_range_in *arg = req->arg;
	off_t off_in = (off_t)arg->off_in;
	off_t off_out = (off_t)arg->off_out;
	struct fuse_write_out out = {0};
	struct handle *to;
	ssize_t len;
	int err;

	if (arg->flags)
		return -EINVAL;
	err = get_target(req, arg, &to);
	if (err)
		return err;
	len = kill_set_id(req, to->fd);
	atomic_store(&to->inode->written, true);
	if (!len) {
		len = copy_file_range(req->handle->fd, &off_in, to->fd,
				      &off_out, MIN(arg->len, COPY_MAX), 0);
		len = len < 0 ? -errno : len;
	}
	creds_restore(&req->worker->creds);
	facts_file_changed(req->fs, to->inode);
	handle_put(&req->fs->handles, to);
	if (len < 0)
		return (int)len;
	out.size = len;
	dax_show(&req->fs->dax, arg->nodeid_out, off_out);
	return request_put(req, &out, sizeof(out));
}
