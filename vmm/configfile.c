/*
 * Options from a file: one JSON object whose keys are the names of options.
 *
 * Theory of operation: json-c says whether the text is JSON and what its values
 * are, but of a key that is there twice it keeps the last value and no trace of
 * the first. So the keys are read from the text, which is known to be good by
 * then, and each is taken out of the object once: the second time it is not
 * there.
 */
#include "vmm/configfile.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/nearest.h"
#include "vmm/config.h"
#include "vmm/options.h"

/* Options are some kilobytes; what is larger is another file. */
#define TEXT_MAX_LEN MIB(1)

/* However long a key is, what is wrong with it is seen. */
#define SHOWN "%.80s"

/* One file being read. */
struct reader {
	struct configfile *file;
	struct config *config;
	const char *path;
	struct fail *fail;
};

static int out_of_memory(struct reader *r)
{
	return fail_set(r->fail, -ENOMEM, "config %s: %s", r->path,
			strerror(ENOMEM));
}

/* A copy that options may cut up; NULL if there is no memory. */
static char *keep(struct configfile *file, const char *text)
{
	char **word = reallocarray(file->word, file->word_cnt + 1,
				   sizeof(*file->word));

	if (!word)
		return NULL;
	file->word = word;
	word[file->word_cnt] = strdup(text);
	return word[file->word_cnt] ? word[file->word_cnt++] : NULL;
}

/* The text of a string or number, or -EINVAL for what is neither. */
static int take_text(struct reader *r, const char *key,
		     struct json_object *value, char **text)
{
	const char *what = json_object_get_string(value);
	bool is_string = json_object_is_type(value, json_type_string);

	if (!is_string && !json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return fail_set(r->fail, -EINVAL,
				"config %s: \"%s\": not a string or number; "
				"write \"%s\": \"VALUE\"",
				r->path, key, key);
	if (is_string &&
	    strlen(what) != (size_t)json_object_get_string_len(value))
		return fail_set(r->fail, -EINVAL,
				"config %s: \"%s\": has a NUL in it; leave "
				"\\u0000 out",
				r->path, key);
	*text = keep(r->file, what);
	return *text ? 0 : out_of_memory(r);
}

/* What is wrong with a value is said by its option; we add where it is from. */
static int set(struct reader *r, const struct option_row *row, char *value)
{
	struct fail why;
	int err = options_set(row, r->config, value, r->fail);

	if (!err)
		return 0;
	why = *r->fail;
	return fail_set(r->fail, err, "config %s: %s", r->path, why.text);
}

static int set_switch(struct reader *r, const struct option_row *row,
		      const char *key, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_boolean))
		return fail_set(r->fail, -EINVAL,
				"config %s: \"%s\": not true or false; write "
				"\"%s\": true",
				r->path, key, key);
	return json_object_get_boolean(value) ? set(r, row, NULL) : 0;
}

static int set_text(struct reader *r, const struct option_row *row,
		    const char *key, struct json_object *value)
{
	char *text = NULL;
	int err = take_text(r, key, value, &text);

	return err ? err : set(r, row, text);
}

static int set_list(struct reader *r, const struct option_row *row,
		    const char *key, struct json_object *list)
{
	if (!options_may_repeat(row))
		return fail_set(r->fail, -EINVAL,
				"config %s: \"%s\": takes one value, not a "
				"list; write \"%s\": \"VALUE\"",
				r->path, key, key);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int err = set_text(r, row, key,
				   json_object_array_get_idx(list, i));

		if (err)
			return err;
	}
	return 0;
}

static int set_command(struct reader *r, struct json_object *list)
{
	size_t cnt;

	if (!json_object_is_type(list, json_type_array) ||
	    !json_object_array_length(list))
		return fail_set(r->fail, -EINVAL,
				"config %s: \"command\": not a list of "
				"strings; write [\"COMMAND\", \"ARG\"]",
				r->path);
	cnt = json_object_array_length(list);
	r->file->command = calloc(cnt + 1, sizeof(*r->file->command));
	if (!r->file->command)
		return out_of_memory(r);
	for (size_t i = 0; i < cnt; i++) {
		int err = take_text(r, "command",
				    json_object_array_get_idx(list, i),
				    &r->file->command[i]);

		if (err)
			return err;
	}
	r->config->argv = r->file->command;
	return 0;
}

static int set_rootfs(struct reader *r, struct json_object *value)
{
	char *text = NULL;
	int err = take_text(r, "rootfs", value, &text);

	if (!err)
		r->config->rootfs = text;
	return err;
}

static int unknown_key(struct reader *r, const char *key)
{
	bool runs = r->config->command == CONFIG_RUN;
	struct nearest nearest = {key, strlen(key), NULL, 0};

	options_offer(r->config->command, &nearest);
	if (runs) {
		nearest_offer(&nearest, "rootfs");
		nearest_offer(&nearest, "command");
	}
	return fail_set(r->fail, -EINVAL,
			"config %s: \"" SHOWN "\": unknown%s%s%s; see wherry "
			"%s --help",
			r->path, key, nearest.word ? ", did you mean \"" : "",
			nearest.word ? nearest.word : "",
			nearest.word ? "\"?" : "", runs ? "run" : "boot");
}

