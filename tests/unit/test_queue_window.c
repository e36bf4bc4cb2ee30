/*
 * Split virtqueues: buffers in windows, for devices that can do with them and
 * for those that cannot.
 */
#include "devices/virtio/queue.h"

#include <check.h>
#include <errno.h>

#include "tests/unit/driver.h"
#include "vmm/base/bits.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE

/* RAM ends where the first of three windows begins, the second follows it, and
 * the third is short.
 */
#define WINDOW_1 GIB(5)
#define WINDOW_2 GIB(6)
#define WINDOW_3 GIB(7)
#define WINDOW_3_LEN MIB(2)

enum { SIZE = 8 };

static struct guestmem mem;
static struct ring ring;
static struct queue q;
static struct queue_req req;

static void restart(bool windows)
{
	queue_stop(&q);
	ring_init(&ring, &mem, 0, SIZE);
	ring.cfg.features = BIT(VIRTIO_RING_F_INDIRECT_DESC);
	ring.cfg.windows = windows;
	ck_assert_int_eq(queue_start(&q, &mem, &ring.cfg), 0);
}

static void setup(void)
{
	ck_assert_int_eq(guestmem_init(&mem, GIB(4)), 0);
	ck_assert_int_eq(guestmem_add_window(&mem, GIB(1), 40, false), 0);
	ck_assert_int_eq(guestmem_add_window(&mem, GIB(1), 40, true), 0);
	ck_assert_int_eq(guestmem_add_window(&mem, WINDOW_3_LEN, 40, false), 0);
	ck_assert_uint_eq(mem.window[2].gpa, WINDOW_3);
}

static void teardown(void)
{
	queue_stop(&q);
	guestmem_destroy(&mem);
}

static void refused(uint16_t head)
{
	ring_offer(&ring, head);
	ck_assert_int_eq(queue_pop(&q, &req), -EPROTO);
	ck_assert_int_eq(q.state, QUEUE_BROKEN);
}

static void taken(uint16_t head)
{
	ring_offer(&ring, head);
	ck_assert_int_eq(queue_pop(&q, &req), 1);
}

/* A cursor gives what is solid, and not a byte more. */
static void check_solid(struct iov_cursor *c, size_t len, size_t solid)
{
	char text[64] = {0};

	ck_assert_uint_eq(c->left, len);
	ck_assert_uint_eq(c->solid, solid);
	ck_assert(!iov_take(c, text, solid + 1));
	ck_assert(!iov_put(c, text, solid + 1));
	ck_assert(iov_put(c, text, solid));
	ck_assert(!iov_put(c, text, 1));
	ck_assert(iov_skip(c, len - solid));
}

/* For devices that look at their data themselves there are no windows. */
START_TEST(hostile_09_buffer_in_window)
{
	static const gpa_t at[] = {WINDOW_1, WINDOW_2, WINDOW_3};

	restart(false);
	ring_put(&ring, 0, 5, NEXT, 1);
	ring_put(&ring, 1, 4096, WRITE, 0)->addr = at[_i];
	refused(0);
	restart(false);
	ring_put_indirect(&ring, 0, 4096, 0, 0)->addr = at[_i];
	ring_put_table(&ring, 0, 1);
	refused(0);
	restart(true);
	ring_put(&ring, 0, 4096, 0, 0)->addr = at[_i];
	taken(0);
	check_solid(&req.readable, 4096, 0);
}
END_TEST

/* Three segments each way; one of them is in a window. */
START_TEST(hostile_09_solid_up_to_a_window)
{
	const unsigned int at = _i;

	restart(true);
	for (uint16_t i = 0; i < 6; i++)
		ring_put(&ring, i, 5, (i < 5 ? NEXT : 0) | (i < 3 ? 0 : WRITE),
			 i + 1);
	taken(0);
	check_solid(&req.readable, 15, 15);
	check_solid(&req.writable, 15, 15);
	ring.desc[at].addr = WINDOW_2 - 5;
	taken(0);
	ck_assert_ptr_eq(req.iov[at].iov_base, mem.window[0].hva + GIB(1) - 5);
	ck_assert_uint_eq(req.iov[at].iov_len, 5);
	check_solid(&req.readable, 15, 5 * MIN(at, 3));
	check_solid(&req.writable, 15, at < 3 ? 15 : 5 * (at - 3));
}
END_TEST

