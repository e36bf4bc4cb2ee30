/*
 * Shares as the user writes them: HOST:TAG[:OPTION...].
 */
#ifndef VMM_SHARE_H
#define VMM_SHARE_H

#include <stdio.h>

#include "devices/fs/server.h"

struct config;
struct fail;
struct machine;

/* What a share is like without options. */
#define SHARE_DEFAULTS \
	((struct fs_config){.root_fd = -1, .cache = FS_CACHE_AUTO})

/**
 * share_parse() - Add a share to a configuration
 * @config:	Configuration
 * @text:	HOST:TAG[:OPTION...]; cut up in place, must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or -EINVAL with @fail set
 */
int share_parse(struct config *config, char *text, struct fail *fail);

/**
 * share_parse_options() - Read how a share is to be served
 * @fs:		Filled, with defaults for what was not given
 * @noun:	Whose options they are, for @fail
 * @text:	OPTION[:OPTION...]; cut up in place
 * @fail:	Receives one line if something is wrong with them
 *
 * Return: 0 or -EINVAL with @fail set
 */
int share_parse_options(struct fs_config *fs, const char *noun, char *text,
			struct fail *fail);

/** share_print_options() - Print what can be written, a line for each option */
void share_print_options(FILE *to);

/**
 * share_add_all() - Open the directories of a configuration's shares and offer
 *		     them to the guest
 * @m:		Machine, still being built
 * @config:	Configuration
 * @fail:	Receives one line if something is wrong with one
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: openat close
 */
int share_add_all(struct machine *m, const struct config *config,
		  struct fail *fail);

#endif /* VMM_SHARE_H */
