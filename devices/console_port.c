/*
 * A port of the virtio console.
 *
 * Theory of operation: nobody holds two queues' locks, so what happens on one
 * queue and has to be continued on another is left in the port's state, and
 * the other queue is kicked.
 */
#include "devices/console_port.h"

#include <assert.h>
#include <errno.h>

#include "devices/virtio/device.h"
#include "vmm/base/bits.h"

static void tell_owner(struct console_port *port, bool open)
{
	if (port->told_open == open)
		return;
	port->told_open = open;
	if (port->ops->opened)
		port->ops->opened(port->opaque, open);
}

void console_port_settle(struct console_port *port)
{
	if (!atomic_exchange(&port->was_reset, false))
		return;
	port->ready = false;
	port->pending = 0;
	port->guest_open = false;
	tell_owner(port, false);
}

void console_port_tell(struct console_port *port, enum console_message message)
{
	port->pending |= BIT(message);
	virtio_dev_kick(port->dev, port->control_idx);
}

void console_port_close(struct console_port *port)
{
	if (!port->host_open)
		return;
	port->host_open = false;
	/* A driver that does not know the port is told when it does. */
	if (port->ready)
		console_port_tell(port, CONSOLE_TELL_OPEN);
	virtio_dev_kick(port->dev, port->tx_idx);
}

/* A port that is closed before its data were taken stays open for the owner
 * until they are: see console_port_serve_tx().
 */
void console_port_guest_opened(struct console_port *port, bool open)
{
	port->guest_open = open;
	if (open) {
		tell_owner(port, true);
		virtio_dev_kick(port->dev, port->rx_idx);
	}
	virtio_dev_kick(port->dev, port->tx_idx);
}

/* Offer the rest of the held request to the owner. */
static void transmit(struct console_port *port)
{
	struct iov_cursor data = port->tx->readable;
	ssize_t n = (ssize_t)data.left;

	if (port->host_open && port->ops->output && data.left)
		n = port->ops->output(port->opaque, &data);
	if (n < 0) {
		console_port_close(port);
		n = (ssize_t)port->tx->readable.left;
	}
	assert((size_t)n <= port->tx->readable.left);
	iov_skip(&port->tx->readable, (size_t)n);
	if (!port->tx->readable.left) {
		virtio_dev_push(port->dev, port->tx_idx, port->tx, 0);
		port->tx_held = false;
	} else if (!n) {
		port->writable = false;
	}
}

bool console_port_serve_tx(struct console_port *port)
{
	for (unsigned int i = 0; i < VIRTIO_MAX_BATCH; i++) {
		if (!port->told_open || (port->host_open && !port->writable))
			return false;
		if (!port->tx_held)
			port->tx_held = virtio_dev_pop(port->dev, port->tx_idx,
						       port->tx);
		if (port->tx_held) {
			transmit(port);
		} else if (!virtio_dev_want_kick(port->dev, port->tx_idx)) {
			tell_owner(port, port->guest_open);
			return false;
		}
	}
	virtio_dev_kick(port->dev, port->tx_idx);
	return true;
}

/* Offer the held request to the owner. */
static void receive(struct console_port *port)
{
	struct iov_cursor room = port->rx->writable;
	bool asked = room.left;
	ssize_t n = 0;

	/* A request without room is not worth asking: 0 would mean the end. */
	if (asked)
		n = port->ops->input(port->opaque, &room);
	if (n == -EAGAIN) {
		port->readable = false;
	} else if (asked && n <= 0) {
		console_port_close(port);
	} else {
		assert((size_t)n <= port->rx->writable.left);
		virtio_dev_push(port->dev, port->rx_idx, port->rx, (uint32_t)n);
		port->rx_held = false;
	}
}

bool console_port_serve_rx(struct console_port *port)
{
	for (unsigned int i = 0; i < VIRTIO_MAX_BATCH; i++) {
		if (!port->guest_open || !port->host_open || !port->readable)
			return false;
		if (!port->rx_held)
			port->rx_held = virtio_dev_pop(port->dev, port->rx_idx,
						       port->rx);
		if (port->rx_held)
			receive(port);
		else if (!virtio_dev_want_kick(port->dev, port->rx_idx))
			return false;
	}
	virtio_dev_kick(port->dev, port->rx_idx);
	return true;
}

bool console_port_resume_input(struct console_port *port)
{
	bool more = false;

	console_port_settle(port);
	port->readable = port->ops->input;
	if (virtio_dev_enter(port->dev, port->rx_idx)) {
		more = console_port_serve_rx(port);
		virtio_dev_leave(port->dev, port->rx_idx);
	}
	return more;
}

bool console_port_resume_output(struct console_port *port)
{
	bool more = false;

	console_port_settle(port);
	port->writable = true;
	if (virtio_dev_enter(port->dev, port->tx_idx)) {
		more = console_port_serve_tx(port);
		virtio_dev_leave(port->dev, port->tx_idx);
	}
	return more;
}
