/*
 * ACPI tables: how the guest finds processors, devices and the power switch
 * (ACPI 6.5, hardware-reduced, 4.1: none of the fixed hardware of a PC).
 *
 *   RSDP --> XSDT --> FADT --> DSDT   \_SB: VR00 ... virtio-mmio, COM1; \_S5
 *                 \-> MADT            processors, I/O APIC
 */
#include "boot/acpi.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "boot/acpi_abi.h"
#include "boot/aml.h"
#include "vmm/base/bits.h"
#include "vmm/base/guestmem.h"

/* Revisions of the tables in ACPI 6.5 */
enum {
	RSDP_REVISION = 2,
	XSDT_REVISION = 1,
	FADT_REVISION = 6,
	FADT_MINOR = 5,
	MADT_REVISION = 6,
	DSDT_REVISION = 2, /* integers have 64 bits */
};

enum {
	TABLE_ALIGN = 16,
	LAST_APIC_ID = 254, /* 255 is everybody; from there on x2APIC */
	SERIAL_PORTS = 8,
};

#define OEM_ID "WHERRY"
#define OEM_TABLE_ID "WHERRYVM"
#define CREATOR_ID "WHRY"
#define OEM_REVISION 1

/* A power register: one byte in I/O space */
#define IO_BYTE(port)                                           \
	{                                                       \
		.space = ACPI_SPACE_IO, .bit_width = 8,         \
		.access_size = ACPI_ACCESS_BYTE, .addr = (port) \
	}

static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return (uint8_t)-sum;
}

/* Begin a table at the end of the buffer; return where that is. */
static size_t begin_table(struct aml *aml, const char *signature,
			  uint8_t revision)
{
	static const uint8_t padding[TABLE_ALIGN];
	struct acpi_header header = {
		.revision = revision,
		.oem_id = OEM_ID,
		.oem_table_id = OEM_TABLE_ID,
		.oem_revision = OEM_REVISION,
		.creator_id = CREATOR_ID,
		.creator_revision = OEM_REVISION,
	};
	size_t start = align_up(aml->len, TABLE_ALIGN);

	memcpy(header.signature, signature, sizeof(header.signature));
	aml_bytes(aml, padding, start - aml->len);
	aml_bytes(aml, &header, sizeof(header));
	return start;
}

/* End the table that begins at @start; return its guest address. */
static gpa_t end_table(struct aml *aml, size_t start)
{
	struct acpi_header header;

	if (aml->full)
		return 0;
	memcpy(&header, aml->buf + start, sizeof(header));
	header.len = (uint32_t)(aml->len - start);
	memcpy(aml->buf + start, &header, sizeof(header));
	header.checksum = checksum(aml->buf + start, header.len);
	memcpy(aml->buf + start, &header, sizeof(header));
	return LAYOUT_ACPI + start;
}

/* Device (VRnn): a virtio-mmio slot, as Linux's virtio_mmio wants it */
static void write_virtio(struct aml *aml, unsigned int slot)
{
	char name[5];

	snprintf(name, sizeof(name), "VR%02u", slot % 100);
	aml_device(aml, name);
	aml_name(aml, "_HID");
	aml_string(aml, "LNRO0005");
	aml_name(aml, "_UID");
	aml_int(aml, slot);
	aml_name(aml, "_CCA");
	aml_int(aml, 1);
	aml_name(aml, "_CRS");
	aml_resources(aml);
	aml_memory32(aml,
		     (uint32_t)(LAYOUT_MMIO_BASE + slot * LAYOUT_MMIO_SIZE),
		     LAYOUT_MMIO_SIZE);
	aml_interrupt(aml, LAYOUT_GSI_MMIO + slot);
	aml_resources_end(aml);
	aml_end(aml);
}

/* Device (COM1): a 16550 */
static void write_serial(struct aml *aml)
{
	aml_device(aml, "COM1");
	aml_name(aml, "_HID");
	aml_eisaid(aml, "PNP0501");
	aml_name(aml, "_UID");
	aml_int(aml, 0);
	aml_name(aml, "_CRS");
	aml_resources(aml);
	aml_io(aml, LAYOUT_PORT_SERIAL, SERIAL_PORTS);
	aml_interrupt(aml, LAYOUT_GSI_SERIAL);
	aml_resources_end(aml);
	aml_end(aml);
}

/* The types that SLEEP_CONTROL takes for soft off (7.4.2) */
static void write_s5(struct aml *aml)
{
	aml_name(aml, "\\_S5_");
	aml_package(aml, 4);
	aml_int(aml, LAYOUT_POWER_S5_TYPE);
	aml_int(aml, LAYOUT_POWER_S5_TYPE);
	aml_int(aml, 0);
	aml_int(aml, 0);
	aml_end(aml);
}

static gpa_t write_dsdt(struct aml *aml, unsigned int mmio_cnt)
{
	size_t start = begin_table(aml, "DSDT", DSDT_REVISION);

	aml_scope(aml, "\\_SB_");
	for (unsigned int i = 0; i < mmio_cnt; i++)
		write_virtio(aml, i);
	write_serial(aml);
	aml_end(aml);
	write_s5(aml);
	return end_table(aml, start);
}

