/*
 * --print-config: what it prints is what --config takes.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/argv.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/config.h"
#include "vmm/kept.h"
#include "vmm/options.h"
#include "vmm/printconfig.h"

enum { ARGS_MAX = 128, COMBINATIONS = 300 };

/* Words for the command line, which parsing cuts up. */
struct line {
	char *argv[ARGS_MAX + 1];
	int argc;
};

static struct config config;
static struct fail why;

static void add(struct line *line, const char *word)
{
	ck_assert_int_lt(line->argc, ARGS_MAX);
	line->argv[line->argc++] = strdup(word);
	line->argv[line->argc] = NULL;
}

static struct line begin(void)
{
	struct line line = {.argc = 0};

	add(&line, "wherry");
	add(&line, "run");
	add(&line, "--print-config");
	return line;
}

static void end(struct line *line)
{
	for (int i = 0; i < line->argc; i++)
		free(line->argv[i]);
	configfile_destroy(&config.file);
	kept_end(&config);
}

/* What is printed, to be freed; NULL with @why set. @line ends. */
static char *print(struct line *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int err = argv_parse(&config, line->argc, line->argv, &why);

	ck_assert_ptr_nonnull(to);
	if (!err)
		err = printconfig(to, &config, &why);
	fclose(to);
	if (err)
		ck_assert_uint_eq(len, 0);
	end(line);
	if (!err)
		return text;
	free(text);
	return NULL;
}

/* A file with that text, by which it is printed again. */
static char *print_again(const char *text, const char *const *more)
{
	char path[] = "/tmp/wherry-printconfig-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	struct line line = begin();
	char *again;

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	add(&line, "--config");
	add(&line, path);
	while (more && *more)
		add(&line, *more++);
	again = print(&line);
	unlink(path);
	return again;
}

static void check_round(struct line *line)
{
	char *text = print(line);
	char *again;

	ck_assert_msg(text != NULL, "%s", why.text);
	again = print_again(text, NULL);
	ck_assert_msg(again != NULL, "%s\nfor %s", why.text, text);
	ck_assert_str_eq(again, text);
	free(text);
	free(again);
}

START_TEST(prints_all)
{
	static const char *const words[] = {
		"--env",	"A=1",	 "--cpus",    "4",  "-v", "a:/b//c:ro",
		"--env",	"B",	 "--cpus",    "2",  "-i", "--overlay=d",
		"--user",	"me:us", "./rootfs/", "--", "sh", "-c",
		"a \"b\"'\n\\",
	};
	static const char wanted[] =
		"{\n"
		"\t\"rootfs\": \"./rootfs/\",\n"
		"\t\"command\": [\n"
		"\t\t\"sh\",\n\t\t\"-c\",\n\t\t\"a \\\"b\\\"'\\n\\\\\"\n"
		"\t],\n"
		"\t\"cpus\": \"2\",\n"
		"\t\"memory\": \"512M\",\n"
		"\t\"volume\": [\n\t\t\"a:/b//c:ro\"\n\t],\n"
		"\t\"overlay\": \"d\",\n"
		"\t\"user\": \"me:us\",\n"
		"\t\"env\": [\n\t\t\"A=1\",\n\t\t\"B\"\n\t],\n"
		"\t\"hostname\": \"wherry\",\n"
		"\t\"workdir\": \"/\",\n"
		"\t\"interactive\": true,\n"
		"\t\"stop-timeout\": \"10\"\n"
		"}\n";
	struct line line = begin();
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		add(&line, words[i]);
	text = print(&line);
	ck_assert_str_eq(text, wanted);
	free(text);
}
END_TEST

/* What was not given is what is printed for it. */
START_TEST(defaults_are_those)
{
	struct line bare = begin();
	char *text;

	add(&bare, "root");
	text = print(&bare);
	ck_assert_ptr_nonnull(text);
	free(print_again(text, NULL)); /* leaves @config */
	ck_assert_uint_eq(config.cpus, 1);
	ck_assert_uint_eq(config.memory, MIB(512));
	ck_assert_uint_eq(config.stop_timeout, 10);
	bare = begin();
	add(&bare, "root");
	free(print(&bare));
	ck_assert_uint_eq(config.cpus, 1);
	ck_assert_uint_eq(config.memory, MIB(512));
	ck_assert_uint_eq(config.stop_timeout, 10);
	ck_assert_str_eq(config.workdir, "/");
	ck_assert_str_eq(config.hostname, "wherry");
	ck_assert_ptr_nonnull(strstr(text, "\"/bin/sh\""));
	ck_assert_ptr_nonnull(strstr(text, "\"hostname\": \"wherry\""));
	free(text);
}
END_TEST

