/*
 * FUSE server: what a hostile guest asks for of a window (hostile.txt).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs_window.h"
#include "vmm/base/bits.h"

enum { THREADS = 3 };

static struct client *const c = &rig.client;

START_TEST(hostile_79_behind_the_end)
{
	struct dax *dax = &c->fs->dax;
	uint64_t changes;
	char byte = 0;

	ck_assert_int_eq(window_map(rig.node, 0, 16, 0, READ), 0);
	changes = dax->change_cnt;
	ck_assert_str_eq(window_shown(16), "abcdefgh........");
	ck_assert_uint_gt(dax_repair(dax), changes);
	ck_assert_str_eq(window_shown(17), "abcdefgh00000000.");
	/* Nothing is to be mended where nothing is mapped. */
	changes = dax->change_cnt;
	ck_assert_uint_eq(dax_repair(dax), changes);
	/* A shrunk file whose watch has not been heard yet. */
	ck_assert_int_eq(truncate(client_path(c, "f"), 0), 0);
	ck_assert_uint_gt(dax_repair(dax), changes);
	ck_assert_str_eq(window_shown(17), "0000000000000000.");
	/* Accesses that are done for a processor. */
	dax_access(dax, 5, &(char){'x'}, 1, true);
	dax_access(dax, 5, &byte, 1, false);
	ck_assert_int_eq(byte, 'x');
	dax_access(dax, 16 * PAGE, &(char){'x'}, 1, true);
	dax_access(dax, 16 * PAGE, &byte, 1, false);
	ck_assert_int_eq(byte, (char)0xff);
}
END_TEST

START_TEST(hostile_71_wrapping_ranges)
{
	static const struct {
		uint64_t moffset, len, foffset;
	} row[] = {
		{-(uint64_t)PAGE, 2 * PAGE, 0}, {-(uint64_t)PAGE, PAGE, 0},
		{PAGE, -(uint64_t)PAGE, 0},	{0, PAGE, -(uint64_t)PAGE},
		{0, 2 * PAGE, -(uint64_t)PAGE}, {BIT(63), BIT(63), 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		ck_assert_int_eq(window_map_bytes(c, rig.node, row[i].moffset,
						  row[i].len, row[i].foffset,
						  READ),
				 -EINVAL);
		if (!row[i].foffset)
			ck_assert_int_eq(window_unmap_bytes(c, row[i].moffset,
							    row[i].len),
					 -EINVAL);
	}
	ck_assert_int_eq(count_stray_maps(), 0);
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
}
END_TEST

START_TEST(hostile_72_beyond_the_window)
{
	ck_assert_int_eq(window_map(rig.node, WINDOW_PAGES, 1, 0, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map(rig.node, WINDOW_PAGES - 1, 2, 0, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map(rig.node, 0, WINDOW_PAGES + 1, 0, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map(rig.node, 0, 0, 0, READ), -EINVAL);
	ck_assert_int_eq(window_map_bytes(c, rig.node, 0, BIT(63), 0, READ),
			 -EINVAL);
	ck_assert_int_eq(
		window_map_bytes(c, rig.node, 0, PAGE, INT64_MAX, READ),
		-EINVAL);
	ck_assert_int_eq(window_map_bytes(c, rig.node, 0, PAGE,
					  INT64_MAX - PAGE + 1, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map(rig.node, WINDOW_PAGES - 1, 1, 0, READ), 0);
	ck_assert_int_eq(window_peek(WINDOW_PAGES - 1, 0), 'a');
	/* Far behind the end of the file, all is as behind its end. */
	ck_assert_int_eq(window_map_bytes(c, rig.node, 0, PAGE, BIT(62), READ),
			 0);
	ck_assert_int_eq(window_peek(0, 0), ABSENT);
}
END_TEST

START_TEST(hostile_73_no_pages)
{
	ck_assert_int_eq(window_map_bytes(c, rig.node, 1, PAGE, 0, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map_bytes(c, rig.node, 512, PAGE, 0, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map_bytes(c, rig.node, 0, PAGE + 1, 0, READ),
			 -EINVAL);
	ck_assert_int_eq(window_map_bytes(c, rig.node, 0, 1, 0, READ), -EINVAL);
	ck_assert_int_eq(window_map_bytes(c, rig.node, 0, PAGE, 1, READ),
			 -EINVAL);
	ck_assert_int_eq(window_unmap_bytes(c, 1, PAGE), -EINVAL);
	ck_assert_int_eq(window_unmap_bytes(c, 0, PAGE - 1), -EINVAL);
}
END_TEST

START_TEST(hostile_74_flags)
{
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, 0), -EINVAL);
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, 4), -EINVAL);
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, READ | BIT(63)),
			 -EINVAL);
	ck_assert_str_eq(window_shown(1), ".");
	client_unserve(c);
	window_serve(c->path, true);
	rig.node = window_lookup("f");
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, WRITE), -EROFS);
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, READ | WRITE), -EROFS);
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, READ), 0);
	ck_assert(!window_poke(0, 0, 'x'));
}
END_TEST

