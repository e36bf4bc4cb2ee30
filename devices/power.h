/*
 * Switching the machine off and resetting it: the sleep and reset registers
 * that the ACPI tables announce (ACPI 6.5, 4.8.3.6 and 4.8.3.7; layout.h has
 * their addresses), and the reset line of a keyboard controller that has
 * nothing else.
 */
#ifndef DEVICES_POWER_H
#define DEVICES_POWER_H

struct bus;

/** enum power_event - What the guest asked for */
enum power_event {
	POWER_OFF,
	POWER_RESET,
	POWER_NUM_EVENTS,
};

/**
 * struct power - Power registers
 * @event:	Called on the vCPU thread that wrote, before its instruction
 *		ends; as often as the guest likes [init]
 * @opaque:	First argument of @event [init, borrowed]
 */
struct power {
	void (*event)(void *opaque, enum power_event event);
	void *opaque;
};

/**
 * power_init() - Put the registers on the bus
 * @power:	Both members are set; outlives the bus
 * @bus:	Bus, still being built
 *
 * Return: 0 or a negative errno
 */
int power_init(struct power *power, struct bus *bus);

#endif /* DEVICES_POWER_H */
