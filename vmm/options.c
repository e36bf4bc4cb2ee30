/*
 * The command line: one table of options for parser, --help and --config.
 */
#include "vmm/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/arguments.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/nearest.h"
#include "vmm/configfile.h"
#include "vmm/owner.h"
#include "vmm/printconfig.h"
#include "vmm/setting.h"
#include "vmm/share.h"

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

#define MEMORY_DEFAULT MIB(512)

static char default_shell[] = "/bin/sh";
static char *const default_argv[] = {default_shell, NULL};

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
	return printconfig_begin(config, fail);
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

int options_set(const struct option_row *row, struct config *config,
		char *value, struct fail *fail)
{
	char *field = (char *)config + row->field;

	printconfig_keep(config, row->name, options_may_repeat(row), value);
	if (row->parse)
		return row->parse(config, value, fail);
	if (row->arg)
		memcpy(field, &value, sizeof(value));
	else
		*field = true;
	return 0;
}

/* An argument that may be left out is written in brackets. */
static int arg_kind(const char *arg)
{
	if (!arg)
		return no_argument;
	return arg[0] == '[' ? optional_argument : required_argument;
}

/* These say where options are from, or what for, or that none matter. */
static bool is_early(const struct option_row *row)
{
	return row->parse == opt_config || row->parse == opt_help ||
	       row->parse == opt_print_config;
}

static bool is_key(const struct option_row *row, enum config_command command)
{
	return (row->commands & BIT(command)) && !is_early(row);
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
	return arg_kind(row->arg) == no_argument;
}

bool options_needs_value(const struct option_row *row)
{
	return arg_kind(row->arg) == required_argument;
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

/* What getopt_long() returns for the first row: no letter. */
enum { FIRST_ROW = 256 };

/* getopt_long() wants its own form; @longs has room for rows and an end. */
static void make_longs(struct option *longs, unsigned int command)
{
	unsigned int cnt = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(rows[i].commands & BIT(command)))
			continue;
		longs[cnt++] = (struct option){
			.name = rows[i].name,
			.has_arg = arg_kind(rows[i].arg),
			.val = FIRST_ROW + (int)i,
		};
	}
	longs[cnt] = (struct option){0};
}

/* Short forms. */
static const struct {
	char letter;
	const char *name;
} letters[] = {
	{'i', "interactive"}, {'t', "tty"},    {'v', "volume"},
	{'s', "signal"},      {'f', "follow"},
};
enum { SHORTS_LEN = 2 * ARRAY_SIZE(letters) + 3 };

static char letter_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		if (strcmp(letters[i].name, name) == 0)
			return letters[i].letter;
	}
	return 0;
}

static int find_letter(int letter)
{
	int row = 0;

	while (letter_of(rows[row].name) != letter)
		row++;
	return row;
}

/* As getopt() wants them. Behind a first word there may be a command, which has
 * options of its own.
 */
static void make_shorts(char shorts[SHORTS_LEN], unsigned int command)
{
	char *at = stpcpy(shorts, BIT(command) & FOR_COMMANDS ? "+:" : ":");

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		const struct option_row *row =
			&rows[find_letter(letters[i].letter)];

		if (!(row->commands & BIT(command)))
			continue;
		*at++ = letters[i].letter;
		if (row->arg)
			*at++ = ':';
	}
	*at = '\0';
}

const struct command_words *options_command(enum config_command command)
{
	return &commands[command];
}

bool options_word(enum config_command command, unsigned int idx,
		  struct option_words *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(rows[i].commands & BIT(command)) || idx--)
			continue;
		*words = (struct option_words){
			.name = rows[i].name,
			.arg = rows[i].arg,
			.help = rows[i].help,
			.letter = letter_of(rows[i].name),
		};
		return true;
	}
	return false;
}

