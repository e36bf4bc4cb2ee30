/*
 * ELF kernels: what is accepted, what is not, and what comes into memory.
 */
#include "boot/elf.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/elf_file.h"
#include "vmm/base/bits.h"
#include "vmm/base/guestmem.h"

static int read_file(const struct elf_file *file, struct elf_image *image,
		     const char **why)
{
	int fd = elf_file_write(file);
	int err;

	*why = NULL;
	err = elf_read(image, fd, file->len, why);
	close(fd);
	ck_assert(!err == !*why);
	return err;
}

static void check_rejected(const struct elf_file *file, const char *word)
{
	struct elf_image image;
	const char *why;

	ck_assert_int_eq(read_file(file, &image, &why), -ENOEXEC);
	ck_assert_msg(strstr(why, word), "\"%s\" lacks \"%s\"", why, word);
}

static void add_segment(struct elf_file *file, uint64_t offset,
			uint64_t file_len, uint64_t gpa, uint64_t mem_len)
{
	file->phdr[file->ehdr.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = offset,
		.p_filesz = file_len,
		.p_paddr = gpa,
		.p_memsz = mem_len,
	};
}

START_TEST(good)
{
	struct elf_file file = elf_file_good();
	struct elf_image image;
	const char *why;

	add_segment(&file, 0x5000, 0x10, 0x400000, 0x1234);
	file.phdr[file.ehdr.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = UINT64_MAX, .p_filesz = 5};
	/* Nothing to load: the address does not matter. */
	add_segment(&file, 0x5000, 0, 0, 0);
	ck_assert_int_eq(read_file(&file, &image, &why), 0);
	ck_assert_uint_eq(image.segment_cnt, 2);
	ck_assert_uint_eq(image.segment[0].offset, 0x1000);
	ck_assert_uint_eq(image.segment[0].gpa, 0x200000);
	ck_assert_uint_eq(image.segment[1].file_len, 0x10);
	ck_assert_uint_eq(image.segment[1].mem_len, 0x1234);
	ck_assert_uint_eq(image.entry, 0x200100);
	ck_assert_uint_eq(image.end, 0x401234);
	ck_assert(!image.protected32);
}
END_TEST

START_TEST(bare_32_bit_guest)
{
	static const Elf32_Ehdr ehdr = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
			    ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_entry = 0x100004,
		.e_phoff = sizeof(Elf32_Ehdr),
		.e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};
	static const Elf32_Phdr phdr = {
		.p_type = PT_LOAD,
		.p_offset = 0x10,
		.p_paddr = 0x100000,
		.p_filesz = 0x20,
		.p_memsz = 0x1000,
	};
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct elf_image image;
	const char *why;

	ck_assert_int_eq(write(fd, &ehdr, sizeof(ehdr)), sizeof(ehdr));
	ck_assert_int_eq(write(fd, &phdr, sizeof(phdr)), sizeof(phdr));
	ck_assert_int_eq(
		elf_read(&image, fd, sizeof(ehdr) + sizeof(phdr), &why), 0);
	ck_assert(image.protected32);
	ck_assert_uint_eq(image.entry, 0x100004);
	ck_assert_uint_eq(image.end, 0x101000);
	close(fd);
}
END_TEST

START_TEST(other_files)
{
	struct elf_file file = elf_file_good();

	file.ehdr.e_machine = EM_AARCH64;
	check_rejected(&file, "another processor");
	file = elf_file_good();
	file.ehdr.e_machine = EM_386;
	check_rejected(&file, "another processor");
	file = elf_file_good();
	file.ehdr.e_ident[EI_DATA] = ELFDATA2MSB;
	check_rejected(&file, "another processor");
	file = elf_file_good();
	file.ehdr.e_type = ET_DYN;
	check_rejected(&file, "not a kernel");
	file = elf_file_good();
	file.ehdr.e_ident[EI_CLASS] = 7;
	check_rejected(&file, "");
	memset(&file.ehdr, 0xff, sizeof(file.ehdr));
	check_rejected(&file, "");
	memset(&file.ehdr, 0, sizeof(file.ehdr));
	check_rejected(&file, "");
}
END_TEST

START_TEST(truncated_anywhere)
{
	struct elf_file file = elf_file_good();
	struct elf_image image;
	const char *why;

	for (file.len = 0; file.len < sizeof(file.ehdr) + sizeof(file.phdr);
	     file.len++) {
		struct elf_file cut = file;
		uint8_t bytes[ELF_FILE_LEN];
		int fd = memfd_create("elf", MFD_CLOEXEC);

		cut.len = ELF_FILE_LEN;
		elf_file_bytes(&cut, bytes);
		ck_assert_int_eq(write(fd, bytes, file.len), (ssize_t)file.len);
		ck_assert_int_eq(elf_read(&image, fd, file.len, &why),
				 -ENOEXEC);
		close(fd);
	}
	file.len = 0x3fff;
	check_rejected(&file, "truncated");
	file.len = 0x4000;
	ck_assert_int_eq(read_file(&file, &image, &why), 0);
}
END_TEST

