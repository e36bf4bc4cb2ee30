/*
 * Shared metadata versions: the table.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/fs/versions.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum { THREADS = 4, BUMPS = 20000 };

static struct versions table, other;
static int file_fd;

static void setup(void)
{
	file_fd = memfd_create("versions", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(file_fd, VERSIONS_FILE_LEN), 0);
	ck_assert_int_eq(versions_init(&table, file_fd), 0);
	ck_assert_int_eq(versions_init(&other, file_fd), 0);
}

static void teardown(void)
{
	versions_destroy(&table);
	versions_destroy(&other);
	fd_close(&file_fd);
}

/* The vectors of the paper's authors: key 00 01 ... 0f, input 00 01 02 ... */
START_TEST(hash_is_siphash)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{0, 0x726fdb47dd0e0e31},
		{1, 0x74f839c593dc67fd},
		{8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5},
	};
	uint8_t in[16];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_uint_eq(versions_hash(0x0706050403020100,
						0x0f0e0d0c0b0a0908, in,
						rows[i].len),
				  rows[i].hash);
}
END_TEST

START_TEST(all_servers_agree_on_counters)
{
	uint64_t key = versions_key(&table, 1, "handle", 6);

	ck_assert_uint_eq(table.seed, other.seed);
	ck_assert_uint_ne(table.seed, 0);
	ck_assert_uint_ne(key, 0);
	ck_assert_uint_eq(versions_key(&other, 1, "handle", 6), key);
	ck_assert_uint_ne(versions_key(&other, 2, "handle", 6), key);
	ck_assert_uint_ne(versions_key(&other, 1, "handlf", 6), key);
	ck_assert_uint_eq(versions_attr(&table, key),
			  versions_attr(&other, key));
	ck_assert_uint_eq(versions_entry(&table, key, "name"),
			  versions_entry(&other, key, "name"));
	ck_assert_uint_ne(versions_entry(&table, key, "name"),
			  versions_entry(&table, key, "nam"));
}
END_TEST

/* Another table has another seed: who knows one cannot compute the next. */
START_TEST(tables_differ)
{
	autofd fd = memfd_create("versions", MFD_CLOEXEC);
	struct versions fresh;

	ck_assert_int_eq(ftruncate(fd, VERSIONS_FILE_LEN), 0);
	ck_assert_int_eq(versions_init(&fresh, fd), 0);
	ck_assert_uint_ne(fresh.seed, table.seed);
	versions_destroy(&fresh);
}
END_TEST

START_TEST(counters_are_in_the_table_and_never_the_epoch)
{
	char name[16];

	for (int i = 0; i < 100000; i++) {
		uint32_t idx;

		snprintf(name, sizeof(name), "%d", i);
		idx = versions_entry(&table, i + 1, name);
		if (idx < 1 || idx >= VERSIONS_CNT)
			ck_abort_msg("%u", idx);
	}
	ck_assert_uint_eq(versions_entry(&table, 0, "name"), 0);
	ck_assert_uint_eq(versions_attr(&table, 0), 0);
}
END_TEST

START_TEST(a_change_is_seen_through_every_mapping)
{
	uint64_t before = versions_read(&other, 5);
	uint64_t changes = versions_changes(&other);

	ck_assert_uint_eq(versions_read(&other, 6), before);
	versions_bump(&table, 5);
	ck_assert_uint_eq(versions_read(&other, 5), before + 1);
	ck_assert_uint_eq(versions_read(&other, 6), before);
	ck_assert_uint_eq(versions_changes(&other), changes + 1);
	versions_bump_all(&table);
	ck_assert_uint_eq(versions_read(&other, 5), before + 2);
	ck_assert_uint_eq(versions_read(&other, 6), before + 1);
	ck_assert_uint_eq(versions_changes(&other), changes + 2);
}
END_TEST

