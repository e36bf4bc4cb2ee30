/*
 * A virtio device without its transport: status machine, queues, interrupts
 * (virtio 1.2, 2 and 3).
 */
#include "devices/virtio/device.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static const uint64_t COMMON_FEATURES = BIT(VIRTIO_F_VERSION_1) |
					BIT(VIRTIO_RING_F_EVENT_IDX) |
					BIT(VIRTIO_RING_F_INDIRECT_DESC);

/* What the driver may set; NEEDS_RESET is ours alone. */
static const uint32_t DRIVER_STATUS =
	VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
	VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK |
	VIRTIO_CONFIG_S_FAILED;

enum { LOOKS_PER_CLOCK = 16 };

/* Are queues served? */
static bool is_live(const struct virtio_dev *dev)
{
	const uint32_t both =
		VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET;

	return (atomic_load(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS)) & both) ==
	       VIRTIO_CONFIG_S_DRIVER_OK;
}

/* Is this queue, which is entered, to go on? */
static bool is_served(const struct virtio_dev *dev,
		      const struct virtio_queue *vq)
{
	return is_live(dev) && !atomic_load(&vq->stopping);
}

static void on_kick(struct loop_source *source, uint32_t events)
{
	struct virtio_queue *vq =
		CONTAINER_OF(source, struct virtio_queue, source);
	struct virtio_dev *dev = vq->dev;
	unsigned int idx = vq - dev->queue;

	(void)events;
	atomic_store(&vq->kicked, false);
	if (!virtio_dev_enter(dev, idx))
		return;
	dev->class->kick(dev, idx);
	virtio_dev_leave(dev, idx);
}

int virtio_dev_init(struct virtio_dev *dev, const struct virtio_class *class,
		    const struct guestmem *mem)
{
	assert(class->queue_cnt <= VIRTIO_MAX_QUEUES);
	*dev = (struct virtio_dev){
		.class = class,
		.mem = mem,
		.irq_fd = -1,
		.ack_fd = -1,
	};
	dev->regs = &dev->own_regs;
	pthread_mutex_init(&dev->lock, NULL);
	for (unsigned int i = 0; i < class->queue_cnt; i++) {
		dev->queue[i].dev = dev;
		dev->queue[i].source.fd = -1;
		dev->queue[i].source.ready = on_kick;
		pthread_mutex_init(&dev->queue[i].lock, NULL);
	}
	dev->irq_fd = fd_event();
	if (dev->irq_fd < 0)
		return dev->irq_fd;
	dev->ack_fd = fd_event();
	if (dev->ack_fd < 0)
		return dev->ack_fd;
	for (unsigned int i = 0; i < class->queue_cnt; i++) {
		dev->queue[i].source.fd = fd_event();
		if (dev->queue[i].source.fd < 0)
			return dev->queue[i].source.fd;
	}
	return 0;
}

void virtio_dev_destroy(struct virtio_dev *dev)
{
	for (unsigned int i = 0; i < dev->class->queue_cnt; i++) {
		struct virtio_queue *vq = &dev->queue[i];

		if (vq->loop)
			loop_del(vq->loop, &vq->source);
		fd_close(&vq->source.fd);
		pthread_mutex_destroy(&vq->lock);
	}
	fd_close(&dev->irq_fd);
	fd_close(&dev->ack_fd);
	pthread_mutex_destroy(&dev->lock);
}

int virtio_dev_attach(struct virtio_dev *dev, unsigned int idx,
		      struct loop *loop)
{
	struct virtio_queue *vq = &dev->queue[idx];
	int err = loop_add(loop, &vq->source, EPOLLIN | EPOLLET);

	if (!err)
		vq->loop = loop;
	return err;
}

void virtio_dev_set_alone(struct virtio_dev *dev, unsigned int idx)
{
	cpu_set_t cpus;

	dev->queue[idx].alone = true;
	dev->queue[idx].poll.allowed =
		!sched_getaffinity(0, sizeof(cpus), &cpus) &&
		CPU_COUNT(&cpus) > (int)idx;
}

void virtio_dev_set_config(struct virtio_dev *dev, const void *config,
			   size_t len)
{
	assert(len <= sizeof(dev->regs->config));
	pthread_mutex_lock(&dev->lock);
	memcpy(dev->regs->config, config, len);
	atomic_fetch_add(virtio_dev_reg(dev, VIRTIO_MMIO_CONFIG_GENERATION), 1);
	if (is_live(dev))
		virtio_dev_irq(dev, true);
	pthread_mutex_unlock(&dev->lock);
}

