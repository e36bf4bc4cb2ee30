/*
 * Options: one table for the command line, --help and --config.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>

#include "vmm/config.h"
#include "vmm/option_words.h"

struct fail;
struct nearest;
struct option_row;

enum { OPTIONS_MAX = 64 }; /* more than any command has */

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

/** options_at() - The options of a command: of @idx 0, 1, ... until NULL */
const struct option_row *options_at(enum config_command command,
				    unsigned int idx);

/** options_is_early() - It says where options are from, what for, or that none
 * matter: --config, --print-config and --help
 */
bool options_is_early(const struct option_row *row);

/**
 * options_word() - What options_at() says, in words
 * @command:	Command
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
