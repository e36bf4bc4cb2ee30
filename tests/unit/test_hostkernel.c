/*
 * Which kernel a guest gets, and where its modules are looked for.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/hostkernel.h"

enum { NOBODY = 65534 };

static char dir[] = "/tmp/wherry-hostkernel-XXXXXX";
static struct hostkernel found;
static struct fail why;
static char path[256];

static const char *at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make_dir(const char *name)
{
	ck_assert_int_eq(mkdir(at(name), 0755), 0);
}

static void make_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

/* A bzImage as far as its version is concerned. */
static void make_bzimage(const char *name, const char *version,
			 unsigned int offset)
{
	char image[0x400] = {0};

	memcpy(image + 0x202, "HdrS", 4);
	image[0x20e] = (char)(offset & 0xff);
	image[0x20f] = (char)(offset >> 8);
	if (0x200 + offset + strlen(version) < sizeof(image))
		strcpy(image + 0x200 + offset, version);
	make_file(name, image, sizeof(image));
}

static void setup(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	make_dir("boot");
	make_dir("lib");
	make_dir("lib/modules");
	make_dir("lib/modules/1.2.3-test");
	make_file("lib/modules/1.2.3-test/modules.dep.bin", "", 0);
}

static void teardown(void)
{
	char line[300];

	snprintf(line, sizeof(line), "rm -rf %s", dir);
	ck_assert_int_eq(system(line), 0);
}

/* A kernel and its modules as packages install them. */
static void make_version(const char *version)
{
	char name[128];

	snprintf(name, sizeof(name), "lib/modules/%s", version);
	make_dir(name);
	strcat(name, "/modules.dep.bin");
	make_file(name, "", 0);
	snprintf(name, sizeof(name), "boot/vmlinuz-%s", version);
	make_file(name, "x", 1);
}

static void set_mode(const char *name, mode_t mode)
{
	ck_assert_int_eq(chmod(at(name), mode), 0);
}

/* What access() answers is about the real user; root stays the effective one,
 * so that it can clean up.
 */
static int find_newest(void)
{
	char boot[128], modules[128];
	bool root = geteuid() == 0;
	int err;

	snprintf(boot, sizeof(boot), "%s/boot", dir);
	snprintf(modules, sizeof(modules), "%s/lib/modules", dir);
	why.text[0] = '\0';
	if (root)
		ck_assert_int_eq(setreuid(NOBODY, -1), 0);
	err = hostkernel_find_newest(&found, boot, modules, &why);
	if (root)
		ck_assert_int_eq(setreuid(0, -1), 0);
	return err;
}

static void finds_newest(const char *kernel, const char *modules)
{
	ck_assert_msg(find_newest() == 0, "says '%s'", why.text);
	ck_assert_str_eq(found.kernel, at(kernel));
	ck_assert_str_eq(found.modules, at(modules));
}

static void finds_none(int err, const char *word)
{
	ck_assert_int_eq(find_newest(), err);
	ck_assert_msg(strstr(why.text, word), "says '%s'", why.text);
	ck_assert_ptr_nonnull(strstr(why.text, "--kernel FILE"));
	ck_assert_ptr_null(strchr(why.text, '\n'));
}

static void refuses(const char *kernel, const char *modules, const char *word)
{
	ck_assert_int_lt(hostkernel_find(&found, kernel, modules, &why), 0);
	ck_assert_msg(strstr(why.text, word), "says '%s'", why.text);
	ck_assert_ptr_null(strchr(why.text, '\n'));
}

START_TEST(modules_are_found_beside_the_kernel)
{
	make_bzimage("boot/kernel", "1.2.3-test (me@here) #1", 0x100);
	ck_assert_int_eq(hostkernel_find(&found, at("boot/kernel"), NULL, &why),
			 0);
	ck_assert_str_eq(found.kernel, at("boot/kernel"));
	ck_assert_str_eq(found.modules, at("boot/../lib/modules/1.2.3-test"));
}
END_TEST

START_TEST(a_kernel_may_be_among_its_modules)
{
	make_bzimage("lib/modules/1.2.3-test/vmlinuz", "9.9.9 x", 0x100);
	ck_assert_int_eq(hostkernel_find(&found,
					 at("lib/modules/1.2.3-test/vmlinuz"),
					 NULL, &why),
			 0);
	ck_assert_str_eq(found.modules, at("lib/modules/1.2.3-test"));
	ck_assert_int_eq(unlink(at("lib/modules/1.2.3-test/modules.dep.bin")),
			 0);
	refuses(at("lib/modules/1.2.3-test/vmlinuz"), NULL, "9.9.9");
}
END_TEST

