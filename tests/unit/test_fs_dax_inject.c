/*
 * FUSE server: each call of the host's kernel that maps a file fails once.
 */
#include <string.h>

#include "tests/unit/fs_window.h"
#include "tests/unit/inject.h"
#include "vmm/base/bits.h"

static const int errors[] = {ENOSPC, EIO, EINTR, ENOMEM, EMFILE};

static struct client *const c = &rig.client;

/* Calls without which the file is mapped all the same: it is polled, or its
 * pages come when they are missed. Of the two statx() the first one, for the
 * file's mode, is none of them.
 */
static bool is_optional(long number, int err)
{
	return number == SYS_inotify_add_watch || number == SYS_close ||
	       (number == SYS_statx && !err);
}

/* Map "f", the k-th call failing: false if it has less. */
static bool try(int k, int error, uint64_t flags)
{
	int err, files = count_open_files();
	long number;

	inject_arm(k, error);
	err = window_map(rig.node, 2, 8, 0, flags);
	number = inject_disarm();
	if (number < 0 || is_optional(number, err))
		ck_assert_int_eq(err, 0);
	else
		ck_assert_int_eq(err, -error);
	dax_repair(&c->fs->dax);
	ck_assert_str_eq(window_shown(11), err ? "..........." : "..abcdefgh.");
	window_check_no_hole();
	ck_assert_int_eq(window_unmap(0, WINDOW_PAGES), 0);
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
	ck_assert_int_eq(count_open_files(), files);
	return number >= 0;
}

START_TEST(each_call_fails_once)
{
	uint64_t flags = _i ? READ | WRITE : READ;
	int k;

	/* Once, for the inode to be open. */
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, READ), 0);
	ck_assert_int_eq(window_unmap(0, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		for (k = 1; try(k, errors[i], flags); k++)
			ck_assert_int_lt(k, 100);
		/* open, trial, watch, type, size, mapping */
		ck_assert_int_gt(k, 5);
	}
}
END_TEST

/* An upgrade that fails leaves the reader with nothing, not with somebody
 * else's memory.
 */
START_TEST(an_upgrade_fails)
{
	for (int k = 1;; k++) {
		long number;
		int err;

		ck_assert_int_eq(window_map(rig.node, 0, 4, 0, READ), 0);
		inject_arm(k, ENOMEM);
		err = window_map(rig.node, 0, 4, 0, WRITE);
		number = inject_disarm();
		ck_assert(err == 0 || err == -ENOMEM);
		ck_assert(!strcmp(window_shown(5), "abcd.") || err);
		window_check_no_hole();
		ck_assert_int_eq(window_unmap(0, 4), 0);
		if (number < 0)
			break;
	}
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs-dax-inject");
	TCase *t = tcase_create("inject");

	tcase_add_checked_fixture(t, window_setup, window_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_call_fails_once, 0, 2);
	tcase_add_test(t, an_upgrade_fails);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
