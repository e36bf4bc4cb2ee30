/*
 * virtio-rng, the entropy device (virtio 1.2, 5.4).
 *
 * The model of a device: the smallest one, to be read first.
 */
#ifndef DEVICES_VIRTIO_RNG_H
#define DEVICES_VIRTIO_RNG_H

#include "devices/virtio/device.h"

/**
 * struct virtio_rng - An entropy device
 * @dev:	What all devices have
 * @req:	The request that is being filled [loop]
 */
struct virtio_rng {
	struct virtio_dev dev;
	struct queue_req req;
};

/**
 * virtio_rng_init() - Make an entropy device
 * @rng:	Filled; to be destroyed whatever the result
 * @mem:	Guest memory
 * @loop:	Serves it; does not run yet
 *
 * Return: 0 or a negative errno
 * #syscalls: eventfd2 epoll_ctl
 * #syscalls(loop): getrandom
 */
int virtio_rng_init(struct virtio_rng *rng, const struct guestmem *mem,
		    struct loop *loop);

/** virtio_rng_destroy() - Release it, even half-built; @loop does not run */
void virtio_rng_destroy(struct virtio_rng *rng);

#endif /* DEVICES_VIRTIO_RNG_H */
