/*
 * Boot parameters: every field that the kernel's entry code relies on.
 */
#include "boot/params.h"

#include <asm/bootparam.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/guestmem.h"

static struct guestmem mem;

static const struct setup_header hdr = {
	.boot_flag = 0xaa55,
	.header = 0x53726448,
	.version = 0x20f,
	.loadflags = LOADED_HIGH,
	.cmdline_size = 2047,
	.setup_data = 0xbad,
	.type_of_loader = 1,
	.ramdisk_image = 0xbad,
	.kernel_info_offset = 0x12345678,
};

static void teardown(void)
{
	guestmem_destroy(&mem);
}

static const struct boot_params *write_all(uint64_t ram_len,
					   const struct params *params)
{
	ck_assert_int_eq(guestmem_init(&mem, ram_len), 0);
	ck_assert_int_eq(params_write(&mem, params), 0);
	return guest_ptr(&mem, LAYOUT_BOOT_PARAMS, sizeof(struct boot_params));
}

START_TEST(boot_params)
{
	const struct params params = {
		.hdr = &hdr,
		.cmdline = "console=hvc0 quiet",
		.initrd = MIB(30),
		.initrd_len = 12345,
	};
	const struct boot_params *bp = write_all(MIB(64), &params);

	ck_assert_uint_eq(bp->hdr.header, hdr.header);
	ck_assert_uint_eq(bp->hdr.boot_flag, 0xaa55);
	ck_assert_uint_eq(bp->hdr.kernel_info_offset, 0x12345678);
	ck_assert_uint_eq(bp->hdr.type_of_loader, 0xff);
	ck_assert_uint_eq(bp->hdr.ramdisk_image, MIB(30));
	ck_assert_uint_eq(bp->hdr.ramdisk_size, 12345);
	ck_assert_uint_eq(bp->acpi_rsdp_addr, LAYOUT_ACPI);
	ck_assert_uint_eq(bp->sentinel, 0);
	ck_assert_str_eq(guest_ptr(&mem, bp->hdr.cmd_line_ptr, 100),
			 params.cmdline);
}
END_TEST

START_TEST(no_initrd)
{
	const struct params params = {
		.hdr = &(struct setup_header){0}, .cmdline = "", .initrd = 5};
	const struct boot_params *bp = write_all(MIB(64), &params);

	ck_assert_uint_eq(bp->hdr.ramdisk_image, 0);
	ck_assert_uint_eq(bp->hdr.ramdisk_size, 0);
	ck_assert_str_eq(guest_ptr(&mem, bp->hdr.cmd_line_ptr, 1), "");
}
END_TEST

