/*
 * The control port: messages in pieces of any size, and garbage.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/iov.h"
#include "vmm/control.h"

static struct control control;
static struct control_message last;
static unsigned int cnt;

static void remember(void *opaque, const struct control_message *message)
{
	ck_assert_ptr_eq(opaque, &control);
	last = *message;
	cnt++;
}

static void reset(void)
{
	control = (struct control){.handle = remember, .opaque = &control};
	cnt = 0;
}

static void receive(const void *bytes, size_t len)
{
	char copy[4096];
	struct iovec iov = {copy, len};
	struct iov_cursor c;

	memcpy(copy, bytes, len);
	iov_init(&c, &iov, 1);
	while (c.left) {
		size_t n = control_receive(&control, &c);

		ck_assert_uint_gt(n, 0);
		iov_skip(&c, n);
	}
}

static struct guest_msg message(uint32_t type, uint32_t value)
{
	return (struct guest_msg){.magic = GUEST_MSG_MAGIC,
				  .type = type,
				  .clock_ns = 5,
				  .value = value,
				  .text = "text"};
}

START_TEST(message_arrives_in_pieces_of_any_size)
{
	struct guest_msg msg = message(GUEST_MSG_FAILED, 127);

	for (size_t piece = 1; piece <= sizeof(msg); piece++) {
		reset();
		for (size_t at = 0; at < sizeof(msg); at += piece) {
			size_t len = sizeof(msg) - at;

			receive((char *)&msg + at, len < piece ? len : piece);
		}
		ck_assert_uint_eq(cnt, 1);
		ck_assert_int_eq(last.type, GUEST_MSG_FAILED);
		ck_assert_int_eq(last.value, 127);
		ck_assert_uint_eq(last.clock_ns, 5);
		ck_assert_str_eq(last.text, "text");
	}
}
END_TEST

START_TEST(several_messages_arrive_at_once)
{
	struct guest_msg msgs[3] = {message(GUEST_MSG_HELLO, 0),
				    message(GUEST_MSG_STARTED, 0),
				    message(GUEST_MSG_ENDED, 255)};

	reset();
	receive(msgs, sizeof(msgs));
	ck_assert_uint_eq(cnt, 3);
	ck_assert_int_eq(last.value, 255);
}
END_TEST

/* A request can have 4 GiB of them: one is taken in a turn. */
START_TEST(one_message_is_taken_at_a_time)
{
	static struct guest_msg msgs[1000];
	struct iovec iov = {msgs, sizeof(msgs)};
	struct iov_cursor c;

	for (size_t i = 0; i < ARRAY_SIZE(msgs); i++)
		msgs[i] = message(GUEST_MSG_WARNING, 0);
	reset();
	receive(msgs, 7);
	iov_init(&c, &iov, 1);
	iov_skip(&c, 7);
	ck_assert_uint_eq(control_receive(&control, &c), sizeof(msgs[0]) - 7);
	ck_assert_uint_eq(cnt, 1);
	ck_assert_uint_eq(c.left, sizeof(msgs) - 7);
	/* What is not looked at need not be split. */
	control.deaf = true;
	ck_assert_uint_eq(control_receive(&control, &c), c.left);
	ck_assert_uint_eq(cnt, 1);
}
END_TEST

START_TEST(garbage_silences_the_port)
{
	struct guest_msg good = message(GUEST_MSG_ENDED, 0);
	struct guest_msg bad[] = {message(0, 0),
				  message(6, 0),
				  message(0xffffffff, 0),
				  message(GUEST_MSG_ENDED, 256),
				  message(GUEST_MSG_ENDED, 0xffffffff),
				  good};

	bad[5].magic ^= 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reset();
		receive(&bad[i], sizeof(bad[i]));
		receive(&good, sizeof(good));
		ck_assert_uint_eq(cnt, 0);
		ck_assert(control.deaf);
	}
}
END_TEST

