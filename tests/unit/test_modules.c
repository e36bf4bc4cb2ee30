/*
 * Modules: files in every packing, and a module tree made up for the test,
 * with index files written by hand.
 */
#define ZLIB_CONST /* its input is not changed */

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "boot/bytes.h"
#include "boot/kmodfile.h"
#include "boot/modules.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

enum { ELF_LEN = 100000 };

/* Something that begins like an ELF file and shrinks like one. */
static char *make_elf(void)
{
	char *elf = malloc(ELF_LEN);
	unsigned int i;

	for (i = 0; i < ELF_LEN; i++)
		elf[i] = (char)((i * i) >> 9);
	elf[0] = 0x7f;
	elf[1] = 'E';
	elf[2] = 'L';
	elf[3] = 'F';
	return elf;
}

static size_t pack_none(char *to, size_t room, const char *from, size_t len)
{
	ck_assert_uint_le(len, room);
	memcpy(to, from, len);
	return len;
}

static size_t pack_gzip(char *to, size_t room, const char *from, size_t len)
{
	z_stream z = {
		.next_in = (const Bytef *)from,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)to,
		.avail_out = (uInt)room,
	};

	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

/* As the kernel's build does it: CRC32 is what its own unpacker knows. */
static size_t pack_xz(char *to, size_t room, const char *from, size_t len)
{
	size_t out_len = 0;

	ck_assert_int_eq(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL,
						 (const uint8_t *)from, len,
						 (uint8_t *)to, &out_len, room),
			 LZMA_OK);
	return out_len;
}

static size_t pack_zstd(char *to, size_t room, const char *from, size_t len)
{
	size_t n = ZSTD_compress(to, room, from, len, 1);

	ck_assert(!ZSTD_isError(n));
	return n;
}

static const struct {
	size_t (*pack)(char *to, size_t room, const char *from, size_t len);
	const char *suffix;
} packings[] = {
	{pack_none, ""},
	{pack_gzip, ".gz"},
	{pack_xz, ".xz"},
	{pack_zstd, ".zst"},
};

START_TEST(unpack)
{
	size_t room = 2UL * ELF_LEN;
	char *packed = malloc(room);
	char *elf = make_elf();
	struct bytes out = {0};
	size_t len;

	len = packings[_i].pack(packed, room, elf, ELF_LEN);
	ck_assert_int_eq(kmodfile_unpack(&out, packed, len), 0);
	ck_assert_uint_eq(out.len, ELF_LEN);
	ck_assert(!memcmp(out.data, elf, ELF_LEN));
	bytes_destroy(&out);
	free(packed);
	free(elf);
}
END_TEST

/* Cut short anywhere, and with any byte changed: an error, or an ELF file. */
START_TEST(damaged)
{
	size_t room = 2UL * ELF_LEN;
	char *packed = malloc(room);
	char *elf = make_elf();
	size_t len, i, step;
	struct bytes out = {0};
	char *cut;

	len = packings[_i].pack(packed, room, elf, ELF_LEN);
	step = len / 50 + 1;
	for (i = 0; i < len; i += step) {
		cut = memcpy(malloc(i + 1), packed, i);
		if (_i > 0 || i < 4)
			ck_assert_int_eq(kmodfile_unpack(&out, cut, i),
					 -EINVAL);
		bytes_destroy(&out);
		free(cut);
		packed[i] = (char)~packed[i];
		if (!kmodfile_unpack(&out, packed, len))
			ck_assert(!memcmp(out.data, "\177ELF", 4));
		bytes_destroy(&out);
		packed[i] = (char)~packed[i];
	}
	free(packed);
	free(elf);
}
END_TEST

START_TEST(not_a_module)
{
	size_t room = 4096;
	char packed[4096];
	struct bytes out = {0};
	size_t len;

	ck_assert_int_eq(kmodfile_unpack(&out, "", 0), -EINVAL);
	ck_assert_int_eq(kmodfile_unpack(&out, "#!/bin/sh\n", 10), -EINVAL);
	if (_i > 0) {
		len = packings[_i].pack(packed, room, "text\n", 5);
		ck_assert_int_eq(kmodfile_unpack(&out, packed, len), -EINVAL);
		bytes_destroy(&out);
		len = packings[_i].pack(packed, room, "", 0);
		ck_assert_int_eq(kmodfile_unpack(&out, packed, len), -EINVAL);
	}
	bytes_destroy(&out);
}
END_TEST

/* A small file that would fill the memory */
START_TEST(bomb)
{
	size_t len = KMODFILE_MAX_LEN + 1;
	size_t room = MIB(1);
	char *zeros = calloc(1, len);
	char *packed = malloc(room);
	struct bytes out = {0};

	len = packings[_i].pack(packed, room, zeros, len);
	free(zeros);
	ck_assert_int_eq(kmodfile_unpack(&out, packed, len), -EFBIG);
	ck_assert_uint_le(out.len, KMODFILE_MAX_LEN);
	bytes_destroy(&out);
	free(packed);
}
END_TEST

