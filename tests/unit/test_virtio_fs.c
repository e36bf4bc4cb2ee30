/*
 * virtio-fs: rings and threads in front of a FUSE server, which is played by
 * this file. The server itself has its own tests.
 */
#include "devices/virtio_fs.h"

#include <check.h>
#include <errno.h>
#include <linux/virtio_fs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "devices/virtio/mmio.h"
#include "tests/unit/driver.h"
#include "vmm/base/bits.h"

#define WRITE VRING_DESC_F_WRITE
#define NEXT VRING_DESC_F_NEXT

enum { SIZE = 64, QUEUES = VIRTIO_FS_REQUEST + 2 };

static struct driver driver;
static struct ring rings[QUEUES];
static struct virtio_fs vfs;
static struct virtio_mmio mmio;
static struct fs fs;
static _Atomic unsigned int served;
static _Atomic unsigned int resets;
static _Atomic bool blocked; /* requests that begin with 'b' wait for false */

/* The server: replies with what was sent; what begins with 'f' has no reply. */
size_t fs_serve(struct fs *f, struct fs_worker *worker, struct iov_cursor *in,
		struct iov_cursor *out)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	char text[16];
	size_t len = MIN(in->solid, sizeof(text));

	ck_assert_ptr_eq(f, &fs);
	ck_assert_ptr_nonnull(worker);
	iov_take(in, text, len);
	while (len && text[0] == 'b' && blocked)
		nanosleep(&ms, NULL);
	served++;
	if (!len || text[0] == 'f' || !iov_put(out, text, len))
		return 0;
	return len;
}

/* What each thread calls first. */
static _Atomic unsigned int entered;
static _Atomic unsigned int of_kind[THREAD_NUM_KINDS];
static _Thread_local bool is_worker; /* before the entry: it takes rights */

static void enter(void *opaque, enum thread_kind kind)
{
	ck_assert_ptr_eq(opaque, &vfs);
	ck_assert(kind == THREAD_FS || kind == THREAD_FS_AUX);
	of_kind[kind]++;
	ck_assert(is_worker);
	entered++;
}

static const struct thread_entry entry = {enter, &vfs};

int fs_start(struct fs *f, const struct thread_entry *e)
{
	ck_assert_ptr_eq(f, &fs);
	ck_assert_ptr_eq(e, &entry);
	return 0;
}

void fs_reset(struct fs *f)
{
	ck_assert_ptr_eq(f, &fs);
	resets++;
}

int fs_worker_init(struct fs_worker *worker)
{
	*worker = (struct fs_worker){.text = malloc(1)};
	return 0;
}

int fs_worker_enter(struct fs *f, struct fs_worker *worker)
{
	ck_assert_ptr_eq(f, &fs);
	ck_assert_ptr_nonnull(worker);
	is_worker = true;
	return 0;
}

void fs_worker_destroy(struct fs_worker *worker)
{
	free(worker->text);
}

static void setup(void)
{
	driver_init(&driver);
	ck_assert_int_eq(virtio_fs_init(&vfs, &driver.mem, &fs, "root", 2), 0);
	ck_assert_int_eq(virtio_mmio_init(&mmio, &vfs.dev, &driver.bus, 0), 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_init(&rings[i], &driver.mem, i, SIZE);
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, QUEUES);
	ck_assert_int_eq(virtio_fs_start(&vfs, &entry), 0);
}

static void teardown(void)
{
	blocked = false;
	virtio_fs_destroy(&vfs);
	driver_destroy(&driver);
}

/* Put a request of @text and room for an answer into descriptors @i, @i + 1. */
static void put(unsigned int idx, uint16_t i, const char *text)
{
	gpa_t gpa = RING_BUF + idx * 0x80000 + i * 64;

	memcpy(guest_ptr(&driver.mem, gpa, 64), text, strlen(text));
	ring_desc(&rings[idx], i,
		  (struct vring_desc){gpa, strlen(text), NEXT, i + 1});
	ring_desc(&rings[idx], i + 1,
		  (struct vring_desc){gpa + 32, 16, WRITE, 0});
}

static void send(unsigned int idx, uint16_t i, const char *text)
{
	put(idx, i, text);
	ring_offer(&rings[idx], i);
	driver_kick(&driver, idx);
}

START_TEST(config)
{
	uint32_t num;

	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_DEVICE_ID), 26);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_CONFIG),
			  'r' | 'o' << 8 | 'o' << 16 | 't' << 24);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_CONFIG + 4), 0);
	num = driver_read(&driver, VIRTIO_MMIO_CONFIG + 36);
	ck_assert_uint_eq(num, QUEUES - 1);
}
END_TEST

