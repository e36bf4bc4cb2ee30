/*
 * The environment in which a guest's command starts.
 */
#ifndef VMM_ENVIRONMENT_H
#define VMM_ENVIRONMENT_H

#include "vmm/config.h"

enum { ENVIRONMENT_MAX = CONFIG_MAX_ENV + 8 };

/**
 * struct environment - NAME=VALUE strings [borrowed], ending with NULL
 */
struct environment {
	char *var[ENVIRONMENT_MAX];
};

/**
 * environment_init() - Defaults, then what the user gave with --env
 * @env:	Filled
 * @config:	Its strings must outlive @env
 *
 * The host's environment stays on the host, but for the terminal's type. Of
 * several values for one name the last counts.
 */
void environment_init(struct environment *env, const struct config *config);

#endif /* VMM_ENVIRONMENT_H */
