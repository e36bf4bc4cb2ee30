/*
 * The entropy device driven as a driver would: kicks through QueueNotify,
 * answers polled and then by interrupt, chains and indirect descriptors.
 */
#include "tests/guest/lib/virtio.h"

enum { BUF_LEN = 64, GUARD = 0x5a };

static volatile unsigned char buf[3][BUF_LEN + 1];
static volatile unsigned int irq_cnt;
static volatile uint32_t irq_status;

static void clear(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int j = 0; j <= BUF_LEN; j++)
			buf[i][j] = j < BUF_LEN ? 0 : GUARD;
	}
}

/* Is buffer @i filled with something, and nothing behind it? */
static bool is_filled(unsigned int i)
{
	unsigned int zeros = 0;

	for (unsigned int j = 0; j < BUF_LEN; j++)
		zeros += buf[i][j] == 0;
	return zeros < BUF_LEN / 2 && buf[i][BUF_LEN] == GUARD;
}

/* The answer to the last request: chain @head with @len bytes. */
static const char *check_used(uint16_t idx, uint32_t head, uint32_t len)
{
	volatile struct vring_used_elem *e;

	if (!virtio_wait_used(idx))
		return with_hex("used index stays at", rings.used.idx);
	e = &rings.used.ring[(idx - 1) % RING_SIZE];
	if (e->id != head)
		return with_hex("used id", e->id);
	if (e->len != len)
		return with_hex("used length", e->len);
	return NULL;
}

/* Ten requests on a ring of eight, polled, with interrupts not wanted. */
static const char *check_polled(void)
{
	const char *why = virtio_start(0);

	rings.avail.flags = VRING_AVAIL_F_NO_INTERRUPT;
	for (uint16_t i = 1; !why && i <= RING_SIZE + 2; i++) {
		unsigned int desc = i % RING_SIZE;

		clear();
		virtio_desc(desc, buf[0], BUF_LEN, VRING_DESC_F_WRITE, 0);
		virtio_offer(desc);
		why = check_used(i, desc, BUF_LEN);
		if (!why && (!is_filled(0) || is_filled(1)))
			why = "wrong bytes";
	}
	if (!why && virtio_read(INTERRUPT_STATUS))
		why = "an interrupt that was not wanted";
	return why;
}

/* A chain of three, then the same as an indirect table. */
static const char *check_chains(void)
{
	static volatile struct vring_desc table[3] __attribute__((aligned(16)));
	const char *why = virtio_start(1u << VIRTIO_RING_F_INDIRECT_DESC);
	const uint16_t more = VRING_DESC_F_WRITE | VRING_DESC_F_NEXT;

	if (why)
		return why;
	clear();
	virtio_desc(5, buf[0], BUF_LEN, more, 2);
	virtio_desc(2, buf[1], BUF_LEN, more, 7);
	virtio_desc(7, buf[2], BUF_LEN, VRING_DESC_F_WRITE, 0);
	virtio_offer(5);
	why = check_used(1, 5, 3 * BUF_LEN);
	if (why)
		return why;
	if (!is_filled(0) || !is_filled(1) || !is_filled(2))
		return "wrong bytes in a chain";
	clear();
	for (unsigned int i = 0; i < 3; i++) {
		table[i].addr = (uint32_t)buf[i];
		table[i].len = BUF_LEN;
		table[i].flags = i < 2 ? more : VRING_DESC_F_WRITE;
		table[i].next = i + 1;
	}
	virtio_desc(0, table, sizeof(table), VRING_DESC_F_INDIRECT, 0);
	virtio_offer(0);
	why = check_used(2, 0, 3 * BUF_LEN);
	if (!why && (!is_filled(0) || !is_filled(1) || !is_filled(2)))
		why = "wrong bytes in an indirect chain";
	return why;
}

static void on_irq(void)
{
	irq_cnt++;
	irq_status |= virtio_read(INTERRUPT_STATUS);
	virtio_write(INTERRUPT_ACK, virtio_read(INTERRUPT_STATUS));
}

static const char *check_interrupts(void)
{
	const char *why = virtio_start(0);

	irq_init(RNG_GSI, on_irq);
	irq_on();
	for (unsigned int i = 1; !why && i <= 4; i++) {
		virtio_desc(0, buf[0], BUF_LEN, VRING_DESC_F_WRITE, 0);
		virtio_offer(0);
		for (unsigned int n = 0; n < PATIENCE && irq_cnt < i; n++)
			;
		if (irq_cnt != i)
			why = with_hex("interrupts", irq_cnt);
		else if (rings.used.idx != i)
			why = "an interrupt before the answer";
	}
	irq_off();
	if (!why && irq_status != VIRTIO_MMIO_INT_VRING)
		why = with_hex("interrupt status", irq_status);
	virtio_write(STATUS, 0);
	if (!why && virtio_read(INTERRUPT_STATUS))
		why = "an interrupt outlives a reset";
	return why;
}

/* With event indices: an interrupt only at the third answer. */
static const char *check_event_index(void)
{
	unsigned int before = irq_cnt;
	const char *why = virtio_start(1u << VIRTIO_RING_F_EVENT_IDX);

	rings.avail.used_event = 2;
	irq_on();
	for (uint16_t i = 1; !why && i <= 4; i++) {
		virtio_desc(0, buf[0], BUF_LEN, VRING_DESC_F_WRITE, 0);
		virtio_offer(0);
		why = check_used(i, 0, BUF_LEN);
		for (unsigned int n = 0;
		     n < PATIENCE && i == 3 && irq_cnt == before; n++)
			;
		if (!why && irq_cnt != before + (i >= 3))
			why = with_hex("interrupts with event index", irq_cnt);
	}
	irq_off();
	return why;
}

const char *guest_main(void)
{
	static const struct {
		const char *name;
		const char *(*check)(void);
	} parts[] = {
		{"polled\n", check_polled},
		{"chains\n", check_chains},
		{"interrupts\n", check_interrupts},
		{"event index\n", check_event_index},
	};
	const char *why = NULL;

	for (unsigned int i = 0; !why && i < 4; i++) {
		print(parts[i].name);
		why = parts[i].check();
	}
	virtio_write(STATUS, 0);
	if (!why && (virtio_read(STATUS) || virtio_read(QUEUE_READY)))
		why = "a reset leaves something";
	return why;
}
