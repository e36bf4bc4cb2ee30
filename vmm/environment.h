/*
 * The environment in which a guest's command starts.
 */
#ifndef VMM_ENVIRONMENT_H
#define VMM_ENVIRONMENT_H

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

/** environment_destroy() - Release an environment, half-built or not */
void environment_destroy(struct environment *env);

#endif /* VMM_ENVIRONMENT_H */
