/*
 * The kernel's last words, found in whatever a guest wrote to its console.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/klog.h"

static struct klog klog;

static void say(const char *text)
{
	klog_write(&klog, text, strlen(text));
}

START_TEST(panic_is_found)
{
	char why[64];

	klog_init(&klog);
	say("[ 1.0] fine\r\n");
	ck_assert(!klog_find_panic(&klog, why, sizeof(why)));
	say("[ 1.1] Kernel panic - not syncing: VFS: no root\r\n[ 1.2] more");
	ck_assert(klog_find_panic(&klog, why, sizeof(why)));
	ck_assert_str_eq(why, "VFS: no root");
}
END_TEST

START_TEST(panic_is_found_over_the_seam)
{
	char why[64];

	for (size_t fill = KLOG_LEN - 40; fill < KLOG_LEN + 8; fill++) {
		klog_init(&klog);
		for (size_t i = 0; i < fill; i++)
			say(".");
		say("Kernel panic - not syncing: x\n");
		ck_assert(klog_find_panic(&klog, why, sizeof(why)));
		ck_assert_str_eq(why, "x");
	}
}
END_TEST

START_TEST(old_panic_is_forgotten)
{
	char why[64];

	klog_init(&klog);
	say("Kernel panic - not syncing: old\n");
	for (size_t i = 0; i < KLOG_LEN; i++)
		say("\n");
	ck_assert(!klog_find_panic(&klog, why, sizeof(why)));
}
END_TEST

START_TEST(hostile_text_is_cut_and_cleaned)
{
	char why[8];

	klog_init(&klog);
	say("Kernel panic - not syncing: \033[31m\x80");
	klog_write(&klog, "\0\0\0\0\0\0\0\0", 8);
	ck_assert(klog_find_panic(&klog, why, sizeof(why)));
	ck_assert_str_eq(why, "?[31m??");
}
END_TEST

START_TEST(a_large_write_keeps_the_end)
{
	size_t len = (size_t)3 * KLOG_LEN;
	char *flood = malloc(len);
	char why[8];

	klog_init(&klog);
	memset(flood, 'x', len);
	klog_write(&klog, flood, len);
	say("Kernel panic - not syncing: end");
	ck_assert(klog_find_panic(&klog, why, sizeof(why)));
	ck_assert_str_eq(why, "end");
	free(flood);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("klog");
	TCase *tcase = tcase_create("klog");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, panic_is_found);
	tcase_add_test(tcase, panic_is_found_over_the_seam);
	tcase_add_test(tcase, old_panic_is_forgotten);
	tcase_add_test(tcase, hostile_text_is_cut_and_cleaned);
	tcase_add_test(tcase, a_large_write_keeps_the_end);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
