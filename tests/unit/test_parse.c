/*
 * Numbers as people write them.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "vmm/base/bits.h"
#include "vmm/base/parse.h"

static const uint64_t UNTOUCHED = 0xdead;

static const struct {
	const char *text;
	int err;
	uint64_t bytes;
} SIZES[] = {
	{"0", 0, 0},
	{"1", 0, 1},
	{"4096", 0, 4096},
	{"007", 0, 7},
	{"1K", 0, 1024},
	{"1k", 0, 1024},
	{"512M", 0, MIB(512)},
	{"512m", 0, MIB(512)},
	{"3G", 0, GIB(3)},
	{"3g", 0, GIB(3)},
	{"0G", 0, 0},
	{"18446744073709551615", 0, UINT64_MAX},
	{"18014398509481983K", 0, UINT64_MAX - 1023},
	{"17179869183G", 0, UINT64_MAX - GIB(1) + 1},
	{"18446744073709551616", -ERANGE, 0},
	{"99999999999999999999999999", -ERANGE, 0},
	{"18014398509481984K", -ERANGE, 0},
	{"17592186044416M", -ERANGE, 0},
	{"17179869184G", -ERANGE, 0},
	{"18446744073709551615G", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"K", -EINVAL, 0},
	{"M1", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"+1", -EINVAL, 0},
	{" 1", -EINVAL, 0},
	{"1 ", -EINVAL, 0},
	{"1 M", -EINVAL, 0},
	{"1\n", -EINVAL, 0},
	{"1MM", -EINVAL, 0},
	{"1MB", -EINVAL, 0},
	{"1MiB", -EINVAL, 0},
	{"1T", -EINVAL, 0},
	{"1.5G", -EINVAL, 0},
	{"0x10", -EINVAL, 0},
	{"1e3", -EINVAL, 0},
	{"\xd9\xa3", -EINVAL, 0}, /* a digit, but not an ASCII one */
};

START_TEST(size_is_strict)
{
	uint64_t bytes = UNTOUCHED;
	int err = parse_size(SIZES[_i].text, &bytes);

	ck_assert_msg(err == SIZES[_i].err, "'%s' gave %d", SIZES[_i].text,
		      err);
	ck_assert_uint_eq(bytes, err ? UNTOUCHED : SIZES[_i].bytes);
}
END_TEST

static const struct {
	const char *text;
	uint64_t min;
	uint64_t max;
	int err;
	uint64_t value;
} UINTS[] = {
	{"1", 1, 32, 0, 1},
	{"32", 1, 32, 0, 32},
	{"0", 0, 0, 0, 0},
	{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
	{"0", 1, 32, -ERANGE, 0},
	{"33", 1, 32, -ERANGE, 0},
	{"4294967297", 1, 32, -ERANGE, 0}, /* 1 in 32 bits */
	{"18446744073709551617", 1, 32, -ERANGE, 0},
	{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
	{"", 0, 9, -EINVAL, 0},
	{"-1", 0, UINT64_MAX, -EINVAL, 0},
	{"+1", 0, 9, -EINVAL, 0},
	{" 1", 0, 9, -EINVAL, 0},
	{"1 ", 0, 9, -EINVAL, 0},
	{"1K", 0, 4096, -EINVAL, 0},
	{"0x1", 0, 9, -EINVAL, 0},
	{"one", 0, 9, -EINVAL, 0},
};

START_TEST(uint_is_strict)
{
	uint64_t value = UNTOUCHED;
	int err = parse_uint(UINTS[_i].text, UINTS[_i].min, UINTS[_i].max,
			     &value);

	ck_assert_msg(err == UINTS[_i].err, "'%s' gave %d", UINTS[_i].text,
		      err);
	ck_assert_uint_eq(value, err ? UNTOUCHED : UINTS[_i].value);
}
END_TEST

static const struct {
	const char *text;
	int err;
	uint64_t ns;
} TIMES[] = {
	{"0", 0, 0},
	{"1", 0, NS_PER_S},
	{"90s", 0, 90 * NS_PER_S},
	{"1.5m", 0, 90 * NS_PER_S},
	{"2h", 0, 7200 * NS_PER_S},
	{"1d", 0, 86400 * NS_PER_S},
	{"0.25", 0, NS_PER_S / 4},
	{"0.000000001", 0, 1},
	{"0.999999999s", 0, NS_PER_S - 1},
	{"18446744073", 0, 18446744073U * NS_PER_S},
	{"18446744074", -ERANGE, 0},
	{"18446744073.9", -ERANGE, 0},
	{"307445734562m", -ERANGE, 0},
	{"213503982334602d", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"m", -EINVAL, 0},
	{".5", -EINVAL, 0},
	{"1.", -EINVAL, 0},
	{"1.m", -EINVAL, 0},
	{"1.5.5", -EINVAL, 0},
	{"0.0000000001", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"1 s", -EINVAL, 0},
	{"1ms", -EINVAL, 0},
	{"1M", -EINVAL, 0},
	{"1e3", -EINVAL, 0},
	{"inf", -EINVAL, 0},
};

START_TEST(duration_is_strict)
{
	uint64_t ns = UNTOUCHED;
	int err = parse_duration(TIMES[_i].text, &ns);

	ck_assert_int_eq(err, TIMES[_i].err);
	ck_assert_uint_eq(ns, err ? UNTOUCHED : TIMES[_i].ns);
}
END_TEST

static const struct {
	const char *text;
	int err;
	uint64_t parts;
} PARTS[] = {
	{"0", 0, 0},
	{"2", 0, 2000},
	{"0.5", 0, 500},
	{"1.25", 0, 1250},
	{"00.001", 0, 1},
	{"18446744073709551.615", 0, UINT64_MAX},
	{"18446744073709551.616", -ERANGE, 0},
	{"18446744073709552", -ERANGE, 0},
	{"", -EINVAL, 0},
	{".5", -EINVAL, 0},
	{"1.", -EINVAL, 0},
	{"0.0005", -EINVAL, 0},
	{"1.5.5", -EINVAL, 0},
	{"1,5", -EINVAL, 0},
	{"1.5m", -EINVAL, 0},
	{"-1.5", -EINVAL, 0},
	{" 1.5", -EINVAL, 0},
};

START_TEST(thousandths_are_strict)
{
	uint64_t parts = UNTOUCHED;
	int err = parse_thousandths(PARTS[_i].text, &parts);

	ck_assert_int_eq(err, PARTS[_i].err);
	ck_assert_uint_eq(parts, err ? UNTOUCHED : PARTS[_i].parts);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parse");
	TCase *tcase = tcase_create("parse");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, size_is_strict, 0, ARRAY_SIZE(SIZES));
	tcase_add_loop_test(tcase, duration_is_strict, 0, ARRAY_SIZE(TIMES));
	tcase_add_loop_test(tcase, thousandths_are_strict, 0,
			    ARRAY_SIZE(PARTS));
	tcase_add_loop_test(tcase, uint_is_strict, 0, ARRAY_SIZE(UINTS));
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
