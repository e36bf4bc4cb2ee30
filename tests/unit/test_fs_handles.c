/*
 * FUSE server: how it finds what it has closed, and its way to descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"

static struct client client;
static struct client *const c = &client;
static unsigned int call_cnt;

/* In place of the C library's, for all that is linked statically. */
int open_by_handle_at(int mount_fd, struct file_handle *handle, int flags)
{
	call_cnt++;
	return (int)syscall(SYS_open_by_handle_at, mount_fd, handle, flags);
}

/* Make a directory with a file in it: the file's node id. */
static uint64_t look_up_file(void)
{
	uint64_t dir, id;
	int err;

	ck_assert_int_eq(mkdirat(c->dir_fd, "dir", 0755), 0);
	client_make_file(c, "dir/file", "text");
	dir = client_lookup(c, FUSE_ROOT_ID, "dir", &err);
	ck_assert_int_eq(err, 0);
	id = client_lookup(c, dir, "file", &err);
	ck_assert_int_eq(err, 0);
	return id;
}

static void rename_directory(void)
{
	struct fuse_rename_in arg = {.newdir = FUSE_ROOT_ID};

	client_begin(c, FUSE_RENAME, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "dir");
	client_add_text(c, "moved");
	ck_assert_int_eq(client_call(c), 0);
}

static void start(bool handles)
{
	struct fs_config config = {
		FS_DEFAULTS,
		.cache = FS_CACHE_AUTO,
	};

	config.handles = handles;
	client_open_as(c, &config);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	/* What is idle is closed at once. */
	c->fs->inodes.limits.open_max = 0;
}

START_TEST(handles_are_used)
{
	uint64_t id;

	start(true);
	id = look_up_file();
	call_cnt = 0;
	ck_assert_int_eq(client_getattr(c, id), 0);
	/* An ordinary user may not. */
	ck_assert_uint_eq(call_cnt, geteuid() ? 0 : 1);
	client_close(c);
}
END_TEST

START_TEST(handles_are_never_used)
{
	uint64_t id;

	call_cnt = 0;
	start(false);
	id = look_up_file();
	ck_assert_int_eq(client_getattr(c, id), 0);
	rename_directory();
	ck_assert_int_eq(client_getattr(c, id), 0);
	/* Another file with that name is another file. */
	ck_assert_int_eq(unlinkat(c->dir_fd, "moved/file", 0), 0);
	client_make_file(c, "moved/file", "other");
	ck_assert_int_eq(client_getattr(c, id), -ESTALE);
	client_init(c, ~0ULL);
	client_close(c);
	ck_assert_uint_eq(call_cnt, 0);
}
END_TEST

START_TEST(the_way_up_loses_no_name)
{
	uint64_t dir, sub;
	int err;

	start(false);
	look_up_file();
	dir = client_lookup(c, FUSE_ROOT_ID, "dir", &err);
	ck_assert_int_eq(mkdirat(c->dir_fd, "dir/sub", 0755), 0);
	sub = client_lookup(c, dir, "sub", &err);
	ck_assert_uint_eq(client_lookup(c, sub, "..", &err), dir);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(client_getattr(c, dir), 0);
	ck_assert_int_eq(client_getattr(c, sub), 0);
	client_close(c);
}
END_TEST

/* /proc/self/fd, mounted nowhere if we may do that. */
static int open_proc(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/fd",
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? open("/proc/self/fd", O_PATH | O_CLOEXEC) : fd;
}

START_TEST(proc_can_be_given)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};
	struct fuse_getxattr_in arg = {.size = 8};
	int before, err;
	uint64_t id, fh;

	config.proc_fd = open_proc();
	ck_assert_int_ge(config.proc_fd, 0);
	before = count_open_files();
	client_open_as(c, &config);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	ck_assert_int_ge(fcntl(config.proc_fd, F_GETFD), 0);
	close(config.proc_fd);
	client_make_file(c, "f", "text");
	ck_assert_int_eq(setxattr(client_path(c, "f"), "user.a", "value", 5, 0),
			 0);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDONLY, &fh), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), 4);
	client_begin(c, FUSE_GETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "user.a");
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_uint_eq(c->out_len, 5);
	client_close(c);
	ck_assert_int_eq(count_open_files(), before - 1);
}
END_TEST

START_TEST(something_else_cannot_be_given)
{
	struct fs_config config = {FS_DEFAULTS};
	int before = count_open_files();
	struct fs fs;

	config.root_fd = open("/tmp", O_PATH | O_CLOEXEC);
	config.proc_fd = config.root_fd;
	ck_assert_int_eq(fs_init(&fs, &config), -ENOENT);
	fs_destroy(&fs);
	config.proc_fd = 1000000;
	ck_assert_int_eq(fs_init(&fs, &config), -EBADF);
	fs_destroy(&fs);
	close(config.root_fd);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_handles");
	TCase *tc = tcase_create("fs_handles");

	tcase_add_test(tc, handles_are_used);
	tcase_add_test(tc, handles_are_never_used);
	tcase_add_test(tc, the_way_up_loses_no_name);
	tcase_add_test(tc, proc_can_be_given);
	tcase_add_test(tc, something_else_cannot_be_given);
	suite_add_tcase(s, tc);
	return client_run(s);
}
