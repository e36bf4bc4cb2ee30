/*
 * Registers: who is in which slot, accesses of a wrong width, and addresses
 * and ports at which nobody answers.
 */
#include "tests/guest/lib/virtio.h"

#define MAGIC 0x74726976 /* "virt" */

static const uint32_t NOBODY_MMIO[] = {
	0x02000000, /* between the end of 16 MiB and the gap */
	0xbffffffc, 0xc0000000,
	0xcffffffc, LAYOUT_MMIO_BASE + LAYOUT_MMIO_SLOTS *LAYOUT_MMIO_SIZE,
	0xe0000000, 0xfe000000,
};

static const uint16_t NOBODY_PIO[] = {
	0x40, 0x60, 0x70, 0x71, 0x80, 0x2f8, 0x400, 0x603, 0xcf8, 0xcfc, 0x8000,
};

/* A slot holds a device or nothing at all. */
static const char *check_slot(unsigned int slot)
{
	uint32_t base = slot_base(slot);
	uint32_t magic = read32(base + VIRTIO_MMIO_MAGIC_VALUE);

	if (!magic)
		return slot == RNG_SLOT ? "no entropy device" : NULL;
	if (magic != MAGIC)
		return with_hex("magic", magic);
	if (read32(base + VIRTIO_MMIO_VERSION) != 2)
		return "version is not 2";
	print_hex("device", read32(base + VIRTIO_MMIO_DEVICE_ID));
	if (slot == RNG_SLOT && read32(base + VIRTIO_MMIO_DEVICE_ID) != 4)
		return "slot 0 is no entropy device";
	if (read32(base + VIRTIO_MMIO_STATUS) != 0)
		return "status is not 0";
	return NULL;
}

/* Registers are four bytes wide; what is read otherwise are their bytes, and
 * nothing is written.
 */
static const char *check_width(void)
{
	uint32_t base = slot_base(RNG_SLOT);
	uint32_t status = base + VIRTIO_MMIO_STATUS;

	if (read8(base) != (MAGIC & 0xff) || read16(base + 2) != MAGIC >> 16 ||
	    read32(base + 1) != (MAGIC >> 8 | 2u << 24))
		return "a register has other bytes";
	write8(status, 1);
	write16(status, 1);
	write32(status + 1, 1);
	write32(status - 2, 0x00010001);
	write8(status + 3, 1);
	if (read32(status))
		return with_hex("status after odd writes", read32(status));
	/* Registers that are not there: the holes of the table */
	for (uint32_t at = 0; at < LAYOUT_MMIO_SIZE; at += 4) {
		if (at == VIRTIO_MMIO_STATUS || at == VIRTIO_MMIO_QUEUE_NOTIFY)
			continue;
		write32(base + at, 0);
		read32(base + at);
	}
	if (read32(base) != MAGIC)
		return "magic was overwritten";
	return NULL;
}

static const char *check_nobody(void)
{
	uint32_t end = slot_base(RNG_SLOT) + LAYOUT_MMIO_SIZE;

	for (unsigned int i = 0; i < sizeof(NOBODY_MMIO) / 4; i++) {
		uint32_t addr = NOBODY_MMIO[i];

		write32(addr, 0);
		if (read32(addr) != UINT32_MAX || read16(addr) != UINT16_MAX ||
		    read8(addr + 3) != UINT8_MAX)
			return with_hex("somebody answers at", addr);
	}
	for (unsigned int i = 0; i < sizeof(NOBODY_PIO) / 2; i++) {
		uint16_t port = NOBODY_PIO[i];

		out8(port, 0);
		out16(port, 0);
		if (in8(port) != UINT8_MAX || in16(port) != UINT16_MAX)
			return with_hex("somebody answers at port", port);
	}
	/* The serial port is followed by nothing: not all in one range */
	out32(LAYOUT_PORT_SERIAL + 6, 0);
	if (in32(LAYOUT_PORT_SERIAL + 6) != UINT32_MAX)
		return "an access over the end of a range was answered";
	/* Over a page, a processor makes two accesses of it. */
	if (read8(end) == UINT8_MAX && read32(end - 2) != 0xffff0000)
		return with_hex("over the end of a slot", read32(end - 2));
	return NULL;
}

const char *guest_main(void)
{
	const char *why = NULL;

	for (unsigned int i = 0; !why && i < GUEST_SLOT_CNT; i++)
		why = check_slot(i);
	if (!why)
		why = check_width();
	if (!why)
		why = check_nobody();
	return why;
}
