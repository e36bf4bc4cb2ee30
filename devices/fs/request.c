/*
 * A request on its way through the server.
 */
#include "devices/fs/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "devices/fs/cache.h"
#include "devices/fs/ext.h"
#include "devices/fs/inode_room.h"
#include "devices/fs/owner.h"
#include "vmm/base/fd.h"

int request_put(struct fs_request *req, const void *data, size_t len)
{
	if (!iov_put(req->out, data, len))
		return -ERANGE;
	req->reply_len += len;
	return 0;
}

bool request_agreed(const struct fs_request *req, uint64_t flag)
{
	return req->agreed & flag;
}

/* Can files belong to the caller, who is nobody on the host? */
static int check_owner(const struct fs_request *req)
{
	return req->header.uid == UINT32_MAX || req->header.gid == UINT32_MAX
		       ? -EINVAL
		       : 0;
}

int request_become_caller(const struct fs_request *req,
			  const struct fs_ext *ext, uint32_t umask)
{
	bool masks = request_agreed(req, FUSE_DONT_MASK);
	struct creds_user user = {
		.group = ext->group,
		.group_cnt = ext->group_cnt,
		.umask = masks ? umask & FS_PERMISSIONS : 0,
		.is_root = !req->header.uid,
	};
	int err = idmap_to_host(&req->fs->uid, req->header.uid, &user.uid);

	if (req->fs->owner == FS_OWNER_XATTR)
		return check_owner(req);
	if (!err)
		err = idmap_to_host(&req->fs->gid, req->header.gid, &user.gid);
	return err ? err : creds_become(&req->worker->creds, &user);
}

int request_kill_set_id(const struct fs_request *req, int fd)
{
	struct statx stx;
	uint32_t gid;
	int err;

	err = statx(fd, "", AT_EMPTY_PATH, OWNER_STATX_MASK, &stx) ? -errno : 0;
	if (err && req->fs->owner == FS_OWNER_XATTR)
		return err;
	if (!err) {
		err = owner_drop_set_id(req, fd, &stx);
		if (err || !(stx.stx_mode & (S_ISUID | S_ISGID)))
			return err;
	}
	/* No group is one that no file has. */
	if (idmap_to_host(&req->fs->gid, req->header.gid, &gid))
		gid = 0;
	return creds_drop_fsetid(&req->worker->creds, gid);
}

int request_open_inode(const struct fs_request *req, int fd, mode_t type,
		       int flags)
{
	int quiet = req->fs->read_only ? O_NOATIME : 0;
	char name[FD_NAME_LEN];
	int opened;

	if (type != S_IFREG && type != S_IFDIR)
		return -ENXIO;
	fd_name(name, fd);
	opened = fd_open(req->fs->proc_fd, name, flags | quiet, 0, 0);
	/* Only a file's owner and root may leave its access time alone. */
	if (opened == -EPERM && quiet)
		opened = fd_open(req->fs->proc_fd, name, flags, 0, 0);
	return opened;
}

void request_fill_attr(const struct fs_request *req, const struct statx *stx,
		       struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = stx->stx_ino,
		.size = stx->stx_size,
		.blocks = stx->stx_blocks,
		.atime = stx->stx_atime.tv_sec,
		.mtime = stx->stx_mtime.tv_sec,
		.ctime = stx->stx_ctime.tv_sec,
		.atimensec = stx->stx_atime.tv_nsec,
		.mtimensec = stx->stx_mtime.tv_nsec,
		.ctimensec = stx->stx_ctime.tv_nsec,
		.mode = stx->stx_mode,
		.nlink = stx->stx_nlink,
		.uid = idmap_to_guest(&req->fs->uid, stx->stx_uid),
		.gid = idmap_to_guest(&req->fs->gid, stx->stx_gid),
		/* The low half of a dev_t is the kernel's new_encode_dev(). */
		.rdev = (uint32_t)makedev(stx->stx_rdev_major,
					  stx->stx_rdev_minor),
		.blksize = stx->stx_blksize,
	};
}

/* Does another file system of the host begin here? The guest then makes it one
 * of its own, whose inode numbers may be the same ones again.
 */
static bool begins_mount(const struct inode *dir, const struct statx *stx)
{
	return S_ISDIR(stx->stx_mode) &&
	       (dir->mnt_id != (uint32_t)stx->stx_mnt_id ||
		dir->dev != makedev(stx->stx_dev_major, stx->stx_dev_minor));
}

void request_fill_entry(const struct fs_request *req, const struct inode *dir,
			const struct statx *stx, struct fuse_entry_out *entry)
{
	const struct cache_mode *mode = cache_mode(req->fs);

	*entry = (struct fuse_entry_out){
		.entry_valid = mode->valid_s,
		.attr_valid = mode->valid_s,
	};
	request_fill_attr(req, stx, &entry->attr);
	if (dir && begins_mount(dir, stx) &&
	    request_agreed(req, FUSE_SUBMOUNTS))
		entry->attr.flags |= FUSE_ATTR_SUBMOUNT;
}

void request_told(const struct fs_request *req, uint64_t node_id,
		  struct fuse_attr *attr)
{
	struct fs *fs = req->fs;