START_TEST(tag)
{
	const char longest[] = "123456789012345678901234567890123456";
	const char too_long[] = "1234567890123456789012345678901234567";
	static struct virtio_fs other;

	ck_assert_int_eq(virtio_fs_init(&other, &driver.mem, &fs, "", 2),
			 -EINVAL);
	virtio_fs_destroy(&other);
	ck_assert_int_eq(virtio_fs_init(&other, &driver.mem, &fs, too_long, 2),
			 -ENAMETOOLONG);
	virtio_fs_destroy(&other);
	ck_assert_int_eq(virtio_fs_init(&other, &driver.mem, &fs, longest, 2),
			 0);
	ck_assert_mem_eq(other.dev.regs->config, longest, 36);
	virtio_fs_destroy(&other);
	/* The failed ones left descriptor 0 alone. */
	ck_assert_int_ge(dup2(0, 0), 0);
}
END_TEST

START_TEST(request_and_reply)
{
	send(VIRTIO_FS_REQUEST, 0, "hello");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_REQUEST], 1));
	ck_assert_uint_eq(ring_used_elem(&rings[VIRTIO_FS_REQUEST], 0).len, 5);
	ck_assert_mem_eq(guest_ptr(&driver.mem, RING_BUF + 0x80000 + 32, 5),
			 "hello", 5);
	ck_assert_uint_eq(ring_used(&rings[VIRTIO_FS_HIPRIO]), 0);
}
END_TEST

START_TEST(every_thread_begins_with_the_entry)
{
	virtio_fs_stop(&vfs);
	ck_assert_uint_eq(entered, QUEUES);
	ck_assert_uint_eq(of_kind[THREAD_FS_AUX], 1);
}
END_TEST

START_TEST(no_reply_is_length_zero)
{
	send(VIRTIO_FS_HIPRIO, 0, "forget");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_HIPRIO], 1));
	ck_assert_uint_eq(ring_used_elem(&rings[VIRTIO_FS_HIPRIO], 0).len, 0);
}
END_TEST

START_TEST(one_interrupt_per_batch)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	driver_irqs(&driver);
	blocked = true;
	send(VIRTIO_FS_REQUEST, 0, "block");
	for (uint16_t i = 2; i < 20; i += 2)
		send(VIRTIO_FS_REQUEST, i, "more");
	blocked = false;
	ck_assert(ring_wait_used(r, 10));
	virtio_fs_stop(&vfs); /* the batch has ended */
	ck_assert_uint_eq(driver_irqs(&driver), 1);
}
END_TEST

/* Rounds of so many requests at once, each begun when the last one is done, as
 * by a driver that wants to hear of the next reply only: interrupts of all.
 */
static uint64_t count_interrupts(unsigned int depth, unsigned int rounds)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];
	uint64_t cnt = 0;
	uint16_t done = 0;

	driver_irqs(&driver);
	for (unsigned int i = 0; i < rounds; i++) {
		struct pollfd irq = {driver.bus.line[0].fd, POLLIN, 0};

		blocked = true;
		ring_set_used_event(r, done);
		for (unsigned int j = 0; j < depth; j++)
			send(VIRTIO_FS_REQUEST, j * 2, "block");
		done += depth;
		blocked = false;
		ck_assert(ring_wait_used(r, done));
		ck_assert_int_eq(poll(&irq, 1, 5000), 1);
		cnt += driver_irqs(&driver);
	}
	return cnt + driver_irqs(&driver);
}

START_TEST(interrupts_of_requests)
{
	ck_assert_uint_eq(count_interrupts(1, 100), 100);
}
END_TEST

START_TEST(interrupts_of_sixteen_at_once)
{
	ck_assert_uint_eq(count_interrupts(16, 20), 20);
}
END_TEST

START_TEST(forget_passes_blocked_request)
{
	blocked = true;
	send(VIRTIO_FS_REQUEST, 0, "block");
	for (uint16_t i = 0; i < SIZE; i += 2)
		send(VIRTIO_FS_HIPRIO, i, "forget");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_HIPRIO], SIZE / 2));
	ck_assert_uint_eq(ring_used(&rings[VIRTIO_FS_REQUEST]), 0);
	blocked = false;
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_REQUEST], 1));
}
END_TEST

/* A session ends with its driver, and the next one is served. */
START_TEST(reset_ends_session)
{
	unsigned int before = resets;

	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(resets, before + QUEUES);
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_init(&rings[i], &driver.mem, i, SIZE);
	driver_setup(&driver, 0, rings, QUEUES);
	send(VIRTIO_FS_REQUEST, 0, "again");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_REQUEST], 1));
	ck_assert_uint_eq(resets, before + QUEUES);
}
END_TEST

/* A driver of one queue has a session, too. */
START_TEST(reset_of_one_queue_ends_session)
{
	unsigned int before;

	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	before = resets;
	ring_init(&rings[VIRTIO_FS_HIPRIO], &driver.mem, VIRTIO_FS_HIPRIO,
		  SIZE);
	driver_setup(&driver, 0, rings, 1);
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(resets, before + 1);
}
END_TEST

