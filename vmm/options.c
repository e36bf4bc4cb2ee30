/*
 * Options: one table for the command line, --help and --config.
 */
#include "vmm/options.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/nearest.h"
#include "vmm/kept.h"
#include "vmm/owner.h"
#include "vmm/setting.h"

enum {
	FOR_RUN = BIT(CONFIG_RUN),
	FOR_BOOT = BIT(CONFIG_BOOT),
	FOR_BOTH = FOR_RUN | FOR_BOOT,
	FOR_EXEC = BIT(CONFIG_EXEC),
	FOR_KILL = BIT(CONFIG_KILL),
	FOR_COMMANDS = FOR_RUN | FOR_EXEC,
	FOR_ALL = FOR_BOTH | FOR_EXEC | BIT(CONFIG_PS) | BIT(CONFIG_LOGS) |
		  BIT(CONFIG_STOP) | FOR_KILL | BIT(CONFIG_WAIT) |
		  BIT(CONFIG_DOCTOR),
};

static const struct command_words commands[] = {
	[CONFIG_RUN] = {"run", "[OPTIONS] ROOTFS [--] [COMMAND [ARG...]]",
			"run a command in a microVM whose root is a directory"},
	[CONFIG_BOOT] = {"boot", "--kernel FILE [OPTIONS]",
			 "boot a kernel with its serial console on stdio"},
	[CONFIG_EXEC] = {"exec", "[OPTIONS] NAME [--] [COMMAND [ARG...]]",
			 "run one more command in a machine that has a name"},
	[CONFIG_PS] = {"ps", "", "list the machines that have names"},
	[CONFIG_LOGS] = {"logs", "[OPTIONS] NAME",
			 "show what a machine has written that is detached"},
	[CONFIG_STOP] = {"stop", "NAME",
			 "tell a machine's command to end (TERM), and wait"},
	[CONFIG_KILL] = {"kill", "NAME [-s SIGNAL]",
			 "end a machine at once, or send its command a signal"},
	[CONFIG_WAIT] = {"wait", "NAME",
			 "wait for a machine's end, and have its status"},
	[CONFIG_DOCTOR] = {"doctor", "",
			   "say what this host offers and lacks, line by line; "
			   "status 1 if run cannot work"},
	[CONFIG_HELP] = {"help", "[COMMAND]", "show how to use a command"},
	[CONFIG_VERSION] = {"version", "", "show the version"},
};
_Static_assert(ARRAY_SIZE(commands) == CONFIG_NUM_COMMANDS, "a row for each");

/* As those of vmm/setting.h */
typedef int option_fn(struct config *config, char *value, struct fail *fail);

static int opt_help(struct config *config, char *value, struct fail *fail)
{
	(void)value;
	(void)fail;
	config->help_on = config->command;
	config->command = CONFIG_HELP;
	return 0;
}

static int opt_config(struct config *config, char *value, struct fail *fail)
{
	if (config->config)
		return fail_set(fail, -EINVAL,
				"--config %s: not the first; give one file",
				value);
	config->config = value;
	return 0;
}

static int opt_print_config(struct config *config, char *value,
			    struct fail *fail)
{
	(void)value;
	return kept_begin(config, fail);
}

/* In the order of --help. A row stores its value itself (@parse), or as text or
 * switch in the field of struct config at @field; a switch has no @arg. Which
 * ones may be repeated is what @help says.
 */
