/*
 * FUSE server: listings of directories.
 */
#include <errno.h>
#include <fcntl.h>
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
}

static void teardown(void)
{
	client_close(c);
}

/* One READDIR or READDIRPLUS: bytes of the reply or a negative errno. */
static long list(uint32_t opcode, uint64_t fh, uint64_t offset, uint32_t size)
{
	struct fuse_read_in arg = {.fh = fh, .offset = offset, .size = size};
	int err;

	client_begin(c, opcode, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	err = client_call(c);
	return err ? err : (long)c->out_len;
}

enum { FILES = 300, LONG = 1500 };

/* What a whole listing saw. */
struct seen {
	unsigned int dots, files, nodes;
	unsigned char file[LONG];
	uint64_t node[LONG];
	uint64_t offset;
};

/* Count one name; returns its offset. */
static uint64_t see(struct seen *seen, const struct fuse_dirent *d,
		    uint64_t node_id)
{
	char name[256] = "";
	unsigned int number;

	memcpy(name, d->name, d->namelen);
	if (!strcmp(name, ".") || !strcmp(name, "..")) {
		seen->dots++;
		ck_assert_uint_eq(node_id, 0);
	} else if (sscanf(name, "file%u", &number) == 1) {
		seen->files++;
		seen->file[number]++;
		seen->node[number] = node_id;
		seen->nodes += node_id != 0;
	}
	return d->off;
}

/* Go on with a listing: false at its end. */
static bool list_on(struct seen *seen, uint32_t opcode, uint64_t fh,
		    uint32_t size)
{
	size_t plus =
		opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	long len = list(opcode, fh, seen->offset, size);
	const struct fuse_dirent *d;
	uint64_t node_id = 0;
	const char *data;

	ck_assert_int_ge(len, 0);
	ck_assert_int_le(len, size);
	data = client_reply(c, len);
	for (long at = 0; at < len; at += plus + FUSE_DIRENT_SIZE(d)) {
		if (plus)
			memcpy(&node_id, data + at, sizeof(node_id));
		d = (const void *)(data + at + plus);
		seen->offset = see(seen, d, node_id);
	}
	return len;
}

/* Read a directory to its end in steps of @size bytes. */
static void list_all(struct seen *seen, uint32_t opcode, uint64_t fh,
		     uint32_t size)
{
	*seen = (struct seen){0};
	while (list_on(seen, opcode, fh, size))
		;
}

static uint64_t make_so_many(int cnt)
{
	char name[16];
	uint64_t fh;

	for (int i = 0; i < cnt; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		mknodat(c->dir_fd, name, S_IFREG | 0600, 0);
	}
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &fh), 0);
	return fh;
}

static uint64_t make_files(void)
{
	return make_so_many(FILES);
}

static void expect_all(const struct seen *seen)
{
	ck_assert_uint_eq(seen->dots, 2);
	ck_assert_uint_eq(seen->files, FILES);
	for (int i = 0; i < FILES; i++)
		ck_assert_uint_eq(seen->file[i], 1);
}

START_TEST(readdir_sees_every_name_once)
{
	static const uint32_t sizes[] = {40, 41, 100, 1000, 4096, 1 << 20};
	uint64_t fh = make_files();
	struct seen seen;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		list_all(&seen, FUSE_READDIR, fh, sizes[i]);
		expect_all(&seen);
	}
}
END_TEST

START_TEST(readdirplus_knows_every_node)
{
	static const uint32_t sizes[] = {168, 1000, 4096, 131072};
	uint64_t fh = make_files();
	int before = count_open_files();
	struct seen seen;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		list_all(&seen, FUSE_READDIRPLUS, fh, sizes[i]);
		expect_all(&seen);
		ck_assert_uint_eq(seen.nodes, FILES);
		/* One count each, not one more for what did not fit. */
		for (int n = 0; n < FILES; n++)
			client_forget(c, seen.node[n], 1);
		ck_assert_int_le(count_open_files(), before);
	}
}
END_TEST

/* Of a long directory the guest sees a few names before it decides what it
 * needs; of a short one all.
 */
