/*
 * The terminal of whoever started us, and the keeper who gives it back.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/pty_rig.h"
#include "vmm/base/terminal.h"
#include "vmm/sandbox/keeper.h"

START_TEST(raw_and_back)
{
	struct terminal terminal;
	struct pty_rig rig;

	pty_rig_init(&rig);
	terminal_init(&terminal, rig.fd);
	ck_assert(!pty_rig_is_raw(&rig));
	terminal_make_raw(&terminal);
	ck_assert(pty_rig_is_raw(&rig));
	terminal_restore(&terminal);
	ck_assert(!pty_rig_is_raw(&rig));
	terminal_destroy(&terminal);
	ck_assert_int_eq(terminal.fd, -1);
	pty_rig_destroy(&rig);
}
END_TEST

START_TEST(raw_only_if_it_was)
{
	struct terminal terminal;
	struct pty_rig rig;

	pty_rig_init(&rig);
	terminal_init(&terminal, rig.fd);
	terminal_suspend(&terminal);
	terminal_resume(&terminal);
	ck_assert(!pty_rig_is_raw(&rig));
	terminal_make_raw(&terminal);
	terminal_suspend(&terminal);
	ck_assert(!pty_rig_is_raw(&rig));
	terminal_resume(&terminal);
	ck_assert(pty_rig_is_raw(&rig));
	terminal_destroy(&terminal);
	pty_rig_destroy(&rig);
}
END_TEST

START_TEST(closed_by_its_user)
{
	struct terminal terminal;
	struct pty_rig rig;

	pty_rig_init(&rig);
	terminal_init(&terminal, rig.fd);
	ck_assert(!terminal_is_closed(&terminal));
	close(rig.user_fd);
	ck_assert(terminal_is_closed(&terminal));
	terminal_destroy(&terminal);
	ck_assert(!terminal_is_closed(&terminal));
	close(rig.fd);
}
END_TEST

START_TEST(knows_its_window)
{
	unsigned int rows = 0, columns = 0;
	struct pty_rig rig;

	pty_rig_init(&rig);
	ck_assert(terminal_window(rig.fd, &rows, &columns));
	ck_assert_uint_eq(rows, 24);
	ck_assert_uint_eq(columns, 80);
	pty_rig_resize(&rig, 50, 132);
	ck_assert(terminal_window(rig.fd, &rows, &columns));
	ck_assert_uint_eq(rows, 50);
	ck_assert_uint_eq(columns, 132);
	pty_rig_destroy(&rig);
}
END_TEST

START_TEST(what_is_none)
{
	int fds[] = {-1, open("/dev/null", O_RDWR | O_CLOEXEC)};
	unsigned int rows = 7, columns = 7;
	struct terminal terminal;

	terminal_init(&terminal, fds[_i]);
	ck_assert_int_eq(terminal.fd, -1);
	ck_assert(!terminal_is_ours(&terminal));
	terminal_make_raw(&terminal);
	terminal_suspend(&terminal);
	terminal_resume(&terminal);
	terminal_restore(&terminal);
	ck_assert(!terminal_window(fds[_i], &rows, &columns));
	ck_assert_uint_eq(rows, 7);
	terminal_destroy(&terminal);
	close(fds[1]);
}
END_TEST

/* A monitor that makes the terminal raw, and has something to say there. */
static int use_terminal(struct keeper *keeper, void *opaque)
{
	static const char word[] = "here\n";
	struct terminal terminal;
	char byte;

	keeper_wait(keeper);
	terminal_init(&terminal, STDIN_FILENO);
	terminal_make_raw(&terminal);
	if (write(STDOUT_FILENO, word, strlen(word)) < 0 ||
	    read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	if (byte == 'k')
		raise(SIGKILL);
	while (byte == 'w')
		pause();
	return *(int *)opaque;
}

/* A shell with job control whose only job is a keeper. */
static _Noreturn void be_shell(const struct pty_rig *rig, int pid_fd)
{
	int status = 42;
	struct keeper keeper = {
		.has_terminal = true,
		.monitor = use_terminal,
		.opaque = &status,
	};
	pid_t job;

	signal(SIGTTOU, SIG_IGN);
	setsid();
	ioctl(rig->fd, TIOCSCTTY, 0);
	job = fork();
	setpgid(job, job);
	if (!job) {
		tcsetpgrp(rig->fd, getpid());
		signal(SIGTTOU, SIG_DFL);
		for (int i = 0; i <= STDERR_FILENO; i++)
			dup2(rig->fd, i);
		close(pid_fd);
		_exit(keeper_run(&keeper, NULL));
	}
	if (write(pid_fd, &job, sizeof(job)) != sizeof(job))
		_exit(1);
	while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
		tcsetpgrp(rig->fd, getpid());
		/* Until somebody says "fg". */
		raise(SIGSTOP);
		tcsetpgrp(rig->fd, job);
		kill(-job, SIGCONT);
	}
	_exit(WEXITSTATUS(status));
}

