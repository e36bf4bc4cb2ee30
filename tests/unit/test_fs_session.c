/*
 * FUSE server: headers and sessions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "devices/fs/dispatch.h"
#include "devices/fs/fuse_abi.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;

static void teardown(void)
{
	client_close(c);
}

static void setup_with_file(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
}

static void open_only(void)
{
	client_open(c, FS_CACHE_AUTO, false);
}

START_TEST(init_agrees_on_what_is_wanted)
{
	const struct fuse_init_out *out;

	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->major, 7);
	ck_assert_uint_ge(out->minor, 31);
	ck_assert_uint_eq(out->max_write, 1 << 20);
	ck_assert_uint_eq(out->max_pages, 256);
	ck_assert_uint_eq(out->max_readahead, 131072);
	ck_assert_uint_eq(out->time_gran, 1);
	ck_assert(out->flags & FUSE_DO_READDIRPLUS);
	ck_assert(out->flags & FUSE_AUTO_INVAL_DATA);
	ck_assert(out->flags & FUSE_HANDLE_KILLPRIV_V2);
	/* What is not implemented is not promised. */
	ck_assert(!(out->flags & (FUSE_WRITEBACK_CACHE | FUSE_SPLICE_READ |
				  FUSE_HANDLE_KILLPRIV | FUSE_ABORT_ERROR |
				  FUSE_NO_OPEN_SUPPORT)));
	ck_assert_uint_eq(out->flags2,
			  (FUSE_SECURITY_CTX | FUSE_CREATE_SUPP_GROUP) >> 32);
}
END_TEST

START_TEST(init_takes_no_flag_that_was_not_offered)
{
	const struct fuse_init_out *out;

	ck_assert_int_eq(client_init(c, FUSE_BIG_WRITES), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->flags, FUSE_BIG_WRITES);
	ck_assert_uint_eq(out->flags2, 0);
}
END_TEST

START_TEST(init_of_each_cache_mode)
{
	static const struct {
		enum fs_cache cache;
		bool plus, inval, mmap;
	} rows[] = {
		{FS_CACHE_NONE, false, true, true},
		{FS_CACHE_AUTO, true, true, false},
		{FS_CACHE_ALWAYS, true, false, false},
	};
	const struct fuse_init_out *out;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		client_open(c, rows[i].cache, false);
		ck_assert_int_eq(client_init(c, ~0ULL), 0);
		out = client_reply(c, sizeof(*out));
		ck_assert_int_eq(!!(out->flags & FUSE_DO_READDIRPLUS),
				 rows[i].plus);
		ck_assert_int_eq(!!(out->flags & FUSE_AUTO_INVAL_DATA),
				 rows[i].inval);
		ck_assert_int_eq(out->flags2 & FUSE_DIRECT_IO_ALLOW_MMAP >> 32,
				 rows[i].mmap ? FUSE_DIRECT_IO_ALLOW_MMAP >> 32
					      : 0);
		client_close(c);
	}
}
END_TEST

/* Send INIT with a version and so many bytes of argument. */
static int init_version(uint32_t major, uint32_t minor, uint32_t flags,
			size_t len)
{
	struct fuse_init_in arg = {
		.major = major,
		.minor = minor,
		.max_readahead = UINT32_MAX,
		.flags = flags,
		.flags2 = UINT32_MAX,
	};

	client_begin(c, FUSE_INIT, 0);
	client_add(c, &arg, len);
	return client_call(c);
}

START_TEST(init_versions)
{
	const struct fuse_init_out *out;

	ck_assert_int_eq(init_version(6, 31, 0, 64), -EPROTO);
	ck_assert_int_eq(init_version(7, 30, 0, 64), -EPROTO);
	ck_assert_int_eq(init_version(0, UINT32_MAX, 0, 64), -EPROTO);
	/* A newer one is told ours and may try again: not ready yet. */
	ck_assert_int_eq(init_version(8, 0, 0, 64), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->major, 7);
	ck_assert_int_eq(init_version(UINT32_MAX, UINT32_MAX, 0, 64), 0);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), -EIO);
	ck_assert_int_eq(init_version(7, UINT32_MAX, 0, 64), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->max_readahead, 1 << 20);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
}
END_TEST

