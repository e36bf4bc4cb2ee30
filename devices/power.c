/*
 * Switching the machine off and resetting it.
 */
#include "devices/power.h"

#include <stdint.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/bus.h"
#include "vmm/base/layout.h"

/* Sleep Control Register (ACPI 6.5, 4.8.3.7) */
#define SLEEP_TYPE(value) ((value) >> 2 & 7)
#define SLEEP_ENABLE BIT(5)

/* Keyboard controller: its command to pulse the processors' reset line */
#define I8042_COMMAND 0x64
#define I8042_RESET 0xfe

/* Nothing sleeps, nothing woke up, no buffer is full: whoever polls for a bit
 * to go away is content.
 */
static void read_zero(void *device, uint64_t offset, void *data,
		      unsigned int len)
{
	(void)device;
	(void)offset;
	memset(data, 0, len);
}

static void write_power(void *device, uint64_t offset, const void *data,
			unsigned int len)
{
	const struct power *power = device;
	const uint8_t *bytes = data;

	for (unsigned int i = 0; i < len; i++) {
		uint64_t port = LAYOUT_PORT_POWER + offset + i;

		if (port == LAYOUT_POWER_SLEEP_CONTROL &&
		    bytes[i] & SLEEP_ENABLE &&
		    SLEEP_TYPE(bytes[i]) == LAYOUT_POWER_S5_TYPE)
			power->event(power->opaque, POWER_OFF);
		if (port == LAYOUT_POWER_RESET &&
		    bytes[i] == LAYOUT_POWER_RESET_VALUE)
			power->event(power->opaque, POWER_RESET);
	}
}

static void write_i8042(void *device, uint64_t offset, const void *data,
			unsigned int len)
{
	const struct power *power = device;

	(void)offset;
	(void)len;
	if (*(const uint8_t *)data == I8042_RESET)
		power->event(power->opaque, POWER_RESET);
}

static const struct bus_ops power_ops = {
	.read = read_zero,
	.write = write_power,
};

static const struct bus_ops i8042_ops = {
	.read = read_zero,
	.write = write_i8042,
};

int power_init(struct power *power, struct bus *bus)
{
	struct bus_range registers = {
		.base = LAYOUT_PORT_POWER,
		.len = LAYOUT_POWER_RESET - LAYOUT_PORT_POWER + 1,
		.ops = &power_ops,
		.device = power,
	};
	struct bus_range i8042 = {
		.base = I8042_COMMAND,
		.len = 1,
		.ops = &i8042_ops,
		.device = power,
	};
	int err = bus_add(bus, BUS_PIO, &registers);

	return err ? err : bus_add(bus, BUS_PIO, &i8042);
}
