/*
 * Where our own control group is.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/sandbox/cpulimit.h"

static void put(char *path, const char *text)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const struct {
	const char *mounts;
	const char *cgroup;
	const char *own; /* NULL: none */
} places[] = {
	{"1 2 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/\n",
	 "/sys/fs/cgroup"},
	{"1 2 0:1 / /sys rw - sysfs s rw\n"
	 "1 2 0:2 / /c rw shared:4 master:1 - cgroup2 x rw\n",
	 "5:cpu:/no\n0::/a/b c\n", "/c/a/b c"},
	/* Names with blanks and the like. */
	{"1 2 0:1 / /c\\040d\\134e\\011 rw - cgroup2 x rw\n", "0::/a\n",
	 "/c d\\e\t/a"},
	{"1 2 0:1 /a\\040b /c rw - cgroup2 x rw\n", "0::/a b/d\n", "/c/d"},
	{"1 2 0:1 / /c\\04 rw - cgroup2 x rw\n", "0::/\n", "/c\\04"},
	/* A part of the tree is mounted. */
	{"1 2 0:1 /a /c rw - cgroup2 x rw\n", "0::/a/b\n", "/c/b"},
	{"1 2 0:1 /a /c rw - cgroup2 x rw\n", "0::/a\n", "/c"},
	{"1 2 0:1 /a /c rw - cgroup2 x rw\n", "0::/ab\n", NULL},
	{"1 2 0:1 /x /c rw - cgroup2 x rw\n1 2 0:1 / /d rw - cgroup2 x rw\n",
	 "0::/a\n", "/d/a"},
	{"1 2 0:1 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n", "0::/\n",
	 NULL},
	{"1 2 0:1 / /c rw - cgroup2 x rw\n", "1:cpu:/\n", NULL},
	{"", "0::/\n", NULL},
	{"cgroup2\n - cgroup2 \n", "0::/\n", NULL},
	{"1 2 0:1 / /c rw - cgroup2 x rw\n", "0::\n0::x\n", NULL},
};

START_TEST(our_own_is_found)
{
	char mounts[] = "/tmp/wherry-mounts.XXXXXX";
	char cgroup[] = "/tmp/wherry-cgroup.XXXXXX";
	struct cpulimit l;
	int err;

	put(mounts, places[_i].mounts);
	put(cgroup, places[_i].cgroup);
	err = cpulimit_find(&l, mounts, cgroup);
	ck_assert_int_eq(err, places[_i].own ? 0 : -ENOENT);
	if (places[_i].own)
		ck_assert_str_eq(l.own, places[_i].own);
	ck_assert_int_eq(cpulimit_find(&l, mounts, "/nonexistent"), -ENOENT);
	unlink(mounts);
	unlink(cgroup);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpulimit_find");
	TCase *tcase = tcase_create("cpulimit_find");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, our_own_is_found, 0, ARRAY_SIZE(places));
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