START_TEST(init_short_forms)
{
	const struct fuse_init_out *out;

	ck_assert_int_eq(init_version(7, 31, 0, 15), -EINVAL);
	ck_assert_int_eq(init_version(7, 31, ~0U, 16), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->flags2, 0);
	ck_assert_int_eq(init_version(7, 36, ~0U, 19), 0);
	ck_assert_int_eq(init_version(7, 36, ~0U, 20), 0);
	/* Without the flag that announces it, the upper half is ignored. */
	ck_assert_int_eq(init_version(7, 36, FUSE_BIG_WRITES, 64), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->flags2, 0);
}
END_TEST

/* The kernel's table of descriptors: to extend it takes time later. */
START_TEST(init_reserves_descriptors)
{
	FILE *status = fopen("/proc/self/status", "re");
	struct rlimit files;
	rlim_t size = 0;
	char line[256];

	ck_assert_ptr_nonnull(status);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	while (!size && fgets(line, sizeof(line), status)) {
		if (!strncmp(line, "FDSize:", 7))
			size = strtoul(line + 7, NULL, 10);
	}
	fclose(status);
	ck_assert_uint_ge(size, 2 * MIN(files.rlim_cur / 4, FS_MAX_OPEN));
}
END_TEST

START_TEST(nothing_before_init)
{
	for (uint32_t opcode = 1; opcode < 60; opcode++) {
		int want = fs_op_name(opcode) ? -EIO : -ENOSYS;

		if (opcode == FUSE_INIT)
			continue;
		if (opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET ||
		    opcode == FUSE_INTERRUPT)
			want = CLIENT_NO_REPLY;
		ck_assert_int_eq(client_simple(c, opcode, 1, "x", NULL), want);
	}
}
END_TEST

START_TEST(nothing_after_destroy)
{
	ck_assert_int_eq(client_simple(c, FUSE_DESTROY, 0, NULL, NULL), 0);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), -EIO);
	ck_assert_int_eq(client_simple(c, FUSE_DESTROY, 0, NULL, NULL), -EIO);
	ck_assert_int_eq(client_init(c, 0), 0);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
}
END_TEST

START_TEST(second_init_forgets_everything)
{
	int before = count_open_files(), err;
	uint64_t fh = 0, dir_fh = 0, node_id;

	node_id = client_create(c, "new", 0644, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &dir_fh), 0);
	ck_assert_int_gt(count_open_files(), before);
	ck_assert_int_eq(client_init(c, 0), 0);
	ck_assert_int_eq(count_open_files(), before);
	ck_assert_int_eq(client_read(c, node_id, fh, 0, 10), -EBADF);
	ck_assert_int_eq(client_simple(c, FUSE_READLINK, node_id, NULL, NULL),
			 -ESTALE);
	/* A new id for the same file: the old one stays dead. */
	ck_assert_uint_ne(client_lookup(c, 1, "new", &err), node_id);
	ck_assert_int_eq(err, 0);
}
END_TEST

START_TEST(unknown_opcodes)
{
	static const uint32_t opcodes[] = {
		0,  7,	  19,	34,	 37,	    FUSE_POLL,	41,
		53, 4095, 4096, 1 << 20, 436207616, UINT32_MAX,
	};

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++)
		ck_assert_int_eq(client_simple(c, opcodes[i], 1, "a", NULL),
				 -ENOSYS);
}
END_TEST

START_TEST(header_length_is_checked)
{
	static const struct {
		uint32_t len;
		int err;
	} rows[] = {
		{0, -EINVAL},
		{39, -EINVAL},
		{40, 0},
		{41, -EINVAL},
		{1 << 20, -EINVAL},
		{FS_MAX_REQUEST, -EINVAL},
		{FS_MAX_REQUEST + 1, -ENOMEM},
		{UINT32_MAX, -ENOMEM},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		client_begin(c, FUSE_STATFS, FUSE_ROOT_ID);
		client_header(c)->len = rows[i].len;
		ck_assert_int_eq(client_call_raw(c), rows[i].err);
	}
	/* What lies behind the length does not belong to the request. */
	client_begin(c, FUSE_LOOKUP, FUSE_ROOT_ID);
	client_add(c, "f\0garbage", 9);
	client_header(c)->len = 42;
	ck_assert_int_eq(client_call_raw(c), 0);
}
END_TEST

