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
#include <sys/file.h>
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
	int stay;     /* so many pauses; 0: for ever */
	bool moved;   /* we are in the new group */
	bool on;      /* the controller is */
	bool joined;  /* we are in the group of another machine */
	bool lifted;  /* the limit of one in another group was */
	int pauses;
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

int usleep(useconds_t us)
{
	(void)us;
	if (++model.pauses == model.stay)
		model.others = 0;
	return 0;
}

/* Another group in ours. */
static void put_other(const char *name, const char *events)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", model.own, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	put(path, "cgroup.events", events);
	put(path, "cgroup.procs", "");
}

static void drop_other(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", model.own, name);
	drop(path, "cgroup.events");
	drop(path, "cgroup.procs");
	ck_assert_int_eq(rmdir(path), 0);
}

/* Who changes our group has it locked. */
static void check_locked(void)
{
	int fd = open(model.own, O_RDONLY | O_DIRECTORY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

static bool others_live(void)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "grep -qs '^populated 1' %s/*/cgroup.events", model.own);
	return system(command) == 0;
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

static int join(void)
{
	model.moved = false;
	model.joined = true;
	return 0;
}

static int turn(const char *text)
{
	bool on = text[0] == '+';

	ck_assert_str_eq(text + 1, "cpu");
	check_locked();
	if (on && !model.is_root && (model.others || !model.moved))
		return -EBUSY;
	model.lifted |= !on && others_live();
	model.on = on;
	put(model.own, "cgroup.subtree_control", on ? "memory cpu" : "memory");
	return 0;
}

static int apply(const char *path, const char *text)
{
	bool is_new = strstr(path, "/wherry-made00/") != NULL;
	const char *name = strrchr(path, '/') + 1;

	if (strstr(path, "/wherry-other/") && strcmp(name, "cgroup.procs") == 0)
		return join();
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
	struct cpulimit l = {.group = ""};

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

static const char living[] = "populated 1\nfrozen 0\n";
static const char empty[] = "populated 0\nfrozen 1\n";

/* The first of two that ends must not lift the other's limit; the second one
 * leaves all as it was, though it did not turn the controller on.
 */
START_TEST(two_at_a_time)
{
	struct cpulimit l;

	begin("cpu");
	put_other("another", empty);
	l = limit_of(model.own);
	ck_assert_int_eq(cpulimit_begin(&l, 500, &why), 0);
	put_other("wherry-other", living);
	cpulimit_end(&l);
	ck_assert(model.joined && model.on && !model.lifted);
	ck_assert_int_eq(model.removed, 1);
	l = limit_of(model.own);
	ck_assert_int_eq(cpulimit_begin(&l, 500, &why), 0);
	drop_other("wherry-other");
	/* Of a keeper that was killed. */
	put_other("wherry-other", empty);
	model.joined = false;
	cpulimit_end(&l);
	ck_assert(!model.joined && !model.on && !model.moved && !model.lifted);
	ck_assert_int_eq(model.removed, 2);
	drop_other("wherry-other");
	drop_other("another");
	finish();
}
END_TEST

/* Somebody else's limit stays, and what cannot be removed is named. */
START_TEST(others_below_our_group)
{
	struct cpulimit l;

	begin("cpu");
	l = limit_of(model.own);
	ck_assert_int_eq(cpulimit_begin(&l, 500, &why), 0);
	put_other("another", living);
	cpulimit_end(&l);
	ck_assert(model.on && model.moved && !model.lifted);
	ck_assert_int_eq(model.removed, 0);
	/* Out of two the one that may be joined. */
	put_other("wherry-other", living);
	strcpy(l.group, model.own);
	strcat(l.group, "/wherry-made00");
	cpulimit_end(&l);
	ck_assert(model.on && model.joined && !model.lifted);
	ck_assert_int_eq(model.removed, 1);
	drop_other("another");
	drop_other("wherry-other");
	finish();
}
END_TEST

/* Another keeper that has not yet gone to its own group, or not yet ended. */
START_TEST(others_on_their_way)
{
	struct cpulimit l;

	begin("cpu");
	model.others = 1;
	model.stay = 3;
	l = limit_of(model.own);
	ck_assert_msg(!cpulimit_begin(&l, 500, &why), "%s", why.text);
	ck_assert_int_eq(model.pauses, 3);
	cpulimit_end(&l);
	ck_assert_int_eq(model.removed, 1);
	finish();
}
END_TEST

/* By somebody who never gives it back: that must not take for ever. */
START_TEST(locked)
{
	struct cpulimit l;
	int fd;

	begin("cpu");
	fd = open(model.own, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	l = limit_of(model.own);
	ck_assert_int_eq(cpulimit_begin(&l, 500, &why), -EWOULDBLOCK);
	ck_assert_ptr_nonnull(strstr(why.text, "is locked"));
	ck_assert(model.moved && !model.on);
	close(fd);
	strcpy(l.group, model.own);
	strcat(l.group, "/wherry-made00");
	cpulimit_end(&l);
	ck_assert(!model.moved);
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

int main(void)
{
	Suite *suite = suite_create("cpulimit");
	TCase *tcase = tcase_create("cpulimit");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, limits, 0, 3);
	tcase_add_test(tcase, two_at_a_time);
	tcase_add_test(tcase, others_below_our_group);
	tcase_add_test(tcase, others_on_their_way);
	tcase_add_test(tcase, locked);
	tcase_add_loop_test(tcase, amounts_are_right, 0, ARRAY_SIZE(amounts));
	tcase_add_test(tcase, no_controller);
	tcase_add_test(tcase, others_in_our_group);
	tcase_add_test(tcase, no_limit_in_the_group);
	tcase_add_test(tcase, not_ours);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
