/*
 * Pseudo-random writes to every register and port but the values that end the
 * machine. Half of them are plausible, so that they get somewhere.
 */
#include "tests/guest/lib/virtio.h"

enum {
	WRITE_CNT = 8000,
	ARENA_LEN = 8192, /* the only memory that a device may be sent to */
	MEMORY_LEN = 16 << 20,
};

static volatile uint32_t arena[ARENA_LEN / 4] __attribute__((aligned(4096)));
static uint32_t seed = 0x2545f491;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static uint32_t some_arena(void)
{
	return (uint32_t)arena + (next_random() & (ARENA_LEN - 16) & ~15u);
}

/* Never an address of RAM outside the arena: that would be suicide. */
static uint32_t some_value(void)
{
	uint32_t value = next_random();

	switch (next_random() % 6) {
	case 0:
		return value & 0xf;
	case 1:
		return 1u << (value & 31);
	case 2:
	case 3:
		return some_arena();
	default:
		return value < MEMORY_LEN ? some_arena() : value;
	}
}

/* Descriptors and indices in the arena, as random and as plausible */
static void fill_arena(void)
{
	for (unsigned int i = 0; i < ARENA_LEN / 4; i += 4) {
		arena[i] = some_arena();
		arena[i + 1] = next_random() % 8 ? 0 : next_random();
		arena[i + 2] = some_value() & 0x3fff;
		arena[i + 3] = next_random() & 0x000f0007;
	}
}

static void write_slot(void)
{
	uint32_t value = some_value();
	uint32_t base = slot_base(
		next_random() % 4 ? RNG_SLOT : next_random() % GUEST_SLOT_CNT);
	uint32_t at = next_random() % (next_random() % 8 ? 0x110 : 0x1000);

	switch (next_random() % 16) {
	case 0:
		write8(base + at, value);
		break;
	case 1:
		write16(base + at, value);
		break;
	case 2:
		read32(base + at);
		break;
	case 3:
		read8(base + at);
		break;
	default:
		write32(base + (at & ~3u), value);
	}
}

/* A driver's first steps, so that queues get enabled at all */
static void begin_well(void)
{
	volatile uint16_t *avail;

	if (virtio_negotiate(next_random() & (3u << 28)))
		return;
	avail = (volatile uint16_t *)some_arena();
	avail[1] = next_random() % 9; /* the index: that many requests */
	virtio_enable(8, some_arena(), (uint32_t)avail, some_arena());
	virtio_write(STATUS, 0xf);
}

static void write_port(void)
{
	static const uint16_t ports[] = {
		0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd,
		0x3fe, 0x3ff, 0x600, 0x601, 0x602, 0x64,
	};
	uint16_t port = ports[next_random() % 12];
	uint8_t value = next_random();

	if (port >= 0x600 || port == 0x64)
		value &= 0x1e; /* neither SLP_EN, nor 1, nor 0xfe */
	/* Nobody wants the transmitted bytes on the terminal. */
	if (port == 0x3f8)
		value = '.';
	if (next_random() % 8 == 0)
		in8(port);
	else
		out8(port, value);
}

static void restore_serial(void)
{
	out8(LAYOUT_PORT_SERIAL + 3, 0x03); /* no divisor latch, 8 bits */
	out8(LAYOUT_PORT_SERIAL + 1, 0x00); /* no interrupts */
	out8(LAYOUT_PORT_SERIAL + 4, 0x00); /* no loopback */
	print("\n");
}

const char *guest_main(void)
{
	for (unsigned int i = 0; i < WRITE_CNT; i++) {
		if (i % 512 == 0) {
			fill_arena();
			begin_well();
		}
		if (next_random() % 8)
			write_slot();
		else
			write_port();
	}
	restore_serial();
	return rng_try();
}
