/*
 * boot_load(): a whole machine in memory, and machines that are too small.
 */
#include "boot/boot.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/bzimage_file.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/guestmem.h"

static char root[64];
static char cache[96];
static char kernel[96];
static struct guestmem mem;
static struct boot_entry entry;
static struct fail fail;
static struct boot_config config;

static void setup(void)
{
	snprintf(root, sizeof(root), "%s/wherry-boot-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(cache, sizeof(cache), "%s/cache/wherry", root);
	snprintf(kernel, sizeof(kernel), "%s/kernel", root);
	config = (struct boot_config){
		.kernel_path = kernel,
		.cache_dir = cache,
		.cmdline = "quiet",
		.cpu_cnt = 2,
		.mmio_cnt = 3,
	};
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	guestmem_destroy(&mem);
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int load(uint64_t ram_len)
{
	int err;

	guestmem_destroy(&mem);
	ck_assert_int_eq(guestmem_init(&mem, ram_len), 0);
	fail = (struct fail){0};
	err = boot_load(&config, &mem, &entry, &fail);
	ck_assert(!err == !fail.text[0]);
	ck_assert_ptr_null(strchr(fail.text, '\n'));
	return err;
}

static void check_loaded(void)
{
	uint8_t expected[0x3000];

	for (size_t i = 0; i < sizeof(expected); i++)
		expected[i] = elf_file_byte(0x1000 + i);
	ck_assert_mem_eq(guest_ptr(&mem, 0x200000, 0x3000), expected, 0x3000);
	ck_assert_uint_eq(entry.rip, 0x200100);
	ck_assert_uint_eq(entry.rsi, LAYOUT_BOOT_PARAMS);
	ck_assert_uint_eq(entry.cr3, LAYOUT_PML4);
	ck_assert(!entry.protected32);
}

static void check_fails(int err, const char *word)
{
	ck_assert_int_eq(load(MIB(128)), err);
	ck_assert_msg(strstr(fail.text, word), "\"%s\" lacks \"%s\"", fail.text,
		      word);
}

START_TEST(elf)
{
	struct elf_file file = elf_file_good();

	kernel_file_write_elf(kernel, &file);
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
}
END_TEST

START_TEST(bzimage)
{
	struct elf_file file = elf_file_good();

	kernel_file_write_bzimage(kernel, &file);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(load(MIB(128)), 0);
		check_loaded();
	}
}
END_TEST

START_TEST(tables)
{
	struct elf_file file = elf_file_good();
	const struct boot_params *bp;

	kernel_file_write_bzimage(kernel, &file);
	ck_assert_int_eq(load(MIB(128)), 0);
	bp = guest_ptr(&mem, entry.rsi, sizeof(*bp));
	ck_assert_uint_eq(bp->hdr.init_size, MIB(1));
	ck_assert_uint_eq(bp->hdr.ramdisk_size, 0);
	ck_assert_str_eq(guest_ptr(&mem, bp->hdr.cmd_line_ptr, 6), "quiet");
	ck_assert_mem_eq(guest_ptr(&mem, bp->acpi_rsdp_addr, 8), "RSD PTR ", 8);
}
END_TEST

START_TEST(bare_32_bit_guest)
{
	struct {
		Elf32_Ehdr ehdr;
		Elf32_Phdr phdr;
	} file = {
		.ehdr = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				     ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			 .e_type = ET_EXEC,
			 .e_machine = EM_386,
			 .e_version = EV_CURRENT,
			 .e_entry = 0x100000,
			 .e_phoff = sizeof(Elf32_Ehdr),
			 .e_ehsize = sizeof(Elf32_Ehdr),
			 .e_phentsize = sizeof(Elf32_Phdr),
			 .e_phnum = 1},
		.phdr = {.p_type = PT_LOAD,
			 .p_paddr = 0x100000,
			 .p_filesz = 0x20,
			 .p_memsz = 0x1000},
	};

	kernel_file_write(kernel, &file, sizeof(file));
	/* It may be as small as it likes. */
	ck_assert_int_eq(load(MIB(2)), 0);
	ck_assert(entry.protected32);
	ck_assert_uint_eq(entry.rip, 0x100000);
	ck_assert_mem_eq(guest_ptr(&mem, 0x100000, 0x20), &file, 0x20);
}
END_TEST

START_TEST(initrd)
{
	static const char content[MIB(1) + 1] = "a file system";
	static const uint64_t rams[] = {MIB(128), GIB(3), GIB(4)};
	struct elf_file file = elf_file_good();

	config.initrd = content;
	config.initrd_len = sizeof(content);
	kernel_file_write_bzimage(kernel, &file);
	for (size_t i = 0; i < ARRAY_SIZE(rams); i++) {
		const struct boot_params *bp;
		uint64_t top = MIN(rams[i], GIB(2)); /* initrd_addr_max */

		ck_assert_int_eq(load(rams[i]), 0);
		bp = guest_ptr(&mem, entry.rsi, sizeof(*bp));
		top -= MIB(1) + KIB(4);
		ck_assert_uint_eq(bp->hdr.ramdisk_image, top);
		ck_assert_uint_eq(bp->hdr.ramdisk_size, sizeof(content));
		ck_assert_mem_eq(guest_ptr(&mem, top, 14), content, 14);
	}
}
END_TEST

