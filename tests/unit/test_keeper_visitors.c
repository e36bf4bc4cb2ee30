/*
 * The process that stays outside: who comes while it waits.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/sandbox/keeper.h"

static int wait_for_ever(struct keeper *keeper, void *opaque)
{
	(void)keeper;
	(void)opaque;
	while (pause())
		;
	return 0;
}

/* It answers while it waits, and still hears signals. */
static int answer(void *opaque)
{
	char byte;

	ck_assert_int_eq(read(*(const int *)opaque, &byte, 1), 1);
	return 0;
}

static void keep_with_visitors(int fd, int (*answer_fn)(void *opaque))
{
	struct keeper keeper = {
		.visitors = {fd, answer_fn, &fd},
		.monitor = wait_for_ever,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	_exit(keeper_run(&keeper, NULL));
}

START_TEST(visitors_are_answered)
{
	int visits[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(visits, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		keep_with_visitors(visits[0], answer);
	for (int i = 0; i < 3; i++) {
		struct pollfd p = {.fd = visits[0], .events = POLLIN};

		ck_assert_int_eq(write(visits[1], "x", 1), 1);
		for (int ms = 0; ms < 10000 && poll(&p, 1, 0); ms++)
			usleep(1000);
		ck_assert_int_eq(poll(&p, 1, 0), 0);
	}
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
	close(visits[0]);
	close(visits[1]);
}
END_TEST

/* Without a descriptor for the visitor, say. */
static atomic_int *call_cnt;

static int answer_third(void *opaque)
{
	if (atomic_fetch_add(call_cnt, 1) < 2)
		return -EMFILE;
	return answer(opaque);
}

START_TEST(who_cannot_be_let_in_is_not_asked_all_the_time)
{
	int visits[2], status;
	pid_t pid;

	call_cnt = mmap(NULL, sizeof(*call_cnt), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(call_cnt != MAP_FAILED);
	atomic_store(call_cnt, _i ? 0 : -1000000);
	ck_assert_int_eq(pipe2(visits, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		keep_with_visitors(visits[0], answer_third);
	ck_assert_int_eq(write(visits[1], "x", 1), 1);
	if (_i) {
		/* It is asked again, and others have no part in that. */
		for (int i = 0; i < 1000 && atomic_load(call_cnt) < 3; i++)
			usleep(10000);
		usleep(50000);
		ck_assert_int_eq(atomic_load(call_cnt), 3);
	} else {
		usleep(500000);
		ck_assert_int_gt(atomic_load(call_cnt), -1000000);
		ck_assert_int_lt(atomic_load(call_cnt), -1000000 + 20);
	}
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
	munmap(call_cnt, sizeof(*call_cnt));
	close(visits[0]);
	close(visits[1]);
}
END_TEST

/* A monitor that was made a moment ago has no handlers yet. */
START_TEST(a_signal_that_comes_at_once)
{
	sigset_t term;
	int status;
	pid_t pid;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pid = fork();
	if (!pid) {
		sigprocmask(SIG_BLOCK, &term, NULL);
		raise(SIGTERM);
		keep_with_visitors(-1, NULL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_visitors");
	TCase *tc = tcase_create("keeper_visitors");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, visitors_are_answered);
	tcase_add_loop_test(tc, who_cannot_be_let_in_is_not_asked_all_the_time,
			    0, 2);
	tcase_add_loop_test(tc, a_signal_that_comes_at_once, 0, 10);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
