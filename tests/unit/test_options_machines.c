/*
 * The command line of what is about machines with names.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>

#include "tests/unit/command_line.h"
#include "vmm/base/bits.h"
#include "vmm/config.h"

static struct command_line typed;

static int parse(const char *text)
{
	return command_line_parse(&typed, text);
}

static void refuses(const char *text, const char *noun)
{
	command_line_refuse(&typed, text, noun);
}

START_TEST(run_takes_a_name)
{
	ck_assert_int_eq(parse("wherry run --name web.1 /root"), 0);
	ck_assert_str_eq(typed.config.name, "web.1");
	ck_assert(!typed.config.detach);
	ck_assert_uint_eq(typed.config.output_max, 0);
	ck_assert_int_eq(parse("wherry run --detach --name web /root"), 0);
	ck_assert(typed.config.detach);
	refuses("wherry run --name Web /root", "--name Web");
	refuses("wherry run --name ../web /root", "--name ../web");
	refuses("wherry boot --name web --kernel k", "--name");
}
END_TEST

START_TEST(who_is_detached_has_a_name_and_no_terminal)
{
	refuses("wherry run --detach /root", "--detach");
	refuses("wherry run -t --detach --name web /root", "--tty");
	ck_assert_int_eq(parse("wherry run -i --detach --name web /root"), 0);
}
END_TEST

START_TEST(a_log_is_bounded)
{
	ck_assert_int_eq(parse("wherry run --detach --name web /root"), 0);
	ck_assert_uint_eq(typed.config.output_max, MIB(64));
	ck_assert_ptr_null(typed.config.output_limit);
	ck_assert_int_eq(parse("wherry run --output-limit 1M --detach "
			       "--name web /root"),
			 0);
	ck_assert_uint_eq(typed.config.output_max, MIB(1));
	ck_assert_str_eq(typed.config.output_limit, "1M");
}
END_TEST

START_TEST(exec_takes_a_command)
{
	ck_assert_int_eq(parse("wherry exec -it --env A=b --user 5 web -- ls "
			       "-l"),
			 0);
	ck_assert_int_eq(typed.config.command, CONFIG_EXEC);
	ck_assert_str_eq(typed.config.name, "web");
	ck_assert_str_eq(typed.config.argv[0], "ls");
	ck_assert_str_eq(typed.config.argv[1], "-l");
	ck_assert(typed.config.tty && typed.config.interactive);
	ck_assert_str_eq(typed.config.user, "5");
	ck_assert_ptr_null(typed.config.workdir);
	ck_assert_int_eq(parse("wherry exec web"), 0);
	ck_assert_str_eq(typed.config.argv[0], "/bin/sh");
	ck_assert_int_eq(parse("wherry exec --workdir /tmp web ls -t"), 0);
	ck_assert_str_eq(typed.config.argv[1], "-t");
	ck_assert(!typed.config.tty);
	ck_assert_str_eq(typed.config.workdir, "/tmp");
	refuses("wherry exec", "NAME");
	refuses("wherry exec --memory 1G web", "--memory");
}
END_TEST

START_TEST(kill_takes_a_signal_on_either_side)
{
	ck_assert_int_eq(parse("wherry kill web"), 0);
	ck_assert_int_eq(typed.config.signal, 0);
	ck_assert_int_eq(parse("wherry kill web -s USR1"), 0);
	ck_assert_int_eq(typed.config.signal, SIGUSR1);
	ck_assert_str_eq(typed.config.name, "web");
	ck_assert_int_eq(parse("wherry kill --signal sigterm web"), 0);
	ck_assert_int_eq(typed.config.signal, SIGTERM);
	ck_assert_int_eq(parse("wherry kill -s 9 web"), 0);
	ck_assert_int_eq(typed.config.signal, SIGKILL);
	refuses("wherry kill -s SEGV web", "--signal SEGV");
	refuses("wherry kill -s 0 web", "--signal 0");
	refuses("wherry kill -s 99 web", "--signal 99");
	refuses("wherry kill -s SIG web", "--signal SIG");
	refuses("wherry kill -s", "-s");
}
END_TEST

START_TEST(logs_can_be_followed)
{
	ck_assert_int_eq(parse("wherry logs web"), 0);
	ck_assert(!typed.config.follow);
	ck_assert_int_eq(parse("wherry logs -f web"), 0);
	ck_assert(typed.config.follow);
	ck_assert_int_eq(parse("wherry logs web --follow"), 0);
	ck_assert(typed.config.follow);
	ck_assert_str_eq(typed.config.name, "web");
	refuses("wherry logs -f", "NAME: missing");
	refuses("wherry logs --follow=1 web", "--follow");
	refuses("wherry stop --follow web", "--follow");
	refuses("wherry run --follow /root", "--follow");
}
END_TEST

static const char *const with_name[] = {"logs", "stop", "kill", "wait"};

START_TEST(others_take_one_name)
{
	char text[64];

	snprintf(text, sizeof(text), "wherry %s web", with_name[_i]);
	ck_assert_int_eq(parse(text), 0);
	ck_assert_str_eq(typed.config.name, "web");
	snprintf(text, sizeof(text), "wherry %s", with_name[_i]);
	refuses(text, "NAME: missing");
	snprintf(text, sizeof(text), "wherry %s web more", with_name[_i]);
	refuses(text, "argument more");
	snprintf(text, sizeof(text), "wherry %s --tty web", with_name[_i]);
	refuses(text, "--tty");
}
END_TEST

START_TEST(ps_takes_nothing)
{
	ck_assert_int_eq(parse("wherry ps"), 0);
	ck_assert_int_eq(typed.config.command, CONFIG_PS);
	refuses("wherry ps web", "argument web: ps takes none");
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("options_machines");
	TCase *tc = tcase_create("options_machines");
	int failed;

	tcase_add_test(tc, run_takes_a_name);
	tcase_add_test(tc, who_is_detached_has_a_name_and_no_terminal);
	tcase_add_test(tc, a_log_is_bounded);
	tcase_add_test(tc, exec_takes_a_command);
	tcase_add_test(tc, kill_takes_a_signal_on_either_side);
	tcase_add_test(tc, logs_can_be_followed);
	tcase_add_loop_test(tc, others_take_one_name, 0, ARRAY_SIZE(with_name));
	tcase_add_test(tc, ps_takes_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
