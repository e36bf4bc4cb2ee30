/*
 * FUSE server: how many calls of the host's kernel a request costs.
 *
 * More would be as right, and slower. Who makes a request cost less lowers its
 * number here.
 */
#include <limits.h>
#include <stdio.h>

#include "tests/unit/fs_client.h"
#include "tests/unit/inject.h"
#include "vmm/base/bits.h"

enum {
	NAMES = 300,   /* in a directory; the host tells them at once */
	LISTINGS = 32, /* at a time */
};

static struct client client;
static struct client *const c = &client;

static void start(bool handles)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};

	config.handles = handles;
	client_open_as(c, &config);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	client_make_file(c, "file", "text");
	client_make_file(c, "other", "text");
	client_let_time_pass();
}

static void by_name(void)
{
	start(false);
}

static void by_handle(void)
{
	start(true);
}

static void teardown(void)
{
	client_close(c);
}

static void begin(void)
{
	inject_arm(INT_MAX, EIO);
}

/* Calls since begin(). */
static int calls(void)
{
	ck_assert_int_eq(inject_disarm(), -1);
	return INT_MAX - injection.left;
}

/* Calls of a request with a name in the root, which succeeds. */
static int cost(uint32_t opcode, const char *name)
{
	begin();
	ck_assert_int_eq(client_simple(c, opcode, FUSE_ROOT_ID, name, NULL), 0);
	return calls();
}

static int cost_of_rename(const char *from, const char *to)
{
	struct fuse_rename_in arg = {.newdir = FUSE_ROOT_ID};

	client_begin(c, FUSE_RENAME, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, from);
	client_add_text(c, to);
	begin();
	ck_assert_int_eq(client_call(c), 0);
	return calls();
}

/* A file that is opened as soon as it is known. */
static void make_pipe(const char *name)
{
	ck_assert_int_eq(mkfifoat(c->dir_fd, name, 0600), 0);
}

/* Attributes; of what is opened at once, a descriptor and its attributes. */
START_TEST(files_that_are_found_by_name)
{
	make_pipe("pipe");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cost(FUSE_LOOKUP, "file"), 1);
		ck_assert_int_eq(cost(FUSE_LOOKUP, "other"), 1);
		ck_assert_int_eq(cost(FUSE_LOOKUP, "missing"), 1);
		ck_assert_int_eq(cost(FUSE_LOOKUP, "pipe"), i ? 1 : 3);
	}
	ck_assert_uint_eq(c->fs->inodes.open_cnt, 2);
}
END_TEST

static int cost_of_getattr(uint64_t id)
{
	begin();
	ck_assert_int_eq(client_getattr(c, id), 0);
	return calls();
}

/* Which file it was is read when it is closed, and so once. To open it by its
 * name is to see that it is this one; the one that is closed for it is known.
 */
START_TEST(files_that_are_closed)
{
	uint64_t file, other;
	int err;

	file = client_lookup(c, FUSE_ROOT_ID, "file", &err);
	other = client_lookup(c, FUSE_ROOT_ID, "other", &err);
	c->fs->inodes.limits.open_max = 2; /* the root is one */
	ck_assert_int_eq(cost_of_getattr(file), 2 + 1);
	ck_assert_int_eq(cost_of_getattr(other), 2 + 1 + 2);
	ck_assert_int_eq(cost_of_getattr(file), 3 + 1 + 2);
	ck_assert_int_eq(cost_of_getattr(other), 3 + 1 + 1);
}
END_TEST

/* Files that were in use and are idle now, more than may be open: each that is
 * opened then closes two.
 */
START_TEST(files_that_are_too_many)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	uint64_t id[ARRAY_SIZE(names)], fh[ARRAY_SIZE(names)];
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		id[i] = client_create(c, names[i], S_IFREG | 0600, &fh[i],
				      &err);
	c->fs->inodes.limits.open_max = 2;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		client_release(c, FUSE_RELEASE, id[i], fh[i]);
	ck_assert_uint_eq(c->fs->inodes.open_cnt, 1 + 4);
	make_pipe("pipe");
	make_pipe("other pipe");
	client_lookup(c, FUSE_ROOT_ID, "pipe", &err);
	ck_assert_uint_eq(c->fs->inodes.open_cnt, 1 + 3);
	client_lookup(c, FUSE_ROOT_ID, "other pipe", &err);
	ck_assert_uint_eq(c->fs->inodes.open_cnt, 1 + 2);
	ck_assert_int_eq(client_getattr(c, id[0]), 0);
	ck_assert_uint_eq(c->fs->inodes.open_cnt, 1 + 1);
}
END_TEST

