/*
 * Options from a file: what is understood, and one clear line for what is not.
 */
#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/command_line.h"
#include "vmm/base/bits.h"
#include "vmm/configfile.h"
#include "vmm/options.h"

static struct command_line typed;
static char path[] = "/tmp/wherry-config-XXXXXX";

static void make_file(void)
{
	strcpy(strrchr(path, '-'), "-XXXXXX");
	close(mkstemp(path));
}

static void remove_file(void)
{
	configfile_destroy(&typed.config.file);
	unlink(path);
}

static void put_bytes(const char *text, size_t len)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(text, 1, len, to), len);
	ck_assert_int_eq(fclose(to), 0);
}

/* @format has one %s, for the file's path. */
static int parse(const char *text, const char *format)
{
	const char *gap = strstr(format, "%s");
	char line[COMMAND_LINE_LEN];

	put_bytes(text, strlen(text));
	snprintf(line, sizeof(line), "%.*s%s%s", (int)(gap - format), format,
		 path, gap + 2);
	return command_line_parse(&typed, line);
}

static void understands(const char *text, const char *format)
{
	int err = parse(text, format);

	ck_assert_msg(!err, "%s: %s", text, typed.why.text);
}

static void says(const char *noun)
{
	ck_assert_msg(strstr(typed.why.text, noun), "'%s' is not in '%s'", noun,
		      typed.why.text);
	ck_assert_msg(strstr(typed.why.text, path), "%s", typed.why.text);
	ck_assert_ptr_null(strchr(typed.why.text, '\n'));
}

static void refuses(const char *text, const char *noun)
{
	ck_assert_msg(parse(text, "wherry run --config %s /root") == -EINVAL,
		      "%s", text);
	says(noun);
}

START_TEST(keys_are_names_of_options)
{
	understands("{\"memory\": \"2G\", \"cpus\": 2, \"tty\": true,\n"
		    "\t\"stats\": false, \"env\": [\"A=B\", \"C\"],\n"
		    "\t\"share\": \"/x:t:ro\", \"user\": \"me:us\",\n"
		    "\t\"rootfs\": \"/r\", \"command\": [\"ls\", \"-l\"]}\n",
		    "wherry run --config %s");
	ck_assert_uint_eq(typed.config.memory, GIB(2));
	ck_assert_uint_eq(typed.config.cpus, 2);
	ck_assert(typed.config.tty && !typed.config.stats);
	ck_assert_uint_eq(typed.config.env_cnt, 2);
	ck_assert_str_eq(typed.config.env[0], "A=B");
	ck_assert_str_eq(typed.config.env[1], "C");
	ck_assert_uint_eq(typed.config.share_cnt, 1);
	ck_assert_str_eq(typed.config.share[0].tag, "t");
	ck_assert(typed.config.share[0].fs.read_only);
	ck_assert_str_eq(typed.config.user, "me");
	ck_assert_str_eq(typed.config.group, "us");
	ck_assert_str_eq(typed.config.rootfs, "/r");
	ck_assert_str_eq(typed.config.argv[0], "ls");
	ck_assert_str_eq(typed.config.argv[1], "-l");
	ck_assert_ptr_null(typed.config.argv[2]);
}
END_TEST

/* --overlay[=DIR] */
START_TEST(a_value_that_may_be_left_out_is_text_or_true)
{
	understands("{\"overlay\": true}", "wherry run --config %s /root");
	ck_assert(typed.config.overlay);
	ck_assert(typed.config.root.read_only);
	understands("{\"overlay\": false}", "wherry run --config %s /root");
	ck_assert(!typed.config.overlay);
	ck_assert(!typed.config.root.read_only);
	understands("{\"overlay\": \"/upper\"}",
		    "wherry run --config %s /root");
	ck_assert(typed.config.overlay);
	ck_assert_str_eq(typed.config.overlay_dir, "/upper");
	refuses("{\"overlay\": [true]}", "\"overlay\": takes one value");
}
END_TEST

