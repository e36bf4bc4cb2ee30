/*
 * The device: status machine, serving, interrupts, reset, being broken.
 */
#include "devices/virtio/device.h"

#include <check.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "devices/virtio/mmio.h"
#include "tests/unit/driver.h"
#include "vmm/base/bits.h"
#include "vmm/base/worker.h"

enum {
	QUEUES = 2,
	SIZE = 256,
	FEATURE = 5, /* the only one of the class */
};

#define BUF RING_END

/* A device that answers each request with its number. */
struct echo {
	struct virtio_dev dev;
	struct virtio_mmio mmio;
	struct worker worker;
	struct queue_req req;
	struct timespec delay; /* of each request */
	_Atomic unsigned int busy;
	_Atomic unsigned int kicks[QUEUES];
	_Atomic unsigned int stops[QUEUES];
	_Atomic unsigned int handled;
};

static struct driver driver;
static struct ring rings[QUEUES];
static struct echo echo;

static uint32_t handle(struct virtio_dev *dev, unsigned int idx,
		       struct queue_req *r)
{
	(void)dev;
	(void)idx;
	echo.busy++;
	if (echo.delay.tv_nsec)
		nanosleep(&echo.delay, NULL);
	echo.handled++;
	iov_put(&r->writable, "echo", 4);
	echo.busy--;
	return 4;
}

static void kick(struct virtio_dev *dev, unsigned int idx)
{
	echo.kicks[idx]++;
	virtio_dev_serve(dev, idx, &echo.req, handle);
}

static void stop(struct virtio_dev *dev, unsigned int idx)
{
	(void)dev;
	echo.stops[idx]++;
}

static const struct virtio_class echo_class = {
	.name = "echo",
	.id = 42,
	.features = BIT(FEATURE),
	.queue_cnt = QUEUES,
	.queue_size = SIZE,
	.kick = kick,
	.stop = stop,
};

static void setup(void)
{
	driver_init(&driver);
	memset(&echo, 0, sizeof(echo));
	ck_assert_int_eq(worker_init(&echo.worker), 0);
	ck_assert_int_eq(virtio_dev_init(&echo.dev, &echo_class, &driver.mem),
			 0);
	for (unsigned int i = 0; i < QUEUES; i++) {
		ck_assert_int_eq(
			virtio_dev_attach(&echo.dev, i, &echo.worker.loop), 0);
		ring_init(&rings[i], &driver.mem, i, SIZE);
		for (unsigned int j = 0; j < SIZE; j++)
			ring_desc(&rings[i], j,
				  (struct vring_desc){
					  .addr = BUF,
					  .len = 64,
					  .flags = VRING_DESC_F_WRITE});
	}
	ck_assert_int_eq(
		virtio_mmio_init(&echo.mmio, &echo.dev, &driver.bus, 0), 0);
}

static void teardown(void)
{
	worker_stop(&echo.worker);
	virtio_dev_destroy(&echo.dev);
	worker_destroy(&echo.worker);
	driver_destroy(&driver);
}

static void drain(void)
{
	loop_drain(&echo.worker.loop);
}

static void offer(unsigned int idx, unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++)
		ring_offer(&rings[idx], i % SIZE);
}

static uint32_t status(void)
{
	return driver_read(&driver, VIRTIO_MMIO_STATUS);
}

START_TEST(serve_requests)
{
	driver_setup(&driver, BIT(FEATURE), rings, QUEUES);
	ck_assert(virtio_dev_has(&echo.dev, FEATURE));
	ck_assert(!virtio_dev_has(&echo.dev, VIRTIO_RING_F_EVENT_IDX));
	offer(0, 1);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 1);
	ck_assert_uint_eq(ring_used_elem(&rings[0], 0).len, 4);
	ck_assert_mem_eq(guest_ptr(&driver.mem, BUF, 4), "echo", 4);
	ck_assert_uint_eq(ring_used(&rings[1]), 0);
	offer(1, 2);
	driver_kick(&driver, 1);
	drain();
	ck_assert_uint_eq(ring_used(&rings[1]), 2);
}
END_TEST

START_TEST(one_interrupt_per_batch)
{
	driver_setup(&driver, 0, rings, QUEUES);
	drain();
	ck_assert_uint_eq(driver_irqs(&driver), 0);
	offer(0, 20);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 20);
	ck_assert_uint_eq(driver_irqs(&driver), 1);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS),
			  VIRTIO_MMIO_INT_VRING);
	rings[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	offer(0, 20);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 40);
	ck_assert_uint_eq(driver_irqs(&driver), 0);
}
END_TEST