static int unknown_option(enum config_command command, const char *word,
			  struct fail *fail)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	const char *name = is_long ? word + 2 : "";
	struct nearest nearest = {name, strcspn(name, "="), NULL, 0};

	options_offer(command, &nearest);
	if (BIT(command) & FOR_BOTH)
		nearest_offer(&nearest, "config");
	nearest_offer(&nearest, "help");
	return fail_set(fail, -EINVAL,
			"option %s: unknown%s%s%s; see wherry %s --help", word,
			nearest.word ? ", did you mean --" : "",
			nearest.word ? nearest.word : "",
			nearest.word ? "?" : "", commands[command].name);
}

/* Take options up to the first argument, the early ones or the others; its
 * index, or -EINVAL.
 */
static int parse_options(struct config *config, int argc, char **argv,
			 bool early, struct fail *fail)
{
	struct option longs[ARRAY_SIZE(rows) + 1];
	enum config_command command = config->command;
	char shorts[SHORTS_LEN];
	int found, row, err;

	make_longs(longs, command);
	make_shorts(shorts, command);
	optind = 0; /* start over, glibc's way */
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (found == ':')
			return fail_set(fail, -EINVAL,
					"option %s: needs a value; see wherry "
					"%s --help",
					argv[optind - 1],
					commands[command].name);
		if (found == '?')
			return unknown_option(command, argv[optind - 1], fail);
		row = found < FIRST_ROW ? find_letter(found)
					: found - FIRST_ROW;
		if (is_early(&rows[row]) != early)
			continue;
		err = options_set(&rows[row], config, optarg, fail);
		if (err || config->command == CONFIG_HELP)
			return err;
	}
	return optind;
}

static int find_command(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return CONFIG_HELP;
	if (strcmp(word, "--version") == 0)
		return CONFIG_VERSION;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(word, commands[i].name) == 0)
			return (int)i;
	}
	return -1;
}

static int unknown_command(const char *word, struct fail *fail)
{
	struct nearest nearest = {word, strlen(word), NULL, 0};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		nearest_offer(&nearest, commands[i].name);
	return fail_set(
		fail, -EINVAL, "command %s: unknown%s%s%s; see wherry --help",
		word, nearest.word ? ", did you mean " : "",
		nearest.word ? nearest.word : "", nearest.word ? "?" : "");
}

static int parse_command(struct config *config, int argc, char **argv,
			 struct fail *fail)
{
	int first = parse_options(config, argc, argv, true, fail);
	int err = 0;

	if (first < 0 || config->command == CONFIG_HELP)
		return MIN(first, 0);
	if (config->config)
		err = configfile_read(&config->file, config, config->config,
				      fail);
	if (err)
		return err;
	first = parse_options(config, argc, argv, false, fail);
	if (first < 0)
		return first;
	if (arguments_settle(config, fail))
		return -EINVAL;
	config->root.stats = config->stats;
	for (unsigned int i = 0; i < config->share_cnt; i++) {
		config->share[i].fs.stats = config->stats;
		config->share[i].owner = config->owner;
	}
	return arguments_take(config, argv + first, fail);
}

int options_parse(struct config *config, int argc, char **argv,
		  struct fail *fail)
{
	const char *word = argc > 1 ? argv[1] : "help";
	int command = find_command(word);

	*config = (struct config){
		.help_on = CONFIG_HELP,
		.argv = default_argv,
		.hostname = "wherry",
		.root = SHARE_DEFAULTS,
		.cpus = 1,
		.memory = MEMORY_DEFAULT,
		.stop_timeout = 10,
	};
	if (command < 0)
		return unknown_command(word, fail);
	if (command == CONFIG_RUN)
		config->workdir = "/";
	config->command = command;
	if (BIT(command) & FOR_ALL)
		return parse_command(config, argc - 1, argv + 1, fail);
	if (command == CONFIG_HELP && argc > 2) {
		command = find_command(argv[2]);
		if (command < 0)
			return unknown_command(argv[2], fail);
		config->help_on = command;
	}
	return 0;
}
