/*
 * From bytes to a checked request, and from a result to a reply: the table of
 * all operations and fs_serve() (<linux/fuse.h>).
 *
 * Theory of operation: the row of an operation says how long its fixed
 * argument is, which strings follow, how long a fixed reply is and what the
 * request acts on. All of that is checked, copied and looked up here, before
 * the handler is called: a request that could not be answered in full has no
 * effect, so there is nothing to undo. Guest memory is read once, into the
 * worker's own; only file contents move between the file and guest memory. So
 * only those may lie where nothing can be copied (iov.h): all else of a request
 * ends for the server where that begins.
 */
#include "devices/fs/dispatch.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "devices/fs/facts.h"
#include "devices/fs/fuse_abi.h"
#include "devices/fs/ops.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "devices/fs/stats.h"
#include "vmm/base/bits.h"

/** enum string - A NUL-terminated string of a request, and its rule */
enum string {
	NONE,
	NAME,	 /* one component of a path, not "." or "..": a new object's
		 * name or a present one's */
	LOOKED,	 /* the same, or one of those two */
	IGNORED, /* what a file without a name is called */
	TARGET,	 /* what a symbolic link holds: any text up to PATH_MAX */
	XATTR,	 /* name of an extended attribute */
};

enum {
	OP_NODE = 1 << 0,      /* acts on the inode of header.nodeid */
	OP_FILE = 1 << 1,      /* acts on the file handle its argument begins
			       * with */
	OP_DIRECTORY = 1 << 2, /* the same with a directory's handle; both: with
			       * either */
	OP_MODIFIES = 1 << 3,  /* EROFS if the share is read-only */
	OP_PAYLOAD = 1 << 4,   /* bytes may follow the strings */
	OP_NO_REPLY = 1 << 5,  /* never answered, not even with an error */
	OP_FIRST = 1 << 6,     /* may come before INIT */
	OP_WRITES = 1 << 7,    /* with OP_FILE: the handle is written to */
	OP_CLOSES = 1 << 8, /* with OP_FILE: needs none if there was no OPEN */
	OP_LONG_XATTR = 1 << 9, /* the argument is longer since SETXATTR_EXT */
	OP_CONTENT = 1 << 10,	/* moves file contents by system calls */
	OP_TELLS = 1 << 11,	/* its reply may end with versions */
};

enum { MAX_ARG_LEN = 128 };

/**
 * struct op - What an operation looks like
 * @name:	In the protocol's words
 * @arg_len:	Bytes of the fixed argument
 * @strings:	What follows it
 * @reply_len:	Bytes of a reply of fixed length, after its header
 * @flags:	OP_
 * @run:	Handler
 */
struct op {
	const char *name;
	size_t arg_len;
	enum string strings[FS_MAX_STRINGS];
	size_t reply_len;
	unsigned int flags;
	int (*run)(struct fs_request *req);
};

#define IN(type) sizeof(struct fuse_##type##_in)
#define OUT(type) sizeof(struct fuse_##type##_out)
#define MODIFY (OP_NODE | OP_MODIFIES)

#define MAKE \
	(MODIFY | OP_PAYLOAD | OP_TELLS) /* extensions may follow (ext.h) */
#define WRITE (OP_FILE | OP_MODIFIES | OP_WRITES)

/* INIT: minor versions before 36 end after four numbers; the rest is taken by
 * the handler. No row, no service: ENOSYS, which the guest's kernel remembers
 * or translates. ACCESS is never sent by a mount with default_permissions.
 */