START_TEST(memory_map)
{
	const struct params params = {.hdr = &hdr, .cmdline = ""};
	static const struct {
		uint64_t ram_len;
		uint64_t low_end;
		uint64_t high_len;
	} cases[] = {
		{MIB(2), MIB(2), 0},
		{MIB(64), MIB(64), 0},
		{GIB(3) - MIB(1), GIB(3) - MIB(1), 0},
		{GIB(3), GIB(3), 0},
		{GIB(3) + KIB(4), GIB(3), KIB(4)},
		{GIB(5), GIB(3), GIB(2)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct boot_params *bp =
			write_all(cases[i].ram_len, &params);
		struct boot_e820_entry map[] = {
			{0, 0x9fc00, 1},
			{0x9fc00, 0x100000 - 0x9fc00, 2},
			{MIB(1), cases[i].low_end - MIB(1), 1},
			{GIB(4), cases[i].high_len, 1},
		};
		size_t cnt = cases[i].high_len ? 4 : 3;

		ck_assert_uint_eq(bp->e820_entries, cnt);
		ck_assert_mem_eq(bp->e820_table, map, cnt * sizeof(map[0]));
		guestmem_destroy(&mem);
	}
}
END_TEST

START_TEST(seeds_differ)
{
	const struct params params = {.hdr = &hdr, .cmdline = ""};
	uint8_t first[32];

	for (int i = 0; i < 2; i++) {
		const struct boot_params *bp = write_all(MIB(2), &params);
		const struct setup_data *data =
			guest_ptr(&mem, bp->hdr.setup_data, sizeof(*data) + 32);

		ck_assert_uint_eq(data->next, 0);
		ck_assert_uint_eq(data->type, SETUP_RNG_SEED);
		ck_assert_uint_eq(data->len, 32);
		if (i)
			ck_assert_mem_ne(data->data, first, 32);
		memcpy(first, data->data, 32);
		guestmem_destroy(&mem);
	}
}
END_TEST

START_TEST(descriptors)
{
	struct params params = {.hdr = &hdr, .cmdline = ""};
	const uint64_t *gdt;

	write_all(MIB(2), &params);
	gdt = guest_ptr(&mem, LAYOUT_GDT, LAYOUT_GDT_LIMIT + 1);
	ck_assert_uint_eq(gdt[0], 0);
	ck_assert_uint_eq(gdt[LAYOUT_BOOT_CS / 8], PARAMS_DESC_CODE64);
	ck_assert_uint_eq(gdt[LAYOUT_BOOT_DS / 8], PARAMS_DESC_DATA);
	ck_assert_uint_eq(gdt[LAYOUT_BOOT_TSS / 8], PARAMS_DESC_TSS);
	ck_assert_uint_eq(gdt[LAYOUT_BOOT_TSS / 8 + 1], 0);
	guestmem_destroy(&mem);
	params.protected32 = true;
	write_all(MIB(2), &params);
	gdt = guest_ptr(&mem, LAYOUT_GDT, LAYOUT_GDT_LIMIT + 1);
	ck_assert_uint_eq(gdt[LAYOUT_BOOT_CS / 8], PARAMS_DESC_CODE32);
}
END_TEST

/* Walk the tables as a processor does. */
static uint64_t translate(uint64_t va)
{
	static const unsigned int shifts[] = {39, 30, 21};
	uint64_t table = LAYOUT_PML4;

	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		const uint64_t *pte = guest_ptr(&mem, table, KIB(4));
		uint64_t entry = pte[(va >> shifts[i]) % 512];

		ck_assert_uint_eq(entry & 3, 3);
		if (entry & BIT(7)) {
			ck_assert_uint_eq(shifts[i], 21);
			return (entry & ~(MIB(2) - 1)) + va % MIB(2);
		}
		table = entry & ~0xfffULL;
	}
	ck_abort_msg("no large page");
	return 0;
}

START_TEST(identity_map)
{
	const struct params params = {.hdr = &hdr, .cmdline = ""};

	write_all(MIB(2), &params);
	for (uint64_t va = 0x123; va < GIB(4); va += MIB(2))
		ck_assert_uint_eq(translate(va), va);
}
END_TEST

START_TEST(cmdline_too_long)
{
	char cmdline[LAYOUT_CMDLINE_MAX + 1];
	struct params params = {.hdr = &hdr, .cmdline = cmdline};

	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[LAYOUT_CMDLINE_MAX - 1] = '\0';
	write_all(MIB(2), &params);
	guestmem_destroy(&mem);
	cmdline[LAYOUT_CMDLINE_MAX - 1] = 'x';
	cmdline[LAYOUT_CMDLINE_MAX] = '\0';
	ck_assert_int_eq(guestmem_init(&mem, MIB(2)), 0);
	ck_assert_int_eq(params_write(&mem, &params), -E2BIG);
}
END_TEST

START_TEST(too_little_memory)
{
	const struct params params = {.hdr = &hdr, .cmdline = ""};
	static const uint64_t lens[] = {KIB(4), KIB(64), KIB(640), MIB(1)};

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ck_assert_int_eq(guestmem_init(&mem, lens[i]), 0);
		ck_assert_int_eq(params_write(&mem, &params), -EFAULT);
		guestmem_destroy(&mem);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("params");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, boot_params);
	tcase_add_test(tc, no_initrd);
	tcase_add_test(tc, memory_map);
	tcase_add_test(tc, seeds_differ);
	tcase_add_test(tc, descriptors);
	tcase_add_test(tc, identity_map);
	tcase_add_test(tc, cmdline_too_long);
	tcase_add_test(tc, too_little_memory);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
