/*
 * What the guest's init is to do, as the bytes of its file /spec.
 */
#ifndef BOOT_SPEC_H
#define BOOT_SPEC_H

#include <stdbool.h>
#include <stdint.h>

struct bytes;
struct modules;

/**
 * struct guest_rlimit - A limit of the command's resources, as setrlimit() has
 *			 it; UINT64_MAX: none
 * @name:	The resource's name, NULL behind the last limit [borrowed]
 * @resource:	RLIMIT_*
 * @soft:	Limit
 * @hard:	How far the command may raise it
 */
struct guest_rlimit {
	const char *name;
	int resource;
	uint64_t soft;
	uint64_t hard;
};

/**
 * struct guest_volume - A share that init mounts
 * @tag:	Of its device, without spaces; NULL behind the last one
 * @path:	Where; above what is below it
 * @options:	As guest_spec.root_options
 * @read_only:	Mount it so
 * @is_file:	Only its GUEST_VOLUME_FILE is mounted
 */
struct guest_volume {
	const char *tag;
	const char *path;
	const char *options;
	bool read_only;
	bool is_file;
};

/**
 * struct guest_spec - What to run in the guest; all [borrowed]
 * @root_tag:	Tag of the virtio-fs device that is the root
 * @root_is_read_only: Mount it so
 * @root_options: Options to mount it with, if the guest's kernel knows them;
 *		NULL for none
 * @overlay:	Value of GUEST_SPEC_OVERLAY, NULL for none
 * @volumes:	Ending with one without a tag; or NULL
 * @hostname:	Host name, at most 64 bytes
 * @workdir:	Where the command starts
 * @terminal:	GUEST_WINDOW() of the command's terminal as a decimal number;
 *		NULL: it has none
 * @argv:	Command and arguments, ending with NULL; not empty
 * @envp:	NAME=VALUE of the whole environment, ending with NULL
 * @user:	Name or number of the command's user, NULL for root
 * @group:	Name or number of its group, NULL for the user's own groups
 * @add_groups:	Names or numbers of more groups, ending with NULL; or NULL
 * @rlimits:	Its limits, ending with one without a name; or NULL
 * @pids:	How many processes and threads it has; 0: any number
 * @tmp_size:	Bytes of a file system on /tmp; 0: there is none
 * @sessions:	There is a port for more commands
 * @later:	Which of the modules is loaded when the command runs, if it is
 *		among them; NULL for none
 * @dropped_caps: Bits of the capabilities that it may never have
 */
struct guest_spec {
	const char *root_tag;
	bool root_is_read_only;
	const char *root_options;
	const char *overlay;
	const struct guest_volume *volumes;
	const char *hostname;
	const char *workdir;
	const char *terminal;
	char *const *argv;
	char *const *envp;
	const char *user;
	const char *group;
	char *const *add_groups;
	const struct guest_rlimit *rlimits;
	uint64_t pids;
	uint64_t tmp_size;
	bool sessions;
	const char *later;
	uint64_t dropped_caps;
};

/**
 * spec_encode() - Write /spec (boot/guest/abi.h has its format)
 * @out:	Appended to
 * @spec:	What to run
 * @modules:	What to load before
 *
 * Return: 0, -E2BIG if init would refuse it as too long, or -ENOMEM
 */
int spec_encode(struct bytes *out, const struct guest_spec *spec,
		const struct modules *modules);

#endif /* BOOT_SPEC_H */