/* clang-format off */
static const struct op ops[] = {
	[FUSE_LOOKUP] = {"LOOKUP", 0, {LOOKED}, OUT(entry),
		OP_NODE | OP_TELLS, fs_op_lookup},
	[FUSE_FORGET] = {"FORGET", IN(forget), {NONE}, 0, OP_NO_REPLY,
		fs_op_forget},
	[FUSE_GETATTR] = {"GETATTR", IN(getattr), {NONE}, OUT(attr),
		OP_NODE | OP_TELLS, fs_op_getattr},
	[FUSE_SETATTR] = {"SETATTR", IN(setattr), {NONE}, OUT(attr),
		MODIFY | OP_TELLS, fs_op_setattr},
	[FUSE_READLINK] = {"READLINK", 0, {NONE}, 0, OP_NODE,
		fs_op_readlink},
	[FUSE_SYMLINK] = {"SYMLINK", 0, {NAME, TARGET}, OUT(entry), MAKE,
		fs_op_symlink},
	[FUSE_MKNOD] = {"MKNOD", IN(mknod), {NAME}, OUT(entry), MAKE,
		fs_op_mknod},
	[FUSE_MKDIR] = {"MKDIR", IN(mkdir), {NAME}, OUT(entry), MAKE,
		fs_op_mkdir},
	[FUSE_UNLINK] = {"UNLINK", 0, {NAME}, 0, MODIFY,
		fs_op_unlink},
	[FUSE_RMDIR] = {"RMDIR", 0, {NAME}, 0, MODIFY,
		fs_op_rmdir},
	[FUSE_RENAME] = {"RENAME", IN(rename), {NAME, NAME}, 0, MODIFY,
		fs_op_rename},
	[FUSE_LINK] = {"LINK", IN(link), {NAME}, OUT(entry),
		MODIFY | OP_TELLS, fs_op_link},
	[FUSE_OPEN] = {"OPEN", IN(open), {NONE}, OUT(open), OP_NODE,
		fs_op_open},
	[FUSE_READ] = {"READ", IN(read), {NONE}, 0, OP_FILE | OP_CONTENT,
		fs_op_read},
	[FUSE_WRITE] = {"WRITE", IN(write), {NONE}, OUT(write),
		WRITE | OP_PAYLOAD | OP_CONTENT, fs_op_write},
	[FUSE_STATFS] = {"STATFS", 0, {NONE}, OUT(statfs), OP_NODE,
		fs_op_statfs},
	[FUSE_RELEASE] = {"RELEASE", IN(release), {NONE}, 0,
		OP_FILE | OP_CLOSES,
		fs_op_release},
	[FUSE_FSYNC] = {"FSYNC", IN(fsync), {NONE}, 0, OP_FILE,
		fs_op_fsync},
	[FUSE_SETXATTR] = {"SETXATTR", FUSE_COMPAT_SETXATTR_IN_SIZE, {XATTR}, 0,
		MODIFY | OP_PAYLOAD | OP_LONG_XATTR, fs_op_setxattr},
	[FUSE_GETXATTR] = {"GETXATTR", IN(getxattr), {XATTR}, 0, OP_NODE,
		fs_op_getxattr},
	[FUSE_LISTXATTR] = {"LISTXATTR", IN(getxattr), {NONE}, 0, OP_NODE,
		fs_op_listxattr},
	[FUSE_REMOVEXATTR] = {"REMOVEXATTR", 0, {XATTR}, 0, MODIFY,
		fs_op_removexattr},
	[FUSE_FLUSH] = {"FLUSH", IN(flush), {NONE}, 0, OP_FILE | OP_CLOSES,
		fs_op_flush},
	[FUSE_INIT] = {"INIT", 4 * sizeof(uint32_t), {NONE}, OUT(init),
		OP_FIRST | OP_PAYLOAD, fs_op_init},
	[FUSE_OPENDIR] = {"OPENDIR", IN(open), {NONE}, OUT(open), OP_NODE,
		fs_op_opendir},
	[FUSE_READDIR] = {"READDIR", IN(read), {NONE}, 0, OP_DIRECTORY,
		fs_op_readdir},
	[FUSE_RELEASEDIR] = {"RELEASEDIR", IN(release), {NONE}, 0,
		OP_DIRECTORY | OP_CLOSES,
		fs_op_release},
	[FUSE_FSYNCDIR] = {"FSYNCDIR", IN(fsync), {NONE}, 0, OP_DIRECTORY,
		fs_op_fsync},
	[FUSE_GETLK] = {"GETLK", IN(lk), {NONE}, OUT(lk),
		OP_FILE | OP_DIRECTORY, fs_op_getlk},
	[FUSE_SETLK] = {"SETLK", IN(lk), {NONE}, 0, OP_FILE | OP_DIRECTORY,
		fs_op_setlk},
	[FUSE_SETLKW] = {"SETLKW", IN(lk), {NONE}, 0, OP_FILE | OP_DIRECTORY,
		fs_op_setlk},
	[FUSE_CREATE] = {"CREATE", IN(create), {NAME}, OUT(entry) + OUT(open),
		MAKE, fs_op_create},
	[FUSE_IOCTL] = {"IOCTL", IN(ioctl), {NONE}, OUT(ioctl),
		OP_FILE | OP_DIRECTORY | OP_PAYLOAD, fs_op_ioctl},
	[FUSE_INTERRUPT] = {"INTERRUPT", IN(interrupt), {NONE}, 0, OP_NO_REPLY,
		fs_op_interrupt},
	[FUSE_DESTROY] = {"DESTROY", 0, {NONE}, 0, 0,
		fs_op_destroy},
	[FUSE_BATCH_FORGET] = {"BATCH_FORGET", IN(batch_forget), {NONE}, 0,
		OP_NO_REPLY | OP_PAYLOAD, fs_op_batch_forget},
	[FUSE_FALLOCATE] = {"FALLOCATE", IN(fallocate), {NONE}, 0,
		WRITE, fs_op_fallocate},
	[FUSE_READDIRPLUS] = {"READDIRPLUS", IN(read), {NONE}, 0,
		OP_NODE | OP_DIRECTORY,
		fs_op_readdirplus},
	[FUSE_RENAME2] = {"RENAME2", IN(rename2), {NAME, NAME}, 0, MODIFY,
		fs_op_rename2},
	[FUSE_LSEEK] = {"LSEEK", IN(lseek), {NONE}, OUT(lseek), OP_FILE,
		fs_op_lseek},
	[FUSE_COPY_FILE_RANGE] = {"COPY_FILE_RANGE", IN(copy_file_range),
		{NONE}, OUT(write), OP_FILE | OP_MODIFIES,
		fs_op_copy_file_range},
	[FUSE_SETUPMAPPING] = {"SETUPMAPPING", IN(setupmapping), {NONE}, 0,
		OP_NODE, fs_op_setupmapping},
	[FUSE_REMOVEMAPPING] = {"REMOVEMAPPING", IN(removemapping), {NONE}, 0,
		OP_PAYLOAD, fs_op_removemapping},
	[FUSE_SYNCFS] = {"SYNCFS", IN(syncfs), {NONE}, 0, OP_NODE,
		fs_op_syncfs},
	[FUSE_TMPFILE] = {"TMPFILE", IN(create), {IGNORED},
		OUT(entry) + OUT(open), MAKE, fs_op_tmpfile},
	[FUSE_STATX] = {"STATX", IN(statx), {NONE}, OUT(statx),
		OP_NODE | OP_TELLS, fs_op_statx},
};
/* clang-format on */
static_assert(ARRAY_SIZE(ops) == FUSE_STATX + 1, "the last row");
static_assert(IN(setattr) <= MAX_ARG_LEN, "the longest argument");

