/*
 * Lines on standard error: one write each, whole, and thinned if the guest
 * causes them.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/log.h"

static int pipe_fd[2];
static char text[65536];

/* Standard error goes into a pipe that keeps the border of each write. */
static void setup(void)
{
	ck_assert_int_eq(pipe2(pipe_fd, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	ck_assert_int_ge(dup2(pipe_fd[1], STDERR_FILENO), 0);
}

/* The next write to standard error, "" if there was none. */
static const char *next_line(void)
{
	ssize_t len = read(pipe_fd[0], text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static unsigned int line_cnt(void)
{
	unsigned int cnt = 0;

	while (*next_line())
		cnt++;
	return cnt;
}

START_TEST(line_is_one_write)
{
	log_line("%s: %d", "answer", 42);
	ck_assert_str_eq(next_line(), "wherry: answer: 42\n");
	ck_assert_str_eq(next_line(), "");
}
END_TEST

START_TEST(long_line_is_cut_but_ends)
{
	char big[4096];

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	log_line("%s", big);
	next_line();
	ck_assert_uint_lt(strlen(text), 1024);
	ck_assert_uint_gt(strlen(text), 512);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	log_guest(&(struct log_limit){0}, big, "tail");
	next_line();
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_str_eq(next_line(), "");
}
END_TEST

/* A path or a guest's string must not forge a line or drive the terminal. */
START_TEST(text_stays_one_line_without_control_characters)
{
	log_line("kernel %s: not found",
		 "/a\nwherry: all\r\x1b[2Jis\x7f well\t");
	ck_assert_str_eq(
		next_line(),
		"wherry: kernel /a?wherry: all??[2Jis? well?: not found\n");
	log_line("%s", "gr\xc3\xbc\xc3\x9f"
		       "e");
	ck_assert_str_eq(next_line(), "wherry: gr\xc3\xbc\xc3\x9f"
				      "e\n");
}
END_TEST

START_TEST(guest_line_names_its_device)
{
	struct log_limit limit = {0};

	log_guest(&limit, "fs0", "bad ring %u", 3u);
	ck_assert_str_eq(next_line(), "wherry: fs0: bad ring 3\n");
}
END_TEST

START_TEST(flood_is_thinned)
{
	struct log_limit limit = {0}, other = {0};

	for (unsigned int i = 0; i < 10000; i++)
		log_guest(&limit, "fs0", "bad ring");
	/* A slow machine may take a second or two for the loop. */
	ck_assert_uint_ge(line_cnt(), LOG_LIMIT_BURST);
	for (unsigned int i = 0; i < 10000; i++)
		log_guest(&limit, "fs0", "bad ring");
	ck_assert_uint_lt(line_cnt(), LOG_LIMIT_BURST);
	/* Another kind of line has its own budget. */
	log_guest(&other, "fs0", "bad request");
	ck_assert_uint_eq(line_cnt(), 1);
}
END_TEST

START_TEST(budget_comes_back)
{
	struct log_limit limit = {0};

	for (unsigned int i = 0; i < 2 * LOG_LIMIT_BURST; i++)
		log_guest(&limit, "fs0", "bad ring");
	line_cnt();
	/* As if three seconds had passed. */
	limit.until_ns -= 3000000000;
	for (unsigned int i = 0; i < 2 * LOG_LIMIT_BURST; i++)
		log_guest(&limit, "fs0", "bad ring");
	ck_assert_uint_ge(line_cnt(), 3);
}
END_TEST

START_TEST(closed_standard_error_is_no_harm)
{
	close(STDERR_FILENO);
	log_line("nobody reads this");
	log_guest(&(struct log_limit){0}, "fs0", "nor this");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, line_is_one_write);
	tcase_add_test(tcase, long_line_is_cut_but_ends);
	tcase_add_test(tcase, text_stays_one_line_without_control_characters);
	tcase_add_test(tcase, guest_line_names_its_device);
	tcase_add_test(tcase, flood_is_thinned);
	tcase_add_test(tcase, budget_comes_back);
	tcase_add_test(tcase, closed_standard_error_is_no_harm);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
