/*
 * virtio-fs: requests that are answered later. The server is played by this
 * file.
 */
#include "devices/later.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "devices/virtio/mmio.h"
#include "devices/virtio_fs.h"
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
static struct fs_later *kept[SIZE];
static _Atomic unsigned int kept_cnt;
static unsigned int dropped_cnt;

static const char reply[FS_LATER_LEN + 1] = "0123456789abcdef";

/* Keep a request that begins with 'k'; one with 'K' is answered at once, by way
 * of that. It says so if that cannot be.
 */
static size_t keep(struct fs_worker *worker, char kind, struct iov_cursor *out)
{
	struct fs_later *later = worker->later;

	if (!later) {
		iov_put(out, "no", 2);
		return 2;
	}
	worker->later = NULL;
	if (kind == 'K') {
		later->reply(later, reply, FS_LATER_LEN);
	} else {
		kept[kept_cnt] = later;
		kept_cnt++;
	}
	return FS_LATER;
}

/* The server: replies with what was sent, or keeps it. */
size_t fs_serve(struct fs *f, struct fs_worker *worker, struct iov_cursor *in,
		struct iov_cursor *out)
{
	char text[16];
	size_t len = MIN(in->solid, sizeof(text));

	ck_assert_ptr_eq(f, &fs);
	iov_take(in, text, len);
	if (len && (text[0] == 'k' || text[0] == 'K'))
		return keep(worker, text[0], out);
	return iov_put(out, text, len) ? len : 0;
}

int fs_start(struct fs *f, const struct thread_entry *entry)
{
	ck_assert_ptr_eq(f, &fs);
	ck_assert_ptr_null(entry);
	return 0;
}

/* What is @kept from @dropped_cnt on is dropped. */
static bool drops;

void fs_reset(struct fs *f)
{
	ck_assert_ptr_eq(f, &fs);
	for (; drops && dropped_cnt < kept_cnt; dropped_cnt++)
		kept[dropped_cnt]->reply(kept[dropped_cnt], NULL, 0);
}

int fs_worker_init(struct fs_worker *worker)
{
	*worker = (struct fs_worker){0};
	return 0;
}

int fs_worker_enter(struct fs *f, struct fs_worker *worker)
{
	ck_assert_ptr_eq(f, &fs);
	ck_assert_ptr_nonnull(worker);
	return 0;
}

void fs_worker_destroy(struct fs_worker *worker)
{
	*worker = (struct fs_worker){0};
}

static void setup(void)
{
	driver_init(&driver);
	ck_assert_int_eq(virtio_fs_init(&vfs, &driver.mem, &fs, "root", 2), 0);
	ck_assert_int_eq(virtio_mmio_init(&mmio, &vfs.dev, &driver.bus, 0), 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_init(&rings[i], &driver.mem, i, SIZE);
	driver_setup(&driver, BIT(VIRTIO_RING_F_EVENT_IDX), rings, QUEUES);
	ck_assert_int_eq(virtio_fs_start(&vfs, NULL), 0);
}

static void teardown(void)
{
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

static void wait_kept(unsigned int cnt)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < 5000 && kept_cnt < cnt; i++)
		nanosleep(&ms, NULL);
	ck_assert_uint_eq(kept_cnt, cnt);
}

static void answer(unsigned int i)
{
	kept[i]->reply(kept[i], reply, FS_LATER_LEN);
}

static const char *room_of(uint16_t i)
{
	return guest_ptr(&driver.mem, RING_BUF + 0x80000 + i * 64 + 32,
			 FS_LATER_LEN);
}

/* Reset the device and set it up again, with empty rings. */
static void restart(void)
{
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_init(&rings[i], &driver.mem, i, SIZE);
	driver_setup(&driver, 0, rings, QUEUES);
}

START_TEST(later_is_no_obstacle)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	send(VIRTIO_FS_REQUEST, 0, "keep");
	send(VIRTIO_FS_REQUEST, 2, "keep");
	send(VIRTIO_FS_REQUEST, 4, "hello");
	ck_assert(ring_wait_used(r, 1));
	ck_assert_uint_eq(ring_used_elem(r, 0).id, 4);
	ck_assert_uint_eq(kept_cnt, 2);
	driver_irqs(&driver);
	ring_set_used_event(r, 2);
	answer(1);
	ck_assert(ring_wait_used(r, 2));
	ck_assert_uint_eq(ring_used_elem(r, 1).id, 2);
	ck_assert_uint_eq(ring_used_elem(r, 1).len, FS_LATER_LEN);
	ck_assert_mem_eq(room_of(2), reply, FS_LATER_LEN);
	ck_assert_mem_ne(room_of(0), reply, FS_LATER_LEN);
	/* There will be none: it goes back empty. */
	kept[0]->reply(kept[0], reply, 0);
	ck_assert(ring_wait_used(r, 3));
	ck_assert_uint_eq(ring_used_elem(r, 2).id, 0);
	ck_assert_uint_eq(ring_used_elem(r, 2).len, 0);
	ck_assert_mem_ne(room_of(0), reply, FS_LATER_LEN);
	virtio_fs_stop(&vfs);
	ck_assert_uint_eq(driver_irqs(&driver), 1);
}
END_TEST

