/*
 * FUSE server: inodes that are closed and opened again. All of it four times:
 * by the host's file handles, by names, by names for want of handles, and with
 * files that are not opened when they are looked up.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

enum { BY_HANDLE, BY_NAME, NOT_ALLOWED, LATER, NUM_WAYS };
enum { OPEN_MAX = 8, FILES = 100, IDLE = 2000 };

static struct client client;
static struct client *const c = &client;
static bool waits; /* until files are old enough */

static void drop_read_search(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	ck_assert_int_eq(syscall(SYS_capget, &head, caps), 0);
	caps[0].effective &= ~BIT(CAP_DAC_READ_SEARCH);
	ck_assert_int_eq(syscall(SYS_capset, &head, caps), 0);
}

static void start(int way)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};

	if (way == NOT_ALLOWED)
		drop_read_search();
	config.handles = way == BY_HANDLE || way == NOT_ALLOWED;
	client_open_as(c, &config);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	c->fs->inodes.limits.open_max = OPEN_MAX;
	waits = way == LATER;
	if (!geteuid())
		ck_assert_int_eq(!c->fs->inodes.mounts.mount[1].user_cnt,
				 way != BY_HANDLE);
}

static void teardown(void)
{
	client_close(c);
}

static void make(const char *name)
{
	client_make_file(c, name, name);
}

static uint64_t lookup(uint64_t dir, const char *name)
{
	uint64_t id;
	int err;

	if (waits)
		client_let_time_pass();
	id = client_lookup(c, dir, name, &err);
	ck_assert_int_eq(err, 0);
	return id;
}

/* GETATTR: number of the host's inode, or a negative errno. */
static int64_t number(uint64_t id)
{
	int err = client_getattr(c, id);
	const struct fuse_attr_out *out;

	if (err)
		return err;
	out = client_reply(c, sizeof(*out));
	return (int64_t)out->attr.ino;
}

/* Use enough other files that all idle ones before are closed. */
static void close_idle(void)
{
	for (int i = 0; i < 2 * OPEN_MAX; i++) {
		char name[] = {'o', (char)('a' + i), '\0'};

		make(name);
		ck_assert_int_gt(number(lookup(FUSE_ROOT_ID, name)), 0);
	}
}

static int64_t host_number(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(c->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return (int64_t)st.st_ino;
}

static int rename_node(uint64_t from_dir, const char *from, uint64_t to_dir,
		       const char *to, uint32_t flags)
{
	struct fuse_rename2_in arg = {.newdir = to_dir, .flags = flags};

	client_begin(c, FUSE_RENAME2, from_dir);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, from);
	client_add_text(c, to);
	return client_call(c);
}

START_TEST(many_files_take_few_descriptors)
{
	uint64_t id[FILES];
	char name[32];
	int before;

	start(_i);
	before = count_open_files();
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name);
		id[i] = lookup(FUSE_ROOT_ID, name);
		ck_assert_int_eq(number(id[i]), host_number(name));
		ck_assert_int_le(count_open_files(), before + OPEN_MAX);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < FILES; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			ck_assert_int_eq(number(id[i]), host_number(name));
		}
	}
	ck_assert_int_le(count_open_files(), before + OPEN_MAX);
	for (int i = 0; i < FILES; i++)
		client_forget(c, id[i], 1);
	ck_assert_int_eq(count_open_files(), before);
	ck_assert_uint_eq(c->fs->inodes.hash.cnt, 1);
}
END_TEST

START_TEST(listed_files_take_none)
{
	struct fuse_read_in arg = {.size = 1 << 20};
	char name[32];
	int before;

	start(_i);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name);
	}
	if (waits)
		client_let_time_pass();
	client_open_node(c, FUSE_OPENDIR, 1, 0, &arg.fh);
	before = count_open_files();
	client_begin(c, FUSE_READDIRPLUS, 1);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_uint_eq(c->fs->inodes.hash.cnt, FILES + 1);
	ck_assert_int_le(count_open_files() - before,
			 waits || (_i == BY_HANDLE && !geteuid()) ? 0
								  : OPEN_MAX);
	ck_assert_int_eq(number(lookup(1, "f7")), host_number("f7"));
}
END_TEST

START_TEST(an_idle_inode_costs_little_memory)
{
	struct fuse_read_in arg = {.size = 1 << 20};
	size_t before, after;
	const char *reply;
	char name[64];

	start(_i);
	for (int i = 0; i < IDLE; i++) {
		snprintf(name, sizeof(name), "a-name-of-average-length.%d", i);
		mknodat(c->dir_fd, name, S_IFREG | 0600, 0);
	}
	client_open_node(c, FUSE_OPENDIR, 1, 0, &arg.fh);
	before = mallinfo2().uordblks;
	do {
		client_begin(c, FUSE_READDIRPLUS, 1);
		client_add(c, &arg, sizeof(arg));
		ck_assert_int_eq(client_call(c), 0);
		reply = client_reply(c, c->out_len);
		for (size_t at = 0; at < c->out_len;) {
			const struct fuse_direntplus *entry =
				(const void *)(reply + at);

			arg.offset = entry->dirent.off;
			at += FUSE_DIRENTPLUS_SIZE(entry);
		}
	} while (c->out_len);
	after = mallinfo2().uordblks;
	ck_assert_uint_eq(c->fs->inodes.hash.cnt, IDLE + 1);
	ck_assert_uint_le((after - before) / IDLE, 200);
}
END_TEST

