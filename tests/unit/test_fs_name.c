/*
 * FUSE server: names, links, and everything that tries to leave the share.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;

static void setup(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
}

static void setup_read_only(void)
{
	client_start(c, FS_CACHE_AUTO, true);
	client_make_file(c, "f", "text");
}

static void teardown(void)
{
	client_close(c);
}

/* A request of an argument and up to two names. */
static int call(uint32_t opcode, uint64_t dir_id, const void *arg,
		size_t arg_len, const char *const name[2])
{
	client_begin(c, opcode, dir_id);
	client_add(c, arg, arg_len);
	for (int i = 0; i < 2 && name[i]; i++)
		client_add_text(c, name[i]);
	return client_call(c);
}

static int make_dir(uint64_t dir_id, const char *name, uint32_t mode)
{
	struct fuse_mkdir_in arg = {.mode = mode};

	return call(FUSE_MKDIR, dir_id, &arg, sizeof(arg),
		    (const char *[2]){name});
}

static int rename2(const char *from, uint64_t new_dir, const char *to,
		   uint32_t flags)
{
	struct fuse_rename2_in arg = {.newdir = new_dir, .flags = flags};

	return call(FUSE_RENAME2, FUSE_ROOT_ID, &arg, sizeof(arg),
		    (const char *[2]){from, to});
}

static int link_node(uint64_t id, const char *name)
{
	struct fuse_link_in arg = {.oldnodeid = id};

	return call(FUSE_LINK, FUSE_ROOT_ID, &arg, sizeof(arg),
		    (const char *[2]){name});
}

/* Every operation that takes a name, with its fixed argument's length. */
static const struct {
	uint32_t opcode;
	size_t arg_len;
	int name_cnt;
} named[] = {
	{FUSE_LOOKUP, 0, 1},
	{FUSE_SYMLINK, 0, 1},
	{FUSE_MKNOD, sizeof(struct fuse_mknod_in), 1},
	{FUSE_MKDIR, sizeof(struct fuse_mkdir_in), 1},
	{FUSE_UNLINK, 0, 1},
	{FUSE_RMDIR, 0, 1},
	{FUSE_RENAME, sizeof(struct fuse_rename_in), 2},
	{FUSE_RENAME2, sizeof(struct fuse_rename2_in), 2},
	{FUSE_LINK, sizeof(struct fuse_link_in), 1},
	{FUSE_CREATE, sizeof(struct fuse_create_in), 1},
};

/* An argument in which every node id is the root's and flags are none. */
static const void *plain_arg(uint32_t opcode)
{
	static const uint64_t dir_id[4] = {FUSE_ROOT_ID};
	static const uint64_t zeros[4];

	if (opcode == FUSE_RENAME || opcode == FUSE_RENAME2 ||
	    opcode == FUSE_LINK)
		return dir_id;
	return zeros;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Send an operation with @bad as each of its names in turn. */
static void expect_refused(size_t row, const char *bad, int want)
{
	for (int i = 0; i < named[row].name_cnt; i++) {
		const char *name[2] = {"f", "target"};

		if (named[row].opcode != FUSE_SYMLINK &&
		    named[row].name_cnt < 2)
			name[1] = NULL;
		name[i] = bad;
		ck_assert_int_eq(call(named[row].opcode, FUSE_ROOT_ID,
				      plain_arg(named[row].opcode),
				      named[row].arg_len, name),
				 want);
	}
}

START_TEST(names_are_one_component)
{
	static const char *const bad[] = {
		"",	   ".",	   "..",	 "/",	   "/etc/passwd",
		"a/b",	   "../x", "../../../x", "f/",	   "./f",
		"x/../..", "//",   "..//",	 "f/../f",
	};
	char path[256];
	struct stat st;

	for (size_t row = 0; row < ARRAY_SIZE(named); row++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			if (named[row].opcode == FUSE_LOOKUP && is_dots(bad[i]))
				continue;
			expect_refused(row, bad[i], -EINVAL);
		}
	}
	snprintf(path, sizeof(path), "%s/../x", c->path);
	ck_assert_int_ne(lstat(path, &st), 0);
	ck_assert_int_eq(lstat(client_path(c, "f"), &st), 0);
}
END_TEST