/* Bounded batches: more kicks of its own, everything done in the end. */
START_TEST(batch_is_bounded)
{
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, QUEUES);
	drain();
	echo.kicks[0] = 0;
	offer(0, SIZE);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), SIZE);
	ck_assert_uint_eq(echo.kicks[0], SIZE / VIRTIO_MAX_BATCH + 1);
	ck_assert_uint_eq(ring_avail_event(&rings[0]), SIZE);
}
END_TEST

/* Kicks that came too early are made up for. */
START_TEST(driver_ok_serves_what_waits)
{
	driver_begin(&driver, 0);
	driver_enable(&driver, 0, &rings[0].cfg);
	offer(0, 3);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 0);
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 3);
}
END_TEST

START_TEST(queue_enabled_late_is_served)
{
	driver_setup(&driver, 0, rings, 1);
	offer(1, 3);
	ck_assert_uint_eq(driver_enable(&driver, 1, &rings[1].cfg), 1);
	drain();
	ck_assert_uint_eq(ring_used(&rings[1]), 3);
}
END_TEST

START_TEST(disable_stops_one_queue)
{
	driver_setup(&driver, 0, rings, QUEUES);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_SEL, 0);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_READY, 0);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
	ck_assert_uint_eq(echo.stops[0], 1);
	ck_assert_uint_eq(echo.stops[1], 0);
	offer(0, 1);
	offer(1, 1);
	driver_kick(&driver, 0);
	driver_kick(&driver, 1);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 0);
	ck_assert_uint_eq(ring_used(&rings[1]), 1);
}
END_TEST

START_TEST(reset_and_begin_again)
{
	for (unsigned int i = 0; i < 3; i++) {
		ring_init(&rings[0], &driver.mem, 0, SIZE);
		driver_setup(&driver, 0, rings, QUEUES);
		ring_offer(&rings[0], 0);
		driver_kick(&driver, 0);
		drain();
		ck_assert_uint_eq(ring_used(&rings[0]), 1);
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
		ck_assert_uint_eq(status(), 0);
		ck_assert_uint_eq(
			driver_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_QUEUE_READY),
				  0);
		ck_assert(!virtio_dev_has(&echo.dev, VIRTIO_F_VERSION_1));
	}
	ck_assert_uint_eq(echo.stops[0], 3);
}
END_TEST

START_TEST(config_change)
{
	const char before[5] = "one", after[5] = "two";
	uint32_t gen;

	virtio_dev_set_config(&echo.dev, before, sizeof(before));
	ck_assert_uint_eq(driver_irqs(&driver), 0);
	driver_setup(&driver, 0, rings, QUEUES);
	gen = driver_read(&driver, VIRTIO_MMIO_CONFIG_GENERATION);
	virtio_dev_set_config(&echo.dev, after, sizeof(after));
	ck_assert_uint_eq(driver_irqs(&driver), 1);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_INTERRUPT_STATUS),
			  VIRTIO_MMIO_INT_CONFIG);
	ck_assert_uint_ne(driver_read(&driver, VIRTIO_MMIO_CONFIG_GENERATION),
			  gen);
}
END_TEST

/* A device that speaks first: enter, pop, push, leave. */
START_TEST(enter_and_leave)
{
	driver_begin(&driver, 0);
	driver_enable(&driver, 0, &rings[0].cfg);
	ck_assert(!virtio_dev_enter(&echo.dev, 0));
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	ck_assert(!virtio_dev_enter(&echo.dev, 1));
	ck_assert(virtio_dev_enter(&echo.dev, 0));
	ck_assert(!virtio_dev_pop(&echo.dev, 0, &echo.req));
	ck_assert(!virtio_dev_want_kick(&echo.dev, 0));
	virtio_dev_leave(&echo.dev, 0);
	ck_assert_uint_eq(driver_irqs(&driver), 0);

	offer(0, 2);
	ck_assert(virtio_dev_enter(&echo.dev, 0));
	ck_assert(virtio_dev_pop(&echo.dev, 0, &echo.req));
	virtio_dev_push(&echo.dev, 0, &echo.req, 0);
	ck_assert(virtio_dev_want_kick(&echo.dev, 0));
	ck_assert_uint_eq(driver_irqs(&driver), 0);
	virtio_dev_leave(&echo.dev, 0);
	ck_assert_uint_eq(driver_irqs(&driver), 1);
}
END_TEST

/* Hostile */

