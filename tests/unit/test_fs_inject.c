/*
 * FUSE server: every call of the host's kernel fails once.
 *
 * Theory of operation: each row of the table of scenarios is a request. It is
 * sent with the first call that the server makes failing (inject.h), then the
 * second and so on, until none is left to fail. Each time the reply must be
 * that errno, or success if the call is one of those that an operation can do
 * without; and when the guest has given back what it learned, as many inodes,
 * handles and descriptors must be there as before. All that once more by a
 * server that keeps owners in attributes: then no file is left without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "devices/fs/fuse_abi.h"
#include "tests/unit/fs_client.h"
#include "tests/unit/fuse_forge.h"
#include "tests/unit/inject.h"
#include "vmm/base/bits.h"

static const int errors[] = {ENOSPC, EDQUOT, EIO, EINTR, ENOMEM, EMFILE};

/* What a request acts on. */
enum target {
	ROOT,
	FILE_NODE,
	LINK_NODE,
	OPEN_FILE, /* its handle goes into the argument */
	OPEN_ROOT,
};

/**
 * struct scenario - A request that succeeds unless a call fails
 * @opcode:	Operation
 * @target:	What it acts on
 * @arg:	Fixed argument
 * @arg_len:	Its length
 * @text:	Strings that follow, with their NULs, or a payload
 * @new_thread:	It is the thread's first
 * @closed:	Idle inodes are not open
 */
struct scenario {
	uint32_t opcode;
	enum target target;
	const void *arg;
	size_t arg_len;
	const char *text[2];
	bool new_thread;
	bool closed;
};

