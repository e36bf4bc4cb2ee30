/*
 * Whether it pays to look at a ring for a moment before its server sleeps.
 *
 * A driver that waits for each reply sends its next request some microseconds
 * after it. Who sleeps in between is woken by a kick: an exit, two system calls
 * and twice the scheduler. Who looks on instead finds the request, and the
 * driver need not kick. But a look in vain keeps a processor busy for nothing,
 * and holds up the driver itself if there is only one.
 *
 * Theory of operation: a server looks on only while it finds something. It
 * begins when a request comes so soon after it went to sleep that it would have
 * found it, and ends with the first look in vain; then it waits for twice as
 * many such requests as the last time, until many looks in a row have found
 * something. So requests that come alone cost one look at most, now and then,
 * and an idle queue none.
 */
#ifndef DEVICES_VIRTIO_POLL_H
#define DEVICES_VIRTIO_POLL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	QUEUE_POLL_NS = 50000,	   /* longest look */
	QUEUE_POLL_SKIP_MAX = 255, /* most chances to let pass */
	QUEUE_POLL_GOOD = 16,	   /* looks in a row that prove that it pays */
};

/**
 * struct queue_poll - A queue's looks [queue's lock]
 * @allowed:	There is a processor for it
 * @on:		Look before sleeping
 * @found:	Looks in a row that found something
 * @skip:	Chances to let pass after the next look in vain
 * @left:	Chances still to let pass
 * @slept_ns:	When the server went to sleep; 0: it does not, or had work left
 */
struct queue_poll {
	bool allowed;
	bool on;
	unsigned int found;
	unsigned int skip;
	unsigned int left;
	uint64_t slept_ns;
};

/** queue_poll_sleeps() - The server goes to sleep at @now_ns */
void queue_poll_sleeps(struct queue_poll *poll, uint64_t now_ns);

/** queue_poll_woken() - A request came by a kick, at @now_ns */
void queue_poll_woken(struct queue_poll *poll, uint64_t now_ns);

/** queue_poll_looked() - A look ended, and a request was @found or not */
void queue_poll_looked(struct queue_poll *poll, bool found);

#endif /* DEVICES_VIRTIO_POLL_H */