/* Where the arguments of OP_FILE and OP_DIRECTORY have their handle. */
static_assert(!offsetof(struct fuse_read_in, fh), "first");
static_assert(!offsetof(struct fuse_write_in, fh), "first");
static_assert(!offsetof(struct fuse_release_in, fh), "first");
static_assert(!offsetof(struct fuse_fsync_in, fh), "first");
static_assert(!offsetof(struct fuse_flush_in, fh), "first");
static_assert(!offsetof(struct fuse_lk_in, fh), "first");
static_assert(!offsetof(struct fuse_fallocate_in, fh), "first");
static_assert(!offsetof(struct fuse_lseek_in, fh), "first");
static_assert(!offsetof(struct fuse_copy_file_range_in, fh_in), "first");
static_assert(!offsetof(struct fuse_ioctl_in, fh), "first");

static const struct op *find_op(uint32_t opcode)
{
	if (opcode >= ARRAY_SIZE(ops) || !ops[opcode].run)
		return NULL;
	return &ops[opcode];
}

const char *fs_op_name(uint32_t opcode)
{
	const struct op *op = find_op(opcode);

	return op ? op->name : NULL;
}

/* Make the rest of the buffer what the header says the request has. */
static int check_len(struct fs_request *req)
{
	size_t len = req->header.len;

	if (len > FS_MAX_REQUEST)
		return -ENOMEM;
	if (len < sizeof(req->header) ||
	    len - sizeof(req->header) > req->in->left)
		return -EINVAL;
	iov_cut(req->in, len - sizeof(req->header));
	return 0;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static int check_name(const char *name)
{
	return is_dots(name) || strchr(name, '/') ? -EINVAL : 0;
}

/* Copy a string with its NUL into @text, whose use it moves on. */
static int take_string(struct fs_request *req, enum string kind, char **text,
		       const char **string)
{
	size_t max_len = (kind == TARGET ? PATH_MAX : NAME_MAX + 1);
	bool longer = req->in->left >= max_len;
	size_t len = longer ? max_len : req->in->left;
	struct iov_cursor ahead = *req->in;
	const char *end;

	iov_take(&ahead, *text, len);
	end = memchr(*text, '\0', len);
	if (!end && longer)
		return kind == XATTR ? -ERANGE : -ENAMETOOLONG;
	if (!end || end == *text)
		return -EINVAL;
	iov_skip(req->in, end + 1 - *text);
	*string = *text;
	*text += end + 1 - *text;
	if (kind == LOOKED && is_dots(*string))
		return 0;
	return kind == NAME || kind == LOOKED ? check_name(*string) : 0;
}

static int take_strings(struct fs_request *req, const struct op *op)
{
	char *text = req->worker->text;

	for (int i = 0; i < FS_MAX_STRINGS && op->strings[i] != NONE; i++) {
		int err =
			take_string(req, op->strings[i], &text, &req->name[i]);

		if (err)
			return err;
	}
	/* A NUL inside a name would leave something over. */
	if (req->name[0] && req->in->left && !(op->flags & OP_PAYLOAD))
		return -EINVAL;
	return 0;
}

/* The handle of a guest that was told to send no OPEN. */
static int find_opened(struct fs_request *req, const struct op *op)
{
	unsigned int kind;
	int err = 0;

	if (op->flags & OP_CLOSES)
		return 0;
	if (!req->inode)
		err = inode_get(&req->fs->inodes, req->header.nodeid,
				&req->inode);
	if (err)
		return err;
	kind = S_ISDIR(req->inode->type) ? OP_DIRECTORY : OP_FILE;
	if (!(op->flags & kind))
		return -EBADF;
	return opened_get(req, req->inode, op->flags & OP_WRITES, &req->handle);
}

static int find_handle(struct fs_request *req, const struct op *op)
{
	struct handle_table *handles = &req->fs->handles;
	uint64_t node_id = req->header.nodeid;
	uint64_t fh;

	memcpy(&fh, req->arg, sizeof(fh));
	if (!fh && request_agreed(req, FUSE_NO_OPEN_SUPPORT))
		return find_opened(req, op);
	if (op->flags & OP_FILE)
		req->handle = handle_get(handles, fh, HANDLE_FILE, node_id);
	if (op->flags & OP_DIRECTORY && !req->handle)
		req->handle =
			handle_get(handles, fh, HANDLE_DIRECTORY, node_id);
	if (!req->handle)
		return -EBADF;
	if (op->flags & OP_WRITES)
		atomic_store(&req->handle->inode->written, true);
	return 0;
}

/* Look up what the request acts on: references that release() returns. */
static int find_object(struct fs_request *req, const struct op *op)
{
	int err = 0;

	if (op->flags & OP_NODE)
		err = inode_get(&req->fs->inodes, req->header.nodeid,
				&req->inode);
	if (!err && op->flags & (OP_FILE | OP_DIRECTORY))
		err = find_handle(req, op);
	return err;
}

static void release(struct fs_request *req)
{
	inode_put(&req->fs->inodes, req->inode);
	handle_put(&req->fs->handles, req->handle);
}

static size_t arg_len(const struct fs_request *req, const struct op *op)
{
	if (op->flags & OP_LONG_XATTR && request_agreed(req, FUSE_SETXATTR_EXT))
		return IN(setxattr);
	return op->arg_len;
}

static size_t reply_len(const struct fs_request *req, const struct op *op)
{
	bool tells = op->flags & OP_TELLS &&
		     request_agreed(req, FUSE_SHARED_VERSIONS);

	return op->reply_len + (tells ? sizeof(struct fuse_versions) : 0);
}

/* Everything that may be wrong with a request before its handler sees it. */
static int check(struct fs_request *req, const struct op *op, void *arg)
{
	struct creds *creds = &req->worker->creds;
	int err;

	if (!op || !(op->flags & OP_CONTENT)) {
		iov_cut(req->in, req->in->solid);
		iov_cut(req->out, req->out->solid);
	}
	err = check_len(req);
	if (err)
		return err;
	if (!op)
		return -ENOSYS;
	if (!creds->entered)
		err = creds_enter(creds, req->fs->proc_fd);
	if (err)
		return err;
	if (!(op->flags & OP_FIRST) && !atomic_load(&req->fs->ready))
		return -EIO;
	req->agreed = atomic_load(&req->fs->agreed);
	if (op->flags & OP_MODIFIES && req->fs->read_only)
		return -EROFS;
	if (reply_len(req, op) > req->out->solid)
		return -EINVAL;
	if (!iov_take(req->in, arg, arg_len(req, op)))
		return -EINVAL;
	req->arg = arg;
	err = take_strings(req, op);
	return err ? err : find_object(req, op);
}

/* Run the handler: twice if the host refused what the guest allows and there is
 * a remedy. A request with a handle has passed the host's checks before.
 */
static int run(struct fs_request *req, const struct op *op)
{
	struct iov_cursor in = *req->in;
	struct iov_cursor out = *req->out;
	int err = op->run(req);

	if (err != -EACCES || !req->inode || req->handle || !owner_mend(req))
		return err;
	facts_file_changed(req->fs, req->inode);
	*req->in = in;
	*req->out = out;
	req->reply_len = 0;
	return op->run(req);
}

/* Write the header in front of what the handler has put: length of it all. */
static size_t put_header(const struct fs_request *req, struct iov_cursor *head,
			 int err)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + (err ? 0 : req->reply_len),
		.error = err,
		.unique = req->header.unique,
	};

	iov_put(head, &header, sizeof(header));
	return header.len;
}

