/*
 * The exchange: streams, credit, signals and ends between clients and a guest.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/exchange_rig.h"
#include "vmm/base/bits.h"

enum { MANY = 300 };

static char block[FRAME_MAX_DATA];

static void guest_writes(unsigned int session, uint8_t stream, uint32_t len)
{
	xr_guest_says((struct frame){.type = FRAME_DATA,
				     .stream = stream,
				     .session = (uint16_t)session,
				     .len = len},
		      block);
}

static void client_writes(int fd, uint32_t len)
{
	xr_client_says(fd, (struct frame){.type = FRAME_DATA, .len = len},
		       block);
}

static void guest_ends(unsigned int session, uint32_t status)
{
	xr_guest_says((struct frame){.type = FRAME_ENDED,
				     .session = (uint16_t)session,
				     .value = status},
		      "");
}

static void expect(struct frame head, enum frame_type type, unsigned int stream,
		   uint32_t value)
{
	ck_assert_uint_eq(head.type, type);
	ck_assert_uint_eq(head.stream, stream);
	ck_assert_uint_eq(head.type == FRAME_DATA ? head.len : head.value,
			  value);
}

static void expect_closed(int fd)
{
	ck_assert_uint_eq(xr_client_hears(fd).type, 255);
	close(fd);
}

START_TEST(a_command_from_beginning_to_end)
{
	int fd = xr_running(0);

	client_writes(fd, 10);
	expect(xr_guest_hears(), FRAME_DATA, 0, 10);
	xr_client_says(fd, (struct frame){.type = FRAME_END}, "");
	expect(xr_guest_hears(), FRAME_END, 0, 0);
	xr_guest_says((struct frame){.type = FRAME_CREDIT, .value = 10}, "");
	expect(xr_client_hears(fd), FRAME_CREDIT, 0, 10);
	guest_writes(0, 1, 5);
	expect(xr_client_hears(fd), FRAME_DATA, 1, 5);
	guest_writes(0, 2, 6);
	expect(xr_client_hears(fd), FRAME_DATA, 2, 6);
	xr_guest_says((struct frame){.type = FRAME_END, .stream = 1}, "");
	expect(xr_client_hears(fd), FRAME_END, 1, 0);
	guest_ends(0, 42);
	expect(xr_client_hears(fd), FRAME_ENDED, 0, 42);
	expect_closed(fd);
	ck_assert_uint_eq(xr_guest_hears().type, 0);
	close(xr_running(0));
}
END_TEST

START_TEST(a_failure_is_told)
{
	int fd = xr_asking();

	ck_assert_uint_eq(xr_guest_hears().type, FRAME_OPEN);
	xr_guest_says(
		(struct frame){.type = FRAME_FAILED, .len = 3, .value = 127},
		"why");
	expect(xr_client_hears(fd), FRAME_FAILED, 0, 127);
	ck_assert_mem_eq(xr_payload(), "why", 3);
	expect_closed(fd);
}
END_TEST

START_TEST(signals_and_window_are_passed_on)
{
	int fd = xr_running(0);

	for (unsigned int i = 0; i < MANY; i++) {
		send(fd,
		     &(struct frame){.type = FRAME_SIGNAL, .value = SIGUSR1},
		     sizeof(struct frame), 0);
		guest_run(&xr_guest);
	}
	expect(xr_guest_hears(), FRAME_SIGNAL, 0, SIGUSR1);
	while (xr_guest_hears().type)
		continue;
	xr_client_says(
		fd, (struct frame){.type = FRAME_SIGNAL_GROUP, .value = SIGINT},
		"");
	expect(xr_guest_hears(), FRAME_SIGNAL_GROUP, 0, SIGINT);
	xr_client_says(fd, (struct frame){.type = FRAME_WINDOW, .value = 77},
		       "");
	expect(xr_guest_hears(), FRAME_WINDOW, 0, 77);
	close(fd);
}
END_TEST

/* Who does not read gets what it has credit for, and nobody else waits. */
START_TEST(a_client_that_does_not_read_stops_nobody)
{
	int slow = xr_running(0), other = xr_running(1);
	uint32_t credit = FRAME_WINDOW_LEN;
	struct frame head;

	/* As long as the client's socket takes it, there is more credit. */
	while (credit) {
		guest_writes(0, 1, MIN(credit, (uint32_t)FRAME_MAX_DATA));
		credit -= MIN(credit, (uint32_t)FRAME_MAX_DATA);
		while ((head = xr_guest_hears()).type) {
			expect(head, FRAME_CREDIT, 1, head.value);
			credit += head.value;
		}
	}
	ck_assert_uint_gt(xr_exchange.client[0].output[0].fifo.len,
			  FRAME_WINDOW_LEN - FRAME_GRANT_LEN);
	guest_writes(1, 1, 100);
	expect(xr_client_hears(other), FRAME_DATA, 1, 100);
	/* It reads again: there is credit again. */
	for (unsigned int i = 0; i < 40 && xr_client_hears(slow).type; i++)
		continue;
	expect(xr_guest_hears(), FRAME_CREDIT, 1, FRAME_WINDOW_LEN);
	close(slow);
	close(other);
}
END_TEST

