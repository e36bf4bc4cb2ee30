/*
 * The values of options that say where a command runs.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/unit/command_line.h"
#include "vmm/argv.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/setting.h"

/* One more than a name may have, if it is there four times. */
#define FILL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct command_line typed;

static int parse(const char *text)
{
	return command_line_parse(&typed, text);
}

static void refuses(const char *text, const char *noun)
{
	command_line_refuse(&typed, text, noun);
}

/* A limit is only what no whole number of processors is. */
START_TEST(parts_of_processors)
{
	static const struct {
		const char *text;
		unsigned int cpus, parts;
	} right[] = {
		{"wherry run --cpus 0.01 root", 1, 10},
		{"wherry run --cpus 0.5 root", 1, 500},
		{"wherry run --cpus 1.001 root", 2, 1001},
		{"wherry run --cpus 31.5 root", 32, 31500},
		{"wherry run --cpus 2 root", 2, 0},
		{"wherry boot --kernel k --cpus 3.000", 3, 0},
		{"wherry run --cpus 0.5 --cpus 2 root", 2, 0},
		{"wherry run --cpus 2 --cpus 1.5 root", 2, 1500},
	};

	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		ck_assert_int_eq(parse(right[i].text), 0);
		ck_assert_uint_eq(typed.config.cpus, right[i].cpus);
		ck_assert_uint_eq(typed.config.cpu_parts, right[i].parts);
	}
	refuses("wherry run --cpus 0.009 root", "--cpus 0.009");
	refuses("wherry run --cpus 0.0625 root", "--cpus 0.0625");
	refuses("wherry run --cpus 32.001 root", "--cpus 32.001");
	refuses("wherry run --cpus .5 root", "--cpus .5");
	refuses("wherry run --cpus 18446744073709552 root", "--cpus 1844");
}
END_TEST

START_TEST(users_and_groups)
{
	ck_assert_int_eq(parse("wherry run root"), 0);
	ck_assert_ptr_null(typed.config.user);
	ck_assert_ptr_null(typed.config.add_group[0]);
	ck_assert_int_eq(parse("wherry run --user anna:disk --group-add 0 "
			       "--group-add a.b-c$ root"),
			 0);
	ck_assert_str_eq(typed.config.user, "anna");
	ck_assert_str_eq(typed.config.group, "disk");
	ck_assert_str_eq(typed.config.add_group[0], "0");
	ck_assert_str_eq(typed.config.add_group[1], "a.b-c$");
	ck_assert_ptr_null(typed.config.add_group[2]);
	/* the last one counts, and nothing of the one before */
	ck_assert_int_eq(parse("wherry run --user a:b --user 4294967294 root"),
			 0);
	ck_assert_str_eq(typed.config.user, "4294967294");
	ck_assert_ptr_null(typed.config.group);
}
END_TEST

static char overlong[] = "--user=" FILL FILL FILL FILL;

START_TEST(malformed_users_are_refused)
{
	static const char *const values[] = {
		"",
		":",
		":b",
		"a:",
		"a:b:c",
		"-1",
		"1:-1",
		"-a",
		"a b",
		"a\nb",
		"1: ",
		"a\177",
		"4294967295",
		"1:4294967295",
		"99999999999999999999999",
	};
	char *words[] = {(char[]){"wherry"}, (char[]){"run"}, NULL,
			 (char[]){"root"}, NULL};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(text, sizeof(text), "--user=%s", values[i]);
		words[2] = text;
		ck_assert_int_eq(
			argv_parse(&typed.config, 4, words, &typed.why),
			-EINVAL);
		snprintf(text, sizeof(text), "--user %s: not a user; write",
			 values[i]);
		ck_assert_ptr_nonnull(strstr(typed.why.text, text));
		snprintf(text, sizeof(text), "--group-add=%s", values[i]);
		ck_assert_int_eq(
			argv_parse(&typed.config, 4, words, &typed.why),
			-EINVAL);
		ck_assert_ptr_nonnull(
			strstr(typed.why.text, "not a group; write"));
	}
	words[2] = overlong;
	ck_assert_int_eq(argv_parse(&typed.config, 4, words, &typed.why),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(typed.why.text, "not a user; write"));
	overlong[sizeof(overlong) - 2] = '\0';
	ck_assert_int_eq(argv_parse(&typed.config, 4, words, &typed.why), 0);
	refuses("wherry boot --kernel k --user 1", "--user");
	refuses("wherry boot --kernel k --group-add 1", "--group-add");
}
END_TEST

