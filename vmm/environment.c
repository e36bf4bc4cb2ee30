/*
 * The environment in which a guest's command starts.
 */
#include "vmm/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return len == strcspn(b, "=") && memcmp(a, b, len) == 0;
}

/* The strings are only read; argv-like arrays are of char * by tradition. */
static void put(struct environment *env, const char *var)
{
	size_t i = 0;

	while (env->var[i] && !same_name(env->var[i], var))
		i++;
	memcpy(&env->var[i], &var, sizeof(var));
}

void environment_init(struct environment *env, const struct config *config)
{
	const char *term = getenv("TERM");

	*env = (struct environment){0};
	put(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
		 "/bin");
	if (!config->user) /* else the guest's init knows it */
		put(env, "HOME=/root");
	if (term) /* points behind "TERM=" in environ */
		put(env, term - strlen("TERM="));
	for (unsigned int i = 0; i < config->env_cnt; i++)
		put(env, config->env[i]);
}
