/*
 * Names: made, removed, changed, and what symbolic links hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "devices/fs/ops.h"
#include "devices/fs/request.h"

enum { MODE_BITS = 07777 };

/* Reply with the entry of the name that the request has made. */
static int put_made(struct fs_request *req)
{
	struct fuse_entry_out entry;
	int err;

	err = request_lookup(req, req->inode->fd, req->name[0], &entry);
	return err ? err : request_put(req, &entry, sizeof(entry));
}

/* End of an operation that made a file as its caller. */
static int finish(struct fs_request *req, int err)
{
	creds_restore(&req->worker->creds);
	return err ? err : put_made(req);
}

int fs_op_symlink(struct fs_request *req)
{
	int err = request_become_caller(req);

	if (!err && symlinkat(req->name[1], req->inode->fd, req->name[0]) < 0)
		err = -errno;
	return finish(req, err);
}

int fs_op_mknod(struct fs_request *req)
{
	const struct fuse_mknod_in *arg = req->arg;
	mode_t mode = arg->mode & (S_IFMT | MODE_BITS);
	int err = request_become_caller(req);

	if (!err && mknodat(req->inode->fd, req->name[0], mode, arg->rdev) < 0)
		err = -errno;
	return finish(req, err);
}

int fs_op_mkdir(struct fs_request *req)
{
	const struct fuse_mkdir_in *arg = req->arg;
	mode_t mode = arg->mode & MODE_BITS;
	int err = request_become_caller(req);

	if (!err && mkdirat(req->inode->fd, req->name[0], mode) < 0)
		err = -errno;
	return finish(req, err);
}

int fs_op_link(struct fs_request *req)
{
	const struct fuse_link_in *arg = req->arg;
	struct fs *fs = req->fs;
	struct inode *old = inode_get(&fs->inodes, arg->oldnodeid);
	struct fuse_entry_out entry;
	char name[FS_FD_NAME_LEN];
	struct stat st;
	int err = 0;

	if (!old)
		return -ESTALE;
	request_fd_name(name, old->fd);
	/* Following ends at what the descriptor holds, even at a link. */
	if (linkat(fs->proc_fd, name, req->inode->fd, req->name[0],
		   AT_SYMLINK_FOLLOW) < 0 ||
	    fstat(old->fd, &st) < 0)
		err = -errno;
	if (!err) {
		request_fill_entry(req, &st, &entry);
		entry.nodeid = inode_learn_again(&fs->inodes, old);
		err = request_put(req, &entry, sizeof(entry));
	}
	inode_put(&fs->inodes, old);
	return err;
}

int fs_op_unlink(struct fs_request *req)
{
	return unlinkat(req->inode->fd, req->name[0], 0) < 0 ? -errno : 0;
}

int fs_op_rmdir(struct fs_request *req)
{
	if (unlinkat(req->inode->fd, req->name[0], AT_REMOVEDIR) < 0)
		return -errno;
	return 0;
}

static int move(struct fs_request *req, uint64_t new_dir_id, unsigned int flags)
{
	struct inode *dir = inode_get(&req->fs->inodes, new_dir_id);
	int err = 0;

	if (!dir)
		return -ESTALE;
	if (renameat2(req->inode->fd, req->name[0], dir->fd, req->name[1],
		      flags) < 0)
		err = -errno;
	inode_put(&req->fs->inodes, dir);
	return err;
}

int fs_op_rename(struct fs_request *req)
{
	const struct fuse_rename_in *arg = req->arg;

	return move(req, arg->newdir, 0);
}

int fs_op_rename2(struct fs_request *req)
{
	const struct fuse_rename2_in *arg = req->arg;

	if (arg->flags &
	    ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	return move(req, arg->newdir, arg->flags);
}

int fs_op_readlink(struct fs_request *req)
{
	char *target = req->worker->data;
	ssize_t len;

	if (!S_ISLNK(req->inode->type))
		return -EINVAL;
	len = readlinkat(req->inode->fd, "", target, FS_DATA_LEN);
	if (len < 0)
		return -errno;
	return request_put(req, target, len) ? -ENAMETOOLONG : 0;
}
