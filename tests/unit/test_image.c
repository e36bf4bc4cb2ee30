/*
 * Kernel files of every kind, and what the user is told about those that are
 * not kernels.
 */
#include "boot/image.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/bzimage_file.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

enum { PROCESSES = 6 };

static char root[64];
static char cache[96];
static char kernel[96];
static const char *cache_dir;
static const char *path_opened;
static struct image image;
static struct fail fail;

static void setup(void)
{
	snprintf(root, sizeof(root), "%s/wherry-image-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(cache, sizeof(cache), "%s/cache/wherry", root);
	snprintf(kernel, sizeof(kernel), "%s/kernel", root);
	cache_dir = cache;
	path_opened = kernel;
	image.fd = -1;
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
	image_close(&image);
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int open_kernel(void)
{
	int err;

	image_close(&image);
	fail = (struct fail){0};
	err = image_open(&image, path_opened, cache_dir, &fail);
	ck_assert(!err == !fail.text[0]);
	ck_assert_ptr_null(strchr(fail.text, '\n'));
	return err;
}

/* Is what was opened the file of elf_file_good()? */
static void check_image(void)
{
	uint8_t expected[0x3000];
	uint8_t got[0x3000];

	ck_assert_uint_eq(image.elf.entry, 0x200100);
	ck_assert_uint_eq(image.end, 3 << 20);
	ck_assert_uint_eq(image.hdr.cmdline_size, 100);
	ck_assert_int_eq(pread(image.fd, got, sizeof(got), 0x1000),
			 sizeof(got));
	for (size_t i = 0; i < sizeof(got); i++)
		expected[i] = elf_file_byte(0x1000 + i);
	ck_assert_mem_eq(got, expected, sizeof(got));
}

/* One line that begins with the kernel */
static void check_fails(int err, const char *word)
{
	char noun[128];

	ck_assert_int_eq(open_kernel(), err);
	ck_assert_msg(strstr(fail.text, word), "\"%s\" lacks \"%s\"", fail.text,
		      word);
	snprintf(noun, sizeof(noun), "kernel %s: ", path_opened);
	ck_assert_msg(!strncmp(fail.text, noun, strlen(noun)), "%s", fail.text);
}

static int count_entries(char path[512])
{
	DIR *d = opendir(cache);
	struct dirent *e;
	int cnt = 0;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, 512, "%s/%s", cache, e->d_name);
		cnt++;
	}
	if (d)
		closedir(d);
	return cnt;
}

START_TEST(elf)
{
	struct elf_file file = elf_file_good();
	char path[512];

	kernel_file_write_elf(kernel, &file);
	ck_assert_int_eq(open_kernel(), 0);
	ck_assert_uint_eq(image.elf.entry, 0x200100);
	ck_assert_uint_eq(image.end, 0x203000);
	ck_assert_uint_eq(image.hdr.cmdline_size, 2047);
	ck_assert_int_eq(count_entries(path), 0);
}
END_TEST

START_TEST(bzimage)
{
	struct elf_file file = elf_file_good();
	char path[512];

	kernel_file_write_bzimage(kernel, &file);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(open_kernel(), 0);
		check_image();
		ck_assert_int_eq(count_entries(path), 1);
	}
}
END_TEST

START_TEST(files_that_are_no_kernels)
{
	char text[5000];

	check_fails(-ENOENT, "no such file");
	kernel_file_write(kernel, "", 0);
	check_fails(-EINVAL, "empty");
	kernel_file_write(kernel, "ab", 2);
	check_fails(-ENOEXEC, "not an ELF file or bzImage");
	memset(text, 'y', sizeof(text));
	kernel_file_write(kernel, text, sizeof(text));
	check_fails(-ENOEXEC, "not an ELF file or bzImage");
	kernel_file_write(kernel, ELFMAG, 4);
	check_fails(-ENOEXEC, "truncated");
	ck_assert_int_eq(unlink(kernel), 0);
	ck_assert_int_eq(mkfifo(kernel, 0600), 0);
	check_fails(-EINVAL, "not a regular file");
	path_opened = root;
	check_fails(-EINVAL, "a directory");
	path_opened = "/dev/null";
	check_fails(-EINVAL, "not a regular file");
	path_opened = "";
	check_fails(-ENOENT, "no such file");
	if (!geteuid())
		return;
	path_opened = kernel;
	unlink(kernel);
	kernel_file_write(kernel, "ab", 2);
	chmod(kernel, 0);
	check_fails(-EACCES, "permission denied");
}
END_TEST

START_TEST(other_architecture)
{
	struct elf_file file = elf_file_good();

	file.ehdr.e_machine = EM_AARCH64;
	kernel_file_write_elf(kernel, &file);
	check_fails(-ENOEXEC, "another processor");
	kernel_file_write_bzimage(kernel, &file);
	check_fails(-ENOEXEC, "another processor");
}
END_TEST

START_TEST(truncated_bzimage)
{
	struct elf_file file = elf_file_good();
	uint8_t out[BZIMAGE_FILE_CAP];
	size_t len = bzimage_file_pack(out, &file);

	kernel_file_write(kernel, out, len - 1);
	check_fails(-ENOEXEC, "truncated");
	kernel_file_write(kernel, out, 700);
	check_fails(-ENOEXEC, "truncated");
}
END_TEST

