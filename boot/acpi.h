/*
 * ACPI tables: how the guest finds processors, devices and the power switch.
 */
#ifndef BOOT_ACPI_H
#define BOOT_ACPI_H

struct guestmem;

/**
 * acpi_write() - Write all tables to LAYOUT_ACPI, the RSDP first (ACPI 6.5)
 * @mem:	Guest memory, zero from LAYOUT_ACPI to LAYOUT_ACPI_END
 * @cpu_cnt:	Processors, with local APIC ids from 0
 * @mmio_cnt:	virtio-mmio slots, at most LAYOUT_MMIO_SLOTS
 *
 * Return: 0, -EINVAL if there can be no such machine, -EFAULT if RAM ends
 *	   before LAYOUT_ACPI_END, -ENOSPC if the tables do not fit
 */
int acpi_write(struct guestmem *mem, unsigned int cpu_cnt,
	       unsigned int mmio_cnt);

#endif /* BOOT_ACPI_H */
