/*
 * Fuzz target: the rings of a queue are whatever the input says.
 *
 * Build: clang -fsanitize=fuzzer,address,undefined
 *
 * The input begins with the flags and the size of the queue; the rest is put
 * over a small guest memory that holds rings, indirect tables and buffers.
 * Every segment that the queue hands out must lie in that memory, is read or
 * written to its last byte; or in a window, where nothing is and nobody looks.
 */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <string.h>

#include "devices/virtio/queue.h"
#include "vmm/base/bits.h"

enum {
	RAM_LEN = 0x4000,
	MAX_POPS = 64,
	MAX_TOUCH = 0x10000, /* bytes; a chain can name the same ones often */
};

/** struct input - Head of the input */
struct input {
	uint8_t size_log2;
	uint8_t features;
	uint8_t patience; /* requests that are pushed at once */
	uint8_t pad;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool lies_in(const struct guestmem_region *r, const struct iovec *iov)
{
	const char *at = iov->iov_base;

	return at >= r->hva && at < r->hva + r->len &&
	       iov->iov_len <= (size_t)(r->hva + r->len - at);
}

/* Segments must be memory, whatever the descriptors said. */
static void check_segments(const struct queue *q, const struct queue_req *req)
{
	assert(req->iov_cnt <= q->size);
	for (unsigned int i = 0; i < req->iov_cnt; i++)
		assert(lies_in(&q->mem->region[0], &req->iov[i]) ||
		       (q->windows &&
			lies_in(&q->mem->window[0], &req->iov[i])));
}

/* Read what can be read, write what can be written. */
static void touch(struct queue_req *req)
{
	char buf[64] = "written";
	size_t touched = 0;
	size_t n;

	for (; touched < MAX_TOUCH && req->readable.solid; touched += n) {
		n = MIN(sizeof(buf), req->readable.solid);
		assert(iov_take(&req->readable, buf, n));
	}
	for (; touched < MAX_TOUCH && req->writable.solid; touched += n) {
		n = MIN(sizeof(buf), req->writable.solid);
		assert(iov_put(&req->writable, buf, n));
	}
}

static void run(struct queue *q, const struct input *head)
{
	static struct queue_req req;
	int r = 1;

	for (unsigned int i = 0; i < MAX_POPS && r == 1; i++) {
		r = queue_pop(q, &req);
		assert(r == 1 || r == 0 || r == -EPROTO);
		assert((r == -EPROTO) == (q->state == QUEUE_BROKEN));
		if (r != 1)
			break;
		check_segments(q, &req);
		touch(&req);
		queue_push(q, &req, 0);
		if (i % (head->patience + 1) == 0)
			queue_should_signal(q);
		queue_enable_kicks(q);
		queue_disable_kicks(q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct guestmem mem;
	struct queue_config cfg = {.used = 0x3000};
	struct queue q = {0};
	struct input head;

	if (!mem.region_cnt &&
	    (guestmem_init(&mem, RAM_LEN) < 0 ||
	     guestmem_add_window(&mem, GUESTMEM_WINDOW_UNIT, 40, false) < 0))
		return 0;
	if (len < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head);
	len -= sizeof(head);
	cfg.size = 1U << (head.size_log2 % 8);
	cfg.avail = 16ULL * cfg.size;
	if (head.features & 1)
		cfg.features |= BIT(VIRTIO_RING_F_EVENT_IDX);
	if (head.features & 2)
		cfg.features |= BIT(VIRTIO_RING_F_INDIRECT_DESC);
	cfg.windows = head.features & 4;
	memset(guest_ptr(&mem, 0, RAM_LEN), 0, RAM_LEN);
	memcpy(guest_ptr(&mem, 0, RAM_LEN), data, MIN(len, RAM_LEN));
	if (queue_start(&q, &mem, &cfg) < 0)
		return 0;
	run(&q, &head);
	queue_stop(&q);
	return 0;
}
