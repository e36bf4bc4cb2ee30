/*
 * The virtio-mmio transport, version 2: registers in guest physical memory
 * (virtio 1.2, 4.2.2).
 *
 * Theory of operation: the table has a row for each register, so that what is
 * not in the specification reads as zero and ignores writes. Only writes come
 * here: what the driver reads is in memory, and shown anew after each write.
 * Writes of several vCPUs are serialized by the device's lock, except for the
 * acknowledgement of interrupts and for kicks: they are atomic, so that an
 * interrupt handler never waits behind a reset that waits for a request.
 *
 * An interrupt handler reads INTERRUPT_STATUS and writes it to INTERRUPT_ACK.
 * The read is no exit, and KVM takes the write as it takes kicks, unless it is
 * about the configuration: so no request leads a processor out of the kernel.
 */
#include "devices/virtio/mmio.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "devices/virtio/device.h"
#include "vmm/base/bits.h"
#include "vmm/base/bus.h"
#include "vmm/base/guestmem.h"

static const uint32_t MAGIC = 0x74726976;  /* "virt" */
static const uint32_t VERSION = 2;	   /* 1 was the legacy interface */
static const uint32_t VENDOR = 0x59524857; /* "WHRY" */

static uint32_t rd_magic(struct virtio_mmio *m)
{
	(void)m;
	return MAGIC;
}

static uint32_t rd_version(struct virtio_mmio *m)
{
	(void)m;
	return VERSION;
}

static uint32_t rd_device_id(struct virtio_mmio *m)
{
	return m->dev->class->id;
}

static uint32_t rd_vendor_id(struct virtio_mmio *m)
{
	(void)m;
	return VENDOR;
}

static uint32_t rd_device_features(struct virtio_mmio *m)
{
	if (m->device_features_sel > 1)
		return 0;
	return virtio_dev_offered(m->dev) >> (32 * m->device_features_sel);
}

static void wr_device_features_sel(struct virtio_mmio *m, uint32_t value)
{
	m->device_features_sel = value;
}

static void wr_driver_features(struct virtio_mmio *m, uint32_t value)
{
	virtio_dev_choose(m->dev, m->driver_features_sel, value);
}

static void wr_driver_features_sel(struct virtio_mmio *m, uint32_t value)
{
	m->driver_features_sel = value;
}

/* The selected queue, or NULL if the device has none of that number. */
static struct virtio_queue *selected(struct virtio_mmio *m)
{
	if (m->queue_sel >= m->dev->class->queue_cnt)
		return NULL;
	return &m->dev->queue[m->queue_sel];
}

/* Likewise, but only while its configuration may be written. */
static struct virtio_queue *selected_off(struct virtio_mmio *m)
{
	struct virtio_queue *vq = selected(m);

	return vq && !vq->enabled ? vq : NULL;
}

static void wr_queue_sel(struct virtio_mmio *m, uint32_t value)
{
	m->queue_sel = value;
}

static uint32_t rd_queue_num_max(struct virtio_mmio *m)
{
	return selected(m) ? m->dev->class->queue_size : 0;
}

static void wr_queue_num(struct virtio_mmio *m, uint32_t value)
{
	struct virtio_queue *vq = selected_off(m);

	if (vq)
		vq->cfg.size = value;
}

static uint32_t rd_queue_ready(struct virtio_mmio *m)
{
	struct virtio_queue *vq = selected(m);

	return vq && vq->enabled;
}

static void wr_queue_ready(struct virtio_mmio *m, uint32_t value)
{
	if (selected(m))
		virtio_dev_enable(m->dev, m->queue_sel, value & 1);
}

static void wr_queue_notify(struct virtio_mmio *m, uint32_t value)
{
	virtio_dev_kick(m->dev, value);
}

static void wr_interrupt_ack(struct virtio_mmio *m, uint32_t value)
{
	atomic_fetch_and(virtio_dev_reg(m->dev, VIRTIO_MMIO_INTERRUPT_STATUS),
			 ~value);
}

static void wr_status(struct virtio_mmio *m, uint32_t value)
{
	virtio_dev_set_status(m->dev, value);
}