/* If that cannot be read, the file is closed all the same, and not taken for
 * the one that is found later: the guest looks it up again.
 */
START_TEST(a_file_that_is_closed_unread)
{
	uint64_t file, again;
	int err;

	make_pipe("pipe");
	make_pipe("other pipe");
	file = client_lookup(c, FUSE_ROOT_ID, "pipe", &err);
	c->fs->inodes.limits.open_max = 2;
	inject_arm(4, EIO);
	client_lookup(c, FUSE_ROOT_ID, "other pipe", &err);
	ck_assert_int_eq(inject_disarm(), SYS_name_to_handle_at);
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(c->fs->inodes.open_cnt, 2);
	ck_assert_int_eq(client_getattr(c, file), -ESTALE);
	again = client_lookup(c, FUSE_ROOT_ID, "pipe", &err);
	ck_assert_int_eq(err, 0);
	ck_assert_uint_ne(again, file);
	ck_assert_int_eq(client_getattr(c, again), 0);
	ck_assert_int_eq(client_getattr(c, file), -ESTALE);
}
END_TEST

/* What a guest asks for over and over costs one call; with the interrupt's,
 * that is all a request takes while its server looks on (poll.h).
 */
START_TEST(files_that_are_used)
{
	struct fuse_write_in to = {.size = 4};
	uint64_t id, fh;
	int err;

	id = client_lookup(c, FUSE_ROOT_ID, "file", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh), 0);
	to.fh = fh;
	ck_assert_int_eq(cost_of_getattr(id), 1);
	begin();
	ck_assert_int_eq(client_read(c, id, fh, 0, 4), 4);
	ck_assert_int_eq(calls(), 1);
	begin();
	ck_assert_int_eq(client_write(c, &to, id, "text"), 4);
	ck_assert_int_eq(calls(), 1);
}
END_TEST

/* It is made and, as it is new, opened. */
START_TEST(a_directory_that_is_made)
{
	struct fuse_mkdir_in arg = {.mode = 0755};

	client_begin(c, FUSE_MKDIR, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "new");
	begin();
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_int_eq(calls(), 3);
}
END_TEST

/* What is made says nothing about what is looked up next. */
START_TEST(a_file_that_is_known_after_one_that_is_made)
{
	uint64_t fh;
	int err;

	cost(FUSE_LOOKUP, "file");
	cost(FUSE_LOOKUP, "file");
	client_create(c, "new", S_IFREG | 0600, &fh, &err);
	ck_assert_int_eq(cost(FUSE_LOOKUP, "file"), 1);
}
END_TEST

/* Attributes and the handle; an ordinary user may not use that. */
START_TEST(a_file_that_is_found_by_handle)
{
	ck_assert_int_eq(cost(FUSE_LOOKUP, "file"), geteuid() ? 5 : 2);
}
END_TEST

/* Which file it is, and the change. One that the guest knows it can also have
 * hold of: it is opened before.
 */
START_TEST(names_that_go)
{
	cost(FUSE_LOOKUP, "file");
	ck_assert_int_eq(cost(FUSE_UNLINK, "file"), 2 + 2);
	ck_assert_int_eq(cost(FUSE_UNLINK, "other"), 2);
	ck_assert_int_eq(mkdirat(c->dir_fd, "dir", 0755), 0);
	ck_assert_int_eq(cost(FUSE_RMDIR, "dir"), 2);
}
END_TEST

/* And who has the new name now. */
START_TEST(a_name_that_is_replaced)
{
	cost(FUSE_LOOKUP, "file");
	cost(FUSE_LOOKUP, "other");
	ck_assert_int_eq(cost_of_rename("file", "other"), 3 + 2);
}
END_TEST

/* The file, a descriptor to find it by, and its attributes; both are closed
 * then.
 */
START_TEST(a_file_that_is_made)
{
	uint64_t fh, id;
	int err;

	begin();
	id = client_create(c, "new", S_IFREG | 0600, &fh, &err);
	ck_assert_int_eq(calls(), 3);
	ck_assert_int_eq(err, 0);
	begin();
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	ck_assert_int_eq(calls(), 1);
	begin();
	client_forget(c, id, 1);
	ck_assert_int_eq(calls(), 1);
}
END_TEST