START_TEST(a_guest_that_does_not_read_takes_a_window)
{
	int fd = xr_running(0), other = xr_running(1);

	for (unsigned int i = 0; i < FRAME_WINDOW_LEN / FRAME_MAX_DATA; i++)
		client_writes(fd, FRAME_MAX_DATA);
	ck_assert_uint_eq(xr_client_hears(fd).type, 0);
	client_writes(other, 10);
	for (unsigned int i = 0; i <= FRAME_WINDOW_LEN / FRAME_MAX_DATA; i++) {
		struct frame head = xr_guest_hears();

		expect(head, FRAME_DATA, 0, head.session ? 10 : FRAME_MAX_DATA);
	}
	/* One byte more than there is credit for. */
	client_writes(fd, 1);
	expect_closed(fd);
	expect(xr_guest_hears(), FRAME_CLOSE, 0, 0);
	close(other);
}
END_TEST

START_TEST(who_stops_reading_is_told_to_the_guest)
{
	int fd = xr_running(0);

	xr_client_says(fd, (struct frame){.type = FRAME_END, .stream = 1}, "");
	expect(xr_guest_hears(), FRAME_END, 1, 0);
	/* What was on its way is thrown away. */
	guest_writes(0, 1, 100);
	ck_assert_uint_eq(xr_client_hears(fd).type, 0);
	xr_guest_says((struct frame){.type = FRAME_END, .stream = 0}, "");
	expect(xr_client_hears(fd), FRAME_END, 0, 0);
	client_writes(fd, 5);
	ck_assert_uint_eq(xr_guest_hears().type, 0);
	guest_ends(0, 1);
	expect(xr_client_hears(fd), FRAME_ENDED, 0, 1);
	expect_closed(fd);
}
END_TEST

START_TEST(a_client_that_goes_frees_all)
{
	int fd = xr_running(0);

	client_writes(fd, 100);
	guest_writes(0, 1, 100);
	close(fd);
	guest_run(&xr_guest);
	while (xr_guest_hears().type != FRAME_CLOSE)
		continue;
	ck_assert_uint_eq(xr_exchange.client[0].state, CLIENT_LEFT);
	/* Its number is not given to another before the guest is done. */
	fd = xr_running(1);
	guest_writes(0, 1, 100);
	guest_ends(0, 129);
	ck_assert_uint_eq(xr_exchange.client[0].state, CLIENT_FREE);
	close(fd);
	guest_run(&xr_guest);
	ck_assert_uint_eq(xr_guest_hears().type, FRAME_CLOSE);
	close(xr_running(0));
}
END_TEST

