/*
 * Split virtqueues: every way to break them, but for windows: see
 * test_queue_window.c.
 */
#include "devices/virtio/queue.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
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

/* The chain that begins at @head is refused, and the queue with it for ever. */
static void refused(uint16_t head)
{
	ring_offer(&ring, head);
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
	ck_assert_int_eq(q.state, QUEUE_BROKEN);
	ck_assert_ptr_nonnull(q.why);
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
	queue_push(&q, &req, 0);
	ck_assert_uint_eq(ring_used(&ring), 0);
	ck_assert(!queue_should_signal(&q));
	ck_assert(!queue_enable_kicks(&q));
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

/* The names give the rows of the list of cases. */

START_TEST(hostile_01_avail_idx_jumps)
{
	ring_put(&ring, 0, 0, 0, 0);
	ring.avail->idx = SIZE;
	refused(0);
}
END_TEST

START_TEST(hostile_01_avail_idx_goes_back)
{
	ring_put(&ring, 0, 0, 0, 0);
	pass(3);
	ring.avail->idx = 2;
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
}
END_TEST

START_TEST(hostile_02_head_out_of_range)
{
	refused(SIZE);
	restart(0);
	refused(0xffff);
}
END_TEST

START_TEST(hostile_03_next_out_of_range)
{
	ring_put(&ring, 0, 4, NEXT, SIZE);
	refused(0);
	restart(INDIRECT_DESC);
	ring_put_indirect(&ring, 0, 4, NEXT, 2);
	ring_put_table(&ring, 0, 2);
	refused(0);
}
END_TEST

START_TEST(hostile_04_loop)
{
	ring_put(&ring, 0, 4, NEXT, 0);
	refused(0);
	restart(0);
	ring_put(&ring, 0, 0, NEXT, 1);
	ring_put(&ring, 1, 0, NEXT, 0);
	refused(0);
	restart(INDIRECT_DESC);
	ring_put_indirect(&ring, 0, 4, NEXT, 1);
	ring_put_indirect(&ring, 1, 4, NEXT, 0);
	ring_put_table(&ring, 0, 2);
	refused(0);
}
END_TEST

START_TEST(hostile_05_buffer_outside_of_ram)
{
	ring_put(&ring, 0, 4, 0, 0)->addr = 0x100000000;
	refused(0);
	restart(INDIRECT_DESC);
	ring_put_indirect(&ring, 0, 1, 0, 0)->addr = DRIVER_RAM_LEN;
	ring_put_table(&ring, 0, 1);
	refused(0);
}
END_TEST

START_TEST(hostile_06_buffer_wraps)
{
	ring_put(&ring, 0, 0x1000, 0, 0)->addr = UINT64_MAX - 0xfff;
	refused(0);
	restart(0);
	ring_put(&ring, 0, 0xffffffff, 0, 0)->addr = UINT64_MAX - 1;
	refused(0);
}
END_TEST

START_TEST(hostile_07_buffer_crosses_end_of_ram)
{
	ring_put(&ring, 0, 0x1000, WRITE, 0)->addr = DRIVER_RAM_LEN - 0x1000;
	taken(0, 0, 0x1000);
	ring_put(&ring, 0, 0x1001, WRITE, 0)->addr = DRIVER_RAM_LEN - 0x1000;
	ring_offer(&ring, 0);
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
}
END_TEST

START_TEST(hostile_08_buffer_in_mmio)
{
	ring_put(&ring, 0, 4, WRITE, 0)->addr = LAYOUT_MMIO_BASE;
	refused(0);
}
END_TEST

START_TEST(hostile_10_readable_after_writable)
{
	ring_put(&ring, 0, 4, WRITE | NEXT, 1);
	ring_put(&ring, 1, 4, 0, 0);
	refused(0);
	restart(0);
	ring_put(&ring, 0, 0, WRITE | NEXT, 1);
	ring_put(&ring, 1, 0, 0, 0);
	refused(0);
	restart(INDIRECT_DESC);
	ring_put(&ring, 1, 4, WRITE | NEXT, 0);
	ring_put_table(&ring, 0, 1);
	ring_put_indirect(&ring, 0, 4, 0, 0);
	refused(1);
}
END_TEST

/* A buffer of no bytes breaks no rule; its address is never looked at. */
START_TEST(hostile_11_zero_length)
{
	ring_put(&ring, 0, 0, NEXT, 1)->addr = UINT64_MAX;
	ring_put(&ring, 1, 4, NEXT, 2);
	ring_put(&ring, 2, 0, NEXT | WRITE, 3)->addr = LAYOUT_MMIO_BASE;
	ring_put(&ring, 3, 6, WRITE, 0);
	taken(0, 4, 6);
	ck_assert_uint_eq(req.iov_cnt, 2);
	ck_assert(iov_skip(&req.readable, 4));
	ck_assert(iov_skip(&req.writable, 6));
	ring_put(&ring, 0, 0, 0, 0);
	taken(0, 0, 0);
	queue_push(&q, &req, 0);
	ck_assert_uint_eq(ring_used_elem(&ring, 0).len, 0);
}
END_TEST

/* Only possible where that much memory can be named: many times the same. */
START_TEST(hostile_12_more_than_4_gib)
{
	struct guestmem large;

	ck_assert_int_eq(guestmem_init(&large, GIB(3)), 0);
	ring_init(&ring, &large, 0, SIZE);
	queue_stop(&q);
	ck_assert_int_eq(queue_start(&q, &large, &ring.cfg), 0);
	ring_put(&ring, 0, GIB(2), NEXT | WRITE, 1);
	ring_put(&ring, 1, GIB(2), WRITE, 2);
	taken(0, 0, GIB(4));
	queue_push(&q, &req, 0);
	ring_put(&ring, 1, GIB(2), NEXT | WRITE, 2);
	ring_put(&ring, 2, 1, WRITE, 0);
	ring_offer(&ring, 0);
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
	guestmem_destroy(&large);
}
END_TEST

START_TEST(hostile_13_indirect_not_negotiated)
{
	restart(0);
	ring_put_indirect(&ring, 0, 4, 0, 0);
	ring_put_table(&ring, 0, 1);
	refused(0);
}
END_TEST

START_TEST(hostile_13_indirect_nested)
{
	ring_put_table(&ring, 0, 1);
	ring_put_indirect(&ring, 0, 16, INDIRECT, 0)->addr = RING_TABLE;
	refused(0);
}
END_TEST

START_TEST(hostile_13_indirect_with_next)
{
	ring_put_indirect(&ring, 0, 4, 0, 0);
	ring_put_table(&ring, 0, 1)->flags |= NEXT;
	refused(0);
}
END_TEST

START_TEST(hostile_13_indirect_length)
{
	static const uint32_t lens[] = {0,	    1,		 15,
					17,	    16 * 9,	 16 * SIZE + 1,
					0xffffffff, 0xfffffff0U, 0x80000000U};

	ring_put_indirect(&ring, 0, 4, 0, 0);
	ring_put_table(&ring, 0, 1)->len = lens[_i];
	refused(0);
}
END_TEST

START_TEST(hostile_13_chain_too_long_in_total)
{
	ring_put(&ring, 0, 1, NEXT, 1);
	ring_put_table(&ring, 1, SIZE);
	for (uint16_t i = 0; i < SIZE; i++)
		ring_put_indirect(&ring, i, 1, i == SIZE - 1 ? 0 : NEXT, i + 1);
	refused(0);
}
END_TEST

START_TEST(hostile_14_indirect_outside_of_ram)
{
	static const gpa_t at[] = {LAYOUT_MMIO_BASE, GIB(64),
				   DRIVER_RAM_LEN - 15, UINT64_MAX - 7};

	ring_put_table(&ring, 0, 1)->addr = at[_i];
	refused(0);
}
END_TEST

/* A table in the used ring, or in itself, is only bytes: a copy is used. */
START_TEST(hostile_14_indirect_in_used_ring)
{
	const struct vring_desc desc = {
		.addr = ring.cfg.used, .len = 64, .flags = WRITE};
	gpa_t at = align_up(ring.cfg.used + 4, 16);

	memcpy(guest_ptr(&mem, at, sizeof(desc)), &desc, sizeof(desc));
	ring_put_table(&ring, 0, 1)->addr = at;
	taken(0, 0, 64);
	ck_assert(iov_put(&req.writable, (char[64]){0xff}, 64));
	queue_push(&q, &req, 64);
	ck_assert_uint_eq(ring_used(&ring), 1);
}
END_TEST

START_TEST(hostile_15_size)
{
	static const uint32_t sizes[] = {
		0,    3,       7,	    QUEUE_MAX_SIZE + 1,
		2048, 0x10000, 0x80000000U, UINT32_MAX};

	queue_stop(&q);
	ring.cfg.size = sizes[_i];
	ck_assert_int_eq(queue_start(&q, &mem, &ring.cfg), -EINVAL);
	ck_assert_int_eq(q.state, QUEUE_OFF);
}
END_TEST

START_TEST(hostile_15_alignment)
{
	struct queue_config cfg = ring.cfg;

	queue_stop(&q);
	cfg.desc += 8;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EINVAL);
	cfg = ring.cfg;
	cfg.avail += 1;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EINVAL);
	cfg = ring.cfg;
	cfg.used += 2;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EINVAL);
	ck_assert_int_eq(q.state, QUEUE_OFF);
	/* The smallest that is allowed. */
	cfg = ring.cfg;
	cfg.desc += 16;
	cfg.avail += 2;
	cfg.used += 4;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), 0);
}
END_TEST

