/*
 * What the guest's init and the monitor tell each other on the control port
 * (boot/guest/abi.h): its messages, cut out of bytes and checked, and orders.
 *
 * Theory of operation: orders that wait are bits, as pending signals of a
 * process are. They cannot pile up, whether the guest reads its port or not.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "boot/guest/abi.h"

struct iov_cursor;

/**
 * struct control_message - A message in the monitor's own terms
 * @type:	One of enum guest_msg_type
 * @clock_ns:	Guest's CLOCK_MONOTONIC
 * @value:	Exit status, 0 to 255
 * @text:	One line, NUL terminated
 */
struct control_message {
	enum guest_msg_type type;
	uint64_t clock_ns;
	int value;
	char text[GUEST_MSG_TEXT_LEN + 1];
};

/**
 * struct control - A control port [loop]
 * @handle:	Called for each message
 * @opaque:	First argument of @handle
 * @msg:	What came of the next message
 * @have:	Bytes in @msg
 * @deaf:	The guest sent garbage: nothing it says counts any more
 * @window:	GUEST_WINDOW() to be told if @resized
 * @resized:	It has changed
 * @hung_up:	To be told that the terminal's user has gone
 * @signals:	To be passed on, BIT(number): to the command, to its group
 * @order:	Given to the guest but for its last @order_left bytes
 * @order_left:	0: no order was begun
 */
struct control {
	void (*handle)(void *opaque, const struct control_message *message);
	void *opaque;
	struct guest_msg msg;
	size_t have;
	bool deaf;
	uint32_t window;
	bool resized;
	bool hung_up;
	uint64_t signals[2];
	struct guest_order order;
	size_t order_left;
};

/**
 * control_receive() - Take bytes of the control port, up to a message's end
 * @control:	Port
 * @bytes:	From the guest, not empty; as many as it likes, and others have
 *		a turn in between
 *
 * Return: how many were taken, not 0
 */
size_t control_receive(struct control *control, const struct iov_cursor *bytes);

/**
 * control_signal() - Have a signal passed on
 * @control:	Port
 * @sig:	1 to 63
 * @to_group:	To all of the command's process group
 */
void control_signal(struct control *control, int sig, bool to_group);

/** control_resize() - Have the command's terminal get a GUEST_WINDOW() */
void control_resize(struct control *control, uint32_t window);

/** control_hang_up() - Have the command's terminal closed */
void control_hang_up(struct control *control);

/**
 * control_give() - Put orders that wait into a buffer of the guest
 * @control:	Port
 * @room:	Not empty; of any size
 *
 * Return: bytes put there, or -EAGAIN if there are none
 */
ssize_t control_give(struct control *control, const struct iov_cursor *room);

#endif /* VMM_CONTROL_H */
