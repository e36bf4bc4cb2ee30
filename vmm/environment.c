/*
 * The environment in which a guest's command starts.
 */
#include "vmm/environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/fail.h"

/* Longest path in a message, so that the reason after it still fits. */
#define PATH "%.200s"

static const char BOM[] = "\xef\xbb\xbf";

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return len == strcspn(b, "=") && memcmp(a, b, len) == 0;
}

/* The strings are only read; argv-like arrays are of char * by tradition. */
static int put(struct environment *env, const char *var, struct fail *fail)
{
	size_t i = 0;

	while (env->var[i] && !same_name(env->var[i], var))
		i++;
	if (i == ENVIRONMENT_MAX)
		return fail_set(fail, -E2BIG,
				"environment: more than %d variables",
				ENVIRONMENT_MAX);
	memcpy(&env->var[i], &var, sizeof(var));
	return 0;
}

/* @word is NAME=VALUE, or NAME for the caller's variable if there is one. */
static int put_word(struct environment *env, const char *word,
		    struct fail *fail)
{
	const char *value;

	if (strchr(word, '='))
		return put(env, word, fail);
	value = getenv(word);
	/* points behind "NAME=" in environ */
	return value ? put(env, value - strlen(word) - 1, fail) : 0;
}

static int put_lines(struct environment *env, char *text, const char *path,
		     struct fail *fail)
{
	unsigned int number = 0;
	char *line;
	int err = 0;

	while (!err && (line = strsep(&text, "\n"))) {
		size_t len = strlen(line);

		number++;
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		line += strspn(line, " \t\v\f\r");
		if (!*line || *line == '#')
			continue;
		len = strcspn(line, "=");
		if (!len || strcspn(line, " \t\v\f\r") < len)
			return fail_set(fail, -EINVAL,
					"--env-file " PATH ": line %u: not a "
					"variable; write NAME=VALUE or NAME",
					path, number);
		err = put_word(env, line, fail);
	}
	return err;
}

/* A pipe will do, too, so its length is not asked for. */
static int read_text(char *text, const char *path, struct fail *fail)
{
	FILE *file = fopen(path, "re");
	size_t len;
	int err = 0;

	if (!file)
		return fail_set(fail, -errno, "--env-file " PATH ": %s", path,
				strerror(errno));
	len = fread(text, 1, ENVIRONMENT_FILE_MAX_LEN + 1, file);
	if (ferror(file))
		err = -errno;
	fclose(file);
	if (err)
		return fail_set(fail, err, "--env-file " PATH ": %s", path,
				strerror(-err));
	if (len > ENVIRONMENT_FILE_MAX_LEN || memchr(text, '\0', len))
		return fail_set(fail, -EINVAL,
				"--env-file " PATH ": not a text of lines "
				"NAME=VALUE of at most %d bytes",
				path, ENVIRONMENT_FILE_MAX_LEN);
	return 0;
}

static int put_file(struct environment *env, char **text, const char *path,
		    struct fail *fail)
{
	char *start = calloc(1, ENVIRONMENT_FILE_MAX_LEN + 1);
	int err;

	*text = start;
	if (!start)
		return fail_set(fail, -ENOMEM, "--env-file " PATH ": %s", path,
				strerror(ENOMEM));
	err = read_text(start, path, fail);
	if (err)
		return err;
	if (strncmp(start, BOM, strlen(BOM)) == 0)
		start += strlen(BOM);
	return put_lines(env, start, path, fail);
}

static int put_given(struct environment *env, const struct config *config,
		     struct fail *fail)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < config->env_file_cnt; i++)
		err = put_file(env, &env->text[i], config->env_file[i], fail);
	for (unsigned int i = 0; !err && i < config->env_cnt; i++)
		err = put_word(env, config->env[i], fail);
	return err;
}

int environment_init(struct environment *env, const struct config *config,
		     struct fail *fail)
{
	int err;

	*env = (struct environment){0};
	err = put(env,
		  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		  "/sbin:/bin",
		  fail);
	if (!err && !config->user) /* else the guest's init knows it */
		err = put(env, "HOME=/root", fail);
	if (!err)
		err = put_word(env, "TERM", fail);
	return err ? err : put_given(env, config, fail);
}

int environment_init_given(struct environment *env, const struct config *config,
			   bool has_tty, struct fail *fail)
{
	int err;

	*env = (struct environment){0};
	err = has_tty ? put_word(env, "TERM", fail) : 0;
	return err ? err : put_given(env, config, fail);
}

void environment_destroy(struct environment *env)
{
	for (unsigned int i = 0; i < CONFIG_MAX_ENV_FILES; i++)
		free(env->text[i]);
}
