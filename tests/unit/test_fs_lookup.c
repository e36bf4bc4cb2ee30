/*
 * FUSE server: "." and "..", files without names, birth times, host mounts,
 * and guests that send no OPEN.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/fs/fuse_abi.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;

static void setup(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	mkdirat(c->dir_fd, "d", 0755);
	mkdirat(c->dir_fd, "d/e", 0755);
}

static void setup_always(void)
{
	client_start(c, FS_CACHE_ALWAYS, false);
	client_make_file(c, "f", "text");
	mkdirat(c->dir_fd, "d", 0755);
}

static void teardown(void)
{
	client_close(c);
}

static uint64_t lookup(uint64_t dir, const char *name)
{
	int err;

	return client_lookup(c, dir, name, &err);
}

static int lookup_err(uint64_t dir, const char *name)
{
	int err;

	client_lookup(c, dir, name, &err);
	return err;
}

static int call(uint32_t opcode, uint64_t id, const void *arg, size_t len)
{
	client_begin(c, opcode, id);
	client_add(c, arg, len);
	return client_call(c);
}

START_TEST(dot_and_dotdot)
{
	uint64_t d = lookup(1, "d"), e = lookup(d, "e"), f = lookup(1, "f");

	ck_assert_uint_eq(lookup(1, "."), FUSE_ROOT_ID);
	ck_assert_uint_eq(lookup(1, ".."), FUSE_ROOT_ID);
	ck_assert_uint_eq(lookup(d, "."), d);
	ck_assert_uint_eq(lookup(d, ".."), FUSE_ROOT_ID);
	ck_assert_uint_eq(lookup(e, ".."), d);
	ck_assert_uint_eq(lookup(f, "."), f);
	ck_assert_int_eq(lookup_err(f, ".."), -ENOTDIR);
}
END_TEST

static void restart_by_name(enum fs_cache cache)
{
	struct fs_config config = {FS_DEFAULTS, .cache = cache};

	config.handles = false;
	config.local_locks = cache == FS_CACHE_ALWAYS;
	client_close(c);
	client_open_as(c, &config);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	client_make_file(c, "f", "text");
}

/* The host moves what was looked up and not used yet. Of files that are opened
 * when they are used, the guest has to look for the new name; it could be at
 * work in a directory, talk by a FIFO, or read where it sends no OPEN.
 */
START_TEST(what_is_opened_at_once)
{
	static const char names[] = {'d', 'p', 'f', 'l'};
	size_t at_once = _i == FS_CACHE_ALWAYS ? 3 : 2;
	uint64_t id;

	restart_by_name((enum fs_cache)_i);
	ck_assert_int_eq(mkdirat(c->dir_fd, "d", 0755), 0);
	ck_assert_int_eq(mkfifoat(c->dir_fd, "p", 0600), 0);
	ck_assert_int_eq(symlinkat("to", c->dir_fd, "l"), 0);
	client_let_time_pass();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char name[] = {names[i], '\0'};
		const char to[] = {'n', names[i], '\0'};

		atomic_store(&c->fs->inodes.care, 0);
		id = lookup(FUSE_ROOT_ID, name);
		ck_assert_int_eq(renameat(c->dir_fd, name, c->dir_fd, to), 0);
		ck_assert_int_eq(client_getattr(c, id),
				 i < at_once ? 0 : -ESTALE);
		ck_assert_uint_eq(lookup(FUSE_ROOT_ID, to), id);
		ck_assert_int_eq(client_getattr(c, id), 0);
	}
}
END_TEST

/* Which of them the guest goes on to know is not for the server to say. */
START_TEST(two_names_of_a_file)
{
	uint64_t to, one, other;

	restart_by_name(FS_CACHE_AUTO);
	ck_assert_int_eq(mkdirat(c->dir_fd, "to", 0755), 0);
	ck_assert_int_eq(linkat(c->dir_fd, "f", c->dir_fd, "to/g", 0), 0);
	client_let_time_pass();
	to = lookup(FUSE_ROOT_ID, "to");
	one = lookup(FUSE_ROOT_ID, "f");
	other = lookup(to, "g");
	ck_assert_uint_eq(one, other);
	client_forget(c, other, 1);
	client_forget(c, to, 1);
	ck_assert_int_eq(client_getattr(c, one), 0);
}
END_TEST

