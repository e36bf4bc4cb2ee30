/*
 * Interrupts of a bare guest: IOAPIC line to local APIC to one handler.
 */
#include "tests/guest/lib/guest.h"

/* Interrupt gate of 32-bit protected mode (SDM volume 3, 6.11) */
struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t type;
	uint16_t offset_high;
};

enum { GATE_INTERRUPT = 0x8e00 };

struct pseudo_descriptor {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

/* Registers of the IOAPIC and the local APIC, and the old controller's ports */
#define IOAPIC_SELECT ((uint32_t)LAYOUT_IOAPIC)
#define IOAPIC_WINDOW ((uint32_t)LAYOUT_IOAPIC + 0x10)
#define IOAPIC_REDIRECTION(line) (0x10 + 2 * (line))
#define LAPIC_ID ((uint32_t)LAYOUT_LAPIC + 0x20)
#define LAPIC_TASK_PRIORITY ((uint32_t)LAYOUT_LAPIC + 0x80)
#define LAPIC_EOI ((uint32_t)LAYOUT_LAPIC + 0xb0)
#define LAPIC_SPURIOUS ((uint32_t)LAYOUT_LAPIC + 0xf0)
#define LAPIC_ENABLE 0x100
#define PIC_MASK_MASTER 0x21
#define PIC_MASK_SLAVE 0xa1

void irq_entry(void);
void irq_dispatch(void);

static struct gate idt[GUEST_VECTOR + 1];
static void (*irq_handler)(void);

void irq_dispatch(void)
{
	irq_handler();
	write32(LAPIC_EOI, 0);
}

static void ioapic_write(uint32_t reg, uint32_t value)
{
	write32(IOAPIC_SELECT, reg);
	write32(IOAPIC_WINDOW, value);
}

void irq_init(unsigned int gsi, void (*handler)(void))
{
	const struct pseudo_descriptor idtr = {sizeof(idt) - 1, (uint32_t)idt};
	uint32_t entry = (uint32_t)irq_entry;
	uint16_t cs;

	irq_handler = handler;
	asm("mov %%cs, %0" : "=r"(cs));
	idt[GUEST_VECTOR] = (struct gate){
		.offset_low = (uint16_t)entry,
		.selector = cs,
		.type = GATE_INTERRUPT,
		.offset_high = (uint16_t)(entry >> 16),
	};
	asm volatile("lidt %0" ::"m"(idtr));
	out8(PIC_MASK_MASTER, 0xff);
	out8(PIC_MASK_SLAVE, 0xff);
	write32(LAPIC_TASK_PRIORITY, 0);
	write32(LAPIC_SPURIOUS, LAPIC_ENABLE | 0xff);
	/* Edge triggered, active high, fixed, to this processor */
	ioapic_write(IOAPIC_REDIRECTION(gsi) + 1, read32(LAPIC_ID));
	ioapic_write(IOAPIC_REDIRECTION(gsi), GUEST_VECTOR);
}

void irq_on(void)
{
	asm volatile("sti" ::: "memory");
}

void irq_off(void)
{
	asm volatile("cli" ::: "memory");
}
