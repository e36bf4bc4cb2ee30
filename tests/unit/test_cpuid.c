/*
 * CPUID topology: every processor finds itself, and all agree on the rest.
 */
#include <check.h>

#include "vmm/kvm/cpuid.h"

static struct cpuid cpuid;

static struct kvm_cpuid_entry2 *leaf(__u32 function, __u32 index)
{
	for (unsigned int i = 0; i < cpuid.nent; i++) {
		if (cpuid.entry[i].function == function &&
		    cpuid.entry[i].index == index)
			return &cpuid.entry[i];
	}
	ck_abort_msg("no leaf %#x.%u", function, index);
	return NULL;
}

static void setup(unsigned int idx, unsigned int cnt)
{
	cpuid = (struct cpuid){
		.nent = 10,
		.entry =
			{
				{.function = 0x1, .ebx = 0xffffffff},
				{.function = 0x4, .index = 0, .eax = 0x21},
				{.function = 0x4, .index = 3, .eax = 0x63},
				{.function = 0xb, .index = 0},
				{.function = 0xb, .index = 1},
				{.function = 0xb, .index = 2},
				{.function = 0x80000001},
				{.function = 0x80000008, .ecx = 0xffff},
				{.function = 0x8000001d,
				 .index = 3,
				 .eax = 0x63},
				{.function = 0x8000001e},
			},
	};
	cpuid_set_topology(&cpuid, idx, cnt);
}

START_TEST(every_processor_has_its_id)
{
	for (unsigned int i = 0; i < 32; i++) {
		setup(i, 32);
		ck_assert_uint_eq(leaf(0x1, 0)->ebx >> 24, i);
		ck_assert_uint_eq((leaf(0x1, 0)->ebx >> 16) & 0xff, 32);
		ck_assert_uint_eq(leaf(0x1, 0)->ebx & 0xffff, 0xffff);
		for (unsigned int level = 0; level < 3; level++)
			ck_assert_uint_eq(leaf(0xb, level)->edx, i);
		ck_assert_uint_eq(leaf(0x8000001e, 0)->eax, i);
	}
}
END_TEST

START_TEST(levels_are_threads_cores_end)
{
	setup(2, 3);
	ck_assert_uint_eq(leaf(0xb, 0)->eax, 0);
	ck_assert_uint_eq(leaf(0xb, 0)->ebx, 1);
	ck_assert_uint_eq(leaf(0xb, 0)->ecx, 0x100);
	ck_assert_uint_eq(leaf(0xb, 1)->eax, 2); /* 3 ids need 2 bits */
	ck_assert_uint_eq(leaf(0xb, 1)->ebx, 3);
	ck_assert_uint_eq(leaf(0xb, 1)->ecx, 0x201);
	ck_assert_uint_eq(leaf(0xb, 2)->ebx, 0);
	ck_assert_uint_eq(leaf(0xb, 2)->ecx, 2);
}
END_TEST

START_TEST(one_processor_has_no_siblings)
{
	setup(0, 1);
	ck_assert_uint_eq(leaf(0x1, 0)->edx & (1U << 28), 0);
	ck_assert_uint_eq(leaf(0x80000001, 0)->ecx & 2, 0);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ecx & 0xff, 0);
	ck_assert_uint_eq(leaf(0xb, 1)->eax, 0);
}
END_TEST

START_TEST(only_the_last_cache_is_shared)
{
	setup(1, 4);
	ck_assert_uint_eq((leaf(0x4, 0)->eax >> 14) & 0xfff, 0);
	ck_assert_uint_eq((leaf(0x4, 3)->eax >> 14) & 0xfff, 3);
	ck_assert_uint_eq(leaf(0x4, 3)->eax >> 26, 3);
	ck_assert_uint_eq((leaf(0x8000001d, 3)->eax >> 14) & 0xfff, 3);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ecx & 0xff, 3);
	ck_assert_uint_eq((leaf(0x80000008, 0)->ecx >> 12) & 0xf, 2);
}
END_TEST

START_TEST(width_of_addresses)
{
	static const struct {
		__u32 eax;
		unsigned int bits;
	} rows[] = {
		{0x3028, 40}, {0x303930, 48}, {36, 36},	    {52, 52},
		{53, 52},     {0xff, 52},     {0x3000, 36}, {20, 32},
	};

	setup(0, 1);
	ck_assert_uint_eq(cpuid_phys_bits(&cpuid), 36);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		leaf(0x80000008, 0)->eax = rows[i].eax;
		ck_assert_uint_eq(cpuid_phys_bits(&cpuid), rows[i].bits);
	}
	cpuid.nent = 1;
	ck_assert_uint_eq(cpuid_phys_bits(&cpuid), 36);
}
END_TEST

START_TEST(a_table_can_be_used_for_the_next)
{
	setup(0, 8);
	for (unsigned int i = 1; i < 8; i++) {
		cpuid_set_topology(&cpuid, i, 8);
		ck_assert_uint_eq(leaf(0x1, 0)->ebx >> 24, i);
		ck_assert_uint_eq(leaf(0xb, 1)->edx, i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpuid");
	TCase *tcase = tcase_create("cpuid");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, every_processor_has_its_id);
	tcase_add_test(tcase, levels_are_threads_cores_end);
	tcase_add_test(tcase, one_processor_has_no_siblings);
	tcase_add_test(tcase, only_the_last_cache_is_shared);
	tcase_add_test(tcase, width_of_addresses);
	tcase_add_test(tcase, a_table_can_be_used_for_the_next);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
