/*
 * A virtio device for tests.
 */
#include "tests/unit/echo.h"

#include <check.h>
#include <string.h>

#include "vmm/base/bits.h"

static uint32_t handle(struct virtio_dev *dev, unsigned int idx,
		       struct queue_req *req)
{
	struct echo *echo = CONTAINER_OF(dev, struct echo, dev);

	(void)idx;
	echo->busy++;
	if (echo->delay.tv_nsec)
		nanosleep(&echo->delay, NULL);
	if (echo->meanwhile)
		echo->meanwhile(echo);
	echo->handled++;
	iov_put(&req->writable, "echo", 4);
	echo->busy--;
	return 4;
}

static void kick(struct virtio_dev *dev, unsigned int idx)
{
	struct echo *echo = CONTAINER_OF(dev, struct echo, dev);

	echo->kicks[idx]++;
	virtio_dev_serve(dev, idx, &echo->req, handle);
}

static void stop(struct virtio_dev *dev, unsigned int idx)
{
	struct echo *echo = CONTAINER_OF(dev, struct echo, dev);

	echo->stops[idx]++;
}

static const struct virtio_class echo_class = {
	.name = "echo",
	.id = 42,
	.features = BIT(ECHO_FEATURE),
	.queue_cnt = ECHO_QUEUES,
	.queue_size = ECHO_SIZE,
	.kick = kick,
	.stop = stop,
};

void echo_init(struct echo *echo, struct driver *d)
{
	memset(echo, 0, sizeof(*echo));
	ck_assert_int_eq(worker_init(&echo->worker), 0);
	ck_assert_int_eq(virtio_dev_init(&echo->dev, &echo_class, &d->mem), 0);
	for (unsigned int i = 0; i < ECHO_QUEUES; i++)
		ck_assert_int_eq(
			virtio_dev_attach(&echo->dev, i, &echo->worker.loop),
			0);
	ck_assert_int_eq(virtio_mmio_init(&echo->mmio, &echo->dev, &d->bus, 0),
			 0);
}

void echo_destroy(struct echo *echo)
{
	worker_stop(&echo->worker);
	virtio_dev_destroy(&echo->dev);
	worker_destroy(&echo->worker);
}

void echo_ring_init(struct ring *r, struct driver *d, unsigned int idx)
{
	ring_init(r, &d->mem, idx, ECHO_SIZE);
	for (uint16_t i = 0; i < ECHO_SIZE; i++)
		ring_put(r, i, 64, VRING_DESC_F_WRITE, 0)->addr = RING_BUF;
}
