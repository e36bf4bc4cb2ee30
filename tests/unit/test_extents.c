/*
 * Extents of a window: all short series of operations on a small window, beside
 * a model that knows each page; and which ranges are ranges.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/fs/extents.h"
#include "vmm/base/bits.h"

enum { PAGES = 4, DEPTH = 3, LIMIT = 4, FILES = 2 };

/* The list only counts files; here one is a number of extents. */
struct dax_file {
	int extent_cnt;
	uint64_t size;
};

/* What the model knows of a page: 0 nothing, else which page of which file. */
struct page {
	const struct dax_file *file;
	uint64_t offset;
	bool backed;
};

static struct dax_file files[FILES];

static void count(struct dax_file *file, int delta)
{
	file->extent_cnt += delta;
	ck_assert_int_ge(file->extent_cnt, 0);
}

static uint64_t bytes(uint64_t pages)
{
	return pages * EXTENT_PAGE;
}

/* Look at each page through the list, and at the list's own order. */
static void compare(const struct extents *e, const struct page *model)
{
	struct page seen[PAGES] = {0};
	int cnt[FILES] = {0};
	uint64_t end = 0;

	for (uint32_t i = 0; i < e->cnt; i++) {
		const struct extent *x = &e->item[i];

		ck_assert(x->at >= end && x->len && x->backed <= x->len);
		end = x->at + x->len;
		ck_assert(end <= bytes(PAGES));
		cnt[x->file - files]++;
		for (uint64_t at = 0; at < x->len; at += EXTENT_PAGE)
			seen[(x->at + at) / EXTENT_PAGE] = (struct page){
				x->file, x->offset + at, at < x->backed};
	}
	for (int i = 0; i < PAGES; i++) {
		ck_assert_ptr_eq(seen[i].file, model[i].file);
		ck_assert_uint_eq(seen[i].offset, model[i].offset);
		ck_assert_int_eq(seen[i].backed, model[i].backed);
	}
	for (int i = 0; i < FILES; i++)
		ck_assert_int_eq(cnt[i], files[i].extent_cnt);
}

static bool overlaps(const struct page *model, uint64_t at, uint64_t len)
{
	for (uint64_t i = at; i < at + len; i++) {
		if (model[i].file)
			return true;
	}
	return false;
}

/* Cut [@at, @at + @len) pages; put a file there unless it is NULL. */
static void apply(struct extents *e, struct page *model, uint64_t at,
		  uint64_t len, struct dax_file *file)
{
	struct extent x = {
		.at = bytes(at),
		.len = bytes(len),
		.offset = bytes(at + 7),
		.backed = file ? MIN(bytes(len), file->size) : 0,
		.file = file,
	};

	ck_assert_int_eq(extents_cut(e, x.at, x.len), overlaps(model, at, len));
	memset(&model[at], 0, len * sizeof(*model));
	if (!file)
		return;
	extents_add(e, &x);
	for (uint64_t i = 0; i < len; i++)
		model[at + i] = (struct page){file, x.offset + bytes(i),
					      bytes(i) < x.backed};
}

/* Try everything after this state, on copies of it. */
static uint64_t try_all(const struct extents *e, const struct page *model,
			int depth)
{
	struct extent room[PAGES + EXTENTS_SPARE];
	struct dax_file before[FILES];
	uint64_t tried = 0;

	memcpy(before, files, sizeof(before));
	for (uint64_t at = 0; depth && at < PAGES; at++) {
		for (uint64_t len = 1; len <= PAGES - at; len++) {
			for (int f = 0; f <= FILES; f++) {
				struct extents copy = *e;
				struct page next[PAGES];

				memcpy(room, e->item, sizeof(room));
				memcpy(next, model, sizeof(next));
				copy.item = room;
				apply(&copy, next, at, len,
				      f < FILES ? &files[f] : NULL);
				compare(&copy, next);
				tried += 1 + try_all(&copy, next, depth - 1);
				memcpy(files, before, sizeof(before));
			}
		}
	}
	return tried;
}

START_TEST(all_short_series)
{
	struct page model[PAGES] = {0};
	struct extents e;
	uint64_t ops = PAGES * (PAGES + 1) / 2 * (FILES + 1);

	files[0] = (struct dax_file){.size = bytes(PAGES)};
	files[1] = (struct dax_file){.size = bytes(2)};
	ck_assert_int_eq(extents_init(&e, PAGES, count), 0);
	ck_assert_uint_eq(try_all(&e, model, DEPTH),
			  ops + ops * ops + ops * ops * ops);
	extents_destroy(&e);
}
END_TEST

START_TEST(too_many)
{
	struct extents e;
	struct extent x = {.len = bytes(3), .file = &files[0]};

	files[0] = (struct dax_file){0};
	ck_assert_int_eq(extents_init(&e, LIMIT, count), 0);
	for (int i = 0; i < LIMIT; i++) {
		ck_assert(!extents_full(&e));
		x.at = bytes(4 * i);
		extents_add(&e, &x);
	}
	ck_assert(extents_full(&e));
	/* Beyond the limit, pieces still split as long as there is room. */
	ck_assert_int_eq(extents_cut(&e, bytes(1), bytes(1)), 1);
	ck_assert_int_eq(extents_cut(&e, bytes(5), bytes(1)), 1);
	ck_assert_int_eq(extents_cut(&e, bytes(9), bytes(1)), -ENOMEM);
	ck_assert_int_eq(files[0].extent_cnt, LIMIT + EXTENTS_SPARE);
	/* What makes it no longer always works. */
	ck_assert_int_eq(extents_cut(&e, bytes(8), bytes(3)), 1);
	ck_assert_int_eq(extents_cut(&e, bytes(13), bytes(1)), 1);
	extents_drop_all(&e);
	ck_assert_int_eq(files[0].extent_cnt, 0);
	ck_assert_uint_eq(e.cnt, 0);
	extents_destroy(&e);
}
END_TEST

/* The same question with numbers that cannot overflow. */
static bool is_range(uint64_t limit, uint64_t at, uint64_t len)
{
	return at % EXTENT_PAGE == 0 && len % EXTENT_PAGE == 0 && len > 0 &&
	       (unsigned __int128)at + len <= limit;
}

START_TEST(ranges)
{
	static const uint64_t base[] = {
		0,	 MIB(2),     GIB(1),	     INT64_MAX,
		BIT(63), UINT64_MAX, UINT64_MAX / 2, UINT64_MAX - MIB(2),
	};
	static const int64_t delta[] = {-8192, -4097, -4096, -4095, -1,
					0,     1,     4095,  4096,  8192};
	uint64_t n[ARRAY_SIZE(base) * ARRAY_SIZE(delta)];
	uint64_t cnt = 0, good = 0;

	for (size_t i = 0; i < ARRAY_SIZE(base); i++)
		for (size_t j = 0; j < ARRAY_SIZE(delta); j++)
			n[cnt++] = base[i] + (uint64_t)delta[j];
	for (size_t i = 0; i < cnt; i++)
		for (size_t j = 0; j < cnt; j++)
			for (size_t k = 0; k < cnt; k++) {
				bool is = is_range(n[i], n[j], n[k]);

				ck_assert_int_eq(
					extents_range_ok(n[i], n[j], n[k]), is);
				good += is;
			}
	ck_assert_uint_gt(good, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("extents");
	TCase *t = tcase_create("extents");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, all_short_series);
	tcase_add_test(t, too_many);
	tcase_add_test(t, ranges);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
