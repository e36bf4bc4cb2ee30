/*
 * Tables of versions that machines have in common: who shares one, and what is
 * left of the dead.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/config.h"
#include "vmm/tables.h"

static char dir[64];
static char all[128];
static struct fail fail;

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/wherry-tables-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(all, sizeof(all), "%s/all", dir);
	fail.text[0] = '\0';
}

/* Nothing may be left there. */
static void teardown(void)
{
	if (access(all, F_OK) == 0)
		ck_assert_int_eq(rmdir(all), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

static int use(struct table_file *table, const char *path)
{
	return table_open(table, all, path, &fail);
}

static const char *path_of(const struct table_file *table)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", all, table->name);
	return path;
}

START_TEST(one_directory_one_table)
{
	struct table_file one, two, other;

	ck_assert_int_eq(use(&one, "/tmp"), 0);
	ck_assert_int_eq(use(&two, "/tmp/."), 0);
	ck_assert_int_eq(use(&other, dir), 0);
	versions_bump(&one.versions, 5);
	ck_assert_uint_eq(versions_read(&two.versions, 5), 1);
	ck_assert_uint_eq(versions_read(&other.versions, 5), 0);
	ck_assert_uint_eq(one.versions.seed, two.versions.seed);
	ck_assert_uint_ne(one.versions.seed, other.versions.seed);
	/* The last one takes it along. */
	table_close(&one);
	ck_assert_int_eq(access(path_of(&two), F_OK), 0);
	versions_bump(&two.versions, 5);
	table_close(&two);
	ck_assert_int_eq(access(path_of(&two), F_OK), -1);
	table_close(&other);
}
END_TEST

START_TEST(only_the_owner_may_look)
{
	struct table_file table;
	struct stat st;

	umask(0);
	ck_assert_int_eq(use(&table, dir), 0);
	ck_assert_int_eq(stat(all, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(path_of(&table), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, VERSIONS_FILE_LEN);
	table_close(&table);
}
END_TEST

/* What was hot when all were killed is not hot for ever. */
START_TEST(what_the_dead_left_is_made_anew)
{
	struct table_file table;
	pid_t pid = fork();

	if (!pid) {
		if (use(&table, dir))
			_exit(1);
		versions_heat(&table.versions, 5);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(use(&table, dir), 0);
	ck_assert_uint_eq(versions_read(&table.versions, 5), 0);
	table_close(&table);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_somebody_elses_matter)
{
	struct table_file table;

	ck_assert_int_eq(use(&table, "/nowhere"), 0);
	ck_assert_ptr_null(table.versions.map);
	table_close(&table);
}
END_TEST

START_TEST(hostile_directories)
{
	struct table_file table;

	ck_assert_int_eq(mkdir(all, 0755), 0);
	ck_assert_int_eq(use(&table, dir), -EPERM);
	ck_assert(strstr(fail.text, all));
	table_close(&table);
	ck_assert_int_eq(rmdir(all), 0);
	ck_assert_int_eq(symlink("/tmp", all), 0);
	ck_assert_int_ne(use(&table, dir), 0);
	table_close(&table);
	ck_assert_int_eq(unlink(all), 0);
	ck_assert_int_eq(mknod(all, S_IFREG | 0600, 0), 0);
	ck_assert_int_ne(use(&table, dir), 0);
	table_close(&table);
	ck_assert_int_eq(unlink(all), 0);
}
END_TEST

START_TEST(hostile_files)
{
	struct table_file table;
	char path[256];

	ck_assert_int_eq(use(&table, dir), 0);
	snprintf(path, sizeof(path), "%s", path_of(&table));
	table_close(&table);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(use(&table, dir), -ELOOP);
	table_close(&table);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_ne(use(&table, dir), 0);
	table_close(&table);
	rmdir(path);
	ck_assert_int_eq(mknod(path, S_IFREG | 0644, 0), 0);
	ck_assert_int_eq(use(&table, dir), -EPERM);
	ck_assert(strstr(fail.text, path));
	table_close(&table);
	unlink(path);
}
END_TEST

enum { THREADS = 4, TURNS = 300 };

static void *come_and_go(void *opaque)
{
	(void)opaque;
	for (int i = 0; i < TURNS; i++) {
		struct table_file one, two;
		struct fail why;
		uint64_t before;

		if (table_open(&one, all, dir, &why) ||
		    table_open(&two, all, dir, &why))
			return NULL;
		/* While we have it, nobody else gets another one. */
		before = versions_read(&two.versions, 7);
		versions_bump(&one.versions, 7);
		if (versions_read(&two.versions, 7) <= before)
			return NULL;
		table_close(&one);
		table_close(&two);
	}
	return (void *)all;
}

START_TEST(comings_and_goings)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		ck_assert_int_eq(pthread_join(thread[i], &result), 0);
		ck_assert_ptr_nonnull(result);
	}
}
END_TEST

static bool hears_own(unsigned int share_cnt, const char *out)
{
	struct config config = {
		.command = CONFIG_RUN,
		.share_cnt = share_cnt,
	};
	int streams[3], fd = open(out, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct tables tables;

	for (int i = 0; i < 3; i++) {
		streams[i] = dup(i);
		ck_assert_int_eq(dup2(fd, i), i);
	}
	ck_assert_int_eq(tables_open(&tables, &config, &fail), 0);
	tables_close(&tables);
	for (int i = 0; i < 3; i++) {
		dup2(streams[i], i);
		close(streams[i]);
	}
	close(fd);
	ck_assert(!config.root.versions);
	return config.root.hear_own;
}

/* A monitor's own events count if it changes shares in other ways as well. */
START_TEST(who_hears_himself)
{
	char path[128];

	ck_assert(!hears_own(0, "/dev/null"));
	ck_assert(hears_own(1, "/dev/null"));
	snprintf(path, sizeof(path), "%s/out", dir);
	ck_assert(hears_own(0, path));
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tables");
	TCase *tc = tcase_create("tables");
	SRunner *runner = srunner_create(suite);
	int failed_cnt;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, one_directory_one_table);
	tcase_add_test(tc, only_the_owner_may_look);
	tcase_add_test(tc, what_the_dead_left_is_made_anew);
	tcase_add_test(tc,
		       a_directory_that_is_not_there_is_somebody_elses_matter);
	tcase_add_test(tc, hostile_directories);
	tcase_add_test(tc, hostile_files);
	tcase_add_test(tc, comings_and_goings);
	tcase_add_test(tc, who_hears_himself);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed_cnt = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed_cnt != 0;
}
