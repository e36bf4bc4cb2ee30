/*
 * Volumes, and the directory of an overlay: what is understood.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/guest/abi.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/share.h"
#include "vmm/volume.h"

enum { TEXT_LEN = 256 };

static struct config config;
static struct fail why;
static char texts[2 * CONFIG_MAX_SHARES][TEXT_LEN];
static unsigned int text_cnt;

static int add(const char *text)
{
	char *copy = strcpy(texts[text_cnt++], text);

	why.text[0] = '\0';
	return volume_parse(&config, copy, &why);
}

static void start(void)
{
	config = (struct config){.command = CONFIG_RUN};
	text_cnt = 0;
}

static const struct {
	const char *text;
	const char *mount;
} right[] = {
	{"/a:/b", "/b"},
	{"a b:/c d", "/c d"},
	{"a://b///c/", "/b/c"},
	{"a:/...", "/..."},
	{"a:/.b/..c/d.", "/.b/..c/d."},
	{"a:/b:ro:cache=always", "/b"},
};

START_TEST(paths_are_normalised)
{
	start();
	ck_assert_int_eq(add(right[_i].text), 0);
	ck_assert_uint_eq(config.share_cnt, 1);
	ck_assert_str_eq(config.share[0].mount, right[_i].mount);
	ck_assert_uint_eq(config.share[0].fs.dax_len, 0);
	ck_assert(config.share[0].fs.read_only ==
		  !!strstr(right[_i].text, ":ro"));
}
END_TEST

static const struct {
	const char *text;
	const char *why;
} wrong[] = {
	{"", "not a share"},
	{"/a", "write HOST:GUEST[:OPTION...]"},
	{":/b", "not a share"},
	{"a:", "not a share"},
	{"a::ro", "not a share"},
	{"a:b", "GUEST b: not a place"},
	{"a:/", "GUEST /: not a place"},
	{"a:///", "GUEST ///: not a place"},
	{"a:/..", "not a place"},
	{"a:/b/../../etc", "not a place"},
	{"a:/b/.", "not a place"},
	{"a:/./b", "not a place"},
	{"a://b//../c", "GUEST //b//../c: not a place"},
	{"a:/b:rw", "--volume a:/b: option rw: unknown"},
	{"a:/b:ro:ro", "given twice"},
	{"a:/taken/", "another volume is there"},
};

START_TEST(others_are_refused)
{
	start();
	ck_assert_int_eq(add("x:/taken"), 0);
	ck_assert_int_eq(add(wrong[_i].text), -EINVAL);
	ck_assert_msg(strstr(why.text, wrong[_i].why) != NULL, "%s", why.text);
	ck_assert_uint_eq(config.share_cnt, 1);
}
END_TEST

/* Whatever the order in which they were given. */
START_TEST(above_comes_before_below)
{
	struct guest_volume list[CONFIG_MAX_SHARES + 1];

	start();
	ck_assert_int_eq(add("1:/a/b/c:ro"), 0);
	ck_assert_int_eq(add("2:/a b"), 0);
	ck_assert_int_eq(share_parse(&config, (char[]){"dir:tag"}, &why), 0);
	ck_assert_int_eq(add("3:/a:dax=2M"), 0);
	ck_assert_int_eq(add("4:/a/b:dax=2M:dax-min=0"), 0);
	volume_list(&config, BIT(4), list);
	ck_assert_str_eq(list[0].path, "/a");
	ck_assert_str_eq(list[0].options, "dax=inode");
	ck_assert_str_eq(list[0].tag, config.share[3].tag);
	ck_assert(!list[0].read_only);
	ck_assert(!list[0].is_file);
	ck_assert_str_eq(list[1].path, "/a b");
	ck_assert_str_eq(list[2].path, "/a/b");
	ck_assert_str_eq(list[2].options, "dax=always");
	ck_assert(list[2].is_file);
	ck_assert_str_eq(list[3].path, "/a/b/c");
	ck_assert_ptr_null(list[3].options);
	ck_assert(list[3].read_only);
	ck_assert_ptr_null(list[4].tag);
}
END_TEST

