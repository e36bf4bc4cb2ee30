/*
 * Boot parameters: what the kernel reads first, and the descriptor and page
 * tables that it is entered with.
 */
#ifndef BOOT_PARAMS_H
#define BOOT_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/layout.h"

struct guestmem;
struct setup_header;

/* Segment descriptors of the entry state, at the selectors that layout.h names
 * (Intel SDM volume 3, 3.4.5): flat, present, accessed.
 */
#define PARAMS_DESC_CODE64 0x00af9b000000ffffULL /* L: 64-bit code */
#define PARAMS_DESC_CODE32 0x00cf9b000000ffffULL /* D: 32-bit code */
#define PARAMS_DESC_DATA 0x00cf93000000ffffULL
#define PARAMS_DESC_TSS 0x00008b0000000067ULL /* busy, at address 0 */

/**
 * struct params - What is put into boot_params
 * @hdr:	Setup header of the kernel
 * @cmdline:	Command line, shorter than LAYOUT_CMDLINE_MAX
 * @initrd:	Where the initial RAM file system is
 * @initrd_len:	Its length, 0 if there is none
 * @protected32:	The kernel is entered in 32-bit mode
 */
struct params {
	const struct setup_header *hdr;
	const char *cmdline;
	gpa_t initrd;
	uint64_t initrd_len;
	bool protected32;
};

/**
 * params_write() - Write boot_params, command line, random seed, GDT and page
 *		    tables to where layout.h says (boot.rst, "64-bit Boot
 *		    Protocol"; zero-page.rst)
 * @mem:	Guest memory, zero below 1 MiB
 * @params:	What the kernel is told
 *
 * Return: 0, -EFAULT if there is not even 1 MiB of RAM, -E2BIG if the command
 *	   line is too long, or another negative errno
 * #syscalls: getrandom
 */
int params_write(struct guestmem *mem, const struct params *params);

#endif /* BOOT_PARAMS_H */
