/*
 * Whether it pays to look at a ring for a moment before its server sleeps.
 */
#include "devices/virtio/poll.h"

void queue_poll_sleeps(struct queue_poll *poll, uint64_t now_ns)
{
	poll->slept_ns = now_ns;
}

void queue_poll_woken(struct queue_poll *poll, uint64_t now_ns)
{
	uint64_t slept_ns = poll->slept_ns;

	poll->slept_ns = 0;
	if (!slept_ns || now_ns - slept_ns > QUEUE_POLL_NS)
		return;
	if (poll->left)
		poll->left--;
	else
		poll->on = poll->allowed;
}

void queue_poll_looked(struct queue_poll *poll, bool found)
{
	if (found) {
		if (++poll->found == QUEUE_POLL_GOOD)
			poll->skip = 0;
		return;
	}
	poll->on = false;
	poll->found = 0;
	poll->skip = poll->skip * 2 + 1;
	if (poll->skip > QUEUE_POLL_SKIP_MAX)
		poll->skip = QUEUE_POLL_SKIP_MAX;
	poll->left = poll->skip;
}