START_TEST(tags_are_all_different)
{
	char text[TEXT_LEN];

	start();
	for (int i = 0; i < CONFIG_MAX_SHARES; i++) {
		sprintf(text, "a:/%d", i);
		ck_assert_int_eq(add(text), 0);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(config.share[i].tag,
					 config.share[k].tag);
	}
	ck_assert_int_eq(add("a:/one/more"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "more than 15"));
	config.overlay = true;
	config.overlay_dir = "d";
	ck_assert_int_eq(volume_add_upper(&config, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "--overlay d: "));
	/* A user's are none of ours. */
	start();
	sprintf(texts[0], "a:%s", "wherry-volume-1");
	ck_assert_int_eq(share_parse(&config, texts[0], &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "give a different one"));
}
END_TEST

START_TEST(upper_layers)
{
	struct keeper keeper = {.userns.ids = USERNS_HOST};
	struct sandbox sb = {.keeper = &keeper, .jailed = true};

	start();
	ck_assert_int_eq(volume_add_upper(&config, &why), 0);
	ck_assert_uint_eq(config.share_cnt, 0);
	ck_assert_ptr_null(volume_upper(&config, &sb));
	config.overlay = true;
	ck_assert_int_eq(volume_add_upper(&config, &why), 0);
	ck_assert_uint_eq(config.share_cnt, 0);
	ck_assert_str_eq(volume_upper(&config, &sb), GUEST_OVERLAY_MEMORY);
	config.overlay_dir = "d";
	ck_assert_int_eq(volume_add_upper(&config, &why), 0);
	ck_assert_uint_eq(config.share_cnt, 1);
	ck_assert(!config.share[0].fs.read_only);
	ck_assert_ptr_null(config.share[0].mount);
	ck_assert_str_eq(volume_upper(&config, &sb), "wherry-overlay trusted");
	/* Users may not write attributes that only root can read. */
	keeper.userns.ids = USERNS_ONE;
	ck_assert_str_eq(volume_upper(&config, &sb), "wherry-overlay user");
}
END_TEST

/* Of one directory, by whatever path. */
START_TEST(upper_layers_are_locked)
{
	char dir[] = "/tmp/wherry-volume-XXXXXX", same[64];
	struct sandbox sb = {.dir_cnt = 2}, other;
	int lock_fd = 7, other_fd = 7;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(same, sizeof(same), "%s/../%s", dir, strrchr(dir, '/'));
	sb.dir[1].fd = open(dir, O_PATH | O_CLOEXEC);
	other = sb;
	other.dir[1].fd = open(same, O_PATH | O_CLOEXEC);
	start();
	ck_assert_int_eq(volume_lock_upper(&config, &sb, &lock_fd, &why), 0);
	ck_assert_int_eq(lock_fd, -1);
	config.overlay_dir = dir;
	ck_assert_int_eq(volume_lock_upper(&config, &sb, &lock_fd, &why), 0);
	ck_assert_int_ge(lock_fd, 0);
	ck_assert_int_eq(volume_lock_upper(&config, &other, &other_fd, &why),
			 -EWOULDBLOCK);
	ck_assert_int_eq(other_fd, -1);
	ck_assert_ptr_nonnull(strstr(why.text, dir));
	ck_assert_ptr_nonnull(strstr(why.text, "another machine"));
	close(lock_fd);
	ck_assert_int_eq(volume_lock_upper(&config, &other, &other_fd, &why),
			 0);
	close(other_fd);
	ck_assert_int_eq(rmdir(dir), 0);
	close(sb.dir[1].fd);
	sb.dir[1].fd = -1;
	ck_assert_int_eq(volume_lock_upper(&config, &sb, &lock_fd, &why),
			 -EBADF);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot be locked"));
	close(other.dir[1].fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("volume");
	TCase *tcase = tcase_create("volume");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, paths_are_normalised, 0, ARRAY_SIZE(right));
	tcase_add_loop_test(tcase, others_are_refused, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, above_comes_before_below);
	tcase_add_test(tcase, tags_are_all_different);
	tcase_add_test(tcase, upper_layers);
	tcase_add_test(tcase, upper_layers_are_locked);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
