/*
 * Guest memory: RAM, windows and registers, and the doors into them.
 *
 * Theory of operation: RAM is at most two regions, below and above the gap of
 * layout.h. Each is one anonymous private mapping whose host address is
 * congruent to its guest address modulo 2 MiB, so that both the host's page
 * tables and the nested ones can use huge pages. A guest address becomes a
 * host address in this file and nowhere else.
 *
 * A window is a range of guest addresses above all RAM into which somebody
 * else maps files. It begins as a mere reservation, PROT_NONE, and whatever is
 * mapped there later may vanish at any time (a file gets shorter): who reads or
 * writes it gets SIGBUS. So windows are not RAM:
 *
 *	guest_ptr()	RAM only; what it returns may be read and written
 *	guest_buf()	windows as well; those are for system calls only, which
 *			fail with EFAULT where nothing is mapped
 *
 * What devices' registers say is in memory, too, which the guest can read
 * without an exit; what it writes there goes to the bus. No door leads there.
 */
#ifndef VMM_BASE_GUESTMEM_H
#define VMM_BASE_GUESTMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/layout.h"

enum {
	GUESTMEM_MAX_REGIONS = 2,
	GUESTMEM_MAX_WINDOWS = 32, /* two for each share and the root */
};

/* Lengths of windows are multiples of this: a page of the level above the
 * smallest, and what Linux maps at once.
 */
#define GUESTMEM_WINDOW_UNIT 0x200000ULL

/**
 * struct guestmem_region - A contiguous range of guest RAM, or a window
 * @gpa:	Guest physical address of its first byte
 * @len:	Bytes
 * @hva:	Host address of its first byte
 * @map:	What was mapped, for munmap() [owned]
 * @map_len:	Bytes at @map
 * @read_only:	The guest cannot write to it: never RAM
 */
struct guestmem_region {
	gpa_t gpa;
	uint64_t len;
	char *hva;
	void *map;
	uint64_t map_len;
	bool read_only;
};

/**
 * struct guestmem - All RAM and all windows of a machine [init]
 * @region:	RAM, ascending by @gpa
 * @region_cnt:	Regions in use
 * @window:	Windows, ascending by @gpa
 * @window_cnt:	Windows in use
 * @registers:	A page for each place of a device (layout.h), first all zero
 */
struct guestmem {
	struct guestmem_region region[GUESTMEM_MAX_REGIONS];
	unsigned int region_cnt;
	struct guestmem_region window[GUESTMEM_MAX_WINDOWS];
	unsigned int window_cnt;
	struct guestmem_region registers;
};

/**
 * guestmem_init() - Reserve @ram_len bytes of RAM, below and above the gap
 * @mem:	Filled; to be destroyed whatever the result
 * @ram_len:	Bytes, a multiple of the page size, not zero
 *
 * Nothing is touched: pages come with the guest's first access.
 *
 * Return: 0 or a negative errno
 * #syscalls: mmap munmap madvise
 */
int guestmem_init(struct guestmem *mem, uint64_t ram_len);

/**
 * guestmem_add_window() - Reserve a window above RAM and earlier windows
 * @mem:	Guest memory with all its RAM; @mem->window gets one more
 * @len:	Bytes, a multiple of GUESTMEM_WINDOW_UNIT, not zero
 * @phys_bits:	Width of the guest's physical addresses, at most 52
 * @read_only:	The guest shall not be able to write to it
 *
 * It begins at a multiple of 1 GiB; its host address does so, too, if it is
 * that long, else at a multiple of 2 MiB.
 *
 * Return: 0; -EINVAL if @len is no such multiple; -ENOSPC if there are as many
 *	   windows as can be; -E2BIG if it would reach beyond @phys_bits; or
 *	   another negative errno
 * #syscalls: mmap madvise
 */
int guestmem_add_window(struct guestmem *mem, uint64_t len,
			unsigned int phys_bits, bool read_only);

/**
 * guestmem_destroy() - Unmap it all; accepts a half-built @mem
 *
 * #syscalls(loop): munmap
 */
void guestmem_destroy(struct guestmem *mem);

/**
 * guest_ptr() - Host address of guest memory: the door to RAM
 * @mem:	Guest memory
 * @gpa:	Guest physical address, from whomever
 * @len:	Bytes that will be accessed; 0 is as good as any other length
 *
 * Return: the address, or NULL unless all of [@gpa, @gpa + @len) lies in one
 *	   region of RAM
 */
void *guest_ptr(const struct guestmem *mem, gpa_t gpa, uint64_t len);

/**
 * guest_buf() - Host address of a buffer that may lie in a window
 * @mem:	Guest memory
 * @gpa:	Guest physical address, from whomever
 * @len:	Its bytes
 * @is_window:	Set: true if nobody but the kernel may touch what is returned
 *
 * Return: the address, or NULL unless all of [@gpa, @gpa + @len) lies in one
 *	   region of RAM or in one window
 */
void *guest_buf(const struct guestmem *mem, gpa_t gpa, uint64_t len,
		bool *is_window);

/** guestmem_low_end() - First guest address after the RAM below the gap */
gpa_t guestmem_low_end(const struct guestmem *mem);

#endif /* VMM_BASE_GUESTMEM_H */