START_TEST(text_without_an_end_gets_one)
{
	struct guest_msg msg = message(GUEST_MSG_WARNING, 0);

	reset();
	memset(msg.text, 'x', sizeof(msg.text));
	receive(&msg, sizeof(msg));
	ck_assert_uint_eq(strlen(last.text), GUEST_MSG_TEXT_LEN);
}
END_TEST

/* Everything that the guest has room for, in buffers of @piece bytes. */
static size_t give(char *to, size_t len, size_t piece)
{
	size_t have = 0;

	while (have < len) {
		struct iovec iov = {to + have, MIN(piece, len - have)};
		struct iov_cursor room;
		ssize_t n;

		iov_init(&room, &iov, 1);
		n = control_give(&control, &room);
		if (n < 0) {
			ck_assert_int_eq(n, -EAGAIN);
			break;
		}
		ck_assert_uint_gt(n, 0);
		have += (size_t)n;
	}
	return have;
}

START_TEST(orders_go_in_pieces_of_any_size)
{
	struct guest_order order[4];

	for (size_t piece = 1; piece <= sizeof(order); piece++) {
		reset();
		control_signal(&control, SIGTERM, false);
		control_signal(&control, SIGINT, true);
		control_signal(&control, SIGHUP, false);
		control_signal(&control, SIGHUP, false);
		memset(order, 0xff, sizeof(order));
		ck_assert_uint_eq(give((char *)order, sizeof(order), piece),
				  3 * sizeof(order[0]));
		ck_assert_uint_eq(order[0].type, GUEST_ORDER_SIGNAL);
		ck_assert_uint_eq(order[0].value, SIGHUP);
		ck_assert_uint_eq(order[1].value, SIGTERM);
		ck_assert_uint_eq(order[2].type, GUEST_ORDER_SIGNAL_GROUP);
		ck_assert_uint_eq(order[2].value, SIGINT);
		ck_assert_uint_eq(order[2].magic, GUEST_MSG_MAGIC);
		ck_assert_uint_eq(order[2].reserved, 0);
	}
}
END_TEST

/* Only the last size counts. */
START_TEST(window_is_told_once)
{
	struct guest_order order[2];

	reset();
	for (uint32_t rows = 0; rows < 1000; rows++)
		control_resize(&control, GUEST_WINDOW(rows, 0x10007));
	ck_assert_uint_eq(give((char *)order, sizeof(order), 16),
			  sizeof(order[0]));
	ck_assert_uint_eq(order[0].type, GUEST_ORDER_WINDOW);
	ck_assert_uint_eq(order[0].value, 999 << 16 | 7);
}
END_TEST

/* One that was begun is not the one that comes again meanwhile. */
START_TEST(order_that_was_begun_is_finished)
{
	struct guest_order order[2];
	char *at = (char *)order;

	reset();
	control_signal(&control, SIGTERM, false);
	ck_assert_uint_eq(give(at, 5, 5), 5);
	control_signal(&control, SIGHUP, false);
	control_signal(&control, SIGTERM, false);
	ck_assert_uint_eq(give(at + 5, sizeof(order) - 5, 64),
			  sizeof(order) - 5);
	ck_assert_uint_eq(order[0].value, SIGTERM);
	ck_assert_uint_eq(order[1].value, SIGHUP);
	ck_assert_uint_eq(give(at, sizeof(order), 64), sizeof(order[0]));
	ck_assert_uint_eq(order[0].value, SIGTERM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("control");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, message_arrives_in_pieces_of_any_size);
	tcase_add_test(tcase, several_messages_arrive_at_once);
	tcase_add_test(tcase, one_message_is_taken_at_a_time);
	tcase_add_test(tcase, garbage_silences_the_port);
	tcase_add_test(tcase, text_without_an_end_gets_one);
	tcase_add_test(tcase, orders_go_in_pieces_of_any_size);
	tcase_add_test(tcase, window_is_told_once);
	tcase_add_test(tcase, order_that_was_begun_is_finished);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