START_TEST(names_have_a_longest_length)
{
	static char name[1 << 20];
	static const size_t too_long[] = {256, 257, 4095, 4096,
					  sizeof(name) - 1};
	int err;

	for (size_t row = 0; row < ARRAY_SIZE(named); row++) {
		for (size_t i = 0; i < ARRAY_SIZE(too_long); i++) {
			memset(name, 'n', too_long[i]);
			name[too_long[i]] = '\0';
			expect_refused(row, name, -ENAMETOOLONG);
		}
	}
	memset(name, 'n', 255);
	name[255] = '\0';
	ck_assert_int_eq(make_dir(FUSE_ROOT_ID, name, 0700), 0);
	client_lookup(c, FUSE_ROOT_ID, name, &err);
	ck_assert_int_eq(err, 0);
}
END_TEST

START_TEST(names_end_with_the_request)
{
	for (size_t row = 0; row < ARRAY_SIZE(named); row++) {
		uint32_t opcode = named[row].opcode;
		/* no NUL; none at all; a NUL inside; something behind */
		static const struct {
			const char *text;
			size_t len;
		} bad[] = {{"name", 4}, {"", 0}, {"a\0b\0c\0d", 8}};

		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			client_begin(c, opcode, FUSE_ROOT_ID);
			client_add(c, plain_arg(opcode), named[row].arg_len);
			client_add(c, bad[i].text, bad[i].len);
			ck_assert_int_eq(client_call(c), -EINVAL);
		}
	}
	/* one string where there must be two */
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s", NULL), -EINVAL);
	ck_assert_int_eq(rename2("f", FUSE_ROOT_ID, NULL, 0), -EINVAL);
}
END_TEST

START_TEST(names_are_bytes)
{
	static const char *const odd[] = {"\xff\xfe", "a\nb", "\x01", " ",
					  "...",      "..a",  "-",    "\\"};
	struct stat st;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		ck_assert_int_eq(make_dir(FUSE_ROOT_ID, odd[i], 0755), 0);
		ck_assert_int_eq(lstat(client_path(c, odd[i]), &st), 0);
		client_lookup(c, FUSE_ROOT_ID, odd[i], &err);
		ck_assert_int_eq(err, 0);
		ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, odd[i], NULL),
				 0);
	}
}
END_TEST

