/*
 * A guest driver played by a test.
 */
#include "tests/unit/driver.h"

#include <check.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bits.h"

void ring_init(struct ring *r, struct guestmem *mem, unsigned int idx,
	       uint16_t size)
{
	gpa_t base = idx * RING_STRIDE;

	*r = (struct ring){.mem = mem, .size = size};
	r->cfg = (struct queue_config){
		.size = size,
		.desc = base,
		.avail = base + 0x8000,
		.used = base + 0x10000,
	};
	memset(guest_ptr(mem, base, RING_STRIDE), 0, RING_STRIDE);
	r->desc = guest_ptr(mem, r->cfg.desc, 0);
	r->avail = guest_ptr(mem, r->cfg.avail, 0);
	r->used = guest_ptr(mem, r->cfg.used, 0);
}

void ring_desc(struct ring *r, uint16_t i, struct vring_desc desc)
{
	r->desc[i] = desc;
}

static struct vring_desc *put(struct vring_desc *table, uint16_t i,
			      struct vring_desc desc)
{
	desc.addr = RING_BUF + i * 0x1000ULL;
	table[i] = desc;
	return &table[i];
}

struct vring_desc *ring_put(struct ring *r, uint16_t i, uint32_t len,
			    uint16_t flags, uint16_t next)
{
	return put(r->desc, i, (struct vring_desc){0, len, flags, next});
}

struct vring_desc *ring_put_indirect(struct ring *r, uint16_t i, uint32_t len,
				     uint16_t flags, uint16_t next)
{
	struct vring_desc *table = guest_ptr(r->mem, RING_TABLE, 0x4000);

	return put(table, i, (struct vring_desc){0, len, flags, next});
}

struct vring_desc *ring_put_table(struct ring *r, uint16_t i, uint32_t cnt)
{
	struct vring_desc *desc =
		ring_put(r, i, cnt * sizeof(*desc), VRING_DESC_F_INDIRECT, 0);

	desc->addr = RING_TABLE;
	return desc;
}

void ring_offer(struct ring *r, uint16_t head)
{
	uint16_t idx = r->avail->idx;

	r->avail->ring[idx % r->size] = head;
	__atomic_store_n(&r->avail->idx, idx + 1, __ATOMIC_SEQ_CST);
}

uint16_t ring_used(const struct ring *r)
{
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
}

struct vring_used_elem ring_used_elem(const struct ring *r, uint16_t n)
{
	return r->used->ring[n % r->size];
}

void ring_set_used_event(struct ring *r, uint16_t idx)
{
	__atomic_store_n(&r->avail->ring[r->size], idx, __ATOMIC_SEQ_CST);
}

uint16_t ring_avail_event(const struct ring *r)
{
	return __atomic_load_n((uint16_t *)&r->used->ring[r->size],
			       __ATOMIC_SEQ_CST);
}

void ring_set_avail_event(struct ring *r, uint16_t idx)
{
	__atomic_store_n((uint16_t *)&r->used->ring[r->size], idx,
			 __ATOMIC_SEQ_CST);
}

void driver_init(struct driver *d)
{
	*d = (struct driver){0};
	ck_assert_int_eq(guestmem_init(&d->mem, DRIVER_RAM_LEN), 0);
}

void driver_destroy(struct driver *d)
{
	guestmem_destroy(&d->mem);
}

uint32_t driver_read(const struct driver *d, uint32_t reg)
{
	uint32_t value;

	ck_assert(bus_read(&d->bus, BUS_MMIO, LAYOUT_MMIO_BASE + reg, &value,
			   sizeof(value)));
	return value;
}

void driver_write(const struct driver *d, uint32_t reg, uint32_t value)
{
	ck_assert(bus_write(&d->bus, BUS_MMIO, LAYOUT_MMIO_BASE + reg, &value,
			    sizeof(value)));
}

void driver_choose(const struct driver *d, uint64_t features)
{
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES, features);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
}

uint32_t driver_add_status(const struct driver *d, uint32_t bits)
{
	uint32_t status = driver_read(d, VIRTIO_MMIO_STATUS);

	driver_write(d, VIRTIO_MMIO_STATUS, status | bits);
	return driver_read(d, VIRTIO_MMIO_STATUS);
}

void driver_begin(const struct driver *d, uint64_t features)
{
	const uint32_t want = VIRTIO_CONFIG_S_ACKNOWLEDGE |
			      VIRTIO_CONFIG_S_DRIVER |
			      VIRTIO_CONFIG_S_FEATURES_OK;

	driver_write(d, VIRTIO_MMIO_STATUS, 0);
	driver_add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	driver_add_status(d, VIRTIO_CONFIG_S_DRIVER);
	driver_choose(d, features | BIT(VIRTIO_F_VERSION_1));
	ck_assert_uint_eq(driver_add_status(d, VIRTIO_CONFIG_S_FEATURES_OK),
			  want);
}

uint32_t driver_enable(const struct driver *d, unsigned int idx,
		       const struct queue_config *cfg)
{
	driver_write(d, VIRTIO_MMIO_QUEUE_SEL, idx);
	driver_write(d, VIRTIO_MMIO_QUEUE_NUM, cfg->size);
	driver_write(d, VIRTIO_MMIO_QUEUE_DESC_LOW, cfg->desc);
	driver_write(d, VIRTIO_MMIO_QUEUE_DESC_HIGH, cfg->desc >> 32);
	driver_write(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, cfg->avail);
	driver_write(d, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, cfg->avail >> 32);
	driver_write(d, VIRTIO_MMIO_QUEUE_USED_LOW, cfg->used);
	driver_write(d, VIRTIO_MMIO_QUEUE_USED_HIGH, cfg->used >> 32);
	driver_write(d, VIRTIO_MMIO_QUEUE_READY, 1);
	return driver_read(d, VIRTIO_MMIO_QUEUE_READY);
}

void driver_setup(struct driver *d, uint64_t features, struct ring *rings,
		  unsigned int cnt)
{
	driver_begin(d, features);
	for (unsigned int i = 0; i < cnt; i++)
		ck_assert_uint_eq(driver_enable(d, i, &rings[i].cfg), 1);
	ck_assert_uint_eq(driver_add_status(d, VIRTIO_CONFIG_S_DRIVER_OK), 0xf);
}

void driver_kick(const struct driver *d, uint32_t idx)
{
	driver_write(d, VIRTIO_MMIO_QUEUE_NOTIFY, idx);
}

uint64_t driver_irqs(const struct driver *d)
{
	uint64_t count = 0;

	if (read(d->bus.line[0].fd, &count, sizeof(count)) < 0)
		return 0;
	return count;
}

/* The stop event is delivered like others, in the order in which they came:
 * so one round serves what is pending, and the last finds nothing.
 */
void loop_drain(struct loop *loop)
{
	struct pollfd pfd = {.fd = loop->epoll_fd, .events = POLLIN};

	while (poll(&pfd, 1, 0) > 0) {
		loop_stop(loop);
		ck_assert_int_eq(loop_run(loop), 0);
	}
}

bool ring_wait_used(const struct ring *r, uint16_t idx)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < 5000; i++) {
		if (ring_used(r) == idx)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}