/* One way to write each option; those with two are two. */
static const char *const samples[][2] = {
	{"--name", "ci-7"},
	{"--kernel", "/boot/vmlinuz"},
	{"--modules", "/lib/modules/x"},
	{"--append", "a=b c=\"d\""},
	{"--cpus", "32"},
	{"--cpus", "1.50"},
	{"--memory", "1073741824"},
	{"--share", "a:b:cache=always:ro"},
	{"--share", "/c d:e"},
	{"--volume", "a:/b:dax=2M"},
	{"-v", "/a//:/c/:ro"},
	{"--ro", NULL},
	{"--overlay", NULL},
	{"--overlay=dir", NULL},
	{"--root-options", "cache=none:dax=off"},
	{"--owner", "squash"},
	{"--user", "1000:100"},
	{"--user", "nobody"},
	{"--group-add", "5"},
	{"--group-add", "audio"},
	{"--env", "A"},
	{"--env", "A=\t\xc3\xa4/\x01\x7f"},
	{"--env", "A=\\u0041"},
	{"--env-file", "'file'"},
	{"--hostname", "h-1"},
	{"--ulimit", "nofile=1:2"},
	{"--ulimit", "core=unlimited"},
	{"--pids", "5"},
	{"--tmp-size", "1M"},
	{"--cap-drop", "ALL"},
	{"--cap-drop", "net_admin"},
	{"--cap-add", "CAP_CHOWN"},
	{"--workdir", "/tmp"},
	{"--interactive", NULL},
	{"-t", NULL},
	{"--stop-timeout", "0"},
	{"--timeout", "1.5m"},
	{"--output-limit", "3K"},
	{"--console", NULL},
	{"--timing", NULL},
	{"--stats", NULL},
	{"--verbose", NULL},
	{"--no-sandbox", NULL},
};

static bool has_sample(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const char *word = samples[i][0];

		if (!strncmp(word, "--", 2) &&
		    strlen(name) == strcspn(word + 2, "=") &&
		    !strncmp(word + 2, name, strlen(name)))
			return true;
	}
	/* As -t, and with a name. */
	return !strcmp(name, "tty") || !strcmp(name, "detach");
}

START_TEST(detached_comes_back)
{
	struct line line = begin();

	add(&line, "--detach");
	add(&line, "--name");
	add(&line, "ci-7");
	add(&line, "root");
	check_round(&line);
}
END_TEST

START_TEST(every_option_has_a_sample)
{
	struct option_words words;

	for (unsigned int i = 0; options_word(CONFIG_RUN, i, &words); i++) {
		if (options_find(CONFIG_RUN, words.name))
			ck_assert_msg(has_sample(words.name), "%s", words.name);
	}
}
END_TEST

static void add_sample(struct line *line, size_t i)
{
	add(line, samples[i][0]);
	if (samples[i][1])
		add(line, samples[i][1]);
}

START_TEST(each_comes_back)
{
	struct line line = begin();
	char *text;

	add_sample(&line, _i);
	add(&line, "root");
	text = print(&line);
	ck_assert_msg(text != NULL, "%s", why.text);
	/* It is in there. */
	if (samples[_i][1] && !strpbrk(samples[_i][1], "\"\\\t\n\x01"))
		ck_assert_ptr_nonnull(strstr(text, samples[_i][1]));
	free(text);
	line = begin();
	add_sample(&line, _i);
	add(&line, "root");
	check_round(&line);
}
END_TEST