START_TEST(hostile_75_no_files)
{
	ck_assert_int_eq(mkdirat(c->dir_fd, "d", 0755), 0);
	ck_assert_int_eq(symlinkat("f", c->dir_fd, "l"), 0);
	ck_assert_int_eq(mkfifoat(c->dir_fd, "p", 0600), 0);
	ck_assert_int_eq(window_map(FUSE_ROOT_ID, 0, 1, 0, READ), -ENODEV);
	ck_assert_int_eq(window_map(window_lookup("d"), 0, 1, 0, READ),
			 -ENODEV);
	ck_assert_int_eq(window_map(window_lookup("l"), 0, 1, 0, READ),
			 -ENODEV);
	ck_assert_int_eq(window_map(window_lookup("p"), 0, 1, 0, WRITE),
			 -ENODEV);
	ck_assert_int_eq(window_map(12345, 0, 1, 0, READ), -ESTALE);
	ck_assert_str_eq(window_shown(1), ".");
}
END_TEST

START_TEST(hostile_75_files_that_cannot_be_mapped)
{
	client_unserve(c);
	window_serve("/proc", true);
	ck_assert_int_lt(window_map(window_lookup("version"), 0, 4, 0, READ),
			 0);
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
	window_check_no_hole();
	ck_assert_str_eq(window_shown(4), "....");
}
END_TEST

START_TEST(hostile_76_overlaps)
{
	/* The same page of the file many times, and pages in reverse. */
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(window_map(rig.node, i, 1, 7 - i, WRITE), 0);
	ck_assert_str_eq(window_shown(9), "hgfedcba.");
	ck_assert_int_eq(window_map(rig.node, 2, 4, 4, READ), 0);
	ck_assert_str_eq(window_shown(9), "hgefghba.");
	ck_assert_int_eq(window_unmap(3, 4), 0);
	ck_assert_str_eq(window_shown(9), "hge....a.");
	window_check_no_hole();
}
END_TEST

START_TEST(hostile_77_counts)
{
	ck_assert_int_eq(window_map(rig.node, 0, 8, 0, READ), 0);
	window_begin_unmap(c, 0);
	ck_assert_int_eq(client_call(c), -EINVAL);
	window_begin_unmap(c, UINT32_MAX);
	window_add_range(c, 0, PAGE);
	ck_assert_int_eq(client_call(c), -EINVAL);
	window_begin_unmap(c, 2);
	window_add_range(c, 0, PAGE);
	ck_assert_int_eq(client_call(c), -EINVAL);
	window_begin_unmap(c, 257);
	for (int i = 0; i < 257; i++)
		window_add_range(c, 0, PAGE);
	ck_assert_int_eq(client_call(c), -EINVAL);
	/* One that is wrong: none is done. */
	window_begin_unmap(c, 2);
	window_add_range(c, 0, PAGE);
	window_add_range(c, 0, 1);
	ck_assert_int_eq(client_call(c), -EINVAL);
	ck_assert_str_eq(window_shown(9), "abcdefgh.");
	/* The same one 256 times, and one that wraps when joined to others. */
	window_begin_unmap(c, 256);
	for (int i = 0; i < 256; i++)
		window_add_range(c, 0, PAGE);
	ck_assert_int_eq(client_call(c), 0);
	window_begin_unmap(c, 2);
	window_add_range(c, PAGE, WINDOW_LEN - PAGE);
	window_add_range(c, 0, WINDOW_LEN);
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_str_eq(window_shown(9), ".........");
	window_check_no_hole();
}
END_TEST