START_TEST(a_name_tells_the_version_of_a_vmlinux)
{
	make_file("boot/vmlinux-1.2.3-test", "\177ELF", 4);
	ck_assert_int_eq(hostkernel_find(&found, at("boot/vmlinux-1.2.3-test"),
					 NULL, &why),
			 0);
	ck_assert_ptr_nonnull(strstr(found.modules, "1.2.3-test"));
}
END_TEST

START_TEST(the_user_knows_better)
{
	make_file("boot/kernel", "x", 1);
	ck_assert_int_eq(
		hostkernel_find(&found, at("boot/kernel"), "/some/where", &why),
		0);
	ck_assert_str_eq(found.modules, "/some/where");
}
END_TEST

START_TEST(what_is_missing_is_named)
{
	refuses("/nonexistent/kernel", NULL, "/nonexistent/kernel");
	make_file("boot/kernel", "x", 1);
	refuses(at("boot/kernel"), NULL, "--modules");
	make_bzimage("boot/other", "9.9.9-none", 0x100);
	refuses(at("boot/other"), NULL, "9.9.9-none");
	make_file("boot/vmlinux-", "x", 1);
	refuses(at("boot/vmlinux-"), NULL, "--modules");
}
END_TEST

START_TEST(hostile_versions_lead_nowhere)
{
	make_bzimage("boot/kernel", "../../../etc x", 0x100);
	refuses(at("boot/kernel"), NULL, "--modules");
	make_bzimage("boot/kernel", "", 0x100);
	refuses(at("boot/kernel"), NULL, "--modules");
	make_bzimage("boot/kernel", "1.2.3-test", 0xfff0);
	refuses(at("boot/kernel"), NULL, "--modules");
	make_bzimage("boot/kernel", "1.2.3-test", 0);
	refuses(at("boot/kernel"), NULL, "--modules");
}
END_TEST

START_TEST(long_paths_are_refused)
{
	char *name = malloc(2 * PATH_MAX);

	memset(name, 'x', 2 * PATH_MAX);
	name[2 * PATH_MAX - 1] = '\0';
	refuses(name, NULL, "too long");
	make_file("boot/kernel", "x", 1);
	refuses(at("boot/kernel"), name, "too long");
	free(name);
}
END_TEST

/* By the number in it, not by the letters. */
START_TEST(newest_is_taken)
{
	make_version("6.9.1");
	make_version("6.12.0");
	make_version("6.1.0");
	finds_newest("boot/vmlinuz-6.12.0", "lib/modules/6.12.0");
}
END_TEST

/* A container sees the modules of its host's kernel, but not the kernel. */
START_TEST(newest_without_kernel_or_modules_is_skipped)
{
	make_version("6.1.0");
	make_version("6.12.0");
	make_version("6.13.0");
	ck_assert_int_eq(unlink(at("boot/vmlinuz-6.12.0")), 0);
	ck_assert_int_eq(unlink(at("lib/modules/6.13.0/modules.dep.bin")), 0);
	make_file("boot/vmlinuz-6.14.0", "x", 1);
	finds_newest("boot/vmlinuz-6.1.0", "lib/modules/6.1.0");
}
END_TEST

START_TEST(newest_that_the_user_may_not_read_is_skipped)
{
	make_version("6.1.0");
	make_version("6.12.0");
	make_version("6.13.0");
	set_mode("boot/vmlinuz-6.13.0", 0);
	set_mode("lib/modules/6.12.0/modules.dep.bin", 0);
	finds_newest("boot/vmlinuz-6.1.0", "lib/modules/6.1.0");
}
END_TEST

START_TEST(kernel_among_its_modules_is_found)
{
	make_version("6.12.0");
	set_mode("boot/vmlinuz-6.12.0", 0);
	make_file("lib/modules/6.12.0/vmlinuz", "x", 1);
	finds_newest("lib/modules/6.12.0/vmlinuz", "lib/modules/6.12.0");
	set_mode("boot/vmlinuz-6.12.0", 0644);
	finds_newest("boot/vmlinuz-6.12.0", "lib/modules/6.12.0");
	set_mode("boot", 0);
	finds_newest("lib/modules/6.12.0/vmlinuz", "lib/modules/6.12.0");
	set_mode("boot", 0755);
}
END_TEST

START_TEST(directory_of_kernels_need_not_be_readable)
{
	make_version("6.12.0");
	set_mode("boot", 0711);
	finds_newest("boot/vmlinuz-6.12.0", "lib/modules/6.12.0");
}
END_TEST

