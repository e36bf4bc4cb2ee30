/*
 * virtio-fs: several queues for requests, each with its thread, in front of a
 * FUSE server which is played by this file.
 */
#include "devices/virtio_fs.h"

#include <check.h>
#include <linux/virtio_fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "devices/virtio/mmio.h"
#include "tests/unit/driver.h"
#include "vmm/base/bits.h"

#define WRITE VRING_DESC_F_WRITE
#define NEXT VRING_DESC_F_NEXT
#define BUFFERS 0x40000 /* of each queue, above all rings */

enum { SIZE = 64, FIRST = VIRTIO_FS_REQUEST, QUEUES = FIRST + 3 };

static struct driver driver;
static struct ring rings[QUEUES];
static struct virtio_fs vfs;
static struct virtio_mmio mmio;
static struct fs fs;
static _Atomic unsigned int inside; /* requests that wait for @blocked */
static _Atomic bool blocked;	    /* those that begin with 'b' do */
static _Atomic unsigned int served;
static _Atomic unsigned int resets;
static _Thread_local unsigned int own_cnt; /* served by this thread */

/* The server: replies with how many the thread has served. */
size_t fs_serve(struct fs *f, struct fs_worker *worker, struct iov_cursor *in,
		struct iov_cursor *out)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	char kind = 0;

	(void)f;
	(void)worker;
	iov_take(in, &kind, sizeof(kind));
	inside += kind == 'b';
	while (kind == 'b' && blocked)
		nanosleep(&ms, NULL);
	inside -= kind == 'b';
	served++;
	own_cnt++;
	return iov_put(out, &own_cnt, sizeof(own_cnt)) ? sizeof(own_cnt) : 0;
}

int fs_start(struct fs *f, const struct thread_entry *e)
{
	(void)f;
	(void)e;
	return 0;
}

void fs_reset(struct fs *f)
{
	(void)f;
	resets++;
}

int fs_worker_init(struct fs_worker *worker)
{
	*worker = (struct fs_worker){0};
	return 0;
}

int fs_worker_enter(struct fs *f, struct fs_worker *worker)
{
	(void)f;
	(void)worker;
	return 0;
}

void fs_worker_destroy(struct fs_worker *worker)
{
	(void)worker;
}

static void setup(void)
{
	driver_init(&driver);
	ck_assert_int_eq(
		virtio_fs_init(&vfs, &driver.mem, &fs, "root", QUEUES - FIRST),
		0);
	ck_assert_int_eq(virtio_mmio_init(&mmio, &vfs.dev, &driver.bus, 0), 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_init(&rings[i], &driver.mem, i, SIZE);
	ck_assert_int_eq(virtio_fs_start(&vfs, NULL), 0);
}

static void teardown(void)
{
	blocked = false;
	virtio_fs_destroy(&vfs);
	driver_destroy(&driver);
}

/* The driver has all queues. */
static void begin(void)
{
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, QUEUES);
}

/* Put a request of @kind with room for an answer into descriptors @i, @i + 1;
 * its buffers are those of queue @of.
 */
static void put(unsigned int idx, unsigned int of, uint16_t i, char kind)
{
	gpa_t gpa = RING_BUF + of * BUFFERS + i * 64;

	memcpy(guest_ptr(&driver.mem, gpa, 64), &kind, sizeof(kind));
	ring_desc(&rings[idx], i,
		  (struct vring_desc){gpa, sizeof(kind), NEXT, i + 1});
	ring_desc(&rings[idx], i + 1,
		  (struct vring_desc){gpa + 32, 16, WRITE, 0});
}

static void send(unsigned int idx, uint16_t i, char kind)
{
	put(idx, idx, i, kind);
	ring_offer(&rings[idx], i);
	driver_kick(&driver, idx);
}

/* A request of its own is done there. */
static bool is_served(unsigned int idx)
{
	uint16_t done = ring_used(&rings[idx]);

	send(idx, 0, 'r');
	return ring_wait_used(&rings[idx], done + 1);
}

static void wait_inside(unsigned int cnt)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < 5000 && inside != cnt; i++)
		nanosleep(&ms, NULL);
	ck_assert_uint_eq(inside, cnt);
}

START_TEST(as_many_as_wanted)
{
	static const unsigned int cnts[] = {1, 2, VIRTIO_FS_MAX_REQUESTS};
	static struct virtio_fs other;
	struct virtio_fs_config config;

	for (size_t i = 0; i < ARRAY_SIZE(cnts); i++) {
		ck_assert_int_eq(
			virtio_fs_init(&other, &driver.mem, &fs, "x", cnts[i]),
			0);
		memcpy(&config, other.dev.regs->config, sizeof(config));
		ck_assert_uint_eq(config.num_request_queues, cnts[i]);
		ck_assert_uint_eq(other.dev.class->queue_cnt, 1 + cnts[i]);
		virtio_fs_destroy(&other);
	}
}
END_TEST

