/*
 * The balloon device: which of the host's pages go, and which never do.
 */
#include "devices/virtio_balloon.h"

#include <check.h>
#include <fcntl.h>
#include <linux/virtio_balloon.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/virtio/mmio.h"
#include "tests/unit/driver.h"
#include "vmm/base/bits.h"

enum { SIZE = 32, PAGE = 4096, PAGES = 128 };

/* Pages in the second half of RAM; rings are in the first. */
#define BUF 0x100000ULL
#define WINDOW_LEN GUESTMEM_WINDOW_UNIT
#define WRITE VRING_DESC_F_WRITE
#define NEXT VRING_DESC_F_NEXT
#define REPORTING BIT(VIRTIO_BALLOON_F_REPORTING)

static struct driver driver;
static struct loop loop;
static struct virtio_balloon balloon;
static struct virtio_mmio mmio;
static struct ring ring;

/* What the queue number is: 2 with Linux, 4 in the specification. */
static unsigned int queue;

static char *at(gpa_t gpa)
{
	return guest_ptr(&driver.mem, gpa, 1);
}

/* The pages of BUF are there, and no two of them are alike. */
static void fill(void)
{
	for (unsigned int i = 0; i < PAGES; i++)
		memset(at(BUF + (gpa_t)i * PAGE), (int)(i % 255) + 1, PAGE);
}

static void begin(unsigned int idx, uint64_t features)
{
	queue = idx;
	ring_init(&ring, &driver.mem, idx, SIZE);
	driver_begin(&driver, features);
	ck_assert_uint_eq(driver_enable(&driver, idx, &ring.cfg), 1);
	driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	fill();
}

static void setup(void)
{
	driver_init(&driver);
	ck_assert_int_eq(
		guestmem_add_window(&driver.mem, WINDOW_LEN, 39, false), 0);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(virtio_balloon_init(&balloon, &driver.mem, &loop), 0);
	ck_assert_int_eq(virtio_mmio_init(&mmio, &balloon.dev, &driver.bus, 0),
			 0);
	begin(2, REPORTING);
}

static void teardown(void)
{
	virtio_balloon_destroy(&balloon);
	loop_destroy(&loop);
	driver_destroy(&driver);
}

static void desc(uint16_t i, gpa_t gpa, uint32_t len, uint16_t flags)
{
	ring_desc(&ring, i,
		  (struct vring_desc){gpa, len, flags, (uint16_t)(i + 1)});
}

/* Send the chain that begins at descriptor 0. */
static void offer(void)
{
	ring_offer(&ring, 0);
	driver_kick(&driver, queue);
	loop_drain(&loop);
}

/* The same, and it is answered: nothing is said to be written. */
static void send(void)
{
	uint16_t n = ring_used(&ring);

	offer();
	ck_assert_uint_eq(ring_used(&ring), (uint16_t)(n + 1));
	ck_assert_uint_eq(ring_used_elem(&ring, n).len, 0);
}

static bool is_broken(void)
{
	return driver_read(&driver, VIRTIO_MMIO_STATUS) &
	       VIRTIO_CONFIG_S_NEEDS_RESET;
}

static bool is_there(const char *page)
{
	unsigned char vec;

	ck_assert_int_eq(mincore((void *)(uintptr_t)page, PAGE, &vec), 0);
	return vec & 1;
}

/* Of the pages from BUF on, those from @from to @to are gone, no others. */
static void check_gone(unsigned int from, unsigned int to)
{
	char wanted[PAGE];

	for (unsigned int i = 0; i < PAGES; i++) {
		const char *page = at(BUF + (gpa_t)i * PAGE);
		bool gone = i >= from && i < to;

		memset(wanted, gone ? 0 : (int)(i % 255) + 1, PAGE);
		ck_assert_msg(is_there(page) == !gone, "page %u", i);
		ck_assert_mem_eq(page, wanted, PAGE);
	}
}

static const unsigned int numbers[] = {2, 4};

START_TEST(reported_pages_go)
{
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	begin(numbers[_i], REPORTING);
	desc(0, BUF + 4 * PAGE, 2 * PAGE, WRITE | NEXT);
	desc(1, BUF + 6 * PAGE, 60 * PAGE, WRITE);
	send();
	check_gone(4, 66);
	ck_assert_uint_gt(driver_irqs(&driver), 0);
}
END_TEST

