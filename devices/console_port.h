/*
 * A port of the virtio console: two byte streams between a device file of the
 * guest and somebody on the host, each with an end (virtio 1.2, 5.3).
 *
 * Theory of operation. Bytes are moved by the one who has or wants them, and
 * straight from or into guest memory: the port asks its owner (input(),
 * output()) whenever it has a buffer of the guest to fill or to empty. An owner
 * that can do nothing now says so, is left alone, and says when it can.
 *
 * Either side opens and closes the port. What the host closes stays closed. The
 * guest may come and go:
 *
 *	guest opens		opened(true)
 *	guest writes		output() ... until it has taken all
 *	guest closes		the rest of its data: output() ... opened(false)
 *
 * Nothing is asked for before opened(true) or after opened(false). If the guest
 * opens the port again before its old data were taken, the owner sees neither
 * the end nor the new beginning.
 *
 * All of this happens on the loop that serves the device, and once that has
 * ended, on whichever thread ended it. A reset comes from a vCPU; it leaves a
 * mark and the loop does the rest when it next looks at the port.
 */
#ifndef DEVICES_CONSOLE_PORT_H
#define DEVICES_CONSOLE_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmm/base/iov.h"

struct queue_req;
struct virtio_dev;

enum { CONSOLE_PORT_NAME_LEN = 32 /* with its NUL */ };

/** enum console_message - What the driver is to be told, in this order */
enum console_message {
	CONSOLE_TELL_ADD,  /* the port exists */
	CONSOLE_TELL_OPEN, /* whether the host's side is open */
	CONSOLE_TELL_NAME, /* who finds the port by its name finds it open */
	CONSOLE_NUM_MESSAGES,
};

/**
 * struct console_port_ops - What the owner of a port does
 * @output:	Take bytes that the guest wrote from the front of @data. Returns
 *		how many were taken; 0 for "not now, I shall call
 *		console_port_resume_output()"; a negative errno if nobody will
 *		ever take them, which closes the port. NULL: all are thrown away
 * @input:	Put bytes for the guest to the front of @room, which is not
 *		empty. Returns how many; -EAGAIN for "not now, I shall call
 *		console_port_resume_input()"; 0 or another negative errno for
 *		"no more, ever", which closes the port. NULL: there never are
 *		any, but the port stays open
 * @opened:	The guest opened or closed the port. NULL: no matter
 *
 * Only what is returned counts; the cursors may be moved or not. A queue's lock
 * is held: of the functions below, only console_port_close() may be called.
 */
struct console_port_ops {
	ssize_t (*output)(void *opaque, struct iov_cursor *data);
	ssize_t (*input)(void *opaque, struct iov_cursor *room);
	void (*opened)(void *opaque, bool open);
};

/**
 * struct console_port - A port
 * @dev:	Its console [init, borrowed]
 * @rx_idx:	Queue with room for what the guest receives [init]
 * @tx_idx:	Queue with what the guest transmits [init]
 * @control_idx: Queue with room for messages to the driver [init]
 * @tx:		Storage for one request [lock of tx_idx, the console's]
 * @rx:		Storage for one request [lock of rx_idx, the console's]
 * @name:	Shown by the guest's /sys/class/virtio-ports/ [init]
 * @ops:	What the owner does [init, borrowed]
 * @opaque:	First argument of @ops [init, borrowed]
 * @was_reset:	The driver has gone, and the loop has not looked yet
 * @host_open:	The owner has not closed the port [loop]
 * @ready:	The driver knows the port [loop]
 * @guest_open:	What the driver said last [loop]
 * @told_open:	What opened() was told last [loop]
 * @readable:	input() may be asked [loop]
 * @writable:	output() may be asked [loop]
 * @pending:	Messages to be sent: BIT(enum console_message). As bits they
 *		cannot pile up, whatever the driver does [loop]
 * @tx_held:	@tx is a request that output() took in part [lock of tx_idx]
 * @rx_held:	@rx is a request that waits for input() [lock of rx_idx]
 */
struct console_port {
	struct virtio_dev *dev;
	unsigned int rx_idx;
	unsigned int tx_idx;
	unsigned int control_idx;
	struct queue_req *tx;
	struct queue_req *rx;
	char name[CONSOLE_PORT_NAME_LEN];
	const struct console_port_ops *ops;
	void *opaque;
	atomic_bool was_reset;
	bool host_open;
	bool ready;
	bool guest_open;
	bool told_open;
	bool readable;
	bool writable;
	unsigned int pending;
	bool tx_held;
	bool rx_held;
};

/* By the owner */

/**
 * console_port_resume_input() - There is something for input() to do again
 *
 * Return: true if more remains to be done; the loop will come back to it
 * #syscalls(loop): write
 */
bool console_port_resume_input(struct console_port *port);

/**
 * console_port_resume_output() - output() can take something again
 *
 * After the loop has ended, call it until it returns false to get what the
 * guest left behind.
 *
 * Return: true if more remains to be done; the loop will come back to it
 * #syscalls(loop): write
 */
bool console_port_resume_output(struct console_port *port);

/**
 * console_port_close() - The owner takes and gives no more
 *
 * For a reader in the guest this is the end of file, behind all that it was
 * given. What the guest still writes is thrown away.
 * #syscalls(loop): write
 */
void console_port_close(struct console_port *port);

/* By the device */

/** console_port_settle() - Do what a reset left to the loop; before all else */
void console_port_settle(struct console_port *port);

/**
 * console_port_tell() - Have a message sent to the driver
 *
 * #syscalls(loop): write
 */
void console_port_tell(struct console_port *port, enum console_message message);

/**
 * console_port_guest_opened() - The driver says that the guest opened or closed
 *
 * #syscalls(loop): write
 */
void console_port_guest_opened(struct console_port *port, bool open);

/**
 * console_port_serve_rx() - Have the guest's buffers filled
 * @port:	Port, its receive queue entered
 *
 * Return: true if it stopped for the others' sake, and kicked the queue
 * #syscalls(loop): write
 */
bool console_port_serve_rx(struct console_port *port);

/**
 * console_port_serve_tx() - Have the guest's data taken
 * @port:	Port, its transmit queue entered
 *
 * Return: true if it stopped for the others' sake, and kicked the queue
 * #syscalls(loop): write
 */
bool console_port_serve_tx(struct console_port *port);

#endif /* DEVICES_CONSOLE_PORT_H */