START_TEST(nothing_said_changes_nothing)
{
	understands("{}", "wherry run --config %s /root");
	ck_assert_uint_eq(typed.config.memory, MIB(512));
	ck_assert_str_eq(typed.config.rootfs, "/root");
	ck_assert_str_eq(typed.config.argv[0], "/bin/sh");
	understands("{\"env\": [], \"tty\": false}",
		    "wherry run --config %s /root");
	ck_assert_uint_eq(typed.config.env_cnt, 0);
	ck_assert(!typed.config.tty);
}
END_TEST

/* Wherever --config is among the options. */
START_TEST(the_command_line_outranks_the_file)
{
	static const char text[] =
		"{\"memory\": \"2G\", \"cpus\": 2, \"env\": [\"A=1\", \"B=1\"],"
		" \"rootfs\": \"/file\", \"command\": [\"file\", \"x\"]}";
	static const char *const lines[] = {
		"wherry run --config %s --memory 1G --env A=2 /line -- line",
		"wherry run --memory 1G --env=A=2 --config=%s /line line",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		understands(text, lines[i]);
		ck_assert_uint_eq(typed.config.memory, GIB(1));
		ck_assert_uint_eq(typed.config.cpus, 2);
		ck_assert_uint_eq(typed.config.env_cnt, 3);
		ck_assert_str_eq(typed.config.env[0], "A=1");
		ck_assert_str_eq(typed.config.env[2], "A=2");
		ck_assert_str_eq(typed.config.rootfs, "/line");
		ck_assert_str_eq(typed.config.argv[0], "line");
		ck_assert_ptr_null(typed.config.argv[1]);
	}
}
END_TEST

START_TEST(root_and_command_replace_each_its_own)
{
	static const char text[] =
		"{\"rootfs\": \"/file\", \"command\": [\"file\"]}";

	understands(text, "wherry run --config %s -- line");
	ck_assert_str_eq(typed.config.rootfs, "/file");
	ck_assert_str_eq(typed.config.argv[0], "line");
	understands(text, "wherry run --config %s /line");
	ck_assert_str_eq(typed.config.rootfs, "/line");
	ck_assert_str_eq(typed.config.argv[0], "file");
	understands("{}", "wherry run --config %s -- /line -- line");
	ck_assert_str_eq(typed.config.rootfs, "/line");
	ck_assert_str_eq(typed.config.argv[0], "line");
}
END_TEST

START_TEST(boot_has_a_file_without_root)
{
	understands("{\"kernel\": \"k\", \"initrd\": \"i\", \"cpus\": \"3\"}",
		    "wherry boot --config %s");
	ck_assert_str_eq(typed.config.kernel, "k");
	ck_assert_str_eq(typed.config.initrd, "i");
	ck_assert_uint_eq(typed.config.cpus, 3);
	ck_assert_int_eq(parse("{\"rootfs\": \"/r\"}",
			       "wherry boot --kernel k --config %s"),
			 -EINVAL);
	says("\"rootfs\": unknown; see wherry boot --help");
}
END_TEST