START_TEST(a_replaced_file_is_not_the_old_one)
{
	uint64_t old, new;

	start(_i);
	make("f");
	old = lookup(1, "f");
	close_idle();
	ck_assert_int_eq(unlink(client_path(c, "f")), 0);
	make("f"); /* often with the same number */
	ck_assert_int_eq(number(old), -ESTALE);
	new = lookup(1, "f");
	ck_assert_uint_ne(new, old);
	ck_assert_int_eq(number(new), host_number("f"));
	ck_assert_int_eq(number(old), -ESTALE);
	client_forget(c, old, 1);
	ck_assert_int_eq(number(new), host_number("f"));
}
END_TEST

START_TEST(a_number_used_again_is_noticed)
{
	int64_t ino;
	uint64_t old;
	int err;

	start(_i);
	for (int i = 0; i < 50; i++) {
		make("f");
		ino = host_number("f");
		old = lookup(1, "f");
		close_idle();
		unlink(client_path(c, "f"));
		make("g");
		if (host_number("g") == ino) {
			ck_assert_uint_ne(lookup(1, "g"), old);
			ck_assert_int_eq(number(old), -ESTALE);
			client_lookup(c, old, "x", &err);
			ck_assert_int_eq(err, -ESTALE);
			break;
		}
		unlink(client_path(c, "g"));
		client_forget(c, old, 1);
	}
}
END_TEST

START_TEST(a_file_moved_on_the_host_is_found_again)
{
	uint64_t id, again;

	start(_i);
	make("f");
	id = lookup(1, "f");
	close_idle();
	renameat(c->dir_fd, "f", c->dir_fd, "moved");
	/* A name alone does not lead there before the guest looks again. */
	if (_i != BY_HANDLE)
		ck_assert_int_eq(number(id), -ESTALE);
	again = lookup(1, "moved");
	ck_assert_uint_eq(again, id);
	close_idle();
	ck_assert_int_eq(number(id), host_number("moved"));
}
END_TEST

START_TEST(files_below_a_renamed_directory)
{
	uint64_t a, b, f, to;

	start(_i);
	mkdirat(c->dir_fd, "a", 0755);
	mkdirat(c->dir_fd, "a/b", 0755);
	mkdirat(c->dir_fd, "to", 0755);
	make("a/b/f");
	a = lookup(1, "a");
	b = lookup(a, "b");
	f = lookup(b, "f");
	to = lookup(1, "to");
	close_idle();
	ck_assert_int_eq(rename_node(a, "b", to, "new", 0), 0);
	close_idle();
	ck_assert_int_eq(number(f), host_number("to/new/f"));
	ck_assert_int_eq(rename_node(1, "a", 1, "to", RENAME_EXCHANGE), 0);
	close_idle();
	ck_assert_int_eq(number(f), host_number("a/new/f"));
	close_idle();
	ck_assert_int_eq(number(b), host_number("a/new"));
	ck_assert_int_eq(number(a), host_number("to"));
}
END_TEST

START_TEST(removed_files_live_on)
{
	uint64_t file, dir, over, gone;

	start(_i);
	make("f");
	make("over");
	make("src");
	mkdirat(c->dir_fd, "d", 0755);
	file = lookup(1, "f");
	dir = lookup(1, "d");
	over = lookup(1, "over");
	close_idle();
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "f", NULL), 0);
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "d", NULL), 0);
	ck_assert_int_eq(rename_node(1, "src", 1, "over", 0), 0);
	close_idle();
	ck_assert_int_gt(number(file), 0);
	ck_assert_int_gt(number(dir), 0);
	ck_assert_int_gt(number(over), 0);
	ck_assert_uint_eq(c->fs->inodes.kept_cnt, 4);
	client_forget(c, file, 1);
	client_forget(c, dir, 1);
	client_forget(c, over, 1);
	ck_assert_uint_eq(c->fs->inodes.kept_cnt, 1);
	/* What could not be removed is not kept. */
	mkdirat(c->dir_fd, "full", 0755);
	make("full/f");
	gone = lookup(1, "full");
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "full", NULL),
			 -ENOTEMPTY);
	ck_assert_uint_eq(c->fs->inodes.kept_cnt, 1);
	client_forget(c, gone, 1);
}
END_TEST