static gpa_t write_fadt(struct aml *aml, gpa_t dsdt)
{
	const struct acpi_fadt fadt = {
		/* 8042 is absent unless its bit says otherwise. */
		.iapc_boot_arch = ACPI_BOOT_NO_VGA | ACPI_BOOT_NO_CMOS_RTC,
		.flags = ACPI_FADT_WBINVD | ACPI_FADT_PROC_C1 |
			 ACPI_FADT_PWR_BUTTON | ACPI_FADT_SLP_BUTTON |
			 ACPI_FADT_RESET_REG_SUP | ACPI_FADT_HW_REDUCED_ACPI,
		.reset_reg = IO_BYTE(LAYOUT_POWER_RESET),
		.reset_value = LAYOUT_POWER_RESET_VALUE,
		.minor_version = FADT_MINOR,
		.x_dsdt = dsdt,
		.sleep_control_reg = IO_BYTE(LAYOUT_POWER_SLEEP_CONTROL),
		.sleep_status_reg = IO_BYTE(LAYOUT_POWER_SLEEP_STATUS),
	};
	size_t start = begin_table(aml, "FACP", FADT_REVISION);

	aml_bytes(aml, (const char *)&fadt + sizeof(fadt.header),
		  sizeof(fadt) - sizeof(fadt.header));
	return end_table(aml, start);
}

static void write_cpu(struct aml *aml, unsigned int id)
{
	const struct acpi_madt_local_apic apic = {
		.type = ACPI_MADT_LOCAL_APIC,
		.len = sizeof(apic),
		.processor_uid = (uint8_t)id,
		.apic_id = (uint8_t)id,
		.flags = ACPI_MADT_CPU_ENABLED,
	};
	const struct acpi_madt_local_x2apic x2apic = {
		.type = ACPI_MADT_LOCAL_X2APIC,
		.len = sizeof(x2apic),
		.apic_id = id,
		.flags = ACPI_MADT_CPU_ENABLED,
		.processor_uid = id,
	};

	if (id <= LAST_APIC_ID)
		aml_bytes(aml, &apic, sizeof(apic));
	else
		aml_bytes(aml, &x2apic, sizeof(x2apic));
}

static gpa_t write_madt(struct aml *aml, unsigned int cpu_cnt)
{
	const struct acpi_madt madt = {
		.local_apic_addr = LAYOUT_LAPIC,
		.flags = 0, /* no 8259 (PCAT_COMPAT) */
	};
	const struct acpi_madt_ioapic ioapic = {
		.type = ACPI_MADT_IOAPIC,
		.len = sizeof(ioapic),
		.ioapic_id = 0, /* as KVM's own register says */
		.addr = LAYOUT_IOAPIC,
		.gsi_base = 0,
	};
	size_t start = begin_table(aml, "APIC", MADT_REVISION);

	aml_bytes(aml, (const char *)&madt + sizeof(madt.header),
		  sizeof(madt) - sizeof(madt.header));
	for (unsigned int i = 0; i < cpu_cnt; i++)
		write_cpu(aml, i);
	aml_bytes(aml, &ioapic, sizeof(ioapic));
	return end_table(aml, start);
}

static gpa_t write_xsdt(struct aml *aml, gpa_t fadt, gpa_t madt)
{
	const uint64_t entries[] = {fadt, madt};
	size_t start = begin_table(aml, "XSDT", XSDT_REVISION);

	aml_bytes(aml, entries, sizeof(entries));
	return end_table(aml, start);
}

static void write_rsdp(struct acpi_rsdp *rsdp, gpa_t xsdt)
{
	*rsdp = (struct acpi_rsdp){
		.oem_id = OEM_ID,
		.revision = RSDP_REVISION,
		.len = sizeof(*rsdp),
		.xsdt_addr = xsdt,
	};
	memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	rsdp->checksum = checksum(rsdp, ACPI_RSDP_V1_LEN);
	rsdp->ext_checksum = checksum(rsdp, sizeof(*rsdp));
}

int acpi_write(struct guestmem *mem, unsigned int cpu_cnt,
	       unsigned int mmio_cnt)
{
	const size_t cap = LAYOUT_ACPI_END - LAYOUT_ACPI;
	const struct acpi_rsdp no_rsdp = {0};
	void *buf = guest_ptr(mem, LAYOUT_ACPI, cap);
	struct aml aml;
	gpa_t dsdt;
	gpa_t fadt;
	gpa_t madt;
	gpa_t xsdt;

	if (!buf)
		return -EFAULT;
	if (!cpu_cnt || mmio_cnt > LAYOUT_MMIO_SLOTS)
		return -EINVAL;
	aml_init(&aml, buf, cap);
	aml_bytes(&aml, &no_rsdp, sizeof(no_rsdp));
	dsdt = write_dsdt(&aml, mmio_cnt);
	fadt = write_fadt(&aml, dsdt);
	madt = write_madt(&aml, cpu_cnt);
	xsdt = write_xsdt(&aml, fadt, madt);
	if (aml.full)
		return -ENOSPC;
	write_rsdp(buf, xsdt);
	return 0;
}
