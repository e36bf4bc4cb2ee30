/*
 * Machines with names: what is one, who has it, and what is left of the dead.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/pids.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/door.h"
#include "vmm/statedir.h"

static char runtime[64];
static char all[128];
static char *const argv[] = {(char[]){"sleep"}, (char[]){"1\n0"}, NULL};
static struct fail fail;

static void set_up(void)
{
	snprintf(runtime, sizeof(runtime), "/tmp/wherry-statedir-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(runtime));
	snprintf(all, sizeof(all), "%s/wherry", runtime);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	fail.text[0] = '\0';
}

/* Nothing may be left there. */
static void tear_down(void)
{
	if (access(all, F_OK) == 0)
		ck_assert_int_eq(rmdir(all), 0);
	ck_assert_int_eq(rmdir(runtime), 0);
}

static void path_of(char path[256], const char *name, const char *file)
{
	snprintf(path, 256, "%s/%s%s%s", all, name, file ? "/" : "",
		 file ? file : "");
}

static bool is_there(const char *name)
{
	char path[256];

	path_of(path, name, NULL);
	return access(path, F_OK) == 0;
}

static const struct {
	const char *name;
	bool ok;
} names[] = {
	{"a", true},
	{"0", true},
	{"web-1.a_b", true},
	{"a23456789012345678901234567890123456789012345678901234567890123",
	 true},
	{"a234567890123456789012345678901234567890123456789012345678901234",
	 false},
	{"", false},
	{".", false},
	{"..", false},
	{".a", false},
	{"-a", false},
	{"_a", false},
	{"a/b", false},
	{"A", false},
	{"aB", false},
	{"a b", false},
	{"a\n", false},
	{"\xc3\xa4", false},
};

START_TEST(a_name_is_checked)
{
	struct statedir dir;

	ck_assert_int_eq(statedir_is_name(names[_i].name), names[_i].ok);
	if (names[_i].ok)
		return;
	ck_assert_int_eq(statedir_open(&dir, names[_i].name, &fail), -EINVAL);
	ck_assert_ptr_nonnull(strstr(fail.text, "not a name"));
	statedir_close(&dir);
}
END_TEST

START_TEST(a_name_is_taken_once)
{
	struct statedir dir, other;
	char path[256];
	struct stat st;

	ck_assert_int_eq(statedir_create(&dir, "web", &fail), 0);
	ck_assert_int_eq(statedir_describe(&dir, argv), 0);
	path_of(path, "web", NULL);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	path_of(path, "web", "machine");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(statedir_create(&other, "web", &fail), -EEXIST);
	ck_assert_ptr_nonnull(strstr(fail.text, "--name web: "));
	statedir_close(&other);
	ck_assert_int_eq(statedir_create(&other, "web2", &fail), 0);
	statedir_finish(&other, 0);
	ck_assert(is_there("web"));
	statedir_finish(&dir, 0);
	ck_assert(!is_there("web"));
}
END_TEST