static int set_key(struct reader *r, const char *key, struct json_object *value)
{
	bool runs = r->config->command == CONFIG_RUN;
	const struct option_row *row;

	if (runs && strcmp(key, "rootfs") == 0)
		return set_rootfs(r, value);
	if (runs && strcmp(key, "command") == 0)
		return set_command(r, value);
	row = options_find(r->config->command, key);
	if (!row)
		return unknown_key(r, key);
	if (options_is_switch(row) ||
	    (!options_needs_value(row) &&
	     json_object_is_type(value, json_type_boolean)))
		return set_switch(r, row, key, value);
	if (json_object_is_type(value, json_type_array))
		return set_list(r, row, key, value);
	return set_text(r, row, key, value);
}

/* The end of the string that begins at @text with its first quote. */
static char *skip_string(char *text)
{
	for (text++; *text != '"'; text++) {
		if (*text == '\\')
			text++;
	}
	return text;
}

/* The key as it is written: names of options need no escapes. */
static int take_key(struct reader *r, struct json_object *all, const char *key)
{
	struct json_object *value;
	int err;

	if (!json_object_object_get_ex(all, key, &value)) {
		if (strchr(key, '\\'))
			return unknown_key(r, key);
		return fail_set(r->fail, -EINVAL,
				"config %s: \"" SHOWN "\": is there twice; "
				"leave one",
				r->path, key);
	}
	err = set_key(r, key, value);
	json_object_object_del(all, key);
	return err;
}

static int not_json(struct reader *r, const char *text, size_t offset,
		    const char *why)
{
	unsigned int line = 1, column = 1;

	for (size_t i = 0; i < offset && text[i]; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	return fail_set(r->fail, -EINVAL,
			"config %s: line %u, column %u: %s; write one JSON "
			"object, {\"OPTION\": VALUE, ...}",
			r->path, line, column, why);
}

/* Each string of the outermost object that a colon follows is a key. Even when
 * it is to be strict, json-c takes keys in single quotes; we don't.
 */
static int take_keys(struct reader *r, struct json_object *all, char *text)
{
	int depth = 0, err = 0;
	char *end;

	for (char *at = text; *at && !err; at++) {
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		if (*at == '\'')
			return not_json(r, text, at - text, "a single quote");
		if (*at != '"')
			continue;
		end = skip_string(at);
		if (depth == 1 && end[1 + strspn(end + 1, " \t\r\n")] == ':') {
			*end = '\0';
			err = take_key(r, all, at + 1);
			*end = '"';
		}
		at = end;
	}
	return err;
}

static int take_object(struct reader *r, char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *all;
	int err;

	if (!tokener)
		return out_of_memory(r);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						JSON_TOKENER_VALIDATE_UTF8);
	/* With the NUL, which says that a number at the end is complete. */
	all = json_tokener_parse_ex(tokener, text, (int)len + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		err = not_json(r, text, json_tokener_get_parse_end(tokener),
			       json_tokener_error_desc(
				       json_tokener_get_error(tokener)));
	else if (strlen(text) != len)
		err = not_json(r, text, strlen(text), "a NUL");
	else if (!json_object_is_type(all, json_type_object))
		err = not_json(r, text, 0, "not an object");
	else
		err = take_keys(r, all, text);
	json_object_put(all);
	json_tokener_free(tokener);
	return err;
}

/* The length of a whole file; -EFBIG if it is longer than options are. */
static ssize_t read_text(const char *path, char *text)
{
	FILE *file = fopen(path, "re");
	size_t len;
	int err = 0;

	if (!file)
		return -errno;
	len = fread(text, 1, TEXT_MAX_LEN + 1, file);
	if (ferror(file))
		err = -errno;
	fclose(file);
	if (err)
		return err;
	return len > TEXT_MAX_LEN ? -EFBIG : (ssize_t)len;
}

int configfile_read(struct configfile *file, struct config *config,
		    const char *path, struct fail *fail)
{
	struct reader r = {file, config, path, fail};
	char *text = calloc(1, TEXT_MAX_LEN + 2);
	ssize_t len;
	int err;

	*file = (struct configfile){0};
	if (!text)
		return out_of_memory(&r);
	len = read_text(path, text);
	if (len == -EFBIG)
		err = fail_set(fail, -EINVAL,
			       "config %s: larger than 1 MiB; give a file of "
			       "options",
			       path);
	else if (len < 0)
		err = fail_set(fail, (int)len,
			       "config %s: %s; give --config a file that you "
			       "may read",
			       path, strerror((int)-len));
	else
		err = take_object(&r, text, (size_t)len);
	free(text);
	return err;
}

void configfile_destroy(struct configfile *file)
{
	for (size_t i = 0; i < file->word_cnt; i++)
		free(file->word[i]);
	free(file->word);
	free(file->command);
	*file = (struct configfile){0};
}