START_TEST(hostile_15_outside_of_ram)
{
	static const gpa_t at[] = {LAYOUT_MMIO_BASE, DRIVER_RAM_LEN,
				   DRIVER_RAM_LEN - 16, UINT64_MAX - 15,
				   GIB(64)};
	gpa_t *field[] = {&ring.cfg.desc, &ring.cfg.avail, &ring.cfg.used};

	queue_stop(&q);
	for (unsigned int i = 0; i < ARRAY_SIZE(field); i++) {
		gpa_t good = *field[i];

		*field[i] = at[_i];
		ck_assert_int_eq(queue_start(&q, &mem, &ring.cfg), -EFAULT);
		ck_assert_int_eq(q.state, QUEUE_OFF);
		*field[i] = good;
	}
}
END_TEST

START_TEST(hostile_15_overlap)
{
	struct queue_config cfg = ring.cfg;

	queue_stop(&q);
	cfg.avail = cfg.desc + 16 * SIZE - 2;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EFAULT);
	cfg.avail = cfg.desc + 16 * SIZE;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), 0);
	queue_stop(&q);
	cfg.used = align_up(cfg.avail + 4, 4);
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EFAULT);
	cfg.used = cfg.desc;
	ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EFAULT);
}
END_TEST

/* What was popped does not change with guest memory any more. */
START_TEST(hostile_16_descriptor_rewritten)
{
	ring_put(&ring, 0, 4, NEXT, 1);
	ring_put(&ring, 1, 4, WRITE, 0);
	taken(0, 4, 4);
	ring_put(&ring, 0, 0xffffffff, NEXT, 0)->addr = UINT64_MAX;
	ring_put(&ring, 1, 0xffffffff, NEXT, 0)->addr = UINT64_MAX;
	ring.avail->ring[0] = 0xffff;
	ck_assert(iov_skip(&req.readable, 4));
	ck_assert(!iov_skip(&req.readable, 1));
	ck_assert(iov_put(&req.writable, "data", 4));
	ck_assert_mem_eq(guest_ptr(&mem, RING_BUF + 0x1000, 4), "data", 4);
	queue_push(&q, &req, 4);
	ck_assert_uint_eq(ring_used_elem(&ring, 0).id, 0);
}
END_TEST