START_TEST(a_client_that_goes_before_it_asks_leaves_nothing)
{
	int fd = xr_client();

	send(fd, "\1\0", 2, 0);
	guest_run(&xr_guest);
	close(fd);
	guest_run(&xr_guest);
	ck_assert_uint_eq(xr_exchange.client[0].state, CLIENT_FREE);
	ck_assert_uint_eq(xr_guest_hears().type, 0);
}
END_TEST

START_TEST(one_too_many_is_refused)
{
	int fd[FRAME_SESSIONS + 1];

	for (unsigned int i = 0; i < FRAME_SESSIONS; i++)
		fd[i] = xr_running(i);
	fd[FRAME_SESSIONS] = xr_client();
	expect(xr_client_hears(fd[FRAME_SESSIONS]), FRAME_FAILED, 0, 125);
	expect_closed(fd[FRAME_SESSIONS]);
	guest_ends(5, 0);
	ck_assert_uint_eq(xr_client_hears(fd[5]).type, FRAME_ENDED);
	expect_closed(fd[5]);
	fd[5] = xr_running(5);
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++)
		close(fd[i]);
}
END_TEST

START_TEST(a_large_request_comes_whole)
{
	static char request[FRAME_MAX_REQUEST];
	int fd = xr_client();

	memset(request, 'x', sizeof(request) - 1);
	xr_client_says(
		fd, (struct frame){.type = FRAME_OPEN, .len = sizeof(request)},
		request);
	ck_assert_uint_eq(xr_guest_hears().len, sizeof(request));
	ck_assert_mem_eq(xr_payload(), request, sizeof(request));
	close(fd);
}
END_TEST

START_TEST(the_rest_is_delivered_after_the_end)
{
	int fd = xr_running(0);

	guest_write(&xr_guest, 0,
		    &(struct frame){.type = FRAME_ENDED, .value = 9},
		    sizeof(struct frame));
	exchange_drain(&xr_exchange);
	expect(xr_client_hears(fd), FRAME_ENDED, 0, 9);
	close(fd);
}
END_TEST

/* A client's frames that it may not send, or not now. */
static const struct frame bad[] = {
	{FRAME_OPEN, 0, 0, 1, 0},
	{FRAME_DATA, 1, 0, 1, 0},
	{FRAME_DATA, 0, 1, 1, 0},
	{FRAME_CREDIT, 1, 0, 0, 5},
	{FRAME_CLOSE, 0, 0, 0, 0},
	{FRAME_ENDED, 0, 0, 0, 0},
	{FRAME_STARTED, 0, 0, 0, 0},
	{FRAME_SIGNAL, 0, 0, 0, 64},
	{FRAME_END, 3, 0, 0, 0},
	{0, 0, 0, 0, 0},
	{99, 0, 0, 0, 0},
};

START_TEST(a_bad_client_is_dropped)
{
	int fd = xr_running(0), other = xr_running(1);

	xr_client_says(fd, bad[_i], "x");
	while (xr_guest_hears().type != FRAME_CLOSE)
		continue;
	expect_closed(fd);
	client_writes(other, 5);
	expect(xr_guest_hears(), FRAME_DATA, 0, 5);
	close(other);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("exchange");
	TCase *tc = tcase_create("exchange");
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, xr_set_up, xr_tear_down);
	tcase_add_test(tc, a_command_from_beginning_to_end);
	tcase_add_test(tc, a_failure_is_told);
	tcase_add_test(tc, signals_and_window_are_passed_on);
	tcase_add_test(tc, a_client_that_does_not_read_stops_nobody);
	tcase_add_test(tc, a_guest_that_does_not_read_takes_a_window);
	tcase_add_test(tc, who_stops_reading_is_told_to_the_guest);
	tcase_add_test(tc, a_client_that_goes_frees_all);
	tcase_add_test(tc, a_client_that_goes_before_it_asks_leaves_nothing);
	tcase_add_test(tc, one_too_many_is_refused);
	tcase_add_test(tc, a_large_request_comes_whole);
	tcase_add_test(tc, the_rest_is_delivered_after_the_end);
	tcase_add_loop_test(tc, a_bad_client_is_dropped, 0, ARRAY_SIZE(bad));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
