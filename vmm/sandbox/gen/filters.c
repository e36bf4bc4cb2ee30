/*
 * Makes the filters of system calls: a C file for vmm/sandbox/filters.h, from
 * the calls that tags.awk has found (TAGS). Runs at build time only.
 *
 * Whatever is not named traps, and so does every call of another architecture:
 * 32 bits, x32.
 */
#include <assert.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/kvm.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vmm/base/bits.h"
#include "vmm/sandbox/filters.h"

enum {
	TREE = 2,	 /* optimization: a binary tree */
	MAX_NAMES = 512, /* numbers of calls are smaller */
};

/* Kinds as tags call them. */
enum tag_kind {
	KIND_setup,
	KIND_loop,
	KIND_vcpu,
	KIND_fs,
	KIND_fs_handles,
	KIND_fs_aux,
};

/**
 * struct call - A call that a kind of thread makes
 * @kind:	Which kind
 * @number:	Its number
 * @name:	Its name
 * @with:	@value is asked for
 * @value:	That its argument must have
 */
static const struct call {
	enum tag_kind kind;
	int number;
	const char *name;
	bool with;
	scmp_datum_t value;
} calls[] = {
#define CALL(kind, name) {KIND_##kind, SCMP_SYS(name), #name, false, 0},
#define CALL_WITH(kind, name, value) \
	{KIND_##kind, SCMP_SYS(name), #name, true, value},
#include TAGS
};

/* The argument that says what a call does, where that can be a lot: tags name
 * its values.
 */
static const struct {
	int number;
	unsigned int arg;
} judged[] = {
	{SCMP_SYS(fcntl), 1},
	{SCMP_SYS(ioctl), 1},
	{SCMP_SYS(recvfrom), 4}, /* addresses */
	{SCMP_SYS(sendto), 4},
	/* No marks on mounts and file systems. */
	{SCMP_SYS(fanotify_mark), 1},
	/* Memory is given back, not shared or spoilt. */
	{SCMP_SYS(madvise), 2},
};

/* Of these, all but what makes code. */
static const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

/**
 * struct kind - A filter
 * @name:	In messages
 * @own:	Its tags
 * @also:	Other tags that count, or the same
 * @max:	Most calls
 */
static const struct kind {
	const char *name;
	enum tag_kind own;
	enum tag_kind also;
	unsigned int max;
} kinds[] = {
	[FILTER_LOOP] = {"loop", KIND_loop, KIND_loop, 26},
	[FILTER_VCPU] = {"vcpu", KIND_vcpu, KIND_vcpu, 22},
	[FILTER_FS] = {"fs", KIND_fs, KIND_fs, 51},
	[FILTER_FS_HANDLES] = {"fs-handles", KIND_fs_handles, KIND_fs, 52},
	[FILTER_FS_AUX] = {"fs-aux", KIND_fs_aux, KIND_fs_aux, 20},
};
static_assert(ARRAY_SIZE(kinds) == FILTER_NUM_KINDS, "all kinds");

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt,
								...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "filters: ");
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* The argument of a call that is judged, or -1. */
static int judged_arg(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
		if (judged[i].number == number)
			return (int)judged[i].arg;
	}
	return -1;
}

static bool makes_mappings(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(mapping); i++) {
		if (mapping[i] == number)
			return true;
	}
	return false;
}

static void allow(scmp_filter_ctx filter, const struct call *call)
{
	struct scmp_arg_cmp cmp = {.op = SCMP_CMP_EQ, .datum_a = call->value};
	int arg = judged_arg(call->number);
	int err;

	if (call->number < 0)
		die("%s: not a system call here", call->name);
	if (call->with != (arg >= 0))
		die(call->with ? "%s: its argument is not judged"
			       : "%s: a tag has to name its argument",
		    call->name);
	cmp.arg = (unsigned int)arg;
	if (makes_mappings(call->number)) {
		arg = 2;
		cmp = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	}
	err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number,
				     arg >= 0, &cmp);
	if (err)
		die("%s: %s", call->name, strerror(-err));
}

static scmp_filter_ctx make_filter(const struct kind *kind)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	bool counted[MAX_NAMES] = {false};
	unsigned int cnt = 0;

	if (!filter ||
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP) ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, TREE))
		die("%s: no filter", kind->name);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].kind != kind->own && calls[i].kind != kind->also)
			continue;
		allow(filter, &calls[i]);
		cnt += !counted[calls[i].number];
		counted[calls[i].number] = true;
	}
	if (cnt > kind->max)
		die("%s: %u calls, %u are the most", kind->name, cnt,
		    kind->max);
	printf("\n/* %s: %u calls */\n", kind->name, cnt);
	return filter;
}

/* The program, as an array: its length. */
static size_t print_program(scmp_filter_ctx filter, const struct kind *kind)
{
	FILE *file = tmpfile();
	struct sock_filter insn;
	size_t cnt = 0;

	if (!file || seccomp_export_bpf(filter, fileno(file)))
		die("%s: cannot be written", kind->name);
	rewind(file);
	printf("static const struct sock_filter program_%zu[] = {\n",
	       (size_t)(kind - kinds));
	for (; fread(&insn, sizeof(insn), 1, file) == 1; cnt++)
		printf("\t{%#x, %u, %u, %#x},\n", insn.code, insn.jt, insn.jf,
		       insn.k);
	printf("};\n");
	fclose(file);
	return cnt;
}

static void print_names(void)
{
	int cnt = 0;

	printf("\nconst char filters_names[][FILTERS_NAME_LEN] = {\n");
	for (int i = 0; i < MAX_NAMES; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64,
							      (int)i);

		if (name) {
			if (strlen(name) >= FILTERS_NAME_LEN)
				die("%s: too long a name", name);
			printf("\t[%d] = \"%s\",\n", i, name);
			cnt = i + 1;
		}
		free(name);
	}
	printf("};\n\nconst unsigned int filters_names_cnt = %d;\n", cnt);
}

int main(void)
{
	size_t len[FILTER_NUM_KINDS];

	printf("/* Made by vmm/sandbox/gen/filters.c. */\n"
	       "#include \"vmm/sandbox/filters.h\"\n");
	for (size_t i = 0; i < FILTER_NUM_KINDS; i++) {
		scmp_filter_ctx filter = make_filter(&kinds[i]);

		len[i] = print_program(filter, &kinds[i]);
		seccomp_release(filter);
	}
	/* The kernel's type is not for constants. */
	printf("\nconst struct filter filters[FILTER_NUM_KINDS] = {\n");
	for (size_t i = 0; i < FILTER_NUM_KINDS; i++)
		printf("\t{program_%zu, %zu},\n", i, len[i]);
	printf("};\n");
	print_names();
	return ferror(stdout) || fflush(stdout);
}
