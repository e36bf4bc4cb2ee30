/*
 * Makes what describes the command line elsewhere from the tables of options:
 * the manual page's lists and the completions of shells. Runs at build time.
 *
 * usage: gen man TEMPLATE | gen bash | gen zsh
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/config.h"
#include "vmm/options.h"
#include "vmm/share.h"

/* Commands with options, by their names. */
static const struct {
	const char *name;
	enum config_command command;
} commands[] = {
	{"run", CONFIG_RUN},
	{"boot", CONFIG_BOOT},
	{"doctor", CONFIG_DOCTOR},
};

/* A line of text must not look like a macro (mdoc(7)). */
static void put_mdoc(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	}
	putchar('\n');
}

static void put_item(const struct option_words *words)
{
	const char *arg = words->arg ? words->arg : "";

	printf(".It");
	if (words->letter)
		printf(" Fl %c ,", words->letter);
	printf(" Fl \\-%s", words->name);
	if (*arg)
		printf("%s Ar %s", *arg == '[' ? " Ns" : "", arg);
	putchar('\n');
	put_mdoc(words->help);
}

static void put_options(enum config_command command)
{
	struct option_words words;

	for (unsigned int i = 0; options_word(command, i, &words); i++)
		put_item(&words);
}

static void put_share_options(void)
{
	struct option_words words;

	for (unsigned int i = 0; share_option(i, &words); i++) {
		printf(".It Cm %s%s", words.name,
		       words.arg ? " Ns = Ns Ar " : "");
		puts(words.arg ? words.arg : "");
		put_mdoc(words.help);
	}
}

/* Lines "@NAME@" of the template stand for lists. */
static int make_man(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		return 1;
	while (fgets(line, sizeof(line), file)) {
		bool is_list = line[0] == '@';

		for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
			if (is_list && !strncmp(line + 1, commands[i].name,
						strlen(commands[i].name)))
				put_options(commands[i].command);
		}
		if (!strcmp(line, "@shares@\n"))
			put_share_options();
		else if (!is_list)
			fputs(line, stdout);
	}
	fclose(file);
	return 0;
}

/* "--NAME" of all options of a command. */
static void put_words(enum config_command command)
{
	struct option_words words;

	for (unsigned int i = 0; options_word(command, i, &words); i++)
		printf("%s--%s", i ? " " : "", words.name);
}

static int make_bash(void)
{
	puts("# Completion of wherry for bash; made from its table of "
	     "options.\n"
	     "_wherry()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} options=\n"
	     "\tif ((COMP_CWORD == 1)); then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W 'run boot doctor help "
	     "version' "
	     "-- \"$cur\")\n\t\treturn\n\tfi\n"
	     "\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		printf("\t%s) options='", commands[i].name);
		put_words(commands[i].command);
		puts("' ;;");
	}
	puts("\thelp) mapfile -t COMPREPLY < <(compgen -W 'run boot doctor' -- "
	     "\"$cur\")\n"
	     "\t\treturn ;;\n\tesac\n"
	     "\tif [[ $cur == -* ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- "
	     "\"$cur\")\n"
	     "\telse\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\tfi\n}\n"
	     "complete -o filenames -F _wherry wherry");
	return 0;
}

/* In an argument of _arguments: quoted, without what that understands. */
static void put_zsh(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void put_zsh_option(const struct option_words *words)
{
	bool optional = words->arg && words->arg[0] == '[';

	printf(" \\\n\t\t'*--%s%s[", words->name,
	       !words->arg ? ""
	       : optional  ? "=-"
			   : "=");
	put_zsh(words->help);
	putchar(']');
	if (words->arg) {
		printf("%s:", optional ? ":" : "");
		printf("%s:_files", words->name);
	}
	putchar('\'');
}

static int make_zsh(void)
{
	struct option_words words;

	puts("#compdef wherry\n"
	     "# Completion of wherry for zsh; made from its table of options.\n"
	     "if ((CURRENT == 2)); then\n"
	     "\tcompadd run boot doctor help version\n\treturn\nfi\n"
	     "shift words\n((CURRENT--))\ncase ${words[1]} in");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		printf("%s)\n\t_arguments -S", commands[i].name);
		for (unsigned int k = 0;
		     options_word(commands[i].command, k, &words); k++)
			put_zsh_option(&words);
		puts(" '*:file:_files'\n\t;;");
	}
	puts("help) compadd run boot doctor ;;\nesac");
	return 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc == 3 && !strcmp(argv[1], "man"))
		status = make_man(argv[2]);
	else if (argc == 2 && !strcmp(argv[1], "bash"))
		status = make_bash();
	else if (argc == 2 && !strcmp(argv[1], "zsh"))
		status = make_zsh();
	return fflush(stdout) || ferror(stdout) ? 1 : status;
}