	if (!fs->dax.window)
		return;
	dax_show(&fs->dax, node_id, attr->size);
	if (request_agreed(req, FUSE_HAS_INODE_DAX) &&
	    inode_has_room(&fs->inodes, node_id))
		attr->flags |= FUSE_ATTR_DAX;
}

/* The same for an entry, unless it failed. */
static int told(const struct fs_request *req, int err,
		struct fuse_entry_out *entry)
{
	if (err >= 0)
		request_told(req, entry->nodeid, &entry->attr);
	return err;
}

/* Tell about a file that was seen and that has a descriptor.
 *
 * Return: 0, 1 if it is known and was open already, or a negative errno
 */
static int learn(const struct fs_request *req, const struct inode *dir,
		 struct sighting seen, struct fuse_entry_out *entry)
{
	struct inode_table *inodes = &req->fs->inodes;
	struct statx stx;
	int err = owner_stat(req, seen.fd, "", FS_STATX_MASK, &stx);

	if (err) {
		fd_close(&seen.fd);
		return err;
	}
	seen.stx = &stx;
	request_fill_entry(req, dir, &stx, entry);
	if (inode_known(inodes, &seen, &entry->nodeid)) {
		fd_close(&seen.fd);
		return told(req, 1, entry);
	}
	return told(req, inode_learn(inodes, &seen, &entry->nodeid), entry);
}

static struct sighting sighting(struct inode *dir, const char *name)
{
	return (struct sighting){
		.fd = -1,
		.dir_id = table_id(&dir->slot),
		.dir_fd = dir->fd,
		.name = name,
	};
}

/* Tell about a file by a descriptor that is opened for it: as learn(). */
static int open_and_learn(const struct fs_request *req, struct inode *dir,
			  const char *name, struct fuse_entry_out *entry)
{
	struct sighting seen = sighting(dir, name);

	seen.fd = fd_open(dir->fd, name, O_PATH | O_NOFOLLOW, 0, 0);
	return seen.fd < 0 ? seen.fd : learn(req, dir, seen, entry);
}

/* Was a file there before the host's clock ticked last? Then another one that
 * gets its number has another birthday.
 */
static bool is_older_than_now(const struct statx *stx)
{
	const struct statx_timestamp *birth = &stx->stx_btime;
	struct timespec now;

	/* It is the clock that gives files their times. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return birth->tv_sec < now.tv_sec ||
	       (birth->tv_sec == now.tv_sec && birth->tv_nsec < now.tv_nsec);
}

/* Can a file do without a descriptor until it is used? Of other ones, the guest
 * can have hold without a word: it works in a directory, talks by a socket or a
 * FIFO, reads a file for which it sends no OPEN. A key in the table of versions
 * is that of the file that was seen.
 */
static bool is_opened_later(const struct fs_request *req,
			    const struct statx *stx)
{
	bool known = S_ISLNK(stx->stx_mode) ||
		     (S_ISREG(stx->stx_mode) &&
		      !request_agreed(req, FUSE_NO_OPEN_SUPPORT));

	return known && !req->fs->inodes.limits.versions &&
	       (stx->stx_mask & STATX_BTIME) && is_older_than_now(stx);
}

/* Tell about a file without opening it: -EAGAIN if that cannot be. */
static int look(const struct fs_request *req, struct inode *dir,
		const char *name, struct fuse_entry_out *entry)
{
	struct inode_table *inodes = &req->fs->inodes;
	struct sighting seen = sighting(dir, name);
	struct statx stx;
	int err = owner_stat(req, dir->fd, name, FS_STATX_MASK, &stx);

	if (err)
		return err;
	seen.stx = &stx;
	request_fill_entry(req, dir, &stx, entry);
	if (inode_known(inodes, &seen, &entry->nodeid))
		return told(req, 0, entry);
	if (!inodes->limits.handles && !is_opened_later(req, &stx))
		return -EAGAIN;
	return told(req, inode_learn(inodes, &seen, &entry->nodeid), entry);
}

int request_lookup(const struct fs_request *req, struct inode *dir,
		   const char *name, struct fuse_entry_out *entry)
{
	int err = open_and_learn(req, dir, name, entry);

	return err < 0 ? err : 0;
}

int request_glance(const struct fs_request *req, struct inode *dir,
		   const char *name, struct fuse_entry_out *entry)
{
	const struct inode_limits *limits = &req->fs->inodes.limits;
	struct fs_worker *worker = req->worker;
	int err = -EAGAIN;

	if (!worker->meets_strangers)
		err = look(req, dir, name, entry);
	if (err != -EAGAIN)
		return err;
	err = open_and_learn(req, dir, name, entry);
	if (err >= 0)
		worker->meets_strangers =
			!err && limits->versions && !limits->handles;
	return err < 0 ? err : 0;
}

int request_learn(const struct fs_request *req, struct inode *dir,
		  const char *name, int fd, struct fuse_entry_out *entry)
{
	struct sighting seen = sighting(dir, name ? name : "");
	int err;

	seen.fd = fd;
	if (!name)
		seen.dir_id = 0;
	err = learn(req, dir, seen, entry);
	return err < 0 ? err : 0;
}
