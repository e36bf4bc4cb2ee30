/*
 * The entropy device.
 */
#include "devices/virtio_rng.h"

#include <check.h>
#include <string.h>

#include "devices/virtio/mmio.h"
#include "tests/unit/driver.h"

enum { SIZE = 8 };

#define BUF RING_END
#define WRITE VRING_DESC_F_WRITE
#define NEXT VRING_DESC_F_NEXT

static struct driver driver;
static struct loop loop;
static struct virtio_rng rng;
static struct virtio_mmio mmio;
static struct ring ring;

static void setup(void)
{
	driver_init(&driver);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(virtio_rng_init(&rng, &driver.mem, &loop), 0);
	ck_assert_int_eq(virtio_mmio_init(&mmio, &rng.dev, &driver.bus, 0), 0);
	ring_init(&ring, &driver.mem, 0, SIZE);
	driver_setup(&driver, 0, &ring, 1);
}

static void teardown(void)
{
	virtio_rng_destroy(&rng);
	loop_destroy(&loop);
	driver_destroy(&driver);
}

/* Send the chain that begins at descriptor 0: bytes written. */
static uint32_t send(void)
{
	uint16_t n = ring_used(&ring);

	ring_offer(&ring, 0);
	driver_kick(&driver, 0);
	loop_drain(&loop);
	ck_assert_uint_eq(ring_used(&ring), (uint16_t)(n + 1));
	return ring_used_elem(&ring, n).len;
}

static bool is_zero(gpa_t gpa, size_t len)
{
	const char *at = guest_ptr(&driver.mem, gpa, len);

	for (size_t i = 0; i < len; i++) {
		if (at[i])
			return false;
	}
	return true;
}

START_TEST(fill_buffer)
{
	ring_desc(&ring, 0, (struct vring_desc){BUF, 64, WRITE, 0});
	ck_assert_uint_eq(send(), 64);
	ck_assert(!is_zero(BUF, 64));
	ck_assert(is_zero(BUF + 64, 4096));
	ck_assert_uint_gt(driver_irqs(&driver), 0);
}
END_TEST

START_TEST(fill_scattered)
{
	ring_desc(&ring, 0, (struct vring_desc){BUF, 32, WRITE | NEXT, 1});
	ring_desc(&ring, 1, (struct vring_desc){BUF + 8192, 32, WRITE, 0});
	ck_assert_uint_eq(send(), 64);
	ck_assert(!is_zero(BUF, 32));
	ck_assert(is_zero(BUF + 32, 4096));
	ck_assert(!is_zero(BUF + 8192, 32));
}
END_TEST

START_TEST(hostile_huge_buffer)
{
	ring_desc(&ring, 0, (struct vring_desc){BUF, 0x100000, WRITE, 0});
	ck_assert_uint_eq(send(), 4096);
	ck_assert(is_zero(BUF + 4096, 0x100000 - 4096));
}
END_TEST

START_TEST(hostile_nothing_to_write)
{
	ring_desc(&ring, 0, (struct vring_desc){BUF, 0, WRITE, 0});
	ck_assert_uint_eq(send(), 0);
	ring_desc(&ring, 0, (struct vring_desc){BUF, 64, 0, 0});
	ck_assert_uint_eq(send(), 0);
	ck_assert(is_zero(BUF, 64));
}
END_TEST

START_TEST(hostile_readable_first)
{
	ring_desc(&ring, 0, (struct vring_desc){BUF, 64, NEXT, 1});
	ring_desc(&ring, 1, (struct vring_desc){BUF + 64, 64, WRITE, 0});
	ck_assert_uint_eq(send(), 64);
	ck_assert(is_zero(BUF, 64));
	ck_assert(!is_zero(BUF + 64, 64));
}
END_TEST

/* A buffer that is the used ring itself: the guest spoils its own memory. */
START_TEST(hostile_buffer_is_the_used_ring)
{
	ring_desc(&ring, 0, (struct vring_desc){ring.cfg.used, 256, WRITE, 0});
	ring_offer(&ring, 0);
	driver_kick(&driver, 0);
	loop_drain(&loop);
	ck_assert_uint_eq(ring_used(&ring), 1);
}
END_TEST

static Suite *rng_suite(void)
{
	Suite *s = suite_create("virtio_rng");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fill_buffer);
	tcase_add_test(tc, fill_scattered);
	tcase_add_test(tc, hostile_huge_buffer);
	tcase_add_test(tc, hostile_nothing_to_write);
	tcase_add_test(tc, hostile_readable_first);
	tcase_add_test(tc, hostile_buffer_is_the_used_ring);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(rng_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