/* A directory that the host moved out of the share leads nowhere. */
START_TEST(dotdot_does_not_lead_out)
{
	uint64_t d = lookup(1, "d"), e = lookup(d, "e");
	char out[256];

	snprintf(out, sizeof(out), "%s-out", c->path);
	ck_assert_int_eq(renameat(c->dir_fd, "d", AT_FDCWD, out), 0);
	ck_assert_int_eq(lookup_err(d, ".."), -ESTALE);
	ck_assert_int_eq(lookup_err(e, ".."), -ESTALE);
	ck_assert_int_eq(renameat(AT_FDCWD, out, c->dir_fd, "d"), 0);
	ck_assert_uint_eq(lookup(e, ".."), d);
}
END_TEST

START_TEST(dotdot_leaves_nothing_open)
{
	uint64_t d = lookup(1, "d"), e = lookup(d, "e");
	int before;

	ck_assert_uint_eq(lookup(e, ".."), d);
	before = count_open_files();
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(lookup(e, ".."), d);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

static int tmpfile_call(uint32_t flags, uint64_t *id, uint64_t *fh)
{
	int err;

	*id = client_tmpfile(c, flags, fh, &err);
	return err;
}

START_TEST(tmpfile_gets_a_name)
{
	struct fuse_write_in write_arg = {.size = 4};
	struct stat st;
	uint64_t id, fh;

	ck_assert_int_eq(tmpfile_call(O_RDWR, &id, &fh), 0);
	write_arg.fh = fh;
	ck_assert_int_eq(client_write(c, &write_arg, id, "data"), 4);
	ck_assert_int_eq(client_link(c, id, "named"), 0);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	ck_assert_int_eq(stat(client_path(c, "named"), &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(lookup(1, "named"), id);
}
END_TEST

START_TEST(tmpfile_without_a_name_is_gone)
{
	int before = count_open_files();
	uint64_t id, fh;

	ck_assert_int_eq(tmpfile_call(O_RDWR | O_EXCL, &id, &fh), 0);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	client_forget(c, id, 1);
	ck_assert_int_eq(count_open_files(), before);
	/* A guest that looks up the name that its kernel has invented. */
	c->fs->minor = 38;
	ck_assert_int_eq(tmpfile_call(O_RDWR, &id, &fh), -ENOSYS);
	c->fs->minor = 39;
	ck_assert_int_eq(tmpfile_call(O_ACCMODE, &id, &fh), -EINVAL);
	ck_assert_int_eq(tmpfile_call(O_RDONLY, &id, &fh), -EINVAL);
}
END_TEST

START_TEST(statx_tells_the_birth)
{
	struct fuse_statx_in arg = {.sx_mask = STATX_BTIME};
	const struct fuse_statx_out *out;
	struct statx stx;

	ck_assert_int_eq(call(FUSE_STATX, lookup(1, "f"), &arg, sizeof(arg)),
			 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_int_eq(statx(c->dir_fd, "f", 0, STATX_ALL, &stx), 0);
	ck_assert_uint_eq(out->stat.mask & STATX_BTIME,
			  stx.stx_mask & STATX_BTIME);
	ck_assert_int_eq(out->stat.btime.tv_sec, stx.stx_btime.tv_sec);
	ck_assert_uint_eq(out->stat.btime.tv_nsec, stx.stx_btime.tv_nsec);
	ck_assert_uint_eq(out->stat.ino, stx.stx_ino);
	ck_assert_uint_eq(out->stat.size, 4);
	ck_assert_uint_eq(out->stat.mode, stx.stx_mode);
	ck_assert_uint_eq(out->stat.nlink, 1);
	ck_assert_uint_eq(out->attr_valid, 1);
}
END_TEST

START_TEST(syncfs_of_root_and_others)
{
	struct fuse_syncfs_in arg = {0};
	int before = count_open_files();

	ck_assert_int_eq(call(FUSE_SYNCFS, 1, &arg, sizeof(arg)), 0);
	ck_assert_int_eq(count_open_files(), before);
	ck_assert_int_eq(call(FUSE_SYNCFS, 99, &arg, sizeof(arg)), -ESTALE);
}
END_TEST

static int ioctl_call(uint64_t id, uint64_t fh, uint32_t cmd, uint32_t in_size,
		      uint32_t out_size, uint32_t flags)
{
	struct fuse_ioctl_in arg = {
		.fh = fh,
		.flags = flags,
		.cmd = cmd,
		.in_size = in_size,
		.out_size = out_size,
	};
	static const char zeros[4096];

	client_begin(c, FUSE_IOCTL, id);
	client_add(c, &arg, sizeof(arg));
	client_add(c, zeros, MIN(in_size, sizeof(zeros)));
	return client_call(c);
}

START_TEST(ioctls_of_files)
{
	uint64_t id = lookup(1, "f"), fh, dir_fh;

	client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh);
	client_open_node(c, FUSE_OPENDIR, 1, O_RDONLY, &dir_fh);
	ck_assert_int_eq(ioctl_call(id, fh, FS_IOC_GETFLAGS, 0, 4, 0), 0);
	client_reply(c, sizeof(struct fuse_ioctl_out) + 4);
	ck_assert_int_eq(
		ioctl_call(1, dir_fh, FS_IOC_GETFLAGS, 0, 4, FUSE_IOCTL_DIR),
		0);
	ck_assert_int_eq(ioctl_call(id, fh, FS_IOC_FSGETXATTR, 0,
				    sizeof(struct fsxattr), 0),
			 0);
	ck_assert_int_eq(ioctl_call(id, fh, FS_IOC_FSSETXATTR,
				    sizeof(struct fsxattr), 0, 0),
			 0);
}
END_TEST

START_TEST(ioctls_that_do_not_pass)
{
	/* FIONREAD, TCGETS, TIOCSTI, FIFREEZE, FS_IOC_ENABLE_VERITY, none */
	static const uint32_t bad[] = {
		0x541b, 0x5401, 0x5412, 0xc0045877, 0x40806685, 0, UINT32_MAX};
	uint64_t id = lookup(1, "f"), fh;

	client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(ioctl_call(id, fh, bad[i], 128, 128, 0),
				 -ENOTTY);
	for (uint32_t flag = FUSE_IOCTL_COMPAT; flag < 1 << 20; flag <<= 1) {
		if (flag != FUSE_IOCTL_DIR)
			ck_assert_int_eq(
				ioctl_call(id, fh, FS_IOC_GETFLAGS, 0, 4, flag),
				-ENOTTY);
	}
	/* too little of either */
	ck_assert_int_eq(ioctl_call(id, fh, FS_IOC_SETFLAGS, 3, 0, 0), -EINVAL);
	ck_assert_int_eq(ioctl_call(id, fh, FS_IOC_GETFLAGS, 0, 3, 0), -EINVAL);
	ck_assert_int_eq(ioctl_call(id, fh + 1, FS_IOC_GETFLAGS, 0, 4, 0),
			 -EBADF);
	ck_assert_int_eq(ioctl_call(1, fh, FS_IOC_GETFLAGS, 0, 4, 0), -EBADF);
}
END_TEST

/* The host's mounts, in a mount namespace of this test. */
START_TEST(a_mount_is_another_file_system)
{
	const struct fuse_entry_out *entry;
	uint64_t inside;

	if (geteuid())
		return;
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	setup();
	ck_assert_int_eq(mount("t", client_path(c, "d/e"), "tmpfs", 0, NULL),
			 0);
	client_simple(c, FUSE_LOOKUP, 1, "d", NULL);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.flags, 0);
	client_simple(c, FUSE_LOOKUP, entry->nodeid, "e", NULL);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.flags, FUSE_ATTR_SUBMOUNT);
	inside = entry->nodeid;
	client_make_file(c, "d/e/file", "x");
	ck_assert_uint_ne(lookup(inside, "file"), 0);
	/* The same directory in two places is two directories. */
	ck_assert_int_eq(
		mount(client_path(c, "d/e"), "/mnt", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(
		mount("/mnt", client_path(c, "d"), NULL, MS_BIND, NULL), 0);
	ck_assert_uint_ne(lookup(1, "d"), inside);
	umount2(client_path(c, "d"), MNT_DETACH);
	umount2(client_path(c, "d/e"), MNT_DETACH);
	umount2("/mnt", MNT_DETACH);
	teardown();
}
END_TEST

START_TEST(no_open_is_needed)
{
	struct fuse_write_in arg = {.size = 3, .offset = 4};
	uint64_t f = lookup(1, "f"), d = lookup(1, "d"), fh;

	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, f, O_RDWR, &fh),
			 -ENOSYS);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &fh), -ENOSYS);
	ck_assert_int_eq(client_read(c, f, 0, 0, 100), 4);
	ck_assert_int_eq(client_write(c, &arg, f, "abc"), 3);
	ck_assert_int_eq(client_read(c, f, 0, 0, 100), 7);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, f, 0), 0);
	ck_assert_int_eq(client_release(c, FUSE_RELEASEDIR, d, 0), 0);
	/* of the wrong kind, of nothing */
	ck_assert_int_eq(client_read(c, d, 0, 0, 100), -EBADF);
	ck_assert_int_eq(client_read(c, 999, 0, 0, 100), -ESTALE);
	ck_assert_int_eq(client_read(c, f, 1, 0, 100), -EBADF);
}
END_TEST

