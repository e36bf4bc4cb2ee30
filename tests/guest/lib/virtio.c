/*
 * A virtio driver for bare guests.
 */
#include "tests/guest/lib/virtio.h"

enum {
	STATUS_BEGUN = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	STATUS_AGREED = STATUS_BEGUN | VIRTIO_CONFIG_S_FEATURES_OK,
	STATUS_LIVE = STATUS_AGREED | VIRTIO_CONFIG_S_DRIVER_OK,
	VERSION_1_HIGH = 1 << (VIRTIO_F_VERSION_1 - 32),
};

volatile struct rings rings;

const char *rng_negotiate(uint32_t features)
{
	rng_write(STATUS, 0);
	if (rng_read(STATUS) != 0)
		return with_hex("status after reset", rng_read(STATUS));
	rng_write(STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	rng_write(STATUS, STATUS_BEGUN);
	rng_write(DEVICE_FEATURES_SEL, 1);
	if (!(rng_read(DEVICE_FEATURES) & VERSION_1_HIGH))
		return "VERSION_1 is not offered";
	rng_write(DEVICE_FEATURES_SEL, 0);
	if ((rng_read(DEVICE_FEATURES) & features) != features)
		return with_hex("offered", rng_read(DEVICE_FEATURES));
	rng_write(DRIVER_FEATURES_SEL, 1);
	rng_write(DRIVER_FEATURES, VERSION_1_HIGH);
	rng_write(DRIVER_FEATURES_SEL, 0);
	rng_write(DRIVER_FEATURES, features);
	rng_write(STATUS, STATUS_AGREED);
	if (rng_read(STATUS) != STATUS_AGREED)
		return with_hex("status with features", rng_read(STATUS));
	return NULL;
}

void rng_enable(uint32_t size, uint32_t desc, uint32_t avail, uint32_t used)
{
	rng_write(QUEUE_SEL, 0);
	rng_write(QUEUE_NUM, size);
	rng_write(QUEUE_DESC_LOW, desc);
	rng_write(QUEUE_DESC_HIGH, 0);
	rng_write(QUEUE_AVAIL_LOW, avail);
	rng_write(QUEUE_AVAIL_HIGH, 0);
	rng_write(QUEUE_USED_LOW, used);
	rng_write(QUEUE_USED_HIGH, 0);
	rng_write(QUEUE_READY, 1);
}

const char *rng_start(uint32_t features)
{
	const char *why = rng_negotiate(features);

	if (why)
		return why;
	for (size_t i = 0; i < sizeof(rings); i++)
		((volatile char *)&rings)[i] = 0;
	rng_enable(RING_SIZE, (uint32_t)&rings.desc, (uint32_t)&rings.avail,
		   (uint32_t)&rings.used);
	if (rng_read(QUEUE_READY) != 1)
		return "queue 0 is not ready";
	rng_write(STATUS, STATUS_LIVE);
	if (rng_read(STATUS) != STATUS_LIVE)
		return with_hex("status with driver", rng_read(STATUS));
	return NULL;
}

void rng_desc(unsigned int idx, const volatile void *addr, uint32_t len,
	      uint16_t flags, uint16_t next)
{
	rings.desc[idx].addr = (uint32_t)addr;
	rings.desc[idx].len = len;
	rings.desc[idx].flags = flags;
	rings.desc[idx].next = next;
}

void rng_offer(uint16_t head)
{
	rings.avail.ring[rings.avail.idx % RING_SIZE] = head;
	barrier();
	rings.avail.idx++;
	barrier();
	rng_write(QUEUE_NOTIFY, 0);
}

bool rng_wait_used(uint16_t idx)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if (rings.used.idx == idx)
			return true;
	}
	return false;
}

bool rng_wait_broken(void)
{
	for (unsigned int i = 0; i < PATIENCE / 100; i++) {
		if (rng_read(STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
	}
	return false;
}

const char *rng_try(void)
{
	static volatile uint32_t bytes[4];
	const char *why = rng_start(0);

	if (why)
		return why;
	bytes[0] = bytes[1] = bytes[2] = bytes[3] = 0;
	rng_desc(0, bytes, sizeof(bytes), VRING_DESC_F_WRITE, 0);
	rng_offer(0);
	if (!rng_wait_used(1))
		return "no bytes after a reset";
	if (rings.used.ring[0].len != sizeof(bytes) ||
	    !(bytes[0] | bytes[1] | bytes[2] | bytes[3]))
		return "wrong bytes after a reset";
	return NULL;
}
