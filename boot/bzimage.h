/*
 * bzImage: the header that comes before a compressed kernel, and where the
 * compressed kernel is.
 */
#ifndef BOOT_BZIMAGE_H
#define BOOT_BZIMAGE_H

#include <asm/bootparam.h>
#include <stdint.h>

#include "vmm/base/layout.h"

#define BZIMAGE_MAGIC 0x53726448 /* "HdrS" */
#define BZIMAGE_BOOT_FLAG 0xaa55

/**
 * struct bzimage - What the setup header says, checked
 * @hdr:		Setup header; what the file has no bytes for is zero
 * @payload_offset:	Where the compressed kernel begins in the file
 * @payload_len:	Its bytes, the size field at its end included
 * @unpacked_len:	What that size field says
 * @end:		First address after the memory that the kernel needs to
 *			start: pref_address + init_size
 */
struct bzimage {
	struct setup_header hdr;
	uint64_t payload_offset;
	uint64_t payload_len;
	uint64_t unpacked_len;
	gpa_t end;
};

/**
 * bzimage_read() - Read and check the setup header (boot.rst, "The Real-Mode
 *		    Kernel Header")
 * @image:	Filled
 * @fd:		File
 * @file_len:	Its length
 * @why:	If the result is negative: what is wrong, for the user
 *
 * Return: 0, -ENOEXEC if it is no bzImage for x86-64 or a broken one, or
 *	   another negative errno
 * #syscalls: pread64
 */
int bzimage_read(struct bzimage *image, int fd, uint64_t file_len,
		 const char **why);

#endif /* BOOT_BZIMAGE_H */
