/*
 * The process that stays outside: what its caller sees of it is what it would
 * see of the monitor.
 */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/sandbox/keeper.h"

/* A keeper in a process of its own, as a shell starts it. */
struct kept {
	pid_t pid;
	int out; /* its standard output */
	int err; /* and error */
};

struct told {
	int (*monitor)(struct keeper *keeper, void *opaque);
	int ignored;  /* signal, or 0 */
	bool alone;   /* in a session of its own, as one that is detached */
	int err_file; /* standard error, 0 for a pipe */
};

static struct kept start(const struct told *told)
{
	int out[2], err[2];
	struct kept kept;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	kept.pid = fork();
	if (!kept.pid) {
		struct keeper keeper = {.monitor = told->monitor};

		dup2(out[1], STDOUT_FILENO);
		dup2(told->err_file ? told->err_file : err[1], STDERR_FILENO);
		close(out[1]);
		close(err[1]);
		if (told->alone)
			setsid();
		if (told->ignored)
			signal(told->ignored, SIG_IGN);
		_exit(keeper_run(&keeper, NULL));
	}
	close(out[1]);
	close(err[1]);
	kept.out = out[0];
	kept.err = err[0];
	return kept;
}

/* One line; the empty string at the end of the stream. */
static const char *read_line(int fd)
{
	static char line[128];
	size_t len = 0;

	while (len < sizeof(line) - 1 && read(fd, line + len, 1) == 1 &&
	       line[len] != '\n')
		len++;
	line[len] = 0;
	return line;
}

static bool ends_within(int fd, int ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, ms) == 1 && poll_fd.revents & POLLHUP;
}

