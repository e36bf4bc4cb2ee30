/*
 * Cursors over scattered memory, against a flat array that does the same.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/bits.h"
#include "vmm/base/iov.h"

enum {
	MAX_SEGS = 9,
	MAX_SEG_LEN = 24,
	MAX_LEN = MAX_SEGS * MAX_SEG_LEN,
	ROUNDS = 64,
	STEPS = 24,
};

/* The segments that a cursor walks and the flat array that it must equal. */
struct model {
	struct iovec iov[MAX_SEGS];
	unsigned int cnt;
	unsigned char flat[MAX_LEN];
	size_t at;
	size_t end;
	size_t solid_end;
	uint64_t random;
	struct iov_cursor c;
};

/* xorshift64: the same numbers on every machine */
static uint64_t next_random(struct model *m, uint64_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random % below;
}

/* Segments of random length, one in three empty, each its own allocation so
 * that AddressSanitizer sees a step beyond it.
 */
static void model_init(struct model *m, uint64_t seed)
{
	*m = (struct model){.random = seed * 0x9e3779b97f4a7c15 + 1};
	m->cnt = next_random(m, MAX_SEGS + 1);
	for (unsigned int i = 0; i < m->cnt; i++) {
		size_t len = next_random(m, MAX_SEG_LEN) + 1;
		unsigned char *seg;

		if (next_random(m, 3) == 0)
			continue;
		seg = malloc(len);
		for (size_t j = 0; j < len; j++)
			m->flat[m->end++] = seg[j] = next_random(m, 256);
		m->iov[i] = (struct iovec){.iov_base = seg, .iov_len = len};
	}
	m->solid_end = m->end;
	iov_init(&m->c, m->iov, m->cnt);
}

/* How much may be copied at the position. */
static size_t solid(const struct model *m)
{
	return m->solid_end > m->at ? m->solid_end - m->at : 0;
}

static void model_destroy(struct model *m)
{
	for (unsigned int i = 0; i < m->cnt; i++)
		free(m->iov[i].iov_base);
}

/* A length that is often 0, often all that is left, often one too many. */
static size_t some_len(struct model *m)
{
	size_t left = m->end - m->at;

	switch (next_random(m, 8)) {
	case 0:
		return 0;
	case 1:
		return left;
	case 2:
		return left + 1;
	case 3:
		return SIZE_MAX;
	case 4:
		return solid(m) + next_random(m, 2);
	default:
		return next_random(m, left / 2 + 2);
	}
}

static void step_take(struct model *m)
{
	unsigned char buf[MAX_LEN + 1], untouched[MAX_LEN + 1];
	size_t len = some_len(m);

	memset(buf, 0x5a, sizeof(buf));
	memset(untouched, 0x5a, sizeof(untouched));
	if (len > solid(m)) {
		ck_assert(!iov_take(&m->c, buf, len));
		ck_assert_mem_eq(buf, untouched, sizeof(buf));
		return;
	}
	ck_assert(iov_take(&m->c, buf, len));
	ck_assert_mem_eq(buf, m->flat + m->at, len);
	ck_assert_mem_eq(buf + len, untouched, sizeof(buf) - len);
	m->at += len;
}

static void step_put(struct model *m)
{
	unsigned char buf[MAX_LEN + 1];
	size_t len = some_len(m);

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = next_random(m, 256);
	if (len > solid(m)) {
		ck_assert(!iov_put(&m->c, buf, len));
		return;
	}
	ck_assert(iov_put(&m->c, buf, len));
	memcpy(m->flat + m->at, buf, len);
	m->at += len;
}

static void step_skip(struct model *m)
{
	size_t len = some_len(m);
	bool fits = len <= m->end - m->at;

	ck_assert_int_eq(iov_skip(&m->c, len), fits);
	if (fits)
		m->at += len;
}

static void step_cut(struct model *m)
{
	size_t len = some_len(m);

	/* Cuts are rare, or all is soon cut away. */
	if (next_random(m, 4))
		return;
	iov_cut(&m->c, len);
	m->end = MIN(len, m->end - m->at) + m->at;
	m->solid_end = MIN(m->solid_end, m->end);
}

static void step_limit(struct model *m)
{
	size_t len = some_len(m);

	if (next_random(m, 4))
		return;
	iov_limit_solid(&m->c, len);
	m->solid_end = m->at + MIN(len, solid(m));
}

