/*
 * Paging of bare guests.
 */
#include "tests/guest/lib/paging.h"

enum {
	ENTRIES = 512, /* of a directory, 1 GiB */
	DIRECTORIES = 4,
	PRESENT = 1 << 0,
	WRITABLE = 1 << 1,
	LARGE = 1 << 7,
};

/* Entries of addresses where a bare guest has neither RAM nor devices */
#define FIRST_FREE (0xa0000000 / PAGING_LARGE)

static uint64_t directory[DIRECTORIES * ENTRIES] __attribute__((aligned(4096)));

static void begin(void)
{
	static uint64_t pointers[DIRECTORIES] __attribute__((aligned(32)));
	uint32_t scratch;

	for (unsigned int i = 0; i < DIRECTORIES; i++)
		pointers[i] = (uint32_t)&directory[i * ENTRIES] | PRESENT;
	for (uint32_t i = 0; i < DIRECTORIES * ENTRIES; i++)
		directory[i] = i * PAGING_LARGE | PRESENT | WRITABLE | LARGE;
	asm volatile("mov %%cr4, %0\n\t"
		     "or $0x20, %0\n\t" /* PAE */
		     "mov %0, %%cr4\n\t"
		     "mov %1, %%cr3\n\t"
		     "mov %%cr0, %0\n\t"
		     "or $0x80000000, %0\n\t" /* PG */
		     "mov %0, %%cr0"
		     : "=&r"(scratch)
		     : "r"(pointers)
		     : "memory", "cc");
}

volatile uint8_t *paging_show(uint64_t gpa)
{
	static uint32_t used;
	uint32_t idx = FIRST_FREE + used;
	volatile uint8_t *at = (volatile uint8_t *)(idx * PAGING_LARGE);

	if (!used++)
		begin();
	directory[idx] = gpa | PRESENT | WRITABLE | LARGE;
	asm volatile("invlpg (%0)" ::"r"(at) : "memory");
	return at;
}
