/*
 * The command line: one table of options for parser and --help.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdio.h>

#include "vmm/config.h"

struct fail;

/**
 * options_parse() - Turn the command line into a configuration
 * @config:	Filled, with defaults for what was not given
 * @argc:	As main() got it
 * @argv:	As main() got it; must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or -EINVAL with @fail set
 */
int options_parse(struct config *config, int argc, char **argv,
		  struct fail *fail);

/**
 * options_print_help() - Print the usage of one command, or the list of all
 * @to:		Stream
 * @command:	CONFIG_RUN, CONFIG_BOOT, or CONFIG_HELP for the list
 */
void options_print_help(FILE *to, enum config_command command);

#endif /* VMM_OPTIONS_H */
