/*
 * The command seen from the host, without a guest: its steps, and what signals
 * do in each of them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/unit/pty_rig.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/iov.h"
#include "vmm/command.h"
#include "vmm/config.h"
#include "vmm/machine.h"
#include "vmm/timing.h"

static struct machine machine;
static struct command command;
static struct timing timing;

static void set_up_with(const struct config *config)
{
	struct fail fail = {0};

	machine = (struct machine){
		.kvm = {.stock = true},
		.outcome_lock = PTHREAD_MUTEX_INITIALIZER,
	};
	ck_assert_int_eq(guestmem_init(&machine.mem, MIB(2)), 0);
	ck_assert_int_eq(loop_init(&machine.loop), 0);
	timing_init(&timing);
	ck_assert_int_eq(
		command_init(&command, &machine, &timing, config, &fail), 0);
}

static void set_up(unsigned int stop_s)
{
	const struct config config = {
		.stop_timeout = stop_s,
		.interactive = true,
	};

	set_up_with(&config);
}

/* Our standard streams are a terminal now; it belongs to the test. */
static void set_up_terminal(struct pty_rig *rig, const struct config *config)
{
	pty_rig_init(rig);
	for (int i = 0; i <= STDERR_FILENO; i++)
		ck_assert_int_eq(dup2(rig->fd, i), i);
	set_up_with(config);
}

static void tear_down(void)
{
	command_destroy(&command);
	loop_destroy(&machine.loop);
	guestmem_destroy(&machine.mem);
}

static void guest_says(enum guest_msg_type type)
{
	const struct control_message message = {.type = type};

	command.control.handle(&command, &message);
}

static void signal_comes(int sig, bool to_group)
{
	machine.on_signal.came(machine.on_signal.opaque, sig, to_group);
}

/* The next order that the guest would get; type 0: none. */
static struct guest_order next_order(void)
{
	struct guest_order order = {0};
	struct iovec iov = {&order, sizeof(order)};
	struct iov_cursor room;

	iov_init(&room, &iov, 1);
	if (control_give(&command.control, &room) < 0)
		return (struct guest_order){0};
	return order;
}

static void let_it_run(void)
{
	guest_says(GUEST_MSG_HELLO);
	guest_says(GUEST_MSG_STARTED);
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_NONE);
}

static void expect_end(int sig)
{
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_SIGNAL);
	ck_assert_int_eq(machine.outcome.value, sig);
}

static const int deadly[] = {SIGHUP,  SIGINT,  SIGQUIT,
			     SIGTERM, SIGUSR1, SIGUSR2};
static const int news[] = {SIGWINCH, SIGCONT};

START_TEST(ends_the_machine_before_the_command)
{
	set_up(10);
	if (_i >= (int)ARRAY_SIZE(deadly))
		guest_says(GUEST_MSG_HELLO);
	signal_comes(deadly[_i % (int)ARRAY_SIZE(deadly)], false);
	expect_end(deadly[_i % (int)ARRAY_SIZE(deadly)]);
	ck_assert_uint_eq(next_order().type, 0);
	tear_down();
}
END_TEST

START_TEST(news_before_the_command_do_nothing)
{
	set_up(10);
	signal_comes(news[_i], true);
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_NONE);
	let_it_run();
	ck_assert_uint_eq(next_order().type, 0);
	tear_down();
}
END_TEST

static void expect_passed(int sig, bool to_group)
{
	struct guest_order order;

	signal_comes(sig, to_group);
	order = next_order();
	ck_assert_uint_eq(order.magic, GUEST_MSG_MAGIC);
	ck_assert_uint_eq(order.type, to_group ? GUEST_ORDER_SIGNAL_GROUP
					       : GUEST_ORDER_SIGNAL);
	ck_assert_uint_eq(order.value, (uint32_t)sig);
	ck_assert_uint_eq(next_order().type, 0);
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_NONE);
}

START_TEST(is_passed_on_to_the_command)
{
	set_up(10);
	let_it_run();
	expect_passed(deadly[_i], false);
	tear_down();
}
END_TEST

