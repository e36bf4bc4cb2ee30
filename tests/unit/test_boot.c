/*
 * boot_load(): kernel files of every kind, and what the user is told about
 * those that are not kernels.
 */
#include "boot/boot.h"

#include <asm/bootparam.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/unit/elf_file.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/guestmem.h"

enum {
	PAYLOAD_START = 1024, /* one setup sector after the boot sector */
	FILE_CAP = 0x10000,
	PROCESSES = 6,
};

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

static void write_kernel(const void *data, size_t len)
{
	int fd = open(kernel, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void write_elf(const struct elf_file *file)
{
	uint8_t bytes[ELF_FILE_LEN];

	elf_file_bytes(file, bytes);
	write_kernel(bytes, file->len);
}

/* A bzImage around a payload, which ends with the unpacked length */
static size_t make_bzimage(uint8_t *out, const void *payload, size_t len,
			   uint32_t unpacked_len)
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
		.pref_address = MIB(2),
		.init_size = MIB(1),
	};

	ck_assert_uint_le(PAYLOAD_START + len + 4, FILE_CAP);
	memset(out, 0, PAYLOAD_START);
	memcpy(out + 0x1f1, &hdr, sizeof(hdr));
	memcpy(out + PAYLOAD_START, payload, len);
	memcpy(out + PAYLOAD_START + len, &unpacked_len, 4);
	return PAYLOAD_START + len + 4;
}

static size_t pack_zstd(const struct elf_file *file, uint8_t *out)
{
	uint8_t bytes[ELF_FILE_LEN];
	size_t n;

	elf_file_bytes(file, bytes);
	n = ZSTD_compress(out, FILE_CAP, bytes, file->len, 1);
	ck_assert(!ZSTD_isError(n));
	return n;
}

static void write_bzimage(const struct elf_file *file)
{
	uint8_t payload[FILE_CAP];
	uint8_t out[FILE_CAP];
	size_t n = pack_zstd(file, payload);

	write_kernel(out, make_bzimage(out, payload, n, (uint32_t)file->len));
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
	const uint8_t *p = guest_ptr(&mem, 0x200000, 0x3000);

	for (size_t i = 0; i < 0x3000; i++)
		ck_assert_uint_eq(p[i], elf_file_byte(0x1000 + i));
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

/* The same, and the line begins with the kernel. */
static void check_kernel_fails(int err, const char *word)
{
	char noun[128];

	snprintf(noun, sizeof(noun), "kernel %s: ", config.kernel_path);
	check_fails(err, word);
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

	write_elf(&file);
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
	ck_assert_int_eq(count_entries(path), 0);
}
END_TEST

START_TEST(bzimage)
{
	struct elf_file file = elf_file_good();
	char path[512];

	write_bzimage(&file);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(load(MIB(128)), 0);
		check_loaded();
		ck_assert_int_eq(count_entries(path), 1);
	}
}
END_TEST

START_TEST(tables)
{
	struct elf_file file = elf_file_good();
	const struct boot_params *bp;

	write_bzimage(&file);
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

	write_kernel(&file, sizeof(file));
	/* It may be as small as it likes. */
	ck_assert_int_eq(load(MIB(2)), 0);
	ck_assert(entry.protected32);
	ck_assert_uint_eq(entry.rip, 0x100000);
	ck_assert_mem_eq(guest_ptr(&mem, 0x100000, 0x20), &file, 0x20);
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
	write_bzimage(&file);
	check_kernel_fails(-ENOEXEC, "32-bit");
}
END_TEST

START_TEST(initrd)
{
	static const char content[] = "a file system";
	static const uint64_t rams[] = {MIB(128), GIB(3), GIB(4)};
	struct elf_file file = elf_file_good();

	config.initrd = content;
	config.initrd_len = sizeof(content);
	write_bzimage(&file);
	for (size_t i = 0; i < ARRAY_SIZE(rams); i++) {
		const struct boot_params *bp;
		uint64_t top = MIN(rams[i], GIB(2)); /* initrd_addr_max */

		ck_assert_int_eq(load(rams[i]), 0);
		bp = guest_ptr(&mem, entry.rsi, sizeof(*bp));
		ck_assert_uint_eq(bp->hdr.ramdisk_image, top - 4096);
		ck_assert_uint_eq(bp->hdr.ramdisk_size, sizeof(content));
		ck_assert_mem_eq(guest_ptr(&mem, top - 4096, 14), content, 14);
	}
}
END_TEST

