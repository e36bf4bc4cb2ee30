/*
 * Guest memory: where RAM and windows lie, and what each door opens onto.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/guestmem.h"

static const uint64_t PAGE = 4096;

/* Around the gap; memory is only reserved, so even 5 GiB cost nothing. */
static const uint64_t RAM_LENS[] = {
	4096, MIB(64), GIB(3) - 4096, GIB(3), GIB(3) + 4096, GIB(4), GIB(5),
};

/* Is [gpa, gpa + len) all in one piece of RAM? Sums do not wrap here. */
static bool is_ram(uint64_t ram_len, gpa_t gpa, uint64_t len)
{
	unsigned __int128 end = (unsigned __int128)gpa + len;
	uint64_t low = MIN(ram_len, LAYOUT_GAP_START);

	if (end <= low)
		return true;
	return ram_len > low && gpa >= LAYOUT_GAP_END &&
	       end <= LAYOUT_GAP_END + (ram_len - low);
}

/* The length @len from @gpa on, or one that reaches just to the end of the
 * address space or wraps around it.
 */
static uint64_t some_len(unsigned int i, gpa_t gpa)
{
	const uint64_t lens[] = {
		0,
		1,
		2,
		PAGE,
		PAGE + 1,
		GIB(1),
		GIB(3),
		GIB(4),
		UINT64_MAX,
		UINT64_MAX - PAGE,
		-gpa,
		1 - gpa,
		-gpa - 1,
		LAYOUT_GAP_END - gpa,
		GIB(3) - gpa,
	};

	return i < ARRAY_SIZE(lens) ? lens[i] : UINT64_MAX / 2;
}

static void check_door(const struct guestmem *mem, uint64_t ram_len, gpa_t gpa)
{
	for (unsigned int i = 0; i < 16; i++) {
		uint64_t len = some_len(i, gpa);
		const void *ptr = guest_ptr(mem, gpa, len);

		ck_assert_msg(!!ptr == is_ram(ram_len, gpa, len),
			      "RAM %#lx: [%#lx, +%#lx) is %p", ram_len, gpa,
			      len, ptr);
	}
}

START_TEST(door_opens_onto_ram_only)
{
	const uint64_t ram_len = RAM_LENS[_i];
	const gpa_t edges[] = {
		0,
		PAGE,
		ram_len,
		ram_len + GIB(1),
		LAYOUT_GAP_START,
		LAYOUT_MMIO_BASE,
		LAYOUT_LAPIC,
		LAYOUT_GAP_END,
		LAYOUT_GAP_END + PAGE,
		1ULL << 52,
		1ULL << 63,
	};
	struct guestmem mem;

	ck_assert_int_eq(guestmem_init(&mem, ram_len), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(edges); i++) {
		for (uint64_t near = -2; near != 3; near++)
			check_door(&mem, ram_len, edges[i] + near);
		check_door(&mem, ram_len, edges[i] - PAGE);
	}
	guestmem_destroy(&mem);
}
END_TEST

START_TEST(ram_is_all_there_and_aligned)
{
	uint64_t ram_len = RAM_LENS[_i], total = 0;
	struct guestmem mem;

	ck_assert_int_eq(guestmem_init(&mem, ram_len), 0);
	for (unsigned int i = 0; i < mem.region_cnt; i++) {
		const struct guestmem_region *r = &mem.region[i];
		volatile char *first = guest_ptr(&mem, r->gpa, r->len);

		ck_assert(first);
		ck_assert_uint_eq(((uintptr_t)first - r->gpa) % MIB(2), 0);
		ck_assert_int_eq(first[0], 0);
		ck_assert_int_eq(first[r->len - 1], 0);
		first[0] = first[r->len - 1] = 1;
		total += r->len;
	}
	ck_assert_uint_eq(total, ram_len);
	ck_assert_uint_eq(guestmem_low_end(&mem),
			  MIN(ram_len, LAYOUT_GAP_START));
	guestmem_destroy(&mem);
}
END_TEST