START_TEST(later_can_be_at_once)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	/* More often than there are places: each is used again. */
	for (unsigned int i = 0; i < 2 * LATER_MAX; i++) {
		send(VIRTIO_FS_REQUEST, 0, "Keep");
		ck_assert(ring_wait_used(r, i + 1));
		ck_assert_uint_eq(ring_used_elem(r, i).len, FS_LATER_LEN);
	}
}
END_TEST

/* A quarter of the ring waits; the rest stays usable. */
/* Each on the queue that it came by; a stopped one takes its own along. */
START_TEST(later_of_two_queues)
{
	struct ring *one = &rings[VIRTIO_FS_REQUEST], *two = one + 1;

	send(VIRTIO_FS_REQUEST + 1, 0, "keep");
	wait_kept(1);
	send(VIRTIO_FS_REQUEST, 2, "keep");
	wait_kept(2);
	answer(0);
	ck_assert(ring_wait_used(two, 1));
	ck_assert_uint_eq(ring_used_elem(two, 0).id, 0);
	ck_assert_uint_eq(ring_used(one), 0);
	send(VIRTIO_FS_REQUEST + 1, 4, "keep");
	wait_kept(3);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_FS_REQUEST + 1);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_READY, 0);
	answer(1);
	answer(2);
	ck_assert(ring_wait_used(one, 1));
	ck_assert_uint_eq(ring_used_elem(one, 0).id, 2);
	virtio_fs_stop(&vfs);
	ck_assert_uint_eq(ring_used(two), 1);
}
END_TEST

START_TEST(hostile_69_later_is_limited)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	for (uint16_t i = 0; i < SIZE / 4; i++)
		send(VIRTIO_FS_REQUEST, 2 * i, "keep");
	wait_kept(SIZE / 4);
	send(VIRTIO_FS_REQUEST, SIZE / 2, "keep");
	ck_assert(ring_wait_used(r, 1));
	ck_assert_uint_eq(ring_used_elem(r, 0).len, 2);
	answer(3);
	ck_assert(ring_wait_used(r, 2));
	send(VIRTIO_FS_REQUEST, SIZE / 2, "keep");
	wait_kept(SIZE / 4 + 1);
	ck_assert_uint_eq(ring_used(r), 2);
}
END_TEST

START_TEST(hostile_27_later_needs_room)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];
	gpa_t gpa = RING_BUF + 0x80000;

	put(VIRTIO_FS_REQUEST, 0, "keep");
	ring_desc(r, 1, (struct vring_desc){gpa + 32, 15, WRITE | NEXT, 2});
	ring_desc(r, 2, (struct vring_desc){gpa + 47, 1, WRITE, 0});
	ring_offer(r, 0);
	put(VIRTIO_FS_REQUEST, 4, "keep");
	ring_desc(r, 5, (struct vring_desc){gpa + 128, 8, WRITE, 0});
	ring_offer(r, 4);
	driver_kick(&driver, VIRTIO_FS_REQUEST);
	ck_assert(ring_wait_used(r, 2));
	ck_assert_uint_eq(ring_used_elem(r, 0).len, 2);
	ck_assert_uint_eq(ring_used_elem(r, 1).len, 2);
	/* Nor is there a later for what belongs on the other queue. */
	send(VIRTIO_FS_HIPRIO, 0, "keep");
	ck_assert(ring_wait_used(&rings[VIRTIO_FS_HIPRIO], 1));
	ck_assert_uint_eq(ring_used_elem(&rings[VIRTIO_FS_HIPRIO], 0).len, 2);
	ck_assert_uint_eq(kept_cnt, 0);
}
END_TEST

/* Nobody writes to a window when the reply is there. */
START_TEST(hostile_09_no_later_in_a_window)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	ck_assert_int_eq(guestmem_add_window(&driver.mem, MIB(2), 40, false),
			 0);
	put(VIRTIO_FS_REQUEST, 0, "keep");
	r->desc[1].addr = driver.mem.window[0].gpa;
	ring_offer(r, 0);
	put(VIRTIO_FS_REQUEST, 2, "Keep");
	r->desc[3].addr = driver.mem.window[0].gpa + MIB(2) - 16;
	ring_offer(r, 2);
	driver_kick(&driver, VIRTIO_FS_REQUEST);
	ck_assert(ring_wait_used(r, 2));
	ck_assert_uint_eq(kept_cnt, 0);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_STATUS), 0xf);
}
END_TEST