void virtio_dev_set_shm(struct virtio_dev *dev, unsigned int id, gpa_t base,
			uint64_t len)
{
	assert(id < VIRTIO_MAX_SHM);
	dev->shm[id] = (struct virtio_shm){.base = base, .len = len};
}

bool virtio_dev_has(const struct virtio_dev *dev, unsigned int bit)
{
	return dev->features & BIT(bit);
}

bool virtio_dev_enter(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_queue *vq = &dev->queue[idx];

	pthread_mutex_lock(&vq->lock);
	if (is_live(dev) && vq->ring.state == QUEUE_READY)
		return true;
	pthread_mutex_unlock(&vq->lock);
	return false;
}

/* With the queue's lock: after a reset there must be no interrupt. */
static void signal_used(struct virtio_dev *dev, struct virtio_queue *vq)
{
	if (queue_should_signal(&vq->ring))
		virtio_dev_irq(dev, false);
}

void virtio_dev_leave(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_queue *vq = &dev->queue[idx];

	signal_used(dev, vq);
	pthread_mutex_unlock(&vq->lock);
}

bool virtio_dev_pop(struct virtio_dev *dev, unsigned int idx,
		    struct queue_req *req)
{
	struct queue *ring = &dev->queue[idx].ring;
	int r;

	/* Asked for each request, so that a reset waits for one at most. */
	if (!is_served(dev, &dev->queue[idx]))
		return false;
	r = queue_pop(ring, req);
	if (r < 0)
		virtio_dev_break(dev, idx, ring->why);
	return r > 0;
}

void virtio_dev_push(struct virtio_dev *dev, unsigned int idx,
		     const struct queue_req *req, uint32_t written_len)
{
	queue_push(&dev->queue[idx].ring, req, written_len);
}

void virtio_dev_push_head(struct virtio_dev *dev, unsigned int idx,
			  uint16_t head, uint32_t written_len)
{
	queue_push_head(&dev->queue[idx].ring, head, written_len);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool look(const struct virtio_dev *dev, const struct virtio_queue *vq)
{
	uint64_t end_ns = now_ns() + QUEUE_POLL_NS;

	do {
		for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
			if (queue_has_next(&vq->ring))
				return true;
			__builtin_ia32_pause();
		}
	} while (is_served(dev, vq) && !atomic_load(&vq->kicked) &&
		 now_ns() < end_ns);
	return false;
}

/* Is there another request, if one looks for a moment? */
static bool poll_ring(struct virtio_dev *dev, struct virtio_queue *vq)
{
	bool found;

	if (!vq->poll.on || atomic_load(&vq->kicked))
		return false;
	signal_used(dev, vq);
	found = look(dev, vq);
	queue_poll_looked(&vq->poll, found);
	return found;
}

/* After a batch: is there nobody else to have a turn? */
static bool goes_on(struct virtio_dev *dev, struct virtio_queue *vq)
{
	if (!vq->alone || atomic_load(&vq->kicked) ||
	    loop_is_stopping(vq->loop))
		return false;
	signal_used(dev, vq);
	return true;
}

void virtio_dev_serve(struct virtio_dev *dev, unsigned int idx,
		      struct queue_req *req, virtio_handle_fn *handle)
{
	struct virtio_queue *vq = &dev->queue[idx];
	unsigned int done = 0;
	uint32_t len;

	if (vq->poll.allowed && queue_has_next(&vq->ring))
		queue_poll_woken(&vq->poll, now_ns());
	do {
		queue_disable_kicks(&vq->ring);
		while (virtio_dev_pop(dev, idx, req) ||
		       (poll_ring(dev, vq) && virtio_dev_pop(dev, idx, req))) {
			len = handle(dev, idx, req);
			if (len != VIRTIO_LATER)
				virtio_dev_push(dev, idx, req, len);
			if (++done % VIRTIO_MAX_BATCH == 0 &&
			    !goes_on(dev, vq)) {
				virtio_dev_kick(dev, idx);
				return;
			}
		}
	} while (virtio_dev_want_kick(dev, idx));
	if (vq->poll.allowed)
		queue_poll_sleeps(&vq->poll, now_ns());
}

bool virtio_dev_want_kick(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_queue *vq = &dev->queue[idx];

	return queue_enable_kicks(&vq->ring) && is_served(dev, vq);
}