#define IN(type, ...)                                         \
	.arg = &(const struct fuse_##type##_in){__VA_ARGS__}, \
	.arg_len = sizeof(struct fuse_##type##_in)
#define NO_ARG .arg = NULL, .arg_len = 0
#define WORDS(type, ...)                     \
	.arg = &(const type[]){__VA_ARGS__}, \
	.arg_len = sizeof((const type[]){__VA_ARGS__})

/* clang-format off */
static const struct scenario scenarios[] = {
	{FUSE_GETATTR, ROOT, IN(getattr, .fh = 0), .new_thread = true},
	{FUSE_GETATTR, LINK_NODE, IN(getattr, .fh = 0), .closed = true},
	{FUSE_READLINK, LINK_NODE, NO_ARG, .closed = true},
	{FUSE_INIT, ROOT, IN(init, .major = 7, .minor = 38)},
	{FUSE_DESTROY, ROOT, NO_ARG},
	{FUSE_LOOKUP, ROOT, NO_ARG, {"other"}},
	{FUSE_LOOKUP, ROOT, NO_ARG, {"file"}},
	{FUSE_FORGET, LINK_NODE, IN(forget, .nlookup = 1)},
	{FUSE_BATCH_FORGET, ROOT, WORDS(uint64_t, 1, 2, 1)},
	{FUSE_GETATTR, FILE_NODE, IN(getattr, .fh = 0)},
	{FUSE_GETATTR, OPEN_FILE, IN(getattr,
		.getattr_flags = FUSE_GETATTR_FH)},
	{FUSE_SETATTR, FILE_NODE, IN(setattr, .valid = FATTR_MODE,
		.mode = 0600)},
	{FUSE_SETATTR, FILE_NODE, IN(setattr, .valid = FATTR_UID | FATTR_GID)},
	{FUSE_SETATTR, FILE_NODE, IN(setattr, .valid = FATTR_SIZE)},
	{FUSE_SETATTR, OPEN_FILE, IN(setattr, .valid =
		FATTR_SIZE | FATTR_FH | FATTR_KILL_SUIDGID)},
	{FUSE_SETATTR, LINK_NODE, IN(setattr, .valid = FATTR_MTIME)},
	{FUSE_SETATTR, FILE_NODE, IN(setattr, .valid = FATTR_UID | FATTR_SIZE |
		FATTR_MODE | FATTR_ATIME | FATTR_MTIME_NOW)},
	{FUSE_STATFS, ROOT, NO_ARG},
	{FUSE_READLINK, LINK_NODE, NO_ARG},
	{FUSE_SYMLINK, ROOT, NO_ARG, {"new", "target"}},
	{FUSE_MKNOD, ROOT, IN(mknod, .mode = S_IFIFO | 0644), {"new"}},
	{FUSE_MKDIR, ROOT, IN(mkdir, .mode = 0755), {"new"}},
	{FUSE_UNLINK, ROOT, NO_ARG, {"other"}},
	{FUSE_UNLINK, ROOT, NO_ARG, {"file"}},
	{FUSE_RMDIR, ROOT, NO_ARG, {"dir"}},
	{FUSE_RENAME, ROOT, IN(rename, .newdir = FUSE_ROOT_ID),
		{"file", "other"}},
	{FUSE_RENAME2, ROOT, IN(rename2, .newdir = FUSE_ROOT_ID,
		.flags = RENAME_EXCHANGE),
		{"file", "other"}},
	{FUSE_RENAME2, ROOT, IN(rename2, .newdir = FUSE_ROOT_ID,
		.flags = RENAME_NOREPLACE),
		{"dir", "new"}},
	{FUSE_LINK, ROOT, IN(link, .oldnodeid = 0), {"new"}},
	{FUSE_OPEN, FILE_NODE, IN(open, .flags = O_RDWR)},
	{FUSE_OPEN, FILE_NODE, IN(open, .flags = O_WRONLY | O_TRUNC,
		.open_flags = FUSE_OPEN_KILL_SUIDGID)},
	{FUSE_CREATE, ROOT, IN(create, .flags = O_RDWR,
		.mode = S_IFREG | 0644), {"new"}},
	{FUSE_READ, OPEN_FILE, IN(read, .size = 4)},
	{FUSE_WRITE, OPEN_FILE, IN(write, .size = 5), {"text"}},
	{FUSE_WRITE, OPEN_FILE, IN(write, .size = 5, .flags = O_APPEND,
		.write_flags = FUSE_WRITE_KILL_SUIDGID), {"text"}},
	{FUSE_FLUSH, OPEN_FILE, IN(flush, .fh = 0)},
	{FUSE_FSYNC, OPEN_FILE, IN(fsync, .fh = 0)},
	{FUSE_FSYNC, OPEN_FILE, IN(fsync, .fsync_flags = 1)},
	{FUSE_FALLOCATE, OPEN_FILE, IN(fallocate, .length = 4096)},
	{FUSE_LSEEK, OPEN_FILE, IN(lseek, .whence = SEEK_HOLE)},
	{FUSE_COPY_FILE_RANGE, OPEN_FILE, IN(copy_file_range, .len = 4,
		.off_out = 8)},
	{FUSE_RELEASE, OPEN_FILE, IN(release, .fh = 0)},
	{FUSE_OPENDIR, ROOT, IN(open, .flags = O_RDONLY)},
	{FUSE_READDIR, OPEN_ROOT, IN(read, .size = 4096)},
	{FUSE_READDIRPLUS, OPEN_ROOT, IN(read, .size = 4096)},
	{FUSE_FSYNCDIR, OPEN_ROOT, IN(fsync, .fh = 0)},
	{FUSE_RELEASEDIR, OPEN_ROOT, IN(release, .fh = 0)},
	{FUSE_SETXATTR, FILE_NODE, IN(setxattr, .size = 5), {"user.b", "text"}},
	{FUSE_GETXATTR, FILE_NODE, IN(getxattr, .size = 64), {"user.a"}},
	{FUSE_LISTXATTR, FILE_NODE, IN(getxattr, .size = 64)},
	{FUSE_REMOVEXATTR, FILE_NODE, NO_ARG, {"user.a"}},
	{FUSE_GETLK, OPEN_FILE, IN(lk, .lk = {0, INT64_MAX, F_WRLCK, 1})},
	{FUSE_SETLK, OPEN_FILE, IN(lk, .lk = {0, INT64_MAX, F_WRLCK, 1})},
	{FUSE_SETLKW, OPEN_FILE, IN(lk, .lk = {0, INT64_MAX, F_RDLCK, 1},
		.lk_flags = FUSE_LK_FLOCK)},
	{FUSE_IOCTL, OPEN_FILE, IN(ioctl, .cmd = FS_IOC_GETFLAGS,
		.out_size = 4)},
	{FUSE_SYNCFS, ROOT, IN(syncfs, .padding = 0)},
	{FUSE_TMPFILE, ROOT, IN(create, .flags = O_RDWR,
		.mode = S_IFREG | 0644), {"nameless"}},
	{FUSE_STATX, FILE_NODE, IN(statx, .sx_mask = STATX_BASIC_STATS)},
};
/* clang-format on */

/* In place of an opcode: fs_init() */
enum { START = 1000 };

/* Calls that an operation can do without, and why. */
static const struct {
	uint32_t opcode;
	long number;
} optional[] = {
	/* Where a mount cannot be tried for handles, names are used. */
	{START, SYS_name_to_handle_at},
	{FUSE_MKDIR, SYS_name_to_handle_at},
	{START, SYS_openat2},
	{START, SYS_open_by_handle_at},
	{FUSE_MKDIR, SYS_openat2},
	{FUSE_MKDIR, SYS_open_by_handle_at},
	{FUSE_READDIRPLUS, SYS_open_by_handle_at},
	/* An inode that cannot be found or kept may be stale later. */
	{FUSE_UNLINK, SYS_statx},
	{FUSE_RMDIR, SYS_statx},
	{FUSE_RENAME, SYS_statx},
	{FUSE_RENAME2, SYS_statx},
	{FUSE_TMPFILE, SYS_statx},
	{FUSE_LINK, SYS_statx},
	/* Who does not know whether there are set-ID bits clears them. */
	{FUSE_SETATTR, SYS_statx},
	{FUSE_OPEN, SYS_statx},
	{FUSE_WRITE, SYS_statx},
	{FUSE_FALLOCATE, SYS_statx},
	{FUSE_COPY_FILE_RANGE, SYS_statx},
	/* Out of descriptors: nothing is lost but an early report. */
	{FUSE_FLUSH, SYS_fcntl},
	/* A name that cannot be looked up is a name all the same. */
	{FUSE_READDIRPLUS, SYS_openat2},
	{FUSE_READDIRPLUS, SYS_statx},
	{FUSE_READDIRPLUS, SYS_getxattr},
	{FUSE_READDIRPLUS, SYS_name_to_handle_at},
};

static bool is_optional(uint32_t opcode, long number)
{
	/* It is closed whatever close() says; FLUSH is there to report it. */
	if (number == SYS_close)
		return opcode != FUSE_FLUSH;
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		if (optional[i].number == number &&
		    optional[i].opcode == opcode)
			return true;
	}
	return false;
}

static bool is_lock(uint32_t opcode)
{
	return opcode == FUSE_SETLK || opcode == FUSE_SETLKW ||
	       opcode == FUSE_GETLK;
}

static struct client client;
static struct client *const c = &client;

#define OWNER "user.containers.override_stat"
static enum fs_owner owner;

/* What the guest knows before a request. */
static uint64_t file, link_node, fh, root_fh;

/** struct counts - What must be back at its start */
struct counts {
	int open_files;
	uint32_t inodes;
	uint32_t handles;
};

static uint32_t count_live(struct table *t)
{
	uint32_t cnt = 0;

	for (uint32_t i = 1; i <= t->used_cnt; i++) {
		const struct table_slot *slot = table_at(t, i);

		cnt += slot->live || slot->ref_cnt;
	}
	return cnt;
}

static struct counts count(void)
{
	return (struct counts){
		.open_files = count_open_files(),
		.inodes = count_live(&c->fs->inodes.table),
		.handles = count_live(&c->fs->handles.table),
	};
}

static void check_counts(const struct counts *before)
{
	struct counts now = count();

	ck_assert_int_eq(now.open_files, before->open_files);
	ck_assert_uint_eq(now.inodes, before->inodes);
	ck_assert_uint_eq(now.handles, before->handles);
}

static void give_owner(const char *name, const char *text)
{
	ck_assert_int_eq(
		setxattr(client_path(c, name), OWNER, text, strlen(text), 0),
		0);
}

/* The directory as each request finds it. */
static void make_tree(void)
{
	unlinkat(c->dir_fd, "new", 0);
	unlinkat(c->dir_fd, "new", AT_REMOVEDIR);
	unlinkat(c->dir_fd, "link", 0);
	unlinkat(c->dir_fd, "file", 0);
	mkdirat(c->dir_fd, "dir", 0755);
	client_make_file(c, "file", "sixteen bytes...");
	client_make_file(c, "other", "");
	ck_assert_int_eq(symlinkat("file", c->dir_fd, "link"), 0);
	ck_assert_int_eq(
		setxattr(client_path(c, "file"), "user.a", "value", 5, 0), 0);
	if (owner == FS_OWNER_XATTR) {
		give_owner("file", "0:0:06751");
		give_owner("dir", "0:0:0755");
	}
}

/* Has what was made, if anything was, the owner that it was made by? */
static void check_new(void)
{
	const char *path = client_path(c, "new");
	struct stat st;

	if (owner == FS_OWNER_XATTR &&
	    !fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) &&
	    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		ck_assert_int_gt(getxattr(path, OWNER, NULL, 0), 0);
}

static void prepare(void)
{
	struct fuse_write_in arg = {.size = 1};
	int err;

	make_tree();
	file = client_lookup(c, FUSE_ROOT_ID, "file", &err);
	ck_assert_int_eq(err, 0);
	link_node = client_lookup(c, FUSE_ROOT_ID, "link", &err);
	ck_assert_int_eq(err, 0);
	/* An inode that is used is open. */
	err = client_simple(c, FUSE_READLINK, link_node, NULL, NULL);
	ck_assert_int_eq(err, 0);
	err = client_open_node(c, FUSE_OPEN, file, O_RDWR, &fh);
	ck_assert_int_eq(err, 0);
	/* What was written to has something to report when it is closed. */
	arg.fh = fh;
	ck_assert_int_eq(client_write(c, &arg, file, "s"), 1);
	err = client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID, 0, &root_fh);
	ck_assert_int_eq(err, 0);
}

