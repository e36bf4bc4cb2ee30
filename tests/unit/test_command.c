/*
 * The command seen from the host, without a guest: its steps, and what signals
 * do in each of them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/command_rig.h"
#include "tests/unit/pty_rig.h"
#include "vmm/base/bits.h"
#include "vmm/base/log.h"
#include "vmm/config.h"

/* Our standard streams are a terminal now; it belongs to the test. */
static void set_up_terminal(struct pty_rig *rig, const struct config *config)
{
	pty_rig_init(rig);
	for (int i = 0; i <= STDERR_FILENO; i++)
		ck_assert_int_eq(dup2(rig->fd, i), i);
	rig_set_up_with(config);
}

static void expect_end(int sig)
{
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_SIGNAL);
	ck_assert_int_eq(rig_machine.outcome.value, sig);
}

static const int deadly[] = {SIGHUP,  SIGINT,  SIGQUIT,
			     SIGTERM, SIGUSR1, SIGUSR2};
static const int news[] = {SIGWINCH, SIGCONT};

START_TEST(ends_the_machine_before_the_command)
{
	rig_set_up(10);
	if (_i >= (int)ARRAY_SIZE(deadly))
		rig_guest_says(GUEST_MSG_HELLO);
	rig_signal_comes(deadly[_i % (int)ARRAY_SIZE(deadly)], false);
	expect_end(deadly[_i % (int)ARRAY_SIZE(deadly)]);
	ck_assert_uint_eq(rig_next_order().type, 0);
	rig_tear_down();
}
END_TEST

START_TEST(news_before_the_command_do_nothing)
{
	rig_set_up(10);
	rig_signal_comes(news[_i], true);
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_NONE);
	rig_let_it_run();
	ck_assert_uint_eq(rig_next_order().type, 0);
	rig_tear_down();
}
END_TEST

static void expect_passed(int sig, bool to_group)
{
	struct guest_order order;

	rig_signal_comes(sig, to_group);
	order = rig_next_order();
	ck_assert_uint_eq(order.magic, GUEST_MSG_MAGIC);
	ck_assert_uint_eq(order.type, to_group ? GUEST_ORDER_SIGNAL_GROUP
					       : GUEST_ORDER_SIGNAL);
	ck_assert_uint_eq(order.value, (uint32_t)sig);
	ck_assert_uint_eq(rig_next_order().type, 0);
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_NONE);
}

START_TEST(is_passed_on_to_the_command)
{
	rig_set_up(10);
	rig_let_it_run();
	expect_passed(deadly[_i], false);
	rig_tear_down();
}
END_TEST

START_TEST(those_that_do_not_end_come_as_often_as_they_like)
{
	rig_set_up(10);
	rig_let_it_run();
	for (int i = 0; i < 3; i++) {
		expect_passed(SIGUSR1, false);
		expect_passed(SIGUSR2, true);
		expect_passed(SIGWINCH, true);
		expect_passed(SIGCONT, false);
	}
	rig_tear_down();
}
END_TEST

/* timeout(1) sends the same twice. */
START_TEST(the_second_counts_if_it_is_another)
{
	rig_set_up(10);
	rig_let_it_run();
	expect_passed(SIGTERM, false);
	expect_passed(SIGTERM, false);
	usleep(600000);
	expect_passed(SIGUSR1, false);
	rig_signal_comes(SIGINT, false);
	expect_end(SIGINT);
	rig_tear_down();
}
END_TEST

/* A guest that says that it starts and starts does not get more time. */
START_TEST(the_command_has_its_time)
{
	rig_set_up(1);
	rig_let_it_run();
	rig_signal_comes(SIGQUIT, false);
	for (int i = 0; i < 3; i++) {
		rig_guest_says(GUEST_MSG_HELLO);
		rig_guest_says(GUEST_MSG_STARTED);
	}
	ck_assert_int_eq(loop_run(&rig_machine.loop), 0);
	expect_end(SIGQUIT);
	rig_tear_down();
}
END_TEST

START_TEST(no_time_is_the_end_at_once)
{
	rig_set_up(0);
	rig_let_it_run();
	expect_passed(SIGUSR1, false);
	rig_signal_comes(SIGTERM, false);
	expect_end(SIGTERM);
	rig_tear_down();
}
END_TEST

/* It had its time, and used it. */
START_TEST(what_the_command_says_counts)
{
	rig_set_up(10);
	rig_let_it_run();
	rig_signal_comes(SIGTERM, false);
	rig_guest_says(GUEST_MSG_ENDED);
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_COMMAND);
	ck_assert_int_eq(outcome_status(&rig_machine.outcome), 0);
	rig_tear_down();
}
END_TEST

/* Whether the guest reads or not: nothing piles up. */
START_TEST(a_guest_that_does_not_read)
{
	unsigned int cnt = 0;

	rig_set_up(10);
	rig_let_it_run();
	for (int i = 0; i < 100000; i++)
		rig_signal_comes(i % 2 ? SIGUSR1 : SIGWINCH, i % 3);
	while (rig_next_order().type)
		cnt++;
	ck_assert_uint_eq(cnt, 4);
	rig_tear_down();
}
END_TEST

/* Raw from the start of the command to its end; ^C is ours before. */
START_TEST(terminal_is_raw_while_it_runs)
{
	const struct config config = {.stop_timeout = 10};
	struct pty_rig rig;

	set_up_terminal(&rig, &config);
	ck_assert(rig_command.has_tty);
	ck_assert_uint_eq(command_window(&rig_command), GUEST_WINDOW(24, 80));
	rig_guest_says(GUEST_MSG_HELLO);
	ck_assert(!pty_rig_is_raw(&rig));
	ck_assert(rig_command.in.held);
	rig_guest_says(GUEST_MSG_STARTED);
	ck_assert(pty_rig_is_raw(&rig));
	ck_assert(!rig_command.in.held);
	rig_guest_says(GUEST_MSG_ENDED);
	ck_assert_int_eq(command_drain(&rig_command), 0);
	ck_assert(!pty_rig_is_raw(&rig));
	rig_tear_down();
	pty_rig_destroy(&rig);
}
END_TEST