/* A machine in a process of its own, with all files; reads its pipe's end. */
static pid_t start_machine(const char *name, int *end_fd, int status)
{
	int ready[2], go[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		struct statedir dir;
		struct door door;

		signal(SIGTERM, SIG_DFL); /* libcheck has a handler */
		close(go[1]);
		if (statedir_create(&dir, name, &fail) ||
		    statedir_describe(&dir, argv) ||
		    door_init(&door, dir.dir_fd, STATEDIR_SOCKET) ||
		    openat(dir.dir_fd, STATEDIR_LOG, O_CREAT | O_RDWR, 0600) <
			    0 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		if (read(go[0], &byte, 1) >= 0)
			statedir_finish(&dir, status);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*end_fd = go[1];
	return pid;
}

static pid_t pids[2];

static void count(void *opaque, const char *name,
		  const struct statedir_info *info)
{
	ck_assert_str_eq(name, *(int *)opaque ? "b" : "a");
	ck_assert_int_eq(info->pid, pids[*(int *)opaque]);
	ck_assert_str_eq(info->command, "sleep 1?0");
	ck_assert_int_ne(info->since, 0);
	++*(int *)opaque;
}

START_TEST(machines_are_listed)
{
	int end_fd[2], cnt = 0;

	pids[1] = start_machine("b", &end_fd[1], 0);
	pids[0] = start_machine("a", &end_fd[0], 0);
	ck_assert_int_eq(statedir_list(count, &cnt, &fail), 0);
	ck_assert_int_eq(cnt, 2);
	for (unsigned int i = 0; i < 2; i++) {
		close(end_fd[i]);
		ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
	}
	ck_assert_int_eq(statedir_list(count, &cnt, &fail), 0);
	ck_assert_int_eq(cnt, 2);
}
END_TEST

START_TEST(its_end_is_waited_for)
{
	struct statedir dir, second;
	int end_fd;
	pid_t pid = start_machine("web", &end_fd, 42);

	ck_assert_int_eq(statedir_open(&dir, "web", &fail), 0);
	ck_assert_int_eq(statedir_open(&second, "web", &fail), 0);
	close(end_fd);
	ck_assert_int_eq(statedir_wait(&dir), 42);
	ck_assert_int_eq(statedir_wait(&second), 42);
	ck_assert_int_eq(statedir_signal(&dir, SIGTERM), -ESRCH);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	statedir_close(&dir);
	statedir_close(&second);
	ck_assert_int_eq(statedir_open(&dir, "web", &fail), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fail.text, "machine web: does not run"));
	statedir_close(&dir);
}
END_TEST

START_TEST(signals_reach_the_keeper)
{
	struct statedir dir;
	int end_fd, status;
	pid_t pid = start_machine("web", &end_fd, 0);

	ck_assert_int_eq(statedir_open(&dir, "web", &fail), 0);
	ck_assert_int_eq(statedir_signal(&dir, SIGTERM), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert_int_eq(statedir_wait(&dir), -ENODATA);
	statedir_close(&dir);
	close(end_fd);
	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
}
END_TEST

static void look_from_outside(void *opaque, const char *name,
			      const struct statedir_info *info)
{
	(void)name;
	ck_assert_int_eq(info->pid, *(const pid_t *)opaque);
}

/* What is number 1 there is another number here, and somebody else is 1. */
START_TEST(a_keeper_below_us_is_found)
{
	struct statedir dir;
	int end_fd, status, pids_fd = pids_leave();
	pid_t pid;

	if (pids_fd < 0)
		return; /* only root may */
	pid = start_machine("web", &end_fd, 0);
	ck_assert_int_eq(statedir_list(look_from_outside, &pid, &fail), 0);
	ck_assert_int_eq(statedir_open(&dir, "web", &fail), 0);
	ck_assert_int_eq(statedir_signal(&dir, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	statedir_close(&dir);
	close(end_fd);
	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	pids_return(pids_fd);
}
END_TEST

static void see_nobody(void)
{
	struct statedir dir;
	pid_t none = 0;

	ck_assert_int_eq(statedir_list(look_from_outside, &none, &fail), 0);
	ck_assert_int_eq(statedir_open(&dir, "web", &fail), 0);
	ck_assert_int_eq(statedir_signal(&dir, SIGTERM), -EXDEV);
	_exit(0);
}

START_TEST(a_keeper_elsewhere_is_left_alone)
{
	int end_fd, status, pids_fd;
	pid_t pid = start_machine("web", &end_fd, 0), child;

	pids_fd = pids_leave();
	if (pids_fd >= 0) {
		child = fork();
		if (!child)
			see_nobody();
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
		pids_return(pids_fd);
	}
	close(end_fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Whoever comes first cleans up: who looks, who opens, who takes the name. */
START_TEST(what_a_killed_one_left_is_removed)
{
	struct statedir dir;
	int end_fd;
	pid_t pid = start_machine("web", &end_fd, 0);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert(is_there("web"));
	if (_i == 0) {
		ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	} else if (_i == 1) {
		ck_assert_int_eq(statedir_open(&dir, "other", &fail), -ENOENT);
		statedir_close(&dir);
	} else {
		ck_assert_int_eq(statedir_create(&dir, "web", &fail), 0);
		statedir_finish(&dir, 0);
	}
	ck_assert(!is_there("web"));
	close(end_fd);
}
END_TEST

/* Crashed before it had anything; somebody's own things are not touched. */
START_TEST(half_made_ones_are_removed)
{
	char path[256];
	int fd;

	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	path_of(path, "half", NULL);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	path_of(path, "kept", NULL);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	path_of(path, "kept", "mine");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	ck_assert(!is_there("half"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	ck_assert(!is_there("kept"));
}
END_TEST

static void ignore(void *opaque, const char *name,
		   const struct statedir_info *info)
{
	(void)opaque;
	(void)name;
	(void)info;
}

/* With descriptors for directories only: who sweeps cannot tell if it runs. */
START_TEST(one_that_cannot_be_looked_at_stays)
{
	struct rlimit old, few;
	struct statedir dir;
	int next;

	ck_assert_int_eq(statedir_create(&dir, "web", &fail), 0);
	ck_assert_int_eq(statedir_describe(&dir, argv), 0);
	next = dup(STDIN_FILENO);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){next + 3, old.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	statedir_list(ignore, NULL, &fail);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert(is_there("web"));
	statedir_finish(&dir, 0);
	ck_assert(!is_there("web"));
}
END_TEST

START_TEST(a_link_is_not_followed)
{
	char path[256];

	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	path_of(path, "link", NULL);
	ck_assert_int_eq(symlink("/", path), 0);
	ck_assert_int_eq(statedir_list(count, NULL, &fail), 0);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_directory_of_others_is_refused)
{
	struct statedir dir;

	ck_assert_int_eq(mkdir(all, 0700), 0);
	ck_assert_int_eq(chmod(all, 0755), 0);
	ck_assert_int_eq(statedir_create(&dir, "web", &fail), -EPERM);
	ck_assert_ptr_nonnull(strstr(fail.text, "others may enter"));
	statedir_close(&dir);
}
END_TEST

START_TEST(without_a_place_there_is_none)
{
	struct statedir dir;

	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(1000), 0);
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_int_eq(statedir_create(&dir, "web", &fail), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fail.text, "XDG_RUNTIME_DIR: not a"));
	statedir_close(&dir);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* Of who connects, by whom: root and the owner are passed on. */
START_TEST(others_are_not_passed_on)
{
	struct statedir dir;
	struct door door;
	int fd, passed;
	pid_t pid;
	char byte;

	if (geteuid() != 0)
		return; /* nobody else can be had */
	ck_assert_int_eq(chmod(runtime, 0755), 0);
	ck_assert_int_eq(statedir_create(&dir, "web", &fail), 0);
	ck_assert_int_eq(door_init(&door, dir.dir_fd, STATEDIR_SOCKET), 0);
	fd = door_connect(dir.dir_fd, STATEDIR_SOCKET);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(door_answer(&door), 0);
	passed = door_receive(door.monitor_fd);
	ck_assert_int_ge(passed, 0);
	ck_assert_int_eq(write(passed, "x", 1), 1);
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	close(passed);
	close(fd);
	ck_assert_int_eq(fchmodat(dir.dir_fd, STATEDIR_SOCKET, 0666, 0), 0);
	ck_assert_int_eq(chmod(all, 0755), 0);
	ck_assert_int_eq(fchmod(dir.dir_fd, 0755), 0);
	pid = fork();
	if (!pid) {
		fd = setuid(1000) ? -1
				  : door_connect(dir.dir_fd, STATEDIR_SOCKET);
		_exit(fd < 0 ? 1 : (int)read(fd, &byte, 1));
	}
	ck_assert_int_eq(
		poll(&(struct pollfd){door.listen_fd, POLLIN, 0}, 1, 10000), 1);
	ck_assert_int_eq(door_answer(&door), 0);
	ck_assert_int_eq(door_receive(door.monitor_fd), -EAGAIN);
	ck_assert_int_eq(waitpid(pid, &passed, 0), pid);
	ck_assert_int_eq(passed, 0);
	door_destroy(&door);
	statedir_finish(&dir, 0);
}
END_TEST

START_TEST(who_cannot_be_let_in_waits)
{
	struct rlimit old, few;
	struct statedir dir;
	struct door door;
	int fd, passed;

	ck_assert_int_eq(statedir_create(&dir, "web", &fail), 0);
	ck_assert_int_eq(door_init(&door, dir.dir_fd, STATEDIR_SOCKET), 0);
	ck_assert_int_eq(door_answer(&door), -EAGAIN);
	fd = door_connect(dir.dir_fd, STATEDIR_SOCKET);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){3, old.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_int_eq(door_answer(&door), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(door_answer(&door), 0);
	passed = door_receive(door.monitor_fd);
	ck_assert_int_ge(passed, 0);
	close(passed);
	close(fd);
	door_destroy(&door);
	statedir_finish(&dir, 0);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("statedir");
	TCase *tc = tcase_create("statedir");
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, a_name_is_checked, 0, ARRAY_SIZE(names));
	tcase_add_test(tc, a_name_is_taken_once);
	tcase_add_test(tc, machines_are_listed);
	tcase_add_test(tc, its_end_is_waited_for);
	tcase_add_test(tc, signals_reach_the_keeper);
	tcase_add_test(tc, a_keeper_below_us_is_found);
	tcase_add_test(tc, a_keeper_elsewhere_is_left_alone);
	tcase_add_loop_test(tc, what_a_killed_one_left_is_removed, 0, 3);
	tcase_add_test(tc, half_made_ones_are_removed);
	tcase_add_test(tc, one_that_cannot_be_looked_at_stays);
	tcase_add_test(tc, a_link_is_not_followed);
	tcase_add_test(tc, a_directory_of_others_is_refused);
	tcase_add_test(tc, without_a_place_there_is_none);
	tcase_add_test(tc, others_are_not_passed_on);
	tcase_add_test(tc, who_cannot_be_let_in_waits);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
