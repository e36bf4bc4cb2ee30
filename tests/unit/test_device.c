/*
 * The device: status machine, serving, interrupts. See test_device_hostile.c.
 */
#include "devices/virtio/device.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
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

START_TEST(serve_requests)
{
	driver_setup(&driver, BIT(ECHO_FEATURE), rings, ECHO_QUEUES);
	ck_assert(virtio_dev_has(&echo.dev, ECHO_FEATURE));
	ck_assert(!virtio_dev_has(&echo.dev, VIRTIO_RING_F_EVENT_IDX));
	offer(0, 1);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), 1);
	ck_assert_uint_eq(ring_used_elem(&rings[0], 0).len, 4);
	ck_assert_mem_eq(guest_ptr(&driver.mem, RING_BUF, 4), "echo", 4);
	ck_assert_uint_eq(ring_used(&rings[1]), 0);
	offer(1, 2);
	driver_kick(&driver, 1);
	drain();
	ck_assert_uint_eq(ring_used(&rings[1]), 2);
}
END_TEST

START_TEST(one_interrupt_per_batch)
{
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
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
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, ECHO_QUEUES);
	drain();
	echo.kicks[0] = 0;
	offer(0, ECHO_SIZE);
	driver_kick(&driver, 0);
	drain();
	ck_assert_uint_eq(ring_used(&rings[0]), ECHO_SIZE);
	ck_assert_uint_eq(echo.kicks[0], ECHO_SIZE / VIRTIO_MAX_BATCH + 1);
	ck_assert_uint_eq(ring_avail_event(&rings[0]), ECHO_SIZE);
}
END_TEST

/* By a loop that nobody stops before so many requests are done. */
static void serve_until(uint16_t used)
{
	driver_kick(&driver, 0);
	ck_assert_int_eq(worker_start(&echo.worker, "echo", THREAD_FS, NULL),
			 0);
	while (ring_used(&rings[0]) != used)
		sched_yield();
	worker_stop(&echo.worker);
}

/* A loop to itself: no more kicks, but the driver hears of each batch. */
START_TEST(lonely_queue_goes_on)
{
	virtio_dev_set_alone(&echo.dev, 0);
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
	drain();
	driver_irqs(&driver);
	echo.kicks[0] = 0;
	offer(0, ECHO_SIZE);
	serve_until(ECHO_SIZE);
	ck_assert_uint_eq(echo.kicks[0], 1);
	ck_assert_uint_eq(driver_irqs(&driver), ECHO_SIZE / VIRTIO_MAX_BATCH);
}
END_TEST

static void kick_once(struct echo *e)
{
	e->meanwhile = NULL;
	virtio_dev_kick(&e->dev, 0);
}

static void stop_loop_once(struct echo *e)
{
	e->meanwhile = NULL;
	loop_stop(&e->worker.loop);
}

/* Unless somebody wants something of its server, or its loop is to end. */
START_TEST(lonely_queue_is_no_deaf_one)
{
	virtio_dev_set_alone(&echo.dev, 0);
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, ECHO_QUEUES);
	drain();
	echo.kicks[0] = 0;
	echo.meanwhile = kick_once;
	offer(0, ECHO_SIZE);
	serve_until(ECHO_SIZE);
	ck_assert_uint_eq(echo.kicks[0], 2);
	echo.meanwhile = stop_loop_once;
	offer(0, ECHO_SIZE);
	driver_kick(&driver, 0);
	ck_assert_int_eq(loop_run(&echo.worker.loop), 0);
	ck_assert_uint_eq(ring_used(&rings[0]), ECHO_SIZE + VIRTIO_MAX_BATCH);
	serve_until(2 * ECHO_SIZE);
}
END_TEST

static void *disable_queue(void *arg)
{
	(void)arg;
	driver_write(&driver, VIRTIO_MMIO_QUEUE_SEL, 0);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_READY, 0);
	return NULL;
}

static pthread_t vcpu;

/* The request ends when somebody waits to stop its queue. */
static void disable_meanwhile(struct echo *e)
{
	e->meanwhile = NULL;
	ck_assert_int_eq(pthread_create(&vcpu, NULL, disable_queue, NULL), 0);
	while (!e->dev.queue[0].stopping)
		sched_yield();
}

/* However many requests there are, whoever stops the queue waits for one. */
START_TEST(queue_is_stopped_between_requests)
{
	virtio_dev_set_alone(&echo.dev, 0);
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, ECHO_QUEUES);
	drain();
	echo.meanwhile = disable_meanwhile;
	offer(0, ECHO_SIZE);
	driver_kick(&driver, 0);
	drain();
	ck_assert_int_eq(pthread_join(vcpu, NULL), 0);
	ck_assert_uint_eq(echo.handled, 1);
	ck_assert_uint_eq(ring_used(&rings[0]), 1);
	ck_assert_uint_eq(echo.stops[0], 1);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_QUEUE_READY), 0);
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
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
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
		ring_init(&rings[0], &driver.mem, 0, ECHO_SIZE);
		driver_setup(&driver, 0, rings, ECHO_QUEUES);
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
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
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