START_TEST(hostile_78_more_ranges_than_there_may_be)
{
	int mapped = 0;

	for (int i = 0; i < WINDOW_PAGES; i++) {
		int err = window_map(rig.node, i, 1, (5 * i) % 8, READ);

		ck_assert(err == 0 || err == -ENOMEM);
		mapped += !err;
	}
	ck_assert_int_eq(mapped, MAX_RANGES);
	ck_assert_int_eq(count_stray_maps(), 0);
	/* With room again, it goes on. */
	ck_assert_int_eq(window_unmap(0, WINDOW_PAGES), 0);
	ck_assert_int_eq(window_map(rig.node, 0, 8, 0, READ), 0);
	/* Holes in ranges make two of one. */
	ck_assert_int_eq(window_map(rig.node, 0, WINDOW_PAGES, 0, READ), 0);
	for (int i = 1, err = 0; i < WINDOW_PAGES; i += 2) {
		int now = window_unmap(i, 1);

		ck_assert(now == 0 || now == -ENOMEM);
		ck_assert(now <= err);
		err = now;
	}
	ck_assert_uint_le(c->fs->dax.extents.cnt, MAX_RANGES + EXTENTS_SPARE);
	ck_assert_int_eq(window_unmap(0, WINDOW_PAGES), 0);
	window_check_no_hole();
}
END_TEST

/* One of several that map and unmap pages of one file in a part of the window
 * each, and look at what they see.
 */
struct racer {
	pthread_t thread;
	struct client by;
	uint64_t id;
	int at;
	char first;
	unsigned int wrong;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	for (int i = 0; i < 300; i++) {
		int page = i % 8, at = r->at + i % 3, byte;

		if (window_map_bytes(&r->by, r->id, (uint64_t)at * PAGE, PAGE,
				     (uint64_t)page * PAGE, READ))
			r->wrong++;
		byte = window_peek(at, 0);
		if (byte != r->first + page && byte != 0 && byte != ABSENT)
			r->wrong++;
		if (window_unmap_bytes(&r->by, (uint64_t)at * PAGE, PAGE))
			r->wrong++;
		if (window_peek(at, 0) != ABSENT)
			r->wrong++;
	}
	return NULL;
}

START_TEST(hostile_80_races)
{
	static struct racer racer[THREADS];

	for (int i = 0; i < THREADS; i++) {
		char name[] = {(char)('1' + i), '\0'};

		window_make_pages(name, (char)('A' + 16 * i), 8);
		racer[i] = (struct racer){.id = window_lookup(name),
					  .at = 4 * i,
					  .first = (char)('A' + 16 * i)};
		client_share(&racer[i].by, c);
		ck_assert_int_eq(
			pthread_create(&racer[i].thread, NULL, race, &racer[i]),
			0);
	}
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(truncate(client_path(c, "1"), i % 9 * PAGE),
				 0);
		window_make_pages("1", 'A', 8);
		dax_repair(&c->fs->dax);
	}
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(racer[i].thread, NULL), 0);
		ck_assert_uint_eq(racer[i].wrong, 0);
		client_unshare(&racer[i].by);
	}
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
	window_check_no_hole();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs-dax-hostile");
	TCase *t = tcase_create("hostile");

	tcase_add_checked_fixture(t, window_setup, window_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, hostile_71_wrapping_ranges);
	tcase_add_test(t, hostile_72_beyond_the_window);
	tcase_add_test(t, hostile_73_no_pages);
	tcase_add_test(t, hostile_74_flags);
	tcase_add_test(t, hostile_75_no_files);
	tcase_add_test(t, hostile_75_files_that_cannot_be_mapped);
	tcase_add_test(t, hostile_76_overlaps);
	tcase_add_test(t, hostile_77_counts);
	tcase_add_test(t, hostile_78_more_ranges_than_there_may_be);
	tcase_add_test(t, hostile_79_behind_the_end);
	tcase_add_test(t, hostile_80_races);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
