/*
 * Rings against the rules: the device must ask for a reset, nothing else may
 * suffer, and after the reset it must work again.
 */
#include "tests/guest/lib/virtio.h"

enum { MEMORY_END = 16 << 20 }; /* tests/guest/run says so */

static volatile char buf[16];
static volatile struct vring_desc table[4] __attribute__((aligned(16)));

static void offer_one(uint64_t addr, uint32_t len, uint16_t flags,
		      uint16_t next)
{
	virtio_desc(0, NULL, len, flags, next);
	rings.desc[0].addr = addr;
	virtio_offer(0);
}

static void avail_index_jumps(void)
{
	rings.avail.idx = RING_SIZE + 1;
	virtio_write(QUEUE_NOTIFY, 0);
}

static void head_out_of_range(void)
{
	virtio_offer(RING_SIZE);
}

static void head_far_out_of_range(void)
{
	virtio_offer(UINT16_MAX);
}

static void next_out_of_range(void)
{
	offer_one((uint32_t)buf, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT,
		  RING_SIZE);
}

static void chain_is_a_loop(void)
{
	const uint16_t more = VRING_DESC_F_WRITE | VRING_DESC_F_NEXT;

	virtio_desc(1, buf, 16, more, 0);
	offer_one((uint32_t)buf, 16, more, 1);
}

static void chain_ends_in_itself(void)
{
	offer_one((uint32_t)buf, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 0);
}

static void buffer_in_the_gap(void)
{
	offer_one(LAYOUT_GAP_START, 16, VRING_DESC_F_WRITE, 0);
}

static void buffer_is_a_register(void)
{
	offer_one(slot_base(RNG_SLOT), 16, VRING_DESC_F_WRITE, 0);
}

static void buffer_over_the_end(void)
{
	offer_one(MEMORY_END - 8, 16, VRING_DESC_F_WRITE, 0);
}

static void buffer_wraps(void)
{
	offer_one(UINT64_MAX - 7, 16, VRING_DESC_F_WRITE, 0);
}

static void buffer_far_too_long(void)
{
	offer_one((uint32_t)buf, UINT32_MAX, VRING_DESC_F_WRITE, 0);
}

static void readable_after_writable(void)
{
	virtio_desc(1, buf, 16, 0, 0);
	offer_one((uint32_t)buf, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
}

static void indirect_of_odd_length(void)
{
	offer_one((uint32_t)table, 17, VRING_DESC_F_INDIRECT, 0);
}

static void indirect_of_no_length(void)
{
	offer_one((uint32_t)table, 0, VRING_DESC_F_INDIRECT, 0);
}

static void indirect_out_of_memory(void)
{
	offer_one(MEMORY_END, 64, VRING_DESC_F_INDIRECT, 0);
}

static void indirect_in_indirect(void)
{
	table[0].addr = (uint32_t)table;
	table[0].len = sizeof(table);
	table[0].flags = VRING_DESC_F_INDIRECT;
	table[0].next = 0;
	offer_one((uint32_t)table, sizeof(table), VRING_DESC_F_INDIRECT, 0);
}

static void indirect_is_a_loop(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		table[i].addr = (uint32_t)buf;
		table[i].len = 16;
		table[i].flags = VRING_DESC_F_WRITE | VRING_DESC_F_NEXT;
		table[i].next = (i + 1) % 4;
	}
	offer_one((uint32_t)table, sizeof(table), VRING_DESC_F_INDIRECT, 0);
}

#define CASE(name)          \
	{                   \
#name, name \
	}
static const struct {
	const char *name;
	void (*provoke)(void);
} CASES[] = {
	CASE(avail_index_jumps),      CASE(head_out_of_range),
	CASE(head_far_out_of_range),  CASE(next_out_of_range),
	CASE(chain_is_a_loop),	      CASE(chain_ends_in_itself),
	CASE(buffer_in_the_gap),      CASE(buffer_is_a_register),
	CASE(buffer_over_the_end),    CASE(buffer_wraps),
	CASE(buffer_far_too_long),    CASE(readable_after_writable),
	CASE(indirect_of_odd_length), CASE(indirect_of_no_length),
	CASE(indirect_out_of_memory), CASE(indirect_in_indirect),
	CASE(indirect_is_a_loop),
};

/* Places for rings that no device may accept: size, desc, avail, used */
static const uint32_t PLACES[][4] = {
	{0, 0x200000, 0x201000, 0x202000},
	{3, 0x200000, 0x201000, 0x202000},
	{16, 0x200000, 0x201000, 0x202000},
	{0x10008, 0x200000, 0x201000, 0x202000},
	{UINT32_MAX, 0x200000, 0x201000, 0x202000},
	{8, 0x200008, 0x201000, 0x202000},
	{8, 0x200000, 0x201001, 0x202000},
	{8, 0x200000, 0x201000, 0x202002},
	{8, MEMORY_END, 0x201000, 0x202000},
	{8, MEMORY_END - 16, 0x201000, 0x202000},
	{8, 0x200000, 0xfffffff0, 0x202000},
	{8, 0x200000, 0x201000, LAYOUT_MMIO_BASE},
};

static const char *check_places(void)
{
	for (unsigned int i = 0; i < sizeof(PLACES) / 16; i++) {
		const uint32_t *p = PLACES[i];
		const char *why = virtio_negotiate(0);

		if (why)
			return why;
		virtio_enable(p[0], p[1], p[2], p[3]);
		if (virtio_read(QUEUE_READY))
			return with_hex("rings accepted in a wrong place", i);
	}
	return NULL;
}

static const char *check_cases(void)
{
	for (unsigned int i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *why =
			virtio_start(1u << VIRTIO_RING_F_INDIRECT_DESC);

		if (why)
			return why;
		print(CASES[i].name);
		print("\n");
		CASES[i].provoke();
		if (!virtio_wait_broken())
			return "the device does not ask for a reset";
		/* Broken means broken: no more requests until then. */
		virtio_write(QUEUE_NOTIFY, 0);
		virtio_write(QUEUE_READY, 0);
		if (!(virtio_read(STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET))
			return "the device recovers by itself";
		why = rng_try();
		if (why)
			return why;
	}
	return NULL;
}

const char *guest_main(void)
{
	const char *why = check_places();

	return why ? why : check_cases();
}
