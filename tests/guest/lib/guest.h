/*
 * What bare guests share: ports, registers, the serial port as their voice,
 * and the way to end.
 */
#ifndef TESTS_GUEST_LIB_GUEST_H
#define TESTS_GUEST_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/layout.h"

enum {
	GUEST_SLOT_CNT = LAYOUT_MMIO_SLOTS,
	GUEST_PORT_SLEEP = LAYOUT_POWER_SLEEP_CONTROL,
	GUEST_PORT_RESET = LAYOUT_POWER_RESET,
};

/* Runs the test: NULL, or what is wrong. */
const char *guest_main(void);

static inline void out8(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value)
{
	asm volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t value;

	asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* One access of exactly this width. */
static inline uint8_t read8(uint32_t addr)
{
	return *(volatile uint8_t *)addr;
}

static inline uint16_t read16(uint32_t addr)
{
	return *(volatile uint16_t *)addr;
}

static inline uint32_t read32(uint32_t addr)
{
	return *(volatile uint32_t *)addr;
}

static inline void write8(uint32_t addr, uint8_t value)
{
	*(volatile uint8_t *)addr = value;
}

static inline void write16(uint32_t addr, uint16_t value)
{
	*(volatile uint16_t *)addr = value;
}

static inline void write32(uint32_t addr, uint32_t value)
{
	*(volatile uint32_t *)addr = value;
}

/* Neither compiler nor processor moves an access over this. */
static inline void barrier(void)
{
	asm volatile("lock; addl $0, (%%esp)" ::: "memory", "cc");
}

/* Registers of virtio-mmio slot @slot. */
static inline uint32_t slot_base(unsigned int slot)
{
	return (uint32_t)(LAYOUT_MMIO_BASE + slot * LAYOUT_MMIO_SIZE);
}

/* gcc may call these two, even freestanding. */
void *memcpy(void *dst, const void *src, size_t len);
void *memset(void *dst, int value, size_t len);

void print(const char *text);
void print_hex(const char *name, uint32_t value);

/* "text: 0x..." in a buffer that the next call uses again. */
const char *with_hex(const char *text, uint32_t value);

/* Switch the machine off. */
void power_off(void) __attribute__((noreturn));

/* Interrupts: mask the old controller, load an IDT whose only vector is
 * GUEST_VECTOR, route @gsi to it, and call @handler with interrupts off.
 */
enum { GUEST_VECTOR = 0x40 };
void irq_init(unsigned int gsi, void (*handler)(void));
void irq_on(void);
void irq_off(void);

#endif /* TESTS_GUEST_LIB_GUEST_H */
