/*
 * The bus: which device answers at which address, and by which descriptors
 * devices are kicked and interrupt.
 *
 * Theory of operation: devices add themselves while the machine is built; from
 * then on the tables are constant, so vCPU threads look up without a lock.
 * Where KVM can do a notification in the kernel, the bus only keeps the record
 * (bus_kick, bus_line) that vmm/kvm turns into an ioeventfd or irqfd: devices
 * never see KVM, and a test can play the guest by writing to the descriptors.
 */
#ifndef VMM_BASE_BUS_H
#define VMM_BASE_BUS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BUS_MAX_RANGES = 32,
	BUS_MAX_KICKS = 512,
	BUS_MAX_LINES = 24,
};

/** enum bus_space - The two address spaces of x86 */
enum bus_space {
	BUS_MMIO,
	BUS_PIO,
	BUS_NUM_SPACES,
};

/**
 * struct bus_ops - How a device answers; on a vCPU thread, several at once
 * @read:	Fill all @len (1, 2, 4 or 8) bytes of @data from @offset in the
 *		range
 * @write:	Take @len bytes of @data; never more than the range holds
 */
struct bus_ops {
	void (*read)(void *device, uint64_t offset, void *data,
		     unsigned int len);
	void (*write)(void *device, uint64_t offset, const void *data,
		      unsigned int len);
};

/**
 * struct bus_range - Addresses of one device
 * @base:	First address
 * @len:	Number of addresses
 * @ops:	Constant functions of the device
 * @device:	First argument of @ops [borrowed]
 */
struct bus_range {
	uint64_t base;
	uint64_t len;
	const struct bus_ops *ops;
	void *device;
};

/**
 * struct bus_kick - A 32-bit write that only wakes somebody
 * @addr:	MMIO address
 * @value:	Value that must be written
 * @fd:		Eventfd to signal [borrowed]
 */
struct bus_kick {
	uint64_t addr;
	uint32_t value;
	int fd;
};

/**
 * struct bus_line - An interrupt line that is raised by an eventfd
 * @gsi:	Global system interrupt, edge triggered
 * @fd:		Eventfd that raises it [borrowed]
 */
struct bus_line {
	unsigned int gsi;
	int fd;
};

/**
 * struct bus - All addresses and lines of a machine [init]
 */
struct bus {
	struct bus_range range[BUS_NUM_SPACES][BUS_MAX_RANGES];
	unsigned int range_cnt[BUS_NUM_SPACES];
	struct bus_kick kick[BUS_MAX_KICKS];
	unsigned int kick_cnt;
	struct bus_line line[BUS_MAX_LINES];
	unsigned int line_cnt;
};

/**
 * bus_add() - Give a range of addresses to a device
 * @bus:	Bus, still being built
 * @space:	Which addresses
 * @range:	Copied
 *
 * Return: 0, -EEXIST if it overlaps another range, -ENOSPC if the bus is full,
 *	   -EINVAL if it is empty or wraps
 */
int bus_add(struct bus *bus, enum bus_space space,
	    const struct bus_range *range);

/** bus_add_kick() - Record a write that signals an eventfd; 0 or -ENOSPC */
int bus_add_kick(struct bus *bus, uint64_t addr, uint32_t value, int fd);

/** bus_add_line() - Record an eventfd that raises a line; 0 or -ENOSPC */
int bus_add_line(struct bus *bus, unsigned int gsi, int fd);

/**
 * bus_read() - Answer a guest's read; any vCPU thread
 *
 * Return: true if a device answered; otherwise @data is all ones
 */
bool bus_read(const struct bus *bus, enum bus_space space, uint64_t addr,
	      void *data, unsigned int len);

/**
 * bus_write() - Take a guest's write; any vCPU thread
 *
 * A kick is signalled here too, for a hypervisor without ioeventfds.
 *
 * Return: true if somebody took it
 */
bool bus_write(const struct bus *bus, enum bus_space space, uint64_t addr,
	       const void *data, unsigned int len);

#endif /* VMM_BASE_BUS_H */