/* The guest gives back what it knew, unless the request did that. */
static void give_back(void)
{
	client_release(c, FUSE_RELEASE, file, fh);
	client_release(c, FUSE_RELEASEDIR, FUSE_ROOT_ID, root_fh);
	client_forget(c, file, 1);
	client_forget(c, link_node, 1);
}

/* The guest gives back what a reply told it. */
static void give_back_reply(uint32_t opcode)
{
	const char *body = c->out + sizeof(struct fuse_out_header);
	enum forge_reply kind = forge_reply(opcode);
	struct fuse_entry_out entry;
	struct fuse_direntplus plus;
	struct fuse_open_out opened;
	char reply[8192];

	ck_assert_uint_le(c->out_len, sizeof(reply));
	memcpy(reply, body, c->out_len);
	memcpy(&entry, reply, sizeof(entry));
	if (kind == FORGE_CREATE) {
		memcpy(&opened, reply + sizeof(entry), sizeof(opened));
		client_release(c, FUSE_RELEASE, entry.nodeid, opened.fh);
	}
	if (kind == FORGE_ENTRY || kind == FORGE_CREATE)
		client_forget(c, entry.nodeid, 1);
	if (kind == FORGE_OPEN) {
		memcpy(&opened, reply, sizeof(opened));
		client_release(
			c, opcode == FUSE_OPEN ? FUSE_RELEASE : FUSE_RELEASEDIR,
			opcode == FUSE_OPEN ? file : FUSE_ROOT_ID, opened.fh);
	}
	for (size_t at = 0, len = c->out_len;
	     kind == FORGE_DIRENTS_PLUS && at < len;) {
		memcpy(&plus, reply + at, sizeof(plus));
		if (plus.entry_out.nodeid)
			client_forget(c, plus.entry_out.nodeid, 1);
		at += FUSE_DIRENTPLUS_SIZE(&plus);
	}
}