/* Replies of a life that is over never reach the next one. */
START_TEST(hostile_21_reset_before_reply)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	for (unsigned int life = 0; life < 3; life++) {
		for (uint16_t i = 0; i < SIZE / 4; i++)
			send(VIRTIO_FS_REQUEST, 2 * i, "keep");
		wait_kept(SIZE / 4);
		/* Some come before the reset, some late, some much later. */
		for (unsigned int i = 0; i < 5; i++)
			answer(i);
		restart();
		memset(guest_ptr(&driver.mem, RING_BUF + 0x80000, 0x1000), 0,
		       0x1000);
		for (unsigned int i = 5; i < 10; i++)
			answer(i);
		send(VIRTIO_FS_REQUEST, 0, "hello");
		ck_assert(ring_wait_used(r, 1));
		for (unsigned int i = 10; i < SIZE / 4; i++)
			answer(i);
		send(VIRTIO_FS_REQUEST, 2, "hello");
		ck_assert(ring_wait_used(r, 2));
		ck_assert_uint_eq(ring_used_elem(r, 1).len, 5);
		for (uint16_t i = 4; i < SIZE; i += 2)
			ck_assert_mem_ne(room_of(i), reply, FS_LATER_LEN);
		restart();
		kept_cnt = 0;
	}
}
END_TEST

/* One queue is disabled and enabled again, without a reset. */
START_TEST(hostile_21_stopped_queue)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	send(VIRTIO_FS_REQUEST, 0, "keep");
	wait_kept(1);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_FS_REQUEST);
	driver_write(&driver, VIRTIO_MMIO_QUEUE_READY, 0);
	ring_init(r, &driver.mem, VIRTIO_FS_REQUEST, SIZE);
	ck_assert_uint_eq(driver_enable(&driver, VIRTIO_FS_REQUEST, &r->cfg),
			  1);
	answer(0);
	send(VIRTIO_FS_REQUEST, 2, "hello");
	ck_assert(ring_wait_used(r, 1));
	ck_assert_uint_eq(ring_used_elem(r, 0).id, 2);
	virtio_fs_stop(&vfs);
	ck_assert_uint_eq(ring_used(r), 1);
}
END_TEST

/* A broken ring gets nothing more. */
START_TEST(hostile_later_on_a_broken_ring)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	send(VIRTIO_FS_REQUEST, 0, "keep");
	wait_kept(1);
	ring_offer(r, 0xffff);
	driver_kick(&driver, VIRTIO_FS_REQUEST);
	answer(0);
	virtio_fs_stop(&vfs);
	ck_assert_uint_le(ring_used(r), 1);
	restart();
	ck_assert_int_eq(virtio_fs_start(&vfs, NULL), 0);
	send(VIRTIO_FS_REQUEST, 2, "hello");
	ck_assert(ring_wait_used(r, 1));
	ck_assert_uint_eq(ring_used_elem(r, 0).id, 2);
}
END_TEST

/* As the server does it, in the reset itself and at the end. */
START_TEST(hostile_21_dropped_by_reset)
{
	struct ring *r = &rings[VIRTIO_FS_REQUEST];

	drops = true;
	for (uint16_t i = 0; i < SIZE / 4; i++)
		send(VIRTIO_FS_REQUEST, 2 * i, "keep");
	wait_kept(SIZE / 4);
	restart();
	ck_assert_uint_eq(dropped_cnt, SIZE / 4);
	ck_assert_uint_eq(ring_used(r), 0);
	for (uint16_t i = 0; i < SIZE / 4; i++)
		send(VIRTIO_FS_REQUEST, 2 * i, "keep");
	wait_kept(SIZE / 2);
	ck_assert_uint_eq(ring_used(r), 0);
	virtio_fs_destroy(&vfs);
	ck_assert_uint_eq(dropped_cnt, SIZE / 2);
	ck_assert_int_eq(virtio_fs_init(&vfs, &driver.mem, &fs, "again", 2), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("later");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, later_is_no_obstacle);
	tcase_add_test(tc, later_can_be_at_once);
	tcase_add_test(tc, later_of_two_queues);
	tcase_add_test(tc, hostile_69_later_is_limited);
	tcase_add_test(tc, hostile_27_later_needs_room);
	tcase_add_test(tc, hostile_09_no_later_in_a_window);
	tcase_add_test(tc, hostile_21_reset_before_reply);
	tcase_add_test(tc, hostile_21_dropped_by_reset);
	tcase_add_test(tc, hostile_21_stopped_queue);
	tcase_add_test(tc, hostile_later_on_a_broken_ring);
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
