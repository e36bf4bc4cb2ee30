/*
 * Wherry's own device in this process.
 */
#include "tests/bench/lib/wherry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/sandbox/filter.h"
#include "vmm/share.h"

enum {
	PHYS_BITS = 46,
	MAX_RANGES = 1 << 12,
};

static void set_reg(struct wherry *w, uint32_t reg, uint32_t value)
{
	bus_write(&w->bus, BUS_MMIO, LAYOUT_MMIO_BASE + reg, &value,
		  sizeof(value));
}

static uint32_t get_reg(struct wherry *w, uint32_t reg)
{
	uint32_t value = 0;

	bus_read(&w->bus, BUS_MMIO, LAYOUT_MMIO_BASE + reg, &value,
		 sizeof(value));
	return value;
}

/* As vm_interrupt() of virtio_mmio.c does. */
static void ack(struct target *target)
{
	struct wherry *w = CONTAINER_OF(target, struct wherry, target);

	set_reg(w, VIRTIO_MMIO_INTERRUPT_ACK,
		get_reg(w, VIRTIO_MMIO_INTERRUPT_STATUS));
}

/* On each thread of the server. */
static void enter(void *opaque, enum thread_kind kind)
{
	struct wherry *w = opaque;
	struct target *target = &w->target;
	unsigned int i;

	pthread_mutex_lock(&w->lock);
	i = target->task_cnt;
	target->task[i] = gettid();
	pthread_getcpuclockid(pthread_self(), &target->clock[i]);
	target->task_cnt++; /* who reads it finds all of them filled */
	pthread_mutex_unlock(&w->lock);
	if (w->filtered &&
	    filter_install(kind == THREAD_FS ? FILTER_FS : FILTER_FS_AUX))
		abort();
}

static int make_server(struct wherry *w, const char *dir)
{
	struct fs_config config = SHARE_DEFAULTS;
	autofd fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = guestmem_init(&w->mem, TARGET_RAM_LEN);
	if (!err)
		err = guestmem_add_window(&w->mem, GIB(1), PHYS_BITS, false);
	if (err)
		return err;
	config.root_fd = fd;
	config.dax_len = w->mem.window[0].len;
	config.dax_max = MAX_RANGES;
	config.window = w->mem.window[0].hva;
	return fs_init(&w->fs, &config);
}

static void enable_queue(struct wherry *w, unsigned int idx)
{
	set_reg(w, VIRTIO_MMIO_QUEUE_SEL, idx);
	set_reg(w, VIRTIO_MMIO_QUEUE_NUM, VQ_SIZE);
	set_reg(w, VIRTIO_MMIO_QUEUE_DESC_LOW, idx * VQ_LEN);
	set_reg(w, VIRTIO_MMIO_QUEUE_AVAIL_LOW, idx * VQ_LEN + VQ_AVAIL);
	set_reg(w, VIRTIO_MMIO_QUEUE_USED_LOW, idx * VQ_LEN + VQ_USED);
	set_reg(w, VIRTIO_MMIO_QUEUE_READY, 1);
}

/* What a driver does (virtio 1.2, 3.1.1); 0 or -EPROTO. */
static int drive(struct wherry *w)
{
	const uint32_t ready =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

	set_reg(w, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_reg(w, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int half = 0; half < 2; half++) {
		set_reg(w, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
		set_reg(w, VIRTIO_MMIO_DRIVER_FEATURES,
			VQ_FEATURES >> (32 * half));
	}
	set_reg(w, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < TARGET_MAX_QUEUES; i++)
		enable_queue(w, i);
	set_reg(w, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER_OK);
	for (unsigned int i = 0; i < TARGET_MAX_QUEUES; i++) {
		set_reg(w, VIRTIO_MMIO_QUEUE_SEL, i);
		if (!get_reg(w, VIRTIO_MMIO_QUEUE_READY))
			return -EPROTO;
	}
	return get_reg(w, VIRTIO_MMIO_STATUS) == ready ? 0 : -EPROTO;
}

/* The queues' kicks are what KVM would make ioeventfds of. */
static int connect_driver(struct wherry *w)
{
	struct target *target = &w->target;

	target->name = w->filtered ? "wherry" : "wherry, no filter";
	target->ram = guest_ptr(&w->mem, 0, TARGET_RAM_LEN);
	target->window = w->mem.window[0].hva;
	target->ack = ack;
	target->irq_fd = w->bus.line[0].fd;
	/* The driver sleeps in read(); nobody else reads it. */
	if (fcntl(target->irq_fd, F_SETFL, O_RDWR) < 0)
		return -errno;
	for (unsigned int i = 0; i < TARGET_MAX_QUEUES; i++)
		vq_init(&target->vq[i], target->ram, i, w->bus.kick[i].fd);
	return drive(w);
}

int wherry_start(struct wherry *w, const char *dir, bool filtered,
		 struct fail *fail)
{
	int err;

	*w = (struct wherry){.filtered = filtered};
	w->entry = (struct thread_entry){enter, w};
	pthread_mutex_init(&w->lock, NULL);
	err = filtered ? filter_catch() : 0;
	if (!err)
		err = make_server(w, dir);
	if (!err)
		err = virtio_fs_init(&w->device, &w->mem, &w->fs, "bench",
				     TARGET_MAX_QUEUES - TARGET_REQUEST);
	if (!err)
		err = virtio_mmio_init(&w->mmio, &w->device.dev, &w->bus, 0);
	if (!err)
		err = connect_driver(w);
	if (!err)
		err = virtio_fs_start(&w->device, &w->entry);
	if (err)
		return fail_set(fail, err, "wherry: %s: %s", dir,
				strerror(-err));
	return 0;
}

void wherry_stop(struct wherry *w)
{
	virtio_fs_destroy(&w->device);
	fs_destroy(&w->fs);
	guestmem_destroy(&w->mem);
	pthread_mutex_destroy(&w->lock);
}
