/*
 * Options of shares: what is understood, and one clear line for what is not.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/config.h"
#include "vmm/share.h"

enum { MAX_TEXT = 100000 };

static struct fs_config fs;
static struct config config;
static struct fail why;
static char buffer[MAX_TEXT];

static int parse(const char *text)
{
	why.text[0] = '\0';
	strcpy(buffer, text);
	return share_parse_options(&fs, "noun", buffer, &why);
}

/* They are refused, with one line that says so. */
static void refuses(const char *text, const char *because)
{
	ck_assert_int_eq(parse(text), -EINVAL);
	ck_assert_msg(!strncmp(why.text, "noun: option ", 13), "%s", why.text);
	ck_assert_msg(strstr(why.text, because), "%s: says '%s'", text,
		      why.text);
}

START_TEST(each_option_is_stored)
{
	static const struct {
		const char *text;
		struct fs_config wanted;
	} rows[] = {
		{"ro", {.cache = FS_CACHE_AUTO, .read_only = true}},
		{"cache=none", {.cache = FS_CACHE_NONE}},
		{"cache=shared",
		 {.cache = FS_CACHE_SHARED, .local_locks = true}},
		{"cache=shared:locks=host", {.cache = FS_CACHE_SHARED}},
		{"cache=auto", {.cache = FS_CACHE_AUTO}},
		{"cache=always",
		 {.cache = FS_CACHE_ALWAYS, .local_locks = true}},
		{"writeback", {.cache = FS_CACHE_AUTO, .writeback = true}},
		{"locks=local", {.cache = FS_CACHE_AUTO, .local_locks = true}},
		{"locks=host", {.cache = FS_CACHE_AUTO}},
		{"locks=host:cache=always", {.cache = FS_CACHE_ALWAYS}},
		{"handles", {.cache = FS_CACHE_AUTO, .handles = true}},
		{"cache=none:locks=local:ro",
		 {.cache = FS_CACHE_NONE,
		  .read_only = true,
		  .local_locks = true}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(parse(rows[i].text), 0);
		ck_assert_int_eq(fs.root_fd, -1);
		ck_assert_int_eq(fs.cache, rows[i].wanted.cache);
		ck_assert_int_eq(fs.read_only, rows[i].wanted.read_only);
		ck_assert_int_eq(fs.writeback, rows[i].wanted.writeback);
		ck_assert_int_eq(fs.local_locks, rows[i].wanted.local_locks);
		ck_assert_int_eq(fs.handles, rows[i].wanted.handles);
		ck_assert_int_eq(fs.proc_fd, -1);
	}
}
END_TEST

START_TEST(windows_have_lengths)
{
	static const struct {
		const char *text;
		uint64_t dax_len;
		uint64_t dax_min;
	} rows[] = {
		{"ro", SHARE_DAX_DEFAULT, KIB(64)},
		{"dax=off", 0, KIB(64)},
		{"dax=2M", MIB(2), KIB(64)},
		{"dax=6144k:dax-min=0", MIB(6), 0},
		{"dax-min=1G:dax=1024G:ro", GIB(1024), GIB(1)},
		{"dax=2097152:dax-min=1", MIB(2), 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(parse(rows[i].text), 0);
		ck_assert_uint_eq(fs.dax_len, rows[i].dax_len);
		ck_assert_uint_eq(fs.dax_min, rows[i].dax_min);
		ck_assert_ptr_null(fs.window);
	}
}
END_TEST

START_TEST(wrong_windows_are_refused)
{
	static const char *const lens[] = {
		"0",	 "1",	  "2K",	      "1M",	 "3M",
		"2047K", "1025G", "1048578M", "2097153", "17179869183G",
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		snprintf(text, sizeof(text), "dax=%s", lens[i]);
		refuses(text, "not a multiple of 2M up to 1024G");
	}
	refuses("dax", "write dax=SIZE|off");
	refuses("dax=", "write dax=SIZE|off");
	refuses("dax=Off", "write dax=SIZE|off");
	refuses("dax=-2M", "write dax=SIZE|off");
	refuses("dax=2MB", "write dax=SIZE|off");
	refuses("dax=1T", "write dax=SIZE|off");
	refuses("dax=17179869184G", "write dax=SIZE|off");
	refuses("dax=2M:dax=off", "given twice");
	refuses("dax-min", "write dax-min=SIZE");
	refuses("dax-min=off", "write dax-min=SIZE");
	refuses("dax-min=-1", "write dax-min=SIZE");
	refuses("dax-min=99999999999999999999", "write dax-min=SIZE");
}
END_TEST

/* At most 2 % of RAM go into the description of the default window. */
START_TEST(default_window_is_paid_by_ram)
{
	static const uint64_t rams[] = {
		MIB(8),	       MIB(8) + KIB(4), MIB(9),	    MIB(512),
		GIB(1) - 4096, GIB(1),		GIB(1) + 1, GIB(1024),
	};

	static const struct fs_config root = {.cache = FS_CACHE_AUTO};

	for (size_t i = 0; i < ARRAY_SIZE(rams); i++) {
		uint64_t len = share_default_dax(&root, rams[i], false);

		ck_assert_uint_gt(len, 0);
		ck_assert_uint_eq(len % MIB(2), 0);
		ck_assert_uint_le(len, GIB(1));
		ck_assert(len == GIB(1) || len + MIB(2) > rams[i]);
		ck_assert_uint_le(len / 4096 * 64, rams[i] / 50);
	}
}
END_TEST

/* A guest that may not close mapped files never does where it sends no OPEN. */
START_TEST(no_default_window_for_guests_that_stall)
{
	for (int cache = 0; cache < FS_NUM_CACHES; cache++) {
		for (int local = 0; local < 2; local++) {
			struct fs_config root = {.cache = (enum fs_cache)cache,
						 .local_locks = local};
			bool never = cache == FS_CACHE_ALWAYS && local;

			ck_assert(share_closes_files(&root) == !never);
			ck_assert_uint_eq(
				share_default_dax(&root, MIB(512), true),
				never ? MIB(512) : 0);
		}
	}
}
END_TEST

START_TEST(nothing_means_the_defaults)
{
	ck_assert_int_eq(share_parse_options(&fs, "noun", NULL, &why), 0);
	ck_assert_int_eq(fs.cache, FS_CACHE_AUTO);
	ck_assert(!fs.read_only && !fs.writeback && !fs.local_locks);
}
END_TEST

START_TEST(wrong_options_are_refused)
{
	refuses("", "known are ro, cache=, writeback, locks=, uid=, gid=, "
		    "dax=, dax-min=");
	refuses(":", "known are");
	refuses("ro:", "known are");
	refuses("ro::cache=auto", "known are");
	refuses("RO", "known are");
	refuses("=", "known are");
	refuses("cach=auto", "cach: unknown");
	refuses("cache", "none|auto|always|shared");
	refuses("cache=", "none|auto|always|shared");
	refuses("cache=Auto", "none|auto|always|shared");
	refuses("cache=auto=none", "none|auto|always|shared");
	refuses("locks=guest", "host|local");
	refuses("ro=1", "takes no value");
	refuses("writeback=", "takes no value");
	refuses("ro:ro", "given twice");
	refuses("cache=auto:ro:cache=none", "given twice");
	refuses("writeback:cache=none", "leave one");
	refuses("cache=none:writeback", "leave one");
	refuses("cache=shared:writeback", "leave one");
}
END_TEST

/* However long and whatever bytes: one line that fits. */
START_TEST(hostile_options_are_refused)
{
	char *text = malloc(MAX_TEXT);

	for (int byte = 1; byte < 256; byte++) {
		memset(text, byte, MAX_TEXT - 1);
		text[MAX_TEXT - 1] = '\0';
		refuses(text, "known are");
		memcpy(text, "cache=", 6);
		ck_assert_int_eq(parse(text), -EINVAL);
	}
	free(text);
}
END_TEST

static int add(const char *text)
{
	/* What was parsed is borrowed: it stays where it is. */
	static char storage[4096];
	static size_t used;
	char *copy = storage + used;

	used += strlen(text) + 1;
	ck_assert_uint_le(used, sizeof(storage));
	why.text[0] = '\0';
	return share_parse(&config, strcpy(copy, text), &why);
}

START_TEST(tags_are_checked)
{
	config = (struct config){.command = CONFIG_RUN};
	ck_assert_int_eq(add("/a:t:ro"), 0);
	ck_assert_int_eq(add("/b:t"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "TAG t"));
	ck_assert_int_eq(add("/b:root"), -EINVAL);
	ck_assert_int_eq(add("/b:123456789012345678901234567890123456"), 0);
	ck_assert_int_eq(add("/b:1234567890123456789012345678901234567"),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "36 bytes"));
	ck_assert_int_eq(add("/b::ro"), -EINVAL);
	ck_assert_int_eq(add("/a:b:tag"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "--share /a:b: option tag"));
	/* What was refused is not there. */
	ck_assert_uint_eq(config.share_cnt, 2);
	ck_assert_str_eq(config.share[0].dir, "/a");
	ck_assert_str_eq(config.share[0].tag, "t");
	ck_assert(config.share[0].fs.read_only);
	/* Windows are for those who ask. */
	ck_assert_uint_eq(config.share[0].fs.dax_len, 0);
	ck_assert_int_eq(add("/a:w:dax=2M"), 0);
	ck_assert_uint_eq(config.share[2].fs.dax_len, MIB(2));
}
END_TEST

START_TEST(directories_are_checked)
{
	static const char *const bad[] = {"/nonexistent:t", "/dev/null:t",
					  "/etc/passwd:t"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		config = (struct config){.command = CONFIG_RUN};
		ck_assert_int_eq(add(bad[i]), 0);
		/* It does not come to a machine. */
		ck_assert_int_lt(share_add_all(NULL, NULL, &config, &why), 0);
		ck_assert_ptr_nonnull(strstr(why.text, "give a directory"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("share");
	TCase *tcase = tcase_create("share");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, each_option_is_stored);
	tcase_add_test(tcase, windows_have_lengths);
	tcase_add_test(tcase, wrong_windows_are_refused);
	tcase_add_test(tcase, default_window_is_paid_by_ram);
	tcase_add_test(tcase, no_default_window_for_guests_that_stall);
	tcase_add_test(tcase, nothing_means_the_defaults);
	tcase_add_test(tcase, wrong_options_are_refused);
	tcase_add_test(tcase, hostile_options_are_refused);
	tcase_add_test(tcase, tags_are_checked);
	tcase_add_test(tcase, directories_are_checked);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