START_TEST(short_header_gets_no_reply)
{
	for (size_t len = 0; len < sizeof(struct fuse_in_header); len++) {
		client_begin(c, FUSE_STATFS, FUSE_ROOT_ID);
		c->in_len = len;
		ck_assert_int_eq(client_call_raw(c), CLIENT_NO_REPLY);
	}
}
END_TEST

START_TEST(short_arguments)
{
	static const char zeros[128];

	for (uint32_t opcode = 1; opcode < 52; opcode++) {
		if (!fs_op_name(opcode) || opcode == FUSE_FORGET ||
		    opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT ||
		    opcode == FUSE_DESTROY)
			continue;
		for (size_t len = 0; len < sizeof(zeros); len++) {
			client_begin(c, opcode, FUSE_ROOT_ID);
			client_add(c, zeros, len);
			/* Whatever it says, it says it. */
			if (client_call(c) > 0)
				ck_abort_msg("%s: no reply",
					     fs_op_name(opcode));
		}
	}
}
END_TEST

START_TEST(no_room_for_a_reply)
{
	struct stat st;

	/* Not even for a header: dropped, and nothing done. */
	for (c->room = 0; c->room < sizeof(struct fuse_out_header); c->room++) {
		ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "f", NULL),
				 CLIENT_NO_REPLY);
		ck_assert_int_eq(client_simple(c, 999, 1, NULL, NULL),
				 CLIENT_NO_REPLY);
	}
	ck_assert_int_eq(stat(client_path(c, "f"), &st), 0);
	c->room = sizeof(struct fuse_out_header);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "f", NULL), 0);
}
END_TEST

START_TEST(a_reply_that_does_not_fit_has_no_effect)
{
	int before, err;
	uint64_t fh;
	struct stat st;

	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
	before = count_open_files();
	for (c->room = 16; c->room < 16 + sizeof(struct fuse_entry_out);
	     c->room += 9) {
		client_lookup(c, FUSE_ROOT_ID, "f", &err);
		ck_assert_int_eq(err, -EINVAL);
		client_create(c, "new", 0644, &fh, &err);
		ck_assert_int_eq(err, -EINVAL);
		ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "new", "x"),
				 -EINVAL);
	}
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &fh), 0);
	client_release(c, FUSE_RELEASEDIR, 1, fh);
	c->room = 20;
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &fh), -EINVAL);
	ck_assert_int_eq(count_open_files(), before);
	ck_assert_int_ne(lstat(client_path(c, "new"), &st), 0);
}
END_TEST

START_TEST(any_piece_length)
{
	int err;

	for (c->piece_len = 1; c->piece_len < 200; c->piece_len++) {
		client_forget(c, client_lookup(c, FUSE_ROOT_ID, "f", &err), 1);
		ck_assert_int_eq(err, 0);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_session");
	TCase *begin = tcase_create("begin");
	TCase *modes = tcase_create("modes");
	TCase *session = tcase_create("session");

	tcase_add_checked_fixture(begin, open_only, teardown);
	tcase_add_test(begin, init_agrees_on_what_is_wanted);
	tcase_add_test(begin, init_takes_no_flag_that_was_not_offered);
	tcase_add_test(begin, init_versions);
	tcase_add_test(begin, init_short_forms);
	tcase_add_test(begin, init_reserves_descriptors);
	tcase_add_test(begin, nothing_before_init);
	suite_add_tcase(s, begin);
	tcase_add_test(modes, init_of_each_cache_mode);
	suite_add_tcase(s, modes);
	tcase_add_checked_fixture(session, setup_with_file, teardown);
	tcase_set_timeout(session, 30);
	tcase_add_test(session, nothing_after_destroy);
	tcase_add_test(session, second_init_forgets_everything);
	tcase_add_test(session, unknown_opcodes);
	tcase_add_test(session, header_length_is_checked);
	tcase_add_test(session, short_header_gets_no_reply);
	tcase_add_test(session, short_arguments);
	tcase_add_test(session, no_room_for_a_reply);
	tcase_add_test(session, a_reply_that_does_not_fit_has_no_effect);
	tcase_add_test(session, any_piece_length);
	suite_add_tcase(s, session);
	return s;
}

int main(void)
{
	return client_run(suite());
}