/* Put @value into the low or the high half of an address. */
static void set_half(gpa_t *gpa, unsigned int shift, uint32_t value)
{
	*gpa &= ~((uint64_t)UINT32_MAX << shift);
	*gpa |= (uint64_t)value << shift;
}

#define WR_QUEUE_HALF(name, field, shift)                            \
	static void wr_##name(struct virtio_mmio *m, uint32_t value) \
	{                                                            \
		struct virtio_queue *vq = selected_off(m);           \
                                                                     \
		if (vq)                                              \
			set_half(&vq->cfg.field, shift, value);      \
	}

WR_QUEUE_HALF(queue_desc_low, desc, 0)
WR_QUEUE_HALF(queue_desc_high, desc, 32)
WR_QUEUE_HALF(queue_avail_low, avail, 0)
WR_QUEUE_HALF(queue_avail_high, avail, 32)
WR_QUEUE_HALF(queue_used_low, used, 0)
WR_QUEUE_HALF(queue_used_high, used, 32)

static void wr_shm_sel(struct virtio_mmio *m, uint32_t value)
{
	m->shm_sel = value;
}

/* The selected region; one that does not exist says so by a length and an
 * address of all ones (4.2.2.1).
 */
static struct virtio_shm selected_shm(const struct virtio_mmio *m)
{
	if (m->shm_sel >= VIRTIO_MAX_SHM || !m->dev->shm[m->shm_sel].len)
		return (struct virtio_shm){UINT64_MAX, UINT64_MAX};
	return m->dev->shm[m->shm_sel];
}

static uint32_t rd_shm_len_low(struct virtio_mmio *m)
{
	return (uint32_t)selected_shm(m).len;
}

static uint32_t rd_shm_len_high(struct virtio_mmio *m)
{
	return selected_shm(m).len >> 32;
}

static uint32_t rd_shm_base_low(struct virtio_mmio *m)
{
	return (uint32_t)selected_shm(m).base;
}

static uint32_t rd_shm_base_high(struct virtio_mmio *m)
{
	return selected_shm(m).base >> 32;
}

/**
 * struct reg - A register
 * @read:	Give its value; NULL: it is zero, or the device itself shows it
 * @write:	Take a value; NULL: writes are ignored
 * @lock_free:	Written without the device's lock; no value changes by that
 */
struct reg {
	uint32_t (*read)(struct virtio_mmio *m);
	void (*write)(struct virtio_mmio *m, uint32_t value);
	bool lock_free;
};

#define REG(name, rd, wr) \
	[VIRTIO_MMIO_##name / 4] = {.read = (rd), .write = (wr)}
#define REG_LOCK_FREE(name, rd, wr) \
	[VIRTIO_MMIO_##name /       \
		4] = {.read = (rd), .write = (wr), .lock_free = true}

/* clang-format off */
static const struct reg regs[] = {
	REG(MAGIC_VALUE, rd_magic, NULL),
	REG(VERSION, rd_version, NULL),
	REG(DEVICE_ID, rd_device_id, NULL),
	REG(VENDOR_ID, rd_vendor_id, NULL),
	REG(DEVICE_FEATURES, rd_device_features, NULL),
	REG(DEVICE_FEATURES_SEL, NULL, wr_device_features_sel),
	REG(DRIVER_FEATURES, NULL, wr_driver_features),
	REG(DRIVER_FEATURES_SEL, NULL, wr_driver_features_sel),
	REG(QUEUE_SEL, NULL, wr_queue_sel),
	REG(QUEUE_NUM_MAX, rd_queue_num_max, NULL),
	REG(QUEUE_NUM, NULL, wr_queue_num),
	REG(QUEUE_READY, rd_queue_ready, wr_queue_ready),
	REG_LOCK_FREE(QUEUE_NOTIFY, NULL, wr_queue_notify),
	REG(INTERRUPT_STATUS, NULL, NULL),
	REG_LOCK_FREE(INTERRUPT_ACK, NULL, wr_interrupt_ack),
	REG(STATUS, NULL, wr_status),
	REG(QUEUE_DESC_LOW, NULL, wr_queue_desc_low),
	REG(QUEUE_DESC_HIGH, NULL, wr_queue_desc_high),
	REG(QUEUE_AVAIL_LOW, NULL, wr_queue_avail_low),
	REG(QUEUE_AVAIL_HIGH, NULL, wr_queue_avail_high),
	REG(QUEUE_USED_LOW, NULL, wr_queue_used_low),
	REG(QUEUE_USED_HIGH, NULL, wr_queue_used_high),
	REG(SHM_SEL, NULL, wr_shm_sel),
	REG(SHM_LEN_LOW, rd_shm_len_low, NULL),
	REG(SHM_LEN_HIGH, rd_shm_len_high, NULL),
	REG(SHM_BASE_LOW, rd_shm_base_low, NULL),
	REG(SHM_BASE_HIGH, rd_shm_base_high, NULL),
	REG(CONFIG_GENERATION, NULL, NULL),
};
/* clang-format on */
static_assert(ARRAY_SIZE(regs) == VIRTIO_NUM_REGS,
	      "a row for each register below the configuration space");

/* The row for an access, or NULL if no register is accessed like this. */
static const struct reg *find_reg(uint64_t offset, unsigned int len)
{
	if (offset % 4 || len != 4 || offset >= VIRTIO_MMIO_CONFIG)
		return NULL;
	return &regs[offset / 4];
}

/* Show the driver what the registers say now [dev->lock]. */
static void show(struct virtio_mmio *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		if (regs[i].read)
			atomic_store(&m->dev->regs->reg[i], regs[i].read(m));
	}
}