/**
 * struct session - A shell, its job and its terminal
 */
struct session {
	struct pty_rig rig;
	pid_t shell;
	pid_t job;
};

/* Returns when the monitor has made the terminal raw. */
static void start(struct session *s)
{
	char word[16] = "";
	int fd[2];

	pty_rig_init(&s->rig);
	ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
	s->shell = fork();
	if (!s->shell)
		be_shell(&s->rig, fd[1]);
	ck_assert_int_eq(read(fd[0], &s->job, sizeof(s->job)), sizeof(s->job));
	close(fd[0]);
	close(fd[1]);
	ck_assert_int_gt(read(s->rig.user_fd, word, sizeof(word) - 1), 0);
	ck_assert_str_eq(word, "here\n");
	ck_assert(pty_rig_is_raw(&s->rig));
}

static void type(const struct session *s, const char *key)
{
	ck_assert_int_eq(write(s->rig.user_fd, key, 1), 1);
}

/* Also checks that the terminal is what it was. */
static void ends_with(struct session *s, int wanted)
{
	int status;

	ck_assert_int_eq(waitpid(s->shell, &status, 0), s->shell);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), wanted);
	ck_assert(!pty_rig_is_raw(&s->rig));
	pty_rig_destroy(&s->rig);
}

START_TEST(is_given_back_in_the_end)
{
	struct session s;

	start(&s);
	type(&s, "x");
	ends_with(&s, 42);
}
END_TEST

START_TEST(is_given_back_by_a_monitor_that_is_killed)
{
	struct session s;

	start(&s);
	type(&s, "k");
	ends_with(&s, 128 + SIGKILL);
}
END_TEST

START_TEST(is_given_back_after_a_signal)
{
	struct session s;

	start(&s);
	kill(s.job, SIGTERM);
	ends_with(&s, 128 + SIGTERM);
}
END_TEST

START_TEST(is_the_shells_while_stopped)
{
	struct session s;
	int status;

	start(&s);
	for (int i = 0; i < 2; i++) {
		kill(s.job, SIGTSTP);
		ck_assert_int_eq(waitpid(s.shell, &status, WUNTRACED), s.shell);
		ck_assert(WIFSTOPPED(status));
		ck_assert(!pty_rig_is_raw(&s.rig));
		kill(s.shell, SIGCONT);
		ck_assert(pty_rig_becomes(&s.rig, true));
	}
	type(&s, "x");
	ends_with(&s, 42);
}
END_TEST

/* "bg": the shell edits its next line in a mode of its own. */
START_TEST(is_left_alone_in_the_background)
{
	struct terminal shells;
	struct session s;
	int status;

	start(&s);
	type(&s, "w");
	usleep(100000);
	kill(s.job, SIGTSTP);
	ck_assert_int_eq(waitpid(s.shell, &status, WUNTRACED), s.shell);
	ck_assert(!pty_rig_is_raw(&s.rig));
	terminal_init(&shells, s.rig.fd);
	terminal_make_raw(&shells);
	kill(s.job, SIGCONT);
	usleep(100000);
	ck_assert(pty_rig_is_raw(&s.rig));
	kill(s.job, SIGTERM);
	usleep(100000);
	ck_assert(pty_rig_is_raw(&s.rig));
	terminal_restore(&shells);
	terminal_destroy(&shells);
	kill(s.shell, SIGCONT);
	ends_with(&s, 128 + SIGTERM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("terminal");
	TCase *tc = tcase_create("terminal");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, raw_and_back);
	tcase_add_test(tc, raw_only_if_it_was);
	tcase_add_test(tc, closed_by_its_user);
	tcase_add_test(tc, knows_its_window);
	tcase_add_loop_test(tc, what_is_none, 0, 2);
	tcase_add_test(tc, is_given_back_in_the_end);
	tcase_add_test(tc, is_given_back_by_a_monitor_that_is_killed);
	tcase_add_test(tc, is_given_back_after_a_signal);
	tcase_add_test(tc, is_the_shells_while_stopped);
	tcase_add_test(tc, is_left_alone_in_the_background);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
