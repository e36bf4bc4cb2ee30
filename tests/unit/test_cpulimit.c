/*
 * A control group for the machine.
 *
 * Theory of operation: there is no cgroup v2 to be had in a test, so its rules
 * are here: a directory of files, and what happens to groups and processes when
 * they are made, written and removed. These calls of the C library are defined
 * anew, for the program that is tested, too. The kernel itself is asked in
 * tests/vm.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/sandbox/cpulimit.h"

/* The rules' state. */
static struct {
	char own[64];
	bool is_root; /* it may have processes and controllers */
	int others;   /* processes in our own group */
	bool moved;   /* we are in the new group */
	bool on;      /* the controller is */
	int made;
	int removed;
	int lingering; /* somebody is in the new group for so many looks */
	bool no_max;   /* the new group has no cpu.max to write to */
	char max[32];
} model;

static struct fail why;

static void put(const char *dir, const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void drop(const char *dir, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

char *mkdtemp(char *path)
{
	static const char end[] = "made00";

	memcpy(path + strlen(path) - strlen(end), end, strlen(end));
	if (mkdir(path, 0700))
		return NULL;
	model.made++;
	put(path, "cgroup.procs", "");
	put(path, "cpu.max", "max 100000");
	return path;
}

int rmdir(const char *path)
{
	if (strstr(path, "wherry-made00")) {
		if (model.moved || model.lingering-- > 0) {
			errno = EBUSY;
			return -1;
		}
		drop(path, "cgroup.procs");
		drop(path, "cpu.max");
		model.removed++;
	}
	return (int)syscall(SYS_rmdir, path);
}

static int move(bool out)
{
	if (!out && model.on && !model.is_root)
		return -EBUSY;
	model.moved = out;
	return 0;
}

static int turn(const char *text)
{
	bool on = text[0] == '+';

	ck_assert_str_eq(text + 1, "cpu");
	if (on && !model.is_root && (model.others || !model.moved))
		return -EBUSY;
	model.on = on;
	put(model.own, "cgroup.subtree_control", on ? "memory cpu" : "memory");
	return 0;
}

static int apply(const char *path, const char *text)
{
	bool is_new = strstr(path, "/wherry-made00/") != NULL;
	const char *name = strrchr(path, '/') + 1;

	if (strcmp(name, "cgroup.procs") == 0 && strcmp(text, "0") == 0)
		return move(is_new);
	if (strcmp(name, "cgroup.subtree_control") == 0 && !is_new)
		return turn(text);
	if (strcmp(name, "cpu.max") || !is_new)
		return -EINVAL;
	if (!model.on || model.no_max)
		return -ENOENT;
	strcpy(model.max, text);
	return 0;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	char link[32], path[256] = "", text[64] = "";
	int err;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0 || !model.own[0] ||
	    strncmp(path, model.own, strlen(model.own)))
		return syscall(SYS_write, fd, buf, len);
	memcpy(text, buf, MIN(len, sizeof(text) - 1));
	err = apply(path, text);
	if (!err)
		return (ssize_t)len;
	errno = -err;
	return -1;
}

/* A group of ours; @have are the controllers that it may use. */
static void begin(const char *have)
{
	memset(&model, 0, sizeof(model));
	snprintf(model.own, sizeof(model.own), "/tmp/wherry-cpulimit-%d",
		 (int)getpid());
	ck_assert_int_eq(mkdir(model.own, 0700), 0);
	put(model.own, "cgroup.controllers", have);
	put(model.own, "cgroup.subtree_control", "");
	put(model.own, "cgroup.procs", "");
}

static void finish(void)
{
	drop(model.own, "cgroup.controllers");
	drop(model.own, "cgroup.subtree_control");
	drop(model.own, "cgroup.procs");
	ck_assert_int_eq(rmdir(model.own), 0);
}

static struct cpulimit limit_of(const char *own)
{
	struct cpulimit l = {.enabled = false};

	strcpy(l.own, own);
	return l;
}

/* In the root of all, in one's own, and where the controller is on. */
START_TEST(limits)
{
	struct cpulimit l;

	begin("cpuset cpu memory\n");
	model.is_root = _i != 1;
	model.others = _i == 1 ? 0 : 3;
	if (_i == 2) {
		model.on = true;
		put(model.own, "cgroup.subtree_control", "cpu memory");
	}
	l = limit_of(model.own);
	ck_assert_msg(!cpulimit_begin(&l, 1500, &why), "%s", why.text);
	ck_assert(model.moved);
	ck_assert_str_eq(model.max, "150000 100000");
	ck_assert_int_eq(model.made, 1);
	model.lingering = 2 * _i;
	cpulimit_end(&l);
	ck_assert(!model.moved);
	ck_assert_int_eq(model.removed, 1);
	/* What others may use by now is left alone. */
	ck_assert(model.on == model.is_root);
	cpulimit_end(&l);
	ck_assert_int_eq(model.removed, 1);
	finish();
}
END_TEST

static const struct {
	unsigned int parts;
	const char *max;
} amounts[] = {
	{10, "1000 100000"}, {500, "50000 100000"}, {31999, "3199900 100000"}};

START_TEST(amounts_are_right)
{
	struct cpulimit l;

	begin("cpu");
	l = limit_of(model.own);
	ck_assert_int_eq(cpulimit_begin(&l, amounts[_i].parts, &why), 0);
	ck_assert_str_eq(model.max, amounts[_i].max);
	cpulimit_end(&l);
	finish();
}
END_TEST

static void check_refused(const char *reason)
{
	struct cpulimit l = limit_of(model.own);

	ck_assert_int_lt(cpulimit_begin(&l, 500, &why), 0);
	ck_assert_msg(strstr(why.text, reason) != NULL, "%s", why.text);
	ck_assert_ptr_nonnull(strstr(why.text, "--cpus"));
	ck_assert_ptr_nonnull(strstr(why.text, model.own));
	ck_assert(!model.moved && !model.on);
	ck_assert_int_eq(model.made, model.removed);
	cpulimit_end(&l);
	ck_assert_int_eq(model.made, model.removed);
}

START_TEST(no_controller)
{
	begin("cpuset memory cpufoo");
	check_refused("no cpu controller for it");
	ck_assert_int_eq(model.made, 0);
	finish();
}
END_TEST

START_TEST(others_in_our_group)
{
	begin("cpu");
	model.others = 1;
	check_refused("other processes are in it");
	ck_assert_int_eq(model.made, 1);
	finish();
}
END_TEST

START_TEST(no_limit_in_the_group)
{
	begin("cpu");
	model.no_max = true;
	check_refused("No such file or directory");
	finish();
}
END_TEST

START_TEST(not_ours)
{
	begin("cpu");
	/* Of another user, which root would not notice. */
	drop(model.own, "cgroup.subtree_control");
	check_refused("No such file or directory");
	put(model.own, "cgroup.subtree_control", "");
	finish();
}
END_TEST

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
	struct cpulimit l;
	char mounts[128], cgroup[128];
	int err;

	begin("");
	put(model.own, "mounts", places[_i].mounts);
	put(model.own, "cgroup", places[_i].cgroup);
	snprintf(mounts, sizeof(mounts), "%s/mounts", model.own);
	snprintf(cgroup, sizeof(cgroup), "%s/cgroup", model.own);
	err = cpulimit_find(&l, mounts, cgroup);
	ck_assert_int_eq(err, places[_i].own ? 0 : -ENOENT);
	if (places[_i].own)
		ck_assert_str_eq(l.own, places[_i].own);
	ck_assert_int_eq(cpulimit_find(&l, mounts, "/nonexistent"), -ENOENT);
	drop(model.own, "mounts");
	drop(model.own, "cgroup");
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpulimit");
	TCase *tcase = tcase_create("cpulimit");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, limits, 0, 3);
	tcase_add_loop_test(tcase, amounts_are_right, 0, ARRAY_SIZE(amounts));
	tcase_add_test(tcase, no_controller);
	tcase_add_test(tcase, others_in_our_group);
	tcase_add_test(tcase, no_limit_in_the_group);
	tcase_add_test(tcase, not_ours);
	tcase_add_loop_test(tcase, our_own_is_found, 0, ARRAY_SIZE(places));
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