/* For who has no such memory: benchmarks and tests; KVM never asks. */
static void mmio_read(void *device, uint64_t offset, void *data,
		      unsigned int len)
{
	struct virtio_mmio *m = device;
	const struct virtio_regs *shown = m->dev->regs;
	uint32_t value;

	if (find_reg(offset, len)) {
		value = atomic_load(&shown->reg[offset / 4]);
		memcpy(data, &value, sizeof(value));
	} else {
		memcpy(data, (const char *)shown + offset, len);
	}
}

/* Configuration space is read-only: no device here has a field to write. */
static void mmio_write(void *device, uint64_t offset, const void *data,
		       unsigned int len)
{
	struct virtio_mmio *m = device;
	const struct reg *reg = find_reg(offset, len);
	uint32_t value;

	if (!reg || !reg->write)
		return;
	memcpy(&value, data, sizeof(value));
	if (!reg->lock_free)
		pthread_mutex_lock(&m->dev->lock);
	reg->write(m, value);
	if (!reg->lock_free) {
		show(m);
		pthread_mutex_unlock(&m->dev->lock);
	}
}

static const struct bus_ops mmio_ops = {.read = mmio_read, .write = mmio_write};

/* Move what the driver reads to its page of guest memory. */
static void place_regs(struct virtio_mmio *m, unsigned int slot)
{
	struct virtio_dev *dev = m->dev;
	char *page = dev->mem->registers.hva + slot * LAYOUT_MMIO_SIZE;

	memcpy(page, dev->regs, sizeof(*dev->regs));
	dev->regs = (struct virtio_regs *)page;
	show(m);
}

int virtio_mmio_init(struct virtio_mmio *m, struct virtio_dev *dev,
		     struct bus *bus, unsigned int slot)
{
	const struct bus_range range = {
		.base = LAYOUT_MMIO_BASE + slot * LAYOUT_MMIO_SIZE,
		.len = LAYOUT_MMIO_SIZE,
		.ops = &mmio_ops,
		.device = m,
	};
	int err;

	*m = (struct virtio_mmio){.dev = dev};
	if (slot >= LAYOUT_MMIO_SLOTS)
		return -ENOSPC;
	err = bus_add(bus, BUS_MMIO, &range);
	if (err)
		return err;
	place_regs(m, slot);
	for (unsigned int i = 0; !err && i < dev->class->queue_cnt; i++)
		err = bus_add_kick(bus, range.base + VIRTIO_MMIO_QUEUE_NOTIFY,
				   i, dev->queue[i].source.fd);
	if (!err)
		err = bus_add_kick(bus, range.base + VIRTIO_MMIO_INTERRUPT_ACK,
				   VIRTIO_MMIO_INT_VRING, dev->ack_fd);
	if (!err)
		err = bus_add_line(bus, LAYOUT_GSI_MMIO + slot, dev->irq_fd);
	return err;
}
