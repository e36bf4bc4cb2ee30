/*
 * /spec: what the monitor writes is what init reads, and nothing else passes.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "boot/bytes.h"
#include "boot/guest/plan.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"

/* Parses a copy of @len bytes that ends where the allocation ends. */
static int parse(struct plan *plan, const void *bytes, size_t len)
{
	char *copy = len ? malloc(len) : NULL;

	if (copy)
		memcpy(copy, bytes, len);
	return plan_parse(plan, copy, len);
}

static void expect(const struct plan *plan, enum guest_spec_key key,
		   const char *const *values)
{
	char **at = plan->list[key];

	for (; *values; values++, at++)
		ck_assert_str_eq(*at, *values);
	ck_assert_ptr_null(*at);
}

static char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){""},
			     (char[]){"arg=x\n=\377"}, NULL};
static char *const envp[] = {(char[]){"A=1"}, (char[]){"PATH=/bin:"}, NULL};
static const struct guest_spec spec = {
	.root_tag = "root",
	.hostname = "wherry",
	.workdir = "/some where",
	.argv = argv,
	.envp = envp,
};

static void encode(struct bytes *out)
{
	struct modules modules = {.cnt = 2};

	strcpy(modules.module[0].name, "virtio_ring");
	strcpy(modules.module[1].name, "virtio");
	*out = (struct bytes){0};
	ck_assert_int_eq(spec_encode(out, &spec, &modules), 0);
}

START_TEST(round_trip)
{
	struct bytes out;
	struct plan plan;

	encode(&out);
	ck_assert_int_eq(parse(&plan, out.data, out.len), 0);
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_ROOT), "root");
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_READ_ONLY));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_OPTIONS));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_USER));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_GROUP));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_ADD_GROUP));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_RLIMIT));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_CAPS));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_TERMINAL));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_OVERLAY));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_VOLUME));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_PIDS));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_TMP_SIZE));
	ck_assert_ptr_null(plan_value(&plan, GUEST_SPEC_LATER));
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_HOSTNAME), "wherry");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_WORKDIR), "/some where");
	expect(&plan, GUEST_SPEC_MODULE,
	       (const char *const[]){"virtio_ring", "virtio", NULL});
	expect(&plan, GUEST_SPEC_ARG, (const char *const *)argv);
	expect(&plan, GUEST_SPEC_ENV, (const char *const *)envp);
	plan_destroy(&plan);
	bytes_destroy(&out);
}
END_TEST

START_TEST(empty_lists)
{
	static char *const nothing[] = {NULL};
	struct guest_spec bare = spec;
	struct modules none = {.cnt = 0};
	struct bytes out = {0};
	struct plan plan;

	bare.envp = nothing;
	bare.root_is_read_only = true;
	bare.root_options = "dax=inode";
	bare.rlimits =
		(const struct guest_rlimit[]){{"nofile", 7, 0, UINT64_MAX},
					      {"core", 4, 5, 6},
					      {.name = NULL}};
	bare.user = "1000";
	bare.dropped_caps = 3;
	bare.group = "users";
	bare.add_groups = (char *const[]){(char[]){"5"}, (char[]){"b"}, NULL};
	bare.terminal = "1572944";
	bare.overlay = "tag user";
	bare.pids = 20;
	bare.tmp_size = 1048576;
	bare.volumes = (const struct guest_volume[]){
		{"v-1", "/a b", NULL, false, false},
		{"v-2", "/c", "dax=always", true, true},
		{.tag = NULL}};
	ck_assert_int_eq(spec_encode(&out, &bare, &none), 0);
	ck_assert_int_eq(parse(&plan, out.data, out.len), 0);
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_READ_ONLY), "root");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_OPTIONS), "dax=inode");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_TERMINAL), "1572944");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_OVERLAY), "tag user");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_PIDS), "20");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_TMP_SIZE), "1048576");
	expect(&plan, GUEST_SPEC_VOLUME,
	       (const char *const[]){"v-1 rw dir - /a b",
				     "v-2 ro file dax=always /c", NULL});
	ck_assert_ptr_null(plan.list[GUEST_SPEC_MODULE][0]);
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_USER), "1000");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_GROUP), "users");
	ck_assert_str_eq(plan_value(&plan, GUEST_SPEC_CAPS),
			 "18446744073709551612");
	expect(&plan, GUEST_SPEC_RLIMIT,
	       (const char *const[]){"7 0 18446744073709551615 nofile",
				     "4 5 6 core", NULL});
	expect(&plan, GUEST_SPEC_ADD_GROUP,
	       (const char *const[]){"5", "b", NULL});
	ck_assert_ptr_null(plan.list[GUEST_SPEC_ENV][0]);
	plan_destroy(&plan);
	bytes_destroy(&out);
}
END_TEST