START_TEST(too_much_ram_fails_and_can_be_destroyed)
{
	const uint64_t lens[] = {1ULL << 60, UINT64_MAX - PAGE + 1,
				 UINT64_MAX - GIB(1) + 1};
	struct guestmem mem;

	ck_assert_int_eq(guestmem_init(&mem, lens[_i]), -ENOMEM);
	guestmem_destroy(&mem);
	ck_assert_ptr_null(guest_ptr(&mem, 0, 1));
	guestmem_destroy(&mem);
}
END_TEST

START_TEST(windows_are_above_ram_and_aligned)
{
	static const uint64_t lens[] = {MIB(2), GIB(1), GIB(1) + MIB(2),
					GIB(3), MIB(2), MIB(512)};
	const uint64_t ram_len = RAM_LENS[_i];
	gpa_t end = ram_len > GIB(3) ? ram_len + GIB(1) : GIB(4);
	struct guestmem mem;

	ck_assert_int_eq(guestmem_init(&mem, ram_len), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		uint64_t align = lens[i] < GIB(1) ? MIB(2) : GIB(1);
		const struct guestmem_region *w = &mem.window[i];

		ck_assert_int_eq(guestmem_add_window(&mem, lens[i], 40, i & 1),
				 0);
		ck_assert_uint_eq(mem.window_cnt, i + 1);
		ck_assert_uint_eq(w->gpa, align_up(end, GIB(1)));
		ck_assert_uint_eq(w->len, lens[i]);
		ck_assert_int_eq(w->read_only, i & 1);
		ck_assert_uint_eq(((uintptr_t)w->hva - w->gpa) % align, 0);
		ck_assert(w->hva + w->len <= (char *)w->map + w->map_len);
		end = w->gpa + w->len;
	}
	/* RAM is what it was. */
	ck_assert_uint_eq(guestmem_low_end(&mem), MIN(ram_len, GIB(3)));
	ck_assert_uint_le(mem.region_cnt, GUESTMEM_MAX_REGIONS);
	guestmem_destroy(&mem);
	ck_assert_uint_eq(mem.window_cnt, 0);
}
END_TEST

START_TEST(windows_that_cannot_be)
{
	static const struct {
		uint64_t len;
		unsigned int phys_bits;
		int err;
	} cases[] = {
		{0, 40, -EINVAL},
		{1, 40, -EINVAL},
		{PAGE, 40, -EINVAL},
		{MIB(1), 40, -EINVAL},
		{MIB(2) + PAGE, 40, -EINVAL},
		{UINT64_MAX, 52, -EINVAL},
		{-MIB(2), 52, -E2BIG},
		{-GIB(4), 52, -E2BIG},
		{-GIB(5), 52, -E2BIG},
		{BIT(52), 52, -E2BIG},
		{BIT(52) - GIB(4) + MIB(2), 52, -E2BIG},
		/* Allowed, but more than a process can have. */
		{BIT(52) - GIB(4), 52, -ENOMEM},
		{BIT(36) - GIB(4) + MIB(2), 36, -E2BIG},
		{BIT(36) - GIB(4), 36, 0},
		/* Nothing is left now. */
		{MIB(2), 36, -E2BIG},
		{MIB(2), 32, -E2BIG},
		{MIB(2), 37, 0},
	};
	struct guestmem mem;

	ck_assert_int_eq(guestmem_init(&mem, MIB(64)), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned int before = mem.window_cnt;
		int err = guestmem_add_window(&mem, cases[i].len,
					      cases[i].phys_bits, false);

		ck_assert_msg(err == cases[i].err, "case %u gave %d", i, err);
		ck_assert_uint_eq(mem.window_cnt, before + !err);
	}
	while (mem.window_cnt < GUESTMEM_MAX_WINDOWS)
		ck_assert_int_eq(guestmem_add_window(&mem, MIB(2), 40, false),
				 0);
	ck_assert_int_eq(guestmem_add_window(&mem, MIB(2), 40, false), -ENOSPC);
	guestmem_destroy(&mem);
}
END_TEST

/* Which door opens onto [gpa, gpa + len)? */
static void doors(const struct guestmem *mem, gpa_t gpa, uint64_t len,
		  const char *ram, const char *window)
{
	bool is_window = !window;
	const char *buf = guest_buf(mem, gpa, len, &is_window);

	ck_assert_ptr_eq(guest_ptr(mem, gpa, len), ram);
	ck_assert_ptr_eq(buf, ram ? ram : window);
	if (buf)
		ck_assert_int_eq(is_window, !ram);
}