START_TEST(readdirplus_begins_a_long_directory_with_a_few)
{
	uint64_t fh = make_files();
	struct seen seen = {0};

	ck_assert(list_on(&seen, FUSE_READDIRPLUS, fh, 32768));
	ck_assert_uint_gt(seen.nodes, 100);
	make_so_many(LONG);
	seen = (struct seen){0};
	ck_assert(list_on(&seen, FUSE_READDIRPLUS, fh, 32768));
	ck_assert_uint_gt(seen.nodes, 0);
	ck_assert_uint_le(seen.nodes, 8);
	ck_assert(list_on(&seen, FUSE_READDIRPLUS, fh, 32768));
	ck_assert_uint_gt(seen.nodes, 100);
	while (list_on(&seen, FUSE_READDIRPLUS, fh, 32768))
		;
	ck_assert_uint_eq(seen.dots, 2);
	ck_assert_uint_eq(seen.files, LONG);
	ck_assert_uint_eq(seen.nodes, LONG);
	/* Without attributes, it begins with as many as fit. */
	seen = (struct seen){0};
	ck_assert(list_on(&seen, FUSE_READDIR, fh, 32768));
	ck_assert_uint_gt(seen.files, 100);
}
END_TEST

/* A guest that always asks for attributes is not to decide. */
START_TEST(readdirplus_of_a_guest_that_always_wants_it)
{
	uint64_t fh;
	struct seen seen = {0};

	ck_assert_int_eq(client_init(c, FUSE_DO_READDIRPLUS), 0);
	fh = make_so_many(LONG);
	ck_assert(list_on(&seen, FUSE_READDIRPLUS, fh, 32768));
	ck_assert_uint_gt(seen.nodes, 100);
}
END_TEST

START_TEST(readdirplus_keeps_names_it_cannot_look_up)
{
	uint64_t fh = make_files();
	struct seen seen;

	c->fs->inodes.table.max_cnt = 20;
	list_all(&seen, FUSE_READDIRPLUS, fh, 4096);
	expect_all(&seen);
	ck_assert_uint_le(seen.nodes, 20);
}
END_TEST

START_TEST(readdir_refuses)
{
	uint64_t fh = make_files();
	struct seen seen;

	/* no room for one entry */
	ck_assert_int_eq(list(FUSE_READDIR, fh, 0, 0), -EINVAL);
	ck_assert_int_eq(list(FUSE_READDIR, fh, 0, 1), -EINVAL);
	ck_assert_int_eq(list(FUSE_READDIR, fh, 0, 24), -EINVAL);
	ck_assert_int_eq(list(FUSE_READDIRPLUS, fh, 0, 100), -EINVAL);
	/* no such offset: an error, the end, or some names */
	list(FUSE_READDIR, fh, 12345, 4096);
	list(FUSE_READDIR, fh, INT64_MAX, 4096);
	ck_assert_int_eq(list(FUSE_READDIR, fh, 1ULL << 63, 4096), -EINVAL);
	list(FUSE_READDIR, fh, UINT64_MAX, 4096);
	ck_assert_int_gt(list(FUSE_READDIR, fh, 0, UINT32_MAX), 0);
	c->room = 16 + 50;
	ck_assert_int_gt(list(FUSE_READDIR, fh, 0, 4096), 0);
	c->room = 16;
	ck_assert_int_eq(list(FUSE_READDIR, fh, 0, 4096), -EINVAL);
	c->room = CLIENT_BUFFER_LEN;
	list_all(&seen, FUSE_READDIR, fh, 4096);
	expect_all(&seen);
	ck_assert_int_eq(client_release(c, FUSE_RELEASEDIR, 1, fh), 0);
	ck_assert_int_eq(list(FUSE_READDIR, fh, 0, 4096), -EBADF);
}
END_TEST

START_TEST(two_readers_of_one_handle)
{
	uint64_t fh = make_files();
	struct seen seen, other;

	list(FUSE_READDIR, fh, 0, 200);
	list_all(&seen, FUSE_READDIR, fh, 500);
	list(FUSE_READDIR, fh, 0, 200);
	list_all(&other, FUSE_READDIRPLUS, fh, 700);
	expect_all(&seen);
	expect_all(&other);
}
END_TEST

/* All that were not seen. */
static void remove_others(const struct seen *seen)
{
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		if (!seen->file[i])
			unlinkat(c->dir_fd, name, 0);
	}
}

static void remove_files(void)
{
	static const struct seen none;

	remove_others(&none);
}

/* Offset behind the first name of a reply. */
static uint64_t first_offset(void)
{
	const struct fuse_dirent *d = client_reply(c, c->out_len);

	return d->off;
}

