/*
 * --print-config: what would run, as --config takes it.
 */
#include "vmm/printconfig.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/config.h"
#include "vmm/option_words.h"
#include "vmm/options.h"

/* What argv_parse() begins with, as a user would write it. */
static const struct {
	const char *name;
	const char *value;
} defaults[] = {
	{"cpus", "1"},	  {"memory", "512M"},	  {"hostname", "wherry"},
	{"workdir", "/"}, {"stop-timeout", "10"},
};

static struct json_object *make_command(const struct config *config)
{
	struct json_object *list = json_object_new_array();

	for (char *const *arg = config->argv; *arg; arg++)
		json_object_array_add(list, json_object_new_string(*arg));
	return list;
}

/* In the order of --help, whatever the order in which they were given. */
static struct json_object *make_all(const struct config *config)
{
	struct json_object *all = json_object_new_object();
	struct json_object *value;
	struct option_words words;

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (!json_object_object_get_ex(config->kept, defaults[i].name,
					       NULL))
			json_object_object_add(
				config->kept, defaults[i].name,
				json_object_new_string(defaults[i].value));
	json_object_object_add(all, "rootfs",
			       json_object_new_string(config->rootfs));
	json_object_object_add(all, "command", make_command(config));
	for (unsigned int i = 0; options_word(CONFIG_RUN, i, &words); i++) {
		if (options_find(CONFIG_RUN, words.name) &&
		    json_object_object_get_ex(config->kept, words.name, &value))
			json_object_object_add(all, words.name,
					       json_object_get(value));
	}
	return all;
}

/* Does --config take it? Values are bytes, JSON's strings are UTF-8. */
static bool is_readable(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *again;
	bool readable;

	if (!tokener)
		return false;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						JSON_TOKENER_VALIDATE_UTF8);
	again = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	readable = json_tokener_get_error(tokener) == json_tokener_success;
	json_object_put(again);
	json_tokener_free(tokener);
	return readable;
}

int printconfig(FILE *to, const struct config *config, struct fail *fail)
{
	struct json_object *all = make_all(config);
	const char *text = json_object_to_json_string_ext(
		all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
			     JSON_C_TO_STRING_SPACED |
			     JSON_C_TO_STRING_NOSLASHESCAPE);
	int err = 0;

	if (!text)
		err = fail_set(fail, -ENOMEM, "--print-config: %s",
			       strerror(ENOMEM));
	else if (!is_readable(text))
		err = fail_set(fail, -EILSEQ,
			       "--print-config: a value or argument is not "
			       "UTF-8, and JSON has no other strings; leave it "
			       "out");
	else
		fprintf(to, "%s\n", text);
	json_object_put(all);
	return err;
}