START_TEST(those_that_do_not_end_come_as_often_as_they_like)
{
	set_up(10);
	let_it_run();
	for (int i = 0; i < 3; i++) {
		expect_passed(SIGUSR1, false);
		expect_passed(SIGUSR2, true);
		expect_passed(SIGWINCH, true);
		expect_passed(SIGCONT, false);
	}
	tear_down();
}
END_TEST

/* timeout(1) sends the same twice. */
START_TEST(the_second_counts_if_it_is_another)
{
	set_up(10);
	let_it_run();
	expect_passed(SIGTERM, false);
	expect_passed(SIGTERM, false);
	usleep(600000);
	expect_passed(SIGUSR1, false);
	signal_comes(SIGINT, false);
	expect_end(SIGINT);
	tear_down();
}
END_TEST

/* A guest that says that it starts and starts does not get more time. */
START_TEST(the_command_has_its_time)
{
	set_up(1);
	let_it_run();
	signal_comes(SIGQUIT, false);
	for (int i = 0; i < 3; i++) {
		guest_says(GUEST_MSG_HELLO);
		guest_says(GUEST_MSG_STARTED);
	}
	ck_assert_int_eq(loop_run(&machine.loop), 0);
	expect_end(SIGQUIT);
	tear_down();
}
END_TEST

START_TEST(no_time_is_the_end_at_once)
{
	set_up(0);
	let_it_run();
	expect_passed(SIGUSR1, false);
	signal_comes(SIGTERM, false);
	expect_end(SIGTERM);
	tear_down();
}
END_TEST

/* It had its time, and used it. */
START_TEST(what_the_command_says_counts)
{
	set_up(10);
	let_it_run();
	signal_comes(SIGTERM, false);
	guest_says(GUEST_MSG_ENDED);
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_COMMAND);
	ck_assert_int_eq(outcome_status(&machine.outcome), 0);
	tear_down();
}
END_TEST

/* Whether the guest reads or not: nothing piles up. */
START_TEST(a_guest_that_does_not_read)
{
	unsigned int cnt = 0;

	set_up(10);
	let_it_run();
	for (int i = 0; i < 100000; i++)
		signal_comes(i % 2 ? SIGUSR1 : SIGWINCH, i % 3);
	while (next_order().type)
		cnt++;
	ck_assert_uint_eq(cnt, 4);
	tear_down();
}
END_TEST

/* Raw from the start of the command to its end; ^C is ours before. */
START_TEST(terminal_is_raw_while_it_runs)
{
	const struct config config = {.stop_timeout = 10};
	struct pty_rig rig;

	set_up_terminal(&rig, &config);
	ck_assert(command.has_tty);
	ck_assert_uint_eq(command_window(&command), GUEST_WINDOW(24, 80));
	guest_says(GUEST_MSG_HELLO);
	ck_assert(!pty_rig_is_raw(&rig));
	ck_assert(command.in.held);
	guest_says(GUEST_MSG_STARTED);
	ck_assert(pty_rig_is_raw(&rig));
	ck_assert(!command.in.held);
	guest_says(GUEST_MSG_ENDED);
	ck_assert_int_eq(command_drain(&command), 0);
	ck_assert(!pty_rig_is_raw(&rig));
	tear_down();
	pty_rig_destroy(&rig);
}
END_TEST

static void expect_window(unsigned int rows, unsigned int columns)
{
	struct guest_order order = next_order();

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
	signal_comes(SIGWINCH, true);
	expect_window(30, 90);
	let_it_run();
	pty_rig_resize(&rig, 50, 132);
	signal_comes(SIGWINCH, true);
	expect_window(50, 132);
	ck_assert_uint_eq(next_order().type, 0);
	signal_comes(SIGCONT, false);
	expect_window(50, 132);
	ck_assert_uint_eq(next_order().value, SIGCONT);
	tear_down();
	pty_rig_destroy(&rig);
}
END_TEST