/* All that one request holds, in the ring and in a table of its own. */
START_TEST(as_many_as_there_can_be)
{
	struct vring_desc *table = guest_ptr(&driver.mem, RING_TABLE, 0x1000);

	for (uint16_t i = 0; i < SIZE; i++)
		desc(i, BUF + (gpa_t)i * PAGE, PAGE,
		     i == SIZE - 1 ? WRITE : WRITE | NEXT);
	send();
	check_gone(0, SIZE);
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	begin(2, REPORTING | BIT(VIRTIO_RING_F_INDIRECT_DESC));
	for (uint16_t i = 0; i < SIZE; i++)
		table[i] = (struct vring_desc){
			.addr = BUF + (gpa_t)(SIZE + i) * PAGE,
			.len = PAGE,
			.flags = i == SIZE - 1 ? WRITE : WRITE | NEXT,
			.next = (uint16_t)(i + 1),
		};
	desc(0, RING_TABLE, SIZE * sizeof(*table), VRING_DESC_F_INDIRECT);
	send();
	check_gone(SIZE, 2 * SIZE);
}
END_TEST

/* The guest may use them again at once, and report them once more. */
START_TEST(used_again)
{
	desc(0, BUF, PAGES * PAGE, WRITE);
	for (unsigned int i = 0; i < 3; i++) {
		send();
		check_gone(0, PAGES);
		fill();
		check_gone(0, 0);
	}
}
END_TEST

START_TEST(balloon_is_empty)
{
	static const uint32_t pfns[] = {BUF / PAGE, BUF / PAGE + 1};

	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_CONFIG), 0);
	ck_assert_uint_eq(driver_read(&driver, VIRTIO_MMIO_CONFIG + 4), 0);
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	for (unsigned int idx = 0; idx < 2; idx++) {
		begin(idx, REPORTING);
		memcpy(at(RING_BUF), pfns, sizeof(pfns));
		desc(0, RING_BUF, sizeof(pfns), 0);
		send();
		check_gone(0, 0);
		/* Nor by a request that looks like a report. */
		desc(0, BUF, PAGE, WRITE);
		send();
		check_gone(0, 0);
		driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	}
}
END_TEST

/* Bytes from BUF on that are reported, and the pages that are all in there. */
static const struct {
	uint32_t offset;
	uint32_t len;
	unsigned int from;
	unsigned int to;
} parts[] = {
	{0, 0, 0, 0},
	{0, 1, 0, 0},
	{0, PAGE - 1, 0, 0},
	{1, PAGE - 1, 0, 0},
	{1, PAGE, 0, 0},
	{1, 2 * PAGE - 2, 0, 0},
	{1, 2 * PAGE - 1, 1, 2},
	{PAGE - 1, PAGE + 1, 1, 2},
	{PAGE - 1, PAGE + 2, 1, 2},
	{PAGE - 1, 1, 0, 0},
	{PAGE - 1, 2, 0, 0},
	{8, 3 * PAGE, 1, 3},
	{PAGE, 2 * PAGE + 17, 1, 3},
};

START_TEST(hostile_parts_of_pages_stay)
{
	desc(0, BUF + parts[_i].offset, parts[_i].len, WRITE);
	send();
	check_gone(parts[_i].from, parts[_i].to);
}
END_TEST

START_TEST(hostile_not_negotiated)
{
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	begin(2, 0);
	desc(0, BUF, PAGES * PAGE, WRITE);
	send();
	check_gone(0, 0);
}
END_TEST

/* What the device may not write is no report. */
START_TEST(hostile_readable)
{
	desc(0, BUF, 4 * PAGE, NEXT);
	desc(1, BUF + 4 * PAGE, PAGE, WRITE);
	send();
	check_gone(4, 5);
	fill();
	desc(0, BUF, 4 * PAGE, 0);
	send();
	check_gone(0, 0);
}
END_TEST

/* Places that are no RAM, or not only. */
static const struct {
	gpa_t gpa;
	uint32_t len;
} outside[] = {
	{DRIVER_RAM_LEN, PAGE},
	{DRIVER_RAM_LEN - PAGE, 2 * PAGE},
	{DRIVER_RAM_LEN - PAGE, UINT32_MAX},
	{BUF, UINT32_MAX},
	{0x80000000, PAGE},
	{LAYOUT_MMIO_BASE, PAGE},
	{LAYOUT_GAP_END, PAGE},
	{UINT64_MAX - PAGE + 1, PAGE},
	{UINT64_MAX - PAGE + 1, 2 * PAGE},
	{UINT64_MAX, UINT32_MAX},
	{1ULL << 63 | BUF, PAGE},
};

