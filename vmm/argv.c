/*
 * The command line: from argv to a configuration.
 */
#include "vmm/argv.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "vmm/arguments.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/nearest.h"
#include "vmm/configfile.h"
#include "vmm/options.h"
#include "vmm/share.h"

#define MEMORY_DEFAULT MIB(512)

static char default_shell[] = "/bin/sh";
static char *const default_argv[] = {default_shell, NULL};

/* What getopt_long() returns for the first option: no letter. */
enum { FIRST_OPTION = 256 };

/* For each option, a letter and a colon; before them two characters. */
enum { SHORTS_LEN = 2 * OPTIONS_MAX + 3 };

/* An option as getopt_long() knows it. */
static struct option long_of(const struct option_row *row, const char *name,
			     unsigned int idx)
{
	int has_arg = optional_argument;

	if (options_is_switch(row))
		has_arg = no_argument;
	else if (options_needs_value(row))
		has_arg = required_argument;
	return (struct option){
		.name = name,
		.has_arg = has_arg,
		.val = FIRST_OPTION + (int)idx,
	};
}

/* What getopt_long() wants. Behind a first word there may be a command, which
 * has options of its own.
 */
static void make_forms(enum config_command command, char shorts[SHORTS_LEN],
		       struct option longs[OPTIONS_MAX + 1])
{
	bool takes_command = command == CONFIG_RUN || command == CONFIG_EXEC;
	char *at = stpcpy(shorts, takes_command ? "+:" : ":");
	struct option_words words;
	unsigned int i;

	for (i = 0; options_word(command, i, &words); i++) {
		longs[i] = long_of(options_at(command, i), words.name, i);
		if (!words.letter)
			continue;
		*at++ = words.letter;
		if (words.arg)
			*at++ = ':';
	}
	*at = '\0';
	longs[i] = (struct option){0};
}

/* The option that getopt_long() has found. */
static const struct option_row *found_option(enum config_command command,
					     int found)
{
	struct option_words words;
	unsigned int i = 0;

	if (found >= FIRST_OPTION)
		return options_at(command, found - FIRST_OPTION);
	while (options_word(command, i, &words) && words.letter != found)
		i++;
	return options_at(command, i);
}

static int unknown_option(enum config_command command, const char *word,
			  struct fail *fail)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	const char *name = is_long ? word + 2 : "";
	struct nearest nearest = {name, strcspn(name, "="), NULL, 0};
	struct option_words words;

	for (unsigned int i = 0; options_word(command, i, &words); i++)
		nearest_offer(&nearest, words.name);
	return fail_set(
		fail, -EINVAL, "option %s: unknown%s%s%s; see wherry %s --help",
		word, nearest.word ? ", did you mean --" : "",
		nearest.word ? nearest.word : "", nearest.word ? "?" : "",
		options_command(command)->name);
}

/* Take options up to the first argument, the early ones or the others; its
 * index, or -EINVAL.
 */
static int parse_options(struct config *config, int argc, char **argv,
			 bool early, struct fail *fail)
{
	enum config_command command = config->command;
	struct option longs[OPTIONS_MAX + 1];
	const struct option_row *row;
	char shorts[SHORTS_LEN];
	int found, err;

	make_forms(command, shorts, longs);
	optind = 0; /* start over, glibc's way */
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (found == ':')
			return fail_set(fail, -EINVAL,
					"option %s: needs a value; see wherry "
					"%s --help",
					argv[optind - 1],
					options_command(command)->name);
		if (found == '?')
			return unknown_option(command, argv[optind - 1], fail);
		row = found_option(command, found);
		if (options_is_early(row) != early)
			continue;
		err = options_set(row, config, optarg, fail);
		if (err || config->command == CONFIG_HELP)
			return err;
	}
	return optind;
}

static int find_command(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return CONFIG_HELP;
	if (strcmp(word, "--version") == 0)
		return CONFIG_VERSION;
	for (int i = 0; i < CONFIG_NUM_COMMANDS; i++) {
		if (strcmp(word, options_command(i)->name) == 0)
			return i;
	}
	return -1;
}

static int unknown_command(const char *word, struct fail *fail)
{
	struct nearest nearest = {word, strlen(word), NULL, 0};

	for (int i = 0; i < CONFIG_NUM_COMMANDS; i++)
		nearest_offer(&nearest, options_command(i)->name);
	return fail_set(
		fail, -EINVAL, "command %s: unknown%s%s%s; see wherry --help",
		word, nearest.word ? ", did you mean " : "",
		nearest.word ? nearest.word : "", nearest.word ? "?" : "");
}

static int parse_command(struct config *config, int argc, char **argv,
			 struct fail *fail)
{
	int first = parse_options(config, argc, argv, true, fail);
	int err = 0;

	if (first < 0 || config->command == CONFIG_HELP)
		return MIN(first, 0);
	if (config->config)
		err = configfile_read(&config->file, config, config->config,
				      fail);
	if (err)
		return err;
	first = parse_options(config, argc, argv, false, fail);
	if (first < 0)
		return first;
	if (arguments_settle(config, fail))
		return -EINVAL;
	config->root.stats = config->stats;
	for (unsigned int i = 0; i < config->share_cnt; i++) {
		config->share[i].fs.stats = config->stats;
		config->share[i].owner = config->owner;
	}
	return arguments_take(config, argv + first, fail);
}

int argv_parse(struct config *config, int argc, char **argv, struct fail *fail)
{
	const char *word = argc > 1 ? argv[1] : "help";
	int command = find_command(word);

	*config = (struct config){
		.help_on = CONFIG_HELP,
		.argv = default_argv,
		.hostname = "wherry",
		.root = SHARE_DEFAULTS,
		.cpus = 1,
		.memory = MEMORY_DEFAULT,
		.stop_timeout = 10,
	};
	if (command < 0)
		return unknown_command(word, fail);
	if (command == CONFIG_RUN)
		config->workdir = "/";
	config->command = command;
	if (command != CONFIG_HELP && command != CONFIG_VERSION)
		return parse_command(config, argc - 1, argv + 1, fail);
	if (command == CONFIG_HELP && argc > 2) {
		command = find_command(argv[2]);
		if (command < 0)
			return unknown_command(argv[2], fail);
		config->help_on = command;
	}
	return 0;
}