START_TEST(payloads)
{
	static const struct {
		const char *data;
		uint32_t unpacked_len;
		int err;
		const char *word;
	} cases[] = {
		{"BZh91AY&SY", 1000, -EOPNOTSUPP, "bzip2"},
		{"\x89LZO\0\r\n\x1a\n\0", 1000, -EOPNOTSUPP, "LZO"},
		{"what is this", 1000, -EOPNOTSUPP, "unknown method"},
		{"\x28\xb5\x2f\xfd!!!!!!", 1000, -EBADMSG, "zstd"},
		{"\x1f\x8b\x08!!!!!!!", 1000, -EBADMSG, "gzip"},
		{"\x02\x21\x4c\x18!!!!!!", 1000, -EBADMSG, "LZ4"},
		{"\x1f\x8b\x08!!!!!!!", 0, -EBADMSG, "gzip"},
		{"\x1f\x8b\x08!!!!!!!", UINT32_MAX, -EFBIG, "512 MiB"},
	};
	uint8_t out[BZIMAGE_FILE_CAP];
	char path[512];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		kernel_file_write(kernel, out,
				  bzimage_file_bytes(out, cases[i].data, 10,
						     cases[i].unpacked_len));
		check_fails(cases[i].err, cases[i].word);
	}
	ck_assert_int_eq(count_entries(path), 0);
}
END_TEST

/* 100 MiB of zeros, whatever the length field says */
START_TEST(bomb)
{
	static const uint32_t lengths[] = {0, 1000, MIB(1)};
	static uint8_t zeros[1 << 20];
	static uint8_t payload[BZIMAGE_FILE_CAP];
	uint8_t out[BZIMAGE_FILE_CAP];
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_outBuffer to = {payload, sizeof(payload), 0};

	for (int i = 0; i < 100; i++) {
		ZSTD_inBuffer from = {zeros, sizeof(zeros), 0};

		while (from.pos < from.size)
			ck_assert(!ZSTD_isError(ZSTD_compressStream2(
				z, &to, &from, ZSTD_e_continue)));
	}
	ck_assert_uint_eq(ZSTD_compressStream2(z, &to,
					       &(ZSTD_inBuffer){NULL, 0, 0},
					       ZSTD_e_end),
			  0);
	ZSTD_freeCCtx(z);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		kernel_file_write(
			kernel, out,
			bzimage_file_bytes(out, payload, to.pos, lengths[i]));
		check_fails(-EBADMSG, "zstd");
	}
}
END_TEST

START_TEST(cache_is_repaired)
{
	struct elf_file file = elf_file_good();
	char path[512];

	kernel_file_write_bzimage(kernel, &file);
	ck_assert_int_eq(open_kernel(), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(count_entries(path), 1);
		ck_assert_int_eq(truncate(path, i * 3000), 0);
		ck_assert_int_eq(open_kernel(), 0);
		check_image();
	}
}
END_TEST

START_TEST(kernel_changes)
{
	struct elf_file file = elf_file_good();
	char path[512];

	kernel_file_write_bzimage(kernel, &file);
	ck_assert_int_eq(open_kernel(), 0);
	check_image();
	file.ehdr.e_entry = 0x200200;
	/* Times have the resolution of the clock tick. */
	usleep(20000);
	kernel_file_write_bzimage(kernel, &file);
	ck_assert_int_eq(open_kernel(), 0);
	ck_assert_uint_eq(image.elf.entry, 0x200200);
	ck_assert_int_eq(count_entries(path), 2);
}
END_TEST

START_TEST(no_cache)
{
	struct elf_file file = elf_file_good();
	char path[512];
	int fd;

	kernel_file_write_bzimage(kernel, &file);
	cache_dir = NULL;
	ck_assert_int_eq(open_kernel(), 0);
	check_image();
	cache_dir = "/proc/nothing/here";
	ck_assert_int_eq(open_kernel(), 0);
	check_image();
	/* The directory is a file, or below one. */
	snprintf(path, sizeof(path), "%s/cache", root);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	cache_dir = path;
	ck_assert_int_eq(open_kernel(), 0);
	check_image();
	cache_dir = cache;
	ck_assert_int_eq(open_kernel(), 0);
	check_image();
}
END_TEST

START_TEST(many_at_once)
{
	struct elf_file file = elf_file_good();
	pid_t pids[PROCESSES];
	char path[512];
	int status;

	kernel_file_write_bzimage(kernel, &file);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		ck_assert_int_eq(open_kernel(), 0);
		check_image();
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(count_entries(path), 1);
}
END_TEST

START_TEST(packed_32_bit_kernel)
{
	struct elf_file file = elf_file_good();
	Elf32_Ehdr ehdr = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
			    ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_entry = 0x100000,
		.e_phoff = sizeof(ehdr),
		.e_ehsize = sizeof(ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};
	Elf32_Phdr phdr = {
		.p_type = PT_LOAD, .p_paddr = 0x100000, .p_memsz = 0x1000};

	memcpy(&file, &ehdr, sizeof(ehdr));
	memcpy((char *)&file + sizeof(ehdr), &phdr, sizeof(phdr));
	kernel_file_write_bzimage(kernel, &file);
	check_fails(-ENOEXEC, "32-bit");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("image");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, elf);
	tcase_add_test(tc, bzimage);
	tcase_add_test(tc, files_that_are_no_kernels);
	tcase_add_test(tc, other_architecture);
	tcase_add_test(tc, packed_32_bit_kernel);
	tcase_add_test(tc, truncated_bzimage);
	tcase_add_test(tc, payloads);
	tcase_add_test(tc, bomb);
	tcase_add_test(tc, cache_is_repaired);
	tcase_add_test(tc, kernel_changes);
	tcase_add_test(tc, no_cache);
	tcase_add_test(tc, many_at_once);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
