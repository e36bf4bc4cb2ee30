/*
 * Makes what describes the command line elsewhere from the tables of options:
 * the manual page's lists and the completions of shells. Runs at build time.
 *
 * usage: gen man TEMPLATE | gen bash | gen zsh
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vmm/config.h"
#include "vmm/options.h"
#include "vmm/share.h"

/* All commands come first that have options. */
enum { COMMANDS = CONFIG_HELP };

static const char *name_of(unsigned int command)
{
	return options_command((enum config_command)command)->name;
}

/* Does the name of a machine follow? */
static bool takes_name(unsigned int command)
{
	return strstr(options_command((enum config_command)command)->usage,
		      "NAME");
}

/* Names of the first @cnt commands. */
static void put_commands(unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++)
		printf("%s%s", i ? " " : "", name_of(i));
}

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

		for (unsigned int i = 0; i < COMMANDS; i++) {
			size_t len = strlen(name_of(i));

			if (is_list && !strncmp(line + 1, name_of(i), len) &&
			    line[len + 1] == '@')
				put_options((enum config_command)i);
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

/* Words that the last one may become, in an array. */
static void put_compgen(const char *words)
{
	printf("mapfile -t COMPREPLY < <(compgen %s -- \"$cur\")", words);
}

static int make_bash(void)
{
	puts("# Completion of wherry for bash; made from its table of "
	     "options.\n"
	     "_wherry()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
	     "options='' names='' commands");
	printf("\tcommands='");
	put_commands(CONFIG_NUM_COMMANDS);
	printf("'\n\tif ((COMP_CWORD == 1)); then\n\t\t");
	put_compgen("-W \"$commands\"");
	puts("\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in");
	for (unsigned int i = 0; i < COMMANDS; i++) {
		printf("\t%s) options='", name_of(i));
		put_words((enum config_command)i);
		printf("'%s ;;\n",
		       takes_name(i) && i != CONFIG_RUN ? " names=y" : "");
	}
	printf("\thelp) options=$commands ;;\n"
	       "\tesac\n"
	       "\tif [[ $cur == -* || ${COMP_WORDS[1]} == help ]]; then\n\t\t");
	put_compgen("-W \"$options\"");
	printf("\n\telif [[ $names ]] && ((COMP_CWORD == 2)); then\n\t\t");
	put_compgen("-W \"$(wherry ps 2>/dev/null | sed '1d; s/ .*//')\"");
	printf("\n\telse\n\t\t");
	put_compgen("-f");
	puts("\n\tfi\n}\ncomplete -o filenames -F _wherry wherry");
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

	printf("#compdef wherry\n"
	       "# Completion of wherry for zsh; made from its table of "
	       "options.\n"
	       "if ((CURRENT == 2)); then\n\tcompadd ");
	put_commands(CONFIG_NUM_COMMANDS);
	puts("\n\treturn\nfi\n"
	     "shift words\n((CURRENT--))\ncase ${words[1]} in");
	for (unsigned int i = 0; i < COMMANDS; i++) {
		printf("%s)\n\t_arguments -S", name_of(i));
		for (unsigned int k = 0;
		     options_word((enum config_command)i, k, &words); k++)
			put_zsh_option(&words);
		if (takes_name(i) && i != CONFIG_RUN)
			printf(" \\\n\t\t'1:name:($(wherry ps 2>/dev/null | "
			       "sed \"1d; s/ .*//\"))'");
		puts(" '*:file:_files'\n\t;;");
	}
	printf("help) compadd ");
	put_commands(COMMANDS);
	puts(" ;;\nesac");
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