void virtio_dev_break(struct virtio_dev *dev, unsigned int idx, const char *why)
{
	const uint32_t bit = VIRTIO_CONFIG_S_NEEDS_RESET;

	/* Who sets the bit prints the line: so nobody else uses the budget. */
	if (atomic_fetch_or(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS), bit) & bit)
		return;
	log_guest(&dev->breaks, dev->class->name,
		  "queue %u: %s: stopped until reset", idx, why);
	virtio_dev_irq(dev, true);
}

uint64_t virtio_dev_offered(const struct virtio_dev *dev)
{
	return dev->class->features | COMMON_FEATURES;
}

void virtio_dev_choose(struct virtio_dev *dev, uint32_t half, uint32_t bits)
{
	if (half > 1 || atomic_load(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS)) &
				VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	dev->features &= ~((uint64_t)UINT32_MAX << (32 * half));
	dev->features |= (uint64_t)bits << (32 * half);
}

/* Stop a queue; when this returns nobody serves it. */
static void stop_queue(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_queue *vq = &dev->queue[idx];

	atomic_store(&vq->stopping, true);
	pthread_mutex_lock(&vq->lock);
	if (vq->enabled && dev->class->stop)
		dev->class->stop(dev, idx);
	queue_stop(&vq->ring);
	pthread_mutex_unlock(&vq->lock);
	atomic_store(&vq->stopping, false);
	vq->enabled = false;
}

/* Back to the beginning (virtio 1.2, 2.4). */
static void reset(struct virtio_dev *dev)
{
	atomic_fetch_and(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS),
			 ~VIRTIO_CONFIG_S_DRIVER_OK);
	for (unsigned int i = 0; i < dev->class->queue_cnt; i++) {
		stop_queue(dev, i);
		dev->queue[i].cfg = (struct queue_config){0};
	}
	dev->features = 0;
	atomic_store(virtio_dev_reg(dev, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	atomic_store(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS), 0);
}

/* May the driver's features be accepted? (virtio 1.2, 2.2.2 and 6.1) */
static bool features_ok(const struct virtio_dev *dev)
{
	return !(dev->features & ~virtio_dev_offered(dev)) &&
	       virtio_dev_has(dev, VIRTIO_F_VERSION_1);
}

void virtio_dev_set_status(struct virtio_dev *dev, uint32_t status)
{
	uint32_t old = atomic_load(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS));
	uint32_t add = status & DRIVER_STATUS & ~old;

	if (!status) {
		reset(dev);
		return;
	}
	if (!features_ok(dev))
		add &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((old | add) & VIRTIO_CONFIG_S_FEATURES_OK))
		add &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	atomic_fetch_or(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS), add);
	if (!(add & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	/* Requests can be there already, and their kicks were ignored. */
	for (unsigned int i = 0; i < dev->class->queue_cnt; i++)
		virtio_dev_kick(dev, i);
}

void virtio_dev_enable(struct virtio_dev *dev, unsigned int idx, bool on)
{
	struct virtio_queue *vq = &dev->queue[idx];
	int err = -EINVAL;

	if (!on) {
		stop_queue(dev, idx);
		return;
	}
	if (vq->enabled ||
	    !(atomic_load(virtio_dev_reg(dev, VIRTIO_MMIO_STATUS)) &
	      VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	vq->cfg.features = dev->features;
	vq->cfg.windows = dev->class->windows;
	pthread_mutex_lock(&vq->lock);
	if (vq->cfg.size <= dev->class->queue_size)
		err = queue_start(&vq->ring, dev->mem, &vq->cfg);
	pthread_mutex_unlock(&vq->lock);
	if (err) {
		log_guest(&dev->refusals, dev->class->name,
			  "queue %u: %s: not enabled", idx,
			  err == -EFAULT ? "areas overlap or are not in memory"
					 : "size or alignment");
		return;
	}
	vq->enabled = true;
	virtio_dev_kick(dev, idx);
}

void virtio_dev_kick(struct virtio_dev *dev, uint32_t idx)
{
	if (idx >= dev->class->queue_cnt)
		return;
	atomic_store(&dev->queue[idx].kicked, true);
	fd_event_signal(dev->queue[idx].source.fd);
}

void virtio_dev_irq(struct virtio_dev *dev, bool config)
{
	atomic_fetch_or(virtio_dev_reg(dev, VIRTIO_MMIO_INTERRUPT_STATUS),
			config ? VIRTIO_MMIO_INT_CONFIG
			       : VIRTIO_MMIO_INT_VRING);
	fd_event_signal(dev->irq_fd);
}