/* Where the argument has its handle. */
static size_t fh_at(uint32_t opcode)
{
	if (opcode == FUSE_GETATTR)
		return offsetof(struct fuse_getattr_in, fh);
	if (opcode == FUSE_SETATTR)
		return offsetof(struct fuse_setattr_in, fh);
	return 0;
}

static void build(const struct scenario *s)
{
	const uint64_t nodes[] = {FUSE_ROOT_ID, file, link_node, file,
				  FUSE_ROOT_ID};
	uint64_t handle = s->target == OPEN_FILE ? fh : root_fh;
	char arg[128] = {0};

	if (s->arg_len)
		memcpy(arg, s->arg, s->arg_len);
	if (s->target == OPEN_FILE || s->target == OPEN_ROOT)
		memcpy(arg + fh_at(s->opcode), &handle, sizeof(handle));
	if (s->opcode == FUSE_SETATTR) {
		((struct fuse_setattr_in *)(void *)arg)->uid = c->uid;
		((struct fuse_setattr_in *)(void *)arg)->gid = c->gid;
	}
	if (s->opcode == FUSE_LINK)
		((struct fuse_link_in *)(void *)arg)->oldnodeid = file;
	if (s->opcode == FUSE_BATCH_FORGET)
		((uint64_t *)(void *)arg)[1] = link_node;
	if (s->opcode == FUSE_COPY_FILE_RANGE) {
		((struct fuse_copy_file_range_in *)(void *)arg)->fh_out = fh;
		((struct fuse_copy_file_range_in *)(void *)arg)->nodeid_out =
			file;
	}
	client_begin(c, s->opcode, nodes[s->target]);
	client_add(c, arg, s->arg_len);
	for (int i = 0; i < 2 && s->text[i]; i++)
		client_add_text(c, s->text[i]);
}