START_TEST(lookup_tells_attributes)
{
	const struct fuse_entry_out *entry;
	struct stat st;

	ck_assert_int_eq(client_simple(c, FUSE_LOOKUP, 1, "f", NULL), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_int_eq(stat(client_path(c, "f"), &st), 0);
	ck_assert_uint_eq(entry->attr.ino, st.st_ino);
	ck_assert_uint_eq(entry->attr.size, 4);
	ck_assert_uint_eq(entry->attr.mode, st.st_mode);
	ck_assert_uint_eq(entry->entry_valid, 1);
	ck_assert_uint_eq(entry->attr_valid, 1);
	ck_assert_int_eq(
		client_simple(c, FUSE_LOOKUP, entry->nodeid, "g", NULL),
		-ENOTDIR);
	/* What is not there is good for as long. */
	ck_assert_int_eq(client_simple(c, FUSE_LOOKUP, 1, "g", NULL), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->nodeid, 0);
	ck_assert_uint_eq(entry->entry_valid, 1);
}
END_TEST

START_TEST(two_names_of_a_file_are_one_node)
{
	int err;
	uint64_t id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	const struct fuse_entry_out *entry;

	ck_assert_int_eq(link_node(id, "g"), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->nodeid, id);
	ck_assert_uint_eq(entry->attr.nlink, 2);
	ck_assert_uint_eq(client_lookup(c, FUSE_ROOT_ID, "g", &err), id);
	ck_assert_int_eq(link_node(id, "g"), -EEXIST);
	ck_assert_int_eq(link_node(id + 100, "h"), -ESTALE);
	ck_assert_int_eq(link_node(FUSE_ROOT_ID, "h"), -EPERM);
	/* lookup, link, lookup: three counts */
	client_forget(c, id, 3);
	ck_assert_int_eq(link_node(id, "h"), -ESTALE);
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
	static const char *const targets[] = {
		"/etc/passwd", "../../../etc", "/", "..", "f", "s0"};
	const struct fuse_entry_out *entry;
	char name[8];
	uint64_t id, fh;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		snprintf(name, sizeof(name), "s%zu", i);
		ck_assert_int_eq(
			client_simple(c, FUSE_SYMLINK, 1, name, targets[i]), 0);
		entry = client_reply(c, sizeof(*entry));
		id = entry->nodeid;
		ck_assert(S_ISLNK(entry->attr.mode));
		ck_assert_int_eq(
			client_simple(c, FUSE_READLINK, id, NULL, NULL), 0);
		ck_assert_uint_eq(c->out_len, strlen(targets[i]));
		ck_assert_mem_eq(client_reply(c, c->out_len), targets[i],
				 c->out_len);
		client_lookup(c, id, "passwd", &err);
		ck_assert_int_eq(err, -ENOTDIR);
		ck_assert_int_eq(make_dir(id, "x", 0755), -ENOTDIR);
		ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, 0, &fh),
				 -ENXIO);
		ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, id, 0, &fh),
				 -ENOTDIR);
		/* a second name for the link, not for what it points to */
		snprintf(name, sizeof(name), "h%zu", i);
		ck_assert_int_eq(link_node(id, name), 0);
		entry = client_reply(c, sizeof(*entry));
		ck_assert_uint_eq(entry->nodeid, id);
	}
}
END_TEST

