/*
 * Filters of system calls: the programs that the build makes.
 */
#include <check.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "vmm/base/bits.h"
#include "vmm/sandbox/filters.h"

#define X32_BIT 0x40000000

/* What a program says of a call: the instructions that libseccomp uses. */
static uint32_t judge(const struct filter *filter, const struct seccomp_data *d)
{
	const struct sock_filter *insn = filter->insn;
	uint32_t a = 0;

	for (;; insn++) {
		bool yes = false;

		ck_assert(insn >= filter->insn &&
			  insn < filter->insn + filter->cnt);
		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(insn->k, sizeof(*d) - sizeof(a));
			memcpy(&a, (const char *)d + insn->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= insn->k;
			continue;
		case BPF_JMP | BPF_JA:
			insn += insn->k;
			continue;
		case BPF_RET | BPF_K:
			return insn->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == insn->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > insn->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= insn->k;
			break;
		default:
			ck_abort_msg("instruction %#x", insn->code);
		}
		insn += yes ? insn->jt : insn->jf;
	}
}

/* Calls that pass whatever their arguments are, and no more than that. */
START_TEST(few_calls)
{
	static const unsigned int most[FILTER_NUM_KINDS] = {
		[FILTER_LOOP] = 25,   [FILTER_VCPU] = 19,
		[FILTER_FS] = 47,     [FILTER_FS_HANDLES] = 48,
		[FILTER_FS_AUX] = 17,
	};
	struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64};
	unsigned int cnt = 0;

	memset(data.args, 0xff, sizeof(data.args));
	for (data.nr = 0; data.nr < 4096; data.nr++) {
		uint32_t action = judge(&filters[_i], &data);

		ck_assert(action == SECCOMP_RET_ALLOW ||
			  action == SECCOMP_RET_TRAP);
		cnt += action == SECCOMP_RET_ALLOW;
		ck_assert(action != SECCOMP_RET_ALLOW ||
			  filters_names[data.nr][0]);
		data.arch = AUDIT_ARCH_I386;
		ck_assert_uint_eq(judge(&filters[_i], &data), SECCOMP_RET_TRAP);
		data.arch = AUDIT_ARCH_X86_64;
		data.nr |= X32_BIT;
		ck_assert_uint_eq(judge(&filters[_i], &data), SECCOMP_RET_TRAP);
		data.nr &= ~X32_BIT;
	}
	ck_assert_uint_gt(cnt, most[_i] / 2);
	ck_assert_uint_le(cnt, most[_i]);
}
END_TEST

/* What passes with one value of an argument does so with no other. */
static const struct {
	enum filter_kind kind;
	int number;
	unsigned int arg;
	uint64_t value;
} judged[] = {
	{FILTER_VCPU, SYS_ioctl, 1, KVM_RUN},
	{FILTER_FS, SYS_ioctl, 1, FS_IOC_GETFLAGS},
	{FILTER_FS, SYS_fcntl, 1, F_OFD_SETLK},
	{FILTER_FS, SYS_fanotify_mark, 1, FAN_MARK_ADD},
	{FILTER_FS, SYS_fanotify_mark, 1, FAN_MARK_FLUSH},
	{FILTER_LOOP, SYS_madvise, 2, MADV_DONTNEED},
	{FILTER_FS, SYS_madvise, 2, MADV_DONTNEED},
};

START_TEST(exact_values)
{
	struct seccomp_data data = {
		.arch = AUDIT_ARCH_X86_64,
		.nr = judged[_i].number,
	};
	const struct filter *filter = &filters[judged[_i].kind];
	__u64 *arg = &data.args[judged[_i].arg];

	*arg = judged[_i].value;
	ck_assert_uint_eq(judge(filter, &data), SECCOMP_RET_ALLOW);
	for (unsigned int bit = 0; bit < 64; bit++) {
		*arg = judged[_i].value ^ BIT(bit);
		/* F_OFD_GETLK and F_OFD_SETLK are neighbours, and so on. */
		if (bit >= 8)
			ck_assert_uint_eq(judge(filter, &data),
					  SECCOMP_RET_TRAP);
	}
}
END_TEST

/* They would show what is not in any share. */
START_TEST(no_marks_but_on_inodes)
{
	static const unsigned int more[] = {FAN_MARK_MOUNT,
					    FAN_MARK_FILESYSTEM};
	struct seccomp_data data = {
		.arch = AUDIT_ARCH_X86_64,
		.nr = SYS_fanotify_mark,
	};

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		data.args[1] = FAN_MARK_ADD | more[i];
		ck_assert_uint_eq(judge(&filters[FILTER_FS], &data),
				  SECCOMP_RET_TRAP);
	}
}
END_TEST

START_TEST(no_code)
{
	static const int calls[] = {SYS_mmap, SYS_mprotect};
	struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		data.nr = calls[i];
		for (uint64_t prot = 0; prot < 64; prot++) {
			data.args[2] = prot;
			if (prot & PROT_EXEC)
				ck_assert_uint_eq(judge(&filters[_i], &data),
						  SECCOMP_RET_TRAP);
			else if (calls[i] == SYS_mmap)
				ck_assert_uint_eq(judge(&filters[_i], &data),
						  SECCOMP_RET_ALLOW);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filters");
	TCase *tc = tcase_create("filters");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, few_calls, 0, FILTER_NUM_KINDS);
	tcase_add_loop_test(tc, exact_values, 0, ARRAY_SIZE(judged));
	tcase_add_test(tc, no_marks_but_on_inodes);
	tcase_add_loop_test(tc, no_code, 0, FILTER_NUM_KINDS);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