/* What was read ahead is of one handle at one place. */
START_TEST(readers_take_turns)
{
	uint64_t fh = make_files(), other, offset;
	struct seen seen;

	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &other), 0);
	ck_assert_int_gt(list(FUSE_READDIR, fh, 0, 200), 0);
	offset = first_offset();
	list_all(&seen, FUSE_READDIR, other, 500);
	expect_all(&seen);
	/* Further on, and back again. */
	ck_assert_int_gt(list(FUSE_READDIR, fh, offset, 200), 0);
	ck_assert_uint_ne(first_offset(), offset);
	ck_assert_int_gt(list(FUSE_READDIR, fh, 0, 200), 0);
	ck_assert_uint_eq(first_offset(), offset);
	/* From the beginning all is read anew. */
	remove_files();
	list_all(&seen, FUSE_READDIR, fh, 500);
	ck_assert_uint_eq(seen.files, 0);
	list_all(&seen, FUSE_READDIRPLUS, other, 500);
	ck_assert_uint_eq(seen.files, 0);
}
END_TEST

/* One who stops leaves names that were read ahead; they are none of the next
 * one's.
 */
START_TEST(a_listing_is_not_made_of_an_older_one)
{
	uint64_t fh = make_files(), other;
	struct seen first = {0}, kept = {0}, seen;

	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &other), 0);
	ck_assert(list_on(&kept, FUSE_READDIR, other, 500));
	ck_assert(list_on(&kept, FUSE_READDIR, other, 500));
	ck_assert(list_on(&first, FUSE_READDIR, fh, 500));
	remove_others(&kept);
	list_all(&seen, FUSE_READDIR, fh, 500);
	ck_assert_uint_eq(seen.files, kept.files);
}
END_TEST

/* What one thread has read ahead is there for another one. */
START_TEST(threads_take_turns)
{
	uint64_t fh = make_files();
	struct seen seen = {0};
	struct client other;

	client_share(&other, c);
	ck_assert(list_on(&seen, FUSE_READDIR, fh, 200));
	remove_files();
	do {
		struct fs_worker worker = c->worker;

		c->worker = other.worker;
		other.worker = worker;
	} while (list_on(&seen, FUSE_READDIR, fh, 200));
	expect_all(&seen);
	client_unshare(&other);
}
END_TEST

/* More than can have something read ahead. */
START_TEST(many_readers_take_turns)
{
	enum { READERS = 2 * AHEAD_PLACES + 1 };
	uint64_t fh[READERS] = {make_files()};
	static struct seen seen[READERS];
	bool more = true;

	for (int i = 1; i < READERS; i++) {
		ck_assert_int_eq(
			client_open_node(c, FUSE_OPENDIR, 1, 0, &fh[i]), 0);
	}
	while (more) {
		for (int i = 0; i < READERS; i++)
			more = list_on(&seen[i], FUSE_READDIR, fh[i], 200);
	}
	for (int i = 0; i < READERS; i++)
		expect_all(&seen[i]);
}
END_TEST

START_TEST(a_removed_directory_is_empty)
{
	uint64_t fh, dir_id;
	int err;

	ck_assert_int_eq(mkdir(client_path(c, "d"), 0700), 0);
	dir_id = client_lookup(c, FUSE_ROOT_ID, "d", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, dir_id, 0, &fh), 0);
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "d", NULL), 0);
	client_begin(c, FUSE_READDIR, dir_id);
	client_add(c, &(struct fuse_read_in){.fh = fh, .size = 4096},
		   sizeof(struct fuse_read_in));
	err = client_call(c);
	ck_assert(err == -ENOENT || !c->out_len);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, dir_id, NULL, NULL), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_dir");
	TCase *t = tcase_create("fs_dir");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, readdir_sees_every_name_once);
	tcase_add_test(t, readdirplus_knows_every_node);
	tcase_add_test(t, readdirplus_begins_a_long_directory_with_a_few);
	tcase_add_test(t, readdirplus_of_a_guest_that_always_wants_it);
	tcase_add_test(t, readdirplus_keeps_names_it_cannot_look_up);
	tcase_add_test(t, readdir_refuses);
	tcase_add_test(t, two_readers_of_one_handle);
	tcase_add_test(t, readers_take_turns);
	tcase_add_test(t, a_listing_is_not_made_of_an_older_one);
	tcase_add_test(t, threads_take_turns);
	tcase_add_test(t, many_readers_take_turns);
	tcase_add_test(t, a_removed_directory_is_empty);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