START_TEST(symlink_swapped_in_between)
{
	uint64_t id, fh;
	int err;

	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(unlink(client_path(c, "f")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", client_path(c, "f")), 0);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, 0, &fh), -ESTALE);
	/* From now on, what is looked up stays what it is. */
	ck_assert_int_eq(make_dir(FUSE_ROOT_ID, "d", 0755), 0);
	id = client_lookup(c, FUSE_ROOT_ID, "d", &err);
	ck_assert_int_eq(rmdir(client_path(c, "d")), 0);
	ck_assert_int_eq(symlink("/etc", client_path(c, "d")), 0);
	client_lookup(c, id, "passwd", &err);
	ck_assert_int_eq(err, -ENOENT);
	ck_assert_int_eq(make_dir(id, "x", 0755), -ENOENT);
	ck_assert_int_eq(unlink(client_path(c, "f")), 0);
	client_make_file(c, "f", "text");
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(unlink(client_path(c, "f")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", client_path(c, "f")), 0);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, 0, &fh), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 100), 4);
}
END_TEST

START_TEST(symlink_targets)
{
	static char target[PATH_MAX + 1];

	memset(target, 't', PATH_MAX);
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s", target),
			 -ENAMETOOLONG);
	target[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s", target), 0);
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s2", ""), -EINVAL);
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s", "x"), -EEXIST);
	/* a reply that has no room for all of it */
	ck_assert_int_eq(client_simple(c, FUSE_READLINK, 1, NULL, NULL),
			 -EINVAL);
}
END_TEST

START_TEST(readlink_without_room)
{
	const struct fuse_entry_out *entry;
	uint64_t id;

	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s", "0123456789"),
			 0);
	entry = client_reply(c, sizeof(*entry));
	id = entry->nodeid;
	c->room = 16 + 9;
	ck_assert_int_eq(client_simple(c, FUSE_READLINK, id, NULL, NULL),
			 -ENAMETOOLONG);
	c->room = 16 + 10;
	ck_assert_int_eq(client_simple(c, FUSE_READLINK, id, NULL, NULL), 0);
}
END_TEST

START_TEST(rename_moves_and_replaces)
{
	const struct fuse_entry_out *entry;
	struct stat st;
	uint64_t dir_id;

	ck_assert_int_eq(make_dir(1, "d", 0755), 0);
	entry = client_reply(c, sizeof(*entry));
	dir_id = entry->nodeid;
	client_make_file(c, "g", "more");
	ck_assert_int_eq(rename2("f", FUSE_ROOT_ID, "g", 0), 0);
	ck_assert_int_eq(rename2("g", dir_id, "h", 0), 0);
	ck_assert_int_eq(stat(client_path(c, "d/h"), &st), 0);
	ck_assert_int_eq(rename2("f", dir_id, "h", 0), -ENOENT);
	ck_assert_int_eq(rename2("d", dir_id, "self", 0), -EINVAL);
	ck_assert_int_eq(rename2("d", dir_id + 99, "x", 0), -ESTALE);
}
END_TEST

START_TEST(rename2_flags)
{
	struct stat st;
	uint64_t id;
	int err;

	client_make_file(c, "g", "longer text");
	ck_assert_int_eq(rename2("f", 1, "g", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(rename2("f", 1, "g", RENAME_EXCHANGE), 0);
	stat(client_path(c, "f"), &st);
	ck_assert_int_eq(st.st_size, 11);
	ck_assert_int_eq(rename2("f", 1, "no", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(
		rename2("f", 1, "no", RENAME_EXCHANGE | RENAME_NOREPLACE),
		-EINVAL);
	for (uint32_t flag = 8; flag; flag <<= 1)
		ck_assert_int_eq(rename2("f", 1, "no", flag), -EINVAL);
	ck_assert_int_eq(rename2("f", 1, "no", UINT32_MAX), -EINVAL);
	err = rename2("f", 1, "w", RENAME_WHITEOUT);
	if (err == -EPERM || err == -EINVAL)
		return; /* the host's file system or our rights say no */
	ck_assert_int_eq(err, 0);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_uint_ne(id, 0);
	stat(client_path(c, "f"), &st);
	ck_assert(S_ISCHR(st.st_mode) && !st.st_rdev);
}
END_TEST

START_TEST(read_only_share)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
	const char *const name[2] = {"f"};
	struct stat st;
	uint64_t id, fh;
	int err;

	utimensat(c->dir_fd, "f", old, 0);
	for (size_t row = 1; row < ARRAY_SIZE(named); row++)
		ck_assert_int_eq(call(named[row].opcode, FUSE_ROOT_ID,
				      plain_arg(named[row].opcode),
				      named[row].arg_len, name),
				 -EROFS);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh),
			 -EROFS);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_WRONLY, &fh),
			 -EROFS);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_TRUNC, &fh),
			 -EROFS);
	ck_assert_int_eq(client_simple(c, FUSE_REMOVEXATTR, id, "user.a", NULL),
			 -EROFS);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDONLY, &fh), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 100), 4);
	stat(client_path(c, "f"), &st);
	ck_assert_int_eq(st.st_atim.tv_sec, 1000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_name");
	TCase *names = tcase_create("names");
	TCase *read_only = tcase_create("read_only");

	tcase_add_checked_fixture(names, setup, teardown);
	tcase_add_test(names, names_are_one_component);
	tcase_add_test(names, names_have_a_longest_length);
	tcase_add_test(names, names_end_with_the_request);
	tcase_add_test(names, names_are_bytes);
	tcase_add_test(names, lookup_tells_attributes);
	tcase_add_test(names, two_names_of_a_file_are_one_node);
	tcase_add_test(names, symbolic_links_are_not_followed);
	tcase_add_test(names, symlink_swapped_in_between);
	tcase_add_test(names, symlink_targets);
	tcase_add_test(names, readlink_without_room);
	tcase_add_test(names, rename_moves_and_replaces);
	tcase_add_test(names, rename2_flags);
	suite_add_tcase(s, names);
	tcase_add_checked_fixture(read_only, setup_read_only, teardown);
	tcase_add_test(read_only, read_only_share);
	suite_add_tcase(s, read_only);
	return s;
}

int main(void)
{
	return client_run(suite());
}
