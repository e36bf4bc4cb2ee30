/*
 * virtio-console, the console device (virtio 1.2, 5.3): several named ports,
 * none of which is a terminal, and the messages that open and close them.
 */
#ifndef DEVICES_VIRTIO_CONSOLE_H
#define DEVICES_VIRTIO_CONSOLE_H

#include "devices/console_port.h"
#include "devices/virtio/device.h"

enum {
	/* stdin, stdout, stderr, one for control and one for more commands.
	 * Each costs two eventfds and two registered kicks, whether it is used
	 * or not.
	 */
	VIRTIO_CONSOLE_MAX_PORTS = 5,
	VIRTIO_CONSOLE_QUEUES = 2 + 2 * VIRTIO_CONSOLE_MAX_PORTS,
};

/**
 * struct virtio_console - Console device
 * @dev:	What every virtio device has
 * @loop:	Serves everything [init, borrowed]
 * @port:	The first @port_cnt are in use
 * @port_cnt:	Ports [init]
 * @req:	One request of each queue [its queue]
 */
struct virtio_console {
	struct virtio_dev dev;
	struct loop *loop;
	struct console_port port[VIRTIO_CONSOLE_MAX_PORTS];
	unsigned int port_cnt;
	struct queue_req req[VIRTIO_CONSOLE_QUEUES];
};

/**
 * virtio_console_init() - Make a console device without ports
 * @c:		Filled; to be destroyed whatever the result
 * @mem:	Guest memory
 * @loop:	Serves all queues; does not run yet, outlives @c
 *
 * Return: 0 or a negative errno
 * #syscalls: eventfd2 epoll_ctl
 */
int virtio_console_init(struct virtio_console *c, const struct guestmem *mem,
			struct loop *loop);

/** virtio_console_destroy() - Release a device whose loop does not run */
void virtio_console_destroy(struct virtio_console *c);

/**
 * virtio_console_add_port() - Declare the next port, before the loop runs
 * @c:		Console
 * @name:	Less than CONSOLE_PORT_NAME_LEN bytes; copied
 * @ops:	What the owner does; constant
 * @opaque:	First argument of @ops
 * @port:	Set to the port, which belongs to @c
 *
 * The first port is the guest's /dev/vport<n>p0. The host's side is open.
 *
 * Return: 0, -ENOSPC if there are VIRTIO_CONSOLE_MAX_PORTS ports, or another
 *	   negative errno
 * #syscalls: epoll_ctl
 */
int virtio_console_add_port(struct virtio_console *c, const char *name,
			    const struct console_port_ops *ops, void *opaque,
			    struct console_port **port);

#endif /* DEVICES_VIRTIO_CONSOLE_H */
