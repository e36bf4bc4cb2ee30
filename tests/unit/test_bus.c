/*
 * The bus: who answers where, and that nobody answers elsewhere.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/bus.h"
#include "vmm/base/fd.h"

/* A device that remembers the last access and answers with its offset. */
struct probe {
	unsigned int read_cnt;
	unsigned int write_cnt;
	uint64_t offset;
	unsigned int len;
	uint64_t written;
};

static void probe_read(void *device, uint64_t offset, void *data,
		       unsigned int len)
{
	struct probe *p = device;

	p->read_cnt++;
	p->offset = offset;
	p->len = len;
	memset(data, (int)offset, len);
}

static void probe_write(void *device, uint64_t offset, const void *data,
			unsigned int len)
{
	struct probe *p = device;

	p->write_cnt++;
	p->offset = offset;
	p->len = len;
	p->written = 0;
	memcpy(&p->written, data, len);
}

static const struct bus_ops PROBE_OPS = {probe_read, probe_write};

static struct bus bus;
static struct probe probe;

static void setup(void)
{
	bus = (struct bus){0};
	probe = (struct probe){0};
}

static int add(enum bus_space space, uint64_t base, uint64_t len)
{
	const struct bus_range range = {base, len, &PROBE_OPS, &probe};

	return bus_add(&bus, space, &range);
}

START_TEST(access_reaches_the_device)
{
	uint64_t data = UINT64_MAX;

	ck_assert_int_eq(add(BUS_MMIO, 0xd0000000, 0x1000), 0);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		ck_assert(bus_read(&bus, BUS_MMIO, 0xd0000008, &data, len));
		ck_assert_uint_eq(probe.offset, 8);
		ck_assert_uint_eq(probe.len, len);
		ck_assert(bus_write(&bus, BUS_MMIO, 0xd0001000 - len, &data,
				    len));
		ck_assert_uint_eq(probe.offset, 0x1000 - len);
		ck_assert_uint_eq(probe.len, len);
	}
	ck_assert_uint_eq(data, 0x0808080808080808);
	ck_assert_uint_eq(probe.written, data);
}
END_TEST

START_TEST(spaces_are_apart)
{
	uint32_t data = 0;

	ck_assert_int_eq(add(BUS_PIO, 0x3f8, 8), 0);
	ck_assert(!bus_read(&bus, BUS_MMIO, 0x3f8, &data, 1));
	ck_assert(!bus_write(&bus, BUS_MMIO, 0x3f8, &data, 1));
	ck_assert(bus_read(&bus, BUS_PIO, 0x3f8, &data, 1));
	ck_assert_int_eq(add(BUS_MMIO, 0x3f8, 8), 0);
	ck_assert_uint_eq(probe.read_cnt, 1);
}
END_TEST

/* Nobody may answer an access that is not whole in one range. */
START_TEST(access_elsewhere_reads_ones)
{
	static const struct {
		uint64_t addr;
		unsigned int len;
	} outside[] = {
		{0, 1},		 {0, 8},	   {0xfff, 1},
		{0xfff, 2},	 {0xffd, 4},	   {0x1100, 1},
		{0x10fd, 4},	 {0x10f9, 8},	   {0x10ff, 2},
		{0x2000, 8},	 {UINT64_MAX, 1},  {UINT64_MAX, 8},
		{1ULL << 63, 8}, {0x100001000, 4},
	};

	ck_assert_int_eq(add(BUS_MMIO, 0x1000, 0x100), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++) {
		uint64_t data = 0, ones = UINT64_MAX;
		unsigned int len = outside[i].len;

		ck_assert(
			!bus_read(&bus, BUS_MMIO, outside[i].addr, &data, len));
		ck_assert_mem_eq(&data, &ones, len);
		ck_assert_uint_eq(len == 8 ? 0 : data >> (8 * len), 0);
		ck_assert(!bus_write(&bus, BUS_MMIO, outside[i].addr, &ones,
				     len));
	}
	ck_assert_uint_eq(probe.read_cnt + probe.write_cnt, 0);
}
END_TEST

START_TEST(access_over_two_ranges_reaches_neither)
{
	uint32_t data = 0;

	ck_assert_int_eq(add(BUS_PIO, 0x600, 2), 0);
	ck_assert_int_eq(add(BUS_PIO, 0x602, 2), 0);
	ck_assert(!bus_read(&bus, BUS_PIO, 0x600, &data, 4));
	ck_assert(!bus_write(&bus, BUS_PIO, 0x601, &data, 2));
	ck_assert_uint_eq(probe.read_cnt + probe.write_cnt, 0);
}
END_TEST

