/*
 * Names: made, removed, changed, and what symbolic links hold.
 *
 * Theory of operation: a file that loses a name may be one that the guest
 * still uses. So its inode is in use while the name is removed, and kept open
 * afterwards if nothing else would find it (inode.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devices/fs/ext.h"
#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "vmm/base/fd.h"

/* Begin to make a file as the caller. */
static int begin(struct fs_request *req, struct fs_ext *ext, uint32_t umask)
{
	int err = ext_take(req, ext);

	return err ? err : request_become_caller(req, ext, umask);
}

/* Give the file that was just made with this type and mode its security context
 * and its owner; or it is not made.
 */
static int complete(struct fs_request *req, const struct fs_ext *ext,
		    mode_t mode)
{
	int fd, err;

	if (!ext->label_name && !owner_is_kept(req->fs, mode))
		return 0;
	fd = fd_open(req->inode->fd, req->name[0], O_PATH | O_NOFOLLOW, 0, 0);
	err = fd < 0 ? fd : ext_label(ext, fd);
	if (!err)
		err = owner_made(req, ext, fd, mode);
	fd_close(&fd);
	if (err)
		unlinkat(req->inode->fd, req->name[0],
			 S_ISDIR(mode) ? AT_REMOVEDIR : 0);
	return err;
}

/* End of an operation that made a file as its caller. */
static int finish(struct fs_request *req, const struct fs_ext *ext, mode_t mode,
		  int err)
{
	struct fuse_entry_out entry;
	struct facts facts;

	creds_restore(&req->worker->creds);
	if (err)
		return err;
	err = complete(req, ext, mode);
	facts_name_changed(req->fs, req->inode, req->name[0]);
	facts_of_name(req, req->inode, req->name[0], &facts);
	if (!err)
		err = request_lookup(req, req->inode, req->name[0], &entry);
	if (err)
		return err;
	facts_complete(req, &facts, &entry);
	request_put(req, &entry, sizeof(entry));
	return facts_put(req, &facts.out);
}

int fs_op_symlink(struct fs_request *req)
{
	struct fs_ext ext;
	int err = begin(req, &ext, 0);

	if (!err && symlinkat(req->name[1], req->inode->fd, req->name[0]) < 0)
		err = -errno;
	return finish(req, &ext, S_IFLNK, err);
}

int fs_op_mknod(struct fs_request *req)
{
	const struct fuse_mknod_in *arg = req->arg;
	mode_t mode = arg->mode & (S_IFMT | FS_MODE_BITS);
	struct fs_ext ext;
	int err = begin(req, &ext, arg->umask);

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (!err && mknodat(req->inode->fd, req->name[0],
			    owner_new_mode(req->fs, mode), arg->rdev) < 0)
		err = -errno;
	return finish(req, &ext, mode, err);
}

int fs_op_mkdir(struct fs_request *req)
{
	const struct fuse_mkdir_in *arg = req->arg;
	mode_t mode = S_IFDIR | (arg->mode & FS_MODE_BITS);
	struct fs_ext ext;
	int err = begin(req, &ext, arg->umask);

	if (!err && mkdirat(req->inode->fd, req->name[0],
			    owner_new_mode(req->fs, mode)) < 0)
		err = -errno;
	return finish(req, &ext, mode, err);
}

/* Make the link and tell about the file as it is then. */
static int make_link(struct fs_request *req, struct inode *old,
		     struct facts *facts, struct fuse_entry_out *entry)
{
	char name[FD_NAME_LEN];
	struct statx stx;
	int err;