static void step_list(struct model *m)
{
	unsigned int room = next_random(m, MAX_SEGS + 1), used;
	struct iovec list[MAX_SEGS + 1];
	size_t len = some_len(m), covered = 0;
	struct iov_cursor before = m->c;

	used = iov_list(&m->c, list, room, len);
	ck_assert_uint_le(used, room);
	for (unsigned int i = 0; i < used; i++) {
		ck_assert_uint_gt(list[i].iov_len, 0);
		ck_assert_uint_le(covered + list[i].iov_len, m->end - m->at);
		ck_assert_mem_eq(list[i].iov_base, m->flat + m->at + covered,
				 list[i].iov_len);
		covered += list[i].iov_len;
	}
	if (used < room)
		ck_assert_uint_eq(covered, MIN(len, m->end - m->at));
	ck_assert_uint_le(covered, len);
	ck_assert_mem_eq(&m->c, &before, sizeof(before));
}

/* What the segments hold now must be what the array holds. */
static void compare_all(const struct model *m)
{
	size_t at = 0;

	for (unsigned int i = 0; i < m->cnt; i++) {
		if (!m->iov[i].iov_len)
			continue;
		ck_assert_mem_eq(m->iov[i].iov_base, m->flat + at,
				 m->iov[i].iov_len);
		at += m->iov[i].iov_len;
	}
}

START_TEST(behaves_like_a_flat_array)
{
	static void (*const step[])(struct model * m) = {
		step_take, step_put, step_skip, step_cut, step_list, step_limit,
	};
	struct model m;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		model_init(&m, _i * ROUNDS + round);
		for (unsigned int i = 0; i < STEPS; i++) {
			step[next_random(&m, ARRAY_SIZE(step))](&m);
			ck_assert_uint_eq(m.c.left, m.end - m.at);
			ck_assert_uint_eq(m.c.solid, solid(&m));
		}
		compare_all(&m);
		model_destroy(&m);
	}
}
END_TEST

START_TEST(no_segments_is_an_empty_cursor)
{
	struct iov_cursor c;
	struct iovec list;
	char byte = 0;

	iov_init(&c, NULL, 0);
	ck_assert_uint_eq(c.left, 0);
	ck_assert(iov_take(&c, &byte, 0));
	ck_assert(iov_put(&c, &byte, 0));
	ck_assert(iov_skip(&c, 0));
	ck_assert(!iov_take(&c, &byte, 1));
	ck_assert(!iov_put(&c, &byte, 1));
	ck_assert(!iov_skip(&c, 1));
	ck_assert_uint_eq(iov_list(&c, &list, 1, SIZE_MAX), 0);
}
END_TEST

START_TEST(only_empty_segments_is_an_empty_cursor)
{
	struct iovec iov[4] = {0}, list;
	struct iov_cursor c;
	char byte;

	iov_init(&c, iov, ARRAY_SIZE(iov));
	ck_assert_uint_eq(c.left, 0);
	ck_assert(iov_skip(&c, 0));
	ck_assert(!iov_take(&c, &byte, 1));
	ck_assert_uint_eq(iov_list(&c, &list, 1, 1), 0);
}
END_TEST

START_TEST(empty_segment_after_the_last_byte_is_never_read)
{
	char byte = 'x', taken = 0;
	struct iovec iov[] = {{&byte, 1}, {NULL, 0}};
	struct iov_cursor c;

	iov_init(&c, iov, ARRAY_SIZE(iov));
	ck_assert(iov_take(&c, &taken, 1));
	ck_assert_int_eq(taken, 'x');
	ck_assert(!iov_take(&c, &taken, 1));
	ck_assert(iov_take(&c, &taken, 0));
}
END_TEST

START_TEST(list_stops_when_its_room_is_used)
{
	char bytes[3] = {0};
	struct iovec iov[] = {{&bytes[0], 1}, {&bytes[1], 1}, {&bytes[2], 1}};
	struct iovec list[3] = {0};
	struct iov_cursor c;

	iov_init(&c, iov, ARRAY_SIZE(iov));
	ck_assert_uint_eq(iov_list(&c, list, 2, SIZE_MAX), 2);
	ck_assert_ptr_null(list[2].iov_base);
	ck_assert_uint_eq(iov_list(&c, NULL, 0, SIZE_MAX), 0);
	ck_assert_uint_eq(c.left, 3);
}
END_TEST