START_TEST(no_fact_is_no_change)
{
	versions_bump(&table, 0);
	versions_heat(&table, 0);
	versions_cool(&table, 0);
	ck_assert_uint_eq(versions_changes(&table), 0);
	ck_assert_uint_eq(versions_read(&table, 0), 0);
	ck_assert_uint_eq(versions_read(&table, 1), 0);
}
END_TEST

START_TEST(hot_as_long_as_one_is)
{
	versions_heat(&table, 7);
	versions_heat(&other, 7);
	ck_assert_uint_eq(table.count[7] >> VERSIONS_HOT_SHIFT, 2);
	versions_cool(&table, 7);
	ck_assert_uint_eq(table.count[7] >> VERSIONS_HOT_SHIFT, 1);
	versions_cool(&other, 7);
	/* Cool again, and changed twice. */
	ck_assert_uint_eq(table.count[7], 2);
	ck_assert_uint_eq(versions_changes(&table), 4);
}
END_TEST

/* The guest's view follows, cannot be written, and ends before the seed. */
START_TEST(shown_is_the_same_table)
{
	char *at = mmap(NULL, VERSIONS_FILE_LEN, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const volatile uint64_t *guest = (const void *)at;
	int pipe_fd[2];

	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(versions_show(&table, at), 0);
	versions_bump(&other, VERSIONS_CNT - 1);
	ck_assert_uint_eq(guest[VERSIONS_CNT - 1], 1);
	ck_assert_uint_eq(table.count[VERSIONS_CNT - 1], 1);
	ck_assert_int_eq(pipe(pipe_fd), 0);
	ck_assert_int_eq(write(pipe_fd[1], "x", 1), 1);
	ck_assert_int_eq(read(pipe_fd[0], at, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(write(pipe_fd[1], at + VERSIONS_LEN - 1, 1), 1);
	ck_assert_int_eq(write(pipe_fd[1], at + VERSIONS_LEN, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	munmap(at, VERSIONS_FILE_LEN);
}
END_TEST

START_TEST(short_files_are_refused)
{
	autofd fd = memfd_create("versions", MFD_CLOEXEC);
	struct versions v;

	ck_assert_int_eq(versions_init(&v, fd), -EINVAL);
	versions_destroy(&v);
	ck_assert_int_eq(ftruncate(fd, VERSIONS_FILE_LEN - 1), 0);
	ck_assert_int_eq(versions_init(&v, fd), -EINVAL);
	versions_destroy(&v);
	ck_assert_int_eq(versions_init(&v, -1), -EBADF);
	versions_destroy(&v);
}
END_TEST

static void *bump_all(void *opaque)
{
	for (int i = 0; i < BUMPS; i++)
		versions_bump(opaque, 9);
	return NULL;
}

/* Whoever sees a version has seen the change count before it. */
START_TEST(threads_lose_no_change)
{
	pthread_t thread[THREADS];
	uint64_t version = 0, last = 0;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, bump_all,
						i % 2 ? &table : &other),
				 0);
	while (version < (uint64_t)THREADS * BUMPS) {
		version = versions_read(&table, 9);
		if (version < last || versions_changes(&table) < version)
			ck_abort_msg("counters go back");
		last = version;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(versions_read(&other, 9), version);
	ck_assert_uint_eq(versions_changes(&other), version);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("versions");
	TCase *tc = tcase_create("versions");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, hash_is_siphash);
	tcase_add_test(tc, all_servers_agree_on_counters);
	tcase_add_test(tc, tables_differ);
	tcase_add_test(tc, counters_are_in_the_table_and_never_the_epoch);
	tcase_add_test(tc, a_change_is_seen_through_every_mapping);
	tcase_add_test(tc, no_fact_is_no_change);
	tcase_add_test(tc, hot_as_long_as_one_is);
	tcase_add_test(tc, shown_is_the_same_table);
	tcase_add_test(tc, short_files_are_refused);
	tcase_add_test(tc, threads_lose_no_change);
	suite_add_tcase(suite, tc);
	return client_run(suite);
}
