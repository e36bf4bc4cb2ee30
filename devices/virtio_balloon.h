/*
 * virtio-balloon, the memory balloon device (virtio 1.2, 5.5): free page
 * reporting.
 */
#ifndef DEVICES_VIRTIO_BALLOON_H
#define DEVICES_VIRTIO_BALLOON_H

#include "devices/virtio/device.h"

/**
 * struct virtio_balloon - A balloon device
 * @dev:	What all devices have
 * @req:	The request that is being served [loop]
 */
struct virtio_balloon {
	struct virtio_dev dev;
	struct queue_req req;
};

/**
 * virtio_balloon_init() - Make a balloon device
 * @balloon:	Filled; to be destroyed whatever the result
 * @mem:	Guest memory; its RAM gets smaller in the host and stays what it
 *		is in the guest
 * @loop:	Serves it; does not run yet
 *
 * Return: 0 or a negative errno
 * #syscalls: eventfd2 epoll_ctl
 * #syscalls(loop): madvise(MADV_DONTNEED)
 */
int virtio_balloon_init(struct virtio_balloon *balloon,
			const struct guestmem *mem, struct loop *loop);

/** virtio_balloon_destroy() - Release it, even half-built; @loop does not run
 */
void virtio_balloon_destroy(struct virtio_balloon *balloon);

#endif /* DEVICES_VIRTIO_BALLOON_H */