START_TEST(overlap_is_refused)
{
	ck_assert_int_eq(add(BUS_MMIO, 0x1000, 0x1000), 0);
	ck_assert_int_eq(add(BUS_MMIO, 0x1000, 0x1000), -EEXIST);
	ck_assert_int_eq(add(BUS_MMIO, 0x1fff, 1), -EEXIST);
	ck_assert_int_eq(add(BUS_MMIO, 0x1000, 1), -EEXIST);
	ck_assert_int_eq(add(BUS_MMIO, 0xfff, 2), -EEXIST);
	ck_assert_int_eq(add(BUS_MMIO, 0x1800, 0x10000), -EEXIST);
	ck_assert_int_eq(add(BUS_MMIO, 0, UINT64_MAX), -EEXIST);
	ck_assert_int_eq(add(BUS_MMIO, 0xfff, 1), 0);
	ck_assert_int_eq(add(BUS_MMIO, 0x2000, 1), 0);
	ck_assert_uint_eq(bus.range_cnt[BUS_MMIO], 3);
}
END_TEST

START_TEST(end_of_the_address_space)
{
	uint64_t data = 0;

	ck_assert_int_eq(add(BUS_MMIO, 0, 0), -EINVAL);
	ck_assert_int_eq(add(BUS_MMIO, UINT64_MAX, 0), -EINVAL);
	ck_assert_int_eq(add(BUS_MMIO, UINT64_MAX, 2), -EINVAL);
	ck_assert_int_eq(add(BUS_MMIO, 1, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(add(BUS_MMIO, -0x1000ULL, 0x1001), -EINVAL);
	/* The last address belongs to nobody: its end would be zero. */
	ck_assert_int_eq(add(BUS_MMIO, -0x1000ULL, 0x1000), -EINVAL);
	ck_assert_int_eq(add(BUS_MMIO, -0x1000ULL, 0xfff), 0);
	ck_assert(bus_read(&bus, BUS_MMIO, -2ULL, &data, 1));
	ck_assert_uint_eq(probe.offset, 0xffe);
	ck_assert(!bus_read(&bus, BUS_MMIO, -2ULL, &data, 2));
	ck_assert(!bus_read(&bus, BUS_MMIO, -1ULL, &data, 1));
	ck_assert(!bus_write(&bus, BUS_MMIO, -4ULL, &data, 8));
}
END_TEST

START_TEST(full_bus_says_so)
{
	for (unsigned int i = 0; i < BUS_MAX_RANGES; i++)
		ck_assert_int_eq(add(BUS_PIO, 8ULL * i, 8), 0);
	ck_assert_int_eq(add(BUS_PIO, 0x8000, 8), -ENOSPC);
	ck_assert_int_eq(add(BUS_MMIO, 0x8000, 8), 0);
	for (unsigned int i = 0; i < BUS_MAX_KICKS; i++)
		ck_assert_int_eq(bus_add_kick(&bus, 0x8000, i, 0), 0);
	ck_assert_int_eq(bus_add_kick(&bus, 0x8000, 0, 0), -ENOSPC);
	for (unsigned int i = 0; i < BUS_MAX_LINES; i++)
		ck_assert_int_eq(bus_add_line(&bus, i, 0), 0);
	ck_assert_int_eq(bus_add_line(&bus, 0, 0), -ENOSPC);
}
END_TEST

/* How often an eventfd was signalled since the last call. */
static uint64_t count(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

START_TEST(kick_signals_its_eventfd)
{
	const uint32_t zero = 0, one = 1, two = 2;
	autofd fd0 = fd_event();
	autofd fd1 = fd_event();

	ck_assert_int_eq(add(BUS_MMIO, 0x1000, 0x1000), 0);
	ck_assert_int_eq(bus_add_kick(&bus, 0x1050, 0, fd0), 0);
	ck_assert_int_eq(bus_add_kick(&bus, 0x1050, 1, fd1), 0);
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1050, &one, 4));
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1050, &one, 4));
	ck_assert_uint_eq(count(fd0), 0);
	ck_assert_uint_eq(count(fd1), 2);
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1050, &zero, 4));
	ck_assert_uint_eq(count(fd0), 1);
	ck_assert_uint_eq(probe.write_cnt, 0);
	/* Another value, width, address or space is no kick. */
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1050, &two, 4));
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1050, &one, 2));
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1050, &(uint64_t){1}, 8));
	ck_assert(bus_write(&bus, BUS_MMIO, 0x1051, &one, 4));
	ck_assert_uint_eq(probe.write_cnt, 4);
	ck_assert(!bus_write(&bus, BUS_PIO, 0x1050, &one, 4));
	ck_assert_uint_eq(count(fd0) + count(fd1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus");
	TCase *tcase = tcase_create("bus");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, access_reaches_the_device);
	tcase_add_test(tcase, spaces_are_apart);
	tcase_add_test(tcase, access_elsewhere_reads_ones);
	tcase_add_test(tcase, access_over_two_ranges_reaches_neither);
	tcase_add_test(tcase, overlap_is_refused);
	tcase_add_test(tcase, end_of_the_address_space);
	tcase_add_test(tcase, full_bus_says_so);
	tcase_add_test(tcase, kick_signals_its_eventfd);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