START_TEST(cut_hides_what_follows)
{
	char bytes[8] = "abcdefg", taken[8] = "";
	struct iovec iov[] = {{bytes, 4}, {bytes + 4, 4}};
	struct iovec list[2];
	struct iov_cursor c;

	iov_init(&c, iov, ARRAY_SIZE(iov));
	ck_assert(iov_skip(&c, 2));
	iov_cut(&c, 3);
	ck_assert_uint_eq(iov_list(&c, list, 2, SIZE_MAX), 2);
	ck_assert_uint_eq(list[0].iov_len + list[1].iov_len, 3);
	ck_assert(!iov_take(&c, taken, 4));
	ck_assert(iov_take(&c, taken, 3));
	ck_assert_str_eq(taken, "cde");
	iov_cut(&c, 100);
	ck_assert_uint_eq(c.left, 0);
}
END_TEST

/* A solid front and a rest that nobody may touch, cut into pieces of each
 * length; the cursor stands at each position.
 */
START_TEST(nothing_is_copied_beyond_what_is_solid)
{
	enum { PAGE = 4096, FRONT = 12, ALL = 24 };
	char buf[ALL] = {0};
	struct iovec iov[ALL], list[ALL];
	size_t piece = _i + 1;
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory = map + PAGE - FRONT;
	unsigned int cnt = 0;

	ck_assert(map != MAP_FAILED);
	ck_assert_int_eq(mprotect(map + PAGE, PAGE, PROT_NONE), 0);
	for (size_t at = 0; at < ALL; at += piece, cnt++)
		iov[cnt] = (struct iovec){memory + at, MIN(piece, ALL - at)};
	for (size_t at = 0; at <= ALL; at++) {
		size_t front = at < FRONT ? FRONT - at : 0;
		struct iov_cursor c, same;

		iov_init(&c, iov, cnt);
		ck_assert_uint_eq(c.solid, ALL);
		iov_limit_solid(&c, FRONT);
		ck_assert(iov_skip(&c, at));
		ck_assert_uint_eq(c.left, ALL - at);
		ck_assert_uint_eq(c.solid, front);
		same = c;
		ck_assert(!iov_take(&c, buf, front + 1));
		ck_assert(!iov_put(&c, buf, front + 1));
		ck_assert(!iov_take(&c, buf, SIZE_MAX));
		ck_assert_mem_eq(&c, &same, sizeof(c));
		ck_assert_uint_eq(c.left ? iov_list(&c, list, 1, 1) : 1, 1);
		ck_assert(iov_take(&c, buf, front));
		ck_assert(iov_put(&same, buf, front));
		ck_assert_uint_eq(c.solid, 0);
		ck_assert_uint_eq(same.solid, 0);
		ck_assert(iov_take(&c, buf, 0));
		ck_assert_int_eq(iov_take(&c, buf, 1), false);
		ck_assert_uint_eq(c.left, MIN(ALL - at, ALL - FRONT));
	}
	munmap(map, 2 * PAGE);
}
END_TEST

START_TEST(limits_only_shrink)
{
	char bytes[8];
	struct iovec iov[] = {{bytes, 8}};
	struct iov_cursor c;

	iov_init(&c, iov, 1);
	iov_limit_solid(&c, SIZE_MAX);
	ck_assert_uint_eq(c.solid, 8);
	iov_cut(&c, 6);
	ck_assert_uint_eq(c.solid, 6);
	iov_limit_solid(&c, 3);
	iov_limit_solid(&c, 5);
	ck_assert_uint_eq(c.solid, 3);
	iov_cut(&c, 4);
	ck_assert_uint_eq(c.solid, 3);
	ck_assert_uint_eq(c.left, 4);
	iov_limit_solid(&c, 0);
	ck_assert_uint_eq(c.left, 4);
	ck_assert(!iov_put(&c, bytes, 1));
	ck_assert(iov_skip(&c, 4));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iov");
	TCase *tcase = tcase_create("iov");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, behaves_like_a_flat_array, 0, 16);
	tcase_add_test(tcase, no_segments_is_an_empty_cursor);
	tcase_add_test(tcase, only_empty_segments_is_an_empty_cursor);
	tcase_add_test(tcase, empty_segment_after_the_last_byte_is_never_read);
	tcase_add_test(tcase, list_stops_when_its_room_is_used);
	tcase_add_test(tcase, cut_hides_what_follows);
	tcase_add_loop_test(tcase, nothing_is_copied_beyond_what_is_solid, 0,
			    24);
	tcase_add_test(tcase, limits_only_shrink);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
