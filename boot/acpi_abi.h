/*
 * ACPI tables as they lie in memory (ACPI 6.5, 5.2). The kernel's own
 * definitions are not exported to user space.
 */
#ifndef BOOT_ACPI_ABI_H
#define BOOT_ACPI_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/** struct acpi_rsdp - Root system description pointer (5.2.5.3) */
struct acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* of the first ACPI_RSDP_V1_LEN bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt_addr;
	uint32_t len;
	uint64_t xsdt_addr;
	uint8_t ext_checksum; /* of all */
	uint8_t reserved[3];
} __attribute__((packed));
static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.5, table 5.3");

enum { ACPI_RSDP_V1_LEN = 20 };

/** struct acpi_header - How every other table begins (5.2.6) */
struct acpi_header {
	char signature[4];
	uint32_t len;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));
static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.5, table 5.4");

/** struct acpi_gas - Generic address structure (5.2.3.2) */
struct acpi_gas {
	uint8_t space; /* ACPI_SPACE_IO */
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size; /* ACPI_ACCESS_BYTE */
	uint64_t addr;
} __attribute__((packed));
static_assert(sizeof(struct acpi_gas) == 12, "ACPI 6.5, table 5.1");

enum {
	ACPI_SPACE_IO = 1,
	ACPI_ACCESS_BYTE = 1,
};

/** struct acpi_fadt - Fixed ACPI description table (5.2.9) */
struct acpi_fadt {
	struct acpi_header header;
	uint32_t firmware_ctrl;
	uint32_t dsdt;
	uint8_t reserved;
	uint8_t preferred_pm_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t fixed_hw[56]; /* nothing of it with hardware-reduced ACPI */
	uint8_t century;
	uint16_t iapc_boot_arch;
	uint8_t reserved2;
	uint32_t flags;
	struct acpi_gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_version;
	uint64_t x_firmware_ctrl;
	uint64_t x_dsdt;
	struct acpi_gas x_fixed_hw[8]; /* nothing, as above */
	struct acpi_gas sleep_control_reg;
	struct acpi_gas sleep_status_reg;
	uint64_t hypervisor_id;
} __attribute__((packed));
static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 6.5, table 5.9");
static_assert(offsetof(struct acpi_fadt, iapc_boot_arch) == 109, "");
static_assert(offsetof(struct acpi_fadt, reset_reg) == 116, "");
static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "");
static_assert(offsetof(struct acpi_fadt, sleep_control_reg) == 244, "");

/* acpi_fadt.iapc_boot_arch (5.2.9.3) */
enum {
	ACPI_BOOT_NO_VGA = 1 << 2,
	ACPI_BOOT_NO_CMOS_RTC = 1 << 5,
};

/* acpi_fadt.flags (table 5.10) */
enum {
	ACPI_FADT_WBINVD = 1 << 0,
	ACPI_FADT_PROC_C1 = 1 << 2,
	ACPI_FADT_PWR_BUTTON = 1 << 4, /* none in fixed hardware */
	ACPI_FADT_SLP_BUTTON = 1 << 5, /* the same */
	ACPI_FADT_RESET_REG_SUP = 1 << 10,
	ACPI_FADT_HW_REDUCED_ACPI = 1 << 20,
};

/** struct acpi_madt - Multiple APIC description table (5.2.12), first part */
struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic_addr;
	uint32_t flags;
} __attribute__((packed));
static_assert(sizeof(struct acpi_madt) == 44, "ACPI 6.5, table 5.19");

/* Types of entries in it (table 5.21) */
enum {
	ACPI_MADT_LOCAL_APIC = 0,
	ACPI_MADT_IOAPIC = 1,
	ACPI_MADT_LOCAL_X2APIC = 9,
	ACPI_MADT_CPU_ENABLED = 1 << 0,
};

/** struct acpi_madt_local_apic - A processor (5.2.12.2) */
struct acpi_madt_local_apic {
	uint8_t type;
	uint8_t len;
	uint8_t processor_uid;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));
static_assert(sizeof(struct acpi_madt_local_apic) == 8, "ACPI 6.5, table 5.22");

/** struct acpi_madt_local_x2apic - A processor with a large id (5.2.12.12) */
struct acpi_madt_local_x2apic {
	uint8_t type;
	uint8_t len;
	uint16_t reserved;
	uint32_t apic_id;
	uint32_t flags;
	uint32_t processor_uid;
} __attribute__((packed));
static_assert(sizeof(struct acpi_madt_local_x2apic) == 16,
	      "ACPI 6.5, table 5.34");

/** struct acpi_madt_ioapic - An I/O APIC (5.2.12.3) */
struct acpi_madt_ioapic {
	uint8_t type;
	uint8_t len;
	uint8_t ioapic_id;
	uint8_t reserved;
	uint32_t addr;
	uint32_t gsi_base;
} __attribute__((packed));
static_assert(sizeof(struct acpi_madt_ioapic) == 12, "ACPI 6.5, table 5.24");

#endif /* BOOT_ACPI_ABI_H */
