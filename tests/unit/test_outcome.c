/*
 * Outcomes: what ranks highest, and that 0 is never an accident.
 */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "vmm/outcome.h"

START_TEST(only_a_command_can_succeed)
{
	for (int kind = OUTCOME_NONE; kind < OUTCOME_NUM_KINDS; kind++) {
		struct outcome o = {.kind = kind};
		int status = outcome_status(&o);

		if (kind == OUTCOME_COMMAND)
			ck_assert_int_eq(status, 0);
		else
			ck_assert_int_ne(status, 0);
	}
}
END_TEST

START_TEST(only_power_off_ends_a_boot_well)
{
	struct outcome o = {0};

	outcome_set(&o, OUTCOME_POWER_OFF, 0, NULL);
	ck_assert_int_eq(outcome_boot_status(&o), 0);
	ck_assert_int_eq(outcome_status(&o), OUTCOME_FAILURE);
	outcome_set(&o, OUTCOME_RESET, 0, NULL);
	ck_assert_int_eq(outcome_boot_status(&o), OUTCOME_FAILURE);
}
END_TEST

START_TEST(statuses_of_the_command_pass)
{
	for (int value = 0; value < 256; value++) {
		struct outcome o = {0};

		outcome_set(&o, OUTCOME_COMMAND, value, NULL);
		ck_assert_int_eq(outcome_status(&o), value);
	}
}
END_TEST

START_TEST(init_cannot_claim_success)
{
	struct outcome o = {0};

	outcome_set(&o, OUTCOME_GUEST_FAILED, 0, "lie");
	ck_assert_int_eq(outcome_status(&o), OUTCOME_FAILURE);
	o.value = 127;
	ck_assert_int_eq(outcome_status(&o), 127);
	o.value = 42;
	ck_assert_int_eq(outcome_status(&o), OUTCOME_FAILURE);
}
END_TEST

START_TEST(a_report_outranks_the_power_switch)
{
	struct outcome o = {0};

	outcome_set(&o, OUTCOME_POWER_OFF, 0, NULL);
	outcome_set(&o, OUTCOME_COMMAND, 7, NULL);
	outcome_set(&o, OUTCOME_RESET, 0, NULL);
	outcome_set(&o, OUTCOME_KVM_ERROR, 0, "late");
	ck_assert_int_eq(outcome_status(&o), 7);
	ck_assert_str_eq(o.text, "");
}
END_TEST

START_TEST(a_signal_is_128_and_more)
{
	struct outcome o = {0};

	outcome_set(&o, OUTCOME_SIGNAL, SIGTERM, NULL);
	ck_assert_int_eq(outcome_status(&o), 143);
}
END_TEST

START_TEST(text_is_cut_and_made_printable)
{
	struct outcome o = {0};
	char text[2 * OUTCOME_TEXT_LEN];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	outcome_set(&o, OUTCOME_PANIC, 0, text);
	ck_assert_uint_eq(strlen(o.text), OUTCOME_TEXT_LEN - 1);
	ck_assert_ptr_null(strchr(o.text, '\n'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outcome");
	TCase *tcase = tcase_create("outcome");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, only_a_command_can_succeed);
	tcase_add_test(tcase, only_power_off_ends_a_boot_well);
	tcase_add_test(tcase, statuses_of_the_command_pass);
	tcase_add_test(tcase, init_cannot_claim_success);
	tcase_add_test(tcase, a_report_outranks_the_power_switch);
	tcase_add_test(tcase, a_signal_is_128_and_more);
	tcase_add_test(tcase, text_is_cut_and_made_printable);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
