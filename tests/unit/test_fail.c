/*
 * The line that a failed set-up shows.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "vmm/base/fail.h"

START_TEST(reason_and_errno)
{
	struct fail fail = {0};

	ck_assert_int_eq(fail_set(&fail, -ENOENT, "kernel %s: not found", "/x"),
			 -ENOENT);
	ck_assert_str_eq(fail.text, "kernel /x: not found");
}
END_TEST

START_TEST(newer_reason_replaces_older)
{
	struct fail fail = {0};

	fail_set(&fail, -EIO, "a long reason that came first");
	fail_set(&fail, -EIO, "second");
	ck_assert_str_eq(fail.text, "second");
}
END_TEST

START_TEST(long_reason_is_cut)
{
	char big[4 * FAIL_TEXT_LEN];
	struct fail fail;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	ck_assert_int_eq(fail_set(&fail, -EINVAL, "%s", big), -EINVAL);
	ck_assert_uint_eq(strlen(fail.text), FAIL_TEXT_LEN - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fail");
	TCase *tcase = tcase_create("fail");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, reason_and_errno);
	tcase_add_test(tcase, newer_reason_replaces_older);
	tcase_add_test(tcase, long_reason_is_cut);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