/* The row of an option says all that the file has to know. */
START_TEST(lists_are_for_what_may_be_repeated)
{
	static const char *const many[] = {
		"share",    "group-add", "env",	   "env-file",
		"cap-drop", "cap-add",	 "ulimit", "volume",
	};
	static const char *const one[] = {
		"memory", "cpus", "kernel", "user", "root-options", "tty",
	};
	const struct option_row *row;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		row = options_find(CONFIG_RUN, many[i]);
		ck_assert_msg(row && options_may_repeat(row), "%s", many[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(one); i++) {
		row = options_find(CONFIG_RUN, one[i]);
		ck_assert_msg(row && !options_may_repeat(row), "%s", one[i]);
	}
	ck_assert(options_is_switch(options_find(CONFIG_RUN, "tty")));
	ck_assert(!options_is_switch(options_find(CONFIG_RUN, "env")));
}
END_TEST

START_TEST(unknown_keys_are_named_with_their_neighbour)
{
	refuses("{\"memorry\": \"2G\"}", "\"memorry\": unknown, did you mean "
					 "\"memory\"?; see wherry run --help");
	refuses("{\"root\": \"/\"}", "did you mean \"rootfs\"?");
	refuses("{\"comand\": [\"ls\"]}", "did you mean \"command\"?");
	refuses("{\"frobnicate\": 1}", "\"frobnicate\": unknown; see");
	refuses("{\"\": 1}", "\"\": unknown; see");
	refuses("{\"initrd\": \"i\"}", "\"initrd\": unknown; see");
	refuses("{\"help\": true}", "\"help\": unknown");
	refuses("{\"config\": \"x\"}", "\"config\": unknown");
	refuses("{\"--memory\": \"2G\"}", "\"--memory\": unknown");
	refuses("{\"\\u006demory\": \"2G\"}", "\"\\u006demory\": unknown");
}
END_TEST

START_TEST(values_of_other_types_are_refused)
{
	refuses("{\"memory\": true}", "\"memory\": not a string or number");
	refuses("{\"memory\": null}", "\"memory\": not a string or number");
	refuses("{\"memory\": {}}", "\"memory\": not a string or number");
	refuses("{\"memory\": [\"2G\"]}", "\"memory\": takes one value");
	refuses("{\"env\": [\"A=1\", [\"B=1\"]]}", "\"env\": not a string");
	refuses("{\"env\": [null]}", "\"env\": not a string");
	refuses("{\"tty\": \"true\"}", "\"tty\": not true or false");
	refuses("{\"tty\": 1}", "\"tty\": not true or false");
	refuses("{\"tty\": [true]}", "\"tty\": not true or false");
	refuses("{\"rootfs\": [\"/\"]}", "\"rootfs\": not a string");
	refuses("{\"command\": \"ls\"}", "\"command\": not a list");
	refuses("{\"command\": []}", "\"command\": not a list");
	refuses("{\"command\": [\"ls\", null]}", "\"command\": not a string");
	refuses("{\"workdir\": \"/a\\u0000b\"}", "\"workdir\": has a NUL");
}
END_TEST

/* By the option itself, whose line gets the file's name. */
START_TEST(values_are_checked_as_those_of_the_command_line)
{
	refuses("{\"cpus\": 33}", "--cpus 33: not a number of processors");
	refuses("{\"cpus\": 1.0625}",
		"--cpus 1.0625: not a number of processors");
	refuses("{\"cpus\": 99999999999999999999}", "--cpus ");
	refuses("{\"memory\": \"12Q\"}", "--memory 12Q");
	refuses("{\"env\": [\"A=1\", \"=x\"]}", "--env =x");
	refuses("{\"workdir\": \"here\"}", "--workdir here");
}
END_TEST

START_TEST(keys_that_are_there_twice_are_refused)
{
	refuses("{\"cpus\": 1, \"memory\": \"1G\", \"cpus\": 2}",
		"\"cpus\": is there twice");
	refuses("{\"env\": [\"A=1\"], \"env\" : [\"B=1\"]}",
		"\"env\": is there twice");
	refuses("{\"command\": [\"a\"], \"command\": [\"b\"]}",
		"\"command\": is there twice");
	refuses("{\"memory\": \"1G\", \"\\u006demory\": \"2G\"}", "unknown");
	understands("{\"append\": \"\\\"cpus\\\": 1, {\", \"cpus\": 2}",
		    "wherry run --config %s /root");
	ck_assert_str_eq(typed.config.append, "\"cpus\": 1, {");
	understands("{\"env\": [\"cpus\", \"cpus\", \"\\\\\"], \"cpus\": 2}",
		    "wherry run --config %s /root");
	ck_assert_str_eq(typed.config.env[2], "\\");
}
END_TEST

START_TEST(what_is_not_json_is_refused_with_its_place)
{
	refuses("", "line 1, column 1: unexpected end of data");
	refuses("{\"cpus\": 1", "line 1, column 11: unexpected end of data");
	refuses("{\n\t\"cpus\" 1}", "line 2, column 9: ");
	refuses("{\"cpus\": 1} x", "line 1, column 13: ");
	refuses("{\"cpus\": 1,}", "line 1, column 12: ");
	refuses("{'cpus': 1}", "line 1, column 2: a single quote");
	refuses("{\"cpus\": 1, '\"': 1}", "line 1, column 13: a single");
	refuses("// no comments\n{}", "line 1, column 1: ");
	refuses("memory: 2G\n", "line 1, column 1: ");
	refuses("{\"append\": \"\xff\"}", "line 1, column 13: ");
	refuses("[]", "not an object");
	refuses("12", "not an object");
	refuses("null", "not an object");
}
END_TEST

static void refuses_file(int err, const char *noun)
{
	char line[COMMAND_LINE_LEN];

	snprintf(line, sizeof(line), "wherry run --config %s /root", path);
	ck_assert_int_eq(command_line_parse(&typed, line), err);
	if (err)
		says(noun);
}

START_TEST(files_that_are_none_are_refused)
{
	static const char nul[] = "{\"cpus\": 1}\n\0{}";
	static char large[MIB(1) + 1];

	put_bytes(nul, sizeof(nul) - 1);
	refuses_file(-EINVAL, "line 2, column 1: a NUL");
	memset(large, ' ', sizeof(large));
	memcpy(large, "{}", 2);
	put_bytes(large, sizeof(large));
	refuses_file(-EINVAL, "larger than 1 MiB");
	put_bytes(large, sizeof(large) - 1);
	refuses_file(0, NULL);
	memset(large, '[', sizeof(large));
	put_bytes(large, sizeof(large) - 1);
	refuses_file(-EINVAL, "nesting");
	unlink(path);
	refuses_file(-ENOENT, "No such file");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refuses_file(-EISDIR, "Is a directory");
	rmdir(path);
	command_line_refuse(&typed, "wherry run --config a --config b /r",
			    "--config b: not the first");
}
END_TEST

/* Those of configs/, from the top of the tree. */
START_TEST(examples_are_understood)
{
	char line[COMMAND_LINE_LEN];
	glob_t found;

	ck_assert_int_eq(glob("configs/*.json", 0, NULL, &found), 0);
	ck_assert_uint_ge(found.gl_pathc, 3);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		snprintf(line, sizeof(line), "wherry run --config %s /root",
			 found.gl_pathv[i]);
		ck_assert_msg(!command_line_parse(&typed, line), "%s",
			      typed.why.text);
		ck_assert_ptr_eq(typed.config.argv, typed.config.file.command);
	}
	globfree(&found);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("configfile");
	TCase *tcase = tcase_create("configfile");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, make_file, remove_file);
	tcase_add_test(tcase, keys_are_names_of_options);
	tcase_add_test(tcase, a_value_that_may_be_left_out_is_text_or_true);
	tcase_add_test(tcase, nothing_said_changes_nothing);
	tcase_add_test(tcase, the_command_line_outranks_the_file);
	tcase_add_test(tcase, root_and_command_replace_each_its_own);
	tcase_add_test(tcase, boot_has_a_file_without_root);
	tcase_add_test(tcase, lists_are_for_what_may_be_repeated);
	tcase_add_test(tcase, unknown_keys_are_named_with_their_neighbour);
	tcase_add_test(tcase, values_of_other_types_are_refused);
	tcase_add_test(tcase, values_are_checked_as_those_of_the_command_line);
	tcase_add_test(tcase, keys_that_are_there_twice_are_refused);
	tcase_add_test(tcase, what_is_not_json_is_refused_with_its_place);
	tcase_add_test(tcase, files_that_are_none_are_refused);
	tcase_add_test(tcase, examples_are_understood);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
