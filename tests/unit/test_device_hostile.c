/*
 * The device: drivers that break the rules, resets in flight, floods.
 */
#include "devices/virtio/device.h"

#include <check.h>
#include <pthread.h>
#include <time.h>

#include "tests/unit/driver.h"
#include "tests/unit/echo.h"
#include "vmm/base/bits.h"

static struct driver driver;
static struct ring rings[ECHO_QUEUES];
static struct echo echo;

static void setup(void)
{
	driver_init(&driver);
	echo_init(&echo, &driver);
	for (unsigned int i = 0; i < ECHO_QUEUES; i++)
		echo_ring_init(&rings[i], &driver, i);
}

static void teardown(void)
{
	echo_destroy(&echo);
	driver_destroy(&driver);
}

static void drain(void)
{
	loop_drain(&echo.worker.loop);
}

static void offer(unsigned int idx, unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++)
		ring_offer(&rings[idx], i % ECHO_SIZE);
}

static uint32_t status(void)
{
	return driver_read(&driver, VIRTIO_MMIO_STATUS);
}

START_TEST(hostile_ring_breaks_its_device)
{
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
	drain();
	ring_offer(&rings[0], ECHO_SIZE);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(status(), 0xf | VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_uint_eq(driver_irqs(&driver), 1);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS),
			  VIRTIO_MMIO_INT_CONFIG);
	/* The other queue is not served either, and nothing is told twice. */
	offer(1, 1);
	driver_kick(&driver, 0);
	driver_kick(&driver, 1);
	drain();
	ck_assert_uint_eq(ring_used(&rings[1]), 0);
	ck_assert_uint_eq(driver_irqs(&driver), 0);
	/* The driver cannot wish it away, only reset. */
	ck_assert_uint_eq(driver_add_status(&driver, 0xf), 0x4f);
	ring_init(&rings[0], &driver.mem, 0, ECHO_SIZE);
	driver_setup(&driver, 0, rings, 1);
	ring_offer(&rings[0], 0);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 1);
}
END_TEST

/* What was done before the broken request still counts. */
START_TEST(hostile_request_after_good_ones)
{
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
	drain();
	offer(0, 3);
	ring_offer(&rings[0], 0xffff);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 3);
	ck_assert_uint_eq(status() & VIRTIO_CONFIG_S_NEEDS_RESET,
			  VIRTIO_CONFIG_S_NEEDS_RESET);
}
END_TEST

START_TEST(hostile_15_queue_refused)
{
	struct queue_config cfg = rings[0].cfg;

	driver_begin(&driver, 0);
	cfg.size = 2 * ECHO_SIZE; /* a good size, but not for this device */
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	cfg.size = 0x10000 + ECHO_SIZE;
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	cfg.size = 0;
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	cfg = rings[0].cfg;
	cfg.used = cfg.desc;
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	cfg = rings[0].cfg;
	cfg.avail |= 1ULL << 63;
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	ck_assert_uint_eq(driver_enable(&driver, 0, &rings[0].cfg), 1);
}
END_TEST

/* Enabling twice, with another address in between, changes nothing. */
START_TEST(hostile_15_enabled_twice)
{
	struct queue_config cfg = rings[1].cfg;

	driver_setup(&driver, 0, rings, 1);
	offer(0, 1);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 1);
	offer(0, 1);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 2);
	ck_assert_uint_eq(ring_used(&rings[1]), 0);
}
END_TEST

START_TEST(hostile_enabled_before_features)
{
	ck_assert_uint_eq(driver_enable(&driver, 0, &rings[0].cfg), 0);
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER);
	ck_assert_uint_eq(driver_enable(&driver, 0, &rings[0].cfg), 0);
}
END_TEST

START_TEST(hostile_18_kicks)
{
	offer(0, 1);
	driver_kick(&driver, 0); /* no features, no queue */
	drain();
	driver_begin(&driver, 0);
	driver_enable(&driver, 0, &rings[0].cfg);
	driver_kick(&driver, 0); /* not DRIVER_OK */
	drain();
	ck_assert_uint_eq(echo.kicks[0], 0);
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	drain();
	ck_assert_uint_eq(echo.handled, 1);
	driver_kick(&driver, 1); /* not enabled */
	driver_kick(&driver, ECHO_QUEUES);
	driver_kick(&driver, VIRTIO_MAX_QUEUES);
	driver_kick(&driver, UINT32_MAX);
	drain();
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	offer(0, 1);
	driver_kick(&driver, 0); /* after reset */
	drain();
	ck_assert_uint_eq(echo.handled, 1);
	ck_assert_uint_eq(ring_used(&rings[0]), 1);
}
END_TEST