/* Any of them together, in any order: always the same ones. */
START_TEST(combinations_come_back)
{
	static const char *const command[] = {"--", "sh", "-c", "--",
					      "\b\xf0\x9f\x9b\xb6"};
	uint32_t random = 1;

	for (int n = 0; n < COMBINATIONS; n++) {
		struct line line = begin();
		bool taken[ARRAY_SIZE(samples)] = {false};

		for (int cnt = n % 16; cnt > 0; cnt--) {
			size_t i = (random >> 8) % ARRAY_SIZE(samples);

			random = random * 1664525 + 1013904223;
			if (!taken[i])
				add_sample(&line, i);
			taken[i] = true;
		}
		add(&line, n % 3 ? "root" : "a b/\"c\"");
		for (size_t i = 0; n % 2 && i < ARRAY_SIZE(command); i++)
			add(&line, command[i]);
		check_round(&line);
	}
}
END_TEST

/* As without --print-config, the command line outranks the file. */
START_TEST(file_and_line)
{
	static const char file[] =
		"{\"command\": [\"x\"], \"verbose\": false, \"stats\": true,"
		" \"env\": [\"A=1\"], \"cpus\": 3, \"rootfs\": \"r\","
		" \"overlay\": false}";
	static const char *const more[] = {"--env", "B=2",   "--cpus",
					   "5",	    "other", NULL};
	char *text = print_again(file, more);
	char *again;

	ck_assert_msg(text != NULL, "%s", why.text);
	ck_assert_ptr_nonnull(strstr(text, "\"rootfs\": \"other\""));
	ck_assert_ptr_nonnull(strstr(text, "\"cpus\": \"5\""));
	ck_assert_ptr_nonnull(strstr(text, "\"A=1\",\n\t\t\"B=2\""));
	ck_assert_ptr_nonnull(strstr(text, "\"stats\": true"));
	ck_assert_ptr_null(strstr(text, "verbose"));
	ck_assert_ptr_null(strstr(text, "overlay"));
	ck_assert_ptr_nonnull(strstr(text, "\"command\": [\n\t\t\"x\"\n\t]"));
	again = print_again(text, NULL);
	ck_assert_str_eq(text, again);
	free(text);
	free(again);
}
END_TEST

static const struct {
	const char *word[4];
	const char *why;
} wrong[] = {
	{{"root", "\xff"}, "not UTF-8"},
	{{"ro\x80ot"}, "not UTF-8"},
	{{"--env", "A=\xe2\x82", "root"}, "not UTF-8"},
	{{"--cpus", "0", "root"}, "--cpus 0"},
	{{"--print-config"}, "ROOTFS: missing"},
	{{"--print-config=yes", "root"}, "unknown"},
};

START_TEST(others_are_refused)
{
	struct line line = begin();

	for (int i = 0; i < 4 && wrong[_i].word[i]; i++)
		add(&line, wrong[_i].word[i]);
	ck_assert_ptr_null(print(&line));
	ck_assert_msg(strstr(why.text, wrong[_i].why) != NULL, "%s", why.text);
}
END_TEST

START_TEST(file_cannot_ask_for_it)
{
	ck_assert_ptr_null(print_again(
		"{\"rootfs\": \"r\", \"print-config\": true}", NULL));
	ck_assert_ptr_nonnull(strstr(why.text, "\"print-config\": unknown"));
}
END_TEST

/* Without it nothing is kept. */
START_TEST(others_keep_nothing)
{
	char words[][8] = {"wherry", "run", "--cpus", "2", "root"};
	char *argv[] = {words[0], words[1], words[2], words[3], words[4], NULL};

	ck_assert_int_eq(argv_parse(&config, 5, argv, &why), 0);
	ck_assert_ptr_null(config.kept);
	kept_end(&config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("printconfig");
	TCase *tcase = tcase_create("printconfig");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, prints_all);
	tcase_add_test(tcase, defaults_are_those);
	tcase_add_test(tcase, detached_comes_back);
	tcase_add_test(tcase, every_option_has_a_sample);
	tcase_add_loop_test(tcase, each_comes_back, 0, ARRAY_SIZE(samples));
	tcase_add_test(tcase, combinations_come_back);
	tcase_add_test(tcase, file_and_line);
	tcase_add_loop_test(tcase, others_are_refused, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, file_cannot_ask_for_it);
	tcase_add_test(tcase, others_keep_nothing);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
