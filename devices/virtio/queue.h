/*
 * The split virtqueue, seen from the device (virtio 1.2, 2.7).
 *
 * A queue is three areas in guest memory. The driver owns the first two and the
 * device the third; each side only reads what the other one owns:
 *
 *    descriptor table                available ring        used ring
 *    written by the driver           by the driver         by the device
 *    addr     len  flags  next       flags  idx            flags  idx
 *  0 [......|.....|......|....]      [ 0 ] [ 7 ]           [ 0 ] [ 6 ]
 *  1 [0x8000|   40| NEXT |  3 ]<--+    :     |               :     |
 *  2 [......|.....|......|....]   |  ring[ ] v             ring[ ] v
 *  3 [0x9000| 4096| WRITE|    ]   |  0  1  2  3 ...        0  1  2  3 ...
 *        ^                        +--------[1]               [id=1,len=96]
 *        |                                                        |
 *        +-- the chain 1 -> 3 is one request, its head is 1 ------+
 *                                    used_event            avail_event
 *
 * 1. The driver writes a chain of descriptors: first those that the device
 *    reads, then those that it writes (VRING_DESC_F_WRITE).
 * 2. It puts the head into ring[idx % size] of the available ring, adds one to
 *    idx, and kicks unless the device asked it not to.
 * 3. The device takes the chain (queue_pop()), does the work, and puts (head,
 *    bytes written) into ring[idx % size] of the used ring (queue_push()), adds
 *    one to idx, and interrupts unless the driver asked it not to.
 *
 * Both idx run freely through all 16 bits. A descriptor with
 * VRING_DESC_F_INDIRECT holds no data: its buffer is a table of descriptors
 * that ends the chain.
 *
 * "Do not disturb" has two forms. Without VIRTIO_RING_F_EVENT_IDX it is bit 0
 * of flags in one's own ring. With it, each side writes the idx whose passing
 * it wants to hear of behind its own ring (used_event, avail_event).
 *
 * Theory of operation: what the guest writes may change at any moment, so a
 * descriptor is copied once, the copy is checked, and only the copy is used.
 * Whoever breaks a rule of the ring breaks the ring: no attempt is made to
 * guess what was meant. The caller serializes all calls for one queue.
 *
 * Rings and indirect tables are in RAM. So are buffers, unless the device says
 * that it moves data by system calls only: then a buffer may be in a window
 * (guestmem.h), and a request's cursors are solid up to the first that is.
 */
#ifndef DEVICES_VIRTIO_QUEUE_H
#define DEVICES_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/guestmem.h"
#include "vmm/base/iov.h"

struct vring_desc;
struct vring_avail;
struct vring_used;

/* Most entries of a ring, hence most segments of a request: enough for a
 * transfer of 1 MiB in single pages and a header, in any rounding.
 */
enum { QUEUE_MAX_SIZE = 1024 };

/**
 * enum queue_state - What may be done with a queue
 * @QUEUE_OFF:	  No rings. Only queue_start(); everything else finds nothing to
 *		  do. Zeroed memory is in this state
 * @QUEUE_READY:  Rings were checked. Everything but queue_start()
 * @QUEUE_BROKEN: The driver broke a rule; @why says which. queue_pop() fails,
 *		  pushed requests are dropped, nobody is signalled. Only
 *		  queue_stop() leads out
 */
enum queue_state {
	QUEUE_OFF,
	QUEUE_READY,
	QUEUE_BROKEN,
	QUEUE_NUM_STATES,
};

/**
 * struct queue_config - What the driver said about a queue, unchecked, and
 *			 what the device did
 * @size:	Entries of each ring
 * @desc:	Descriptor table
 * @avail:	Available ring, "driver area"
 * @used:	Used ring, "device area"
 * @features:	Negotiated features; only the ring's own bits matter
 * @windows:	The device's: buffers may be in windows
 */
struct queue_config {
	uint32_t size;
	gpa_t desc;
	gpa_t avail;
	gpa_t used;
	uint64_t features;
	bool windows;
};