/* RAM ends where the first window begins, the second follows the first, and
 * after the third, which is short, there is nothing.
 */
START_TEST(doors_to_windows)
{
	const gpa_t at = GIB(5), next = GIB(6), third = GIB(7);
	const gpa_t end = third + MIB(2);
	struct guestmem mem;
	char *ram, *w[3];

	ck_assert_int_eq(guestmem_init(&mem, GIB(4)), 0);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t len = i < 2 ? GIB(1) : MIB(2);

		ck_assert_int_eq(guestmem_add_window(&mem, len, 40, false), 0);
		w[i] = mem.window[i].hva;
	}
	ram = guest_ptr(&mem, GIB(4), GIB(1));
	ck_assert_ptr_nonnull(ram);
	doors(&mem, at - PAGE, PAGE, ram + GIB(1) - PAGE, NULL);
	doors(&mem, at - PAGE, PAGE + 1, NULL, NULL);
	doors(&mem, at - 1, 2, NULL, NULL);
	doors(&mem, at - PAGE, GIB(4), NULL, NULL);
	doors(&mem, at, 1, NULL, w[0]);
	doors(&mem, at, GIB(1), NULL, w[0]);
	doors(&mem, at, GIB(1) + 1, NULL, NULL);
	doors(&mem, at + 5, GIB(1) - 5, NULL, w[0] + 5);
	doors(&mem, next - 1, 1, NULL, w[0] + GIB(1) - 1);
	doors(&mem, next - 1, 2, NULL, NULL);
	doors(&mem, next, GIB(1), NULL, w[1]);
	doors(&mem, next, GIB(1) + PAGE, NULL, NULL);
	doors(&mem, third, MIB(2), NULL, w[2]);
	doors(&mem, end - 1, 1, NULL, w[2] + MIB(2) - 1);
	doors(&mem, end - 1, 2, NULL, NULL);
	doors(&mem, end, 1, NULL, NULL);
	doors(&mem, end - 1, UINT64_MAX, NULL, NULL);
	doors(&mem, at + 1, -at - 1, NULL, NULL);
	doors(&mem, at + 1, -at, NULL, NULL);
	doors(&mem, UINT64_MAX, 2, NULL, NULL);
	guestmem_destroy(&mem);
	doors(&mem, at, 1, NULL, NULL);
}
END_TEST

/* Nothing is there, but system calls may look. */
START_TEST(window_is_a_reservation)
{
	struct guestmem mem;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	bool is_window;
	char *buf;

	ck_assert_int_eq(guestmem_init(&mem, MIB(1)), 0);
	ck_assert_int_eq(guestmem_add_window(&mem, GIB(2), 40, false), 0);
	for (uint64_t at = 0; at < GIB(2); at += GIB(1) - MIB(1)) {
		buf = guest_buf(&mem, GIB(4) + at, PAGE, &is_window);
		ck_assert_ptr_nonnull(buf);
		ck_assert(is_window);
		ck_assert_int_eq(read(fd, buf, PAGE), -1);
		ck_assert_int_eq(errno, EFAULT);
	}
	buf = guest_buf(&mem, GIB(4), PAGE, &is_window);
	ck_assert(mmap(buf, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == buf);
	ck_assert_int_eq(read(fd, buf, 2 * PAGE), (ssize_t)PAGE);
	fd_close(&fd);
	guestmem_destroy(&mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guestmem");
	TCase *tcase = tcase_create("guestmem");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, door_opens_onto_ram_only, 0,
			    ARRAY_SIZE(RAM_LENS));
	tcase_add_loop_test(tcase, ram_is_all_there_and_aligned, 0,
			    ARRAY_SIZE(RAM_LENS));
	tcase_add_loop_test(tcase, too_much_ram_fails_and_can_be_destroyed, 0,
			    3);
	tcase_add_loop_test(tcase, windows_are_above_ram_and_aligned, 0,
			    ARRAY_SIZE(RAM_LENS));
	tcase_add_test(tcase, windows_that_cannot_be);
	tcase_add_test(tcase, doors_to_windows);
	tcase_add_test(tcase, window_is_a_reservation);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
