/*
 * A guest driver played by a test: it builds rings in guest memory and writes
 * registers through the bus, correctly or not.
 *
 * Each ring has a fixed place: queue n has 128 KiB of guest memory for its
 * areas at n * 128 KiB; what lies above RING_END is free for buffers.
 */
#ifndef TESTS_UNIT_DRIVER_H
#define TESTS_UNIT_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "devices/virtio/queue.h"
#include "vmm/base/bus.h"
#include "vmm/base/guestmem.h"
#include "vmm/base/loop.h"

#define RING_STRIDE 0x20000ULL
#define RING_CNT 4
#define RING_END (RING_CNT * RING_STRIDE)
#define RING_BUF RING_END /* where ring_put() puts buffers, 4 KiB each */
#define RING_TABLE (RING_BUF + 0x10000) /* the indirect table */
#define DRIVER_RAM_LEN 0x200000ULL

/**
 * struct ring - The driver's side of a queue
 * @mem:	Guest memory
 * @size:	Entries
 * @cfg:	Where the areas are
 * @desc:	Descriptor table
 * @avail:	Available ring
 * @used:	Used ring
 */
struct ring {
	struct guestmem *mem;
	uint16_t size;
	struct queue_config cfg;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

/** ring_init() - Place and clear the rings of queue @idx with @size entries */
void ring_init(struct ring *r, struct guestmem *mem, unsigned int idx,
	       uint16_t size);

/** ring_desc() - Write descriptor @i */
void ring_desc(struct ring *r, uint16_t i, struct vring_desc desc);

/**
 * ring_put() - Write descriptor @i, with buffer number @i
 *
 * Return: the descriptor, for further changes
 */
struct vring_desc *ring_put(struct ring *r, uint16_t i, uint32_t len,
			    uint16_t flags, uint16_t next);

/** ring_put_indirect() - The same for entry @i of the table at RING_TABLE */
struct vring_desc *ring_put_indirect(struct ring *r, uint16_t i, uint32_t len,
				     uint16_t flags, uint16_t next);

/** ring_put_table() - Let descriptor @i refer to @cnt entries at RING_TABLE */
struct vring_desc *ring_put_table(struct ring *r, uint16_t i, uint32_t cnt);

/** ring_offer() - Publish the chain that begins at @head */
void ring_offer(struct ring *r, uint16_t head);

/** ring_used() - How far the device is */
uint16_t ring_used(const struct ring *r);

/** ring_used_elem() - The used element of request number @n */
struct vring_used_elem ring_used_elem(const struct ring *r, uint16_t n);

/** ring_set_used_event() - Ask for an interrupt when used idx passes @idx */
void ring_set_used_event(struct ring *r, uint16_t idx);

/** ring_avail_event() - The available idx that the device waits for */
uint16_t ring_avail_event(const struct ring *r);

/** ring_set_avail_event() - Spoil it: it is the device's to write */
void ring_set_avail_event(struct ring *r, uint16_t idx);

/** struct driver - A guest with one device in slot 0 */
struct driver {
	struct guestmem mem;
	struct bus bus;
};

/** driver_init() - Make guest memory and an empty bus; asserts */
void driver_init(struct driver *d);

/** driver_destroy() - Release it */
void driver_destroy(struct driver *d);

/** driver_read() - Read a register, 32 bits */
uint32_t driver_read(const struct driver *d, uint32_t reg);

/** driver_write() - Write a register, 32 bits */
void driver_write(const struct driver *d, uint32_t reg, uint32_t value);

/** driver_choose() - Write the driver's features, both halves */
void driver_choose(const struct driver *d, uint64_t features);

/** driver_add_status() - Set bits of the status; returns what it then reads */
uint32_t driver_add_status(const struct driver *d, uint32_t bits);

/** driver_begin() - From reset to FEATURES_OK with VERSION_1 and @features */
void driver_begin(const struct driver *d, uint64_t features);

/** driver_enable() - Write queue @idx and enable it; returns QueueReady */
uint32_t driver_enable(const struct driver *d, unsigned int idx,
		       const struct queue_config *cfg);

/** driver_setup() - driver_begin(), one queue for each ring, DRIVER_OK */
void driver_setup(struct driver *d, uint64_t features, struct ring *rings,
		  unsigned int cnt);

/** driver_kick() - Notify queue @idx */
void driver_kick(const struct driver *d, uint32_t idx);

/** driver_irqs() - How often the line was raised since last asked */
uint64_t driver_irqs(const struct driver *d);

/** loop_drain() - Run a loop on this thread until nothing is to be done */
void loop_drain(struct loop *loop);

/** ring_wait_used() - Wait up to five seconds until used idx is @idx */
bool ring_wait_used(const struct ring *r, uint16_t idx);

#endif /* TESTS_UNIT_DRIVER_H */