	fd_name(name, old->fd);
	/* Following ends at what the descriptor holds, even at a link. */
	if (linkat(req->fs->proc_fd, name, req->inode->fd, req->name[0],
		   AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	facts_name_changed(req->fs, req->inode, req->name[0]);
	facts_file_changed(req->fs, old);
	facts_of_name(req, req->inode, req->name[0], facts);
	err = owner_stat(req, old->fd, "", FS_STATX_MASK, &stx);
	if (err)
		return err;
	request_fill_entry(req, req->inode, &stx, entry);
	entry->nodeid = inode_learn_again(&req->fs->inodes, old);
	request_told(req, entry->nodeid, &entry->attr);
	inode_moved(&req->fs->inodes, req->header.nodeid, req->inode->fd,
		    req->name[0]);
	return 0;
}

int fs_op_link(struct fs_request *req)
{
	const struct fuse_link_in *arg = req->arg;
	struct inode_table *inodes = &req->fs->inodes;
	struct fuse_entry_out entry;
	struct facts facts;
	struct inode *old;
	int err = inode_get(inodes, arg->oldnodeid, &old);

	if (err)
		return err;
	err = make_link(req, old, &facts, &entry);
	inode_put(inodes, old);
	if (err)
		return err;
	facts_complete(req, &facts, &entry);
	request_put(req, &entry, sizeof(entry));
	return facts_put(req, &facts.out);
}

static int remove_name(struct fs_request *req, int flags)
{
	struct inode_table *inodes = &req->fs->inodes;
	struct inode *inode = inode_find(inodes, req->inode->fd, req->name[0]);
	uint64_t key = facts_key_of(req->fs, req->inode, req->name[0]);
	int err = 0;

	if (unlinkat(req->inode->fd, req->name[0], flags) < 0)
		err = -errno;
	if (!err && inode)
		inode_keep(inodes, inode);
	inode_put(inodes, inode);
	if (err)
		return err;
	facts_name_changed(req->fs, req->inode, req->name[0]);
	facts_key_changed(req->fs, key);
	return 0;
}

int fs_op_unlink(struct fs_request *req)
{
	return remove_name(req, 0);
}

int fs_op_rmdir(struct fs_request *req)
{
	return remove_name(req, AT_REMOVEDIR);
}

/**
 * struct moved - Files whose names change
 * @old_key:	Of the file that has the old name
 * @new_key:	Of the one that has the new name
 */
struct moved {
	uint64_t old_key;
	uint64_t new_key;
};

static void tell_moved(const struct fs_request *req, const struct inode *dir,
		       const struct moved *moved)
{
	facts_name_changed(req->fs, req->inode, req->name[0]);
	facts_name_changed(req->fs, dir, req->name[1]);
	facts_key_changed(req->fs, moved->old_key);
	facts_key_changed(req->fs, moved->new_key);
}

/* Rename, and note who lost a name and where the others are now. */
static int move(struct fs_request *req, struct inode *dir, unsigned int flags)
{
	struct inode_table *inodes = &req->fs->inodes;
	const struct moved moved = {
		facts_key_of(req->fs, req->inode, req->name[0]),
		facts_key_of(req->fs, dir, req->name[1]),
	};
	struct inode *replaced = NULL;
	int err = 0;

	if (!(flags & (RENAME_EXCHANGE | RENAME_NOREPLACE)))
		replaced = inode_find(inodes, dir->fd, req->name[1]);
	/* libc would make another call if there are no flags. */
	if (syscall(SYS_renameat2, req->inode->fd, req->name[0], dir->fd,
		    req->name[1], flags) < 0)
		err = -errno;
	if (!err && replaced)
		inode_keep(inodes, replaced);
	inode_put(inodes, replaced);
	if (err)
		return err;
	tell_moved(req, dir, &moved);
	inode_moved(inodes, table_id(&dir->slot), dir->fd, req->name[1]);
	if (flags & RENAME_EXCHANGE)
		inode_moved(inodes, req->header.nodeid, req->inode->fd,
			    req->name[0]);
	return 0;
}

static int rename_to(struct fs_request *req, uint64_t new_dir_id,
		     unsigned int flags)
{
	struct inode *dir;
	int err = inode_get(&req->fs->inodes, new_dir_id, &dir);

	if (err)
		return err;
	err = move(req, dir, flags);
	inode_put(&req->fs->inodes, dir);
	return err;
}

int fs_op_rename(struct fs_request *req)
{
	const struct fuse_rename_in *arg = req->arg;

	return rename_to(req, arg->newdir, 0);
}

int fs_op_rename2(struct fs_request *req)
{
	const struct fuse_rename2_in *arg = req->arg;

	if (arg->flags &
	    ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	return rename_to(req, arg->newdir, arg->flags);
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