/* What has no bytes is not in a window, wherever it is. */
START_TEST(hostile_09_empty_buffer_in_window)
{
	restart(true);
	ring_put(&ring, 0, 0, NEXT, 1)->addr = WINDOW_1;
	ring_put(&ring, 1, 7, NEXT, 2);
	ring_put(&ring, 2, 0, WRITE | NEXT, 3)->addr = WINDOW_3;
	ring_put(&ring, 3, 9, WRITE, 0);
	taken(0);
	check_solid(&req.readable, 7, 7);
	check_solid(&req.writable, 9, 9);
}
END_TEST

static const struct {
	gpa_t gpa;
	uint32_t len;
	bool fits;
} edges[] = {
	{WINDOW_1 - GIB(1), GIB(1), true},
	{WINDOW_1 - GIB(1), GIB(1) + 1, false},
	{WINDOW_1 - 1, 1, true},
	{WINDOW_1 - 1, 2, false},
	{WINDOW_1, 1, true},
	{WINDOW_1, GIB(1), true},
	{WINDOW_1, GIB(1) + 1, false},
	{WINDOW_1, UINT32_MAX, false},
	{WINDOW_2 - 1, 1, true},
	{WINDOW_2 - 1, 2, false},
	{WINDOW_2, GIB(1), true},
	{WINDOW_3 - 1, 2, false},
	{WINDOW_3, WINDOW_3_LEN, true},
	{WINDOW_3, WINDOW_3_LEN + 1, false},
	{WINDOW_3 + WINDOW_3_LEN - 1, 1, true},
	{WINDOW_3 + WINDOW_3_LEN - 1, 2, false},
	{WINDOW_3 + WINDOW_3_LEN, 1, false},
	{UINT64_MAX, 1, false},
	{UINT64_MAX - 1, UINT32_MAX, false},
};

START_TEST(hostile_09_buffer_crosses_an_edge)
{
	bool is_ram = edges[_i].gpa < WINDOW_1;

	restart(true);
	ring_put(&ring, 0, edges[_i].len, WRITE, 0)->addr = edges[_i].gpa;
	if (!edges[_i].fits) {
		refused(0);
		return;
	}
	taken(0);
	ck_assert_uint_eq(req.writable.left, edges[_i].len);
	ck_assert_uint_eq(req.writable.solid, is_ram ? edges[_i].len : 0);
}
END_TEST

/* Nobody looks for a ring or a table in a window, whatever its device. */
START_TEST(hostile_14_ring_or_table_in_window)
{
	restart(true);
	ring_put_table(&ring, 0, 1)->addr = WINDOW_1;
	refused(0);
	queue_stop(&q);
	for (unsigned int i = 0; i < 3; i++) {
		struct queue_config cfg = ring.cfg;

		*(i == 0   ? &cfg.desc
		  : i == 1 ? &cfg.avail
			   : &cfg.used) = WINDOW_1;
		ck_assert_int_eq(queue_start(&q, &mem, &cfg), -EFAULT);
	}
	ck_assert_int_eq(queue_start(&q, &mem, &ring.cfg), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue_window");
	TCase *tcase = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, hostile_09_buffer_in_window, 0, 3);
	tcase_add_loop_test(tcase, hostile_09_solid_up_to_a_window, 0, 6);
	tcase_add_test(tcase, hostile_09_empty_buffer_in_window);
	tcase_add_loop_test(tcase, hostile_09_buffer_crosses_an_edge, 0,
			    ARRAY_SIZE(edges));
	tcase_add_test(tcase, hostile_14_ring_or_table_in_window);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
