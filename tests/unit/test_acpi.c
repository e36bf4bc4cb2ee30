/*
 * ACPI tables: walked as a kernel walks them, and recompiled by iasl.
 */
#include "boot/acpi.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/acpi_abi.h"
#include "boot/aml.h"
#include "vmm/base/bits.h"
#include "vmm/base/guestmem.h"

static struct guestmem mem;

static void setup(void)
{
	ck_assert_int_eq(guestmem_init(&mem, MIB(2)), 0);
}

static void teardown(void)
{
	guestmem_destroy(&mem);
}

static uint8_t sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t result = 0;

	while (len--)
		result += *p++;
	return result;
}

/* A table at a guest address, its frame checked */
static const void *table_at(gpa_t gpa, const char *signature)
{
	const struct acpi_header *h;

	ck_assert_uint_ge(gpa, LAYOUT_ACPI);
	ck_assert_uint_eq(gpa % 16, 0);
	h = guest_ptr(&mem, gpa, sizeof(*h));
	ck_assert_mem_eq(h->signature, signature, 4);
	ck_assert_uint_le(gpa + h->len, LAYOUT_ACPI_END);
	ck_assert_uint_eq(sum(h, h->len), 0);
	ck_assert_mem_eq(h->oem_id, "WHERRY", 6);
	return h;
}

static gpa_t xsdt_entry(unsigned int i)
{
	const struct acpi_rsdp *rsdp = guest_ptr(&mem, LAYOUT_ACPI, 36);
	const char *xsdt;
	uint64_t entry;

	ck_assert_mem_eq(rsdp->signature, "RSD PTR ", 8);
	ck_assert_uint_eq(rsdp->revision, 2);
	ck_assert_uint_eq(rsdp->len, 36);
	ck_assert_uint_eq(sum(rsdp, 20), 0);
	ck_assert_uint_eq(sum(rsdp, 36), 0);
	xsdt = table_at(rsdp->xsdt_addr, "XSDT");
	ck_assert_uint_eq(((const struct acpi_header *)xsdt)->len, 36 + 2 * 8);
	memcpy(&entry, xsdt + 36 + 8 * i, 8);
	return entry;
}

static const struct acpi_fadt *find_fadt(void)
{
	return table_at(xsdt_entry(0), "FACP");
}

static const struct acpi_header *find_dsdt(void)
{
	return table_at(find_fadt()->x_dsdt, "DSDT");
}

static const struct acpi_header *find_madt(void)
{
	return table_at(xsdt_entry(1), "APIC");
}

START_TEST(fadt)
{
	const struct acpi_fadt *f;

	ck_assert_int_eq(acpi_write(&mem, 1, 1), 0);
	f = find_fadt();
	ck_assert_uint_eq(f->header.len, 276);
	ck_assert_uint_eq(f->header.revision, 6);
	ck_assert_uint_eq(f->firmware_ctrl, 0);
	ck_assert_uint_eq(f->flags & (BIT(20) | BIT(10)), BIT(20) | BIT(10));
	ck_assert_uint_eq(f->iapc_boot_arch, BIT(2) | BIT(5));
	ck_assert_uint_eq(f->reset_reg.space, 1);
	ck_assert_uint_eq(f->reset_reg.bit_width, 8);
	ck_assert_uint_eq(f->reset_reg.addr, LAYOUT_POWER_RESET);
	ck_assert_uint_eq(f->reset_value, LAYOUT_POWER_RESET_VALUE);
	ck_assert_uint_eq(f->sleep_control_reg.addr,
			  LAYOUT_POWER_SLEEP_CONTROL);
	ck_assert_uint_eq(f->sleep_status_reg.addr, LAYOUT_POWER_SLEEP_STATUS);
}
END_TEST

