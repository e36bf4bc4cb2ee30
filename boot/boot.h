/*
 * From files to a machine that can be entered: kernel, command line,
 * initramfs, boot parameters and ACPI tables in guest memory.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/layout.h"

struct fail;
struct guestmem;

/**
 * struct boot_config - What to boot
 * @kernel_path:	bzImage or ELF vmlinux; the user's noun in messages
 * @cache_dir:		Directory for unpacked kernels, created if missing; one
 *			that cannot be used, or NULL, only costs time
 * @cmdline:		Kernel command line
 * @initrd:		Initial RAM file system, NULL for none [borrowed]
 * @initrd_len:		Bytes at @initrd
 * @cpu_cnt:		Processors, local APIC ids 0 ... @cpu_cnt - 1
 * @mmio_cnt:		virtio-mmio slots in use: 0 ... @mmio_cnt - 1
 */
struct boot_config {
	const char *kernel_path;
	const char *cache_dir;
	const char *cmdline;
	const void *initrd;
	size_t initrd_len;
	unsigned int cpu_cnt;
	unsigned int mmio_cnt;
};

/**
 * struct boot_entry - Where and how the boot processor starts (64-bit entry of
 *		       the Linux x86 boot protocol; GDT and page tables are
 *		       where layout.h says; selectors and descriptors are in
 *		       layout.h and params.h)
 * @rip:	Entry point
 * @rsi:	Address of boot_params
 * @rsp:	Stack
 * @cr3:	Page tables: identity map of the first 4 GiB
 * @protected32:	The image is a 32-bit ELF executable: enter it in flat
 *			32-bit protected mode without paging, @cr3 unused. This
 *			is for bare test guests; no distribution kernel is so
 */
struct boot_entry {
	uint64_t rip;
	uint64_t rsi;
	uint64_t rsp;
	uint64_t cr3;
	bool protected32;
};

/**
 * boot_load() - Put everything that the kernel expects into guest memory
 * @config:	What to boot
 * @mem:	Guest memory, untouched so far
 * @entry:	Filled
 * @fail:	Receives one line if something is wrong
 *
 * With a warm cache nothing but headers is read: kernel pages come with the
 * guest's first access, and are shared with every other guest of that kernel.
 *
 * Return: 0 or a negative errno with @fail set
 */
int boot_load(const struct boot_config *config, struct guestmem *mem,
	      struct boot_entry *entry, struct fail *fail);

#endif /* BOOT_BOOT_H */