/* Offer @cnt requests, and kick only if the device asked for it. Was it so? */
static bool offer_politely(bool event_idx, unsigned int cnt)
{
	struct ring *r = &rings[0];
	uint16_t old = r->avail->idx;
	bool wanted;

	offer(0, cnt);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (event_idx)
		wanted = vring_need_event(ring_avail_event(r), r->avail->idx,
					  old);
	else
		wanted = !(__atomic_load_n(&r->used->flags, __ATOMIC_SEQ_CST) &
			   VRING_USED_F_NO_NOTIFY);
	if (wanted)
		driver_kick(&driver, 0);
	return wanted;
}

/* Wait until everything was used, by nothing but interrupts. */
static void wait_politely(void)
{
	struct pollfd pfd = {.fd = echo.dev.irq_fd, .events = POLLIN};
	struct ring *r = &rings[0];
	uint16_t seen;

	while ((seen = ring_used(r)) != r->avail->idx) {
		ring_set_used_event(r, seen);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (ring_used(r) != seen)
			continue;
		ck_assert_int_eq(poll(&pfd, 1, 5000), 1);
		driver_irqs(&driver);
	}
}

/* Both sides wake the other only when asked: nobody may sleep for ever. */
START_TEST(no_wakeup_is_lost)
{
	bool event_idx = _i % 2;

	echo.dev.queue[0].poll.allowed = _i / 2;
	driver_setup(&driver, event_idx ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0,
		     rings, 1);
	ck_assert_int_eq(worker_start(&echo.worker, "echo", THREAD_FS, NULL),
			 0);
	for (unsigned int i = 0; i < 5000; i++) {
		offer_politely(event_idx, 1 + i % 3);
		if (i % 2)
			offer_politely(event_idx, 1);
		wait_politely();
	}
}
END_TEST

/* When the first request is done, offer one more some microseconds later. Was
 * the device asleep by then?
 */
static void *offer_one_more(void *woken)
{
	struct timespec start, now;
	uint16_t done = rings[0].avail->idx;

	while (ring_used(&rings[0]) != done)
		;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * NS_PER_S + now.tv_nsec -
		       start.tv_nsec <
	       QUEUE_POLL_NS / 10);
	*(bool *)woken = offer_politely(true, 1);
	return NULL;
}

/* Two threads have to run at once for that, which a busy machine may refuse. */
START_TEST(look_before_sleep)
{
	struct queue_poll *look = &echo.dev.queue[0].poll;
	bool woken = true;
	pthread_t thread;

	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, 1);
	drain();
	look->allowed = true;
	for (int i = 0; i < 1000 && woken; i++) {
		look->on = true;
		ring_set_used_event(&rings[0], ring_used(&rings[0]));
		ck_assert(offer_politely(true, 1));
		ck_assert_int_eq(
			pthread_create(&thread, NULL, offer_one_more, &woken),
			0);
		drain();
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		drain();
		ck_assert_uint_eq(ring_used(&rings[0]), rings[0].avail->idx);
		ck_assert(driver_irqs(&driver) > 0);
	}
	ck_assert(!woken);
	ck_assert(!look->on);
}
END_TEST

/* A queue that shares its loop never keeps it. */
START_TEST(no_look_unless_allowed)
{
	driver_setup(&driver, 0, rings, ECHO_QUEUES);
	for (int i = 0; i < 100; i++) {
		offer(0, 1);
		driver_kick(&driver, 0);
		drain();
		ck_assert(!echo.dev.queue[0].poll.on);
	}
}
END_TEST

static Suite *device_suite(void)
{
	Suite *s = suite_create("device");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, serve_requests);
	tcase_add_test(tc, one_interrupt_per_batch);
	tcase_add_test(tc, batch_is_bounded);
	tcase_add_test(tc, lonely_queue_goes_on);
	tcase_add_test(tc, lonely_queue_is_no_deaf_one);
	tcase_add_test(tc, queue_is_stopped_between_requests);
	tcase_add_test(tc, driver_ok_serves_what_waits);
	tcase_add_test(tc, queue_enabled_late_is_served);
	tcase_add_test(tc, disable_stops_one_queue);
	tcase_add_test(tc, reset_and_begin_again);
	tcase_add_test(tc, config_change);
	tcase_add_test(tc, enter_and_leave);
	tcase_add_loop_test(tc, no_wakeup_is_lost, 0, 4);
	tcase_add_test(tc, look_before_sleep);
	tcase_add_test(tc, no_look_unless_allowed);
	suite_add_tcase(s, tc);
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
