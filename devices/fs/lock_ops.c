/*
 * File locks: requests (fcntl(2), "Advisory record locking"; flock(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "devices/fs/lock.h"
#include "devices/fs/lock_wait.h"
#include "devices/fs/ops.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"

/* The protocol's last byte of a range that has no end. */
#define NO_END ((uint64_t)INT64_MAX)

/* Check what is locked and by whom. */
static int read_arg(const struct fs_request *req, struct lock_key *key,
		    struct flock *want)
{
	const struct fuse_lk_in *arg = req->arg;
	uint64_t start = arg->lk.start, end = arg->lk.end;

	if (req->fs->local_locks)
		return -ENOSYS;
	if (arg->lk.type != F_RDLCK && arg->lk.type != F_WRLCK &&
	    arg->lk.type != F_UNLCK)
		return -EINVAL;
	if (arg->lk_flags & ~FUSE_LK_FLOCK || end > NO_END || start > end)
		return -EINVAL;
	if (arg->lk_flags & FUSE_LK_FLOCK && (start || end != NO_END))
		return -EINVAL;
	*key = (struct lock_key){
		.node_id = req->header.nodeid,
		.owner = arg->owner,
		.flock = arg->lk_flags & FUSE_LK_FLOCK,
	};
	*want = (struct flock){
		.l_type = (short)arg->lk.type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)start,
		.l_len = end == NO_END ? 0 : (off_t)(end - start + 1),
		.l_pid = (pid_t)arg->lk.pid,
	};
	return 0;
}

/* Open a description of the handle's file. POSIX locks need the access that
 * their type is named after, and a process can set both, through two handles;
 * flock() locks belong to one. Whoever may not have that gets what it may.
 */
static int open_again(const struct fs_request *req, bool flock)
{
	const struct handle *handle = req->handle;
	mode_t type = handle->kind == HANDLE_FILE ? S_IFREG : S_IFDIR;
	int access = fcntl(handle->fd, F_GETFL) & O_ACCMODE;
	int modes[] = {access, O_RDONLY, O_WRONLY};
	int fd = -EACCES;

	if (!flock && type == S_IFREG && !req->fs->read_only)
		modes[0] = O_RDWR;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = request_open_inode(req, handle->fd, type, modes[i]);
		if (fd != -EACCES && fd != -EPERM && fd != -EROFS &&
		    fd != -ETXTBSY)
			break;
	}
	return fd == -EMFILE || fd == -ENFILE ? -ENOLCK : fd;
}

/* Begin to use an owner that has to be there: NULL with *@err if not. */
static struct lock_owner *get_owner(const struct fs_request *req,
				    const struct lock_key *key, int *err)
{
	const struct fuse_lk_in *arg = req->arg;
	struct lock_table *t = &req->fs->locks;
	struct lock_owner *o = lock_get(t, key, arg->fh);
	int fd;

	*err = 0;
	if (o || arg->lk.type == F_UNLCK)
		return o;
	fd = t->cnt < t->table.max_cnt ? open_again(req, key->flock) : -ENOLCK;
	if (fd < 0) {
		*err = fd;
		return NULL;
	}
	o = lock_add(t, key, arg->fh, fd);
	if (!o)
		*err = -ENOLCK;
	return o;
}

/* Let the request wait; the owner is taken. */
static int wait_for_lock(struct fs_request *req, struct lock_owner *o,
			 const struct flock *want)
{
	struct fs_later *later = req->worker->later;
	int err = -ENOLCK;

	if (later)
		err = lock_wait_add(&req->fs->locks, o, want,
				    req->header.unique, later);
	if (err) {
		lock_put(&req->fs->locks, o);
		return err;
	}
	req->worker->later = NULL;
	return REQUEST_LATER;
}

int fs_op_setlk(struct fs_request *req)
{
	struct lock_owner *o;
	struct lock_key key;
	struct flock want;
	int err = read_arg(req, &key, &want);

	if (err)
		return err;
	o = get_owner(req, &key, &err);
	if (!o)
		return err; /* 0: nothing to unlock */
	err = lock_apply(&req->fs->locks, o, &want);
	if (err == -EAGAIN && req->header.opcode == FUSE_SETLKW)
		return wait_for_lock(req, o, &want);
	lock_put(&req->fs->locks, o);
	return err;
}

/* Ask the host, on behalf of an owner; one without locks has none to be told
 * apart from, so any description will do.
 */
static int query(const struct fs_request *req, const struct lock_key *key,
		 struct flock *range)
{
	const struct fuse_lk_in *arg = req->arg;
	struct lock_table *t = &req->fs->locks;
	struct lock_owner *o = lock_get(t, key, arg->fh);
	int err;

	if (o) {
		err = lock_query(o, range);
		lock_put(t, o);
		return err;
	}
	range->l_pid = 0;
	return fcntl(req->handle->fd, F_OFD_GETLK, range) < 0 ? -errno : 0;
}

int fs_op_getlk(struct fs_request *req)
{
	struct lock_owner *holder;
	struct fuse_lk_out out;
	struct lock_key key;
	struct flock range;
	int err = read_arg(req, &key, &range);

	if (!err && key.flock)
		err = -EINVAL;
	if (!err)
		err = query(req, &key, &range);
	if (err)
		return err;
	out.lk = (struct fuse_file_lock){.type = range.l_type};
	if (range.l_type != F_UNLCK) {
		holder = lock_holder(&req->fs->locks, key.node_id, &range);
		out.lk.start = range.l_start;
		out.lk.end = range.l_len ? range.l_start + range.l_len - 1
					 : INT64_MAX;
		out.lk.pid = holder ? holder->pid : 0;
		lock_put(&req->fs->locks, holder);
	}
	return request_put(req, &out, sizeof(out));
}

int fs_op_interrupt(struct fs_request *req)
{
	const struct fuse_interrupt_in *arg = req->arg;

	lock_wait_interrupt(&req->fs->locks, arg->unique);
	return 0;
}