/* A file is mapped in the window, as a share's server maps it. */
static char *map_window(void)
{
	char *map = mmap(driver.mem.window[0].hva, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	ck_assert_ptr_eq(map, driver.mem.window[0].hva);
	memset(map, 'w', PAGE);
	return map;
}

static void check_refused(gpa_t gpa, uint32_t len)
{
	char registers[PAGE];
	const char *window = map_window();

	memcpy(registers, driver.mem.registers.hva, 0x70); /* up to STATUS */
	desc(0, gpa, len, WRITE);
	offer();
	ck_assert(is_broken());
	ck_assert_uint_eq(ring_used(&ring), 0);
	check_gone(0, 0);
	ck_assert_int_eq(window[0], 'w');
	ck_assert(is_there(window));
	/* It saw nothing but its rings, and is a good device after a reset. */
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ck_assert_mem_eq(registers, driver.mem.registers.hva,
			 VIRTIO_MMIO_QUEUE_NUM_MAX);
	begin(2, REPORTING);
	desc(0, BUF, PAGE, WRITE);
	send();
	check_gone(0, 1);
}

START_TEST(hostile_outside_of_memory)
{
	check_refused(outside[_i].gpa, outside[_i].len);
}
END_TEST

START_TEST(hostile_window)
{
	check_refused(driver.mem.window[0].gpa, PAGE);
}
END_TEST

/* Of a chain with a bad end nothing happens: it is looked at as a whole. */
START_TEST(hostile_bad_end)
{
	desc(0, BUF, 8 * PAGE, WRITE | NEXT);
	desc(1, DRIVER_RAM_LEN, PAGE, WRITE);
	offer();
	ck_assert(is_broken());
	check_gone(0, 0);
}
END_TEST

/* A chain that never ends. */
START_TEST(hostile_circle)
{
	desc(0, BUF, PAGE, WRITE | NEXT);
	ring_desc(&ring, 1, (struct vring_desc){BUF, PAGE, WRITE | NEXT, 0});
	offer();
	ck_assert(is_broken());
	check_gone(0, 0);
}
END_TEST

/* The rings themselves: the guest has spoiled its own, and a reset helps. */
START_TEST(hostile_all_memory)
{
	desc(0, 0, DRIVER_RAM_LEN, WRITE);
	offer();
	for (unsigned int i = 0; i < PAGES; i++)
		ck_assert_int_eq(*at(BUF + (gpa_t)i * PAGE), 0);
	ring_offer(&ring, 0);
	driver_kick(&driver, queue);
	loop_drain(&loop);
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	begin(2, REPORTING);
	desc(0, BUF, PAGE, WRITE);
	send();
	check_gone(0, 1);
}
END_TEST

static _Atomic bool go_on;

/* As a file server does: the kernel writes to what is being reported. */
static void *read_files(void *arg)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *to = at(BUF);
	uintptr_t wrong = 0;

	(void)arg;
	while (go_on)
		wrong += read(fd, to, (size_t)PAGES * PAGE) != PAGES * PAGE;
	close(fd);
	return (void *)wrong; /* NOLINT(performance-no-int-to-ptr) */
}

/* Memory that is used meanwhile is there for whoever uses it. */
START_TEST(hostile_in_use)
{
	pthread_t thread;
	void *wrong;

	go_on = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, read_files, NULL), 0);
	desc(0, BUF, PAGES * PAGE, WRITE);
	for (unsigned int i = 0; i < 500; i++)
		send();
	go_on = false;
	pthread_join(thread, &wrong);
	ck_assert_ptr_null(wrong);
}
END_TEST

static Suite *balloon_suite(void)
{
	Suite *s = suite_create("virtio_balloon");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, reported_pages_go, 0, ARRAY_SIZE(numbers));
	tcase_add_test(tc, as_many_as_there_can_be);
	tcase_add_test(tc, used_again);
	tcase_add_test(tc, balloon_is_empty);
	tcase_add_loop_test(tc, hostile_parts_of_pages_stay, 0,
			    ARRAY_SIZE(parts));
	tcase_add_test(tc, hostile_not_negotiated);
	tcase_add_test(tc, hostile_readable);
	tcase_add_loop_test(tc, hostile_outside_of_memory, 0,
			    ARRAY_SIZE(outside));
	tcase_add_test(tc, hostile_window);
	tcase_add_test(tc, hostile_bad_end);
	tcase_add_test(tc, hostile_circle);
	tcase_add_test(tc, hostile_all_memory);
	tcase_add_test(tc, hostile_in_use);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(balloon_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
