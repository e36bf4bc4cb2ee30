/*
 * The setup header of a bzImage: good ones, and everything that a file can
 * claim instead.
 */
#include "boot/bzimage.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bits.h"

enum {
	HEADER_START = 0x1f1,
	SETUP_SECTS = 3,
	PAYLOAD_START = (SETUP_SECTS + 1) * 512 + 0x40,
	PAYLOAD_LEN = 100,
	FILE_LEN = PAYLOAD_START + PAYLOAD_LEN + 30,
};

static struct setup_header good_header(void)
{
	return (struct setup_header){
		.setup_sects = SETUP_SECTS,
		.boot_flag = BZIMAGE_BOOT_FLAG,
		.jump = 0x6aeb,
		.header = BZIMAGE_MAGIC,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.payload_offset = 0x40,
		.payload_length = PAYLOAD_LEN,
		.pref_address = MIB(16),
		.init_size = MIB(50),
		.kernel_info_offset = 0x1234,
	};
}

/* Read a file of @len bytes with this header. */
static int read_as(const struct setup_header *hdr, size_t len,
		   struct bzimage *image, const char **why)
{
	char file[FILE_LEN] = {0};
	uint32_t unpacked_len = 0x01020304;
	int fd = memfd_create("bzimage", MFD_CLOEXEC);
	int err;

	memcpy(file + HEADER_START, hdr, sizeof(*hdr));
	memcpy(file + PAYLOAD_START + PAYLOAD_LEN - 4, &unpacked_len, 4);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, file, len), (ssize_t)len);
	*why = NULL;
	err = bzimage_read(image, fd, len, why);
	close(fd);
	ck_assert(!err == !*why);
	return err;
}

static void check_rejected(const struct setup_header *hdr, const char *word)
{
	struct bzimage image;
	const char *why;

	ck_assert_int_eq(read_as(hdr, FILE_LEN, &image, &why), -ENOEXEC);
	ck_assert_msg(strstr(why, word), "\"%s\" lacks \"%s\"", why, word);
}

START_TEST(good)
{
	struct setup_header hdr = good_header();
	struct bzimage image;
	const char *why;

	ck_assert_int_eq(read_as(&hdr, FILE_LEN, &image, &why), 0);
	ck_assert_uint_eq(image.payload_offset, PAYLOAD_START);
	ck_assert_uint_eq(image.payload_len, PAYLOAD_LEN);
	ck_assert_uint_eq(image.unpacked_len, 0x01020304);
	ck_assert_uint_eq(image.end, MIB(66));
	ck_assert_mem_eq(&image.hdr, &hdr, sizeof(hdr));
}
END_TEST

START_TEST(no_setup_sects_means_four)
{
	struct setup_header hdr = good_header();
	struct bzimage image;
	const char *why;

	hdr.setup_sects = 0;
	hdr.payload_offset = 0;
	hdr.payload_length = 5;
	ck_assert_int_eq(read_as(&hdr, FILE_LEN, &image, &why), -ENOEXEC);
	hdr.setup_sects = 1;
	ck_assert_int_eq(read_as(&hdr, FILE_LEN, &image, &why), 0);
	ck_assert_uint_eq(image.payload_offset, 1024);
}
END_TEST

/* What lies after the stated end of the header is code, not header. */
START_TEST(short_header_is_cut)
{
	struct setup_header hdr = good_header();
	struct bzimage image;
	const char *why;

	/* up to and with init_size */
	hdr.jump = 0x00eb | (0x264 - 0x202) << 8;
	ck_assert_int_eq(read_as(&hdr, FILE_LEN, &image, &why), 0);
	ck_assert_uint_eq(image.hdr.init_size, hdr.init_size);
	ck_assert_uint_eq(image.hdr.kernel_info_offset, 0);
	hdr.jump = 0x00eb;
	check_rejected(&hdr, "corrupt");
}
END_TEST

START_TEST(truncated_anywhere)
{
	struct setup_header hdr = good_header();
	struct bzimage image;
	const char *why;

	for (size_t len = 0; len < PAYLOAD_START + PAYLOAD_LEN; len++)
		ck_assert_int_eq(read_as(&hdr, len, &image, &why), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(why, "truncated"));
}
END_TEST

START_TEST(not_a_bzimage)
{
	struct setup_header hdr = good_header();

	hdr.header++;
	check_rejected(&hdr, "not an ELF file or bzImage");
	hdr = good_header();
	hdr.boot_flag = 0;
	check_rejected(&hdr, "not an ELF file or bzImage");
	memset(&hdr, 0, sizeof(hdr));
	check_rejected(&hdr, "not an ELF file or bzImage");
	memset(&hdr, 0xff, sizeof(hdr));
	check_rejected(&hdr, "not an ELF file or bzImage");
}
END_TEST

START_TEST(kernels_of_other_kinds)
{
	struct setup_header hdr = good_header();

	hdr.version = 0x20b;
	check_rejected(&hdr, "too old");
	hdr = good_header();
	hdr.xloadflags = (uint16_t)~XLF_KERNEL_64;
	check_rejected(&hdr, "32-bit");
	hdr = good_header();
	hdr.loadflags = 0;
	check_rejected(&hdr, "zImage");
}
END_TEST

START_TEST(payload_beyond_the_file)
{
	struct setup_header hdr = good_header();

	hdr.payload_length = FILE_LEN;
	check_rejected(&hdr, "truncated");
	hdr.payload_length = UINT32_MAX;
	check_rejected(&hdr, "truncated");
	hdr = good_header();
	hdr.payload_offset = UINT32_MAX;
	check_rejected(&hdr, "truncated");
	hdr.payload_length = UINT32_MAX;
	check_rejected(&hdr, "truncated");
	hdr = good_header();
	hdr.setup_sects = 255;
	check_rejected(&hdr, "truncated");
	for (uint32_t len = 0; len <= 4; len++) {
		hdr = good_header();
		hdr.payload_length = len;
		check_rejected(&hdr, "no compressed kernel");
	}
}
END_TEST

START_TEST(memory_that_wraps)
{
	struct setup_header hdr = good_header();

	hdr.pref_address = UINT64_MAX - 5;
	check_rejected(&hdr, "wraps");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bzimage");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, good);
	tcase_add_test(tc, no_setup_sects_means_four);
	tcase_add_test(tc, short_header_is_cut);
	tcase_add_test(tc, truncated_anywhere);
	tcase_add_test(tc, not_a_bzimage);
	tcase_add_test(tc, kernels_of_other_kinds);
	tcase_add_test(tc, payload_beyond_the_file);
	tcase_add_test(tc, memory_that_wraps);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