START_TEST(only_so_many_removed_files_are_kept)
{
	int before;
	char name[32];

	start(_i);
	before = count_open_files();
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name);
		lookup(1, name);
		client_simple(c, FUSE_UNLINK, 1, name, NULL);
	}
	ck_assert_uint_eq(c->fs->inodes.kept_cnt, OPEN_MAX / 2);
	ck_assert_int_le(count_open_files(), before + OPEN_MAX);
}
END_TEST

START_TEST(an_open_file_stays_whatever_the_host_does)
{
	uint64_t id, fh;

	start(_i);
	make("f");
	id = lookup(1, "f");
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh), 0);
	unlink(client_path(c, "f"));
	close_idle();
	ck_assert_int_gt(number(id), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), 1);
	client_release(c, FUSE_RELEASE, id, fh);
	close_idle();
	ck_assert_int_eq(number(id), -ESTALE);
}
END_TEST

START_TEST(a_hard_link_survives_its_first_name)
{
	uint64_t id;

	start(_i);
	make("f");
	id = lookup(1, "f");
	close_idle();
	ck_assert_int_eq(client_link(c, id, "g"), 0);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "f", NULL), 0);
	close_idle();
	ck_assert_int_eq(number(id), host_number("g"));
	ck_assert_uint_eq(lookup(1, "g"), id);
}
END_TEST

/* A file that was made without a name is found by the one that it gets. */
START_TEST(a_file_gets_its_first_name)
{
	uint64_t id, fh;
	int err;

	start(_i);
	id = client_tmpfile(c, O_RDWR, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(client_link(c, id, "named"), 0);
	client_release(c, FUSE_RELEASE, id, fh);
	ck_assert_uint_eq(lookup(1, "named"), id);
	ck_assert_uint_eq(c->fs->inodes.kept_cnt, 1);
	close_idle();
	ck_assert_int_eq(number(id), host_number("named"));
}
END_TEST

/* Deeper than a path can be long. */
START_TEST(deep_directories_are_reached)
{
	uint64_t id = FUSE_ROOT_ID;
	char name[201];
	int64_t ino;
	struct fuse_mkdir_in arg = {.mode = 0755};

	start(_i);
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 60; i++) {
		client_begin(c, FUSE_MKDIR, id);
		client_add(c, &arg, sizeof(arg));
		client_add_text(c, name);
		ck_assert_int_eq(client_call(c), 0);
		id = lookup(id, name);
	}
	ino = number(id);
	ck_assert_int_gt(ino, 0);
	close_idle();
	ck_assert_int_eq(number(id), ino);
}
END_TEST

/* A symlink where a directory was on the way must not be followed. */
START_TEST(the_way_back_follows_no_link)
{
	uint64_t d, f;

	start(_i);
	mkdirat(c->dir_fd, "d", 0755);
	mkdirat(c->dir_fd, "secret", 0755);
	make("d/f");
	d = lookup(1, "d");
	f = lookup(d, "f");
	close_idle();
	renameat(c->dir_fd, "d", c->dir_fd, "away");
	ck_assert_int_eq(symlinkat("secret", c->dir_fd, "d"), 0);
	linkat(c->dir_fd, "away/f", c->dir_fd, "secret/f", 0);
	if (_i != BY_HANDLE) {
		ck_assert_int_eq(number(f), -ESTALE);
		ck_assert_int_eq(number(d), -ESTALE);
	} else if (!geteuid()) {
		ck_assert_int_eq(number(f), host_number("away/f"));
	}
}
END_TEST

START_TEST(a_forgotten_directory_leads_nowhere)
{
	uint64_t d, f;

	start(_i);
	mkdirat(c->dir_fd, "d", 0755);
	make("d/f");
	d = lookup(1, "d");
	f = lookup(d, "f");
	close_idle();
	client_forget(c, d, 1); /* no kernel does: its child is known */
	if (_i != BY_HANDLE)
		ck_assert_int_eq(number(f), -ESTALE);
	else if (!geteuid())
		ck_assert_int_eq(number(f), host_number("d/f"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_inode");
	TCase *t = tcase_create("fs_inode");

#define ADD(test) tcase_add_loop_test(t, test, BY_HANDLE, NUM_WAYS)
	ADD(many_files_take_few_descriptors);
	ADD(listed_files_take_none);
	ADD(an_idle_inode_costs_little_memory);
	ADD(a_replaced_file_is_not_the_old_one);
	ADD(a_number_used_again_is_noticed);
	ADD(a_file_moved_on_the_host_is_found_again);
	ADD(files_below_a_renamed_directory);
	ADD(removed_files_live_on);
	ADD(only_so_many_removed_files_are_kept);
	ADD(an_open_file_stays_whatever_the_host_does);
	ADD(a_hard_link_survives_its_first_name);
	ADD(a_file_gets_its_first_name);
	ADD(deep_directories_are_reached);
	ADD(the_way_back_follows_no_link);
	ADD(a_forgotten_directory_leads_nowhere);
#undef ADD
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 20); /* thousands of files on a busy disk */
	suite_add_tcase(s, t);
	return client_run(s);
}
