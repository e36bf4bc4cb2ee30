/*
 * The initramfs: read back by a reader of its own and, where there is one, by
 * cpio(1).
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/guest/abi.h"
#include "boot/initramfs.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"

enum { HEADER_LEN = 110 };

/* Fields of a newc header, in the order of the format */
enum field {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_SIZE,
	F_MAJOR,
	F_MINOR,
	F_RMAJOR,
	F_RMINOR,
	F_NAME_LEN,
	F_CHECK,
	NUM_FIELDS,
};

struct entry {
	unsigned long field[NUM_FIELDS];
	const char *name;
	const char *data;
};

/* Takes the entry at *@at apart and moves on to the next. */
static void next_entry(const struct bytes *bytes, size_t *at, struct entry *e)
{
	char digits[9] = "";
	size_t i;
	char *end;

	ck_assert_uint_eq(*at % 4, 0);
	ck_assert_uint_le(*at + HEADER_LEN, bytes->len);
	ck_assert(!memcmp(bytes->data + *at, "070701", 6));
	for (i = 0; i < NUM_FIELDS; i++) {
		memcpy(digits, bytes->data + *at + 6 + i * 8, 8);
		e->field[i] = strtoul(digits, &end, 16);
		ck_assert_ptr_eq(end, digits + 8);
	}
	e->name = bytes->data + *at + HEADER_LEN;
	*at = align_up(*at + HEADER_LEN + e->field[F_NAME_LEN], 4);
	e->data = bytes->data + *at;
	*at = align_up(*at + e->field[F_SIZE], 4);
	ck_assert_uint_le(*at, bytes->len);
	ck_assert_uint_eq(strlen(e->name) + 1, e->field[F_NAME_LEN]);
	ck_assert_uint_eq(e->field[F_MTIME], 0);
	ck_assert_uint_eq(e->field[F_UID], 0);
	ck_assert_uint_eq(e->field[F_GID], 0);
	ck_assert_uint_eq(e->field[F_CHECK], 0);
}

static char *const argv[] = {(char[]){"true"}, NULL};
static const struct guest_spec spec = {
	.root_tag = "root",
	.hostname = "h",
	.workdir = "/",
	.argv = argv,
	.envp = argv + 1,
};

static void build(struct initramfs *fs)
{
	struct modules modules = {.cnt = 2};

	strcpy(modules.module[0].name, "first");
	bytes_append(&modules.module[0].elf, "12345", 5);
	strcpy(modules.module[1].name, "second");
	ck_assert_int_eq(initramfs_build(fs, &spec, &modules), 0);
	modules_destroy(&modules);
}

static const struct {
	const char *name;
	unsigned long mode;
	const char *data; /* first bytes */
	long size;	  /* -1: not zero */
} content[] = {
	{"dev", S_IFDIR | 0755, "", 0},
	{"sys", S_IFDIR | 0755, "", 0},
	{"newroot", S_IFDIR | 0755, "", 0},
	{"modules", S_IFDIR | 0755, "", 0},
	{"dev/console", S_IFCHR | 0600, "", 0},
	{"init", S_IFREG | 0755, "\177ELF", -1},
	{"spec", S_IFREG | 0600, GUEST_SPEC_HEADER, -1},
	{"modules/first.ko", S_IFREG | 0644, "12345", 5},
	{"modules/second.ko", S_IFREG | 0644, "", 0},
	{"TRAILER!!!", 0, "", 0},
};

