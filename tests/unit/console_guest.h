/*
 * A guest's console driver played by a test: control messages, and ports that
 * are written and read like the guest's device files.
 */
#ifndef TESTS_UNIT_CONSOLE_GUEST_H
#define TESTS_UNIT_CONSOLE_GUEST_H

#include <linux/virtio_console.h>

#include "devices/virtio/mmio.h"
#include "devices/virtio_console.h"
#include "tests/unit/driver.h"

enum {
	GUEST_QUEUES = VIRTIO_CONSOLE_QUEUES,
	GUEST_RING_SIZE = 8,
	GUEST_BUF_LEN = 4096,
	GUEST_CONTROL_RX = 2,
	GUEST_CONTROL_TX = 3,
};

/**
 * struct guest_message - What the device told the driver
 * @control:	Header
 * @name:	What was behind it, as a string
 */
struct guest_message {
	struct virtio_console_control control;
	char name[64];
};

/**
 * struct console_guest - A guest with a console in slot 0
 * @driver:	Memory and bus
 * @mmio:	Registers of @console
 * @loop:	Serves @console
 * @console:	The device
 * @ring:	All its queues
 * @seen:	Used elements that were looked at, for each queue
 * @rx_at:	Bytes of the oldest filled buffer that were read, for each queue
 */
struct console_guest {
	struct driver driver;
	struct virtio_mmio mmio;
	struct loop loop;
	struct virtio_console console;
	struct ring ring[GUEST_QUEUES];
	uint16_t seen[GUEST_QUEUES];
	uint32_t rx_at[GUEST_QUEUES];
};

/** guest_init() - Make memory, bus, loop and a console without ports */
void guest_init(struct console_guest *g);

/** guest_destroy() - Release it */
void guest_destroy(struct console_guest *g);

/** guest_start() - Load the driver: reset, all queues, DRIVER_OK, no buffers */
void guest_start(struct console_guest *g);

/** guest_fill() - Offer @cnt buffers on a queue that the device writes to */
void guest_fill(struct console_guest *g, unsigned int idx, unsigned int cnt);

/** guest_connect() - Start, say hello, and open port @id; the usual exchange */
void guest_connect(struct console_guest *g, unsigned int id);

/** guest_send() - Send a control message; true if the device took it */
bool guest_send(struct console_guest *g, uint32_t id, uint16_t event,
		uint16_t value);

/** guest_send_bytes() - Send anything as a control message */
bool guest_send_bytes(struct console_guest *g, const void *bytes, uint32_t len);

/** guest_hear() - The next message from the device; false if there is none */
bool guest_hear(struct console_guest *g, struct guest_message *msg);

/** guest_hear_all() - Take messages until there are none; returns how many */
unsigned int guest_hear_all(struct console_guest *g);

/** guest_rx() - Queue that port @id of the guest receives on */
unsigned int guest_rx(unsigned int id);

/** guest_tx() - Queue that port @id of the guest transmits on */
unsigned int guest_tx(unsigned int id);

/**
 * guest_write() - What a write to the port's device file does
 *
 * Return: bytes put into the ring, at most GUEST_BUF_LEN; 0 if it is full
 */
size_t guest_write(struct console_guest *g, unsigned int id, const void *data,
		   size_t len);

/** guest_write_text() - Write a few bytes, and let the device take them */
void guest_write_text(struct console_guest *g, unsigned int id,
		      const char *text);

/** guest_unwritten() - Writes that the device has not given back yet */
unsigned int guest_unwritten(const struct console_guest *g, unsigned int id);

/**
 * guest_read() - What a read from the port's device file does
 *
 * Return: bytes, 0 if there are none
 */
size_t guest_read(struct console_guest *g, unsigned int id, void *buf,
		  size_t len);

/** guest_needs_reset() - Has the device given up? */
bool guest_needs_reset(const struct console_guest *g);

/** guest_run() - Let the device do all that it can do now */
void guest_run(struct console_guest *g);

#endif /* TESTS_UNIT_CONSOLE_GUEST_H */
