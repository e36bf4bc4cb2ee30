/*
 * File descriptors: ownership, whole reads and writes, eventfds.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/fd.h"

enum { PIPE_LEN = 300000 }; /* more than a pipe holds */

START_TEST(close_leaves_minus_one)
{
	int fd = dup(STDERR_FILENO), copy = fd;

	ck_assert_int_ge(fd, 0);
	fd_close(&fd);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(fcntl(copy, F_GETFD), -1);
	fd_close(&fd);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(zero_is_a_descriptor)
{
	int fd = STDIN_FILENO;

	ck_assert_int_ge(dup2(STDERR_FILENO, STDIN_FILENO), 0);
	fd_close(&fd);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
}
END_TEST

static int take_from_scope(void)
{
	autofd fd = dup(STDERR_FILENO);

	return fd_take(&fd);
}

START_TEST(taken_descriptor_outlives_its_scope)
{
	autofd fd = take_from_scope();
	int copy = fd;

	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	ck_assert_int_eq(fd_take(&fd), copy);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(fd_take(&fd), -1);
	fd_close(&copy);
}
END_TEST

START_TEST(autofd_closes_at_the_end_of_its_scope)
{
	int copy;

	{
		autofd fd = dup(STDERR_FILENO);

		copy = fd;
	}
	ck_assert_int_eq(fcntl(copy, F_GETFD), -1);
}
END_TEST

START_TEST(read_is_whole_or_fails)
{
	autofd fd = memfd_create("test", MFD_CLOEXEC);
	char buf[8] = "";

	ck_assert_int_eq(fd_write_full(fd, "0123456789", 10), 0);
	ck_assert_int_eq(fd_read_full(fd, buf, 4, 6), 0);
	ck_assert_str_eq(buf, "6789");
	ck_assert_int_eq(fd_read_full(fd, buf, 0, 1000), 0);
	ck_assert_int_eq(fd_read_full(fd, buf, 5, 6), -ENODATA);
	ck_assert_int_eq(fd_read_full(fd, buf, 1, 10), -ENODATA);
	ck_assert_int_eq(fd_read_full(fd, buf, 1, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(fd_read_full(fd, buf, 1, 1ULL << 63), -EINVAL);
	ck_assert_int_eq(fd_read_full(-1, buf, 1, 0), -EBADF);
}
END_TEST

static void *drain(void *arg)
{
	static char buf[PIPE_LEN];
	const int *fd = arg;
	size_t total = 0;
	ssize_t n;

	while ((n = read(*fd, buf + total, 1000)) > 0)
		total += n;
	for (size_t i = 0; i < total; i++) {
		if (buf[i] != (char)i)
			return NULL;
	}
	return total == PIPE_LEN ? buf : NULL;
}

START_TEST(write_goes_on_after_a_short_one)
{
	static char data[PIPE_LEN];
	pthread_t reader;
	void *result;
	int ends[2];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)i;
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, drain, &ends[0]), 0);
	ck_assert_int_eq(fd_write_full(ends[1], data, sizeof(data)), 0);
	fd_close(&ends[1]);
	pthread_join(reader, &result);
	ck_assert_ptr_nonnull(result);
	fd_close(&ends[0]);
}
END_TEST

START_TEST(write_reports_what_stopped_it)
{
	autofd full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	autofd readonly = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fd_write_full(full, "x", 1), -ENOSPC);
	ck_assert_int_eq(fd_write_full(readonly, "x", 1), -EBADF);
	ck_assert_int_eq(fd_write_full(-1, "x", 1), -EBADF);
	ck_assert_int_eq(fd_write_full(-1, NULL, 0), 0);
}
END_TEST

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0);
}

START_TEST(event_is_set_until_cleared)
{
	autofd fd = fd_event();

	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(readable(fd), 0);
	fd_event_signal(fd);
	fd_event_signal(fd);
	ck_assert_int_eq(readable(fd), 1);
	fd_event_clear(fd);
	ck_assert_int_eq(readable(fd), 0);
	/* Nothing to clear: must not block. */
	fd_event_clear(fd);
}
END_TEST

START_TEST(full_event_does_not_block)
{
	autofd fd = fd_event();
	const uint64_t most = UINT64_MAX - 1;

	ck_assert_int_eq(write(fd, &most, sizeof(most)), sizeof(most));
	fd_event_signal(fd);
	ck_assert_int_eq(readable(fd), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fd");
	TCase *tcase = tcase_create("fd");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, close_leaves_minus_one);
	tcase_add_test(tcase, zero_is_a_descriptor);
	tcase_add_test(tcase, taken_descriptor_outlives_its_scope);
	tcase_add_test(tcase, autofd_closes_at_the_end_of_its_scope);
	tcase_add_test(tcase, read_is_whole_or_fails);
	tcase_add_test(tcase, write_goes_on_after_a_short_one);
	tcase_add_test(tcase, write_reports_what_stopped_it);
	tcase_add_test(tcase, event_is_set_until_cleared);
	tcase_add_test(tcase, full_event_does_not_block);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