START_TEST(names_of_the_guest)
{
	char text[COMMAND_LINE_LEN];

	ck_assert_int_eq(parse("wherry run root"), 0);
	ck_assert_str_eq(typed.config.hostname, "wherry");
	ck_assert_int_eq(parse("wherry run --hostname A-1.b_c root"), 0);
	ck_assert_str_eq(typed.config.hostname, "A-1.b_c");
	ck_assert_int_eq(parse("wherry run --hostname " FILL " root"), 0);
	refuses("wherry run --hostname " FILL "x root", "--hostname 0123");
	refuses("wherry run --hostname= root", "--hostname : not a name");
	refuses("wherry run --hostname -a root", "--hostname -a");
	refuses("wherry run --hostname .a root", "--hostname .a");
	refuses("wherry run --hostname a/b root", "--hostname a/b");
	refuses("wherry run --hostname a\tb root", "--hostname a");
	refuses("wherry run --hostname \xc3\xa4 root", "--hostname");
	snprintf(text, sizeof(text), "wherry run");
	for (int i = 0; i < CONFIG_MAX_ENV_FILES; i++)
		sprintf(text + strlen(text), " --env-file=%d", i);
	strcat(text, " --env A --env B=");
	ck_assert_int_eq(parse(strcat(text, " root")), 0);
	ck_assert_str_eq(typed.config.env_file[1], "1");
	ck_assert_str_eq(typed.config.env[0], "A");
	text[strlen(text) - strlen("root")] = '\0';
	strcat(text, "--env-file=last root");
	refuses(text, "--env-file last: more than 16 files");
}
END_TEST

START_TEST(limits)
{
	ck_assert_int_eq(parse("wherry run root"), 0);
	ck_assert_ptr_null(typed.config.ulimit[0].name);
	ck_assert_int_eq(
		parse("wherry run --ulimit nofile=1:2 --ulimit core=unlimited "
		      "--ulimit as=18446744073709551614 --ulimit nofile=3 "
		      "root"),
		0);
	ck_assert_str_eq(typed.config.ulimit[0].name, "nofile");
	ck_assert_int_eq(typed.config.ulimit[0].resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(typed.config.ulimit[0].soft, 3);
	ck_assert_uint_eq(typed.config.ulimit[0].hard, 3);
	ck_assert_int_eq(typed.config.ulimit[1].resource, RLIMIT_CORE);
	ck_assert_uint_eq(typed.config.ulimit[1].soft, UINT64_MAX);
	ck_assert_uint_eq(typed.config.ulimit[1].hard, UINT64_MAX);
	ck_assert_uint_eq(typed.config.ulimit[2].soft, UINT64_MAX - 1);
	ck_assert_ptr_null(typed.config.ulimit[3].name);
	ck_assert_int_eq(parse("wherry run --ulimit stack=0:unlimited root"),
			 0);
	ck_assert_uint_eq(typed.config.ulimit[0].soft, 0);
	ck_assert_uint_eq(typed.config.ulimit[0].hard, UINT64_MAX);
}
END_TEST

/* Each name that help has is known; and what is refused is shown whole. */
START_TEST(malformed_limits_are_refused)
{
	static const char *const values[] = {
		"nofile",
		"nofile=",
		"nofile=:",
		"nofile=1:",
		"nofile=:1",
		"nofile=2:1",
		"nofile=-1",
		"nofile=1:2:3",
		"nofile=1k",
		"nofile=x",
		"nofile=0x1",
		"nofile=+1",
		"nofile=unlimited:1",
		"nofile=18446744073709551615",
		"nofile=1:99999999999999999999",
	};
	static const char *const names[] = {"=1",	 "files=1",  "nofil=1",
					    "nofiles=1", "NOFILE=1", ":1"};
	char text[COMMAND_LINE_LEN], all[] = SETTING_ULIMIT_NAMES;
	char *rest = all, *name;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(text, sizeof(text), "wherry run --ulimit %s root",
			 values[i]);
		refuses(text, values[i]);
		refuses(text, ": not a limit; write");
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text), "wherry run --ulimit %s root",
			 names[i]);
		refuses(text, names[i]);
		refuses(text, ": unknown; NAME is one of");
	}
	while ((name = strsep(&rest, ", "))) {
		snprintf(text, sizeof(text), "wherry run --ulimit %s=1 root",
			 name);
		ck_assert(!*name || parse(text) == 0);
	}
}
END_TEST

