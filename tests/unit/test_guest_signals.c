/*
 * The guest's pid 1, without a guest: signals that the monitor passes on.
 */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "tests/unit/init_rig.h"
#include "vmm/base/bits.h"

static struct guest_order order(uint32_t type, uint32_t value)
{
	return (struct guest_order){
		.magic = GUEST_MSG_MAGIC,
		.type = type,
		.value = value,
	};
}

/* Runs a script that gets a signal for each line that it prints. */
static void run(struct host *h, const struct guest_order *orders, size_t cnt,
		const char *script)
{
	*h = (struct host){
		.keep_stdin = true,
		.orders = orders,
		.order_cnt = cnt,
	};
	init_rig_shell(h, script);
	ck_assert_uint_eq(h->order_cnt, 0);
}

static const int deadly[] = {SIGHUP,  SIGINT,  SIGQUIT,
			     SIGTERM, SIGUSR1, SIGUSR2};

START_TEST(ends_the_command)
{
	struct guest_order o = order(GUEST_ORDER_SIGNAL, deadly[_i]);
	struct host h;

	run(&h, &o, 1, "echo ready; exec sleep 100");
	ck_assert_uint_eq(h.last.value, 128 + deadly[_i]);
}
END_TEST

START_TEST(command_decides_how_it_ends)
{
	struct guest_order o = order(GUEST_ORDER_SIGNAL, SIGTERM);
	struct host h;

	run(&h, &o, 1,
	    "trap 'echo bye; exit 7' TERM; echo ready;"
	    "while :; do sleep 0.01; done");
	ck_assert_uint_eq(h.last.value, 7);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "ready\nbye\n");
}
END_TEST

START_TEST(several_in_their_order)
{
	const struct guest_order orders[] = {
		order(GUEST_ORDER_SIGNAL, SIGUSR1),
		order(GUEST_ORDER_SIGNAL, SIGUSR2),
		order(GUEST_ORDER_SIGNAL, SIGTSTP),
		order(GUEST_ORDER_SIGNAL, SIGWINCH),
		order(GUEST_ORDER_SIGNAL, SIGTERM),
	};
	struct host h;

	run(&h, orders, ARRAY_SIZE(orders),
	    "trap 'echo 1' USR1; trap 'echo 2' USR2; trap 'echo stop' TSTP;"
	    "trap 'echo size' WINCH; trap 'exit 0' TERM; echo ready;"
	    "while :; do sleep 0.01; done");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT],
			 "ready\n1\n2\nstop\nsize\n");
}
END_TEST

/* Stopped, and continued. */
START_TEST(stops_and_goes_on)
{
	const struct guest_order orders[] = {
		order(GUEST_ORDER_SIGNAL, SIGSTOP),
		order(GUEST_ORDER_SIGNAL, SIGCONT),
	};
	struct host h;

	run(&h, orders, ARRAY_SIZE(orders),
	    "(sleep 0.3; echo now) & echo ready; sleep 0.1; echo first;"
	    "wait; exit 5");
	ck_assert_uint_eq(h.last.value, 5);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "ready\nnow\nfirst\n");
}
END_TEST

/* kill(1) means a process, a terminal's ^C a group of them. */
START_TEST(reaches_the_group_or_not)
{
	static const char script[] =
		"trap : USR1; (trap 'echo child; exit' USR1; echo ready;"
		"while :; do sleep 0.01; done) & wait $!; sleep 0.2; exit 3";
	struct guest_order o = order(
		_i ? GUEST_ORDER_SIGNAL_GROUP : GUEST_ORDER_SIGNAL, SIGUSR1);
	struct host h;

	run(&h, &o, 1, script);
	ck_assert_uint_eq(h.last.value, 3);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT],
			 _i ? "ready\nchild\n" : "ready\n");
}
END_TEST

/* Nothing that the monitor would send, but init is not to be confused. */
START_TEST(what_is_no_order_does_nothing)
{
	struct guest_order orders[] = {
		order(0, SIGKILL),
		order(255, SIGKILL),
		order(GUEST_ORDER_SIGNAL, 12345),
		order(GUEST_ORDER_SIGNAL, SIGKILL),
		order(GUEST_ORDER_SIGNAL, SIGTERM),
	};
	struct host h;

	orders[3].magic ^= 1;
	run(&h, orders, ARRAY_SIZE(orders),
	    "trap 'exit 6' TERM; for i in 1 2 3 4 5; do echo $i; sleep 0.05;"
	    "done; sleep 1; exit 9");
	ck_assert_uint_eq(h.last.value, 6);
}
END_TEST

/* A signal that comes when the command has ended is nobody's. */
START_TEST(too_late_for_the_command)
{
	const struct guest_order orders[] = {
		order(GUEST_ORDER_SIGNAL_GROUP, SIGKILL),
	};
	struct host h;

	run(&h, orders, ARRAY_SIZE(orders),
	    "(trap 'sleep 0.1; echo first; sleep 0.1; echo last; exit' TERM;"
	    "while :; do sleep 0.01; done) & sleep 0.2; exit 8");
	ck_assert_uint_eq(h.last.value, 8);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "first\nlast\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_signals");
	TCase *tcase = tcase_create("guest_signals");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, ends_the_command, 0, ARRAY_SIZE(deadly));
	tcase_add_test(tcase, command_decides_how_it_ends);
	tcase_add_test(tcase, several_in_their_order);
	tcase_add_test(tcase, stops_and_goes_on);
	tcase_add_loop_test(tcase, reaches_the_group_or_not, 0, 2);
	tcase_add_test(tcase, what_is_no_order_does_nothing);
	tcase_add_test(tcase, too_late_for_the_command);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
