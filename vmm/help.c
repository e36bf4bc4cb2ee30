/*
 * --help: how to use a command.
 */
#include "vmm/help.h"

#include "vmm/options.h"
#include "vmm/share.h"

static void print_option(FILE *to, const struct option_words *words)
{
	bool optional = words->arg && words->arg[0] == '[';
	char left[40];

	snprintf(left, sizeof(left), "--%s%s%s", words->name,
		 words->arg && !optional ? " " : "",
		 words->arg ? words->arg : "");
	fprintf(to, "  %-24s %s\n", left, words->help);
}

static void print_command(FILE *to, enum config_command command)
{
	const struct command_words *of = options_command(command);
	struct option_words words;

	fprintf(to, "Usage: wherry %s %s\n\n%s\n\nOptions:\n", of->name,
		of->usage, of->summary);
	for (unsigned int i = 0; options_word(command, i, &words); i++)
		print_option(to, &words);
	if (command != CONFIG_RUN && command != CONFIG_BOOT)
		return;
	fputs("\nOptions of shares:\n", to);
	share_print_options(to);
}

void help_print(FILE *to, enum config_command command)
{
	struct option_words words;

	if (options_word(command, 0, &words)) {
		print_command(to, command);
		return;
	}
	fputs("Usage: wherry COMMAND ...\n\n", to);
	for (unsigned int i = 0; i < CONFIG_NUM_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", options_command(i)->name,
			options_command(i)->summary);
	fputs("\nwherry help COMMAND shows the options of a command.\n", to);
}
