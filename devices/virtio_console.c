/*
 * virtio-console, the console device (virtio 1.2, 5.3).
 *
 * Theory of operation: this file is about queues 2 and 3, on which driver and
 * device talk about ports; console_port.c does what happens on the ports' own
 * queues. A start goes like this (5.3.6.2; the last two in this order so that
 * a guest that finds a port by its name finds it open):
 *
 *	driver			device
 *	DEVICE_READY
 *				PORT_ADD, for each port
 *	PORT_READY, for each
 *				PORT_OPEN, PORT_NAME
 *	PORT_OPEN, when a process opens the device file
 *
 * Messages to the driver wait as bits in their port until the driver offers a
 * buffer.
 */
#include "devices/virtio_console.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bits.h"

/* Queues (virtio 1.2, 5.3.2): two for port 0, two for messages, two for port 1
 * and so on. "rx" and "tx" are the driver's words: it receives and transmits.
 */
enum {
	CONTROL_RX = 2,
	CONTROL_TX = 3,
	/* What Linux fills with pages for each port that exists, and with up
	 * to 32 KiB each for what a process has written.
	 */
	CONSOLE_QUEUE_SIZE = 64,
};

static unsigned int rx_of(unsigned int id)
{
	return id ? 2 * id + 2 : 0;
}

static struct console_port *port_of(struct virtio_console *c, unsigned int idx)
{
	return &c->port[idx > CONTROL_TX ? idx / 2 - 1 : 0];
}

/* Messages from the driver */

static void on_device_ready(struct virtio_console *c, struct console_port *port,
			    uint16_t value)
{
	(void)port;
	for (unsigned int i = 0; value && i < c->port_cnt; i++)
		console_port_tell(&c->port[i], CONSOLE_TELL_ADD);
}

static void on_port_ready(struct virtio_console *c, struct console_port *port,
			  uint16_t value)
{
	(void)c;
	port->ready = value;
	if (!value)
		return;
	console_port_tell(port, CONSOLE_TELL_OPEN);
	console_port_tell(port, CONSOLE_TELL_NAME);
}

static void on_port_open(struct virtio_console *c, struct console_port *port,
			 uint16_t value)
{
	(void)c;
	console_port_guest_opened(port, value);
}

/* Messages by event (5.3.6.2). The others are for the driver only. */
static const struct {
	const char *name;
	bool about_port;
	void (*handle)(struct virtio_console *c, struct console_port *port,
		       uint16_t value);
} messages[] = {
	[VIRTIO_CONSOLE_DEVICE_READY] = {"DEVICE_READY", false,
					 on_device_ready},
	[VIRTIO_CONSOLE_PORT_ADD] = {"PORT_ADD", true, NULL},
	[VIRTIO_CONSOLE_PORT_REMOVE] = {"PORT_REMOVE", true, NULL},
	[VIRTIO_CONSOLE_PORT_READY] = {"PORT_READY", true, on_port_ready},
	[VIRTIO_CONSOLE_CONSOLE_PORT] = {"CONSOLE_PORT", true, NULL},
	[VIRTIO_CONSOLE_RESIZE] = {"RESIZE", true, NULL},
	[VIRTIO_CONSOLE_PORT_OPEN] = {"PORT_OPEN", true, on_port_open},
	[VIRTIO_CONSOLE_PORT_NAME] = {"PORT_NAME", true, NULL},
};

static_assert(ARRAY_SIZE(messages) == VIRTIO_CONSOLE_PORT_NAME + 1,
	      "one row for each message of the specification");

/* What is too short, about no port or not for us is ignored. */
static uint32_t take_message(struct virtio_dev *dev, unsigned int idx,
			     struct queue_req *req)
{
	struct virtio_console *c =
		CONTAINER_OF(dev, struct virtio_console, dev);
	struct console_port *port = NULL;
	struct virtio_console_control msg;
	uint32_t id;
	uint16_t event;

	(void)idx;
	if (!iov_take(&req->readable, &msg, sizeof(msg)))
		return 0;
	id = le32toh(msg.id);
	event = le16toh(msg.event);
	if (event >= ARRAY_SIZE(messages) || !messages[event].handle)
		return 0;
	if (messages[event].about_port) {
		if (id >= c->port_cnt)
			return 0;
		port = &c->port[id];
	}
	messages[event].handle(c, port, le16toh(msg.value));
	return 0;
}

/* Messages to the driver */

static size_t write_message(const struct console_port *port, unsigned int id,
			    enum console_message message, char *buf)
{
	static const uint16_t event_of[] = {
		[CONSOLE_TELL_ADD] = VIRTIO_CONSOLE_PORT_ADD,
		[CONSOLE_TELL_OPEN] = VIRTIO_CONSOLE_PORT_OPEN,
		[CONSOLE_TELL_NAME] = VIRTIO_CONSOLE_PORT_NAME,
	};
	struct virtio_console_control msg = {
		.id = htole32(id),
		.event = htole16(event_of[message]),
		.value = htole16(1),
	};
	size_t name_len = 0;

