/*
 * The command's environment: defaults, and that the last word counts.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/environment.h"

static const char *value(const struct environment *env, const char *name)
{
	const char *found = NULL;
	size_t len = strlen(name);

	for (size_t i = 0; env->var[i]; i++) {
		if (strncmp(env->var[i], name, len) == 0 &&
		    env->var[i][len] == '=') {
			ck_assert_ptr_null(found);
			found = env->var[i] + len + 1;
		}
	}
	return found;
}

static struct fail why;

static void init(struct environment *env, const struct config *config)
{
	ck_assert_int_eq(environment_init(env, config, &why), 0);
	environment_destroy(env);
}

START_TEST(defaults_and_terminal)
{
	struct config config = {0};
	struct environment env;

	setenv("TERM", "vt220", 1);
	setenv("SECRET", "host", 1);
	init(&env, &config);
	ck_assert_str_eq(value(&env, "HOME"), "/root");
	ck_assert_str_eq(value(&env, "TERM"), "vt220");
	ck_assert_ptr_nonnull(value(&env, "PATH"));
	ck_assert_ptr_null(value(&env, "SECRET"));
	/* whose home that is, the guest's init finds out */
	config.user = "anna";
	init(&env, &config);
	ck_assert_ptr_null(value(&env, "HOME"));
	unsetenv("TERM");
	init(&env, &config);
	ck_assert_ptr_null(value(&env, "TERM"));
}
END_TEST

START_TEST(the_last_value_counts)
{
	struct config config = {
		.env = {"PATH=/a", "X=1", "PATHS=/b", "X=", "PATH=/c"},
		.env_cnt = 5,
	};
	struct environment env;

	init(&env, &config);
	ck_assert_str_eq(value(&env, "PATH"), "/c");
	ck_assert_str_eq(value(&env, "PATHS"), "/b");
	ck_assert_str_eq(value(&env, "X"), "");
}
END_TEST

START_TEST(the_most_variables_fit)
{
	static char text[CONFIG_MAX_ENV][16];
	struct config config = {.env_cnt = CONFIG_MAX_ENV};
	struct environment env;
	size_t cnt = 0;

	setenv("TERM", "dumb", 1);
	for (unsigned int i = 0; i < CONFIG_MAX_ENV; i++) {
		snprintf(text[i], sizeof(text[i]), "V%u=%u", i, i);
		config.env[i] = text[i];
	}
	init(&env, &config);
	while (env.var[cnt])
		cnt++;
	ck_assert_uint_eq(cnt, CONFIG_MAX_ENV + 3);
}
END_TEST

START_TEST(a_name_alone_is_the_callers)
{
	struct config config = {
		.env = {"MINE", "EMPTY", "UNSET", "PATH=/a", "HOME"},
		.env_cnt = 5,
		.user = "anna",
	};
	struct environment env;

	setenv("MINE", "a=b c", 1);
	setenv("EMPTY", "", 1);
	setenv("HOME", "/of/the/caller", 1);
	unsetenv("UNSET");
	init(&env, &config);
	ck_assert_str_eq(value(&env, "MINE"), "a=b c");
	ck_assert_str_eq(value(&env, "EMPTY"), "");
	ck_assert_str_eq(value(&env, "HOME"), "/of/the/caller");
	ck_assert_ptr_null(value(&env, "UNSET"));
	ck_assert_str_eq(value(&env, "PATH"), "/a");
}
END_TEST

static char path[] = "/tmp/test_environment.XXXXXX";
static struct environment file_env;

