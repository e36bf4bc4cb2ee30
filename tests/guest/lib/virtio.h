/*
 * A virtio driver for bare guests: one queue of one device at a time, the
 * entropy device's unless another one is chosen, with rings that the guest may
 * fill as wrongly as it likes.
 */
#ifndef TESTS_GUEST_LIB_VIRTIO_H
#define TESTS_GUEST_LIB_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "tests/guest/lib/guest.h"

enum {
	RNG_SLOT = 0, /* in every machine */
	RNG_GSI = LAYOUT_GSI_MMIO + RNG_SLOT,
	RING_SIZE = 8,
	/* Turns of a loop: seconds, even on a host with other things to do. */
	PATIENCE = 1000000000,
};

/**
 * struct rings - What driver and device share (virtio 1.2, 2.7)
 */
struct rings {
	struct vring_desc desc[RING_SIZE] __attribute__((aligned(16)));
	struct {
		uint16_t flags;
		uint16_t idx;
		uint16_t ring[RING_SIZE];
		uint16_t used_event;
	} avail __attribute__((aligned(2)));
	struct {
		uint16_t flags;
		uint16_t idx;
		struct vring_used_elem ring[RING_SIZE];
		uint16_t avail_event;
	} used __attribute__((aligned(4)));
};

extern volatile struct rings rings;

/* The registers of the device. */
extern uint32_t virtio_base;

/* One of them, by its name in <linux/virtio_mmio.h>. */
#define virtio_read(name) read32(virtio_base + VIRTIO_MMIO_##name)
#define virtio_write(name, value) \
	write32(virtio_base + VIRTIO_MMIO_##name, (value))

/* Drive this queue of the device in this slot from now on; the last one is
 * reset.
 */
void virtio_choose(unsigned int slot, unsigned int queue);

/* Reset, negotiate VERSION_1 and @features, stop before DRIVER_OK. */
const char *virtio_negotiate(uint32_t features);

/* Say where the queue lies and enable it. */
void virtio_enable(uint32_t size, uint32_t desc, uint32_t avail, uint32_t used);

/* All of it: afterwards the device serves empty rings. */
const char *virtio_start(uint32_t features);

/* Write descriptor @idx. */
void virtio_desc(unsigned int idx, const volatile void *addr, uint32_t len,
		 uint16_t flags, uint16_t next);

/* Offer the chain that begins at @head, kick. */
void virtio_offer(uint16_t head);

/* Wait until the used index is @idx; false if it does not come to that. */
bool virtio_wait_used(uint16_t idx);

/* Wait until the device says that it needs a reset; false if it does not. */
bool virtio_wait_broken(void);

/* Start anew and get bytes: does the entropy device still work? */
const char *rng_try(void);

#endif /* TESTS_GUEST_LIB_VIRTIO_H */
