/*
 * From a kernel file, whatever its format, to an ELF image that can be loaded.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <asm/bootparam.h>

#include "boot/elf.h"
#include "vmm/base/layout.h"

struct fail;

/**
 * struct image - A kernel that is ready to be loaded
 * @fd:		File that holds the ELF image [owned]
 * @elf:	What is to be loaded
 * @hdr:	Setup header: that of a bzImage, or one made up
 * @end:	First address after the memory that the kernel needs to start
 */
struct image {
	int fd;
	struct elf_image elf;
	struct setup_header hdr;
	gpa_t end;
};

/**
 * image_open() - Open a kernel file, unpack it if it is not in the cache
 * @image:	Filled; to be closed whatever the result
 * @path:	ELF vmlinux or bzImage, decided by content
 * @cache_dir:	Directory of unpacked kernels; NULL, or one that cannot be used,
 *		costs time and memory but no more
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: openat newfstatat pread64 memfd_create ftruncate mmap munmap close
 */
int image_open(struct image *image, const char *path, const char *cache_dir,
	       struct fail *fail);

/** image_close() - Close the file; accepts a half-built @image */
void image_close(struct image *image);

#endif /* BOOT_IMAGE_H */