static const struct option_row {
	const char *name;
	const char *arg;
	option_fn *parse;
	size_t field;
	unsigned int commands;
	const char *help;
} rows[] = {
#define FIELD(name) NULL, offsetof(struct config, name)
	{"config", "FILE", opt_config, 0, FOR_BOTH,
	 "options as JSON, e.g. {\"memory\": \"2G\"}, which those of the "
	 "command line outrank"},
	{"print-config", NULL, opt_print_config, 0, FOR_RUN,
	 "run nothing, but print what would run, as --config takes it"},
	{"name", "NAME", setting_name, 0, FOR_RUN,
	 "let exec, ps, stop, kill and wait find the machine by NAME"},
	{"detach", NULL, FIELD(detach), FOR_RUN,
	 "return when the command runs; its output is kept for logs"},
	{"kernel", "FILE", FIELD(kernel), FOR_BOTH,
	 "bzImage or ELF vmlinux; for run, the newest readable "
	 "/boot/vmlinuz-* that has modules"},
	{"modules", "DIR", FIELD(modules), FOR_RUN,
	 "the kernel's modules, e.g. /lib/modules/VERSION"},
	{"initrd", "FILE", FIELD(initrd), FOR_BOOT, "initial RAM file system"},
	{"append", "STRING", FIELD(append), FOR_BOTH,
	 "more words for the kernel command line"},
	{"cpus", "N", setting_cpus, 0, FOR_BOTH,
	 "processors, 1 to 32 (1); 0.5 or 1.5 limit the time of all threads"},
	{"memory", "SIZE", setting_memory, 0, FOR_BOTH, "RAM, e.g. 2G (512M)"},
	{"share", "HOST:TAG[:OPT...]", setting_share, 0, FOR_BOTH,
	 "offer the directory HOST as virtio-fs TAG, to be mounted in the "
	 "guest; may be repeated"},
	{"volume", "HOST:GUEST[:OPT...]", setting_volume, 0, FOR_RUN,
	 "or -v: mount HOST, a directory or one file, at GUEST; may be "
	 "repeated"},
	{"ro", NULL, FIELD(read_only), FOR_RUN,
	 "refuse every change of ROOTFS"},
	{"overlay", "[=DIR]", setting_overlay, 0, FOR_RUN,
	 "leave ROOTFS as it is, whatever the guest changes: that goes to "
	 "memory, "
	 "or to DIR"},
	{"root-options", "OPT[:OPT...]", setting_root_options, 0, FOR_RUN,
	 "how ROOTFS is shared"},
	{"owner", OWNER_WORDS, setting_owner, 0, FOR_BOTH,
	 "whose files are: the host's owners (map), all root's (squash), or "
	 "as an attribute of each file says (xattr: the default for users "
	 "without subordinate ids)"},
	{"user", "UID[:GID]|NAME[:GROUP]", setting_user, 0, FOR_RUN,
	 "who the command is, by the guest's /etc/passwd and /etc/group "
	 "(root)"},
	{"group-add", "GID|NAME", setting_group_add, 0, FOR_RUN,
	 "one more group of the command; may be repeated"},
	{"env", "NAME[=VALUE]", setting_env, 0, FOR_COMMANDS,
	 "variable for the command, NAME alone: yours; may be repeated"},
	{"env-file", "FILE", setting_env_file, 0, FOR_COMMANDS,
	 "lines NAME=VALUE, NAME or # COMMENT; may be repeated"},
	{"hostname", "NAME", setting_hostname, 0, FOR_RUN,
	 "the guest's name (wherry)"},
	{"ulimit", "NAME=SOFT[:HARD]", setting_ulimit, 0, FOR_RUN,
	 "limit of the command, a number or unlimited; NAME is one "
	 "of " SETTING_ULIMIT_NAMES "; may be repeated"},
	{"pids", "N", setting_pids, 0, FOR_RUN,
	 "processes and threads that the command and its children may be"},
	{"tmp-size", "SIZE", setting_tmp_size, 0, FOR_RUN,
	 "a file system of that size on /tmp, in the guest's memory"},
	{"cap-drop", "NAME|ALL", setting_cap_drop, 0, FOR_RUN,
	 "capability that the command may not have; may be repeated"},
	{"cap-add", "NAME", setting_cap_add, 0, FOR_RUN,
	 "... but this one, whatever is dropped; may be repeated"},
	{"workdir", "DIR", setting_workdir, 0, FOR_RUN,
	 "working directory of the command (/)"},
	{"user", "UID[:GID]|NAME[:GROUP]", setting_user, 0, FOR_EXEC,
	 "who the command is (as the machine's)"},
	{"workdir", "DIR", setting_workdir, 0, FOR_EXEC,
	 "working directory of the command (the machine's)"},
	{"interactive", NULL, FIELD(interactive), FOR_COMMANDS,
	 "or -i: three streams and no terminal, unless -t is given as well"},
	{"tty", NULL, FIELD(tty), FOR_COMMANDS,
	 "or -t: a terminal for the command, as it gets by itself if standard "
	 "input and output are terminals"},
	{"stop-timeout", "SECONDS", setting_stop_timeout, 0, FOR_RUN,
	 "time that the command gets to end after a signal that tells it to "
	 "(10)"},
	{"timeout", "TIME", setting_timeout, 0, FOR_RUN,
	 "tell the command to end (TERM) after TIME, e.g. 90, 1.5m or 2h; then "
	 "the status is 124"},
	{"output-limit", "SIZE", setting_output_limit, 0, FOR_RUN,
	 "end the machine when standard output and error are more than that "
	 "together"},
	{"console", NULL, FIELD(console), FOR_RUN,
	 "kernel messages on standard error"},
	{"timing", NULL, FIELD(timing), FOR_BOTH,
	 "print the times of the start as JSON on standard error"},
	{"stats", NULL, FIELD(stats), FOR_BOTH,
	 "print the shares' counters and latencies as JSON on standard error"},
	{"verbose", NULL, FIELD(verbose), FOR_BOTH, "say what was chosen"},
	{"no-sandbox", NULL, FIELD(no_sandbox), FOR_BOTH,
	 "leave the monitor all that you may do, for a guest that breaks out"},
	{"follow", NULL, FIELD(follow), BIT(CONFIG_LOGS),
	 "or -f: show what comes, too, until the machine ends"},
	{"signal", "SIGNAL", setting_signal, 0, FOR_KILL,
	 "or -s: a name or number, of those that run passes on, and KILL"},
	{"help", NULL, opt_help, 0, FOR_ALL, "show this"},
#undef FIELD
};
_Static_assert(ARRAY_SIZE(rows) <= OPTIONS_MAX, "as many as there may be");