/* The made-up tree: each name begins with another letter. */
static const struct {
	const char *name;
	const char *file; /* NULL: built in */
	const char *deps; /* as modules.dep has them */
} tree[] = {
	{"alpha", "kernel/alpha.ko", ""},
	{"bravo_x", "kernel/bravo-x.ko", " kernel/delta.ko kernel/alpha.ko"},
	{"charlie", NULL, ""},
	{"delta", "kernel/delta.ko", " kernel/alpha.ko"},
	{"echo", "kernel/missing.ko", ""},
	{"foxtrot", "kernel/foxtrot.ko", ""},
};

static void put32(FILE *file, uint32_t n)
{
	uint8_t be[4] = {n >> 24, n >> 16, n >> 8, n};

	fwrite(be, 1, 4, file);
}

/*
 * An index of libkmod: a radix tree, big endian. This writer makes a root that
 * has one leaf for each first letter: the rest of the name and one value.
 */
static void write_index(const char *dir, const char *name, bool builtin)
{
	enum {
		PREFIX = 0x80000000U,
		VALUES = 0x40000000U,
		CHILDS = 0x20000000U
	};
	uint32_t leaf['g' - 'a'] = {0};
	char path[128];
	uint32_t root;
	unsigned int i;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	put32(file, 0xb007f457);
	put32(file, 0x00020001);
	put32(file, 0);
	for (i = 0; i < ARRAY_SIZE(tree); i++) {
		if (!tree[i].file != builtin)
			continue;
		leaf[tree[i].name[0] - 'a'] =
			(uint32_t)ftell(file) | PREFIX | VALUES;
		fprintf(file, "%s%c", tree[i].name + 1, 0);
		put32(file, 1);
		put32(file, i);
		if (builtin)
			fprintf(file, "kernel/%s.ko%c", tree[i].name, 0);
		else
			fprintf(file, "%s:%s%c", tree[i].file, tree[i].deps, 0);
	}
	root = (uint32_t)ftell(file) | CHILDS;
	fputc('a', file);
	fputc('f', file);
	for (i = 0; i < ARRAY_SIZE(leaf); i++)
		put32(file, leaf[i]);
	fseek(file, 8, SEEK_SET);
	put32(file, root);
	fclose(file);
}

static void write_modules(const char *dir)
{
	size_t room = 2UL * ELF_LEN;
	char *packed = malloc(room);
	char *elf = make_elf();
	char path[128];
	unsigned int i;
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/kernel", dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	for (i = 0; i < ARRAY_SIZE(tree); i++) {
		if (!tree[i].file || strstr(tree[i].file, "missing"))
			continue;
		len = packings[i % ARRAY_SIZE(packings)].pack(packed, room, elf,
							      ELF_LEN);
		if (!strcmp(tree[i].name, "foxtrot"))
			len = 2;
		snprintf(path, sizeof(path), "%s/%s", dir, tree[i].file);
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		ck_assert_uint_eq(fwrite(packed, 1, len, file), len);
		fclose(file);
	}
	free(packed);
	free(elf);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

#define DIR_TEMPLATE "/tmp/test_modules.XXXXXX"
static char dir[sizeof(DIR_TEMPLATE)]; /* of the test that runs */

static void make_tree(void)
{
	strcpy(dir, DIR_TEMPLATE);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_modules(dir);
	write_index(dir, "modules.dep.bin", false);
	write_index(dir, "modules.builtin.bin", true);
}

static void remove_tree(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

START_TEST(dependencies_first)
{
	static const char *const wanted[] = {
		"charlie",	  MODULES_MAY_MISS "nosuch",
		"bravo-x",	  MODULES_MAY_MISS "charlie",
		MODULES_MAY_MISS, MODULES_MAY_MISS "delta",
		"bravo_x",	  NULL,
	};
	static const char *const names[] = {"alpha", "delta", "bravo_x"};
	struct modules modules;
	struct fail fail = {0};
	unsigned int i;

	ck_assert_int_eq(modules_collect(&modules, dir, wanted, NULL, &fail),
			 0);
	ck_assert_str_eq(fail.text, "");
	ck_assert_uint_eq(modules.cnt, ARRAY_SIZE(names));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_str_eq(modules.module[i].name, names[i]);
		ck_assert_uint_eq(modules.module[i].elf.len, ELF_LEN);
	}
	modules_destroy(&modules);
}
END_TEST