START_TEST(hostile_21_features)
{
	const uint32_t fok = VIRTIO_CONFIG_S_FEATURES_OK;

	driver_add_status(&driver, 3);
	driver_choose(&driver, BIT(VIRTIO_F_VERSION_1) | BIT(6));
	ck_assert_uint_eq(driver_add_status(&driver, fok), 3);
	driver_choose(&driver,
		      BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_PACKED));
	ck_assert_uint_eq(driver_add_status(&driver, fok), 3);
	driver_choose(&driver, BIT(ECHO_FEATURE)); /* legacy */
	ck_assert_uint_eq(driver_add_status(&driver, fok), 3);
	/* DRIVER_OK does not come without. */
	ck_assert_uint_eq(
		driver_add_status(&driver, fok | VIRTIO_CONFIG_S_DRIVER_OK), 3);
	driver_choose(&driver, BIT(VIRTIO_F_VERSION_1));
	ck_assert_uint_eq(driver_add_status(&driver, fok), 3 | fok);
	/* Too late to change. */
	driver_choose(&driver, BIT(VIRTIO_F_VERSION_1) | BIT(ECHO_FEATURE));
	ck_assert(!virtio_dev_has(&echo.dev, ECHO_FEATURE));
	driver_write(&driver, VIRTIO_MMIO_STATUS, 3);
	ck_assert_uint_eq(status(), 3 | fok);
}
END_TEST

START_TEST(hostile_21_no_such_queue)
{
	driver_begin(&driver, 0);
	ck_assert_uint_eq(driver_enable(&driver, ECHO_QUEUES, &rings[0].cfg),
			  0);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	ck_assert_uint_eq(driver_enable(&driver, UINT32_MAX, &rings[0].cfg), 0);
}
END_TEST

/* When the write of 0 returns, nobody is in a request, and memory is quiet. */
START_TEST(hostile_21_reset_in_flight)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	echo.delay.tv_nsec = 3000000; /* longer than what looks for it */
	ck_assert_int_eq(worker_start(&echo.worker, "echo", THREAD_FS, NULL),
			 0);
	for (unsigned int i = 0; i < 20; i++) {
		uint16_t used;

		ring_init(&rings[1], &driver.mem, 1, ECHO_SIZE);
		driver_setup(&driver, 0, rings, ECHO_QUEUES);
		offer(1, ECHO_SIZE);
		driver_kick(&driver, 1);
		while (i % 2 && !echo.busy)
			nanosleep(&ms, NULL);
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
		ck_assert_uint_eq(echo.busy, 0);
		ck_assert_uint_eq(status(), 0);
		used = ring_used(&rings[1]);
		nanosleep(&ms, NULL);
		ck_assert_uint_eq(ring_used(&rings[1]), used);
		ck_assert_uint_eq(echo.busy, 0);
	}
	ck_assert_uint_gt(echo.handled, 0);
}
END_TEST

static void *reset_often(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 50; i++) {
		driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings,
			     ECHO_QUEUES);
		driver_kick(&driver, 0);
		driver_kick(&driver, 1);
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	}
	return NULL;
}

/* Two vCPUs: one resets, the other reads registers and acknowledges. */
START_TEST(hostile_21_reset_and_registers)
{
	pthread_t thread;

	ck_assert_int_eq(worker_start(&echo.worker, "echo", THREAD_FS, NULL),
			 0);
	offer(0, ECHO_SIZE);
	offer(1, ECHO_SIZE);
	ck_assert_int_eq(pthread_create(&thread, NULL, reset_often, NULL), 0);
	for (unsigned int i = 0; i < 300; i++) {
		driver_read(&driver, VIRTIO_MMIO_STATUS);
		driver_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS);
		driver_write(&driver, VIRTIO_MMIO_INTERRUPT_ACK, 3);
		driver_kick(&driver, i % 3);
		virtio_dev_set_config(&echo.dev, &i, sizeof(i));
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(status(), 0);
}
END_TEST

static _Atomic bool go_on;

static void *flood(void *arg)
{
	(void)arg;
	while (go_on) {
		if ((uint16_t)(rings[0].avail->idx - ring_used(&rings[0])) <
		    ECHO_SIZE) {
			ring_offer(&rings[0], 0);
			driver_kick(&driver, 0);
		}
	}
	return NULL;
}

/* A guest that floods one queue does not keep the loop for itself. */
START_TEST(hostile_22_flood)
{
	pthread_t thread;

	go_on = true;
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
	ck_assert_int_eq(worker_start(&echo.worker, "echo", THREAD_FS, NULL),
			 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, flood, NULL), 0);
	for (uint16_t i = 1; i <= 20; i++) {
		offer(1, 1);
		driver_kick(&driver, 1);
		ck_assert(ring_wait_used(&rings[1], i));
	}
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(status(), 0);
	go_on = false;
	pthread_join(thread, NULL);
	worker_stop(&echo.worker);
}
END_TEST

static Suite *device_hostile_suite(void)
{
	Suite *s = suite_create("device_hostile");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, hostile_ring_breaks_its_device);
	tcase_add_test(tc, hostile_request_after_good_ones);
	tcase_add_test(tc, hostile_15_queue_refused);
	tcase_add_test(tc, hostile_15_enabled_twice);
	tcase_add_test(tc, hostile_enabled_before_features);
	tcase_add_test(tc, hostile_18_kicks);
	tcase_add_test(tc, hostile_21_features);
	tcase_add_test(tc, hostile_21_no_such_queue);
	tcase_add_test(tc, hostile_21_reset_in_flight);
	tcase_add_test(tc, hostile_21_reset_and_registers);
	tcase_add_test(tc, hostile_22_flood);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(device_hostile_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