START_TEST(madt)
{
	static const unsigned int cpus[] = {1, 4, LAYOUT_MAX_CPUS, 300};

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		const struct acpi_header *h;
		const uint8_t *at;
		unsigned int cpu_cnt = 0;
		unsigned int ioapic_cnt = 0;
		uint32_t id;

		ck_assert_int_eq(acpi_write(&mem, cpus[i], 0), 0);
		h = find_madt();
		at = (const uint8_t *)h + sizeof(struct acpi_madt);
		for (; at < (const uint8_t *)h + h->len; at += at[1]) {
			if (at[0] == ACPI_MADT_LOCAL_APIC) {
				ck_assert_uint_eq(at[3], cpu_cnt++);
				ck_assert_uint_eq(at[4], 1);
			} else if (at[0] == ACPI_MADT_LOCAL_X2APIC) {
				memcpy(&id, at + 4, 4);
				ck_assert_uint_ge(id, 255);
				ck_assert_uint_eq(id, cpu_cnt++);
				ck_assert_uint_eq(at[8], 1);
			} else {
				ck_assert_uint_eq(at[0], ACPI_MADT_IOAPIC);
				memcpy(&id, at + 4, 4);
				ck_assert_uint_eq(id, LAYOUT_IOAPIC);
				ioapic_cnt++;
			}
			ck_assert_uint_ne(at[1], 0);
		}
		ck_assert_ptr_eq(at, (const uint8_t *)h + h->len);
		ck_assert_uint_eq(cpu_cnt, cpus[i]);
		ck_assert_uint_eq(ioapic_cnt, 1);
		teardown();
		setup();
	}
}
END_TEST

static unsigned int count_in_dsdt(const void *what, size_t len)
{
	const struct acpi_header *h = find_dsdt();
	unsigned int cnt = 0;

	for (size_t i = 0; i + len <= h->len; i++)
		cnt += !memcmp((const char *)h + i, what, len);
	return cnt;
}

START_TEST(dsdt)
{
	/* Memory32Fixed and Interrupt of slot 18 */
	static const uint8_t memory[] = {0x86, 9,    0, 1,    0, 0x20,
					 0x01, 0xd0, 0, 0x10, 0, 0};
	static const uint8_t irq[] = {0x89, 6, 0, 3, 1, 23, 0, 0, 0};
	static const uint8_t serial[] = {0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8};
	static const uint8_t pnp0501[] = {0x0c, 0x41, 0xd0, 5, 1};

	ck_assert_int_eq(acpi_write(&mem, 1, LAYOUT_MMIO_SLOTS), 0);
	ck_assert_uint_eq(count_in_dsdt("LNRO0005", 9), LAYOUT_MMIO_SLOTS);
	ck_assert_uint_eq(count_in_dsdt("VR00", 4), 1);
	ck_assert_uint_eq(count_in_dsdt("VR18", 4), 1);
	ck_assert_uint_eq(count_in_dsdt(memory, sizeof(memory)), 1);
	ck_assert_uint_eq(count_in_dsdt(irq, sizeof(irq)), 1);
	ck_assert_uint_eq(count_in_dsdt(serial, sizeof(serial)), 1);
	ck_assert_uint_eq(count_in_dsdt(pnp0501, sizeof(pnp0501)), 1);
	ck_assert_uint_eq(count_in_dsdt("\\_S5_\x12\x08\x04\x0a\x05", 10), 1);
}
END_TEST

START_TEST(impossible_machines)
{
	ck_assert_int_eq(acpi_write(&mem, 0, 0), -EINVAL);
	ck_assert_int_eq(acpi_write(&mem, 1, LAYOUT_MMIO_SLOTS + 1), -EINVAL);
	ck_assert_int_eq(acpi_write(&mem, 1, UINT32_MAX), -EINVAL);
	ck_assert_int_eq(acpi_write(&mem, 10000, 1), -ENOSPC);
	teardown();
	ck_assert_int_eq(guestmem_init(&mem, MIB(1) - KIB(4)), 0);
	ck_assert_int_eq(acpi_write(&mem, 1, 1), -EFAULT);
}
END_TEST

/* A block whose contents have @len bytes, and its PkgLength as it should be */
static void check_pkg_length(size_t len, const char *expected, size_t n)
{
	static uint8_t buf[0x200010];
	static const uint8_t zeros[0x200000];
	struct aml aml;

	aml_init(&aml, buf, sizeof(buf));
	aml_resources(&aml);
	aml_bytes(&aml, zeros, len);
	aml_end(&aml);
	ck_assert(!aml.full);
	ck_assert_uint_eq(aml.len, 1 + n + len);
	ck_assert_mem_eq(buf + 1, expected, n);
}

START_TEST(pkg_lengths)
{
	check_pkg_length(0, "\x01", 1);
	check_pkg_length(62, "\x3f", 1);
	check_pkg_length(63, "\x41\x04", 2);
	check_pkg_length(0xffd, "\x4f\xff", 2);
	check_pkg_length(0xffe, "\x81\x00\x01", 3);
	check_pkg_length(0xffffc, "\x8f\xff\xff", 3);
	check_pkg_length(0xffffd, "\xc1\x00\x00\x01", 4);
}
END_TEST