static int status_of(const struct kept *kept)
{
	int status;

	ck_assert_int_eq(waitpid(kept->pid, &status, 0), kept->pid);
	close(kept->out);
	close(kept->err);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void say_pid(void)
{
	dprintf(STDOUT_FILENO, "%d\n", (int)getpid());
}

static int end_with_42(struct keeper *keeper, void *opaque)
{
	ck_assert_ptr_null(opaque);
	keeper_wait(keeper);
	ck_assert_int_eq(keeper_bind(keeper), 0);
	return 42;
}

static int abort_at_once(struct keeper *keeper, void *opaque)
{
	(void)keeper;
	(void)opaque;
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	return 0;
}

static int wait_for_ever(struct keeper *keeper, void *opaque)
{
	(void)keeper;
	(void)opaque;
	say_pid();
	while (pause())
		;
	return 0;
}

/* As the machine does it: signals wait until the loop fetches them. */
static int add_signals(struct keeper *keeper, void *opaque)
{
	siginfo_t info;
	sigset_t set;
	int sum = 0;

	(void)keeper;
	(void)opaque;
	sigemptyset(&set);
	sigaddset(&set, KEEPER_SIGNAL);
	sigaddset(&set, KEEPER_NEWS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 4; i++) {
		say_pid();
		sigwaitinfo(&set, &info);
		sum += info.si_value.sival_int;
	}
	return sum;
}

static int close_stdout(struct keeper *keeper, void *opaque)
{
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	return wait_for_ever(keeper, opaque);
}

START_TEST(passes_on_the_exit_status)
{
	const struct told told = {.monitor = end_with_42};
	struct kept kept = start(&told);

	ck_assert_str_eq(read_line(kept.err), "");
	ck_assert_int_eq(status_of(&kept), 42);
}
END_TEST

START_TEST(is_killed_with_the_monitor)
{
	const struct told told = {.monitor = wait_for_ever};
	struct kept kept = start(&told);

	kill(atoi(read_line(kept.out)), SIGKILL);
	ck_assert_int_eq(status_of(&kept), 128 + SIGKILL);
}
END_TEST

START_TEST(tells_of_a_crash)
{
	const struct told told = {
		.monitor = abort_at_once,
		.err_file = memfd_create("stderr", MFD_CLOEXEC),
	};
	struct kept kept = start(&told);

	ck_assert_int_eq(status_of(&kept), 128 + SIGABRT);
	ck_assert_int_eq(lseek(told.err_file, 0, SEEK_SET), 0);
	ck_assert_str_eq(read_line(told.err_file),
			 "wherry: monitor: ended by signal 6 (Aborted)");
	ck_assert_str_eq(read_line(told.err_file), "");
	close(told.err_file);
}
END_TEST

static int fill_and_abort(struct keeper *keeper, void *opaque)
{
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	while (write(STDERR_FILENO, "xxxx", 4) == 4)
		;
	return abort_at_once(keeper, opaque);
}

/* In a pipe, which it has left long before. */
START_TEST(tells_of_a_crash_in_a_pipe)
{
	const struct told told = {.monitor = abort_at_once};
	struct kept kept = start(&told);
	int err_fd = dup(kept.err);

	ck_assert_int_eq(status_of(&kept), 128 + SIGABRT);
	ck_assert_str_eq(read_line(err_fd),
			 "wherry: monitor: ended by signal 6 (Aborted)");
	ck_assert_str_eq(read_line(err_fd), "");
	close(err_fd);
}
END_TEST

/* Or there is no room for it, or nobody to read it. */
START_TEST(is_not_kept_by_a_pipe)
{
	const struct told told = {.monitor = fill_and_abort};
	struct kept kept = start(&told);

	if (_i == 1) {
		close(kept.err);
		kept.err = dup(kept.out);
	}
	ck_assert_int_eq(status_of(&kept), 128 + SIGABRT);
}
END_TEST

START_TEST(ends_by_a_signal)
{
	const struct told told = {.monitor = wait_for_ever};
	static const int signals[] = {SIGHUP,  SIGINT,	SIGQUIT,
				      SIGTERM, SIGUSR1, SIGUSR2};
	struct kept kept = start(&told);

	read_line(kept.out);
	kill(kept.pid, signals[_i]);
	ck_assert_int_eq(status_of(&kept), 128 + signals[_i]);
}
END_TEST

START_TEST(passes_on_each_signal)
{
	const struct told told = {.monitor = add_signals};
	static const int signals[] = {SIGTERM, SIGWINCH, SIGTERM, SIGUSR1};
	struct kept kept = start(&told);
	int sum = 0;

	for (int i = 0; i < 4; i++) {
		pid_t monitor = atoi(read_line(kept.out));

		/* A whole group is sent the signal: it counts once. */
		ck_assert_int_eq(kill(monitor, signals[i]), 0);
		ck_assert_int_eq(kill(kept.pid, signals[i]), 0);
		sum += signals[i];
	}
	ck_assert_int_eq(status_of(&kept), sum);
}
END_TEST

/* A monitor that does not wait for them neither ends nor is disturbed. */
START_TEST(news_end_nobody)
{
	const struct told told = {.monitor = wait_for_ever};
	struct kept kept = start(&told);

	read_line(kept.out);
	kill(kept.pid, SIGWINCH);
	kill(kept.pid, SIGCONT);
	ck_assert(!ends_within(kept.out, 100));
	kill(kept.pid, SIGTERM);
	ck_assert_int_eq(status_of(&kept), 128 + SIGTERM);
}
END_TEST

/* nohup(1) */
START_TEST(ignores_what_its_caller_ignores)
{
	const struct told told = {.monitor = wait_for_ever, .ignored = SIGHUP};
	struct kept kept = start(&told);

	read_line(kept.out);
	kill(kept.pid, SIGHUP);
	ck_assert(!ends_within(kept.out, 100));
	kill(kept.pid, SIGTERM);
	ck_assert_int_eq(status_of(&kept), 128 + SIGTERM);
}
END_TEST

/* Who does not care for children must not make us miss the end of ours. */
START_TEST(ends_where_children_are_ignored)
{
	const struct told told = {.monitor = end_with_42, .ignored = SIGCHLD};
	struct kept kept = start(&told);

	ck_assert_int_eq(status_of(&kept), 42);
}
END_TEST

START_TEST(takes_the_monitor_along)
{
	const struct told told = {.monitor = wait_for_ever};
	struct kept kept = start(&told);
	int status;

	read_line(kept.out);
	kill(kept.pid, SIGKILL);
	ck_assert_int_eq(waitpid(kept.pid, &status, 0), kept.pid);
	ck_assert(ends_within(kept.out, 10000));
	close(kept.out);
	close(kept.err);
}
END_TEST

static char state_of(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file) {
		ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
		fclose(file);
	}
	return text[0] ? strrchr(text, ')')[2] : 'X';
}

