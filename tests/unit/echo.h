/*
 * A virtio device for tests: it answers each request with "echo" and counts.
 */
#ifndef TESTS_UNIT_ECHO_H
#define TESTS_UNIT_ECHO_H

#include <time.h>

#include "devices/virtio/device.h"
#include "devices/virtio/mmio.h"
#include "tests/unit/driver.h"
#include "vmm/base/worker.h"

enum {
	ECHO_QUEUES = 2,
	ECHO_SIZE = 256,
	ECHO_FEATURE = 5, /* the only one of its own */
};

/**
 * struct echo - The device, in slot 0
 * @dev:	What all devices have
 * @mmio:	Its registers
 * @worker:	Its loop; to be run by loop_drain(), or started
 * @req:	Request in work
 * @delay:	Duration of each request
 * @meanwhile:	Called during each request; NULL: nothing
 * @busy:	Requests in work
 * @handled:	Requests done
 * @kicks:	Calls of kick()
 * @stops:	Calls of stop()
 */
struct echo {
	struct virtio_dev dev;
	struct virtio_mmio mmio;
	struct worker worker;
	struct queue_req req;
	struct timespec delay;
	void (*meanwhile)(struct echo *echo);
	_Atomic unsigned int busy;
	_Atomic unsigned int handled;
	_Atomic unsigned int kicks[ECHO_QUEUES];
	_Atomic unsigned int stops[ECHO_QUEUES];
};

/** echo_init() - Make the device and put it on the driver's bus; asserts */
void echo_init(struct echo *echo, struct driver *d);

/** echo_destroy() - Stop and release it */
void echo_destroy(struct echo *echo);

/** echo_ring_init() - Make a ring whose descriptors are one request each */
void echo_ring_init(struct ring *r, struct driver *d, unsigned int idx);

#endif /* TESTS_UNIT_ECHO_H */
