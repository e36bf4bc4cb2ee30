/*
 * What a session's request may change of the machine's plan, and what not.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "boot/bytes.h"
#include "boot/guest/plan.h"
#include "boot/guest/request.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"

static struct plan plan;

static void set_up(void)
{
	char *const argv[] = {(char[]){"first"}, (char[]){"x"}, NULL};
	char *const envp[] = {(char[]){"A=1"}, (char[]){"HOME=/root"}, NULL};
	const struct guest_spec spec = {
		.root_tag = "root",
		.hostname = "h",
		.workdir = "/",
		.terminal = "1",
		.argv = argv,
		.envp = envp,
		.user = "first",
		.group = "crew",
		.pids = 7,
	};
	struct modules none = {.cnt = 0};
	struct bytes out = {0};

	ck_assert_int_eq(spec_encode(&out, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(&plan, out.data, out.len), 0);
}

static void tear_down(void)
{
	plan_destroy(&plan);
}

START_TEST(what_it_does_not_say_is_the_machines)
{
	struct guest_msg why;
	struct plan own;

	ck_assert_int_eq(
		request_parse(&own, &plan, "arg=sh\0env=A=2", 15, &why), 0);
	ck_assert_str_eq(plan_value(&own, GUEST_SPEC_ARG), "sh");
	ck_assert_ptr_null(own.list[GUEST_SPEC_ARG][1]);
	ck_assert_ptr_null(plan_value(&own, GUEST_SPEC_TERMINAL));
	ck_assert_str_eq(plan_value(&own, GUEST_SPEC_USER), "first");
	ck_assert_str_eq(plan_value(&own, GUEST_SPEC_GROUP), "crew");
	ck_assert_str_eq(plan_value(&own, GUEST_SPEC_PIDS), "7");
	ck_assert_str_eq(own.list[GUEST_SPEC_ENV][0], "HOME=/root");
	ck_assert_str_eq(own.list[GUEST_SPEC_ENV][1], "A=2");
	ck_assert_ptr_null(own.list[GUEST_SPEC_ENV][2]);
	plan_destroy(&own);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
} bad_requests[] = {
#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
	BYTES(""),
	BYTES("\0"),
	BYTES("arg=sh"),
	BYTES("env=A=b\0"),
	BYTES("arg=sh\0root=other\0"),
	BYTES("arg=sh\0pids=1\0"),
	BYTES("arg=sh\0caps=1\0"),
	BYTES("arg=sh\0nonsense\0"),
	BYTES("arg=sh\0terminal=1\0terminal=2\0"),
	BYTES("arg=sh\0workdir=/\0workdir=/\0"),
#undef BYTES
};

START_TEST(bad_requests_are_refused)
{
	struct guest_msg why;
	struct plan own;

	ck_assert_int_eq(request_parse(&own, &plan, bad_requests[_i].bytes,
				       bad_requests[_i].len, &why),
			 -EINVAL);
	ck_assert_uint_eq(why.value, 125);
	plan_destroy(&own);
}
END_TEST

START_TEST(another_user_has_another_home)
{
	static const char bytes[] = "arg=sh\0user=app";
	struct guest_msg why;
	struct plan own;

	ck_assert_int_eq(request_parse(&own, &plan, bytes, sizeof(bytes), &why),
			 0);
	ck_assert_str_eq(plan_value(&own, GUEST_SPEC_USER), "app");
	ck_assert_ptr_null(plan_value(&own, GUEST_SPEC_GROUP));
	ck_assert_str_eq(plan_value(&own, GUEST_SPEC_ARG), "sh");
	ck_assert_ptr_null(plan_value(&own, GUEST_SPEC_TERMINAL));
	for (char **env = own.list[GUEST_SPEC_ENV]; *env; env++)
		ck_assert_int_ne(strncmp(*env, "HOME=", 5), 0);
	plan_destroy(&own);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("guest_request");
	TCase *tc = tcase_create("guest_request");
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, what_it_does_not_say_is_the_machines);
	tcase_add_loop_test(tc, bad_requests_are_refused, 0,
			    ARRAY_SIZE(bad_requests));
	tcase_add_test(tc, another_user_has_another_home);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