/* Enough memory, but not where the kernel can reach it */
START_TEST(initrd_too_large)
{
	struct elf_file file = elf_file_good();
	static char content[1];

	write_bzimage(&file);
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
	write_bzimage(&file);
	/* init_size ends at 3 MiB; slack 64 MiB; initrd 2 MiB */
	ck_assert_int_eq(load(MIB(69)), 0);
	ck_assert_int_eq(load(MIB(69) - KIB(4)), -ENOMEM);
	ck_assert_str_eq(fail.text, "memory 70652K: this kernel needs at least "
				    "69M; use --memory 69M");
	ck_assert_int_eq(load(MIB(64)), -ENOMEM);
	ck_assert_str_eq(fail.text, "memory 64M: this kernel needs at least "
				    "69M; use --memory 69M");
	ck_assert_int_eq(load(KIB(4)), -ENOMEM);
}
END_TEST

START_TEST(kernel_above_the_gap)
{
	struct elf_file file = elf_file_good();

	file.phdr[0].p_paddr = GIB(5);
	file.ehdr.e_entry = GIB(5);
	write_elf(&file);
	check_kernel_fails(-ENOEXEC, "above 3 GiB");
	file.phdr[0].p_paddr = GIB(3) - 0x2000;
	file.ehdr.e_entry = GIB(3) - 0x2000;
	write_elf(&file);
	check_kernel_fails(-ENOEXEC, "above 3 GiB");
}
END_TEST

START_TEST(cmdline)
{
	struct elf_file file = elf_file_good();
	char text[3000];

	memset(text, 'x', sizeof(text));
	config.cmdline = text;
	text[101] = '\0';
	write_bzimage(&file);
	check_fails(-E2BIG, "101 bytes, this kernel takes at most 100");
	text[100] = '\0';
	ck_assert_int_eq(load(MIB(128)), 0);
	memset(text, 'x', sizeof(text));
	text[2048] = '\0';
	write_elf(&file);
	check_fails(-E2BIG, "2048 bytes, this kernel takes at most 2047");
	text[2047] = '\0';
	ck_assert_int_eq(load(MIB(128)), 0);
}
END_TEST

START_TEST(files_that_are_no_kernels)
{
	char text[5000];

	check_kernel_fails(-ENOENT, "no such file");
	write_kernel("", 0);
	check_kernel_fails(-ENOEXEC, "empty");
	write_kernel("ab", 2);
	check_kernel_fails(-ENOEXEC, "not an ELF file or bzImage");
	memset(text, 'y', sizeof(text));
	write_kernel(text, sizeof(text));
	check_kernel_fails(-ENOEXEC, "not an ELF file or bzImage");
	write_kernel(ELFMAG, 4);
	check_kernel_fails(-ENOEXEC, "truncated");
	ck_assert_int_eq(unlink(kernel), 0);
	ck_assert_int_eq(mkfifo(kernel, 0600), 0);
	check_kernel_fails(-EINVAL, "not a regular file");
	config.kernel_path = root;
	check_kernel_fails(-EINVAL, "a directory");
	config.kernel_path = "/dev/null";
	check_kernel_fails(-EINVAL, "not a regular file");
	config.kernel_path = "";
	check_kernel_fails(-ENOENT, "no such file");
	if (!geteuid())
		return;
	config.kernel_path = kernel;
	unlink(kernel);
	write_kernel("ab", 2);
	chmod(kernel, 0);
	check_kernel_fails(-EACCES, "permission denied");
}
END_TEST

START_TEST(other_architecture)
{
	struct elf_file file = elf_file_good();

	file.ehdr.e_machine = EM_AARCH64;
	write_elf(&file);
	check_kernel_fails(-ENOEXEC, "another processor");
	write_bzimage(&file);
	check_kernel_fails(-ENOEXEC, "another processor");
}
END_TEST

