/*
 * Shares as the user writes them: HOST:TAG[:OPTION...].
 */
#ifndef VMM_SHARE_H
#define VMM_SHARE_H

#include <stdbool.h>
#include <stdio.h>

#include "devices/fs/server.h"
#include "vmm/base/bits.h"
#include "vmm/option_words.h"

struct config;
struct config_share;
struct fail;
struct machine;
struct sandbox;

/* Windows: their length is not yet known; the longest one; and the shortest
 * file that is worth a mapping: below, one READ costs the guest less than
 * asking for a mapping and the page faults that follow.
 */
#define SHARE_DAX_DEFAULT UINT64_MAX
#define SHARE_DAX_MAX GIB(1024)
#define SHARE_DAX_MIN_FILE KIB(64)

/* What a share is like without options. */
#define SHARE_DEFAULTS                                    \
	((struct fs_config){.root_fd = -1,                \
			    .proc_fd = -1,                \
			    .cache = FS_CACHE_AUTO,       \
			    .dax_len = SHARE_DAX_DEFAULT, \
			    .dax_min = SHARE_DAX_MIN_FILE})

/**
 * struct share_form - How a share is written: OPTION HOST:SECOND[:OPTION...]
 * @option:	Option of the command line
 * @second:	What its second part is called
 * @take:	Checks that part and fills @share from it; 0 or -EINVAL with
 *		@fail set
 */
struct share_form {
	const char *option;
	const char *second;
	int (*take)(struct config *config, struct config_share *share,
		    char *second, struct fail *fail);
};

/**
 * share_parse_form() - Add a share to a configuration
 * @config:	Configuration
 * @form:	How it is written
 * @text:	Cut up in place, must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or -EINVAL with @fail set
 */
int share_parse_form(struct config *config, const struct share_form *form,
		     char *text, struct fail *fail);

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
 * @fs:		Filled, with SHARE_DEFAULTS for what was not given
 * @noun:	Whose options they are, for @fail
 * @text:	OPTION[:OPTION...]; cut up in place
 * @fail:	Receives one line if something is wrong with them
 *
 * Return: 0 or -EINVAL with @fail set
 */
int share_parse_options(struct fs_config *fs, const char *noun, char *text,
			struct fail *fail);

/**
 * share_closes_files() - Does the guest tell of each file that it closes?
 */
bool share_closes_files(const struct fs_config *fs);

/**
 * share_default_dax() - Length of the root's window if nobody gave one
 * @fs:		The root
 * @ram_len:	Bytes of RAM
 * @stalls:	From hostkernel_stalls(): it may not close mapped files
 *
 * The guest's kernel describes each page of a window by 64 bytes of its RAM, 16
 * MiB for 1 GiB. As long as RAM, that is less than 2 % of it; and more than
 * GIB(1) would cost every start of a large guest time for files that it may
 * never map.
 *
 * Return: a multiple of GUESTMEM_WINDOW_UNIT; 0 if the guest @stalls
 */
uint64_t share_default_dax(const struct fs_config *fs, uint64_t ram_len,
			   bool stalls);

/**
 * share_option() - What can be written, one by one
 * @idx:	0, 1, ...
 * @words:	Filled
 *
 * Return: false if there are no more
 */
bool share_option(unsigned int idx, struct option_words *words);

/** share_print_options() - Print what can be written, a line for each option */
void share_print_options(FILE *to);

/**
 * share_add() - Offer a directory, or a file alone in one, to the guest
 * @m:		Machine, still being built
 * @sb:		Sandbox, not entered
 * @share:	What and how
 * @fd:		It; stays the caller's, and is to be closed
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int share_add(struct machine *m, struct sandbox *sb,
	      const struct config_share *share, int fd, struct fail *fail);

/**
 * share_add_all() - Open what a configuration shares and offer it to the guest
 * @m:		Machine, still being built
 * @sb:		Sandbox, not entered
 * @config:	Configuration
 * @fail:	Receives one line if something is wrong with one
 *
 * Return: bits of those that are single files, by their index; or a negative
 *	   errno with @fail set
 * #syscalls(setup): openat newfstatat close
 */
int share_add_all(struct machine *m, struct sandbox *sb,
		  const struct config *config, struct fail *fail);

#endif /* VMM_SHARE_H */
