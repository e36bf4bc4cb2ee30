/*
 * Which kernel a guest gets, and where its modules are looked for.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fail.h"
#include "vmm/hostkernel.h"

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
	make_dir("boot");
	make_dir("lib");
	make_dir("lib/modules");
	make_dir("lib/modules/1.2.3-test");
	make_file("lib/modules/1.2.3-test/modules.dep", "", 0);
}

static void teardown(void)
{
	char line[300];

	snprintf(line, sizeof(line), "rm -rf %s", dir);
	ck_assert_int_eq(system(line), 0);
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

int main(void)
{
	Suite *suite = suite_create("hostkernel");
	TCase *tcase = tcase_create("hostkernel");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, modules_are_found_beside_the_kernel);
	tcase_add_test(tcase, a_name_tells_the_version_of_a_vmlinux);
	tcase_add_test(tcase, the_user_knows_better);
	tcase_add_test(tcase, what_is_missing_is_named);
	tcase_add_test(tcase, hostile_versions_lead_nowhere);
	tcase_add_test(tcase, long_paths_are_refused);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