/* Garbage in the event fields costs an interrupt too many at most. */
START_TEST(hostile_17_used_event_garbage)
{
	restart(EVENT_IDX);
	ring_put(&ring, 0, 0, 0, 0);
	srand(17);
	for (unsigned int i = 0; i < 2000; i++) {
		ring_set_used_event(&ring, rand());
		ring_set_avail_event(&ring, rand());
		ring.used->flags = rand();
		pass(1 + i % 4);
		queue_should_signal(&q);
		ck_assert(!queue_enable_kicks(&q));
	}
}
END_TEST

/* The used ring is written, never read. */
START_TEST(hostile_used_ring_garbage)
{
	ring_put(&ring, 0, 0, 0, 0);
	pass(3);
	memset(ring.used, 0xff, 64);
	pass(1);
	ck_assert_uint_eq(ring_used(&ring), 4);
}
END_TEST

static Suite *queue_hostile_suite(void)
{
	Suite *s = suite_create("queue_hostile");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, hostile_01_avail_idx_jumps);
	tcase_add_test(tc, hostile_01_avail_idx_goes_back);
	tcase_add_test(tc, hostile_02_head_out_of_range);
	tcase_add_test(tc, hostile_03_next_out_of_range);
	tcase_add_test(tc, hostile_04_loop);
	tcase_add_test(tc, hostile_05_buffer_outside_of_ram);
	tcase_add_test(tc, hostile_06_buffer_wraps);
	tcase_add_test(tc, hostile_07_buffer_crosses_end_of_ram);
	tcase_add_test(tc, hostile_08_buffer_in_mmio);
	tcase_add_test(tc, hostile_10_readable_after_writable);
	tcase_add_test(tc, hostile_11_zero_length);
	tcase_add_test(tc, hostile_12_more_than_4_gib);
	tcase_add_test(tc, hostile_13_indirect_not_negotiated);
	tcase_add_test(tc, hostile_13_indirect_nested);
	tcase_add_test(tc, hostile_13_indirect_with_next);
	tcase_add_loop_test(tc, hostile_13_indirect_length, 0, 9);
	tcase_add_test(tc, hostile_13_chain_too_long_in_total);
	tcase_add_loop_test(tc, hostile_14_indirect_outside_of_ram, 0, 4);
	tcase_add_test(tc, hostile_14_indirect_in_used_ring);
	tcase_add_loop_test(tc, hostile_15_size, 0, 8);
	tcase_add_test(tc, hostile_15_alignment);
	tcase_add_loop_test(tc, hostile_15_outside_of_ram, 0, 5);
	tcase_add_test(tc, hostile_15_overlap);
	tcase_add_test(tc, hostile_16_descriptor_rewritten);
	tcase_add_test(tc, hostile_17_used_event_garbage);
	tcase_add_test(tc, hostile_used_ring_garbage);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(queue_hostile_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
