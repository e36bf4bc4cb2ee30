/*
 * Volumes as the user writes them, HOST:GUEST[:OPTION...]: shares that the
 * guest's init mounts. And the directory that takes what is written into an
 * overlay, which is one more share.
 */
#ifndef VMM_VOLUME_H
#define VMM_VOLUME_H

#include "boot/spec.h"
#include "vmm/config.h"

struct fail;
struct sandbox;

/**
 * volume_parse() - Add a volume to a configuration
 * @config:	Configuration
 * @text:	HOST:GUEST[:OPTION...]; cut up in place, must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or -EINVAL with @fail set
 */
int volume_parse(struct config *config, char *text, struct fail *fail);

/**
 * volume_add_upper() - Make a share of the directory of --overlay, if there is
 *			one
 * @config:	Configuration, with all its other shares
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or -EINVAL with @fail set
 */
int volume_add_upper(struct config *config, struct fail *fail);

/**
 * volume_lock_upper() - Let no other machine write into the directory of
 *			 --overlay while this one runs
 * @config:	Configuration
 * @sb:		Sandbox, not entered, that has taken all shares
 * @lock_fd:	Holds the lock until it is closed [owned by the caller]; -1 if
 *		there is no such directory
 * @fail:	Receives one line if another one does
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(setup): openat flock close
 */
int volume_lock_upper(const struct config *config, const struct sandbox *sb,
		      int *lock_fd, struct fail *fail);

/**
 * volume_list() - What init is to mount, those above before those below
 * @config:	Configuration
 * @files:	Which of its shares are single files, from share_add_all()
 * @list:	Filled, ending with one without a tag; borrows from @config
 */
void volume_list(const struct config *config, int files,
		 struct guest_volume list[CONFIG_MAX_SHARES + 1]);

/**
 * volume_upper() - Where the overlay writes, for struct guest_spec
 * @config:	Configuration
 * @sb:		Sandbox
 *
 * Return: a constant, NULL for no overlay
 */
const char *volume_upper(const struct config *config, const struct sandbox *sb);

/**
 * volume_mount_options() - Options to mount a share with
 *
 * By default Linux maps the files that the server names; that it says so in
 * /proc/mounts needs the word.
 *
 * Return: a constant, NULL for none
 */
const char *volume_mount_options(const struct fs_config *fs);

#endif /* VMM_VOLUME_H */