/* A request on each waits at the same time, and FORGETs pass them all. */
START_TEST(queues_do_not_wait_for_each_other)
{
	begin();
	blocked = true;
	for (unsigned int i = FIRST; i < QUEUES; i++)
		send(i, 0, 'b');
	wait_inside(QUEUES - FIRST);
	ck_assert(is_served(VIRTIO_FS_HIPRIO));
	for (unsigned int i = FIRST; i < QUEUES; i++)
		ck_assert_uint_eq(ring_used(&rings[i]), 0);
	blocked = false;
	for (unsigned int i = FIRST; i < QUEUES; i++)
		ck_assert(ring_wait_used(&rings[i], 1));
}
END_TEST

START_TEST(one_interrupt_per_batch_and_queue)
{
	begin();
	driver_irqs(&driver);
	blocked = true;
	for (unsigned int i = FIRST; i < QUEUES; i++)
		send(i, 0, 'b');
	wait_inside(QUEUES - FIRST);
	for (unsigned int i = FIRST; i < QUEUES; i++) {
		for (uint16_t j = 2; j < 20; j += 2)
			send(i, j, 'r');
	}
	blocked = false;
	for (unsigned int i = FIRST; i < QUEUES; i++)
		ck_assert(ring_wait_used(&rings[i], 10));
	virtio_fs_stop(&vfs); /* the batches have ended */
	ck_assert_uint_eq(driver_irqs(&driver), QUEUES - FIRST);
}
END_TEST

enum { ROUNDS = 1000 };
static const char *wrong[QUEUES];

/* A processor of the guest: its requests come back to it, in their order, from
 * the one thread that serves its queue.
 */
static void *drive(void *arg)
{
	struct ring *r = arg;
	unsigned int idx = r - rings, cnt;
	uint16_t i = 0;

	for (unsigned int round = 1; round <= ROUNDS && !wrong[idx]; round++) {
		i = (i + 2) % SIZE;
		send(idx, i, 'r');
		while (ring_used(r) != round) /* or it takes too long */
			sched_yield();
		if (ring_used_elem(r, round - 1).id != i)
			wrong[idx] = "another request's reply";
		memcpy(&cnt,
		       guest_ptr(&driver.mem,
				 RING_BUF + idx * BUFFERS + i * 64 + 32, 4),
		       sizeof(cnt));
		if (cnt != round)
			wrong[idx] = "served by another thread";
	}
	return NULL;
}

START_TEST(each_processor_has_its_queue)
{
	pthread_t thread[QUEUES];

	begin();
	for (unsigned int i = 0; i < QUEUES; i++)
		ck_assert_int_eq(
			pthread_create(&thread[i], NULL, drive, &rings[i]), 0);
	for (unsigned int i = 0; i < QUEUES; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_msg(!wrong[i], "queue %u: %s", i, wrong[i]);
	}
	ck_assert_uint_eq(served, QUEUES * ROUNDS);
}
END_TEST

/* Hostile */

START_TEST(hostile_only_some_queues)
{
	driver_begin(&driver, 0);
	ck_assert_uint_eq(driver_enable(&driver, _i, &rings[_i].cfg), 1);
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	for (unsigned int i = 0; i < QUEUES; i++)
		driver_kick(&driver, i);
	ck_assert(is_served(_i));
	ck_assert_uint_eq(served, 1);
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(resets, 1);
}
END_TEST

START_TEST(hostile_sizes_that_differ)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_init(&rings[i], &driver.mem, i, 4 << (2 * i));
	begin();
	for (unsigned int i = 0; i < QUEUES; i++) {
		for (unsigned int j = 0; j < 10; j++)
			ck_assert(is_served(i));
	}
}
END_TEST

/* Queue 2 goes in the middle of a request and comes back; the others stay. */
static void *stop_second(void *arg)
{
	(void)arg;
	driver_write(&driver, VIRTIO_MMIO_QUEUE_SEL, 2);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_READY, 0);
	return NULL;
}

START_TEST(hostile_one_queue_stopped_in_flight)
{
	pthread_t thread;

	begin();
	blocked = true;
	send(2, 0, 'b');
	wait_inside(1);
	send(2, 2, 'r');
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_second, NULL), 0);
	while (!atomic_load(&vfs.dev.queue[2].stopping))
		;
	ck_assert(is_served(FIRST));
	ck_assert_uint_eq(resets, 0);
	blocked = false;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	/* It was in flight, what came after it was not. */
	ck_assert_uint_eq(ring_used(&rings[2]), 1);
	ck_assert_uint_eq(resets, 1);
	driver_kick(&driver, 2);
	ck_assert(is_served(FIRST));
	ck_assert_uint_eq(ring_used(&rings[2]), 1);
	ring_init(&rings[2], &driver.mem, 2, SIZE);
	ck_assert_uint_eq(driver_enable(&driver, 2, &rings[2].cfg), 1);
	ck_assert(is_served(2));
}
END_TEST

/* What a guest spoils by this is its own memory, which the sanitizer minds. */
#ifdef __SANITIZE_THREAD__
enum { RACES_ARE_FOUND = true };
#else
enum { RACES_ARE_FOUND = false };
#endif

