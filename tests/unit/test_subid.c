/*
 * Subordinate ids: the first range of a user, whatever else is in the file.
 */
#include "vmm/sandbox/subid.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"

static char path[] = "/tmp/wherry-subid-XXXXXX";
static const struct subid_range untouched = {11, 22};
static struct subid_range range;

static void setup(void)
{
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

static void write_bytes(const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	range = untouched;
}

/* What user 1000, called rower, finds in a file with this text. */
static int find(const char *text)
{
	write_bytes(text, strlen(text));
	return subid_find(path, 1000, "rower", &range);
}

static void finds(const char *text, uint32_t first, uint32_t count)
{
	ck_assert_msg(find(text) == 0, "nothing found in '%s'", text);
	ck_assert_uint_eq(range.first, first);
	ck_assert_uint_eq(range.count, count);
}

static void finds_nothing(const char *text)
{
	ck_assert_msg(find(text) == -ENOENT, "'%s' is a range", text);
	ck_assert_mem_eq(&range, &untouched, sizeof(range));
}

START_TEST(user_is_found_by_name_or_number)
{
	finds("rower:100000:65536\n", 100000, 65536);
	finds("1000:100000:65536\n", 100000, 65536);
	finds("rower:100000:65536", 100000, 65536);
	finds("other:1:2\n1001:3:4\nrower:5:6\n", 5, 6);
}
END_TEST

START_TEST(first_range_counts)
{
	finds("rower:100000:65536\n1000:200000:1\n", 100000, 65536);
	finds("1000:200000:1\nrower:100000:65536\n", 200000, 1);
}
END_TEST

START_TEST(user_without_a_name_has_its_number)
{
	write_bytes("rower:1:2\n:3:4\n1000:5:6\n", 24);
	ck_assert_int_eq(subid_find(path, 1000, NULL, &range), 0);
	ck_assert_uint_eq(range.first, 5);
	write_bytes("rower:1:2\n:3:4\n1000:5:6\n", 24);
	ck_assert_int_eq(subid_find(path, 1000, "", &range), 0);
	ck_assert_uint_eq(range.first, 5);
}
END_TEST

START_TEST(others_are_not_the_user)
{
	finds_nothing("");
	finds_nothing("\n\n");
	finds_nothing("rowers:100000:65536\n");
	finds_nothing("rowe:100000:65536\n");
	finds_nothing("Rower:100000:65536\n");
	finds_nothing(" rower:100000:65536\n");
	finds_nothing("#rower:100000:65536\n");
	finds_nothing("10000:100000:65536\n");
	finds_nothing("0x3e8:100000:65536\n");
	finds_nothing("1000 :100000:65536\n");
	finds_nothing("4294968296:100000:65536\n");
	finds_nothing(":100000:65536\n");
}
END_TEST

/* What is no range does not hide the one that follows. */
START_TEST(malformed_lines_are_skipped)
{
	static const char *const lines[] = {
		"rower",      "rower:",	    "rower:1",	   "rower::",
		"rower:1:",   "rower::1",   "rower:x:1",   "rower:1:x",
		"rower:-1:1", "rower:1:-1", "rower:+1:1",  "rower:1:1:1",
		"rower:1:1 ", "rower: 1:1", "rower:0x1:1", "rower:1:1\r",
		"::::::::",
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "%s\n", lines[i]);
		finds_nothing(text);
		snprintf(text, sizeof(text), "%s\nrower:7:8\n", lines[i]);
		finds(text, 7, 8);
	}
}
END_TEST

START_TEST(ranges_that_cannot_be_are_skipped)
{
	finds_nothing("rower:100000:0\n");
	finds_nothing("rower:0:65536\n");
	finds_nothing("rower:4294967295:1\n");
	finds_nothing("rower:4294967294:2\n");
	finds_nothing("rower:1:4294967295\n");
	finds_nothing("rower:2:4294967294\n");
	finds_nothing("rower:4294967296:1\n");
	finds_nothing("rower:1:4294967296\n");
	finds_nothing("rower:18446744073709551616:1\n");
	finds_nothing("rower:1:18446744073709551615\n");
	finds("rower:1:4294967294\n", 1, 4294967294);
	finds("rower:4294967294:1\n", 4294967294, 1);
}
END_TEST

START_TEST(nul_does_not_hide_the_rest_of_a_line)
{
	static const char bytes[] = "rower:1:2\0x\nrower:3:4\n";
	static const char alone[] = "rower:1:2\0\n";

	write_bytes(bytes, sizeof(bytes) - 1);
	ck_assert_int_eq(subid_find(path, 1000, "rower", &range), 0);
	ck_assert_uint_eq(range.first, 3);
	write_bytes(alone, sizeof(alone) - 1);
	ck_assert_int_eq(subid_find(path, 1000, "rower", &range), -ENOENT);
}
END_TEST

START_TEST(long_lines_are_no_obstacle)
{
	enum { LEN = 300000 };
	static const char last[] = "\nrower:7:8\n";
	char *text = malloc(LEN);

	memset(text, '1', LEN);
	memcpy(text, "rower:", 6);
	memcpy(text + LEN - sizeof(last), last, sizeof(last));
	finds(text, 7, 8);
	free(text);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_told_apart)
{
	range = untouched;
	ck_assert_int_eq(
		subid_find("/nonexistent/subuid", 1000, "rower", &range),
		-ENOENT);
	ck_assert_int_eq(subid_find("/tmp", 1000, "rower", &range), -EISDIR);
	ck_assert_mem_eq(&range, &untouched, sizeof(range));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("subid");
	TCase *tcase = tcase_create("subid");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, user_is_found_by_name_or_number);
	tcase_add_test(tcase, first_range_counts);
	tcase_add_test(tcase, user_without_a_name_has_its_number);
	tcase_add_test(tcase, others_are_not_the_user);
	tcase_add_test(tcase, malformed_lines_are_skipped);
	tcase_add_test(tcase, ranges_that_cannot_be_are_skipped);
	tcase_add_test(tcase, nul_does_not_hide_the_rest_of_a_line);
	tcase_add_test(tcase, long_lines_are_no_obstacle);
	tcase_add_test(tcase, files_that_cannot_be_read_are_told_apart);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