static int cost_of_flush(uint64_t id, uint64_t fh)
{
	struct fuse_flush_in arg = {.fh = fh};

	client_begin(c, FUSE_FLUSH, id);
	client_add(c, &arg, sizeof(arg));
	begin();
	ck_assert_int_eq(client_call(c), 0);
	return calls();
}

/* To be told of what was written, a descriptor is made and closed. Who only
 * reads is told nothing, nor is anybody before somebody has written.
 */
START_TEST(a_file_that_is_flushed)
{
	struct fuse_write_in arg = {.size = 1};
	uint64_t id, reader, writer, other;
	int err;

	id = client_lookup(c, FUSE_ROOT_ID, "file", &err);
	client_open_node(c, FUSE_OPEN, id, O_RDONLY, &reader);
	client_open_node(c, FUSE_OPEN, id, O_WRONLY, &writer);
	client_open_node(c, FUSE_OPEN, id, O_RDWR, &other);
	ck_assert_int_eq(cost_of_flush(id, reader), 0);
	ck_assert_int_eq(cost_of_flush(id, writer), 0);
	arg.fh = writer;
	ck_assert_int_eq(client_write(c, &arg, id, "t"), 1);
	ck_assert_int_eq(cost_of_flush(id, reader), 0);
	ck_assert_int_eq(cost_of_flush(id, writer), 2);
	ck_assert_int_eq(cost_of_flush(id, other), 2);
}
END_TEST

/* One piece of a listing: bytes, and where the next one begins. */
static size_t list(uint64_t fh, uint64_t *offset)
{
	struct fuse_read_in arg = {.fh = fh, .offset = *offset, .size = 400};
	const struct fuse_dirent *entry;
	const char *reply;

	client_begin(c, FUSE_READDIR, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	reply = client_reply(c, c->out_len);
	for (size_t at = 0; at < c->out_len; at += FUSE_DIRENT_SIZE(entry)) {
		entry = (const void *)(reply + at);
		*offset = entry->off;
	}
	return c->out_len;
}

/* A place in the directory is sought, and names are read: at its begin and at
 * its end, and not once more for each piece, whoever lists meanwhile.
 */
START_TEST(listings_that_take_turns)
{
	uint64_t fh[LISTINGS], offset[LISTINGS] = {0};
	char name[16];
	bool more = true;
	int cnt;

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		client_make_file(c, name, "");
	}
	for (int i = 0; i < LISTINGS; i++) {
		ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID,
						  0, &fh[i]),
				 0);
	}
	begin();
	while (more) {
		for (int i = 0; i < LISTINGS; i++)
			more = list(fh[i], &offset[i]);
	}
	cnt = calls();
	ck_assert_int_eq(cnt % LISTINGS, 0);
	ck_assert_int_eq(cnt / LISTINGS, 4);
}
END_TEST

/* A place and names, then attributes; the two with dots cost nothing. */
START_TEST(names_with_attributes)
{
	struct fuse_read_in arg = {.size = 4096};

	ck_assert_int_eq(
		client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID, 0, &arg.fh), 0);
	client_begin(c, FUSE_READDIRPLUS, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	begin();
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_int_eq(calls(), 2 + 1 + 1);
}
END_TEST

static TCase *rig(Suite *s, const char *name, void (*setup)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("fs_calls");
	TCase *names = rig(s, "by_name", by_name);
	TCase *handles = rig(s, "by_handle", by_handle);

	tcase_add_test(names, files_that_are_found_by_name);
	tcase_add_test(names, files_that_are_closed);
	tcase_add_test(names, files_that_are_too_many);
	tcase_add_test(names, a_file_that_is_closed_unread);
	tcase_add_test(names, a_file_that_is_known_after_one_that_is_made);
	tcase_add_test(names, files_that_are_used);
	tcase_add_test(names, names_with_attributes);
	tcase_add_test(names, a_directory_that_is_made);
	tcase_add_test(names, names_that_go);
	tcase_add_test(names, a_name_that_is_replaced);
	tcase_add_test(names, a_file_that_is_made);
	tcase_add_test(names, a_file_that_is_flushed);
	tcase_add_test(names, listings_that_take_turns);
	tcase_add_test(handles, a_file_that_is_found_by_handle);
	return client_run(s);
}