START_TEST(program_headers_elsewhere)
{
	static const uint64_t offsets[] = {ELF_FILE_LEN - 1, ELF_FILE_LEN,
					   UINT64_MAX, UINT64_MAX - 56,
					   INT64_MAX};
	struct elf_file file = elf_file_good();

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		file.ehdr.e_phoff = offsets[i];
		check_rejected(&file, "");
	}
	file = elf_file_good();
	file.ehdr.e_phnum = 0;
	check_rejected(&file, "entry point");
	file.ehdr.e_phnum = UINT16_MAX;
	check_rejected(&file, "");
	file.ehdr.e_phnum = UINT16_MAX - 1;
	check_rejected(&file, "");
}
END_TEST

START_TEST(lengths_and_offsets)
{
	struct elf_file file = elf_file_good();

	file.phdr[0].p_memsz = 0x2fff;
	check_rejected(&file, "larger than its memory");
	file = elf_file_good();
	file.phdr[0].p_offset = ELF_FILE_LEN - 0x2fff;
	check_rejected(&file, "truncated");
	file.phdr[0].p_offset = UINT64_MAX - 0x1000;
	check_rejected(&file, "truncated");
	file.phdr[0].p_filesz = UINT64_MAX;
	file.phdr[0].p_memsz = UINT64_MAX;
	check_rejected(&file, "truncated");
	file = elf_file_good();
	file.phdr[0].p_filesz = 0;
	file.phdr[0].p_memsz = UINT64_MAX - 0x200000 + 1;
	check_rejected(&file, "wraps");
}
END_TEST

START_TEST(addresses)
{
	struct elf_file file = elf_file_good();
	struct elf_image image;
	const char *why;

	file.phdr[0].p_paddr = MIB(1) - 1;
	check_rejected(&file, "below 1 MiB");
	file.phdr[0].p_paddr = 0;
	check_rejected(&file, "below 1 MiB");
	file.phdr[0].p_paddr = UINT64_MAX - 0xfff;
	check_rejected(&file, "wraps");
	file = elf_file_good();
	file.ehdr.e_entry = 0x1fffff;
	check_rejected(&file, "entry point");
	file.ehdr.e_entry = 0x203000;
	check_rejected(&file, "entry point");
	file.ehdr.e_entry = 0xffffffff80200100;
	check_rejected(&file, "entry point");
	file.ehdr.e_entry = 0x202fff;
	ck_assert_int_eq(read_file(&file, &image, &why), 0);
}
END_TEST

START_TEST(overlapping)
{
	struct elf_file file = elf_file_good();
	struct elf_image image;
	const char *why;

	add_segment(&file, 0x1000, 0x10, 0x202fff, 0x10);
	check_rejected(&file, "overlap");
	file.phdr[1].p_paddr = 0x1ffff1;
	check_rejected(&file, "overlap");
	file.phdr[1].p_paddr = 0x201000;
	check_rejected(&file, "overlap");
	file.phdr[1].p_paddr = 0x100000;
	file.phdr[1].p_memsz = 0x200000;
	check_rejected(&file, "overlap");
	file.phdr[1].p_memsz = 0x100000;
	ck_assert_int_eq(read_file(&file, &image, &why), 0);
	file.phdr[1].p_paddr = 0x203000;
	ck_assert_int_eq(read_file(&file, &image, &why), 0);
}
END_TEST

START_TEST(too_many_segments)
{
	struct elf_file file = elf_file_good();
	struct elf_image image;
	const char *why;

	for (unsigned int i = 1; i < ELF_MAX_SEGMENTS; i++)
		add_segment(&file, 0x1000, 1, MIB(4) + i * 16, 16);
	ck_assert_int_eq(read_file(&file, &image, &why), 0);
	add_segment(&file, 0x1000, 1, MIB(8), 16);
	check_rejected(&file, "too many");
}
END_TEST

