/*
 * Command lines as a user types them, for tests of what becomes of them.
 */
#ifndef TESTS_UNIT_COMMAND_LINE_H
#define TESTS_UNIT_COMMAND_LINE_H

#include "vmm/base/fail.h"
#include "vmm/config.h"

enum { COMMAND_LINE_LEN = 512 };

/**
 * struct command_line - One command line
 * @config:	What was understood of it; strings are in @line
 * @why:	What was wrong with it
 * @line:	Copy of it, cut up
 * @args:	Its words
 */
struct command_line {
	struct config config;
	struct fail why;
	char line[COMMAND_LINE_LEN];
	char *args[33];
};

/**
 * command_line_parse() - Parse a text as a shell would split it, without quotes
 *
 * Return: as argv_parse()
 */
int command_line_parse(struct command_line *c, const char *text);

/** command_line_refuse() - A text is refused, in one line that has @noun in it
 */
void command_line_refuse(struct command_line *c, const char *text,
			 const char *noun);

#endif /* TESTS_UNIT_COMMAND_LINE_H */