static bool comes_to(pid_t pid, char state)
{
	for (int i = 0; i < 1000 && state_of(pid) != state; i++)
		usleep(10000);
	return state_of(pid) == state;
}

/* Ctrl-Z and fg; also where nobody is left who would do that */
START_TEST(stops_and_goes_on_together)
{
	const struct told told = {.monitor = wait_for_ever, .alone = _i};
	struct kept kept = start(&told);
	pid_t monitor = atoi(read_line(kept.out));

	kill(kept.pid, SIGTSTP);
	ck_assert(comes_to(kept.pid, 'T'));
	ck_assert(comes_to(monitor, 'T'));
	kill(kept.pid, SIGCONT);
	ck_assert(comes_to(monitor, 'S'));
	kill(kept.pid, SIGTERM);
	ck_assert_int_eq(status_of(&kept), 128 + SIGTERM);
}
END_TEST

START_TEST(does_not_stop_where_that_is_ignored)
{
	const struct told told = {.monitor = wait_for_ever, .ignored = SIGTSTP};
	struct kept kept = start(&told);
	pid_t monitor = atoi(read_line(kept.out));

	kill(kept.pid, SIGTSTP);
	usleep(100000);
	ck_assert_int_eq(state_of(kept.pid), 'S');
	ck_assert_int_eq(state_of(monitor), 'S');
	kill(kept.pid, SIGTERM);
	ck_assert_int_eq(status_of(&kept), 128 + SIGTERM);
}
END_TEST

START_TEST(holds_no_stream_open)
{
	const struct told told = {.monitor = close_stdout};
	struct kept kept = start(&told);

	ck_assert(ends_within(kept.out, 10000));
	ck_assert(ends_within(kept.err, 10000));
	kill(kept.pid, SIGTERM);
	ck_assert_int_eq(status_of(&kept), 128 + SIGTERM);
}
END_TEST

START_TEST(kills_the_monitor_when_told)
{
	const struct told told = {.monitor = wait_for_ever};
	struct kept kept = start(&told);

	ck_assert_int_gt(atoi(read_line(kept.out)), 0);
	kill(kept.pid, KEEPER_KILL);
	ck_assert_int_eq(status_of(&kept), 128 + SIGKILL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper");
	TCase *tc = tcase_create("keeper");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, passes_on_the_exit_status);
	tcase_add_test(tc, is_killed_with_the_monitor);
	tcase_add_test(tc, tells_of_a_crash);
	tcase_add_test(tc, tells_of_a_crash_in_a_pipe);
	tcase_add_loop_test(tc, is_not_kept_by_a_pipe, 0, 2);
	tcase_add_loop_test(tc, ends_by_a_signal, 0, 6);
	tcase_add_test(tc, passes_on_each_signal);
	tcase_add_test(tc, news_end_nobody);
	tcase_add_test(tc, ignores_what_its_caller_ignores);
	tcase_add_test(tc, ends_where_children_are_ignored);
	tcase_add_test(tc, takes_the_monitor_along);
	tcase_add_loop_test(tc, stops_and_goes_on_together, 0, 2);
	tcase_add_test(tc, does_not_stop_where_that_is_ignored);
	tcase_add_test(tc, holds_no_stream_open);
	tcase_add_test(tc, kills_the_monitor_when_told);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
