/*
 * The guest init's messages (boot/guest/abi.h), cut out of the bytes of its
 * control port and checked.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

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
 */
struct control {
	void (*handle)(void *opaque, const struct control_message *message);
	void *opaque;
	struct guest_msg msg;
	size_t have;
	bool deaf;
};

/**
 * control_receive() - Take bytes of the control port
 * @control:	Port
 * @bytes:	From the guest; all are taken
 */
void control_receive(struct control *control, const struct iov_cursor *bytes);

#endif /* VMM_CONTROL_H */
