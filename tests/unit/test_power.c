/*
 * The power registers: what switches off, what resets, and that nothing else
 * does.
 */
#include <check.h>
#include <string.h>

#include "devices/power.h"
#include "vmm/base/bus.h"
#include "vmm/base/layout.h"

enum { I8042 = 0x64 };

static struct bus bus;
static struct power power;
static unsigned int events[POWER_NUM_EVENTS];

static void count(void *opaque, enum power_event event)
{
	ck_assert_ptr_eq(opaque, &power);
	events[event]++;
}

static void setup(void)
{
	bus = (struct bus){0};
	power = (struct power){.event = count, .opaque = &power};
	memset(events, 0, sizeof(events));
	ck_assert_int_eq(power_init(&power, &bus), 0);
}

static void out(unsigned int port, uint8_t value)
{
	ck_assert(bus_write(&bus, BUS_PIO, port, &value, 1));
}

START_TEST(only_soft_off_switches_off)
{
	for (unsigned int value = 0; value < 256; value++) {
		bool off = value & 1 << 5 &&
			   (value >> 2 & 7) == LAYOUT_POWER_S5_TYPE;

		events[POWER_OFF] = 0;
		out(LAYOUT_POWER_SLEEP_CONTROL, (uint8_t)value);
		ck_assert_uint_eq(events[POWER_OFF], off);
	}
	ck_assert_uint_eq(events[POWER_RESET], 0);
}
END_TEST

START_TEST(only_their_values_reset)
{
	for (unsigned int value = 0; value < 256; value++) {
		events[POWER_RESET] = 0;
		out(LAYOUT_POWER_RESET, (uint8_t)value);
		ck_assert_uint_eq(events[POWER_RESET],
				  value == LAYOUT_POWER_RESET_VALUE);
		events[POWER_RESET] = 0;
		out(I8042, (uint8_t)value);
		ck_assert_uint_eq(events[POWER_RESET], value == 0xfe);
	}
	ck_assert_uint_eq(events[POWER_OFF], 0);
}
END_TEST

START_TEST(status_is_read_only)
{
	for (unsigned int value = 0; value < 256; value++)
		out(LAYOUT_POWER_SLEEP_STATUS, (uint8_t)value);
	ck_assert_uint_eq(events[POWER_OFF] + events[POWER_RESET], 0);
}
END_TEST

START_TEST(wide_accesses)
{
	uint32_t wide = 0xffffffff;
	uint16_t value = 0;

	ck_assert(bus_read(&bus, BUS_PIO, LAYOUT_PORT_POWER, &value, 2));
	ck_assert_uint_eq(value, 0);
	ck_assert(bus_read(&bus, BUS_PIO, I8042, &value, 1));
	ck_assert_uint_eq(value, 0);
	/* Both registers in one write, and writes that hang over the end. */
	value = LAYOUT_POWER_RESET_VALUE << 8;
	ck_assert(
		bus_write(&bus, BUS_PIO, LAYOUT_POWER_SLEEP_STATUS, &value, 2));
	ck_assert_uint_eq(events[POWER_RESET], 1);
	ck_assert(!bus_write(&bus, BUS_PIO, LAYOUT_PORT_POWER, &wide, 4));
	ck_assert(!bus_write(&bus, BUS_PIO, I8042, &wide, 2));
	ck_assert_uint_eq(events[POWER_OFF], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power");
	TCase *tc = tcase_create("power");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, only_soft_off_switches_off);
	tcase_add_test(tc, only_their_values_reset);
	tcase_add_test(tc, status_is_read_only);
	tcase_add_test(tc, wide_accesses);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