/* From the header to the reply, whose length it returns; *@err is the result,
 * @arg has room for a fixed argument.
 */
static size_t serve(struct fs_request *req, void *arg, int *err)
{
	const struct creds *creds = &req->worker->creds;
	struct iov_cursor head = *req->out;
	const struct op *op;
	bool replies;

	*err = -EINVAL;
	if (!iov_take(req->in, &req->header, sizeof(req->header)))
		return 0;
	op = find_op(req->header.opcode);
	if (op && req->worker->forgets && !(op->flags & OP_NO_REPLY))
		op = NULL;
	replies = !op || !(op->flags & OP_NO_REPLY);
	if (replies && req->out->solid < sizeof(struct fuse_out_header))
		return 0;
	if (replies)
		iov_skip(req->out, sizeof(struct fuse_out_header));
	*err = check(req, op, arg);
	if (!*err)
		*err = run(req, op);
	release(req);
	/* The thread must not be somebody else in its next request. */
	assert(!creds->changed_user && !creds->changed_groups &&
	       !creds->changed_caps);
	if (*err == REQUEST_LATER) {
		*err = 0;
		return FS_LATER;
	}
	return replies ? put_header(req, &head, *err) : 0;
}

size_t fs_serve(struct fs *fs, struct fs_worker *worker, struct iov_cursor *in,
		struct iov_cursor *out)
{
	struct fs_request req = {
		.fs = fs,
		.worker = worker,
		.in = in,
		.out = out,
	};
	uint64_t arg[MAX_ARG_LEN / sizeof(uint64_t)] = {0};
	uint64_t start_ns = fs->stats ? stats_now_ns() : 0;
	int err;
	size_t len = serve(&req, arg, &err);

	if (fs->stats)
		stats_count(fs->stats,
			    find_op(req.header.opcode) ? req.header.opcode : 0,
			    err, stats_now_ns() - start_ns);
	return len;
}
