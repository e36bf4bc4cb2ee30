/*
 * Frames and what waits behind them: in pieces of any size, and nonsense.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "boot/guest/frame.h"
#include "vmm/base/bits.h"

static struct frame_reader reader;
static struct frame_writer writer;
static struct fifo fifo;

static void reset(void)
{
	memset(&reader, 0, sizeof(reader));
	memset(&writer, 0, sizeof(writer));
	memset(&fifo, 0, sizeof(fifo));
}

static char pattern(size_t i)
{
	return (char)((uint32_t)(i * 2654435761U) >> 24);
}

START_TEST(frames_arrive_in_pieces_of_any_size)
{
	const struct frame head = {FRAME_DATA, 1, 63, 50, 0};
	const char *bytes;
	size_t len;

	for (size_t i = 0; i < head.len; i++)
		writer.payload[i] = pattern(i);
	frame_begin(&writer, head);
	bytes = frame_rest(&writer, &len);
	ck_assert_uint_eq(len, sizeof(head) + head.len);
	for (size_t piece = 1; piece <= len; piece++) {
		unsigned int cnt = 0;

		for (size_t at = 0; at < 2 * len;) {
			size_t from = at % len;
			bool whole;
			ssize_t n = frame_read(&reader, FRAME_BY_GUEST,
					       bytes + from,
					       MIN(piece, len - from), &whole);

			ck_assert_int_gt(n, 0);
			at += (size_t)n;
			ck_assert_int_eq(whole, at % len == 0);
			cnt += whole;
		}
		ck_assert_uint_eq(cnt, 2);
		ck_assert_mem_eq(&reader.head, &head, sizeof(head));
		ck_assert_mem_eq(reader.payload, writer.payload, head.len);
	}
}
END_TEST

START_TEST(a_writer_is_sent_in_pieces)
{
	size_t len;

	frame_rest(&writer, &len);
	ck_assert_uint_eq(len, 0);
	memcpy(writer.payload, "abc", 3);
	frame_begin(&writer, (struct frame){FRAME_DATA, 0, 1, 3, 0});
	writer.done = sizeof(struct frame) + 2;
	ck_assert_int_eq(*frame_rest(&writer, &len), 'c');
	ck_assert_uint_eq(len, 1);
}
END_TEST

/* Each is wrong in one thing, for one who sends or for both. */
static const struct {
	struct frame head;
	bool by_host, by_guest;
} heads[] = {
	{{FRAME_OPEN, 0, 0, 1, 0}, true, false},
	{{FRAME_OPEN, 0, 63, FRAME_MAX_REQUEST, 0}, true, false},
	{{FRAME_OPEN, 0, 64, 1, 0}, false, false},
	{{FRAME_OPEN, 0, 0, FRAME_MAX_REQUEST + 1, 0}, false, false},
	{{FRAME_OPEN, 0, 0, 0, 0}, false, false},
	{{FRAME_OPEN, 1, 0, 1, 0}, false, false},
	{{FRAME_STARTED, 0, 0, 0, 0}, false, true},
	{{FRAME_STARTED, 0, 0, 1, 0}, false, false},
	{{FRAME_FAILED, 0, 0, FRAME_MAX_TEXT, 127}, false, true},
	{{FRAME_FAILED, 0, 0, FRAME_MAX_TEXT + 1, 127}, false, false},
	{{FRAME_FAILED, 0, 0, 3, 128}, false, false},
	{{FRAME_DATA, 0, 0, FRAME_MAX_DATA, 0}, true, false},
	{{FRAME_DATA, 1, 0, FRAME_MAX_DATA, 0}, false, true},
	{{FRAME_DATA, 2, 0, 1, 0}, false, true},
	{{FRAME_DATA, 2, 0, 0, 0}, false, false},
	{{FRAME_DATA, 2, 0, FRAME_MAX_DATA + 1, 0}, false, false},
	{{FRAME_DATA, 2, 0, UINT32_MAX, 0}, false, false},
	{{FRAME_DATA, 3, 0, 1, 0}, false, false},
	{{FRAME_END, 0, 5, 0, 0}, true, true},
	{{FRAME_END, 2, 5, 0, 0}, true, true},
	{{FRAME_END, 255, 5, 0, 0}, false, false},
	{{FRAME_CREDIT, 0, 5, 0, FRAME_WINDOW_LEN}, false, true},
	{{FRAME_CREDIT, 1, 5, 0, FRAME_WINDOW_LEN}, true, false},
	{{FRAME_CREDIT, 1, 5, 0, FRAME_WINDOW_LEN + 1}, false, false},
	{{FRAME_SIGNAL, 0, 5, 0, 63}, true, false},
	{{FRAME_SIGNAL_GROUP, 0, 5, 0, 64}, false, false},
	{{FRAME_WINDOW, 0, 5, 0, UINT32_MAX}, true, false},
	{{FRAME_CLOSE, 0, 5, 0, 0}, true, false},
	{{FRAME_ENDED, 0, 5, 0, 255}, false, true},
	{{FRAME_ENDED, 0, 5, 0, 256}, false, false},
	{{FRAME_NUM_TYPES, 0, 0, 0, 0}, false, false},
	{{0, 0, 0, 0, 0}, false, false},
	{{255, 0, 0, 0, 0}, false, false},
};

