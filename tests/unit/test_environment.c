/*
 * The command's environment: defaults, and that the last word counts.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

START_TEST(defaults_and_terminal)
{
	struct config config = {0};
	struct environment env;

	setenv("TERM", "vt220", 1);
	setenv("SECRET", "host", 1);
	environment_init(&env, &config);
	ck_assert_str_eq(value(&env, "HOME"), "/root");
	ck_assert_str_eq(value(&env, "TERM"), "vt220");
	ck_assert_ptr_nonnull(value(&env, "PATH"));
	ck_assert_ptr_null(value(&env, "SECRET"));
	/* whose home that is, the guest's init finds out */
	config.user = "anna";
	environment_init(&env, &config);
	ck_assert_ptr_null(value(&env, "HOME"));
	unsetenv("TERM");
	environment_init(&env, &config);
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

	environment_init(&env, &config);
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
	environment_init(&env, &config);
	while (env.var[cnt])
		cnt++;
	ck_assert_uint_eq(cnt, CONFIG_MAX_ENV + 3);
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
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