/* One of the modules, if it is there. */
START_TEST(later_module)
{
	struct modules modules = {.cnt = 3};
	struct guest_spec late = spec;
	struct plan plan;

	strcpy(modules.module[0].name, "virtio_ring");
	strcpy(modules.module[1].name, "virtio_balloon");
	strcpy(modules.module[2].name, "virtio");
	late.later = "virtio_balloon";
	for (unsigned int i = 0; i < 2; i++) {
		struct bytes out = {0};

		ck_assert_int_eq(spec_encode(&out, &late, &modules), 0);
		ck_assert_int_eq(parse(&plan, out.data, out.len), 0);
		expect(&plan, GUEST_SPEC_LATER,
		       (const char *const[]){i ? NULL : "virtio_balloon",
					     NULL});
		expect(&plan, GUEST_SPEC_MODULE,
		       (const char *const[]){"virtio_ring", "virtio", NULL});
		plan_destroy(&plan);
		bytes_destroy(&out);
		modules.module[1] = modules.module[2];
		modules.cnt = 2;
	}
}
END_TEST

/* What init would refuse is not written. */
START_TEST(too_long)
{
	char *arg = malloc(GUEST_SPEC_MAX_LEN + 1);
	char *const long_argv[] = {arg, NULL};
	struct guest_spec big = spec;
	struct modules none = {.cnt = 0};
	struct bytes out = {0};

	memset(arg, 'x', GUEST_SPEC_MAX_LEN);
	arg[GUEST_SPEC_MAX_LEN] = '\0';
	big.argv = long_argv;
	ck_assert_int_eq(spec_encode(&out, &big, &none), -E2BIG);
	bytes_destroy(&out);
	free(arg);
}
END_TEST

#define HEAD GUEST_SPEC_HEADER "\0"
#define REST "root=r\0hostname=h\0workdir=/\0arg=a\0"

static const struct {
	const char *bytes;
	size_t len;
	int err;
} malformed[] = {
#define ROW(s, err)                   \
	{                             \
		s, sizeof(s) - 1, err \
	}
	ROW(HEAD REST, 0),
	ROW("", -EINVAL),
	ROW("\0", -EINVAL),
	ROW(GUEST_SPEC_HEADER, -EINVAL),
	ROW(HEAD, -EINVAL),
	ROW("wherry-spec 2\0" REST, -EINVAL),
	ROW(HEAD "root=r\0hostname=h\0workdir=/\0", -EINVAL),
	ROW(HEAD REST "root=again\0", -EINVAL),
	ROW(HEAD REST "workdir=\0", -EINVAL),
	ROW(HEAD REST "unknown=\0", -EINVAL),
	ROW(HEAD REST "arg\0", -EINVAL),
	ROW(HEAD REST "user=a\0user=a\0", -EINVAL),
	ROW(HEAD REST "group=a\0group=a\0", -EINVAL),
	ROW(HEAD REST "later=a\0later=b\0", -EINVAL),
	ROW(HEAD REST "caps=1\0caps=1\0", -EINVAL),
	ROW(HEAD REST "\0", -EINVAL),
	ROW(HEAD REST "env=A=1", -EINVAL),
#undef ROW
};

START_TEST(malformed_is_refused)
{
	struct plan plan;

	ck_assert_int_eq(parse(&plan, malformed[_i].bytes, malformed[_i].len),
			 malformed[_i].err);
	plan_destroy(&plan);
}
END_TEST

/* No prefix and no change of a byte makes init look past the end. */
START_TEST(damaged)
{
	struct bytes out;
	struct plan plan;
	size_t i;

	encode(&out);
	for (i = 0; i < out.len; i++) {
		parse(&plan, out.data, i);
		plan_destroy(&plan);
		out.data[i] ^= 0x55;
		parse(&plan, out.data, out.len);
		plan_destroy(&plan);
		out.data[i] = '\0';
		parse(&plan, out.data, out.len);
		plan_destroy(&plan);
	}
	bytes_destroy(&out);
}
END_TEST

START_TEST(missing_file)
{
	struct guest_msg why;
	struct plan plan;

	ck_assert_int_eq(plan_load(&plan, "/nonexistent/spec", &why), -ENOENT);
	ck_assert_int_eq(why.type, GUEST_MSG_FAILED);
	ck_assert_int_eq(why.value, GUEST_STATUS_FAILED);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/spec"));
	plan_destroy(&plan);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spec");
	TCase *tcase = tcase_create("spec");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, round_trip);
	tcase_add_test(tcase, empty_lists);
	tcase_add_test(tcase, later_module);
	tcase_add_test(tcase, too_long);
	tcase_add_loop_test(tcase, malformed_is_refused, 0,
			    ARRAY_SIZE(malformed));
	tcase_add_test(tcase, damaged);
	tcase_add_test(tcase, missing_file);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