START_TEST(integers)
{
	static const struct {
		uint64_t value;
		const char *bytes;
		size_t len;
	} cases[] = {
		{0, "\x00", 1},
		{1, "\x01", 1},
		{2, "\x0a\x02", 2},
		{0xff, "\x0a\xff", 2},
		{0x100, "\x0b\x00\x01", 3},
		{0x10000, "\x0c\x00\x00\x01\x00", 5},
		{0x100000000, "\x0e\x00\x00\x00\x00\x01\x00\x00\x00", 9},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t buf[16];
		struct aml aml;

		aml_init(&aml, buf, sizeof(buf));
		aml_int(&aml, cases[i].value);
		ck_assert_uint_eq(aml.len, cases[i].len);
		ck_assert_mem_eq(buf, cases[i].bytes, cases[i].len);
	}
}
END_TEST

static size_t write_sample(uint8_t *buf, size_t cap, bool *full)
{
	struct aml aml;

	aml_init(&aml, buf, cap);
	aml_scope(&aml, "\\_SB_");
	aml_device(&aml, "DEV0");
	aml_name(&aml, "_CRS");
	aml_resources(&aml);
	aml_io(&aml, 1, 1);
	aml_interrupt(&aml, 3);
	aml_resources_end(&aml);
	aml_end(&aml);
	aml_end(&aml);
	*full = aml.full;
	return aml.len;
}

/* However little room there is, nothing is written beyond it. */
START_TEST(full_buffer)
{
	uint8_t buf[256];
	size_t len;
	bool full;

	len = write_sample(buf, sizeof(buf), &full);
	ck_assert(!full);
	for (size_t cap = 0; cap < len; cap++) {
		uint8_t *tight = malloc(cap + !cap);

		write_sample(tight, cap, &full);
		ck_assert(full);
		free(tight);
	}
	write_sample(buf, len, &full);
	ck_assert(!full);
}
END_TEST

static char *read_output(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *f = fopen(path, "r");

	if (f && !fread(text, 1, (1 << 16) - 1, f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* Write a table, disassemble it, compile it again: not one complaint, and of
 * the DSDT the same bytes, but for who compiled it.
 */
static void recompile(const char *dir, const char *name,
		      const struct acpi_header *table)
{
	const size_t same = offsetof(struct acpi_header, creator_id);
	char cmd[512];
	char path[128];
	char *text;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.dat", dir, name);
	f = fopen(path, "w");
	ck_assert_uint_eq(fwrite(table, 1, table->len, f), table->len);
	fclose(f);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && iasl -p %s -d %s.dat >%s.out 2>&1 && "
		 "iasl -we -oa -p new_%s %s.dsl >>%s.out 2>&1",
		 dir, name, name, name, name, name, name);
	snprintf(path, sizeof(path), "%s/%s.out", dir, name);
	ck_assert_msg(system(cmd) == 0, "%s", read_output(path));
	text = read_output(path);
	ck_assert_msg(strstr(text, "0 Errors, 0 Warnings, 0 Remarks") &&
			      !strstr(text, "Could not") &&
			      !strstr(text, "Invalid"),
		      "%s", text);
	free(text);
	snprintf(path, sizeof(path), "%s/new_%s.aml", dir, name);
	text = read_output(path);
	ck_assert_mem_eq(text, table, 9);
	ck_assert_mem_eq(text + 10, (const char *)table + 10, same - 10);
	ck_assert_mem_eq(text + sizeof(*table), table + 1,
			 table->len - sizeof(*table));
	free(text);
}

START_TEST(iasl)
{
	static const unsigned int slots[] = {0, 1, LAYOUT_MMIO_SLOTS};
	const unsigned int i = (unsigned int)_i;
	char dir[] = "/tmp/wherry-acpi-XXXXXX";
	char cmd[64];

	if (system("iasl -v >/dev/null 2>&1") != 0) {
		printf("acpi: SKIP: iasl is not installed (acpica-tools)\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(acpi_write(&mem, i ? 32 : 1, slots[i]), 0);
	recompile(dir, "dsdt", find_dsdt());
	recompile(dir, "fadt", &find_fadt()->header);
	recompile(dir, "madt", find_madt());
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acpi");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fadt);
	tcase_add_test(tc, madt);
	tcase_add_test(tc, dsdt);
	tcase_add_test(tc, impossible_machines);
	tcase_add_test(tc, pkg_lengths);
	tcase_add_test(tc, integers);
	tcase_add_test(tc, full_buffer);
	tcase_add_loop_test(tc, iasl, 0, 3);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
