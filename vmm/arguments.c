/*
 * What follows the options of a command, and what options mean together.
 */
#include "vmm/arguments.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/config.h"
#include "vmm/options.h"
#include "vmm/volume.h"

/* Of a log that nobody limits, so much is kept. */
#define LOG_MAX MIB(64)

/* In whatever order things were said. */
int arguments_settle(struct config *config, struct fail *fail)
{
	config->root.read_only |= config->read_only || config->overlay;
	if (config->detach && !config->name)
		return fail_set(fail, -EINVAL,
				"--detach: the machine has no name; give "
				"--name NAME");
	if (config->detach && config->tty)
		return fail_set(fail, -EINVAL,
				"--tty: a machine that is detached has no "
				"terminal; use wherry exec -t");
	if (config->detach && !config->output_limit)
		config->output_max = LOG_MAX;
	return volume_add_upper(config, fail);
}

/* ROOTFS may be the file's: then a "--" is before the command at once. */
static int take_run(struct config *config, char **args, struct fail *fail)
{
	bool has_root = config->rootfs && strcmp(args[-1], "--") == 0;

	if (!args[0] && !config->rootfs)
		return fail_set(fail, -EINVAL,
				"ROOTFS: missing; see wherry run --help");
	if (args[0] && !has_root) {
		config->rootfs = *args++;
		if (args[0] && strcmp(args[0], "--") == 0)
			args++;
	}
	if (args[0])
		config->argv = args;
	return 0;
}

static int take_boot(struct config *config, char **args, struct fail *fail)
{
	if (args[0])
		return fail_set(fail, -EINVAL,
				"argument %s: boot takes options only; see "
				"wherry boot --help",
				args[0]);
	if (!config->kernel)
		return fail_set(fail, -EINVAL,
				"--kernel: missing; see wherry boot --help");
	return 0;
}

static int take_none(const struct config *config, char **args,
		     struct fail *fail)
{
	const char *command = options_command(config->command)->name;

	return args[0] ? fail_set(fail, -EINVAL,
				  "argument %s: %s takes none; see wherry "
				  "%s --help",
				  args[0], command, command)
		       : 0;
}

static int take_name(struct config *config, char **args, struct fail *fail)
{
	if (!args[0])
		return fail_set(fail, -EINVAL,
				"NAME: missing; see wherry %s --help",
				options_command(config->command)->name);
	config->name = args[0];
	return 0;
}

static int take_exec(struct config *config, char **args, struct fail *fail)
{
	int err = take_name(config, args, fail);

	if (err)
		return err;
	if (*++args && strcmp(args[0], "--") == 0)
		args++;
	if (args[0])
		config->argv = args;
	return 0;
}

static int take_name_only(struct config *config, char **args, struct fail *fail)
{
	int err = take_name(config, args, fail);
	const char *command = options_command(config->command)->name;

	if (!err && args[1])
		return fail_set(fail, -EINVAL,
				"argument %s: %s takes one NAME; see wherry "
				"%s --help",
				args[1], command, command);
	return err;
}

int arguments_take(struct config *config, char **args, struct fail *fail)
{
	switch (config->command) {
	case CONFIG_RUN:
		return take_run(config, args, fail);
	case CONFIG_BOOT:
		return take_boot(config, args, fail);
	case CONFIG_EXEC:
		return take_exec(config, args, fail);
	case CONFIG_LOGS:
	case CONFIG_STOP:
	case CONFIG_KILL:
	case CONFIG_WAIT:
		return take_name_only(config, args, fail);
	case CONFIG_PS:
	case CONFIG_DOCTOR:
	case CONFIG_HELP:
	case CONFIG_VERSION:
	case CONFIG_NUM_COMMANDS:
		break;
	}
	return take_none(config, args, fail);
}
