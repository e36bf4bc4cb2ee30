/*
 * bzImages for tests, and kernel files on disk.
 */
#ifndef TESTS_UNIT_BZIMAGE_FILE_H
#define TESTS_UNIT_BZIMAGE_FILE_H

#include <asm/bootparam.h>
#include <check.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/unit/elf_file.h"

enum {
	BZIMAGE_FILE_CAP = 0x10000,
	/* One setup sector after the boot sector */
	BZIMAGE_FILE_PAYLOAD = 1024,
};

static inline void kernel_file_write(const char *path, const void *data,
				     size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static inline void kernel_file_write_elf(const char *path,
					 const struct elf_file *file)
{
	uint8_t bytes[ELF_FILE_LEN];

	elf_file_bytes(file, bytes);
	kernel_file_write(path, bytes, file->len);
}

/* A bzImage around a payload, which ends with the unpacked length; @out has
 * room for BZIMAGE_FILE_CAP bytes. Return its length.
 */
static inline size_t bzimage_file_bytes(uint8_t *out, const void *payload,
					size_t len, uint32_t unpacked_len)
{
	struct setup_header hdr = {
		.setup_sects = 1,
		.boot_flag = 0xaa55,
		.jump = 0x6aeb,
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.initrd_addr_max = 0x7fffffff,
		.cmdline_size = 100,
		.payload_length = (uint32_t)len + 4,
		.pref_address = 2 << 20,
		.init_size = 1 << 20,
	};

	ck_assert_uint_le(BZIMAGE_FILE_PAYLOAD + len + 4, BZIMAGE_FILE_CAP);
	memset(out, 0, BZIMAGE_FILE_PAYLOAD);
	memcpy(out + 0x1f1, &hdr, sizeof(hdr));
	memcpy(out + BZIMAGE_FILE_PAYLOAD, payload, len);
	memcpy(out + BZIMAGE_FILE_PAYLOAD + len, &unpacked_len, 4);
	return BZIMAGE_FILE_PAYLOAD + len + 4;
}

/* The same around an ELF file, packed with zstd */
static inline size_t bzimage_file_pack(uint8_t *out,
				       const struct elf_file *file)
{
	uint8_t payload[BZIMAGE_FILE_CAP];
	uint8_t bytes[ELF_FILE_LEN];
	size_t n;

	elf_file_bytes(file, bytes);
	n = ZSTD_compress(payload, sizeof(payload), bytes, file->len, 1);
	ck_assert(!ZSTD_isError(n));
	return bzimage_file_bytes(out, payload, n, (uint32_t)file->len);
}

static inline void kernel_file_write_bzimage(const char *path,
					     const struct elf_file *file)
{
	uint8_t out[BZIMAGE_FILE_CAP];

	kernel_file_write(path, out, bzimage_file_pack(out, file));
}

#endif /* TESTS_UNIT_BZIMAGE_FILE_H */
