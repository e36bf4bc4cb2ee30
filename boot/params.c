/*
 * Boot parameters: what the kernel reads first, and the descriptor and page
 * tables that it is entered with.
 */
#include "boot/params.h"

#include <asm/bootparam.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "vmm/base/bits.h"
#include "vmm/base/guestmem.h"

/* boot.rst: a boot loader without a number of its own */
#define LOADER_UNDEFINED 0xff

/* Types of ranges in the memory map (ACPI 6.5, 15) */
#define E820_RAM 1
#define E820_RESERVED 2

#define SEED_LEN 32

/* Page table entries (Intel SDM volume 3, 4.5): present and writable, and the
 * last level at 2 MiB
 */
#define PTE_PRESENT_WRITABLE 3ULL
#define PTE_LARGE BIT(7)
#define PTES 512
#define PD_CNT 4 /* 1 GiB each */

static_assert(LAYOUT_PML4 + KIB(4) <= LAYOUT_PDPT &&
		      LAYOUT_PDPT + KIB(4) <= LAYOUT_PD &&
		      LAYOUT_PD + PD_CNT * KIB(4) <= LAYOUT_CMDLINE,
	      "page tables overlap");
static_assert(sizeof(struct boot_params) == KIB(4) &&
		      LAYOUT_BOOT_PARAMS + KIB(4) <= LAYOUT_STACK,
	      "boot_params overlaps the stack");

/* All of this is far below 1 MiB. */
static void *low_ptr(struct guestmem *mem, gpa_t gpa)
{
	return guest_ptr(mem, gpa, KIB(4));
}

static void write_gdt(struct guestmem *mem, bool protected32)
{
	uint64_t *gdt = low_ptr(mem, LAYOUT_GDT);

	gdt[LAYOUT_BOOT_CS / 8] =
		protected32 ? PARAMS_DESC_CODE32 : PARAMS_DESC_CODE64;
	gdt[LAYOUT_BOOT_DS / 8] = PARAMS_DESC_DATA;
	gdt[LAYOUT_BOOT_TSS / 8] = PARAMS_DESC_TSS;
}

static void write_page_tables(struct guestmem *mem)
{
	uint64_t *pml4 = low_ptr(mem, LAYOUT_PML4);
	uint64_t *pdpt = low_ptr(mem, LAYOUT_PDPT);

	pml4[0] = LAYOUT_PDPT | PTE_PRESENT_WRITABLE;
	for (unsigned int i = 0; i < PD_CNT; i++) {
		gpa_t gpa = LAYOUT_PD + i * KIB(4);
		uint64_t *pd = low_ptr(mem, gpa);

		pdpt[i] = gpa | PTE_PRESENT_WRITABLE;
		for (unsigned int j = 0; j < PTES; j++)
			pd[j] = (GIB(i) + MIB(2) * j) | PTE_LARGE |
				PTE_PRESENT_WRITABLE;
	}
}

static void add_e820(struct boot_params *bp, gpa_t start, gpa_t end,
		     uint32_t type)
{
	bp->e820_table[bp->e820_entries++] = (struct boot_e820_entry){
		.addr = start,
		.size = end - start,
		.type = type,
	};
}

/* What is not in the map does not exist: the gap, windows. */
static void write_e820(struct boot_params *bp, const struct guestmem *mem)
{
	const struct guestmem_region *r = mem->region;

	add_e820(bp, 0, LAYOUT_LOW_END, E820_RAM);
	add_e820(bp, LAYOUT_LOW_END, LAYOUT_HIGH_START, E820_RESERVED);
	add_e820(bp, LAYOUT_HIGH_START, guestmem_low_end(mem), E820_RAM);
	for (unsigned int i = 1; i < mem->region_cnt; i++)
		add_e820(bp, r[i].gpa, r[i].gpa + r[i].len, E820_RAM);
}

/* Randomness for the kernel before it has any of its own (SETUP_RNG_SEED) */
static int write_seed(struct guestmem *mem)
{
	struct setup_data *data = low_ptr(mem, LAYOUT_SETUP_DATA);
	ssize_t n = getrandom(data->data, SEED_LEN, 0);

	if (n < 0)
		return -errno;
	if (n != SEED_LEN)
		return -EIO;
	data->type = SETUP_RNG_SEED;
	data->len = SEED_LEN;
	return 0;
}

static void write_boot_params(struct guestmem *mem, const struct params *params)
{
	struct boot_params *bp = low_ptr(mem, LAYOUT_BOOT_PARAMS);

	bp->hdr = *params->hdr;
	bp->hdr.type_of_loader = LOADER_UNDEFINED;
	bp->hdr.cmd_line_ptr = LAYOUT_CMDLINE;
	if (params->initrd_len) {
		bp->hdr.ramdisk_image = (uint32_t)params->initrd;
		bp->hdr.ramdisk_size = (uint32_t)params->initrd_len;
	}
	bp->hdr.setup_data = LAYOUT_SETUP_DATA;
	bp->acpi_rsdp_addr = LAYOUT_ACPI;
	write_e820(bp, mem);
}

int params_write(struct guestmem *mem, const struct params *params)
{
	size_t len = strlen(params->cmdline);

	if (len >= LAYOUT_CMDLINE_MAX)
		return -E2BIG;
	if (guestmem_low_end(mem) <= LAYOUT_HIGH_START)
		return -EFAULT;
	memcpy(low_ptr(mem, LAYOUT_CMDLINE), params->cmdline, len + 1);
	write_boot_params(mem, params);
	write_gdt(mem, params->protected32);
	write_page_tables(mem);
	return write_seed(mem);
}
