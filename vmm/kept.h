/*
 * Values of options, kept as they were written, for --print-config.
 *
 * Theory of operation: values are kept as the user wrote them, from the command
 * line and the file alike, each at the moment when its option takes it. So what
 * is printed has been checked, and is understood again as it was, whatever
 * options make of their values.
 */
#ifndef VMM_KEPT_H
#define VMM_KEPT_H

#include <stdbool.h>

struct config;
struct fail;

/**
 * kept_begin() - Keep the values of options from now on
 * @config:	Configuration; may be keeping them already
 * @fail:	Receives one line if there is no memory
 *
 * Return: 0 or -ENOMEM with @fail set
 */
int kept_begin(struct config *config, struct fail *fail);

/**
 * kept_add() - Keep one value, if any are to be kept
 * @config:	Configuration
 * @name:	Of the option
 * @repeats:	This is one more value, not another one
 * @value:	As the user wrote it; NULL for none
 */
void kept_add(struct config *config, const char *name, bool repeats,
	      const char *value);

/** kept_end() - Free what was kept, if anything was */
void kept_end(struct config *config);

#endif /* VMM_KEPT_H */
