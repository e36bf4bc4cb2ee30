/*
 * ELF executables for tests, in a file without a name.
 */
#ifndef TESTS_UNIT_ELF_FILE_H
#define TESTS_UNIT_ELF_FILE_H

#include <check.h>
#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	ELF_FILE_PHDRS = 20,
	ELF_FILE_LEN = 0x8000,
};

/**
 * struct elf_file - An executable that a test may spoil before it is written
 * @ehdr:	Its header
 * @phdr:	Its program headers, at offset 64
 * @len:	Bytes written; after the headers, byte i is elf_file_byte(i)
 */
struct elf_file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[ELF_FILE_PHDRS];
	size_t len;
};

static inline uint8_t elf_file_byte(uint64_t offset)
{
	return (uint8_t)(1 + (offset * 13 + offset / 251) % 255);
}

/* An x86-64 kernel with one segment of 0x3000 bytes at 2 MiB */
static inline struct elf_file elf_file_good(void)
{
	return (struct elf_file){
		.ehdr =
			{
				.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
					    ELFCLASS64, ELFDATA2LSB,
					    EV_CURRENT},
				.e_type = ET_EXEC,
				.e_machine = EM_X86_64,
				.e_version = EV_CURRENT,
				.e_entry = 0x200100,
				.e_phoff = sizeof(Elf64_Ehdr),
				.e_ehsize = sizeof(Elf64_Ehdr),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = 1,
			},
		.phdr =
			{
				{
					.p_type = PT_LOAD,
					.p_offset = 0x1000,
					.p_vaddr = 0xffffffff80200000,
					.p_paddr = 0x200000,
					.p_filesz = 0x3000,
					.p_memsz = 0x3000,
				},
			},
		.len = ELF_FILE_LEN,
	};
}

/* The bytes of the file; @out has room for ELF_FILE_LEN of them. */
static inline void elf_file_bytes(const struct elf_file *file, uint8_t *out)
{
	for (size_t i = 0; i < file->len; i++)
		out[i] = elf_file_byte(i);
	memcpy(out, &file->ehdr, sizeof(file->ehdr));
	memcpy(out + sizeof(file->ehdr), file->phdr, sizeof(file->phdr));
}

static inline int elf_file_write(const struct elf_file *file)
{
	uint8_t bytes[ELF_FILE_LEN];
	int fd = memfd_create("elf", MFD_CLOEXEC);

	elf_file_bytes(file, bytes);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, file->len), (ssize_t)file->len);
	return fd;
}

#endif /* TESTS_UNIT_ELF_FILE_H */
