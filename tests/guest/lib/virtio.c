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
uint32_t virtio_base = LAYOUT_MMIO_BASE + RNG_SLOT * LAYOUT_MMIO_SIZE;
static unsigned int queue_idx;

void virtio_choose(unsigned int slot, unsigned int queue)
{
	virtio_write(STATUS, 0);
	virtio_base = slot_base(slot);
	queue_idx = queue;
}

const char *virtio_negotiate(uint32_t features)
{
	virtio_write(STATUS, 0);
	if (virtio_read(STATUS) != 0)
		return with_hex("status after reset", virtio_read(STATUS));
	virtio_write(STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_write(STATUS, STATUS_BEGUN);
	virtio_write(DEVICE_FEATURES_SEL, 1);
	if (!(virtio_read(DEVICE_FEATURES) & VERSION_1_HIGH))
		return "VERSION_1 is not offered";
	virtio_write(DEVICE_FEATURES_SEL, 0);
	if ((virtio_read(DEVICE_FEATURES) & features) != features)
		return with_hex("offered", virtio_read(DEVICE_FEATURES));
	virtio_write(DRIVER_FEATURES_SEL, 1);
	virtio_write(DRIVER_FEATURES, VERSION_1_HIGH);
	virtio_write(DRIVER_FEATURES_SEL, 0);
	virtio_write(DRIVER_FEATURES, features);
	virtio_write(STATUS, STATUS_AGREED);
	if (virtio_read(STATUS) != STATUS_AGREED)
		return with_hex("status with features", virtio_read(STATUS));
	return NULL;
}

void virtio_enable(uint32_t size, uint32_t desc, uint32_t avail, uint32_t used)
{
	virtio_write(QUEUE_SEL, queue_idx);
	virtio_write(QUEUE_NUM, size);
	virtio_write(QUEUE_DESC_LOW, desc);
	virtio_write(QUEUE_DESC_HIGH, 0);
	virtio_write(QUEUE_AVAIL_LOW, avail);
	virtio_write(QUEUE_AVAIL_HIGH, 0);
	virtio_write(QUEUE_USED_LOW, used);
	virtio_write(QUEUE_USED_HIGH, 0);
	virtio_write(QUEUE_READY, 1);
}

const char *virtio_start(uint32_t features)
{
	const char *why = virtio_negotiate(features);

	if (why)
		return why;
	for (size_t i = 0; i < sizeof(rings); i++)
		((volatile char *)&rings)[i] = 0;
	virtio_enable(RING_SIZE, (uint32_t)&rings.desc, (uint32_t)&rings.avail,
		      (uint32_t)&rings.used);
	if (virtio_read(QUEUE_READY) != 1)
		return "the queue is not ready";
	virtio_write(STATUS, STATUS_LIVE);
	if (virtio_read(STATUS) != STATUS_LIVE)
		return with_hex("status with driver", virtio_read(STATUS));
	return NULL;
}

void virtio_desc(unsigned int idx, const volatile void *addr, uint32_t len,
		 uint16_t flags, uint16_t next)
{
	rings.desc[idx].addr = (uint32_t)addr;
	rings.desc[idx].len = len;
	rings.desc[idx].flags = flags;
	rings.desc[idx].next = next;
}

void virtio_offer(uint16_t head)
{
	rings.avail.ring[rings.avail.idx % RING_SIZE] = head;
	barrier();
	rings.avail.idx++;
	barrier();
	virtio_write(QUEUE_NOTIFY, queue_idx);
}

bool virtio_wait_used(uint16_t idx)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if (rings.used.idx == idx)
			return true;
	}
	return false;
}

bool virtio_wait_broken(void)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if (virtio_read(STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
	}
	return false;
}

const char *rng_try(void)
{
	static volatile uint32_t bytes[4];
	const char *why = virtio_start(0);

	if (why)
		return why;
	bytes[0] = bytes[1] = bytes[2] = bytes[3] = 0;
	virtio_desc(0, bytes, sizeof(bytes), VRING_DESC_F_WRITE, 0);
	virtio_offer(0);
	if (!virtio_wait_used(1))
		return "no bytes after a reset";
	if (rings.used.ring[0].len != sizeof(bytes) ||
	    !(bytes[0] | bytes[1] | bytes[2] | bytes[3]))
		return "wrong bytes after a reset";
	return NULL;
}
