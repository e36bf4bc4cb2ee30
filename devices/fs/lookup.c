/*
 * Node ids for names, and their end.
 */
#include "devices/fs/ops.h"
#include "devices/fs/request.h"

int fs_op_lookup(struct fs_request *req)
{
	struct fuse_entry_out entry;
	int err;

	err = request_lookup(req, req->inode->fd, req->name[0], &entry);
	return err ? err : request_put(req, &entry, sizeof(entry));
}

int fs_op_forget(struct fs_request *req)
{
	const struct fuse_forget_in *arg = req->arg;

	inode_forget(&req->fs->inodes, req->header.nodeid, arg->nlookup);
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
		inode_forget(&req->fs->inodes, one.nodeid, one.nlookup);
	}
	return 0;
}