/* Any single wrong byte: rejected or loaded within RAM, but no crash. */
START_TEST(random_damage)
{
	struct elf_file file = elf_file_good();
	struct elf_image image;
	struct guestmem mem;
	const char *why;

	for (size_t i = 0; i < sizeof(file.ehdr) + sizeof(file.phdr[0]); i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct elf_file bad = file;
			int fd;

			((uint8_t *)&bad)[i] ^= (uint8_t)(1 << bit);
			fd = elf_file_write(&bad);
			ck_assert_int_eq(guestmem_init(&mem, MIB(4)), 0);
			if (!elf_read(&image, fd, bad.len, &why))
				elf_load(&image, fd, &mem);
			guestmem_destroy(&mem);
			close(fd);
		}
	}
}
END_TEST

/* Load a file into 8 MiB of RAM and compare every byte from 1 MiB on. */
static void check_loaded(const struct elf_file *file)
{
	uint64_t ram_len = MIB(8);
	uint8_t *expected = calloc(1, ram_len);
	int fd = elf_file_write(file);
	struct elf_image image;
	struct guestmem mem;
	const char *why;

	for (unsigned int i = 0; i < file->ehdr.e_phnum; i++)
		for (uint64_t j = 0; j < file->phdr[i].p_filesz; j++)
			expected[file->phdr[i].p_paddr + j] =
				elf_file_byte(file->phdr[i].p_offset + j);
	ck_assert_int_eq(guestmem_init(&mem, ram_len), 0);
	ck_assert_int_eq(elf_read(&image, fd, file->len, &why), 0);
	ck_assert_int_eq(elf_load(&image, fd, &mem), 0);
	close(fd);
	ck_assert(!memcmp(guest_ptr(&mem, 0, ram_len), expected, ram_len));
	/* The guest may write to all of it. */
	memset(guest_ptr(&mem, 0, ram_len), 0x5a, ram_len);
	guestmem_destroy(&mem);
	free(expected);
}

START_TEST(load_aligned)
{
	struct elf_file file = elf_file_good();

	check_loaded(&file);
	file.phdr[0].p_memsz = 0x5000;
	check_loaded(&file);
}
END_TEST

/* The file goes on after a segment, the memory must not. */
START_TEST(load_partial_pages)
{
	struct elf_file file = elf_file_good();

	file.phdr[0].p_filesz = 0x2345;
	file.phdr[0].p_memsz = 0x9000;
	check_loaded(&file);
	file.phdr[0].p_offset = 0x1ff0;
	file.phdr[0].p_paddr = 0x200ff0;
	file.ehdr.e_entry = 0x201000;
	check_loaded(&file);
	file.phdr[0].p_filesz = 0x10;
	check_loaded(&file);
	file.phdr[0].p_filesz = 0x11;
	check_loaded(&file);
	file.phdr[0].p_filesz = 0x1010;
	check_loaded(&file);
	file.phdr[0].p_filesz = 1;
	check_loaded(&file);
	file.phdr[0].p_filesz = 0;
	check_loaded(&file);
}
END_TEST

START_TEST(load_unaligned)
{
	struct elf_file file = elf_file_good();

	file.phdr[0].p_offset = 0x1001;
	check_loaded(&file);
	file.phdr[0].p_paddr = 0x200080;
	check_loaded(&file);
}
END_TEST

/* Neighbours meet within a page, in either order. */
START_TEST(load_neighbours)
{
	struct elf_file file = elf_file_good();

	file.phdr[0].p_filesz = 0x1800;
	file.phdr[0].p_memsz = 0x1900;
	add_segment(&file, 0x4900, 0x2700, 0x201900, 0x4000);
	check_loaded(&file);
	file.phdr[2] = file.phdr[0];
	file.phdr[0] = file.phdr[1];
	file.phdr[1] = file.phdr[2];
	check_loaded(&file);
}
END_TEST

START_TEST(load_outside_ram)
{
	struct elf_file file = elf_file_good();
	int fd = elf_file_write(&file);
	struct elf_image image;
	struct guestmem mem;
	const char *why;

	ck_assert_int_eq(elf_read(&image, fd, file.len, &why), 0);
	ck_assert_int_eq(guestmem_init(&mem, 0x202000), 0);
	ck_assert_int_eq(elf_load(&image, fd, &mem), -EFAULT);
	guestmem_destroy(&mem);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("elf");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, good);
	tcase_add_test(tc, bare_32_bit_guest);
	tcase_add_test(tc, other_files);
	tcase_add_test(tc, truncated_anywhere);
	tcase_add_test(tc, program_headers_elsewhere);
	tcase_add_test(tc, lengths_and_offsets);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, overlapping);
	tcase_add_test(tc, too_many_segments);
	tcase_add_test(tc, random_damage);
	tcase_add_test(tc, load_aligned);
	tcase_add_test(tc, load_partial_pages);
	tcase_add_test(tc, load_unaligned);
	tcase_add_test(tc, load_neighbours);
	tcase_add_test(tc, load_outside_ram);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
