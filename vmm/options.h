/*
 * The command line: one table of options for parser, --help and --config.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>

#include "vmm/config.h"
#include "vmm/option_words.h"

struct fail;
struct nearest;
struct option_row;

/**
 * options_parse() - Turn the command line into a configuration
 * @config:	Filled, with defaults for what was not given; its file is to be
 *		destroyed by the caller, whatever the result is
 * @argc:	As main() got it
 * @argv:	As main() got it; must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or a negative errno with @fail set
 */
int options_parse(struct config *config, int argc, char **argv,
		  struct fail *fail);

/** options_find() - The option of a key of --config's file, NULL if unknown */
const struct option_row *options_find(enum config_command command,
				      const char *name);

/** options_is_switch() - It has no value */
bool options_is_switch(const struct option_row *row);

/** options_needs_value() - It is no switch, nor can it be used like one */
bool options_needs_value(const struct option_row *row);

/** options_may_repeat() - Each time adds a value; of others the last counts */
bool options_may_repeat(const struct option_row *row);

/**
 * options_set() - Do what an option says
 * @row:	Option
 * @config:	Changed
 * @value:	Its value, NULL for none; may be cut up and must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or -EINVAL with @fail set
 */
int options_set(const struct option_row *row, struct config *config,
		char *value, struct fail *fail);

/** options_offer() - Offer what options_find() knows, for a mistyped name */
void options_offer(enum config_command command, struct nearest *nearest);

/**
 * options_word() - The options of a command, one by one
 * @command:	CONFIG_RUN, CONFIG_BOOT or CONFIG_DOCTOR
 * @idx:	0, 1, ...
 * @words:	Filled
 *
 * Return: false if there are no more
 */
bool options_word(enum config_command command, unsigned int idx,
		  struct option_words *words);

/** options_command() - A command in words */
const struct command_words *options_command(enum config_command command);

#endif /* VMM_OPTIONS_H */
