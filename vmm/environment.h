/*
 * The environment in which a guest's command starts.
 */
#ifndef VMM_ENVIRONMENT_H
#define VMM_ENVIRONMENT_H

#include <stdbool.h>

#include "vmm/config.h"

struct fail;

enum {
	ENVIRONMENT_MAX = 1024,		   /* variables */
	ENVIRONMENT_FILE_MAX_LEN = 1 << 20 /* bytes of a file */
};

/**
 * struct environment - Variables of a command
 * @var:	NAME=VALUE [borrowed], ending with NULL
 * @text:	What the files said, cut up [owned]
 */
struct environment {
	char *var[ENVIRONMENT_MAX + 1];
	char *text[CONFIG_MAX_ENV_FILES];
};

/**
 * environment_init() - Defaults, then the files' variables, then --env's
 * @env:	Filled; to be destroyed whatever the result
 * @config:	Its strings must outlive @env
 * @fail:	Receives one line if something is wrong with a file
 *
 * The host's environment stays on the host, but for the terminal's type and
 * variables that are given by their name alone. Of several values for one name
 * the last counts.
 *
 * A file has lines NAME=VALUE or NAME, empty ones, and comments that begin with
 * '#'. What is before NAME is skipped if it is blank; VALUE is taken as it is.
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(setup): openat read newfstatat close
 */
int environment_init(struct environment *env, const struct config *config,
		     struct fail *fail);

/**
 * environment_init_given() - The same without defaults, for one more command
 *			      in a machine that has an environment
 * @env:	Filled; to be destroyed whatever the result
 * @config:	Its strings must outlive @env
 * @has_tty:	The terminal's type is given, too
 * @fail:	Receives one line if something is wrong with a file
 *
 * Return: 0 or a negative errno with @fail set
 */
int environment_init_given(struct environment *env, const struct config *config,
			   bool has_tty, struct fail *fail);

/** environment_destroy() - Release an environment, half-built or not */
void environment_destroy(struct environment *env);

#endif /* VMM_ENVIRONMENT_H */
