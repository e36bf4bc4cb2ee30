/*
 * --print-config: what would run, as --config takes it.
 *
 * Theory of operation: values are kept as the user wrote them, from the command
 * line and the file alike, each at the moment when its option takes it. So what
 * is printed has been checked, and is understood again as it was, whatever
 * options make of their values.
 */
#ifndef VMM_PRINTCONFIG_H
#define VMM_PRINTCONFIG_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct fail;

/**
 * printconfig_begin() - Keep the values of options from now on
 * @config:	Configuration; may be keeping them already
 * @fail:	Receives one line if there is no memory
 *
 * Return: 0 or -ENOMEM with @fail set
 */
int printconfig_begin(struct config *config, struct fail *fail);

/**
 * printconfig_keep() - Keep one value, if any are to be kept
 * @config:	Configuration
 * @name:	Of the option
 * @repeats:	This is one more value, not another one
 * @value:	As the user wrote it; NULL for none
 */
void printconfig_keep(struct config *config, const char *name, bool repeats,
		      const char *value);

/**
 * printconfig() - Print a configuration of `run`
 * @to:		Where
 * @config:	Complete, and kept since its first option
 * @fail:	Receives one line if JSON has no form for it
 *
 * Return: 0 or a negative errno with @fail set
 */
int printconfig(FILE *to, const struct config *config, struct fail *fail);

/** printconfig_end() - Free what was kept, if anything was */
void printconfig_end(struct config *config);

#endif /* VMM_PRINTCONFIG_H */