/* A HUP because the terminal was closed, or because somebody sent one. */
START_TEST(hang_up_is_the_terminals)
{
	const struct config config = {.stop_timeout = 10};
	struct pty_rig rig;

	set_up_terminal(&rig, &config);
	let_it_run();
	expect_passed(SIGHUP, false);
	close(rig.user_fd);
	signal_comes(SIGHUP, false);
	ck_assert_uint_eq(next_order().type, GUEST_ORDER_HANG_UP);
	ck_assert_uint_eq(next_order().type, 0);
	tear_down();
	close(rig.fd);
}
END_TEST

static void set_up_timeout(uint64_t ns, unsigned int stop_s)
{
	const struct config config = {
		.stop_timeout = stop_s,
		.interactive = true,
		.timeout = "1ms",
		.timeout_ns = ns,
	};

	set_up_with(&config);
}

static void expect_expired(void)
{
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_EXPIRED);
	ck_assert_str_eq(machine.outcome.text, "1ms");
	ck_assert_int_eq(outcome_status(&machine.outcome), 124);
	tear_down();
}

START_TEST(no_time_before_the_command)
{
	set_up_timeout(1000000, 10);
	if (_i)
		guest_says(GUEST_MSG_HELLO);
	ck_assert_int_eq(loop_run(&machine.loop), 0);
	ck_assert_uint_eq(next_order().type, 0);
	expect_expired();
}
END_TEST

/* As a signal, it ends a machine whose command goes on. */
START_TEST(no_more_time)
{
	set_up_timeout(1000000, 1);
	let_it_run();
	ck_assert_int_eq(loop_run(&machine.loop), 0);
	ck_assert_uint_eq(next_order().value, SIGTERM);
	ck_assert_int_eq(command_drain(&command), 0);
	expect_expired();
}
END_TEST

START_TEST(no_more_time_and_no_patience)
{
	set_up_timeout(1000000, 0);
	let_it_run();
	ck_assert_int_eq(loop_run(&machine.loop), 0);
	expect_expired();
}
END_TEST

static struct loop_source later;

static void command_ends(struct loop_source *source, uint32_t events)
{
	struct guest_order order = next_order();

	(void)source;
	(void)events;
	/* On a busy machine both timers are over at once: not yet. */
	if (!order.type)
		return;
	ck_assert_uint_eq(order.value, SIGTERM);
	guest_says(GUEST_MSG_ENDED);
}

/* Its own status is not what is asked for then. */
START_TEST(a_command_that_obeys_is_late_all_the_same)
{
	const struct itimerspec spec = {.it_value.tv_nsec = 200000000};

	set_up_timeout(1000000, 10);
	let_it_run();
	later = (struct loop_source){timerfd_create(CLOCK_MONOTONIC, 0),
				     command_ends};
	timerfd_settime(later.fd, 0, &spec, NULL);
	ck_assert_int_eq(loop_add(&machine.loop, &later, EPOLLIN), 0);
	ck_assert_int_eq(loop_run(&machine.loop), 0);
	expect_expired();
}
END_TEST

/* In time is in time, whatever happens afterwards. */
START_TEST(a_command_that_ended_is_not_late)
{
	set_up_timeout(1000000, 10);
	let_it_run();
	guest_says(GUEST_MSG_ENDED);
	usleep(10000);
	loop_run(&machine.loop);
	ck_assert_uint_eq(machine.outcome.kind, OUTCOME_COMMAND);
	tear_down();
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
	set_up_with(&config);
	ck_assert(command.has_tty);
	ck_assert_uint_eq(command_window(&command), 0);
	let_it_run();
	ck_assert_int_eq(command_drain(&command), 0);
	tear_down();
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
	tcase_add_loop_test(tc, no_time_before_the_command, 0, 2);
	tcase_add_test(tc, no_more_time);
	tcase_add_test(tc, no_more_time_and_no_patience);
	tcase_add_test(tc, a_command_that_obeys_is_late_all_the_same);
	tcase_add_test(tc, a_command_that_ended_is_not_late);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
