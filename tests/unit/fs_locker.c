/*
 * Locks for tests.
 */
#include "tests/unit/fs_locker.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct target target_open(struct client *c, const char *name)
{
	struct target f = {.c = c};
	int err;

	f.node_id = client_lookup(c, FUSE_ROOT_ID, name, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(
		client_open_node(c, FUSE_OPEN, f.node_id, O_RDWR, &f.fh), 0);
	return f;
}

int lock_raw(const struct target *f, uint32_t opcode,
	     const struct fuse_lk_in *arg)
{
	client_begin(f->c, opcode, f->node_id);
	client_add(f->c, arg, sizeof(*arg));
	return client_call(f->c);
}

static struct fuse_lk_in posix_arg(const struct target *f, uint64_t owner,
				   uint32_t type, uint64_t start, uint64_t end)
{
	return (struct fuse_lk_in){
		.fh = f->fh,
		.owner = owner,
		.lk = {.start = start,
		       .end = end,
		       .type = type,
		       .pid = (uint32_t)owner},
	};
}

static struct fuse_lk_in flock_arg(const struct target *f, uint64_t owner,
				   uint32_t type)
{
	struct fuse_lk_in arg = posix_arg(f, owner, type, 0, LOCK_END);

	arg.lk_flags = FUSE_LK_FLOCK;
	return arg;
}

int lock_posix(const struct target *f, uint64_t owner, uint32_t type,
	       uint64_t start, uint64_t end)
{
	struct fuse_lk_in arg = posix_arg(f, owner, type, start, end);

	return lock_raw(f, FUSE_SETLK, &arg);
}

int lock_flock(const struct target *f, uint64_t owner, uint32_t type)
{
	struct fuse_lk_in arg = flock_arg(f, owner, type);

	return lock_raw(f, FUSE_SETLK, &arg);
}

struct fuse_file_lock lock_test(const struct target *f, uint64_t owner,
				uint32_t type, uint64_t start, uint64_t end)
{
	struct fuse_lk_in arg = posix_arg(f, owner, type, start, end);
	const struct fuse_lk_out *out;
	int err = lock_raw(f, FUSE_GETLK, &arg);

	if (err)
		return (struct fuse_file_lock){.type = F_UNLCK, .pid = -err};
	out = client_reply(f->c, sizeof(*out));
	return out->lk;
}

int close_posix(const struct target *f, uint64_t owner)
{
	struct fuse_flush_in arg = {.fh = f->fh, .lock_owner = owner};

	client_begin(f->c, FUSE_FLUSH, f->node_id);
	client_add(f->c, &arg, sizeof(arg));
	return client_call(f->c);
}

int close_last(const struct target *f, uint64_t flock_owner)
{
	struct fuse_release_in arg = {
		.fh = f->fh,
		.release_flags = flock_owner ? FUSE_RELEASE_FLOCK_UNLOCK : 0,
		.lock_owner = flock_owner,
	};

	client_begin(f->c, FUSE_RELEASE, f->node_id);
	client_add(f->c, &arg, sizeof(arg));
	return client_call(f->c);
}

static void on_reply(struct fs_later *later, const void *data, size_t len)
{
	struct pending *p = (struct pending *)later; /* its first member */
	struct fuse_out_header header;

	header.error = NEVER_A_REPLY;
	if (len) {
		ck_assert_uint_eq(len, sizeof(header));
		memcpy(&header, data, len);
		ck_assert_uint_eq(header.len, len);
		ck_assert_uint_eq(header.unique, p->unique);
	}
	p->error = header.error;
	p->cnt++; /* the last access */
}

static int wait_for(struct pending *p, const struct target *f,
		    const struct fuse_lk_in *arg)
{
	static atomic_uint_least64_t last_unique = 1000;
	int r;

	*p = (struct pending){.later.reply = on_reply, .error = NO_REPLY_YET};
	p->unique = ++last_unique;
	f->c->worker.later = &p->later;
	client_begin(f->c, FUSE_SETLKW, f->node_id);
	client_header(f->c)->unique = p->unique;
	client_add(f->c, arg, sizeof(*arg));
	r = client_call(f->c);
	/* Taken if it is needed, and only then. */
	ck_assert_ptr_eq(f->c->worker.later,
			 r == CLIENT_LATER ? NULL : &p->later);
	f->c->worker.later = NULL;
	return r;
}

int wait_posix(struct pending *p, const struct target *f, uint64_t owner,
	       uint32_t type, uint64_t start, uint64_t end)
{
	struct fuse_lk_in arg = posix_arg(f, owner, type, start, end);

	return wait_for(p, f, &arg);
}

int wait_flock(struct pending *p, const struct target *f, uint64_t owner,
	       uint32_t type)
{
	struct fuse_lk_in arg = flock_arg(f, owner, type);

	return wait_for(p, f, &arg);
}

int pending_result(struct pending *p)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < 10000 && !p->cnt; i++)
		nanosleep(&ms, NULL);
	ck_assert_int_eq(p->cnt, 1);
	return p->error;
}

void interrupt(struct client *c, uint64_t unique)
{
	struct fuse_interrupt_in arg = {.unique = unique};

	client_begin(c, FUSE_INTERRUPT, 0);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), CLIENT_NO_REPLY);
}

/* Start a process that opens a file, locks it and says so. It has none of our
 * descriptors, which would keep their locks.
 */
static pid_t hold(const char *path, const struct flock *range, int operation)
{
	struct flock lock = *range;
	int ready[2];
	pid_t pid;
	char c;
	int fd, r;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		dup2(ready[1], 0);
		close_range(3, ~0U, 0);
		fd = open(path, O_RDWR);
		r = operation ? flock(fd, operation)
			      : fcntl(fd, F_SETLK, &lock);
		if (r < 0 || write(0, "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

pid_t hold_posix(const char *path, short type, off_t start, off_t len)
{
	struct flock range = {.l_type = type, .l_start = start, .l_len = len};

	return hold(path, &range, 0);
}

pid_t hold_flock(const char *path, int operation)
{
	struct flock none = {0};

	return hold(path, &none, operation);
}

void hold_end(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
