/*
 * Guest memory: RAM, and the one door into it.
 *
 * Theory of operation: RAM is at most two regions, below and above the gap of
 * layout.h. Each is one anonymous private mapping whose host address is
 * congruent to its guest address modulo 2 MiB, so that both the host's page
 * tables and the nested ones can use huge pages. A guest address becomes a
 * host address in guest_ptr() and nowhere else.
 */
#ifndef VMM_BASE_GUESTMEM_H
#define VMM_BASE_GUESTMEM_H

#include <stdint.h>

#include "vmm/base/layout.h"

enum { GUESTMEM_MAX_REGIONS = 2 };

/**
 * struct guestmem_region - A contiguous range of guest RAM
 * @gpa:	Guest physical address of its first byte
 * @len:	Bytes
 * @hva:	Host address of its first byte
 * @map:	What was mapped, for munmap() [owned]
 * @map_len:	Bytes at @map
 */
struct guestmem_region {
	gpa_t gpa;
	uint64_t len;
	char *hva;
	void *map;
	uint64_t map_len;
};

/**
 * struct guestmem - All RAM of a machine [init]
 * @region:	Ascending by @gpa
 * @region_cnt:	Regions in use
 */
struct guestmem {
	struct guestmem_region region[GUESTMEM_MAX_REGIONS];
	unsigned int region_cnt;
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

/** guestmem_destroy() - Unmap all RAM; accepts a half-built @mem */
void guestmem_destroy(struct guestmem *mem);

/**
 * guest_ptr() - Host address of guest memory: the one door
 * @mem:	Guest memory
 * @gpa:	Guest physical address, from whomever
 * @len:	Bytes that will be accessed; 0 is as good as any other length
 *
 * Return: the address, or NULL unless all of [@gpa, @gpa + @len) lies in one
 *	   region of RAM
 */
void *guest_ptr(const struct guestmem *mem, gpa_t gpa, uint64_t len);

/**
 * guestmem_map_file() - Put a private mapping of a file over RAM
 * @mem:	Guest memory
 * @gpa:	Where; a multiple of the page size
 * @len:	Bytes; rounded up to whole pages, all of which must be RAM
 * @fd:		File, at least readable; may be closed afterwards
 * @offset:	Offset in the file, a multiple of the page size
 *
 * Guests of one host then share the file's pages until they write to them.
 *
 * Return: 0, -EFAULT if the range is not RAM, or another negative errno
 * #syscalls: mmap
 */
int guestmem_map_file(struct guestmem *mem, gpa_t gpa, uint64_t len, int fd,
		      uint64_t offset);

/** guestmem_low_end() - First guest address after the RAM below the gap */
gpa_t guestmem_low_end(const struct guestmem *mem);

#endif /* VMM_BASE_GUESTMEM_H */
