/*
 * What is mapped where in a window: a list of extents, exact to the page.
 *
 * Theory of operation: a sorted array without overlaps. Linux maps and removes
 * pieces of 2 MiB that it never splits, so the array is as long as the window
 * has such pieces; a guest that maps single pages meets the limit. Nothing is
 * allocated after the beginning.
 *
 *	  file pages (backed)   zero pages, or nothing
 *	|#####################|.......................|
 *	at                    at + backed             at + len
 */
#ifndef DEVICES_FS_EXTENTS_H
#define DEVICES_FS_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

struct dax_file;

enum {
	EXTENT_PAGE = 4096, /* everything is a multiple of it */
	EXTENTS_SPARE = 2,  /* what one replacement may add beyond the limit */
};

/**
 * struct extent - A range of a window that shows a range of a file
 * @at:		First byte in the window
 * @len:	Bytes, not 0
 * @offset:	First byte in the file
 * @backed:	Bytes of it that are the file's pages
 * @file:	The file
 * @writable:	The guest may write to it
 * @zeroed:	Zero pages are behind what is backed, instead of nothing
 */
struct extent {
	uint64_t at;
	uint64_t len;
	uint64_t offset;
	uint64_t backed;
	struct dax_file *file;
	bool writable;
	bool zeroed;
};

/**
 * typedef extent_count_fn - A file has more or fewer extents
 * @file:	The file
 * @delta:	1 or -1
 */
typedef void extent_count_fn(struct dax_file *file, int delta);

/**
 * struct extents - All extents of a window
 * @item:	Ascending, @max_cnt and EXTENTS_SPARE of them [owned]
 * @cnt:	Extents in use
 * @max_cnt:	Limit
 * @count:	Told about each change of a file's number of extents
 */
struct extents {
	struct extent *item;
	uint32_t cnt;
	uint32_t max_cnt;
	extent_count_fn *count;
};

/** extents_init() - Make an empty list; 0 or -ENOMEM, destroy it in any case */
int extents_init(struct extents *e, uint32_t max_cnt, extent_count_fn *count);

/** extents_destroy() - Free the list; what it holds is not counted down */
void extents_destroy(struct extents *e);

/** extents_full() - Are there as many as there may be? */
bool extents_full(const struct extents *e);

/**
 * extents_cut() - Take a range out, whatever is there
 * @e:		Extents
 * @at:		First byte
 * @len:	Bytes; @at + @len does not wrap
 *
 * Return: 1 if there was something, 0 if not; -ENOMEM if it is the middle of
 *	   an extent and there is no room for two, never if @e was not full
 */
int extents_cut(struct extents *e, uint64_t at, uint64_t len);

/** extents_add() - Put an extent where nothing is; @e was not full before that
 *		    was made so
 */
void extents_add(struct extents *e, const struct extent *extent);

/** extents_drop_all() - Take all out */
void extents_drop_all(struct extents *e);

/**
 * extents_range_ok() - Is this a range of pages within a window or file?
 * @limit:	Bytes of the window or file
 * @at:		First byte, from the guest
 * @len:	Bytes, from the guest
 *
 * Return: true if both are multiples of EXTENT_PAGE, @len is not 0, and
 *	   [@at, @at + @len) lies in [0, @limit)
 */
static inline bool extents_range_ok(uint64_t limit, uint64_t at, uint64_t len)
{
	return !(at % EXTENT_PAGE) && !(len % EXTENT_PAGE) && len &&
	       len <= limit && at <= limit - len;
}

#endif /* DEVICES_FS_EXTENTS_H */
