/*
 * Sets of modules in the cache: what goes in comes out, and no entry, however
 * damaged, leads outside of itself.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/kcache.h"
#include "boot/modcache.h"
#include "boot/modules.h"

static char dir[] = "/tmp/wherry-modcache-XXXXXX";
static struct modules modules;

/* The layout of an entry, as hostile hands would write it. */
struct entry {
	uint64_t cnt;
	struct {
		char name[MODULES_NAME_LEN];
		uint64_t offset;
		uint64_t len;
	} row[MODULES_MAX_CNT];
	char content[16];
};

static struct kcache_key key_of(const char *what)
{
	struct kcache_key key = {.dev = 1, .ino = 2, .size = 3};

	kcache_key_add(&key, what);
	return key;
}

static void setup(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	char line[64];

	snprintf(line, sizeof(line), "rm -rf %s", dir);
	ck_assert_int_eq(system(line), 0);
}

static struct entry good_entry(void)
{
	struct entry entry = {.cnt = 1, .content = "content"};

	strcpy(entry.row[0].name, "name");
	entry.row[0].offset = offsetof(struct entry, content);
	entry.row[0].len = sizeof(entry.content);
	return entry;
}

static int read_back(const void *entry, size_t len)
{
	struct kcache_key key = key_of("hostile");
	int fd = kcache_put(dir, &key, entry, len);
	char name[300];
	int err;

	ck_assert_int_ge(fd, 0);
	close(fd);
	err = modcache_get(&modules, dir, &key);
	snprintf(name, sizeof(name), "rm -f %s/*", dir);
	ck_assert_int_eq(system(name), 0);
	return err;
}

START_TEST(what_goes_in_comes_out)
{
	struct kcache_key key = key_of("a"), other = key_of("b");
	struct modules set = {
		.cnt = 2,
		.module = {{"one", {.data = (char[]){"first"}, .len = 5}},
			   {"two", {.data = (char[]){""}, .len = 0}}},
	};

	ck_assert_int_eq(modcache_put(&set, dir, &key), 0);
	ck_assert_int_eq(modcache_get(&modules, dir, &other), -ENOENT);
	ck_assert_uint_eq(modules.cnt, 0);
	ck_assert_int_eq(modcache_get(&modules, dir, &key), 0);
	ck_assert_uint_eq(modules.cnt, 2);
	ck_assert_str_eq(modules.module[0].name, "one");
	ck_assert_uint_eq(modules.module[0].elf.len, 5);
	ck_assert_mem_eq(modules.module[0].elf.data, "first", 5);
	ck_assert_uint_eq(modules.module[1].elf.len, 0);
	modules_destroy(&modules);
	ck_assert_uint_eq(modules.cnt, 0);
}
END_TEST

START_TEST(the_forged_entry_is_good_before_it_is_damaged)
{
	struct entry entry = good_entry();

	ck_assert_int_eq(read_back(&entry, sizeof(entry)), 0);
	ck_assert_mem_eq(modules.module[0].elf.data, "content", 7);
	modules_destroy(&modules);
}
END_TEST

START_TEST(damaged_entries_are_none)
{
	struct entry bad[6];

	for (int i = 0; i < 6; i++)
		bad[i] = good_entry();
	bad[0].cnt = MODULES_MAX_CNT + 1;
	bad[1].cnt = UINT64_MAX;
	bad[2].row[0].offset = sizeof(struct entry) + 1;
	bad[3].row[0].len = sizeof(bad[3].content) + 1;
	bad[4].row[0].offset = 8;
	bad[4].row[0].len = UINT64_MAX;
	memset(bad[5].row[0].name, 'x', MODULES_NAME_LEN);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(read_back(&bad[i], sizeof(bad[i])), -ENOENT);
		ck_assert_uint_eq(modules.cnt, 0);
	}
}
END_TEST

START_TEST(short_entries_are_none)
{
	struct entry entry = good_entry();

	ck_assert_int_eq(read_back(&entry, 8), -ENOENT);
	ck_assert_int_eq(read_back(&entry, offsetof(struct entry, content) - 1),
			 -ENOENT);
	ck_assert_int_eq(read_back(&entry, offsetof(struct entry, content)),
			 -ENOENT);
}
END_TEST

START_TEST(a_cache_that_is_none_is_an_error)
{
	struct kcache_key key = key_of("a");
	struct modules none = {0};

	ck_assert_int_lt(modcache_get(&modules, "/nonexistent", &key), 0);
	ck_assert_int_lt(modcache_put(&none, "/dev/null/x", &key), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("modcache");
	TCase *tcase = tcase_create("modcache");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_goes_in_comes_out);
	tcase_add_test(tcase, the_forged_entry_is_good_before_it_is_damaged);
	tcase_add_test(tcase, damaged_entries_are_none);
	tcase_add_test(tcase, short_entries_are_none);
	tcase_add_test(tcase, a_cache_that_is_none_is_an_error);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
