/*
 * A request on its way through the server.
 */
#include "devices/fs/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "devices/fs/cache.h"
#include "vmm/base/fd.h"

int request_put(struct fs_request *req, const void *data, size_t len)
{
	if (!iov_put(req->out, data, len))
		return -ERANGE;
	req->reply_len += len;
	return 0;
}

int request_become_caller(const struct fs_request *req)
{
	return creds_become(&req->worker->creds, req->header.uid,
			    req->header.gid);
}

const char *request_fd_name(char name[FS_FD_NAME_LEN], int fd)
{
	snprintf(name, FS_FD_NAME_LEN, "%d", fd);
	return name;
}

int request_open_inode(const struct fs_request *req, int fd, mode_t type,
		       int flags)
{
	int quiet = req->fs->read_only ? O_NOATIME : 0;
	char name[FS_FD_NAME_LEN];
	int opened;

	if (type != S_IFREG && type != S_IFDIR)
		return -ENXIO;
	request_fd_name(name, fd);
	flags |= O_CLOEXEC;
	opened = openat(req->fs->proc_fd, name, flags | quiet);
	/* Only a file's owner and root may leave its access time alone. */
	if (opened < 0 && errno == EPERM && quiet)
		opened = openat(req->fs->proc_fd, name, flags);
	return opened < 0 ? -errno : opened;
}

void request_fill_attr(const struct stat *st, struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = st->st_ino,
		.size = st->st_size,
		.blocks = st->st_blocks,
		.atime = st->st_atim.tv_sec,
		.mtime = st->st_mtim.tv_sec,
		.ctime = st->st_ctim.tv_sec,
		.atimensec = st->st_atim.tv_nsec,
		.mtimensec = st->st_mtim.tv_nsec,
		.ctimensec = st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.nlink = st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		/* The low half of a dev_t is the kernel's new_encode_dev(). */
		.rdev = (uint32_t)st->st_rdev,
		.blksize = st->st_blksize,
	};
}

void request_fill_entry(const struct fs_request *req, const struct stat *st,
			struct fuse_entry_out *entry)
{
	const struct cache_mode *mode = cache_mode(req->fs->cache);

	*entry = (struct fuse_entry_out){
		.entry_valid = mode->valid_s,
		.attr_valid = mode->valid_s,
	};
	request_fill_attr(st, &entry->attr);
}

int request_learn(const struct fs_request *req, int fd,
		  struct fuse_entry_out *entry)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0) {
		err = -errno;
		fd_close(&fd);
		return err;
	}
	request_fill_entry(req, &st, entry);
	return inode_learn(&req->fs->inodes, fd, &st, &entry->nodeid);
}

int request_lookup(const struct fs_request *req, int dir_fd, const char *name,
		   struct fuse_entry_out *entry)
{
	int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : request_learn(req, fd, entry);
}