START_TEST(hostile_same_buffers_in_all_queues)
{
	if (RACES_ARE_FOUND)
		return;
	begin();
	for (unsigned int round = 1; round <= 200; round++) {
		for (unsigned int i = 0; i < QUEUES; i++) {
			put(i, 0, 0, 'r');
			ring_offer(&rings[i], 0);
			driver_kick(&driver, i);
		}
		for (unsigned int i = 0; i < QUEUES; i++)
			ck_assert(ring_wait_used(&rings[i], round));
	}
}
END_TEST

START_TEST(hostile_same_rings_in_all_queues)
{
	if (RACES_ARE_FOUND)
		return;
	driver_begin(&driver, 0);
	for (unsigned int i = FIRST; i < QUEUES; i++)
		ck_assert_uint_eq(driver_enable(&driver, i, &rings[FIRST].cfg),
				  1);
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	for (uint16_t i = 0; i < SIZE; i += 2)
		send(FIRST, i, 'r');
	for (unsigned int i = FIRST; i < QUEUES; i++)
		driver_kick(&driver, i);
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ring_init(&rings[FIRST], &driver.mem, FIRST, SIZE);
	begin();
	ck_assert(is_served(FIRST));
}
END_TEST

START_TEST(hostile_queues_that_are_not_there)
{
	static const uint32_t idx[] = {QUEUES, VIRTIO_MAX_QUEUES - 1,
				       VIRTIO_MAX_QUEUES, UINT32_MAX};

	driver_begin(&driver, 0);
	for (size_t i = 0; i < ARRAY_SIZE(idx); i++) {
		driver_write(&driver, VIRTIO_MMIO_QUEUE_SEL, idx[i]);
		ck_assert_uint_eq(
			driver_read(&driver, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		driver_write(&driver, VIRTIO_MMIO_QUEUE_NUM, SIZE);
		driver_write(&driver, VIRTIO_MMIO_QUEUE_READY, 1);
		ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_QUEUE_READY),
				  0);
	}
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(idx); i++)
		driver_kick(&driver, idx[i]);
	for (unsigned int i = 0; i < QUEUES; i++)
		ck_assert(is_served(i));
	ck_assert_uint_eq(served, QUEUES);
}
END_TEST

/* The configuration ends behind the number, which nobody can write. */
START_TEST(hostile_configuration_is_read_beyond)
{
	const uint32_t at = VIRTIO_MMIO_CONFIG + VIRTIO_FS_TAG_LEN;

	driver_write(&driver, at, 1000);
	ck_assert_uint_eq(driver_read(&driver, at), QUEUES - FIRST);
	for (uint32_t i = 4; i < VIRTIO_MAX_CONFIG - VIRTIO_FS_TAG_LEN; i += 4)
		ck_assert_uint_eq(driver_read(&driver, at + i), 0);
}
END_TEST

START_TEST(hostile_last_ring_breaks_all)
{
	_Atomic uint32_t *status = virtio_dev_reg(&vfs.dev, VIRTIO_MMIO_STATUS);
	const uint32_t bit = VIRTIO_CONFIG_S_NEEDS_RESET;
	const struct timespec ms = {.tv_nsec = 1000000};

	begin();
	ring_offer(&rings[QUEUES - 1], 0xffff);
	driver_kick(&driver, QUEUES - 1);
	for (unsigned int i = 0; i < 5000; i++) {
		if (atomic_load(status) & bit)
			break;
		nanosleep(&ms, NULL);
	}
	ck_assert(atomic_load(status) & bit);
	for (unsigned int i = 0; i < QUEUES; i++)
		send(i, 0, 'r');
	virtio_fs_stop(&vfs);
	ck_assert_uint_eq(served, 0);
}
END_TEST

START_TEST(hostile_reset_in_flight_on_all)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < 20; i++) {
		unsigned int count;

		for (unsigned int j = 0; j < QUEUES; j++)
			ring_init(&rings[j], &driver.mem, j, SIZE);
		begin();
		for (uint16_t j = 0; j < SIZE; j += 2) {
			for (unsigned int k = 0; k < QUEUES; k++)
				send(k, j, 'r');
		}
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
		count = served;
		nanosleep(&ms, NULL);
		ck_assert_uint_eq(served, count);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("virtio_fs_queues");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, as_many_as_wanted);
	tcase_add_test(tc, queues_do_not_wait_for_each_other);
	tcase_add_test(tc, one_interrupt_per_batch_and_queue);
	tcase_add_test(tc, each_processor_has_its_queue);
	tcase_add_loop_test(tc, hostile_only_some_queues, 0, QUEUES);
	tcase_add_test(tc, hostile_sizes_that_differ);
	tcase_add_test(tc, hostile_one_queue_stopped_in_flight);
	tcase_add_test(tc, hostile_same_buffers_in_all_queues);
	tcase_add_test(tc, hostile_same_rings_in_all_queues);
	tcase_add_test(tc, hostile_queues_that_are_not_there);
	tcase_add_test(tc, hostile_configuration_is_read_beyond);
	tcase_add_test(tc, hostile_last_ring_breaks_all);
	tcase_add_test(tc, hostile_reset_in_flight_on_all);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