START_TEST(truncated_bzimage)
{
	struct elf_file file = elf_file_good();
	uint8_t payload[FILE_CAP];
	uint8_t out[FILE_CAP];
	size_t len = make_bzimage(out, payload, pack_zstd(&file, payload),
				  ELF_FILE_LEN);

	write_kernel(out, len - 1);
	check_kernel_fails(-ENOEXEC, "truncated");
	write_kernel(out, 700);
	check_kernel_fails(-ENOEXEC, "truncated");
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
	uint8_t out[FILE_CAP];
	char path[512];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_kernel(out, make_bzimage(out, cases[i].data, 10,
					       cases[i].unpacked_len));
		check_kernel_fails(cases[i].err, cases[i].word);
	}
	ck_assert_int_eq(count_entries(path), 0);
}
END_TEST

/* 100 MiB of zeros, whatever the length field says */
START_TEST(bomb)
{
	static const uint32_t lengths[] = {0, 1000, MIB(1)};
	static uint8_t zeros[1 << 20];
	static uint8_t payload[FILE_CAP];
	uint8_t out[FILE_CAP];
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
		write_kernel(out,
			     make_bzimage(out, payload, to.pos, lengths[i]));
		check_kernel_fails(-EBADMSG, "zstd");
	}
}
END_TEST

START_TEST(cache_is_repaired)
{
	struct elf_file file = elf_file_good();
	char path[512];

	write_bzimage(&file);
	ck_assert_int_eq(load(MIB(128)), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(count_entries(path), 1);
		ck_assert_int_eq(truncate(path, i * 3000), 0);
		ck_assert_int_eq(load(MIB(128)), 0);
		check_loaded();
	}
}
END_TEST

START_TEST(kernel_changes)
{
	struct elf_file file = elf_file_good();
	char path[512];

	write_bzimage(&file);
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
	file.ehdr.e_entry = 0x200200;
	/* Times have the resolution of the clock tick. */
	usleep(20000);
	write_bzimage(&file);
	ck_assert_int_eq(load(MIB(128)), 0);
	ck_assert_uint_eq(entry.rip, 0x200200);
	ck_assert_int_eq(count_entries(path), 2);
}
END_TEST

START_TEST(no_cache)
{
	struct elf_file file = elf_file_good();
	char path[512];
	int fd;

	write_bzimage(&file);
	config.cache_dir = NULL;
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
	config.cache_dir = "/proc/nothing/here";
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
	/* The directory is a file, or below one. */
	snprintf(path, sizeof(path), "%s/cache", root);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	config.cache_dir = path;
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
	config.cache_dir = cache;
	ck_assert_int_eq(load(MIB(128)), 0);
	check_loaded();
}
END_TEST

START_TEST(many_at_once)
{
	struct elf_file file = elf_file_good();
	pid_t pids[PROCESSES];
	char path[512];
	int status;

	write_bzimage(&file);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		ck_assert_int_eq(load(MIB(128)), 0);
		check_loaded();
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(count_entries(path), 1);
}
END_TEST

START_TEST(impossible_machine)
{
	struct elf_file file = elf_file_good();

	write_elf(&file);
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
	write_bzimage(&file);
	load(MIB(128));
	load(MIB(128));
	load(MIB(1));
	config.cache_dir = NULL;
	load(MIB(128));
	write_elf(&file);
	load(MIB(128));
	write_kernel("x", 1);
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
	tcase_add_test(tc, packed_32_bit_kernel);
	tcase_add_test(tc, initrd);
	tcase_add_test(tc, initrd_too_large);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, kernel_above_the_gap);
	tcase_add_test(tc, cmdline);
	tcase_add_test(tc, files_that_are_no_kernels);
	tcase_add_test(tc, other_architecture);
	tcase_add_test(tc, truncated_bzimage);
	tcase_add_test(tc, payloads);
	tcase_add_test(tc, bomb);
	tcase_add_test(tc, cache_is_repaired);
	tcase_add_test(tc, kernel_changes);
	tcase_add_test(tc, no_cache);
	tcase_add_test(tc, many_at_once);
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