START_TEST(whole)
{
	struct initramfs fs;
	struct entry e;
	size_t at = 0;
	unsigned int i;

	build(&fs);
	for (i = 0; i < ARRAY_SIZE(content); i++) {
		next_entry(&fs.bytes, &at, &e);
		ck_assert_str_eq(e.name, content[i].name);
		ck_assert_uint_eq(e.field[F_MODE], content[i].mode);
		ck_assert_uint_eq(e.field[F_INO], i + 1);
		if (content[i].size >= 0)
			ck_assert_int_eq(e.field[F_SIZE], content[i].size);
		else
			ck_assert_uint_gt(e.field[F_SIZE], 0);
		ck_assert(!memcmp(e.data, content[i].data,
				  strlen(content[i].data)));
		if (S_ISCHR(e.field[F_MODE])) {
			ck_assert_uint_eq(e.field[F_RMAJOR], 5);
			ck_assert_uint_eq(e.field[F_RMINOR], 1);
		}
	}
	ck_assert_uint_eq(fs.bytes.len % 512, 0);
	ck_assert_uint_lt(fs.bytes.len - at, 512);
	for (; at < fs.bytes.len; at++)
		ck_assert_int_eq(fs.bytes.data[at], 0);
	initramfs_destroy(&fs);
}
END_TEST

START_TEST(reproducible)
{
	struct initramfs a, b;

	build(&a);
	build(&b);
	ck_assert_uint_eq(a.bytes.len, b.bytes.len);
	ck_assert(!memcmp(a.bytes.data, b.bytes.data, a.bytes.len));
	initramfs_destroy(&a);
	initramfs_destroy(&b);
}
END_TEST

/* Every length of name and content leaves the next header aligned. */
START_TEST(alignment)
{
	struct initramfs fs = {0};
	char name[16] = "";
	struct entry e;
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		memset(name, 'n', i + 1);
		initramfs_add_file(&fs, name, 0644, "abcdefghij", i);
	}
	ck_assert_int_eq(initramfs_finish(&fs), 0);
	for (i = 0; i < 10; i++) {
		next_entry(&fs.bytes, &at, &e);
		ck_assert_uint_eq(strlen(e.name), i + 1);
		ck_assert_uint_eq(e.field[F_SIZE], i);
		ck_assert(!memcmp(e.data, "abcdefghij", i));
	}
	initramfs_destroy(&fs);
}
END_TEST

/* Starts `cpio -it` with a file as input; its list comes out of the pipe. */
static FILE *list_with_cpio(int archive_fd, pid_t *pid)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	*pid = fork();
	ck_assert_int_ge(*pid, 0);
	if (*pid == 0) {
		dup2(archive_fd, STDIN_FILENO);
		dup2(fd[1], STDOUT_FILENO);
		execlp("cpio", "cpio", "-it", "--quiet", (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	return fdopen(fd[0], "r");
}

START_TEST(listed_by_cpio)
{
	char path[] = "/tmp/test_initramfs.XXXXXX";
	struct initramfs fs;
	char line[128];
	int fd, status;
	size_t i = 0;
	FILE *list;
	pid_t pid;

	build(&fs);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_eq(write(fd, fs.bytes.data, fs.bytes.len), fs.bytes.len);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	initramfs_destroy(&fs);
	list = list_with_cpio(fd, &pid);
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		ck_assert_str_eq(line, content[i++].name);
	}
	fclose(list);
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 127) /* there is no cpio(1) */
		return;
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(i, ARRAY_SIZE(content) - 1);
}
END_TEST

START_TEST(larger_than_the_format)
{
	struct initramfs fs = {0};

	initramfs_add_file(&fs, "big", 0644, NULL, (size_t)UINT32_MAX + 1);
	initramfs_add_dir(&fs, "after");
	ck_assert_int_eq(initramfs_finish(&fs), -EFBIG);
	initramfs_destroy(&fs);
}
END_TEST

START_TEST(out_of_memory)
{
	struct bytes bytes = {0};

	bytes_append(&bytes, "x", 1);
	ck_assert_int_eq(bytes_reserve(&bytes, SIZE_MAX), -ENOMEM);
	bytes_append(&bytes, "y", 1);
	ck_assert_uint_eq(bytes.len, 1);
	ck_assert_int_eq(bytes.err, -ENOMEM);
	bytes_destroy(&bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("initramfs");
	TCase *tcase = tcase_create("initramfs");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, whole);
	tcase_add_test(tcase, reproducible);
	tcase_add_test(tcase, alignment);
	tcase_add_test(tcase, listed_by_cpio);
	tcase_add_test(tcase, larger_than_the_format);
	tcase_add_test(tcase, out_of_memory);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
