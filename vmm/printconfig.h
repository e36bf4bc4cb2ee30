/*
 * --print-config: what would run, as --config takes it.
 */
#ifndef VMM_PRINTCONFIG_H
#define VMM_PRINTCONFIG_H

#include <stdio.h>

struct config;
struct fail;

/**
 * printconfig() - Print a configuration of `run`
 * @to:		Where
 * @config:	Complete, and kept since its first option
 * @fail:	Receives one line if JSON has no form for it
 *
 * Return: 0 or a negative errno with @fail set
 */
int printconfig(FILE *to, const struct config *config, struct fail *fail);

#endif /* VMM_PRINTCONFIG_H */
