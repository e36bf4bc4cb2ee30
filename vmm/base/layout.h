/*
 * The guest physical map, the I/O ports and the interrupt lines: one table for
 * whoever places something (loaders, devices, ACPI) and whoever looks for it.
 *
 *   0x00000000  real-mode area          unused
 *   0x00000500  GDT, IDT                entry state of the boot processor
 *   0x00007000  boot_params             the "zero page" (Linux x86 boot protocol)
 *   0x00009000  page tables             identity map of the first 4 GiB
 *   0x00020000  command line, setup_data
 *   0x0009fc00  --- reserved in e820 from here to 1 MiB ---
 *   0x000e0000  ACPI tables             RSDP first
 *   0x00100000  RAM                     kernel at its own address (16 MiB); the
 *                                       initramfs here if it is small, else at
 *                                       the top of low RAM
 *   0xc0000000  --- gap: no RAM ---
 *   0xd0000000  virtio-mmio slots       4 KiB each
 *   0xfec00000  IOAPIC, LAPIC, KVM's own pages
 *   0x100000000 RAM above the gap
 *   above RAM   windows                 aligned to 1 GiB, outside e820
 */
#ifndef VMM_BASE_LAYOUT_H
#define VMM_BASE_LAYOUT_H

#include <stdint.h>

/** gpa_t - Guest physical address; never dereferenced, see guest_ptr() */
typedef uint64_t gpa_t;

/* Entry state of the boot processor, below 1 MiB */
#define LAYOUT_GDT 0x500ULL
#define LAYOUT_GDT_LIMIT 0x2f /* six entries of 8 bytes */
#define LAYOUT_BOOT_CS 0x10   /* selectors: boot.rst, "64-bit Boot Protocol" */
#define LAYOUT_BOOT_DS 0x18
#define LAYOUT_BOOT_TSS 0x20 /* 16 bytes in 64-bit mode */
#define LAYOUT_IDT 0x540ULL
#define LAYOUT_BOOT_PARAMS 0x7000ULL
#define LAYOUT_STACK 0x8ff0ULL /* grows down; the kernel leaves it at once */
#define LAYOUT_PML4 0x9000ULL
#define LAYOUT_PDPT 0xa000ULL
#define LAYOUT_PD 0xb000ULL /* four pages, 1 GiB each */
#define LAYOUT_CMDLINE 0x20000ULL
#define LAYOUT_CMDLINE_MAX 2048 /* with its NUL; x86 COMMAND_LINE_SIZE */
#define LAYOUT_SETUP_DATA 0x21000ULL
#define LAYOUT_LOW_END 0x9fc00ULL /* RAM the kernel may use below 1 MiB */
#define LAYOUT_ACPI 0xe0000ULL
#define LAYOUT_ACPI_END 0x100000ULL

/* RAM */
#define LAYOUT_HIGH_START 0x100000ULL
#define LAYOUT_LOW_INITRD_LEN 0x100000ULL /* "small": to the end of 2 MiB */
#define LAYOUT_GAP_START 0xc0000000ULL
#define LAYOUT_GAP_END 0x100000000ULL

/* Devices in the gap */
#define LAYOUT_MMIO_BASE 0xd0000000ULL
#define LAYOUT_MMIO_SIZE 0x1000ULL
#define LAYOUT_MMIO_SLOTS 19 /* one line of the IOAPIC for each */
#define LAYOUT_IOAPIC 0xfec00000ULL
#define LAYOUT_LAPIC 0xfee00000ULL
#define LAYOUT_IDENTITY_MAP 0xfffbc000ULL /* KVM: one page, real mode */
#define LAYOUT_TSS 0xfffbd000ULL	  /* KVM: three pages, real mode */

/* Global system interrupts: the IOAPIC has 24 lines */
#define LAYOUT_GSI_SERIAL 4
#define LAYOUT_GSI_MMIO 5 /* slot n has line 5 + n */

/* I/O ports */
#define LAYOUT_PORT_SERIAL 0x3f8
#define LAYOUT_PORT_POWER 0x600 /* see devices/power.h */

/* Power registers, one byte each (ACPI 6.5, 4.8.3.7 and 4.8.3.6): what the
 * tables announce is what the device answers. A guest sleeps by writing
 * SLP_TYP << 2 | SLP_EN (bit 5) to the control register.
 */
#define LAYOUT_POWER_SLEEP_CONTROL (LAYOUT_PORT_POWER + 0)
#define LAYOUT_POWER_SLEEP_STATUS (LAYOUT_PORT_POWER + 1)
#define LAYOUT_POWER_RESET (LAYOUT_PORT_POWER + 2)
#define LAYOUT_POWER_RESET_VALUE 0x01
#define LAYOUT_POWER_S5_TYPE 5 /* SLP_TYP of \_S5, soft off */

/* Most processors that a machine can have */
#define LAYOUT_MAX_CPUS 32

#endif /* VMM_BASE_LAYOUT_H */