	static_assert(ARRAY_SIZE(event_of) == CONSOLE_NUM_MESSAGES,
		      "one event for each message");
	if (message == CONSOLE_TELL_OPEN)
		msg.value = htole16(port->host_open);
	if (message == CONSOLE_TELL_NAME)
		name_len = strlen(port->name);
	memcpy(buf, &msg, sizeof(msg));
	memcpy(buf + sizeof(msg), port->name, name_len);
	return sizeof(msg) + name_len;
}

/* Send one message. False if the driver has no buffer for it now; it is kicked
 * for the next one then.
 */
static bool send_message(struct virtio_console *c, unsigned int id,
			 enum console_message message)
{
	struct console_port *port = &c->port[id];
	char buf[sizeof(struct virtio_console_control) + CONSOLE_PORT_NAME_LEN];
	size_t len = write_message(port, id, message, buf);

	while (!virtio_dev_pop(&c->dev, CONTROL_RX, &c->req[CONTROL_RX])) {
		if (!virtio_dev_want_kick(&c->dev, CONTROL_RX))
			return false;
	}
	if (!iov_put(&c->req[CONTROL_RX].writable, buf, len)) {
		virtio_dev_break(&c->dev, CONTROL_RX,
				 "no room for a message in its buffer");
		return false;
	}
	port->pending &= ~(unsigned int)BIT(message);
	virtio_dev_push(&c->dev, CONTROL_RX, &c->req[CONTROL_RX],
			(uint32_t)len);
	return true;
}

static void send_messages(struct virtio_console *c)
{
	for (unsigned int id = 0; id < c->port_cnt; id++) {
		for (unsigned int m = 0; m < CONSOLE_NUM_MESSAGES; m++) {
			if (c->port[id].pending & BIT(m) &&
			    !send_message(c, id, m))
				return;
		}
	}
}

static void kick(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_console *c =
		CONTAINER_OF(dev, struct virtio_console, dev);

	for (unsigned int i = 0; i < c->port_cnt; i++)
		console_port_settle(&c->port[i]);
	if (idx == CONTROL_RX)
		send_messages(c);
	else if (idx == CONTROL_TX)
		virtio_dev_serve(dev, idx, &c->req[idx], take_message);
	else if (idx % 2)
		console_port_serve_tx(port_of(c, idx));
	else
		console_port_serve_rx(port_of(c, idx));
}

/* One queue that stops takes its device along, as far as the ports know. */
static void stop(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_console *c =
		CONTAINER_OF(dev, struct virtio_console, dev);

	for (unsigned int i = 0; i < c->port_cnt; i++)
		atomic_store(&c->port[i].was_reset, true);
	if (idx == CONTROL_RX || idx == CONTROL_TX)
		return;
	if (idx % 2)
		port_of(c, idx)->tx_held = false;
	else
		port_of(c, idx)->rx_held = false;
}

static const struct virtio_class console_class = {
	.name = "virtio-console",
	.id = VIRTIO_ID_CONSOLE,
	.features = BIT(VIRTIO_CONSOLE_F_MULTIPORT),
	.queue_cnt = VIRTIO_CONSOLE_QUEUES,
	.queue_size = CONSOLE_QUEUE_SIZE,
	.kick = kick,
	.stop = stop,
};

static void update_config(struct virtio_console *c)
{
	struct virtio_console_config config = {
		.max_nr_ports = htole32(c->port_cnt),
	};

	virtio_dev_set_config(&c->dev, &config, sizeof(config));
}

int virtio_console_init(struct virtio_console *c, const struct guestmem *mem,
			struct loop *loop)
{
	int err;

	c->loop = loop;
	c->port_cnt = 0;
	err = virtio_dev_init(&c->dev, &console_class, mem);
	if (err)
		return err;
	update_config(c);
	err = virtio_dev_attach(&c->dev, CONTROL_RX, loop);
	return err ? err : virtio_dev_attach(&c->dev, CONTROL_TX, loop);
}

void virtio_console_destroy(struct virtio_console *c)
{
	virtio_dev_destroy(&c->dev);
}

int virtio_console_add_port(struct virtio_console *c, const char *name,
			    const struct console_port_ops *ops, void *opaque,
			    struct console_port **port)
{
	unsigned int id = c->port_cnt;
	struct console_port *p = &c->port[id];
	int err;

	if (id == VIRTIO_CONSOLE_MAX_PORTS)
		return -ENOSPC;
	*p = (struct console_port){
		.dev = &c->dev,
		.rx_idx = rx_of(id),
		.tx_idx = rx_of(id) + 1,
		.control_idx = CONTROL_RX,
		.rx = &c->req[rx_of(id)],
		.tx = &c->req[rx_of(id) + 1],
		.ops = ops,
		.opaque = opaque,
		.host_open = true,
		.readable = ops->input,
		.writable = true,
	};
	snprintf(p->name, sizeof(p->name), "%s", name);
	err = virtio_dev_attach(&c->dev, p->rx_idx, c->loop);
	if (err)
		return err;
	err = virtio_dev_attach(&c->dev, p->tx_idx, c->loop);
	if (err)
		return err;
	c->port_cnt++;
	update_config(c);
	*port = p;
	return 0;
}