START_TEST(too_many_groups_are_refused)
{
	char *groups[4 + CONFIG_MAX_GROUPS] = {(char[]){"wherry"},
					       (char[]){"run"}};
	char group[] = "--group-add=7";

	for (unsigned int i = 0; i <= CONFIG_MAX_GROUPS; i++)
		groups[2 + i] = group;
	ck_assert_int_eq(argv_parse(&typed.config, 3 + CONFIG_MAX_GROUPS,
				    groups, &typed.why),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(typed.why.text, "more than 64 groups"));
	groups[2 + CONFIG_MAX_GROUPS] = (char[]){"root"};
	ck_assert_int_eq(argv_parse(&typed.config, 3 + CONFIG_MAX_GROUPS,
				    groups, &typed.why),
			 0);
	ck_assert_ptr_null(typed.config.add_group[CONFIG_MAX_GROUPS]);
}
END_TEST

START_TEST(capabilities)
{
	ck_assert_int_eq(parse("wherry run root"), 0);
	ck_assert_uint_eq(typed.config.cap_drop | typed.config.cap_add, 0);
	ck_assert_int_eq(parse("wherry run --cap-drop ALL --cap-add NET_ADMIN "
			       "--cap-add cap_chown root"),
			 0);
	ck_assert_uint_eq(typed.config.cap_drop, UINT64_MAX);
	ck_assert_uint_eq(typed.config.cap_add, 0x1001);
	ck_assert_int_eq(parse("wherry run --cap-drop Cap_Kill "
			       "--cap-drop checkpoint_restore root"),
			 0);
	ck_assert_uint_eq(typed.config.cap_drop, 1ULL << 40 | 1 << 5);
}
END_TEST

START_TEST(malformed_capabilities_are_refused)
{
	static const char *const values[] = {
		"",	     "CAP_",	"5",	      "CAP_5",
		"-1",	     "CHOWN,",	"CHOWN,KILL", "CHOWN=ep",
		"CHOWN ",    " CHOWN",	"CHOW",	      "CHOWNS",
		"CHOWN\n",   "CAP_ALL", "ALL,",	      "CAP_CAP_CHOWN",
		"NET-ADMIN", FILL FILL,
	};
	static const char *const options[] = {"cap-add", "cap-drop"};
	char *words[] = {(char[]){"wherry"}, (char[]){"run"}, NULL,
			 (char[]){"root"}, NULL};
	char text[256];

	for (size_t i = 0; i < 2 * ARRAY_SIZE(values); i++) {
		snprintf(text, sizeof(text), "--%s=%s", options[i % 2],
			 values[i / 2]);
		words[2] = text;
		ck_assert_int_eq(
			argv_parse(&typed.config, 4, words, &typed.why),
			-EINVAL);
		snprintf(text, sizeof(text), "--%s %.80s: unknown; write ",
			 options[i % 2], values[i / 2]);
		ck_assert_int_eq(strncmp(typed.why.text, text, strlen(text)),
				 0);
	}
	refuses("wherry run --cap-add ALL root", "--cap-add ALL: unknown");
	refuses("wherry boot --kernel k --cap-drop ALL", "--cap-drop");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("setting");
	TCase *tcase = tcase_create("setting");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, parts_of_processors);
	tcase_add_test(tcase, users_and_groups);
	tcase_add_test(tcase, malformed_users_are_refused);
	tcase_add_test(tcase, too_many_groups_are_refused);
	tcase_add_test(tcase, names_of_the_guest);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, malformed_limits_are_refused);
	tcase_add_test(tcase, capabilities);
	tcase_add_test(tcase, malformed_capabilities_are_refused);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