/* A small one goes below a kernel that leaves room there, and only then. */
START_TEST(small_initrd)
{
	static char content[MIB(1) + 1] = "a file system";
	struct elf_file file = elf_file_good();
	const struct boot_params *bp;

	file.phdr[0].p_paddr = MIB(16);
	file.ehdr.e_entry = MIB(16);
	config.initrd = content;
	config.initrd_len = MIB(1);
	kernel_file_write_elf(kernel, &file);
	ck_assert_int_eq(load(MIB(128)), 0);
	bp = guest_ptr(&mem, entry.rsi, sizeof(*bp));
	ck_assert_uint_eq(bp->hdr.ramdisk_image, MIB(1));
	ck_assert_mem_eq(guest_ptr(&mem, MIB(1), 14), content, 14);
	config.initrd_len = MIB(1) + 1;
	ck_assert_int_eq(load(MIB(128)), 0);
	bp = guest_ptr(&mem, entry.rsi, sizeof(*bp));
	ck_assert_uint_eq(bp->hdr.ramdisk_image, MIB(127) - KIB(4));
}
END_TEST

/* Enough memory, but not where the kernel can reach it */
START_TEST(initrd_too_large)
{
	struct elf_file file = elf_file_good();
	static char content[1];

	kernel_file_write_bzimage(kernel, &file);
	config.initrd = content;
	config.initrd_len = GIB(2);
	ck_assert_int_eq(load(GIB(4)), -E2BIG);
	ck_assert_ptr_nonnull(strstr(fail.text, "initrd"));
	config.initrd_len = SIZE_MAX;
	ck_assert_int_eq(load(GIB(4)), -E2BIG);
	ck_assert_ptr_nonnull(strstr(fail.text, "initrd"));
}
END_TEST

START_TEST(memory)
{
	struct elf_file file = elf_file_good();
	static char content[MIB(2)];

	config.initrd = content;
	config.initrd_len = sizeof(content);
	kernel_file_write_bzimage(kernel, &file);
	/* init_size ends at 3 MiB; slack 24 MiB; initrd 2 MiB */
	ck_assert_int_eq(load(MIB(29)), 0);
	ck_assert_int_eq(load(MIB(29) - KIB(4)), -ENOMEM);
	ck_assert_str_eq(fail.text, "memory 29692K: this kernel needs at least "
				    "29M; use --memory 29M");
	ck_assert_int_eq(load(MIB(24)), -ENOMEM);
	ck_assert_str_eq(fail.text, "memory 24M: this kernel needs at least "
				    "29M; use --memory 29M");
	ck_assert_int_eq(load(KIB(4)), -ENOMEM);
}
END_TEST

START_TEST(kernel_above_the_gap)
{
	struct elf_file file = elf_file_good();

	file.phdr[0].p_paddr = GIB(5);
	file.ehdr.e_entry = GIB(5);
	kernel_file_write_elf(kernel, &file);
	check_fails(-ENOEXEC, "above 3 GiB");
	file.phdr[0].p_paddr = GIB(3) - 0x2000;
	file.ehdr.e_entry = GIB(3) - 0x2000;
	kernel_file_write_elf(kernel, &file);
	check_fails(-ENOEXEC, "above 3 GiB");
}
END_TEST

START_TEST(cmdline)
{
	struct elf_file file = elf_file_good();
	char text[3000];

	memset(text, 'x', sizeof(text));
	config.cmdline = text;
	text[101] = '\0';
	kernel_file_write_bzimage(kernel, &file);
	check_fails(-E2BIG, "101 bytes, this kernel takes at most 100");
	text[100] = '\0';
	ck_assert_int_eq(load(MIB(128)), 0);
	memset(text, 'x', sizeof(text));
	text[2048] = '\0';
	kernel_file_write_elf(kernel, &file);
	check_fails(-E2BIG, "2048 bytes, this kernel takes at most 2047");
	text[2047] = '\0';
	ck_assert_int_eq(load(MIB(128)), 0);
}
END_TEST

START_TEST(impossible_machine)
{
	struct elf_file file = elf_file_good();

	kernel_file_write_elf(kernel, &file);
	config.mmio_cnt = LAYOUT_MMIO_SLOTS + 1;
	check_fails(-EINVAL, "ACPI");
}
END_TEST

/* No descriptor may stay open, whatever happened. */
START_TEST(descriptors)
{
	struct elf_file file = elf_file_good();
	int before = dup(0);
	int after;

	close(before);
	kernel_file_write_bzimage(kernel, &file);
	load(MIB(128));
	load(MIB(128));
	load(MIB(1));
	config.cache_dir = NULL;
	load(MIB(128));
	kernel_file_write_elf(kernel, &file);
	load(MIB(128));
	kernel_file_write(kernel, "x", 1);
	load(MIB(128));
	config.kernel_path = root;
	load(MIB(128));
	after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

static TCase *make_case(void)
{
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, elf);
	tcase_add_test(tc, bzimage);
	tcase_add_test(tc, tables);
	tcase_add_test(tc, bare_32_bit_guest);
	tcase_add_test(tc, initrd);
	tcase_add_test(tc, small_initrd);
	tcase_add_test(tc, initrd_too_large);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, kernel_above_the_gap);
	tcase_add_test(tc, cmdline);
	tcase_add_test(tc, impossible_machine);
	tcase_add_test(tc, descriptors);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("boot");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, make_case());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
