/*
 * Split virtqueues: the protocol. See test_queue_hostile.c too.
 */
#include "devices/virtio/queue.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/driver.h"
#include "vmm/base/bits.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define EVENT_IDX BIT(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT_DESC BIT(VIRTIO_RING_F_INDIRECT_DESC)

enum { SIZE = 8 };

static struct guestmem mem;
static struct ring ring;
static struct queue q;
static struct queue_req req;

static void restart(uint64_t features)
{
	queue_stop(&q);
	ring_init(&ring, &mem, 0, SIZE);
	ring.cfg.features = features;
	ck_assert_int_eq(queue_start(&q, &mem, &ring.cfg), 0);
	ck_assert_int_eq(q.state, QUEUE_READY);
}

static void setup(void)
{
	ck_assert_int_eq(guestmem_init(&mem, DRIVER_RAM_LEN), 0);
	restart(INDIRECT_DESC);
}

static void teardown(void)
{
	guestmem_destroy(&mem);
}

/* It is taken, with so many bytes for reading and writing. */
static void taken(uint16_t head, size_t readable, size_t writable)
{
	ring_offer(&ring, head);
	ck_assert_int_eq(queue_pop(&q, &req), 1);
	ck_assert_uint_eq(req.head, head);
	ck_assert_uint_eq(req.readable.left, readable);
	ck_assert_uint_eq(req.writable.left, writable);
}

/* Give one request without data through the queue, @cnt times. */
static void pass(unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++) {
		taken(0, 0, 0);
		queue_push(&q, &req, 0);
	}
}

START_TEST(off_queue_does_nothing)
{
	struct queue off = {0};

	ck_assert_int_eq(queue_pop(&off, &req), 0);
	queue_push(&off, &req, 0);
	queue_disable_kicks(&off);
	ck_assert(!queue_enable_kicks(&off));
	ck_assert(!queue_should_signal(&off));
	queue_stop(&off);
}
END_TEST

START_TEST(pop_chain)
{
	char text[8] = {0};

	memcpy(guest_ptr(&mem, RING_BUF + 0x1000, 4), "half", 4);
	memcpy(guest_ptr(&mem, RING_BUF + 0x3000, 3), "way", 3);
	ring_put(&ring, 1, 4, NEXT, 3);
	ring_put(&ring, 3, 3, NEXT, 6);
	ring_put(&ring, 6, 100, WRITE | NEXT, 0);
	ring_put(&ring, 0, 28, WRITE, 5);
	ck_assert_int_eq(queue_pop(&q, &req), 0);
	taken(1, 7, 128);
	ck_assert_uint_eq(req.iov_cnt, 4);
	ck_assert(iov_take(&req.readable, text, 7));
	ck_assert_str_eq(text, "halfway");
	ck_assert(iov_put(&req.writable, "answer", 6));
	ck_assert_mem_eq(guest_ptr(&mem, RING_BUF + 0x6000, 6), "answer", 6);
	ck_assert_int_eq(queue_pop(&q, &req), 0);

	ck_assert_uint_eq(ring_used(&ring), 0);
	queue_push(&q, &req, 6);
	ck_assert_uint_eq(ring_used(&ring), 1);
	ck_assert_uint_eq(ring_used_elem(&ring, 0).id, 1);
	ck_assert_uint_eq(ring_used_elem(&ring, 0).len, 6);
}
END_TEST

START_TEST(pop_chain_of_whole_queue)
{
	for (uint16_t i = 0; i < SIZE; i++)
		ring_put(&ring, i, 1, i == SIZE - 1 ? 0 : NEXT, i + 1);
	taken(0, SIZE, 0);
}
END_TEST

START_TEST(pop_largest_queue)
{
	static struct queue_req large;

	queue_stop(&q);
	ring_init(&ring, &mem, 0, QUEUE_MAX_SIZE);
	ck_assert_int_eq(queue_start(&q, &mem, &ring.cfg), 0);
	for (uint16_t i = 0; i < QUEUE_MAX_SIZE; i++) {
		ring_put(&ring, i, 1, WRITE | NEXT, i + 1)->addr = RING_BUF;
	}
	ring.desc[QUEUE_MAX_SIZE - 1].flags = WRITE;
	ring_offer(&ring, 0);
	ck_assert_int_eq(queue_pop(&q, &large), 1);
	ck_assert_uint_eq(large.iov_cnt, QUEUE_MAX_SIZE);
	ck_assert_uint_eq(large.writable.left, QUEUE_MAX_SIZE);
}
END_TEST

START_TEST(pop_indirect)
{
	ring_put_indirect(&ring, 0, 10, NEXT, 2);
	ring_put_indirect(&ring, 2, 20, NEXT | WRITE, 1);
	ring_put_indirect(&ring, 1, 30, WRITE, 0);
	ring_put_table(&ring, 4, 3);
	taken(4, 10, 50);
}
END_TEST

START_TEST(pop_indirect_of_whole_queue)
{
	for (uint16_t i = 0; i < SIZE; i++)
		ring_put_indirect(&ring, i, 1, i == SIZE - 1 ? 0 : NEXT, i + 1);
	ring_put_table(&ring, 0, SIZE);
	taken(0, SIZE, 0);
}
END_TEST