START_TEST(what_may_not_be_read_is_named)
{
	char command[300];

	make_version("6.1.0");
	make_version("6.12.0");
	set_mode("boot/vmlinuz-6.1.0", 0);
	set_mode("boot/vmlinuz-6.12.0", 0);
	snprintf(command, sizeof(command), "sudo chmod a+rX %s,",
		 at("boot/vmlinuz-6.12.0"));
	finds_none(-EACCES, command);
	set_mode("boot", 0);
	snprintf(command, sizeof(command), "sudo chmod a+rX %s,", at("boot"));
	finds_none(-EACCES, command);
	set_mode("boot", 0755);
}
END_TEST

START_TEST(nothing_to_choose_from)
{
	finds_none(-ENOENT, "linux-image-cloud-amd64");
	make_file("boot/vmlinuz-6.1.0", "x", 1);
	finds_none(-ENOENT, "linux-image-cloud-amd64");
}
END_TEST

START_TEST(long_names_are_no_kernels)
{
	char *name = malloc(2 * PATH_MAX);

	memset(name, 'x', 2 * PATH_MAX);
	name[2 * PATH_MAX - 1] = '\0';
	make_version("6.1.0");
	ck_assert_int_eq(
		hostkernel_find_newest(&found, name, at("lib/modules"), &why),
		-ENOENT);
	ck_assert_int_eq(hostkernel_find_newest(&found, at("boot"), name, &why),
			 -ENOENT);
	free(name);
}
END_TEST

START_TEST(kernels_that_stall)
{
	static const struct {
		const char *text;
		const char *version; /* of one that does */
	} rows[] = {
		{"6.1.158 (me@here) #1", "6.1.158"},
		{"6.1.176", "6.1.176"},
		{"6.1.0-50-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP "
		 "PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)",
		 "6.1.176"},
		{"6.12.54-rc1", "6.12.54"},
		{"6.12.94+deb13-cloud-amd64 (x) #1 SMP Debian 6.12.94-1",
		 "6.12.94"},
		{"6.18.0 (x) #1", "6.18.0"},
		{"6.19.12", "6.19.12"},
		{"7.1.1", "7.1.1"},
		{"7.1.2", NULL},
		{"7.2.0-rc1", NULL},
		{"6.16.9", NULL},
		{"6.1.157", NULL},
		{"6.1.177", NULL},
		{"6.12.53", NULL},
		{"6.12.95", NULL},
		{"6.11.176", NULL},
		{"5.1.160", NULL},
		{"6.1", NULL},
		{"6.1.0-56-cloud-amd64 (x) #1 SMP Debian 6.1.192-2", NULL},
		{" Debian ", NULL},
		{"", NULL},
	};
	char version[VERSION_TEXT_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_bzimage("boot/kernel", rows[i].text, 0x100);
		ck_assert(hostkernel_stalls(at("boot/kernel"), version) ==
			  (rows[i].version != NULL));
		if (rows[i].version)
			ck_assert_str_eq(version, rows[i].version);
	}
	make_bzimage("boot/kernel", "6.1.176", 0xfff0);
	ck_assert(!hostkernel_stalls(at("boot/kernel"), version));
	make_file("boot/kernel", "\177ELF", 4);
	ck_assert(!hostkernel_stalls(at("boot/kernel"), version));
	ck_assert(!hostkernel_stalls(at("nothing"), version));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostkernel");
	TCase *tcase = tcase_create("hostkernel");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, modules_are_found_beside_the_kernel);
	tcase_add_test(tcase, a_kernel_may_be_among_its_modules);
	tcase_add_test(tcase, a_name_tells_the_version_of_a_vmlinux);
	tcase_add_test(tcase, the_user_knows_better);
	tcase_add_test(tcase, what_is_missing_is_named);
	tcase_add_test(tcase, hostile_versions_lead_nowhere);
	tcase_add_test(tcase, long_paths_are_refused);
	tcase_add_test(tcase, newest_is_taken);
	tcase_add_test(tcase, newest_without_kernel_or_modules_is_skipped);
	tcase_add_test(tcase, newest_that_the_user_may_not_read_is_skipped);
	tcase_add_test(tcase, kernel_among_its_modules_is_found);
	tcase_add_test(tcase, directory_of_kernels_need_not_be_readable);
	tcase_add_test(tcase, what_may_not_be_read_is_named);
	tcase_add_test(tcase, nothing_to_choose_from);
	tcase_add_test(tcase, long_names_are_no_kernels);
	tcase_add_test(tcase, kernels_that_stall);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