START_TEST(hostile_ring_breaks_its_device)
{
	driver_setup(&driver, 0, rings, QUEUES);
	drain();
	ring_offer(&rings[0], SIZE);
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
	ring_init(&rings[0], &driver.mem, 0, SIZE);
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
	driver_setup(&driver, 0, rings, QUEUES);
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
	cfg.size = 2 * SIZE; /* a good size, but not for this device */
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	cfg.size = 0x10000 + SIZE;
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
	driver_kick(&driver, QUEUES);
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
	driver_choose(&driver, BIT(FEATURE)); /* legacy */
	ck_assert_uint_eq(driver_add_status(&driver, fok), 3);
	/* DRIVER_OK does not come without. */
	ck_assert_uint_eq(
		driver_add_status(&driver, fok | VIRTIO_CONFIG_S_DRIVER_OK), 3);
	driver_choose(&driver, BIT(VIRTIO_F_VERSION_1));
	ck_assert_uint_eq(driver_add_status(&driver, fok), 3 | fok);
	/* Too late to change. */
	driver_choose(&driver, BIT(VIRTIO_F_VERSION_1) | BIT(FEATURE));
	ck_assert(!virtio_dev_has(&echo.dev, FEATURE));
	driver_write(&driver, VIRTIO_MMIO_STATUS, 3);
	ck_assert_uint_eq(status(), 3 | fok);
}
END_TEST

START_TEST(hostile_21_no_such_queue)
{
	driver_begin(&driver, 0);
	ck_assert_uint_eq(driver_enable(&driver, QUEUES, &rings[0].cfg), 0);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	ck_assert_uint_eq(driver_enable(&driver, UINT32_MAX, &rings[0].cfg), 0);
}
END_TEST

/* When the write of 0 returns, nobody is in a request, and memory is quiet. */
START_TEST(hostile_21_reset_in_flight)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	echo.delay.tv_nsec = 300000;
	ck_assert_int_eq(worker_start(&echo.worker, "echo"), 0);
	for (unsigned int i = 0; i < 20; i++) {
		uint16_t used;

		ring_init(&rings[1], &driver.mem, 1, SIZE);
		driver_setup(&driver, 0, rings, QUEUES);
		offer(1, SIZE);
		driver_kick(&driver, 1);
		if (i % 2)
			nanosleep(&ms, NULL);
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
		ck_assert_uint_eq(echo.busy, 0);
		ck_assert_uint_eq(status(), 0);
		used = ring_used(&rings[1]);
		ck_assert_uint_lt(used, SIZE);
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
			     QUEUES);
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

	ck_assert_int_eq(worker_start(&echo.worker, "echo"), 0);
	offer(0, SIZE);
	offer(1, SIZE);
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
		    SIZE) {
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
	driver_setup(&driver, 0, rings, QUEUES);
	ck_assert_int_eq(worker_start(&echo.worker, "echo"), 0);
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

static Suite *device_suite(void)
{
	Suite *s = suite_create("device");
	TCase *good = tcase_create("protocol");
	TCase *bad = tcase_create("hostile");

	tcase_add_checked_fixture(good, setup, teardown);
	tcase_add_checked_fixture(bad, setup, teardown);
	tcase_set_timeout(bad, 30);
	tcase_add_test(good, serve_requests);
	tcase_add_test(good, one_interrupt_per_batch);
	tcase_add_test(good, batch_is_bounded);
	tcase_add_test(good, driver_ok_serves_what_waits);
	tcase_add_test(good, queue_enabled_late_is_served);
	tcase_add_test(good, disable_stops_one_queue);
	tcase_add_test(good, reset_and_begin_again);
	tcase_add_test(good, config_change);
	tcase_add_test(good, enter_and_leave);
	suite_add_tcase(s, good);

	tcase_add_test(bad, hostile_ring_breaks_its_device);
	tcase_add_test(bad, hostile_request_after_good_ones);
	tcase_add_test(bad, hostile_15_queue_refused);
	tcase_add_test(bad, hostile_15_enabled_twice);
	tcase_add_test(bad, hostile_enabled_before_features);
	tcase_add_test(bad, hostile_18_kicks);
	tcase_add_test(bad, hostile_21_features);
	tcase_add_test(bad, hostile_21_no_such_queue);
	tcase_add_test(bad, hostile_21_reset_in_flight);
	tcase_add_test(bad, hostile_21_reset_and_registers);
	tcase_add_test(bad, hostile_22_flood);
	suite_add_tcase(s, bad);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(device_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