START_TEST(a_file_made_without_handle)
{
	struct fuse_write_in arg = {.size = 3};
	uint64_t id, fh;
	int err;

	id = client_create(c, "new", 0400, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(fh, 0);
	if (!geteuid())
		ck_assert_int_eq(client_write(c, &arg, id, "abc"), 3);
	ck_assert_int_eq(tmpfile_call(O_RDWR, &id, &fh), 0);
	ck_assert_uint_eq(fh, 0);
	ck_assert_int_eq(client_write(c, &arg, id, "abc"), 3);
	ck_assert_int_eq(client_read(c, id, 0, 0, 10), 3);
}
END_TEST

START_TEST(own_handles_are_few_and_forgotten)
{
	int before = count_open_files();
	char name[32];
	uint64_t id;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		client_make_file(c, name, "x");
		id = lookup(1, name);
		ck_assert_int_eq(client_read(c, id, 0, 0, 10), 1);
	}
	ck_assert_uint_le(c->fs->handles.table.used_cnt,
			  OPENED_SETS * OPENED_WAYS + 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		id = lookup(1, name);
		client_forget(c, id, 2);
	}
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

/* A program that the guest reads can still be run on the host. */
START_TEST(reading_does_not_keep_a_program_busy)
{
	struct fuse_write_in arg = {.size = 1};
	uint64_t id;

	client_make_file(c, "prog", "#!/bin/sh\n");
	fchmodat(c->dir_fd, "prog", 0755, 0);
	id = lookup(1, "prog");
	ck_assert_int_eq(client_read(c, id, 0, 0, 10), 10);
	ck_assert_int_eq(system(client_path(c, "prog")), 0);
	ck_assert_int_eq(client_write(c, &arg, id, "#"), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_lookup");
	TCase *open = tcase_create("open");
	TCase *mounts = tcase_create("mounts");
	TCase *always = tcase_create("always");

	tcase_add_checked_fixture(open, setup, teardown);
	tcase_add_test(open, dot_and_dotdot);
	tcase_add_loop_test(open, what_is_opened_at_once, FS_CACHE_AUTO,
			    FS_CACHE_ALWAYS + 1);
	tcase_add_test(open, two_names_of_a_file);
	tcase_add_test(open, dotdot_does_not_lead_out);
	tcase_add_test(open, dotdot_leaves_nothing_open);
	tcase_add_test(open, tmpfile_gets_a_name);
	tcase_add_test(open, tmpfile_without_a_name_is_gone);
	tcase_add_test(open, statx_tells_the_birth);
	tcase_add_test(open, syncfs_of_root_and_others);
	tcase_add_test(open, ioctls_of_files);
	tcase_add_test(open, ioctls_that_do_not_pass);
	suite_add_tcase(s, open);
	tcase_add_test(mounts, a_mount_is_another_file_system);
	suite_add_tcase(s, mounts);
	tcase_add_checked_fixture(always, setup_always, teardown);
	tcase_add_test(always, no_open_is_needed);
	tcase_add_test(always, a_file_made_without_handle);
	tcase_add_test(always, own_handles_are_few_and_forgotten);
	tcase_add_test(always, reading_does_not_keep_a_program_busy);
	suite_add_tcase(s, always);
	return s;
}

int main(void)
{
	return client_run(suite());
}
