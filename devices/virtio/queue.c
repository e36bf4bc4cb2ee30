/*
 * The split virtqueue, seen from the device (virtio 1.2, 2.7).
 */
#include "devices/virtio/queue.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "vmm/base/bits.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "rings are little-endian and read as they are");

/* Virtio 1.2, 2.7.5: no chain may be longer than this. */
#define CHAIN_MAX_LEN BIT(32)

/* 16-bit fields that both sides look at; order is added where it matters. */
static uint16_t load16(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin does write. */
static void store16(uint16_t *field, uint16_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

/* Where the driver says which used index it waits for (virtio 1.2, 2.7.7). */
static uint16_t used_event(const struct queue *q)
{
	return load16(&q->avail->ring[q->size]);
}

/* Where the device says which available index it waits for (2.7.10). */
static void set_avail_event(struct queue *q, uint16_t idx)
{
	store16((uint16_t *)&q->used->ring[q->size], idx);
}

/** struct area - One of the three parts of a queue */
struct area {
	gpa_t gpa;
	uint64_t len;
	uint64_t align;
	void *hva;
};

/* The areas are all in memory, so that their ends do not wrap. */
static bool areas_overlap(const struct area *a, const struct area *b)
{
	return a->gpa < b->gpa + b->len && b->gpa < a->gpa + a->len;
}

/* Find the areas' host addresses. */
static int map_areas(const struct guestmem *mem, struct area *area,
		     unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++) {
		if (area[i].gpa % area[i].align)
			return -EINVAL;
		area[i].hva = guest_ptr(mem, area[i].gpa, area[i].len);
		if (!area[i].hva)
			return -EFAULT;
		for (unsigned int j = 0; j < i; j++) {
			if (areas_overlap(&area[i], &area[j]))
				return -EFAULT;
		}
	}
	return 0;
}

int queue_start(struct queue *q, const struct guestmem *mem,
		const struct queue_config *cfg)
{
	/* Each ring ends with the other side's event index. */
	struct area area[] = {
		{.gpa = cfg->desc,
		 .len = (uint64_t)cfg->size * sizeof(struct vring_desc),
		 .align = VRING_DESC_ALIGN_SIZE},
		{.gpa = cfg->avail,
		 .len = sizeof(struct vring_avail) +
			(uint64_t)cfg->size * sizeof(uint16_t) +
			sizeof(uint16_t),
		 .align = VRING_AVAIL_ALIGN_SIZE},
		{.gpa = cfg->used,
		 .len = sizeof(struct vring_used) +
			(uint64_t)cfg->size * sizeof(struct vring_used_elem) +
			sizeof(uint16_t),
		 .align = VRING_USED_ALIGN_SIZE},
	};
	int err;

	if (!is_pow2(cfg->size) || cfg->size > QUEUE_MAX_SIZE)
		return -EINVAL;
	err = map_areas(mem, area, ARRAY_SIZE(area));
	if (err)
		return err;
	*q = (struct queue){
		.state = QUEUE_READY,
		.mem = mem,
		.size = cfg->size,
		.event_idx = cfg->features & BIT(VIRTIO_RING_F_EVENT_IDX),
		.indirect = cfg->features & BIT(VIRTIO_RING_F_INDIRECT_DESC),
		.windows = cfg->windows,
		.desc = area[0].hva,
		.avail = area[1].hva,
		.used = area[2].hva,
	};
	return 0;
}

void queue_stop(struct queue *q)
{
	*q = (struct queue){.state = QUEUE_OFF};
}

/** struct table - Descriptors: the queue's own or an indirect table */
struct table {
	const char *base; /* indirect tables need not be aligned */
	uint32_t cnt;
	bool indirect;
};

/* Copy a descriptor out of guest memory, once: the fence keeps the compiler
 * from looking there again in place of the copy.
 */
static struct vring_desc copy_desc(const struct table *t, uint32_t idx)
{
	struct vring_desc desc;

	memcpy(&desc, t->base + idx * sizeof(desc), sizeof(desc));
	atomic_signal_fence(memory_order_seq_cst);
	return desc;
}

/* Go on in the table that @desc refers to (virtio 1.2, 2.7.5.3). Returns NULL
 * or the rule that is broken.
 */
static const char *enter_indirect(const struct queue *q,
				  const struct vring_desc *desc,
				  struct table *t)
{
	if (!q->indirect)
		return "indirect descriptor was not negotiated";
	if (t->indirect)
		return "indirect table inside of an indirect table";
	if (desc->flags & VRING_DESC_F_NEXT)
		return "indirect descriptor with a next one";
	if (!desc->len || desc->len % sizeof(*desc))
		return "size of an indirect table";
	if (desc->len / sizeof(*desc) > q->size)
		return "indirect table larger than the queue";
	*t = (struct table){
		.base = guest_ptr(q->mem, desc->addr, desc->len),
		.cnt = desc->len / sizeof(*desc),
		.indirect = true,
	};
	return t->base ? NULL : "indirect table outside of memory";
}

/** struct solid - What comes before the first segment in a window */
struct solid {
	size_t len;
	bool ended;
};

/* Add the buffer of @desc to the request. Returns NULL or the broken rule. */
static const char *add_segment(const struct queue *q,
			       const struct vring_desc *desc,
			       struct queue_req *req, struct solid *solid)
{
	bool is_window;
	void *hva;

	if (!desc->len)
		return NULL;
	hva = guest_buf(q->mem, desc->addr, desc->len, &is_window);
	if (!hva || (is_window && !q->windows))
		return "buffer outside of memory";
	solid->ended |= is_window;
	if (!solid->ended)
		solid->len += desc->len;
	req->iov[req->iov_cnt].iov_base = hva;
	req->iov[req->iov_cnt].iov_len = desc->len;
	req->iov_cnt++;
	return NULL;
}

/* Follow a chain from its head. Each data descriptor counts against the size of
 * the queue, and only one descriptor of a chain is indirect: so it ends, and
 * has at most QUEUE_MAX_SIZE segments. Returns NULL or the broken rule.
 */
static const char *read_chain(const struct queue *q, struct queue_req *req)
{
	struct table t = {.base = (const char *)q->desc, .cnt = q->size};
	unsigned int readable_cnt = 0;
	struct solid solid[2] = {0};
	bool writable = false;
	uint32_t idx = req->head;
	uint32_t hops = 0;
	uint64_t total = 0;
	const char *why;

	for (;;) {
		struct vring_desc desc;

		if (idx >= t.cnt)
			return "descriptor index out of range";
		desc = copy_desc(&t, idx);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			why = enter_indirect(q, &desc, &t);
			if (why)
				return why;
			idx = 0;
			continue;
		}
		if (++hops > q->size)
			return "chain longer than the queue";
		if (writable && !(desc.flags & VRING_DESC_F_WRITE))
			return "readable descriptor after a writable one";
		writable = desc.flags & VRING_DESC_F_WRITE;
		total += desc.len; /* at most 2^10 times 2^32 */
		if (total > CHAIN_MAX_LEN)
			return "chain of more than 4 GiB";
		why = add_segment(q, &desc, req, &solid[writable]);
		if (why)
			return why;
		if (!writable)
			readable_cnt = req->iov_cnt;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			break;
		idx = desc.next;
	}
	iov_init(&req->readable, req->iov, readable_cnt);
	iov_init(&req->writable, req->iov + readable_cnt,
		 req->iov_cnt - readable_cnt);
	iov_limit_solid(&req->readable, solid[false].len);
	iov_limit_solid(&req->writable, solid[true].len);
	return NULL;
}

