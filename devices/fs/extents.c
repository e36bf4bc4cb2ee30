/*
 * What is mapped where in a window.
 */
#include "devices/fs/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"

int extents_init(struct extents *e, uint32_t max_cnt, extent_count_fn *count)
{
	*e = (struct extents){.max_cnt = max_cnt, .count = count};
	e->item = calloc((size_t)max_cnt + EXTENTS_SPARE, sizeof(*e->item));
	return e->item ? 0 : -ENOMEM;
}

void extents_destroy(struct extents *e)
{
	free(e->item);
	*e = (struct extents){0};
}

bool extents_full(const struct extents *e)
{
	return e->cnt >= e->max_cnt;
}

static uint64_t end_of(const struct extent *extent)
{
	return extent->at + extent->len;
}

/* Index of the first extent that ends behind @at, or the count. */
static uint32_t find(const struct extents *e, uint64_t at)
{
	uint32_t low = 0, high = e->cnt;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (end_of(&e->item[middle]) > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void insert(struct extents *e, uint32_t idx, const struct extent *extent)
{
	memmove(&e->item[idx + 1], &e->item[idx],
		(e->cnt - idx) * sizeof(*e->item));
	e->item[idx] = *extent;
	e->cnt++;
	e->count(extent->file, 1);
}

static void keep_front(struct extent *extent, uint64_t len)
{
	extent->len = len;
	extent->backed = MIN(extent->backed, len);
}

static void drop_front(struct extent *extent, uint64_t len)
{
	extent->at += len;
	extent->offset += len;
	extent->len -= len;
	extent->backed -= MIN(extent->backed, len);
}

/* What lies in [@from, @to) by index goes. */
static void remove_all(struct extents *e, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		e->count(e->item[i].file, -1);
	memmove(&e->item[from], &e->item[to], (e->cnt - to) * sizeof(*e->item));
	e->cnt -= to - from;
}

/* Take [@at, @end) out of the middle of an extent. */
static int split(struct extents *e, uint32_t idx, uint64_t at, uint64_t end)
{
	struct extent rest = e->item[idx];

	if (e->cnt == e->max_cnt + EXTENTS_SPARE)
		return -ENOMEM;
	keep_front(&e->item[idx], at - rest.at);
	drop_front(&rest, end - rest.at);
	insert(e, idx + 1, &rest);
	return 1;
}

int extents_cut(struct extents *e, uint64_t at, uint64_t len)
{
	uint64_t end = at + len;
	uint32_t from = find(e, at), to;
	struct extent *first = &e->item[from];

	if (from == e->cnt || first->at >= end)
		return 0;
	if (first->at < at && end_of(first) > end)
		return split(e, from, at, end);
	if (first->at < at) {
		keep_front(first, at - first->at);
		from++;
	}
	for (to = from; to < e->cnt && end_of(&e->item[to]) <= end; to++)
		;
	if (to < e->cnt && e->item[to].at < end)
		drop_front(&e->item[to], end - e->item[to].at);
	remove_all(e, from, to);
	return 1;
}

void extents_add(struct extents *e, const struct extent *extent)
{
	insert(e, find(e, extent->at), extent);
}

void extents_drop_all(struct extents *e)
{
	if (e->cnt)
		remove_all(e, 0, e->cnt);
}
