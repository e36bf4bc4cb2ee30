/*
 * The guest init's messages, cut out of the bytes of its control port.
 */
#include "vmm/control.h"

#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/iov.h"

static bool is_valid(const struct guest_msg *msg)
{
	return msg->magic == GUEST_MSG_MAGIC && msg->value <= 255 &&
	       msg->type >= GUEST_MSG_HELLO && msg->type <= GUEST_MSG_WARNING;
}

static void deliver(struct control *control)
{
	const struct guest_msg *msg = &control->msg;
	struct control_message message = {0};

	if (!is_valid(msg)) {
		control->deaf = true;
		return;
	}
	message.type = msg->type;
	message.clock_ns = msg->clock_ns;
	message.value = (int)msg->value;
	memcpy(message.text, msg->text, sizeof(msg->text));
	control->handle(control->opaque, &message);
}

void control_receive(struct control *control, const struct iov_cursor *bytes)
{
	struct iov_cursor from = *bytes;

	while (from.left) {
		size_t len =
			MIN(from.left, sizeof(control->msg) - control->have);

		iov_take(&from, (char *)&control->msg + control->have, len);
		control->have += len;
		if (control->have < sizeof(control->msg))
			return;
		control->have = 0;
		if (!control->deaf)
			deliver(control);
	}
}