/* Send the request of a row, its k-th call failing: false if it has less. */
static bool try(const struct scenario *s, int k, int error)
{
	struct counts before = count();
	int expected = -error;
	long number;
	int err;

	/* The first idle inode is closed at once. */
	if (s->closed)
		c->fs->inodes.limits.open_max = 0;
	prepare();
	build(s);
	if (s->new_thread)
		c->worker.creds.entered = false;
	inject_arm(k, error);
	err = client_call(c);
	number = inject_disarm();
	if (forge_reply(s->opcode) == FORGE_NOTHING)
		expected = CLIENT_NO_REPLY;
	/* Out of descriptors is out of locks. */
	else if (number == SYS_openat2 && error == EMFILE && is_lock(s->opcode))
		expected = -ENOLCK;
	else if (number < 0 || (!err && is_optional(s->opcode, number)))
		expected = 0;
	ck_assert_msg(err == expected,
		      "opcode %u: call %d (number %ld) fails with %d, "
		      "reply %d instead of %d",
		      s->opcode, k, number, error, err, expected);
	check_new();
	if (!err)
		give_back_reply(s->opcode);
	if (s->opcode == FUSE_DESTROY)
		ck_assert_int_eq(client_init(c, ~0ULL), 0);
	give_back();
	check_counts(&before);
	return number >= 0;
}

START_TEST(each_call_fails_once)
{
	const struct scenario *s = &scenarios[_i % ARRAY_SIZE(scenarios)];
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};
	int k;

	owner = _i / ARRAY_SIZE(scenarios);
	config.owner = owner;
	client_open_as(c, &config);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	/* Not root: the thread becomes the caller and comes back. */
	c->uid = geteuid() ? c->uid : 1000;
	c->gid = geteuid() ? c->gid : 1000;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		for (k = 1; try(s, k, errors[i]); k++)
			ck_assert_int_lt(k, 100);
		/* Else the row tests nothing. */
		ck_assert_int_gt(k, 1);
	}
	client_close(c);
}
END_TEST

START_TEST(a_failed_start_leaves_nothing)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO,
				   .owner = FS_OWNER_XATTR};
	int open_cnt, k, err;
	struct fs fs;
	long number;

	config.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(config.root_fd, 0);
	open_cnt = count_open_files();
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		for (k = 1, number = 0; number >= 0; k++) {
			inject_arm(k, errors[i]);
			err = fs_init(&fs, &config);
			number = inject_disarm();
			if (number < 0 || (!err && is_optional(START, number)))
				ck_assert_int_eq(err, 0);
			else
				ck_assert_int_eq(err, -errors[i]);
			fs_destroy(&fs);
			ck_assert_int_eq(count_open_files(), open_cnt);
		}
		ck_assert_int_gt(k, 3);
	}
	close(config.root_fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_inject");
	TCase *tc = tcase_create("fs_inject");

	tcase_add_loop_test(tc, each_call_fails_once, 0,
			    FS_NUM_OWNERS * ARRAY_SIZE(scenarios));
	tcase_add_test(tc, a_failed_start_leaves_nothing);
	suite_add_tcase(s, tc);
	return client_run(s);
}
