/*
 * FUSE server: what it counts.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/fs/stats.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;

static void setup(void)
{
	client_open(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	c->fs->stats = stats_create();
	ck_assert_ptr_nonnull(c->fs->stats);
}

static void teardown(void)
{
	client_close(c);
}

static void counted(uint32_t opcode, uint64_t count, uint64_t error_cnt)
{
	const struct stats_op *op = &c->fs->stats->op[opcode];
	uint64_t sum = 0;

	ck_assert_uint_eq(op->count, count);
	ck_assert_uint_eq(op->error_cnt, error_cnt);
	for (size_t i = 0; i < STATS_BUCKETS; i++)
		sum += op->bucket[i];
	ck_assert_uint_eq(sum, count);
	ck_assert_uint_ge(op->total_ns, op->max_ns);
	ck_assert_int_eq(op->max_ns > 0, count > 0);
}

START_TEST(each_request_is_counted_once)
{
	uint64_t id, fh, total = 0;
	int err;

	/* Too early: EIO. */
	client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	client_lookup(c, FUSE_ROOT_ID, "f", &err);
	client_lookup(c, FUSE_ROOT_ID, "a/b", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, 0, &fh), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 4), 4);
	ck_assert_int_eq(client_read(c, id, fh + 1, 0, 4), -EBADF);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	client_forget(c, id, 2);
	/* No room for a reply. */
	c->room = 8;
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL),
			 CLIENT_NO_REPLY);
	counted(FUSE_LOOKUP, 4, 2);
	counted(FUSE_INIT, 1, 0);
	counted(FUSE_OPEN, 1, 0);
	counted(FUSE_READ, 2, 1);
	counted(FUSE_RELEASE, 1, 0);
	counted(FUSE_FORGET, 1, 0);
	counted(FUSE_STATFS, 1, 1);
	for (size_t i = 0; i < STATS_NUM_OPS; i++)
		total += c->fs->stats->op[i].count;
	ck_assert_uint_eq(total, 11);
}
END_TEST

START_TEST(hostile_opcodes_are_others)
{
	static const uint32_t opcodes[] = {
		0,    7,	 19,	   STATS_NUM_OPS - 1, STATS_NUM_OPS,
		4096, INT32_MAX, 1U << 31, UINT32_MAX - 1,    UINT32_MAX,
	};
	struct stats before;

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		client_begin(c, opcodes[i], 1);
		ck_assert_int_eq(client_call(c), -ENOSYS);
	}
	counted(0, ARRAY_SIZE(opcodes), ARRAY_SIZE(opcodes));
	/* Nor does a request without a header. */
	c->in_len = 0;
	ck_assert_int_eq(client_call_raw(c), CLIENT_NO_REPLY);
	client_begin(c, FUSE_LOOKUP, 1);
	c->in_len--;
	ck_assert_int_eq(client_call_raw(c), CLIENT_NO_REPLY);
	counted(0, ARRAY_SIZE(opcodes) + 2, ARRAY_SIZE(opcodes) + 2);
	/* All others stayed as they were. */
	before = (struct stats){0};
	ck_assert_mem_eq(&c->fs->stats->op[1], &before.op[1],
			 sizeof(before) - sizeof(before.op[0]));
}
END_TEST

START_TEST(nothing_is_counted_unasked)
{
	struct fs_config config = {FS_DEFAULTS, .root_fd = c->dir_fd};
	struct fs fs;

	ck_assert_int_eq(fs_init(&fs, &config), 0);
	ck_assert_ptr_null(fs.stats);
	fs_destroy(&fs);
	config.stats = true;
	ck_assert_int_eq(fs_init(&fs, &config), 0);
	ck_assert_ptr_nonnull(fs.stats);
	fs_destroy(&fs);
	ck_assert_ptr_null(fs.stats);
}
END_TEST

