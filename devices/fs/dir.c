/*
 * Directories: their handles and their names.
 *
 * Theory of operation: an offset that the guest gives is one that the host's
 * file system gave out before (d_off) or nonsense, which the host refuses or
 * takes for some other place in this directory. A reply is a page of names, but
 * to find a place again costs the host more than to go on. So as many names are
 * read at once as a C library does, and those that do not fit are kept for the
 * request that goes on there (ahead.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "devices/fs/cache.h"
#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"

enum {
	FIRST_NAMES = 8, /* of a long directory, with attributes */
	PLUS_RATIO = 4, /* bytes of an entry with attributes, and of a host's */
};

int fs_op_opendir(struct fs_request *req)
{
	struct fuse_open_out out = {
		.open_flags = cache_mode(req->fs)->opendir_flags,
	};
	int fd, err;

	if (!S_ISDIR(req->inode->type))
		return -ENOTDIR;
	if (request_agreed(req, FUSE_NO_OPENDIR_SUPPORT))
		return -ENOSYS;
	fd = request_open_inode(req, req->inode->fd, S_IFDIR,
				O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	err = handle_add(&req->fs->handles, fd, false, req->inode, &out.fh);
	return err ? err : request_put(req, &out, sizeof(out));
}

/* How many bytes of names to read at once. With more listings than there are
 * places for names to wait, those that the reply does not take are read again
 * soon: then just as many as it takes, or nearly.
 */
static size_t most_bytes(const struct fs_request *req, bool plus)
{
	const struct fuse_read_in *arg = req->arg;
	size_t len = plus ? arg->size / PLUS_RATIO : arg->size;

	/* Who begins pushes out what nobody may ever ask for. */
	if (!arg->offset || !ahead_is_full(&req->fs->ahead))
		return AHEAD_LEN;
	return MIN(MAX(len, sizeof(struct dirent64)), AHEAD_LEN);
}

/* Read names from an offset on: 0 or a negative errno. */
static int read_names(struct fs_request *req, uint64_t offset, size_t len)
{
	struct ahead_names *names = &req->worker->names;
	struct handle *handle = req->handle;
	ssize_t n;

	pthread_mutex_lock(&handle->position_lock);
	n = lseek(handle->fd, (off_t)offset, SEEK_SET);
	if (n >= 0)
		n = getdents64(handle->fd, names->data, len);
	if (n < 0)
		n = -errno;
	pthread_mutex_unlock(&handle->position_lock);
	if (n < 0)
		return (int)n;
	*names = (struct ahead_names){
		.fh = table_id(&handle->slot),
		.next = offset,
		.len = n,
		.data = names->data,
	};
	return 0;
}

/* Put a name of so many bytes; the caller knows that it fits. */
static void put_name(struct fs_request *req, const struct dirent64 *host,
		     size_t name_len)
{
	size_t len = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_len);
	union {
		struct fuse_dirent entry;
		char bytes[FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + NAME_MAX + 1)];
	} out;

	out.entry = (struct fuse_dirent){
		.ino = host->d_ino,
		.off = host->d_off,
		.namelen = name_len,
		.type = host->d_type,
	};
	/* What the name does not fill is padding. */
	memset(out.bytes + len - sizeof(uint64_t), 0, sizeof(uint64_t));
	memcpy(out.bytes + FUSE_NAME_OFFSET, host->d_name, name_len);
	request_put(req, out.bytes, len);
}

static void look_up(struct fs_request *req, const char *name,
		    struct facts *facts, struct fuse_entry_out *entry)
{
	facts_of_name(req, req->inode, name, facts);
	if (!request_glance(req, req->inode, name, entry)) {
		facts_complete(req, facts, entry);
		return;
	}
	*entry = (struct fuse_entry_out){0};
	*facts = (struct facts){0};
}

/* Put what the guest is told about a name. The two that it has no use for, and
 * one that cannot be looked up, keep their name and get no node id.
 */
static void put_entry(struct fs_request *req, const struct dirent64 *host,
		      size_t name_len)
{
	struct fuse_entry_out entry = {0};
	struct facts facts = {0};

	if (strcmp(host->d_name, ".") != 0 && strcmp(host->d_name, "..") != 0)
		look_up(req, host->d_name, &facts, &entry);
	request_put(req, &entry, sizeof(entry));
	put_name(req, host, name_len);
	facts_put(req, &facts.out);
}

/* Bytes of an entry whose name has so many. */
static size_t entry_len(const struct fs_request *req, size_t name_len,
			bool plus)
{
	size_t len = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_len);

	if (!plus)
		return len;
	if (request_agreed(req, FUSE_SHARED_VERSIONS))
		len += sizeof(struct fuse_versions);
	return len + sizeof(struct fuse_entry_out);
}

/* How many names the reply may have. Linux asks for attributes at the beginning
 * of each listing, and later only if they were used (READDIRPLUS_AUTO). In a
 * long directory it will know that sooner.
 */
static unsigned int most_names(const struct fs_request *req, bool plus)
{
	const struct fuse_read_in *arg = req->arg;
	bool ends =
		req->worker->names.len <= AHEAD_LEN - sizeof(struct dirent64);

	if (!plus || arg->offset || ends ||
	    !request_agreed(req, FUSE_READDIRPLUS_AUTO))
		return UINT_MAX;
	return FIRST_NAMES;
}

/* Put names until the reply is full. */
static int put_names(struct fs_request *req, bool plus)
{
	struct ahead_names *names = &req->worker->names;

	for (unsigned int most = most_names(req, plus);
	     most && names->at < names->len; most--) {
		const struct dirent64 *host =
			(const void *)(names->data + names->at);
		size_t len = strnlen(host->d_name, NAME_MAX);

		/* An empty reply would be the end of the directory. */
		if (entry_len(req, len, plus) > req->out->left)
			return req->reply_len ? 0 : -EINVAL;
		if (plus)
			put_entry(req, host, len);
		else
			put_name(req, host, len);
		names->at += host->d_reclen;
		names->next = host->d_off;
	}
	return 0;
}

static int list(struct fs_request *req, bool plus)
{
	const struct fuse_read_in *arg = req->arg;
	struct ahead_names *names = &req->worker->names;
	struct ahead *ahead = &req->fs->ahead;
	int err = 0;

	iov_cut(req->out, arg->size);
	/* Who begins is to see what is there now, all of it. */
	if (!arg->offset)
		ahead_drop(ahead, table_id(&req->handle->slot));
	ahead_take(ahead, names, table_id(&req->handle->slot), arg->offset);
	if (!names->fh)
		err = read_names(req, arg->offset, most_bytes(req, plus));
	if (!err)
		err = put_names(req, plus);
	ahead_keep(ahead, names);
	return err;
}

int fs_op_readdir(struct fs_request *req)
{
	return list(req, false);
}

int fs_op_readdirplus(struct fs_request *req)
{
	return list(req, true);
}
