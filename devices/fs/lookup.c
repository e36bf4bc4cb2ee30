/*
 * Node ids for names, and their end.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "devices/fs/cache.h"
#include "devices/fs/facts.h"
#include "devices/fs/opened.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "vmm/base/fd.h"

enum { PARENTS_MAX = 4096 }; /* of a directory that anybody can use */

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static bool same_file(const struct statx *stx, const struct statx *other)
{
	return stx->stx_ino == other->stx_ino &&
	       stx->stx_dev_major == other->stx_dev_major &&
	       stx->stx_dev_minor == other->stx_dev_minor &&
	       stx->stx_mnt_id == other->stx_mnt_id;
}

static int open_parent(int fd)
{
	return fd_open(fd, "..", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, 0);
}

/* Is a directory the share's root or below it? The host can have moved it out
 * while the guest knew it: then there is no way up to the root.
 */
static int check_beneath(const struct fs_request *req, int dir_fd)
{
	struct statx root, stx, before = {0};
	int at_fd = dir_fd, up_fd = -1;
	int err = -ESTALE;

	if (statx(req->fs->root_fd, "", AT_EMPTY_PATH, FS_STATX_MASK, &root) <
	    0)
		return -errno;
	for (int i = 0; i < PARENTS_MAX; i++) {
		if (statx(at_fd, "", AT_EMPTY_PATH, FS_STATX_MASK, &stx) < 0)
			break;
		if (same_file(&stx, &root))
			err = 0;
		/* The host's root is its own parent. */
		if (!err || same_file(&stx, &before))
			break;
		before = stx;
		at_fd = open_parent(at_fd);
		fd_close(&up_fd);
		up_fd = at_fd;
		if (at_fd < 0)
			break;
	}
	fd_close(&up_fd);
	return err;
}

/* "..", for guests that export the share or reopen files by handle. */
static int lookup_parent(struct fs_request *req, struct fuse_entry_out *entry)
{
	int err, fd;

	if (!S_ISDIR(req->inode->type))
		return -ENOTDIR;
	fd = open_parent(req->inode->fd);
	if (fd < 0)
		return fd;
	err = check_beneath(req, fd);
	if (err) {
		fd_close(&fd);
		return err;
	}
	return request_learn(req, req->inode, NULL, fd, entry);
}

/* "." names any file by its node id; the root is its own parent. */
static int lookup_self(struct fs_request *req, struct fuse_entry_out *entry)
{
	struct statx stx;
	int err = owner_stat(req, req->inode->fd, "", FS_STATX_MASK, &stx);

	if (err)
		return err;
	request_fill_entry(req, NULL, &stx, entry);
	entry->nodeid = inode_learn_again(&req->fs->inodes, req->inode);
	request_told(req, entry->nodeid, &entry->attr);
	return 0;
}

static int lookup(struct fs_request *req, const char *name,
		  struct fuse_entry_out *entry)
{
	if (!strcmp(name, ".") ||
	    (!strcmp(name, "..") && req->header.nodeid == FUSE_ROOT_ID))
		return lookup_self(req, entry);
	if (!strcmp(name, ".."))
		return lookup_parent(req, entry);
	if (inode_takes_care(&req->fs->inodes))
		return request_lookup(req, req->inode, name, entry);
	return request_glance(req, req->inode, name, entry);
}

int fs_op_lookup(struct fs_request *req)
{
	uint32_t valid_s = cache_mode(req->fs)->valid_s;
	const char *name = req->name[0];
	struct fuse_entry_out entry;
	struct facts facts;
	int err;

	facts_of_name(req, req->inode, is_dots(name) ? NULL : name, &facts);
	err = lookup(req, name, &entry);
	/* What is not there can be remembered, too. */
	if (err == -ENOENT && valid_s) {
		entry = (struct fuse_entry_out){0};
		err = 0;
	}
	if (err)
		return err;
	facts_complete(req, &facts, &entry);
	request_put(req, &entry, sizeof(entry));
	return facts_put(req, &facts.out);
}

static void forget(struct fs_request *req, uint64_t node_id,
		   uint64_t lookup_cnt)
{
	bool gone = inode_forget(&req->fs->inodes, node_id, lookup_cnt);

	/* The last count of an inode takes its locks along. */
	if (gone && req->fs->locks.cnt)
		lock_forget(&req->fs->locks, node_id);
	if (request_agreed(req, FUSE_NO_OPEN_SUPPORT))
		opened_forget(req->fs, node_id);
}

int fs_op_forget(struct fs_request *req)
{
	const struct fuse_forget_in *arg = req->arg;

	forget(req, req->header.nodeid, arg->nlookup);
	return 0;
}

int fs_op_batch_forget(struct fs_request *req)
{
	const struct fuse_batch_forget_in *arg = req->arg;
	struct fuse_forget_one one;

	/* However large the count: the request's bytes are the limit. */
	for (uint32_t i = 0; i < arg->count; i++) {
		if (!iov_take(req->in, &one, sizeof(one)))
			break;
		forget(req, one.nodeid, one.nlookup);
	}
	return 0;
}
