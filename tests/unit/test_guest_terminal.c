/*
 * The guest's pid 1, without a guest: a command with a terminal.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/init_rig.h"
#include "vmm/base/bits.h"

#define WINDOW_24_80 "1572944" /* GUEST_WINDOW(24, 80) */

static struct host terminal(void)
{
	return (struct host){.keep_stdin = true, .terminal = WINDOW_24_80};
}

static void expect(const struct host *h, unsigned int status, const char *out)
{
	ck_assert_str_eq(h->kept[GUEST_PORT_STDOUT], out);
	ck_assert_uint_eq(h->last.value, status);
}

START_TEST(all_streams_are_one_terminal)
{
	struct host h = terminal();

	init_rig_shell(&h, "test -t 0 -a -t 1 -a -t 2 && stty size &&"
			   "echo error >&2; stty size </dev/tty");
	expect(&h, 0, "24 80\r\nerror\r\n24 80\r\n");
	ck_assert_uint_eq(h.len[GUEST_PORT_STDERR], 0);
}
END_TEST

START_TEST(size_that_is_not_known)
{
	struct host h = terminal();

	h.terminal = "0";
	init_rig_shell(&h, "stty size");
	expect(&h, 0, "0 0\r\n");
}
END_TEST

START_TEST(window_changes)
{
	const struct guest_order order = {
		.magic = GUEST_MSG_MAGIC,
		.type = GUEST_ORDER_WINDOW,
		.value = GUEST_WINDOW(50, 132),
	};
	struct host h = terminal();

	h.orders = &order;
	h.order_cnt = 1;
	init_rig_shell(&h, "trap 'stty size; exit 3' WINCH; echo ready;"
			   "while :; do sleep 0.01; done");
	expect(&h, 3, "ready\r\n50 132\r\n");
}
END_TEST

/* Without a terminal there is nothing to resize. */
START_TEST(pipes_have_no_window)
{
	const struct guest_order order = {
		.magic = GUEST_MSG_MAGIC,
		.type = GUEST_ORDER_WINDOW,
		.value = GUEST_WINDOW(50, 132),
	};
	struct host h = {.orders = &order, .order_cnt = 1};

	init_rig_shell(&h, "echo ready; sleep 0.1; test -t 1 || echo pipe");
	expect(&h, 0, "ready\npipe\n");
}
END_TEST

static const struct {
	const char *typed;
	const char *script;
	unsigned int status;
	const char *out;
} keys[] = {
	{"name\r", "echo who; read x; echo hello $x", 0,
	 "who\r\nname\r\nhello name\r\n"},
	{"\3", "echo ready; exec sleep 100", 128 + SIGINT, "ready\r\n^C"},
	{"\34", "echo ready; exec sleep 100", 128 + SIGQUIT, "ready\r\n^\\"},
	{"\4", "echo ready; cat; echo end", 0, "ready\r\nend\r\n"},
	/* Byte by byte, with nothing changed on the way. */
	{"\3\r\n\377\21", "stty raw -echo; echo ready; exec head -c 5", 0,
	 "ready\n\3\r\n\377\21"},
};

START_TEST(keys_are_typed)
{
	struct host h = terminal();

	h.typed = &keys[_i].typed;
	h.typed_cnt = 1;
	init_rig_shell(&h, keys[_i].script);
	expect(&h, keys[_i].status, keys[_i].out);
}
END_TEST

/* Nobody types any more, and somebody still looks. */
START_TEST(end_of_input_is_a_key)
{
	struct host h = {.terminal = WINDOW_24_80};

	init_rig_shell(&h, "cat; sleep 0.2; echo eof");
	expect(&h, 0, "eof\r\n");
}
END_TEST