static void expect_window(unsigned int rows, unsigned int columns)
{
	struct guest_order order = rig_next_order();

	ck_assert_uint_eq(order.type, GUEST_ORDER_WINDOW);
	ck_assert_uint_eq(order.value, GUEST_WINDOW(rows, columns));
}

/* In the guest the terminal makes a signal of it. */
START_TEST(window_is_followed)
{
	const struct config config = {.stop_timeout = 10};
	struct pty_rig rig;

	set_up_terminal(&rig, &config);
	pty_rig_resize(&rig, 30, 90);
	rig_signal_comes(SIGWINCH, true);
	expect_window(30, 90);
	rig_let_it_run();
	pty_rig_resize(&rig, 50, 132);
	rig_signal_comes(SIGWINCH, true);
	expect_window(50, 132);
	ck_assert_uint_eq(rig_next_order().type, 0);
	rig_signal_comes(SIGCONT, false);
	expect_window(50, 132);
	ck_assert_uint_eq(rig_next_order().value, SIGCONT);
	rig_tear_down();
	pty_rig_destroy(&rig);
}
END_TEST

/* A HUP because the terminal was closed, or because somebody sent one. */
START_TEST(hang_up_is_the_terminals)
{
	const struct config config = {.stop_timeout = 10};
	struct pty_rig rig;

	set_up_terminal(&rig, &config);
	rig_let_it_run();
	expect_passed(SIGHUP, false);
	close(rig.user_fd);
	rig_signal_comes(SIGHUP, false);
	ck_assert_uint_eq(rig_next_order().type, GUEST_ORDER_HANG_UP);
	ck_assert_uint_eq(rig_next_order().type, 0);
	rig_tear_down();
	close(rig.fd);
}
END_TEST

static const struct {
	struct config config;
	bool on_terminal;
	bool has_tty;
} wishes[] = {
	{{.tty = false}, true, true},
	{{.tty = true}, true, true},
	{{.interactive = true}, true, false},
	{{.interactive = true, .tty = true}, true, true},
	{{.tty = false}, false, false},
	{{.tty = true}, false, true},
	{{.interactive = true}, false, false},
};

START_TEST(wish_decides)
{
	struct pty_rig rig;
	int fd;

	pty_rig_init(&rig);
	fd = wishes[_i].on_terminal ? rig.fd : open("/dev/null", O_RDWR);
	dup2(rig.fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	ck_assert(command_wants_tty(&wishes[_i].config) == wishes[_i].has_tty);
	dup2(fd, STDIN_FILENO);
	dup2(rig.fd, STDOUT_FILENO);
	ck_assert(command_wants_tty(&wishes[_i].config) == wishes[_i].has_tty);
	pty_rig_destroy(&rig);
}
END_TEST

/* A terminal in the guest, and none here. */
START_TEST(terminal_without_one)
{
	const struct config config = {.stop_timeout = 10, .tty = true};

	dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
	dup2(STDIN_FILENO, STDOUT_FILENO);
	rig_set_up_with(&config);
	ck_assert(rig_command.has_tty);
	ck_assert_uint_eq(command_window(&rig_command), 0);
	rig_let_it_run();
	ck_assert_int_eq(command_drain(&rig_command), 0);
	rig_tear_down();
}
END_TEST

/* They may go to a log, and its file system is the host's. */
START_TEST(warnings_have_a_budget)
{
	const struct config config = {.interactive = true, .verbose = _i};
	char text[8192];
	unsigned int cnt = 0;
	ssize_t len;
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	rig_set_up_with(&config);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	for (int i = 0; i < 1000; i++)
		rig_guest_says(GUEST_MSG_WARNING);
	len = pread(fd, text, sizeof(text), 0);
	for (ssize_t i = 0; i < len; i++)
		cnt += text[i] == '\n';
	if (_i) {
		ck_assert_int_eq(strncmp(text, "wherry: guest: ", 15), 0);
		ck_assert_uint_ge(cnt, LOG_LIMIT_BURST);
		ck_assert_uint_lt(cnt, 100);
	} else {
		ck_assert_uint_eq(cnt, 0);
	}
	close(fd);
	rig_tear_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("command");
	TCase *tc = tcase_create("command");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, ends_the_machine_before_the_command, 0,
			    2 * ARRAY_SIZE(deadly));
	tcase_add_loop_test(tc, news_before_the_command_do_nothing, 0,
			    ARRAY_SIZE(news));
	tcase_add_loop_test(tc, is_passed_on_to_the_command, 0,
			    ARRAY_SIZE(deadly));
	tcase_add_test(tc, those_that_do_not_end_come_as_often_as_they_like);
	tcase_add_test(tc, the_second_counts_if_it_is_another);
	tcase_add_test(tc, the_command_has_its_time);
	tcase_add_test(tc, no_time_is_the_end_at_once);
	tcase_add_test(tc, what_the_command_says_counts);
	tcase_add_test(tc, a_guest_that_does_not_read);
	tcase_add_test(tc, terminal_is_raw_while_it_runs);
	tcase_add_test(tc, window_is_followed);
	tcase_add_test(tc, hang_up_is_the_terminals);
	tcase_add_loop_test(tc, wish_decides, 0, ARRAY_SIZE(wishes));
	tcase_add_test(tc, terminal_without_one);
	tcase_add_loop_test(tc, warnings_have_a_budget, 0, 2);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
