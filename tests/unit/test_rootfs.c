/*
 * ROOTFS: what can be a guest's root, and one clear line for what cannot.
 */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fail.h"
#include "vmm/rootfs.h"

static char dir[] = "/tmp/wherry-rootfs-XXXXXX";
static struct fail why;

static void path_of(char path[256], const char *name)
{
	snprintf(path, 256, "%s/%s", dir, name);
}

static void make_file(const char *name, const void *bytes, size_t len)
{
	char path[256];
	int fd;

	path_of(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static void make_elf(const char *name, int machine)
{
	Elf64_Ehdr head = {.e_ident = ELFMAG, .e_machine = machine};

	make_file(name, &head, sizeof(head));
}

static void setup(void)
{
	char path[256];

	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path_of(path, "bin");
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void teardown(void)
{
	char line[300];

	snprintf(line, sizeof(line), "rm -rf %s", dir);
	ck_assert_int_eq(system(line), 0);
}

static void refuses(const char *path, const char *command, int err,
		    const char *word)
{
	ck_assert_int_eq(rootfs_open(path, command, &why), err);
	ck_assert_msg(strstr(why.text, word), "says '%s'", why.text);
	ck_assert_ptr_nonnull(strstr(why.text, "ROOTFS"));
	ck_assert_ptr_null(strchr(why.text, '\n'));
}

static void accepts(const char *command)
{
	int fd = rootfs_open(dir, command, &why);

	ck_assert_msg(fd >= 0, "says '%s'", why.text);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(a_directory_is_accepted)
{
	accepts("/bin/missing");
	make_elf("bin/sh", EM_X86_64);
	accepts("/bin/sh");
	accepts("sh");
	make_elf("bin/sh", EM_386);
	accepts("sh");
	make_file("bin/sh", "#!", 2);
	accepts("/bin/sh");
}
END_TEST

START_TEST(what_is_no_directory_is_refused)
{
	char path[256];

	refuses("/nonexistent/root", "sh", -ENOENT, "/nonexistent/root");
	make_file("file", "x", 1);
	path_of(path, "file");
	refuses(path, "sh", -ENOTDIR, "not a directory");
	refuses("", "sh", -ENOENT, "No such file");
}
END_TEST

START_TEST(an_empty_directory_is_refused)
{
	char path[256];

	path_of(path, "bin");
	refuses(path, "sh", -ENOENT, "empty");
}
END_TEST

START_TEST(another_architecture_is_named)
{
	make_elf("bin/sh", EM_AARCH64);
	refuses(dir, "sh", -ENOEXEC, "arm64");
	refuses(dir, "/bin/sh", -ENOEXEC, "/bin/sh");
	make_elf("bin/tool", 0x1234);
	refuses(dir, "/bin/tool", -ENOEXEC, "another processor");
}
END_TEST

START_TEST(links_and_devices_stay_inside)
{
	char path[256];

	make_elf("outside", EM_AARCH64);
	path_of(path, "bin/sh");
	/* An absolute link means the root's own file, which is not there. */
	ck_assert_int_eq(symlink("/tmp", path), 0);
	accepts("/bin/sh");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/../../outside", path), 0);
	refuses(dir, "/bin/sh", -ENOEXEC, "arm64");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	accepts("/bin/sh");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rootfs");
	TCase *tcase = tcase_create("rootfs");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_directory_is_accepted);
	tcase_add_test(tcase, what_is_no_directory_is_refused);
	tcase_add_test(tcase, an_empty_directory_is_refused);
	tcase_add_test(tcase, another_architecture_is_named);
	tcase_add_test(tcase, links_and_devices_stay_inside);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