/* The second time nothing is read but the cache, until depmod runs again. */
START_TEST(cached)
{
	static const char *const wanted[] = {"bravo_x", NULL};
	struct modules cold, warm;
	struct fail fail = {0};
	char cache[128], path[128];

	snprintf(cache, sizeof(cache), "%s/cache", dir);
	ck_assert_int_eq(modules_collect(&cold, dir, wanted, cache, &fail), 0);
	snprintf(path, sizeof(path), "%s/kernel", dir);
	ck_assert_int_eq(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	ck_assert_int_eq(modules_collect(&warm, dir, wanted, cache, &fail), 0);
	ck_assert_uint_eq(warm.cnt, cold.cnt);
	for (unsigned int i = 0; i < cold.cnt; i++) {
		ck_assert_str_eq(warm.module[i].name, cold.module[i].name);
		ck_assert_uint_eq(warm.module[i].elf.len,
				  cold.module[i].elf.len);
		ck_assert_mem_eq(warm.module[i].elf.data,
				 cold.module[i].elf.data,
				 cold.module[i].elf.len);
	}
	modules_destroy(&cold);
	modules_destroy(&warm);
	write_index(dir, "modules.dep.bin", false);
	ck_assert_int_ne(modules_collect(&warm, dir, wanted, cache, &fail), 0);
	modules_destroy(&warm);
}
END_TEST

START_TEST(all_built_in)
{
	static const char *const wanted[] = {"charlie", NULL};
	struct modules modules;
	struct fail fail = {0};

	ck_assert_int_eq(modules_collect(&modules, dir, wanted, NULL, &fail),
			 0);
	ck_assert_uint_eq(modules.cnt, 0);
	modules_destroy(&modules);
}
END_TEST

static const struct {
	const char *name;
	int err;
	const char *text; /* after "kernel modules DIR: " or DIR */
} failures[] = {
	{"nosuch", -ENOENT,
	 "no module 'nosuch'; install the kernel's modules package or pass "
	 "--modules DIR"},
	{"echo", -ENOENT, "/kernel/missing.ko: No such file or directory"},
	{"foxtrot", -EINVAL, "/kernel/foxtrot.ko: not a module, or corrupt"},
	{MODULES_MAY_MISS "echo", -ENOENT,
	 "/kernel/missing.ko: No such file or directory"},
	{MODULES_MAY_MISS "foxtrot", -EINVAL,
	 "/kernel/foxtrot.ko: not a module, or corrupt"},
	{"x" MODULES_MAY_MISS "alpha", -ENOENT, "no module 'x?alpha'"},
	{"", -ENOENT, "no module ''"},
	{"alph", -ENOENT, "no module 'alph'"},
	{"alpha*", -ENOENT, "no module 'alpha*'"},
};

START_TEST(cannot_collect)
{
	const char *const wanted[] = {"alpha", failures[_i].name, NULL};
	struct modules modules;
	struct fail fail = {0};

	ck_assert_int_eq(modules_collect(&modules, dir, wanted, NULL, &fail),
			 failures[_i].err);
	ck_assert_ptr_nonnull(strstr(fail.text, dir));
	ck_assert_ptr_nonnull(strstr(fail.text, failures[_i].text));
	modules_destroy(&modules);
}
END_TEST

START_TEST(no_directory)
{
	static const char *const wanted[] = {"alpha", NULL};
	struct modules modules;
	struct fail fail = {0};

	ck_assert_int_eq(modules_collect(&modules, "/nonexistent/6.1", wanted,
					 NULL, &fail),
			 -ENOENT);
	ck_assert_str_eq(fail.text,
			 "kernel modules /nonexistent/6.1: No such file or "
			 "directory; install the kernel's modules package or "
			 "pass --modules DIR");
	modules_destroy(&modules);
}
END_TEST

START_TEST(no_index)
{
	static const char *const wanted[] = {"alpha", NULL};
	struct modules modules;
	struct fail fail = {0};
	char path[128];

	snprintf(path, sizeof(path), "%s/modules.dep.bin", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(modules_collect(&modules, dir, wanted, NULL, &fail),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(fail.text, "run depmod"));
	modules_destroy(&modules);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("modules");
	TCase *file_case = tcase_create("file");
	TCase *tree_case = tcase_create("tree");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(file_case, unpack, 0, ARRAY_SIZE(packings));
	tcase_add_loop_test(file_case, damaged, 0, ARRAY_SIZE(packings));
	tcase_add_loop_test(file_case, not_a_module, 0, ARRAY_SIZE(packings));
	tcase_add_loop_test(file_case, bomb, 1, ARRAY_SIZE(packings));
	suite_add_tcase(suite, file_case);
	tcase_add_checked_fixture(tree_case, make_tree, remove_tree);
	tcase_add_test(tree_case, dependencies_first);
	tcase_add_test(tree_case, cached);
	tcase_add_test(tree_case, all_built_in);
	tcase_add_loop_test(tree_case, cannot_collect, 0, ARRAY_SIZE(failures));
	tcase_add_test(tree_case, no_directory);
	tcase_add_test(tree_case, no_index);
	suite_add_tcase(suite, tree_case);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
