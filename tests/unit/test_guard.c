/*
 * The terminal's guard: it acts when its keeper was killed, and else never.
 */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/pty_rig.h"
#include "vmm/base/terminal.h"
#include "vmm/sandbox/guard.h"

static struct pty_rig rig;
static struct terminal terminal;
static int pipe_fd[2];

static void setup(void)
{
	pty_rig_init(&rig);
	terminal_init(&terminal, rig.fd);
	ck_assert_int_eq(pipe2(pipe_fd, O_CLOEXEC), 0);
}

static void teardown(void)
{
	terminal_destroy(&terminal);
	pty_rig_destroy(&rig);
	close(pipe_fd[0]);
}

static short events_within(int ms)
{
	struct pollfd p = {.fd = pipe_fd[0], .events = POLLIN};

	return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

/* A keeper that makes the terminal raw, says so, and does no more. */
static pid_t start_keeper(struct guard *guard)
{
	int fd[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		guard_start(guard, &terminal);
		terminal_make_raw(&terminal);
		/* From now on the guard alone could hold that one. */
		close(pipe_fd[1]);
		if (write(fd[1], &guard->pid, sizeof(guard->pid)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(fd[1]);
	close(pipe_fd[1]);
	ck_assert_int_eq(read(fd[0], &guard->pid, sizeof(guard->pid)),
			 sizeof(guard->pid));
	close(fd[0]);
	return pid;
}

START_TEST(gives_back_of_the_killed)
{
	struct guard guard;
	pid_t pid = start_keeper(&guard);

	ck_assert_int_gt(guard.pid, 0);
	/* It keeps nothing of its keeper's open. */
	ck_assert(events_within(10000) & POLLHUP);
	/* Signals to all in the group are not meant for it. */
	for (int sig = 1; sig < SIGSYS; sig++) {
		if (sig != SIGKILL && sig != SIGSTOP)
			kill(guard.pid, sig);
	}
	ck_assert(pty_rig_is_raw(&rig));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(pty_rig_becomes(&rig, false));
}
END_TEST

START_TEST(leaves_alone_else)
{
	struct guard guard;
	pid_t pid;

	guard_start(&guard, &terminal);
	pid = guard.pid;
	ck_assert_int_gt(pid, 0);
	terminal_make_raw(&terminal);
	guard_end(&guard);
	ck_assert_int_lt(kill(pid, 0), 0);
	ck_assert(pty_rig_is_raw(&rig));
	ck_assert_int_eq(guard.fd, -1);
	guard_end(&guard);
	close(pipe_fd[1]);
}
END_TEST

START_TEST(none_without_a_terminal)
{
	const struct terminal none = {.fd = -1};
	struct guard guard;

	guard_start(&guard, &none);
	ck_assert_int_eq(guard.pid, 0);
	guard_end(&guard);
	close(pipe_fd[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guard");
	TCase *tcase = tcase_create("guard");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, gives_back_of_the_killed);
	tcase_add_test(tcase, leaves_alone_else);
	tcase_add_test(tcase, none_without_a_terminal);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