/**
 * struct queue - A split virtqueue [caller's lock]
 * @state:	See there
 * @why:	Constant text: the rule that was broken, if BROKEN
 * @mem:	Guest memory [borrowed]
 * @size:	Entries, a power of two
 * @event_idx:	VIRTIO_RING_F_EVENT_IDX was negotiated
 * @indirect:	VIRTIO_RING_F_INDIRECT_DESC was negotiated
 * @windows:	Buffers may be in windows
 * @desc:	Host address of the table; guest-written
 * @avail:	Host address of the ring; guest-written
 * @used:	Host address of the ring; the guest should only read it
 * @next_avail:	Index of the next request to take
 * @next_used:	Index of the next request to give back
 * @told_used:	@next_used at the last queue_should_signal()
 */
struct queue {
	enum queue_state state;
	const char *why;
	const struct guestmem *mem;
	uint16_t size;
	bool event_idx;
	bool indirect;
	bool windows;
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t told_used;
};

/**
 * struct queue_req - A request, between queue_pop() and queue_push()
 * @head:	Names the request on the ring
 * @readable:	What the driver sent
 * @writable:	Room for the answer
 * @iov_cnt:	Segments in use
 * @iov:	Segments, host addresses: the readable ones first
 *
 * 16 KiB: part of its device's state, not of a stack. The cursors point into
 * the same object, so it cannot be copied.
 */
struct queue_req {
	uint16_t head;
	struct iov_cursor readable;
	struct iov_cursor writable;
	unsigned int iov_cnt;
	struct iovec iov[QUEUE_MAX_SIZE];
};

/**
 * queue_start() - Check what the driver said about the rings and use them
 * @q:		Queue, OFF; READY afterwards, unless an error is returned
 * @mem:	Guest memory, outlives @q
 * @cfg:	From the driver, unchecked
 *
 * Return: 0; -EINVAL if the size is no power of two up to QUEUE_MAX_SIZE or an
 *	   area is misaligned (virtio 1.2, 2.7: 16, 2, 4 bytes); -EFAULT if an
 *	   area is not RAM or two of them overlap
 */
int queue_start(struct queue *q, const struct guestmem *mem,
		const struct queue_config *cfg);

/** queue_stop() - Forget the rings; in any state, OFF afterwards */
void queue_stop(struct queue *q);

/**
 * queue_pop() - Take the next request (virtio 1.2, 2.7.13)
 * @q:		Queue
 * @req:	Filled with checked, host-mapped segments, valid to queue_push()
 *		or queue_stop()
 *
 * Descriptors of no bytes are legal and leave no segment: a request can have
 * none at all.
 *
 * Return: 1 with @req set; 0 if the ring is empty or OFF; -EPROTO if the driver
 *	   broke the rules (@q is then BROKEN and stays so until queue_stop())
 */
int queue_pop(struct queue *q, struct queue_req *req);

/** queue_has_next() - Is there a request to pop, or a ring to break by it? */
bool queue_has_next(const struct queue *q);

/**
 * queue_push() - Give a request back on the used ring (virtio 1.2, 2.7.14)
 * @q:		Queue; unless READY, nothing happens
 * @req:	Taken by queue_pop() from @q since it was started
 * @written_len: Bytes that were written to the front of @req->writable
 */
void queue_push(struct queue *q, const struct queue_req *req,
		uint32_t written_len);

/** queue_push_head() - The same of a request whose head is all that is left */
void queue_push_head(struct queue *q, uint16_t head, uint32_t written_len);

/**
 * queue_should_signal() - Does the driver want to hear of what was pushed?
 * @q:		Queue
 *
 * To be asked once for any number of pushed requests: the answer covers all
 * since it was last asked (virtio 1.2, 2.7.7.2).
 *
 * Return: true if an interrupt is due
 */
bool queue_should_signal(struct queue *q);

/**
 * queue_disable_kicks() - Tell the driver that nobody needs to be woken
 *
 * A hint (virtio 1.2, 2.7.10): kicks can still come.
 */
void queue_disable_kicks(struct queue *q);

/**
 * queue_enable_kicks() - Ask the driver to kick for its next request
 * @q:		Queue
 *
 * Return: true if a request came before the driver could see this: there will
 *	   be no kick for it, so take it now
 */
bool queue_enable_kicks(struct queue *q);

#endif /* DEVICES_VIRTIO_QUEUE_H */