/* Reads a file of @len bytes before "--env X=last". */
static int read_file(const char *text, size_t len)
{
	struct config config = {
		.env_file = {path},
		.env_file_cnt = 1,
		.env = {"X=last"},
		.env_cnt = 1,
	};
	int fd, err;

	strcpy(path, "/tmp/test_environment.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_full(fd, text, len), 0);
	close(fd);
	why.text[0] = '\0';
	err = environment_init(&file_env, &config, &why);
	unlink(path);
	return err;
}

START_TEST(files_have_lines)
{
	static const char text[] =
		"\xef\xbb\xbf"
		"FIRST=1\n# COMMENT=1\n\n \t\n  #INDENTED=1\n"
		"\t BLANKS= a # b \"c\" \nX=file\nCR=x\r\nEQUALS==a=b=\n"
		"NONE=\nMINE\nUNSET\nSECRET=shown\nPATH=/file\nLAST=end";

	setenv("MINE", "caller's", 1);
	setenv("SECRET", "host", 1);
	unsetenv("UNSET");
	ck_assert_int_eq(read_file(text, sizeof(text) - 1), 0);
	ck_assert_str_eq(value(&file_env, "FIRST"), "1");
	ck_assert_ptr_null(value(&file_env, "# COMMENT"));
	ck_assert_ptr_null(value(&file_env, "#INDENTED"));
	ck_assert_str_eq(value(&file_env, "BLANKS"), " a # b \"c\" ");
	ck_assert_str_eq(value(&file_env, "X"), "last");
	ck_assert_str_eq(value(&file_env, "CR"), "x");
	ck_assert_str_eq(value(&file_env, "EQUALS"), "=a=b=");
	ck_assert_str_eq(value(&file_env, "NONE"), "");
	ck_assert_str_eq(value(&file_env, "MINE"), "caller's");
	ck_assert_ptr_null(value(&file_env, "UNSET"));
	ck_assert_str_eq(value(&file_env, "SECRET"), "shown");
	ck_assert_str_eq(value(&file_env, "PATH"), "/file");
	ck_assert_str_eq(value(&file_env, "LAST"), "end");
	environment_destroy(&file_env);
	ck_assert_int_eq(read_file("", 0), 0);
	ck_assert_str_eq(value(&file_env, "HOME"), "/root");
	environment_destroy(&file_env);
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *says;
} malformed[] = {
#define ROW(text, says)                      \
	{                                    \
		text, sizeof(text) - 1, says \
	}
	ROW("=x", ": line 1: not a variable; write NAME=VALUE or NAME"),
	ROW("A=1\n\n =", ": line 3: not a variable"),
	ROW("A=1\nexport B=2", ": line 2: not a variable"),
	ROW("A =1", ": line 1: not a variable"),
	ROW("A B", ": line 1: not a variable"),
	ROW("A\t", ": line 1: not a variable"),
	ROW("A=1\0\n", ": not a text"),
	ROW("\0", ": not a text"),
#undef ROW
};

START_TEST(malformed_files_are_refused)
{
	ck_assert_int_eq(read_file(malformed[_i].text, malformed[_i].len),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_ptr_nonnull(strstr(why.text, malformed[_i].says));
	environment_destroy(&file_env);
}
END_TEST

START_TEST(files_have_limits)
{
	static char text[ENVIRONMENT_FILE_MAX_LEN + 1];
	char *at = text;

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(read_file(text, sizeof(text)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "of at most 1048576 bytes"));
	environment_destroy(&file_env);
	memcpy(text, "A=", 2);
	ck_assert_int_eq(read_file(text, sizeof(text) - 1), 0);
	ck_assert_uint_eq(strlen(value(&file_env, "A")), sizeof(text) - 3);
	environment_destroy(&file_env);
	/* PATH, HOME and X are there, too */
	unsetenv("TERM");
	for (int i = 0; i < ENVIRONMENT_MAX - 3; i++)
		at += sprintf(at, "V%d=\n", i);
	ck_assert_int_eq(read_file(text, (size_t)(at - text)), 0);
	environment_destroy(&file_env);
	at += sprintf(at, "MORE=");
	ck_assert_int_eq(read_file(text, (size_t)(at - text)), -E2BIG);
	ck_assert_str_eq(why.text, "environment: more than 1024 variables");
	environment_destroy(&file_env);
}
END_TEST

START_TEST(files_that_are_none)
{
	static const char *const paths[] = {"/nonexistent/env", "/", ""};
	struct config config = {.env_file_cnt = 1};
	char noun[64];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		config.env_file[0] = paths[i];
		ck_assert_int_lt(environment_init(&file_env, &config, &why), 0);
		snprintf(noun, sizeof(noun), "--env-file %s: ", paths[i]);
		ck_assert_int_eq(strncmp(why.text, noun, strlen(noun)), 0);
		environment_destroy(&file_env);
	}
}
END_TEST

/* As the shell's <(command) makes it. */
START_TEST(a_pipe_is_a_file)
{
	char name[32];
	struct config config = {.env_file = {name}, .env_file_cnt = 1};
	int fd[2];

	ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
	ck_assert_int_eq(fd_write_full(fd[1], "A=1\n", 4), 0);
	close(fd[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd[0]);
	ck_assert_int_eq(environment_init(&file_env, &config, &why), 0);
	ck_assert_str_eq(value(&file_env, "A"), "1");
	environment_destroy(&file_env);
	close(fd[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("environment");
	TCase *tcase = tcase_create("environment");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, defaults_and_terminal);
	tcase_add_test(tcase, the_last_value_counts);
	tcase_add_test(tcase, the_most_variables_fit);
	tcase_add_test(tcase, a_name_alone_is_the_callers);
	tcase_add_test(tcase, files_have_lines);
	tcase_add_loop_test(tcase, malformed_files_are_refused, 0,
			    ARRAY_SIZE(malformed));
	tcase_add_test(tcase, files_have_limits);
	tcase_add_test(tcase, files_that_are_none);
	tcase_add_test(tcase, a_pipe_is_a_file);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
