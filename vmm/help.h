/*
 * --help: how to use a command.
 */
#ifndef VMM_HELP_H
#define VMM_HELP_H

#include <stdio.h>

#include "vmm/config.h"

/**
 * help_print() - Print the usage of one command, or the list of all
 * @to:		Stream
 * @command:	One with options, or CONFIG_HELP for the list
 */
void help_print(FILE *to, enum config_command command);

#endif /* VMM_HELP_H */