/* What the monitor tells when our terminal was closed: once is enough. */
START_TEST(hang_up)
{
	const struct guest_order order = {
		.magic = GUEST_MSG_MAGIC,
		.type = GUEST_ORDER_HANG_UP,
	};
	struct host h = {
		.terminal = WINDOW_24_80,
		.orders = &order,
		.order_cnt = 1,
	};

	init_rig_shell(&h, "n=0; trap 'n=$((n + 1))' HUP; sleep 0.1;"
			   "echo ready; while [ $n = 0 ]; do sleep 0.01; done;"
			   "sleep 0.2; exit $((n + 2))");
	expect(&h, 3, "ready\r\n");
}
END_TEST

/* Nobody looks any more. */
START_TEST(user_goes_away)
{
	struct host h = terminal();

	h.close_at = 10000;
	init_rig_shell(&h, "exec yes");
	ck_assert_uint_eq(h.last.value, 128 + SIGHUP);
}
END_TEST

/* ^C is for the foreground, ^Z as well, and the shell goes on. */
START_TEST(jobs_of_a_shell)
{
	/* When it says "a", "130" and "b" */
	static const char *const typed[] = {"\3", "", "\32"};
	struct host h = terminal();

	h.typed = typed;
	h.typed_cnt = ARRAY_SIZE(typed);
	init_rig_shell(&h, "set -m; trap : INT;"
			   "sh -c 'echo a; exec sleep 100'; echo $?;"
			   "sh -c 'echo b; exec sleep 100'; echo $?;"
			   "exec sh -c 'exit 9'");
	ck_assert_uint_eq(h.last.value, 9);
	ck_assert_ptr_nonnull(strstr(h.kept[GUEST_PORT_STDOUT], "^C"));
	ck_assert_ptr_nonnull(strstr(h.kept[GUEST_PORT_STDOUT], "130\r\n"));
	ck_assert_ptr_nonnull(strstr(h.kept[GUEST_PORT_STDOUT], "^Z"));
	ck_assert_ptr_nonnull(strstr(h.kept[GUEST_PORT_STDOUT], "148\r\n"));
}
END_TEST

/* What was written last is shown, although the end of a session hangs up. */
START_TEST(last_words_are_shown)
{
	for (int i = 0; i < 50; i++) {
		struct host h = terminal();

		h.deaf_ms = i % 5;
		init_rig_shell(&h, "head -c 20000 /dev/zero; exit 4");
		ck_assert_uint_eq(h.len[GUEST_PORT_STDOUT], 20000);
		ck_assert_uint_eq(h.last.value, 4);
	}
}
END_TEST

START_TEST(nothing_is_left_open)
{
	struct host h = terminal();

	init_rig_shell(&h, "ls -l /proc/$$/fd | grep -c ptmx;"
			   "ls -l /proc/$$/fd | grep -c pts/");
	expect(&h, 0, "0\r\n3\r\n");
}
END_TEST

START_TEST(cannot_start)
{
	char *const argv[] = {(char[]){"foo"}, NULL};
	struct host h = terminal();

	init_rig_run(&h, argv, "/");
	ck_assert_uint_eq(h.last.type, GUEST_MSG_FAILED);
	ck_assert_uint_eq(h.last.value, 127);
	ck_assert_str_eq(h.last.text,
			 "command 'foo': not found in the guest's PATH");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_terminal");
	TCase *tcase = tcase_create("guest_terminal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, all_streams_are_one_terminal);
	tcase_add_test(tcase, size_that_is_not_known);
	tcase_add_test(tcase, window_changes);
	tcase_add_test(tcase, pipes_have_no_window);
	tcase_add_loop_test(tcase, keys_are_typed, 0, ARRAY_SIZE(keys));
	tcase_add_test(tcase, end_of_input_is_a_key);
	tcase_add_test(tcase, hang_up);
	tcase_add_test(tcase, user_goes_away);
	tcase_add_test(tcase, jobs_of_a_shell);
	tcase_add_test(tcase, last_words_are_shown);
	tcase_add_test(tcase, nothing_is_left_open);
	tcase_add_test(tcase, cannot_start);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
