/*
 * What the guest's init and the monitor tell each other on the control port.
 */
#include "vmm/control.h"

#include <errno.h>
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

void control_signal(struct control *control, int sig, bool to_group)
{
	control->signals[to_group] |= BIT(sig);
}

void control_resize(struct control *control, uint32_t window)
{
	control->window = window;
	control->resized = true;
}

void control_hang_up(struct control *control)
{
	control->hung_up = true;
}

static void begin(struct control *control, enum guest_order_type type,
		  uint32_t value)
{
	control->order = (struct guest_order){
		.magic = GUEST_MSG_MAGIC,
		.type = type,
		.value = value,
	};
	control->order_left = sizeof(control->order);
}

/* Begin the next order; false if there is none. */
static bool begin_order(struct control *control)
{
	bool to_group = !control->signals[false];
	uint64_t *signals = &control->signals[to_group];

	if (control->resized) {
		control->resized = false;
		begin(control, GUEST_ORDER_WINDOW, control->window);
		return true;
	}
	if (control->hung_up) {
		control->hung_up = false;
		begin(control, GUEST_ORDER_HANG_UP, 0);
		return true;
	}
	if (!*signals)
		return false;
	begin(control, to_group ? GUEST_ORDER_SIGNAL_GROUP : GUEST_ORDER_SIGNAL,
	      (uint32_t)__builtin_ctzll(*signals));
	*signals &= *signals - 1;
	return true;
}

ssize_t control_give(struct control *control, const struct iov_cursor *room)
{
	const char *end = (const char *)(&control->order + 1);
	struct iov_cursor to = *room;

	while (to.left && (control->order_left || begin_order(control))) {
		size_t len = MIN(to.left, control->order_left);

		iov_put(&to, end - control->order_left, len);
		control->order_left -= len;
	}
	return to.left < room->left ? (ssize_t)(room->left - to.left) : -EAGAIN;
}

size_t control_receive(struct control *control, const struct iov_cursor *bytes)
{
	struct iov_cursor from = *bytes;
	size_t len = MIN(from.left, sizeof(control->msg) - control->have);

	if (control->deaf)
		return from.left;
	iov_take(&from, (char *)&control->msg + control->have, len);
	control->have += len;
	if (control->have == sizeof(control->msg)) {
		control->have = 0;
		deliver(control);
	}
	return len;
}
