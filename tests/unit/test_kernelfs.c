/*
 * Interfaces of the host's kernel below a share are found, and nothing else.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/sandbox/kernelfs.h"

static struct kernelfs found;
static char path[] = "/tmp/wherry-mountinfo.XXXXXX";

static void write_mounts(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	found = (struct kernelfs){0};
}

static void teardown(void)
{
	kernelfs_destroy(&found);
	ck_assert_uint_eq(found.cnt, 0);
	unlink(path);
}

static const char usual[] =
	"22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
	"23 22 0:20 / /proc rw,nosuid shared:2 - proc proc rw\n"
	"24 23 0:21 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
	"25 22 0:22 / /sys rw shared:3 master:4 - sysfs sysfs rw\n"
	"26 22 0:23 / /home rw - tmpfs tmpfs rw\n"
	"27 26 0:20 / /home/a\\040b\\134c/proc rw - proc proc rw\n"
	"28 26 0:20 / /homely rw - proc proc rw\n";

START_TEST(of_the_whole_tree)
{
	write_mounts(usual);
	ck_assert_int_eq(kernelfs_find(&found, path, "/", "/3"), 0);
	ck_assert_uint_eq(found.cnt, 5);
	ck_assert_str_eq(found.path[0], "/3/proc");
	ck_assert_str_eq(found.path[1], "/3/proc/sys/fs/binfmt_misc");
	ck_assert_str_eq(found.path[2], "/3/sys");
	ck_assert_str_eq(found.path[3], "/3/home/a b\\c/proc");
	ck_assert_str_eq(found.path[4], "/3/homely");
}
END_TEST

START_TEST(of_one_directory)
{
	write_mounts(usual);
	ck_assert_int_eq(kernelfs_find(&found, path, "/home", "/0"), 0);
	ck_assert_uint_eq(found.cnt, 1);
	ck_assert_str_eq(found.path[0], "/0/a b\\c/proc");
	/* More directories, one list. */
	ck_assert_int_eq(kernelfs_find(&found, path, "/proc", "/1"), 0);
	ck_assert_uint_eq(found.cnt, 2);
	ck_assert_str_eq(found.path[1], "/1/sys/fs/binfmt_misc");
}
END_TEST

START_TEST(odd_lines_are_nothing)
{
	write_mounts("\n - proc\n1 2 3 - proc x\n1 2 3:4 / - proc proc rw\n"
		     "1 2 3:4 / /x rw proc proc rw\n"
		     "1 2 3:4 / /y rw - procfs proc rw\n"
		     "1 2 3:4 / /z rw - ");
	ck_assert_int_eq(kernelfs_find(&found, path, "/", "/0"), 0);
	ck_assert_uint_eq(found.cnt, 0);
	ck_assert_int_eq(kernelfs_find(&found, "/nonexistent", "/", "/0"),
			 -ENOENT);
}
END_TEST

START_TEST(too_many_are_refused)
{
	FILE *file = fopen(path, "w");

	for (int i = 0; i <= KERNELFS_MAX; i++)
		fprintf(file, "%d 1 0:1 / /m/%d rw - proc proc rw\n", i + 2, i);
	fclose(file);
	ck_assert_int_eq(kernelfs_find(&found, path, "/m", "/0"), -E2BIG);
	ck_assert_uint_eq(found.cnt, KERNELFS_MAX);
}
END_TEST

/* Of the kernel itself. */
START_TEST(files_in_one)
{
	static const struct {
		const char *path, *type;
	} files[] = {{"/proc/version", "proc"},
		     {"/proc", "proc"},
		     {"/sys/kernel", "sysfs"},
		     {"/tmp", NULL}};
	const char *type;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = open(files[i].path, O_PATH);

		ck_assert_int_eq(
			kernelfs_holds("/proc/self/mountinfo", fd, &type), 0);
		ck_assert_pstr_eq(type, files[i].type);
		close(fd);
	}
}
END_TEST

/* By the number of its mount, whatever that is called. */
START_TEST(files_in_a_mount)
{
	const char *type = "x";
	struct statx stx;
	char line[64];
	int fd = open("/tmp", O_PATH);

	ck_assert_int_eq(statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx), 0);
	snprintf(line, sizeof(line), "%d1 2 3:4 / / rw - proc proc rw\n",
		 (int)stx.stx_mnt_id);
	write_mounts(line);
	ck_assert_int_eq(kernelfs_holds(path, fd, &type), 0);
	ck_assert_ptr_null(type);
	snprintf(line, sizeof(line), "%d 2 3:4 / /\\040 rw - bpf bpf rw\n",
		 (int)stx.stx_mnt_id);
	write_mounts(line);
	ck_assert_int_eq(kernelfs_holds(path, fd, &type), 0);
	ck_assert_str_eq(type, "bpf");
	ck_assert_int_eq(kernelfs_holds("/nonexistent", fd, &type), -ENOENT);
	close(fd);
	ck_assert_int_eq(kernelfs_holds(path, fd, &type), -EBADF);
	ck_assert_ptr_null(type);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernelfs");
	TCase *tcase = tcase_create("kernelfs");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, of_the_whole_tree);
	tcase_add_test(tcase, of_one_directory);
	tcase_add_test(tcase, odd_lines_are_nothing);
	tcase_add_test(tcase, too_many_are_refused);
	tcase_add_test(tcase, files_in_one);
	tcase_add_test(tcase, files_in_a_mount);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