START_TEST(a_head_is_valid)
{
	const struct frame *head = &heads[_i].head;
	bool whole;

	ck_assert_int_eq(frame_is_valid(head, FRAME_BY_HOST),
			 heads[_i].by_host);
	ck_assert_int_eq(frame_is_valid(head, FRAME_BY_GUEST),
			 heads[_i].by_guest);
	if (!heads[_i].by_guest)
		ck_assert_int_eq(frame_read(&reader, FRAME_BY_GUEST,
					    (const char *)head, sizeof(*head),
					    &whole),
				 -EPROTO);
}
END_TEST

/* Whatever bytes come: the reader stays within its memory, and stops. */
START_TEST(garbage_is_refused)
{
	char bytes[997];
	bool whole;

	srandom((unsigned int)_i);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(random() % (_i % 2 ? 256 : 4));
	for (size_t at = 0; at < sizeof(bytes);) {
		size_t len = MIN(1 + (size_t)random() % 40, sizeof(bytes) - at);
		ssize_t n = frame_read(&reader, FRAME_BY_GUEST, bytes + at, len,
				       &whole);

		ck_assert_int_ne(n, 0);
		if (n < 0)
			return;
		ck_assert_uint_le(reader.have,
				  sizeof(reader.head) + FRAME_MAX_DATA);
		at += (size_t)n;
	}
}
END_TEST

START_TEST(a_fifo_gives_what_it_got)
{
	char bytes[1000];
	size_t put = 0, taken = 0, wrong = 0;

	srandom((unsigned int)_i);
	for (unsigned int step = 0; step < 2000; step++) {
		size_t len = (size_t)random() % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = pattern(put + i);
		if (len > FIFO_LEN - fifo.len)
			ck_assert(!fifo_put(&fifo, bytes, len));
		else if (fifo_put(&fifo, bytes, len))
			put += len;
		ck_assert_uint_eq(fifo.len, put - taken);
		len = fifo_take(&fifo, bytes, (size_t)random() % 990);
		for (size_t i = 0; i < len; i++)
			wrong += bytes[i] != pattern(taken + i);
		taken += len;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(taken, 2 * FIFO_LEN);
}
END_TEST

START_TEST(a_full_fifo_takes_nothing)
{
	static char bytes[FIFO_LEN + 1];
	size_t len;

	ck_assert(!fifo_put(&fifo, bytes, FIFO_LEN + 1));
	ck_assert(fifo_put(&fifo, bytes, FIFO_LEN));
	ck_assert(!fifo_put(&fifo, bytes, 1));
	fifo_skip(&fifo, 10);
	ck_assert(fifo_put(&fifo, "0123456789", 10));
	fifo_peek(&fifo, &len);
	ck_assert_uint_eq(len, FIFO_LEN - 10);
	fifo_skip(&fifo, len);
	ck_assert_mem_eq(fifo_peek(&fifo, &len), "0123456789", 10);
	ck_assert_uint_eq(len, 10);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("frame");
	TCase *tc = tcase_create("frame");
	int failed;

	tcase_add_checked_fixture(tc, reset, NULL);
	tcase_add_test(tc, frames_arrive_in_pieces_of_any_size);
	tcase_add_test(tc, a_writer_is_sent_in_pieces);
	tcase_add_loop_test(tc, a_head_is_valid, 0, ARRAY_SIZE(heads));
	tcase_add_loop_test(tc, garbage_is_refused, 0, 50);
	tcase_add_loop_test(tc, a_fifo_gives_what_it_got, 0, 5);
	tcase_add_test(tc, a_full_fifo_takes_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
