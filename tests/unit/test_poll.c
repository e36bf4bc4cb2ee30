/*
 * When a queue's server looks on, and when it gives that up.
 */
#include "devices/virtio/poll.h"

#include <check.h>
#include <stdlib.h>

enum { SOON = QUEUE_POLL_NS, LATE = QUEUE_POLL_NS + 1 };

static struct queue_poll look;
static uint64_t now_ns;

static void setup(void)
{
	look = (struct queue_poll){.allowed = true};
	now_ns = 1;
}

/* Sleep, and be woken after so long. */
static void sleep_for(uint64_t ns)
{
	queue_poll_sleeps(&look, now_ns);
	now_ns += ns;
	queue_poll_woken(&look, now_ns);
}

/* How many short sleeps it takes until it looks on again. */
static unsigned int sleeps_before_look(void)
{
	unsigned int cnt = 0;

	while (!look.on) {
		sleep_for(SOON);
		cnt++;
		ck_assert_uint_le(cnt, 1000);
	}
	return cnt;
}

START_TEST(begins_when_it_would_have_paid)
{
	ck_assert(!look.on);
	queue_poll_woken(&look, now_ns);
	ck_assert_msg(!look.on, "the first kick says nothing");
	sleep_for(LATE);
	ck_assert(!look.on);
	sleep_for(SOON);
	ck_assert(look.on);
	queue_poll_looked(&look, true);
	ck_assert(look.on);
}
END_TEST

/* It kicks itself after a batch, without having slept. */
START_TEST(own_kick_says_nothing)
{
	sleep_for(LATE);
	queue_poll_woken(&look, now_ns);
	queue_poll_woken(&look, now_ns + SOON);
	ck_assert(!look.on);
}
END_TEST

START_TEST(never_unless_allowed)
{
	look.allowed = false;
	for (int i = 0; i < 1000; i++)
		sleep_for(i % SOON);
	ck_assert(!look.on);
}
END_TEST

START_TEST(backs_off)
{
	for (unsigned int skip = 1; skip < 10 * QUEUE_POLL_SKIP_MAX;
	     skip = skip * 2 + 1) {
		unsigned int most =
			skip < QUEUE_POLL_SKIP_MAX ? skip : QUEUE_POLL_SKIP_MAX;

		look.on = true;
		queue_poll_looked(&look, false);
		ck_assert(!look.on);
		ck_assert_uint_eq(sleeps_before_look(), most + 1);
	}
}
END_TEST

/* Long sleeps are no chances: a queue that is mostly idle never looks on. */
START_TEST(late_requests_count_for_nothing)
{
	look.on = true;
	queue_poll_looked(&look, false);
	for (int i = 0; i < 1000; i++)
		sleep_for(LATE);
	ck_assert_uint_eq(sleeps_before_look(), 2);
}
END_TEST

START_TEST(trusts_again_after_many_finds)
{
	for (int i = 0; i < 6; i++) {
		look.on = true;
		queue_poll_looked(&look, false);
	}
	ck_assert_uint_gt(sleeps_before_look(), 60);
	for (int i = 1; i < QUEUE_POLL_GOOD; i++)
		queue_poll_looked(&look, true);
	queue_poll_looked(&look, false);
	ck_assert_uint_gt(sleeps_before_look(), 120);
	for (int i = 0; i < QUEUE_POLL_GOOD; i++)
		queue_poll_looked(&look, true);
	queue_poll_looked(&look, false);
	ck_assert_uint_eq(sleeps_before_look(), 2);
}
END_TEST

/* A guest whose requests come soon after each sleep, and after no look. */
START_TEST(hostile_rhythm_costs_little)
{
	unsigned int looks = 0;

	for (int i = 0; i < 100000; i++) {
		sleep_for(SOON);
		if (!look.on)
			continue;
		queue_poll_looked(&look, false);
		looks++;
	}
	ck_assert_uint_le(looks, 100000 / QUEUE_POLL_SKIP_MAX + 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("poll");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, begins_when_it_would_have_paid);
	tcase_add_test(tc, own_kick_says_nothing);
	tcase_add_test(tc, never_unless_allowed);
	tcase_add_test(tc, backs_off);
	tcase_add_test(tc, late_requests_count_for_nothing);
	tcase_add_test(tc, trusts_again_after_many_finds);
	tcase_add_test(tc, hostile_rhythm_costs_little);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