START_TEST(times_have_their_buckets)
{
	static const struct {
		uint64_t ns;
		unsigned int bucket;
	} rows[] = {
		{0, 0},		  {1, 0},
		{2, 1},		  {3, 1},
		{4, 2},		  {1023, 9},
		{1024, 10},	  {BIT(39) - 1, 38},
		{BIT(39), 39},	  {BIT(40), 39},
		{UINT64_MAX, 39},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stats *stats = stats_create();

		stats_count(stats, FUSE_READ, 0, rows[i].ns);
		ck_assert_uint_eq(stats->op[FUSE_READ].bucket[rows[i].bucket],
				  1);
		ck_assert_uint_eq(stats->op[FUSE_READ].max_ns, rows[i].ns);
		free(stats);
	}
}
END_TEST

/* What is printed under a tag, to be freed. */
static char *print(const char *tag)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	stats_print(c->fs, tag, to);
	fclose(to);
	return text;
}

START_TEST(an_idle_server_prints_an_object)
{
	char *text = print("t");

	ck_assert_str_eq(text, "{\"tag\":\"t\",\"inodes\":1,\"handles\":0,"
			       "\"requests\":{}}");
	free(text);
}
END_TEST

START_TEST(tags_are_quoted)
{
	char *text = print("\"\\\n\x01\x7f\xff </");

	ck_assert_ptr_nonnull(strstr(
		text, "{\"tag\":\"\\u0022\\u005c\\u000a\\u0001\\u007f\\u00ff "
		      "</\","));
	free(text);
}
END_TEST

START_TEST(counters_are_printed)
{
	struct stats *stats = c->fs->stats;
	char *text;

	/* 98 fast ones, one slower, and the slowest */
	for (int i = 0; i < 98; i++)
		stats_count(stats, FUSE_READ, 0, 1);
	stats_count(stats, FUSE_READ, -EIO, 5);
	stats_count(stats, FUSE_READ, 0, 9);
	stats_count(stats, FUSE_GETATTR, 0, 2);
	stats_count(stats, UINT32_MAX, -ENOSYS, 0);
	text = print("t");
	ck_assert_str_eq(
		text,
		"{\"tag\":\"t\",\"inodes\":1,\"handles\":0,\"requests\":{"
		"\"other\":{\"count\":1,\"errors\":1,\"total_ns\":0,"
		"\"p50_ns\":0,\"p99_ns\":0,\"max_ns\":0,\"log2_ns\":[1]},"
		"\"GETATTR\":{\"count\":1,\"errors\":0,\"total_ns\":2,"
		"\"p50_ns\":2,\"p99_ns\":2,\"max_ns\":2,\"log2_ns\":[0,1]},"
		"\"READ\":{\"count\":100,\"errors\":1,\"total_ns\":112,"
		"\"p50_ns\":1,\"p99_ns\":7,\"max_ns\":9,"
		"\"log2_ns\":[98,0,1,1]}}}");
	free(text);
}
END_TEST

enum { THREADS = 4, COUNTS = 20000 };

static void *count_many(void *arg)
{
	for (uint64_t i = 1; i <= COUNTS; i++)
		stats_count(arg, FUSE_WRITE, i % 2 ? -EIO : 0, i);
	return NULL;
}

START_TEST(threads_lose_nothing)
{
	const struct stats_op *op = &c->fs->stats->op[FUSE_WRITE];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, count_many, c->fs->stats);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	counted(FUSE_WRITE, THREADS * COUNTS, THREADS * COUNTS / 2);
	ck_assert_uint_eq(op->max_ns, COUNTS);
	ck_assert_uint_eq(op->total_ns,
			  THREADS * (COUNTS * (COUNTS + 1ULL) / 2));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_stats");
	TCase *t = tcase_create("fs_stats");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_request_is_counted_once);
	tcase_add_test(t, hostile_opcodes_are_others);
	tcase_add_test(t, nothing_is_counted_unasked);
	tcase_add_test(t, times_have_their_buckets);
	tcase_add_test(t, an_idle_server_prints_an_object);
	tcase_add_test(t, tags_are_quoted);
	tcase_add_test(t, counters_are_printed);
	tcase_add_test(t, threads_lose_nothing);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
