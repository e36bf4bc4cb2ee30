/*
 * Where unpacked kernels are kept, and whether they can be.
 */
#include "vmm/cachedir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

static char root[] = "/tmp/wherry-cachedir-XXXXXX";

static void setup(void)
{
	strcpy(root + sizeof(root) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
	ck_assert_int_eq(rmdir(root), 0);
}

static void set(const char *name, const char *value)
{
	if (value)
		ck_assert_int_eq(setenv(name, value, 1), 0);
	else
		ck_assert_int_eq(unsetenv(name), 0);
}

START_TEST(environment_decides)
{
	static const struct {
		const char *cache, *home, *dir;
	} rows[] = {
		{"/c", "/h", "/c/wherry"},
		{"/c", NULL, "/c/wherry"},
		{NULL, "/h", "/h/.cache/wherry"},
		{"", "/h", "/h/.cache/wherry"},
		{"relative", "/h", "/h/.cache/wherry"},
		{NULL, NULL, "/var/cache/wherry"},
		{NULL, "", "/var/cache/wherry"},
		{"x", "y", "/var/cache/wherry"},
	};
	struct fail why;
	char dir[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set("XDG_CACHE_HOME", rows[i].cache);
		set("HOME", rows[i].home);
		ck_assert_int_eq(cachedir_find(dir, sizeof(dir), &why), 0);
		ck_assert_str_eq(dir, rows[i].dir);
	}
	ck_assert_int_eq(cachedir_find(dir, strlen("/var/cache/wherry"), &why),
			 -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(why.text, "XDG_CACHE_HOME"));
}
END_TEST

/* teardown() fails if anything were left. */
START_TEST(checking_leaves_nothing)
{
	char dir[128];

	ck_assert_int_eq(cachedir_check(root), 0);
	snprintf(dir, sizeof(dir), "%s/", root);
	ck_assert_int_eq(cachedir_check(dir), 0);
	snprintf(dir, sizeof(dir), "%s/a/b/c", root);
	ck_assert_int_eq(cachedir_check(dir), 0);
}
END_TEST

START_TEST(what_cannot_be_made_is_told)
{
	char name[64], dir[128];
	char *longer = calloc(1, PATH_MAX + 2);

	snprintf(name, sizeof(name), "%s/file", root);
	snprintf(dir, sizeof(dir), "%s/wherry", name);
	close(open(name, O_CREAT | O_WRONLY, 0700));
	ck_assert_int_eq(cachedir_check(name), -ENOTDIR);
	ck_assert_int_eq(cachedir_check(dir), -ENOTDIR);
	unlink(name);
	/* No file can be made there, by nobody. */
	ck_assert_int_lt(cachedir_check("/proc/1/wherry"), 0);
	ck_assert_int_lt(cachedir_check("/proc/nonexistent/wherry"), 0);
	ck_assert_int_eq(cachedir_check("nonexistent"), -ENOENT);
	memset(longer, 'x', PATH_MAX + 1);
	ck_assert_int_eq(cachedir_check(longer), -ENAMETOOLONG);
	free(longer);
}
END_TEST

/* An ordinary user with root's HOME, as `su user` leaves it, or with none. */
START_TEST(directories_of_others_are_no_place)
{
	char dir[128];

	ck_assert_int_eq(chmod(root, 0755), 0);
	if (geteuid() != 0)
		return;
	snprintf(dir, sizeof(dir), "%s/.cache/wherry", root);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(cachedir_check(dir), -EACCES);
	ck_assert_int_eq(cachedir_check("/nonexistent/.cache/wherry"), -EACCES);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(cachedir_check(dir), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cachedir");
	TCase *tcase = tcase_create("cachedir");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, environment_decides);
	tcase_add_test(tcase, checking_leaves_nothing);
	tcase_add_test(tcase, what_cannot_be_made_is_told);
	tcase_add_test(tcase, directories_of_others_are_no_place);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