/* Hostile */

START_TEST(hostile_11_no_request_no_room)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	ring_desc(r, 0, (struct vring_desc){RING_BUF, 0, 0, 0});
	ring_desc(r, 1, (struct vring_desc){RING_BUF, 8, 0, 0});
	ring_offer(r, 0);
	ring_offer(r, 1);
	driver_kick(&driver, VIRTIO_FS_REQUEST);
	ck_assert(ring_wait_used(r, 2));
	ck_assert_uint_eq(ring_used_elem(r, 0).len, 0);
	ck_assert_uint_eq(ring_used_elem(r, 1).len, 0);
}
END_TEST

START_TEST(hostile_ring_breaks_both_queues)
{
	_Atomic uint32_t *status = virtio_dev_reg(&vfs.dev, VIRTIO_MMIO_STATUS);
	const uint32_t bit = VIRTIO_CONFIG_S_NEEDS_RESET;
	const struct timespec ms = {.tv_nsec = 1000000};

	ring_offer(&rings[VIRTIO_FS_HIPRIO], 0xffff);
	driver_kick(&driver, VIRTIO_FS_HIPRIO);
	for (unsigned int i = 0; i < 5000; i++) {
		if (atomic_load(status) & bit)
			break;
		nanosleep(&ms, NULL);
	}
	ck_assert(atomic_load(status) & bit);
	send(VIRTIO_FS_REQUEST, 0, "hello");
	virtio_fs_stop(&vfs);
	ck_assert_uint_eq(ring_used(&rings[VIRTIO_FS_REQUEST]), 0);
}
END_TEST

START_TEST(hostile_21_reset_in_flight)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < 20; i++) {
		unsigned int count;

		for (uint16_t j = 0; j < SIZE; j += 2) {
			send(VIRTIO_FS_REQUEST, j, "hello");
			send(VIRTIO_FS_HIPRIO, j, "forget");
		}
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
		count = served;
		nanosleep(&ms, NULL);
		ck_assert_uint_eq(served, count);
		for (unsigned int j = 0; j < QUEUES; j++)
			ring_init(&rings[j], &driver.mem, j, SIZE);
		driver_setup(&driver, 0, rings, QUEUES);
	}
}
END_TEST

/* Ten thousand FORGETs: requests are answered meanwhile, the threads stop. */
START_TEST(hostile_22_forget_flood)
{
	struct ring *r = &rings[VIRTIO_FS_HIPRIO];
	uint16_t done = 0;

	put(VIRTIO_FS_HIPRIO, 0, "forget");
	for (unsigned int i = 0; i < 10000; i++) {
		if ((uint16_t)(r->avail->idx - ring_used(r)) < SIZE)
			ring_offer(r, 0);
		driver_kick(&driver, VIRTIO_FS_HIPRIO);
		if (i % 1000 == 0) {
			send(VIRTIO_FS_REQUEST, 0, "hello");
			ck_assert(ring_wait_used(&rings[VIRTIO_FS_REQUEST],
						 ++done));
		}
	}
	virtio_fs_stop(&vfs);
}
END_TEST

/* A request among FORGETs is answered, a FORGET among requests is not. */
START_TEST(hostile_36_any_request_on_any_queue)
{
	send(VIRTIO_FS_HIPRIO, 0, "hello");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_HIPRIO], 1));
	ck_assert_uint_eq(ring_used_elem(&rings[VIRTIO_FS_HIPRIO], 0).len, 5);
	send(VIRTIO_FS_REQUEST, 0, "forget");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_REQUEST], 1));
	ck_assert_uint_eq(ring_used_elem(&rings[VIRTIO_FS_REQUEST], 0).len, 0);
}
END_TEST

static Suite *virtio_fs_suite(void)
{
	Suite *s = suite_create("virtio_fs");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, config);
	tcase_add_test(tc, tag);
	tcase_add_test(tc, request_and_reply);
	tcase_add_test(tc, every_thread_begins_with_the_entry);
	tcase_add_test(tc, no_reply_is_length_zero);
	tcase_add_test(tc, one_interrupt_per_batch);
	tcase_add_test(tc, interrupts_of_requests);
	tcase_add_test(tc, interrupts_of_sixteen_at_once);
	tcase_add_test(tc, forget_passes_blocked_request);
	tcase_add_test(tc, reset_ends_session);
	tcase_add_test(tc, reset_of_one_queue_ends_session);
	tcase_add_test(tc, hostile_11_no_request_no_room);
	tcase_add_test(tc, hostile_ring_breaks_both_queues);
	tcase_add_test(tc, hostile_21_reset_in_flight);
	tcase_add_test(tc, hostile_22_forget_flood);
	tcase_add_test(tc, hostile_36_any_request_on_any_queue);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(virtio_fs_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
