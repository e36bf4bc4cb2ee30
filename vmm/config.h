/*
 * What the user asked for, as plain data with its defaults.
 */
#ifndef VMM_CONFIG_H
#define VMM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/spec.h"
#include "devices/fs/server.h"
#include "vmm/configfile.h"

struct json_object;

/* By this tag the guest of `run` finds its root. */
#define CONFIG_ROOT_TAG "root"

/* Tags that begin so are not the user's. */
#define CONFIG_OWN_TAGS "wherry-"

enum {
	CONFIG_MAX_ENV = 256,
	CONFIG_MAX_SHARES = 15, /* besides the root */
	CONFIG_MAX_GROUPS = 64, /* of --group-add */
	CONFIG_MAX_ENV_FILES = 16,
	CONFIG_MAX_ULIMITS = 16, /* there are not so many names */
};

/** enum config_command - The first word of the command line */
enum config_command {
	CONFIG_RUN,
	CONFIG_BOOT,
	CONFIG_EXEC,
	CONFIG_PS,
	CONFIG_LOGS,
	CONFIG_STOP,
	CONFIG_KILL,
	CONFIG_WAIT,
	CONFIG_DOCTOR,
	CONFIG_HELP,
	CONFIG_VERSION,
	CONFIG_NUM_COMMANDS,
};

/** enum config_owner - Whose the files of shares are */
enum config_owner {
	CONFIG_OWNER_DEFAULT, /* XATTR with one id, else MAP */
	CONFIG_OWNER_MAP,     /* the host's, as far as the monitor has ids */
	CONFIG_OWNER_SQUASH,  /* all the monitor's, who is root in the guest */
	CONFIG_OWNER_XATTR,   /* as an attribute of each file says */
	CONFIG_NUM_OWNERS,
};

/**
 * struct config_share - A host directory that the guest can mount by its tag
 * @option:	By which option, for messages
 * @dir:	The directory
 * @tag:	1 to 36 bytes, no other share's
 * @fs:		How it is served; without a descriptor
 * @owner:	Whose its files are
 * @mount:	Where the guest's init mounts it, normalised; NULL: nowhere
 */
struct config_share {
	const char *option;
	const char *dir;
	const char *tag;
	struct fs_config fs;
	enum config_owner owner;
	const char *mount;
};

/**
 * struct config - One invocation; all strings are borrowed from the command
 *		   line or @file, or constant
 * @command:	What to do
 * @help_on:	Command that --help was asked for; CONFIG_HELP: all of them
 * @config:	File with more options, NULL for none
 * @file:	What is borrowed from it; owned
 * @kept:	Values as they were written, for --print-config, which wants no
 *		more than to show them; NULL without it; owned
 * @name:	Name of the machine, NULL for none
 * @detach:	It goes on when `wherry run` has ended
 * @follow:	For logs: show what comes, too
 * @signal:	For kill: what to send; 0: end the machine at once
 * @rootfs:	Directory that becomes the guest's root
 * @argv:	Command and its arguments, NULL terminated
 * @kernel:	bzImage or vmlinux; NULL: the newest of the host
 * @modules:	Directory with modules.dep; NULL: found by the kernel's version
 * @initrd:	For boot: file, NULL for none
 * @append:	More words for the kernel command line, NULL for none
 * @workdir:	Working directory of the command; for exec NULL: the machine's
 * @cpus:	Number of processors
 * @cpu_parts:	Thousandths of a processor's time that the machine may use at
 *		most, if that is no whole number of processors; else 0
 * @memory:	Bytes of RAM
 * @user:	Name or number of the command's user, NULL for root
 * @group:	Name or number of its group, NULL for the user's own
 * @add_group:	Names or numbers of more groups, ending with NULL
 * @add_group_cnt: How many
 * @hostname:	The guest's name
 * @ulimit:	Limits of --ulimit, ending with one without a name
 * @pids:	How many processes and threads the command has; 0: any number
 * @tmp_size:	Bytes of a file system on /tmp; 0: there is none
 * @cap_drop:	Bits of capabilities that the command may not have ...
 * @cap_add:	... but for these
 * @env_file:	Files with variables, in their order
 * @env_file_cnt: How many
 * @env:	"K=V" or "K" of --env, in their order
 * @env_cnt:	How many
 * @root:	How ROOTFS is served; without a descriptor
 * @read_only:	ROOTFS is not written to
 * @overlay:	... nor is it if the guest writes: that goes elsewhere
 * @overlay_dir: There; NULL: the guest's memory
 * @share:	Directories to offer besides
 * @share_cnt:	How many
 * @owner:	Whose the files of all shares are that have no rules for ids
 * @stop_timeout: Seconds from a signal that tells the command to end to the
 *		machine's end
 * @timeout:	Time that the command has, as the user says it; NULL: any
 * @timeout_ns:	The same in nanoseconds
 * @output_limit: Most bytes of its output, as the user says it; NULL: any
 * @output_max:	The same as a number
 * @interactive: No terminal by itself
 * @tty:	The command gets a terminal in any case
 * @console:	Kernel messages on standard error
 * @stats:	Print the shares' counters as JSON on standard error at the end
 * @timing:	Print the times of a start as JSON on standard error at the end
 * @verbose:	Say what was chosen and why
 * @no_sandbox:	Leave the monitor all that its caller may do
 */
struct config {
	enum config_command command;
	enum config_command help_on;
	const char *config;
	struct configfile file;
	struct json_object *kept;
	const char *name;
	bool detach;
	bool follow;
	int signal;
	const char *rootfs;
	char *const *argv;
	const char *kernel;
	const char *modules;
	const char *initrd;
	const char *append;
	const char *workdir;
	unsigned int cpus;
	unsigned int cpu_parts;
	uint64_t memory;
	const char *user;
	const char *group;
	char *add_group[CONFIG_MAX_GROUPS + 1];
	unsigned int add_group_cnt;
	const char *hostname;
	struct guest_rlimit ulimit[CONFIG_MAX_ULIMITS + 1];
	uint64_t pids;
	uint64_t tmp_size;
	uint64_t cap_drop;
	uint64_t cap_add;
	const char *env_file[CONFIG_MAX_ENV_FILES];
	unsigned int env_file_cnt;
	const char *env[CONFIG_MAX_ENV];
	unsigned int env_cnt;
	struct fs_config root;
	bool read_only;
	bool overlay;
	const char *overlay_dir;
	struct config_share share[CONFIG_MAX_SHARES];
	unsigned int share_cnt;
	enum config_owner owner;
	unsigned int stop_timeout;
	const char *timeout;
	uint64_t timeout_ns;
	const char *output_limit;
	uint64_t output_max;
	bool interactive;
	bool tty;
	bool console;
	bool stats;
	bool timing;
	bool verbose;
	bool no_sandbox;
};

#endif /* VMM_CONFIG_H */
