/*
 * Patched modules: taken if both are there and are for this very kernel.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/modpatch.h"
#include "boot/modules.h"

#define MAGIC "6.1.0-1-cloud SMP mod_unload "

static char dir[] = "/tmp/modpatch.XXXXXX";
static struct modules modules;

/* A module's file as far as anybody looks here: @what, then its vermagic. */
static size_t make_elf(char *elf, size_t room, const char *what,
		       const char *magic)
{
	memset(elf, 0, room);
	memcpy(elf, "\177ELF", 4);
	strcpy(elf + 64, what);
	snprintf(elf + 128, room - 128, "vermagic=%s", magic);
	return room;
}

static void put(const char *version, const char *name, const char *magic)
{
	char path[200], elf[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, version);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s.ko", dir, version, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fwrite(elf, make_elf(elf, sizeof(elf), "patched", magic), 1, file);
	fclose(file);
}

static void add(const char *name, const char *what, const char *magic)
{
	struct module *module = &modules.module[modules.cnt++];
	char elf[512];

	strcpy(module->name, name);
	bytes_append(&module->elf, elf,
		     make_elf(elf, sizeof(elf), what, magic));
}

static void set_up(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	add("virtio", "stock", MAGIC);
	add("fuse", "stock", MAGIC);
	add("virtiofs", "stock", MAGIC);
}

static void tear_down(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
	modules_destroy(&modules);
}

static void assert_are(const char *what)
{
	ck_assert_str_eq(modules.module[0].elf.data + 64, "stock");
	ck_assert_str_eq(modules.module[1].elf.data + 64, what);
	ck_assert_str_eq(modules.module[2].elf.data + 64, what);
}

START_TEST(test_takes_both)
{
	put("6.1.0-1-cloud", "fuse", MAGIC);
	put("6.1.0-1-cloud", "virtiofs", MAGIC);
	ck_assert(modpatch_use(&modules, dir));
	assert_are("patched");
}
END_TEST

START_TEST(test_takes_none_of_one)
{
	put("6.1.0-1-cloud", "fuse", MAGIC);
	ck_assert(!modpatch_use(&modules, dir));
	assert_are("stock");
}
END_TEST

START_TEST(test_takes_none_of_another_build)
{
	put("6.1.0-1-cloud", "fuse", MAGIC);
	put("6.1.0-1-cloud", "virtiofs", MAGIC "modversions ");
	ck_assert(!modpatch_use(&modules, dir));
	put("6.1.0-2-cloud", "virtiofs", MAGIC);
	ck_assert(!modpatch_use(&modules, dir));
	assert_are("stock");
}
END_TEST

/* What is built in has no module: nothing to exchange. */
START_TEST(test_takes_none_for_none)
{
	put("6.1.0-1-cloud", "fuse", MAGIC);
	put("6.1.0-1-cloud", "virtiofs", MAGIC);
	modules.module[2].name[0] = 'V';
	ck_assert(!modpatch_use(&modules, dir));
	assert_are("stock");
}
END_TEST

/* A version that is no name, or is not there, leads nowhere. */
START_TEST(test_takes_none_without_version)
{
	static const char *const bad[] = {"../6.1.0-1-cloud ", "", "/ x", NULL};

	char below[200];

	snprintf(below, sizeof(below), "%s/6.1.0-1-cloud", dir);
	mkdir(below, 0700);
	for (unsigned int i = 0; bad[i]; i++) {
		put(".", "fuse", bad[i]);
		put(".", "virtiofs", bad[i]);
		modules_destroy(&modules);
		add("virtio", "stock", MAGIC);
		add("fuse", "stock", bad[i]);
		add("virtiofs", "stock", bad[i]);
		ck_assert(!modpatch_use(&modules, i ? dir : below));
		assert_are("stock");
	}
	memset(modules.module[1].elf.data + 100, 'x',
	       modules.module[1].elf.len - 100);
	ck_assert(!modpatch_use(&modules, dir));
	assert_are("stock");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("modpatch");
	TCase *tc = tcase_create("modpatch");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_takes_both);
	tcase_add_test(tc, test_takes_none_of_one);
	tcase_add_test(tc, test_takes_none_of_another_build);
	tcase_add_test(tc, test_takes_none_for_none);
	tcase_add_test(tc, test_takes_none_without_version);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