int options_set(const struct option_row *row, struct config *config,
		char *value, struct fail *fail)
{
	char *field = (char *)config + row->field;

	kept_add(config, row->name, options_may_repeat(row), value);
	if (row->parse)
		return row->parse(config, value, fail);
	if (row->arg)
		memcpy(field, &value, sizeof(value));
	else
		*field = true;
	return 0;
}

bool options_is_early(const struct option_row *row)
{
	return row->parse == opt_config || row->parse == opt_help ||
	       row->parse == opt_print_config;
}

static bool is_key(const struct option_row *row, enum config_command command)
{
	return (row->commands & BIT(command)) && !options_is_early(row);
}

const struct option_row *options_find(enum config_command command,
				      const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (is_key(&rows[i], command) &&
		    strcmp(name, rows[i].name) == 0)
			return &rows[i];
	}
	return NULL;
}

bool options_is_switch(const struct option_row *row)
{
	return !row->arg;
}

bool options_needs_value(const struct option_row *row)
{
	/* An argument that may be left out is written in brackets. */
	return row->arg && row->arg[0] != '[';
}

bool options_may_repeat(const struct option_row *row)
{
	return strstr(row->help, "may be repeated") ||
	       strstr(row->help, "May be repeated");
}

void options_offer(enum config_command command, struct nearest *nearest)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (is_key(&rows[i], command))
			nearest_offer(nearest, rows[i].name);
	}
}

/* Short forms. */
static const struct {
	char letter;
	const char *name;
} letters[] = {
	{'i', "interactive"}, {'t', "tty"},    {'v', "volume"},
	{'s', "signal"},      {'f', "follow"},
};

static char letter_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		if (strcmp(letters[i].name, name) == 0)
			return letters[i].letter;
	}
	return 0;
}

const struct command_words *options_command(enum config_command command)
{
	return &commands[command];
}

const struct option_row *options_at(enum config_command command,
				    unsigned int idx)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((rows[i].commands & BIT(command)) && !idx--)
			return &rows[i];
	}
	return NULL;
}

bool options_word(enum config_command command, unsigned int idx,
		  struct option_words *words)
{
	const struct option_row *row = options_at(command, idx);

	if (!row)
		return false;
	*words = (struct option_words){
		.name = row->name,
		.arg = row->arg,
		.help = row->help,
		.letter = letter_of(row->name),
	};
	return true;
}
