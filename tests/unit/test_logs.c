/*
 * wherry logs --follow, with a keeper that the test plays.
 */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/cmd.h"
#include "vmm/config.h"
#include "vmm/statedir.h"

enum { PATIENCE_MS = 20000 };

static char runtime[64];
static char *const argv[] = {(char[]){"sleep"}, NULL};
static pid_t keeper, reader;
static int log_fd, out_fd;

/* The machine, to the end of its pipe, which is where its log comes from. */
static void keep(int fd)
{
	struct fail fail = {0};
	struct statedir dir;
	char text[64];
	ssize_t n;
	int to;

	if (statedir_create(&dir, "web", &fail) ||
	    statedir_describe(&dir, argv))
		_exit(1);
	to = openat(dir.dir_fd, STATEDIR_LOG, O_CREAT | O_WRONLY, 0600);
	while ((n = read(fd, text, sizeof(text))) > 0)
		fd_write_full(to, text, (size_t)n);
	fd_write_full(to, "end", 3);
	statedir_finish(&dir, 7);
	_exit(0);
}

static void follow(int fd)
{
	const struct config config = {
		.command = CONFIG_LOGS,
		.name = "web",
		.follow = true,
	};
	int status = 125;

	signal(SIGINT, SIG_DFL); /* libcheck has a handler */
	dup2(fd, STDOUT_FILENO);
	/* It may not be there yet. */
	for (int i = 0; i < 1000 && status; i++) {
		struct fail fail = {0};
		struct statedir dir;

		status = statedir_open(&dir, config.name, &fail) ||
			 faccessat(dir.dir_fd, STATEDIR_LOG, F_OK, 0);
		statedir_close(&dir);
		usleep(10000);
	}
	status = cmd_machines(&config);
	fflush(stdout);
	_exit(status);
}

static void set_up(void)
{
	int log[2], out[2];

	snprintf(runtime, sizeof(runtime), "/tmp/wherry-logs-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(runtime));
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	ck_assert_int_eq(pipe2(log, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	log_fd = log[1];
	out_fd = out[0];
	keeper = fork();
	if (!keeper) {
		close(log[1]);
		close(out[0]);
		close(out[1]);
		keep(log[0]);
	}
	ck_assert_int_eq(write(log_fd, "old", 3), 3);
	reader = fork();
	if (!reader) {
		close(log[1]);
		close(out[0]);
		follow(out[1]);
	}
	close(log[0]);
	close(out[1]);
}

/* Nothing is left. */
static void tear_down(void)
{
	char all[128];

	fd_close(&log_fd);
	fd_close(&out_fd);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	snprintf(all, sizeof(all), "%s/wherry", runtime);
	ck_assert_int_eq(rmdir(all), 0);
	ck_assert_int_eq(rmdir(runtime), 0);
}

static void expect(const char *text)
{
	for (; *text; text++) {
		struct pollfd p = {.fd = out_fd, .events = POLLIN};
		char byte = 0;

		ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
		ck_assert_int_eq(read(out_fd, &byte, 1), 1);
		ck_assert_int_eq(byte, *text);
	}
}

static int status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(what_comes_is_shown_to_the_end)
{
	char byte;

	expect("old");
	ck_assert_int_eq(write(log_fd, "new", 3), 3);
	expect("new");
	ck_assert_int_eq(waitpid(reader, NULL, WNOHANG), 0);
	fd_close(&log_fd);
	expect("end");
	ck_assert_int_eq(status_of(reader), 0);
	ck_assert_int_eq(read(out_fd, &byte, 1), 0);
}
END_TEST

START_TEST(a_killed_keeper_is_an_end)
{
	struct statedir dir;
	struct fail fail;

	expect("old");
	kill(keeper, SIGKILL);
	ck_assert_int_eq(status_of(reader), 0);
	/* Who looks next removes what it left. */
	ck_assert_int_lt(statedir_open(&dir, "web", &fail), 0);
	statedir_close(&dir);
}
END_TEST

START_TEST(who_is_interrupted_ends)
{
	expect("old");
	kill(reader, SIGINT);
	ck_assert_int_eq(status_of(reader), SIGINT);
}
END_TEST

/* Also if nothing comes that it could not write. */
START_TEST(whose_reader_goes_ends)
{
	expect("old");
	fd_close(&out_fd);
	ck_assert_int_eq(status_of(reader), 0);
	ck_assert_int_eq(waitpid(keeper, NULL, WNOHANG), 0);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("logs");
	TCase *tc = tcase_create("logs");
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, what_comes_is_shown_to_the_end);
	tcase_add_test(tc, a_killed_keeper_is_an_end);
	tcase_add_test(tc, who_is_interrupted_ends);
	tcase_add_test(tc, whose_reader_goes_ends);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
