/*
 * The exchange and a guest that breaks the rules: it harms its own commands.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/exchange_rig.h"
#include "vmm/base/bits.h"

static char block[FRAME_MAX_REQUEST];

/* Nothing is believed any more; who is there is told, who comes as well. */
static void expect_deaf(int fd)
{
	struct frame head;

	ck_assert(xr_exchange.deaf);
	do
		head = xr_client_hears(fd);
	while (head.type == FRAME_DATA);
	ck_assert_uint_eq(head.type, FRAME_FAILED);
	ck_assert_uint_eq(xr_client_hears(fd).type, 255);
	close(fd);
	fd = xr_client();
	ck_assert_uint_eq(xr_client_hears(fd).type, FRAME_FAILED);
	close(fd);
	while (xr_guest_hears().type)
		continue;
	xr_guest_says((struct frame){.type = FRAME_ENDED}, "");
	ck_assert_uint_eq(xr_guest_hears().type, 0);
}

/* With a command that runs as session 0, and no other. */
static const struct frame bad[] = {
	{FRAME_STARTED, 0, 0, 0, 0}, /* twice */
	{FRAME_STARTED, 0, 1, 0, 0}, /* of nobody */
	{FRAME_STARTED, 0, 0, 1, 0},
	{FRAME_FAILED, 0, 0, 1, 125}, /* after STARTED */
	{FRAME_FAILED, 0, 63, 1, 125},
	{FRAME_ENDED, 0, 1, 0, 0},
	{FRAME_ENDED, 0, 0, 0, 256},
	{FRAME_ENDED, 0, 64, 0, 0},
	{FRAME_ENDED, 0, UINT16_MAX, 0, 0},
	{FRAME_DATA, 0, 0, 1, 0}, /* to stdin */
	{FRAME_DATA, 3, 0, 1, 0},
	{FRAME_DATA, 1, 0, 0, 0},
	{FRAME_DATA, 1, 0, FRAME_MAX_DATA + 1, 0},
	{FRAME_DATA, 1, 0, UINT32_MAX, 0},
	{FRAME_DATA, 1, 63, 1, 0},
	{FRAME_CREDIT, 0, 0, 0, 1}, /* the client has it all */
	{FRAME_CREDIT, 0, 0, 0, UINT32_MAX},
	{FRAME_CREDIT, 1, 0, 0, 1},
	{FRAME_END, 3, 0, 0, 0},
	{FRAME_END, 1, 2, 0, 0},
	{FRAME_OPEN, 0, 1, 1, 0},
	{FRAME_SIGNAL, 0, 0, 0, 9},
	{FRAME_CLOSE, 0, 0, 0, 0},
	{0, 0, 0, 0, 0},
	{255, 255, UINT16_MAX, UINT32_MAX, UINT32_MAX},
};

START_TEST(a_bad_frame_makes_deaf)
{
	int fd = xr_running(0);
	struct frame head = bad[_i];

	/* Of what is too long, the head alone will do. */
	if (head.len > sizeof(block) - sizeof(head))
		head.len = 0;
	guest_write(&xr_guest, 0, &bad[_i], sizeof(bad[_i]));
	guest_write(&xr_guest, 0, block, MIN(head.len, GUEST_BUF_LEN));
	driver_kick(&xr_guest.driver, guest_tx(0));
	guest_run(&xr_guest);
	expect_deaf(fd);
}
END_TEST

START_TEST(more_output_than_credit_makes_deaf)
{
	int fd = xr_running(0);
	const struct frame head = {FRAME_DATA, 1, 0, FRAME_MAX_DATA, 0};

	/* Nobody reads: so none is given back, but for what the socket took. */
	for (unsigned int i = 0; i < 1000 && !xr_exchange.deaf; i++)
		xr_guest_says(head, block);
	ck_assert_uint_le(client_output(&xr_exchange.client[0], 1)->fifo.len,
			  FRAME_WINDOW_LEN);
	expect_deaf(fd);
}
END_TEST

START_TEST(output_after_its_end_makes_deaf)
{
	int fd = xr_running(0);

	xr_guest_says((struct frame){.type = FRAME_END, .stream = 1}, "");
	ck_assert_uint_eq(xr_client_hears(fd).type, FRAME_END);
	xr_guest_says((struct frame){FRAME_DATA, 1, 0, 1, 0}, "x");
	expect_deaf(fd);
}
END_TEST

START_TEST(output_before_the_start_makes_deaf)
{
	int fd = xr_asking();

	ck_assert_uint_eq(xr_guest_hears().type, FRAME_OPEN);
	xr_guest_says((struct frame){FRAME_DATA, 1, 0, 1, 0}, "x");
	expect_deaf(fd);
}
END_TEST

START_TEST(an_answer_before_the_question_makes_deaf)
{
	int fd = xr_client();

	xr_guest_says((struct frame){.type = FRAME_STARTED}, "");
	expect_deaf(fd);
}
END_TEST

/* Right frames and garbage in any order: memory stays whole (asan), and what is
 * held stays within bounds.
 */
START_TEST(whatever_comes_is_bounded)
{
	int fd[4];

	srandom((unsigned int)_i);
	for (unsigned int i = 0; i < ARRAY_SIZE(fd); i++)
		fd[i] = xr_running(i);
	for (unsigned int i = 0; i < 300; i++) {
		struct frame head = {
			.type = (uint8_t)(random() % (FRAME_NUM_TYPES + 1)),
			.stream = (uint8_t)(random() % 3),
			.session = (uint16_t)(random() % 5),
			.value = (uint32_t)(random() % 3),
		};

		if (head.type == FRAME_DATA || head.type == FRAME_FAILED)
			head.len = (uint32_t)(random() % 200);
		/* Half of the frames that end everything do not come. */
		if (!frame_is_valid(&head, FRAME_BY_GUEST) && random() % 64)
			continue;
		xr_guest_says(head, block);
		if (random() % 8 == 0)
			xr_client_hears(fd[random() % 4]);
		xr_guest_hears();
	}
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		const struct client *c = &xr_exchange.client[i];

		ck_assert_uint_le(c->in.len, FRAME_WINDOW_LEN);
		ck_assert_uint_le(c->in_credit + c->in_granted,
				  FRAME_WINDOW_LEN);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(fd); i++)
		close(fd[i]);
	guest_run(&xr_guest);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("exchange_hostile");
	TCase *tc = tcase_create("exchange_hostile");
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, xr_set_up, xr_tear_down);
	tcase_add_loop_test(tc, a_bad_frame_makes_deaf, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, more_output_than_credit_makes_deaf);
	tcase_add_test(tc, output_after_its_end_makes_deaf);
	tcase_add_test(tc, output_before_the_start_makes_deaf);
	tcase_add_test(tc, an_answer_before_the_question_makes_deaf);
	tcase_add_loop_test(tc, whatever_comes_is_bounded, 0, 40);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
