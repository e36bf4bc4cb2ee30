/*
 * ELF kernels: what an image wants in memory, checked, and its way there.
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/layout.h"

struct guestmem;

/* Linux has four or five loadable segments, test guests one or two. */
enum { ELF_MAX_SEGMENTS = 16 };

/**
 * struct elf_segment - A part of the image that is loaded (PT_LOAD)
 * @offset:	Where its bytes begin in the file
 * @file_len:	Bytes in the file
 * @gpa:	Where they go: p_paddr
 * @mem_len:	Bytes in memory, at least @file_len; the rest is zero
 */
struct elf_segment {
	uint64_t offset;
	uint64_t file_len;
	gpa_t gpa;
	uint64_t mem_len;
};

/**
 * struct elf_image - An executable that passed every check
 * @segment:	Loadable segments that occupy memory, none overlapping another,
 *		none below 1 MiB
 * @segment_cnt:	At least one
 * @entry:	Physical address of the first instruction, in a segment
 * @end:	First address after the last segment
 * @protected32:	A 32-bit image, entered without paging
 */
struct elf_image {
	struct elf_segment segment[ELF_MAX_SEGMENTS];
	unsigned int segment_cnt;
	gpa_t entry;
	gpa_t end;
	bool protected32;
};

/**
 * elf_read() - Read and check the headers of an ELF executable
 * @image:	Filled
 * @fd:		File
 * @file_len:	Its length
 * @why:	If the result is negative: what is wrong, for the user
 *
 * Only headers are read, however large the file.
 *
 * Return: 0, -ENOEXEC for a file that cannot be a kernel, or another negative
 *	   errno
 * #syscalls: pread64
 */
int elf_read(struct elf_image *image, int fd, uint64_t file_len,
	     const char **why);

/**
 * elf_load() - Put the segments into guest memory
 * @image:	From elf_read()
 * @fd:		The same file; may be closed afterwards
 * @mem:	Guest memory, zero where segments go
 *
 * They are copied: a kernel writes to most pages of its image while it starts,
 * and pages that are mapped instead are small ones, each with exits of its own.
 *
 * Return: 0, -EFAULT if a segment is not in RAM, or another negative errno
 * #syscalls: pread64
 */
int elf_load(const struct elf_image *image, int fd, struct guestmem *mem);

#endif /* BOOT_ELF_H */
