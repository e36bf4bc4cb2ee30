/*
 * A command that has a time (--timeout), seen from the host: what it is told,
 * and what counts in the end.
 */
#include <check.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/unit/command_rig.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/config.h"

static void set_up_timeout(uint64_t ns, unsigned int stop_s)
{
	const struct config config = {
		.stop_timeout = stop_s,
		.interactive = true,
		.timeout = "1ms",
		.timeout_ns = ns,
	};

	rig_set_up_with(&config);
}

static void expect_expired(void)
{
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_EXPIRED);
	ck_assert_str_eq(rig_machine.outcome.text, "1ms");
	ck_assert_int_eq(outcome_status(&rig_machine.outcome), 124);
	rig_tear_down();
}

START_TEST(no_time_before_the_command)
{
	set_up_timeout(1000000, 10);
	if (_i)
		rig_guest_says(GUEST_MSG_HELLO);
	ck_assert_int_eq(loop_run(&rig_machine.loop), 0);
	ck_assert_uint_eq(rig_next_order().type, 0);
	expect_expired();
}
END_TEST

/* As a signal, it ends a machine whose command goes on. */
START_TEST(no_more_time)
{
	set_up_timeout(1000000, 1);
	rig_let_it_run();
	ck_assert_int_eq(loop_run(&rig_machine.loop), 0);
	ck_assert_uint_eq(rig_next_order().value, SIGTERM);
	ck_assert_int_eq(command_drain(&rig_command), 0);
	expect_expired();
}
END_TEST

START_TEST(no_more_time_and_no_patience)
{
	set_up_timeout(1000000, 0);
	rig_let_it_run();
	ck_assert_int_eq(loop_run(&rig_machine.loop), 0);
	expect_expired();
}
END_TEST

/* What happens when the time is over, on the loop. */
static struct loop_source later;
static void (*happens)(void);

static void on_later(struct loop_source *source, uint32_t events)
{
	(void)events;
	/* On a busy machine both timers are over at once: not yet. */
	if (!rig_command.expired)
		return;
	fd_event_clear(source->fd);
	happens();
}

static void run_until(void (*what)(void))
{
	const struct itimerspec spec = {.it_value.tv_nsec = 50000000};

	happens = what;
	later = (struct loop_source){timerfd_create(CLOCK_MONOTONIC, 0),
				     on_later};
	timerfd_settime(later.fd, 0, &spec, NULL);
	ck_assert_int_eq(loop_add(&rig_machine.loop, &later, EPOLLIN), 0);
	ck_assert_int_eq(loop_run(&rig_machine.loop), 0);
	close(later.fd);
}

static void command_ends(void)
{
	ck_assert_uint_eq(rig_next_order().value, SIGTERM);
	rig_guest_says(GUEST_MSG_ENDED);
}

static void init_fails(void)
{
	rig_guest_says(GUEST_MSG_FAILED);
}

static void guest_powers_off(void)
{
	machine_end(&rig_machine, OUTCOME_POWER_OFF, 0, NULL);
}

static void guest_panics(void)
{
	machine_end(&rig_machine, OUTCOME_PANIC, 0, "why");
}

static void (*const ways_to_end[])(void) = {
	command_ends,
	init_fails,
	guest_powers_off,
	guest_panics,
};

/* Its own status, or another end, is not what is asked for then. */
START_TEST(too_late_is_too_late)
{
	set_up_timeout(1000000, 10);
	rig_let_it_run();
	run_until(ways_to_end[_i]);
	expect_expired();
}
END_TEST

static void is_told_once(void)
{
	ck_assert(!rig_command.killed);
	command_ends();
	ck_assert_uint_eq(rig_next_order().type, 0);
}

/* Who has been told to end has the time that he was given. */
START_TEST(no_more_time_after_a_signal)
{
	set_up_timeout(700000000, 10);
	rig_let_it_run();
	rig_signal_comes(SIGTERM, false);
	run_until(is_told_once);
	expect_expired();
}
END_TEST

/* In time is in time, whatever happens afterwards. */
START_TEST(a_command_that_ended_is_not_late)
{
	set_up_timeout(1000000, 10);
	rig_let_it_run();
	rig_guest_says(GUEST_MSG_ENDED);
	usleep(10000);
	loop_run(&rig_machine.loop);
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_COMMAND);
	rig_tear_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("command_late");
	TCase *tc = tcase_create("command_late");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, no_time_before_the_command, 0, 2);
	tcase_add_test(tc, no_more_time);
	tcase_add_test(tc, no_more_time_and_no_patience);
	tcase_add_loop_test(tc, too_late_is_too_late, 0,
			    ARRAY_SIZE(ways_to_end));
	tcase_add_test(tc, no_more_time_after_a_signal);
	tcase_add_test(tc, a_command_that_ended_is_not_late);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