static int broken(struct queue *q, const char *why)
{
	q->state = QUEUE_BROKEN;
	q->why = why;
	return -EPROTO;
}

int queue_pop(struct queue *q, struct queue_req *req)
{
	const char *why;
	uint16_t idx;

	if (q->state != QUEUE_READY)
		return q->state == QUEUE_BROKEN ? -EPROTO : 0;
	/* Acquire: pairs with the driver's barrier between filling in
	 * descriptors and ring and adding to idx (virtio 1.2, 2.7.13.3).
	 */
	idx = __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE);
	if (idx == q->next_avail)
		return 0;
	if ((uint16_t)(idx - q->next_avail) > q->size)
		return broken(q, "more requests than the queue holds");
	req->head = load16(&q->avail->ring[q->next_avail & (q->size - 1)]);
	req->iov_cnt = 0;
	why = read_chain(q, req);
	if (why)
		return broken(q, why);
	q->next_avail++;
	return 1;
}

bool queue_has_next(const struct queue *q)
{
	return q->state == QUEUE_READY &&
	       load16(&q->avail->idx) != q->next_avail;
}

void queue_push(struct queue *q, const struct queue_req *req,
		uint32_t written_len)
{
	queue_push_head(q, req->head, written_len);
}

void queue_push_head(struct queue *q, uint16_t head, uint32_t written_len)
{
	struct vring_used_elem *elem;

	if (q->state != QUEUE_READY)
		return;
	elem = &q->used->ring[q->next_used & (q->size - 1)];
	elem->id = head;
	elem->len = written_len;
	q->next_used++;
	/* Release: pairs with the driver's barrier between looking at idx and
	 * at the ring and buffers (virtio 1.2, 2.7.14).
	 */
	__atomic_store_n(&q->used->idx, q->next_used, __ATOMIC_RELEASE);
}

bool queue_should_signal(struct queue *q)
{
	uint16_t told = q->told_used;

	if (q->state != QUEUE_READY || told == q->next_used)
		return false;
	q->told_used = q->next_used;
	/* Full: used idx must be visible before the driver's wish is read.
	 * Pairs with the driver's barrier between wishing and looking at used
	 * idx again: one of the two sees the other.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (q->event_idx)
		return vring_need_event(used_event(q), q->next_used, told);
	return !(load16(&q->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

void queue_disable_kicks(struct queue *q)
{
	/* With event index, an avail_event that was passed is silence. */
	if (q->state == QUEUE_READY && !q->event_idx)
		store16(&q->used->flags, VRING_USED_F_NO_NOTIFY);
}

bool queue_enable_kicks(struct queue *q)
{
	if (q->state != QUEUE_READY)
		return false;
	if (q->event_idx)
		set_avail_event(q, q->next_avail);
	else
		store16(&q->used->flags, 0);
	/* Full: the wish must be visible before avail idx is read. Pairs with
	 * the driver's barrier between adding to avail idx and reading the
	 * wish: one of the two sees the other.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	return queue_has_next(q);
}