/* The table's own WRITE flag must be ignored (2.7.5.3.2). */
START_TEST(pop_indirect_marked_writable)
{
	ring_put_indirect(&ring, 0, 10, 0, 0);
	ring_put_table(&ring, 0, 1)->flags |= WRITE;
	taken(0, 10, 0);
}
END_TEST

/* Plain descriptors may come before the table (2.7.5.3.2). */
START_TEST(pop_indirect_after_direct)
{
	ring_put(&ring, 5, 7, NEXT, 6);
	ring_put_table(&ring, 6, 2);
	ring_put_indirect(&ring, 0, 3, NEXT, 1);
	ring_put_indirect(&ring, 1, 9, WRITE, 0);
	taken(5, 10, 9);
}
END_TEST

/* Nothing says that a table is aligned. */
START_TEST(pop_indirect_unaligned)
{
	const struct vring_desc desc = {.addr = RING_BUF, .len = 5};

	memcpy(guest_ptr(&mem, RING_TABLE + 3, sizeof(desc)), &desc,
	       sizeof(desc));
	ring_put_table(&ring, 0, 1)->addr = RING_TABLE + 3;
	taken(0, 5, 0);
}
END_TEST

START_TEST(indices_wrap)
{
	ring_put(&ring, 0, 0, 0, 0);
	pass(70000);
	ck_assert_uint_eq(ring_used(&ring), (uint16_t)70000);
	ck_assert_uint_eq(ring_used_elem(&ring, (uint16_t)69999).id, 0);
}
END_TEST

START_TEST(signal_once_per_batch)
{
	ring_put(&ring, 0, 0, 0, 0);
	ck_assert(!queue_should_signal(&q));
	pass(3);
	ck_assert(queue_should_signal(&q));
	ck_assert(!queue_should_signal(&q));
	ring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	pass(3);
	ck_assert(!queue_should_signal(&q));
}
END_TEST

START_TEST(signal_event_idx)
{
	restart(EVENT_IDX);
	ring_put(&ring, 0, 0, 0, 0);
	/* With event index the flag must be ignored. */
	ring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	ring_set_used_event(&ring, 0);
	pass(1);
	ck_assert(queue_should_signal(&q));
	ring_set_used_event(&ring, 3);
	pass(2);
	ck_assert(!queue_should_signal(&q));
	pass(1);
	ck_assert(queue_should_signal(&q));
	ring_set_used_event(&ring, 5);
	pass(5);
	ck_assert(queue_should_signal(&q));
}
END_TEST

START_TEST(signal_event_idx_wraps)
{
	restart(EVENT_IDX);
	ring_put(&ring, 0, 0, 0, 0);
	ring_set_used_event(&ring, 0);
	pass(1);
	ck_assert(queue_should_signal(&q));
	ring_set_used_event(&ring, 1);
	pass(65533);
	ck_assert(queue_should_signal(&q));
	ring_set_used_event(&ring, 65535);
	pass(1);
	ck_assert(!queue_should_signal(&q));
	pass(1);
	ck_assert(queue_should_signal(&q));
}
END_TEST

START_TEST(kicks_by_flag)
{
	ring_put(&ring, 0, 0, 0, 0);
	queue_disable_kicks(&q);
	ck_assert_uint_eq(ring.used->flags, VRING_USED_F_NO_NOTIFY);
	ck_assert(!queue_enable_kicks(&q));
	ck_assert_uint_eq(ring.used->flags, 0);
	ring_offer(&ring, 0);
	ck_assert(queue_enable_kicks(&q));
}
END_TEST

START_TEST(kicks_by_event_idx)
{
	restart(EVENT_IDX);
	ring_put(&ring, 0, 0, 0, 0);
	queue_disable_kicks(&q);
	ck_assert_uint_eq(ring.used->flags, 0);
	pass(5);
	ck_assert_uint_eq(ring_avail_event(&ring), 0);
	ck_assert(!queue_enable_kicks(&q));
	ck_assert_uint_eq(ring_avail_event(&ring), 5);
	ring_offer(&ring, 0);
	ck_assert(queue_enable_kicks(&q));
}
END_TEST

START_TEST(stop_forgets_everything)
{
	ring_offer(&ring, SIZE);
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
	restart(INDIRECT_DESC);
	ring_put(&ring, 0, 0, 0, 0);
	taken(0, 0, 0);
	queue_stop(&q);
	queue_push(&q, &req, 0);
	ck_assert_uint_eq(ring_used(&ring), 0);
}
END_TEST

static Suite *queue_suite(void)
{
	Suite *s = suite_create("queue");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, off_queue_does_nothing);
	tcase_add_test(tc, pop_chain);
	tcase_add_test(tc, pop_chain_of_whole_queue);
	tcase_add_test(tc, pop_largest_queue);
	tcase_add_test(tc, pop_indirect);
	tcase_add_test(tc, pop_indirect_of_whole_queue);
	tcase_add_test(tc, pop_indirect_marked_writable);
	tcase_add_test(tc, pop_indirect_after_direct);
	tcase_add_test(tc, pop_indirect_unaligned);
	tcase_add_test(tc, indices_wrap);
	tcase_add_test(tc, signal_once_per_batch);
	tcase_add_test(tc, signal_event_idx);
	tcase_add_test(tc, signal_event_idx_wraps);
	tcase_add_test(tc, kicks_by_flag);
	tcase_add_test(tc, kicks_by_event_idx);
	tcase_add_test(tc, stop_forgets_everything);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(queue_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
