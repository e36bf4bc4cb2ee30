/*
 * Command lines as a user types them.
 */
#include "tests/unit/command_line.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/argv.h"
#include "vmm/base/bits.h"
#include "vmm/configfile.h"

int command_line_parse(struct command_line *c, const char *text)
{
	int cnt = 0;

	configfile_destroy(&c->config.file);
	c->why.text[0] = '\0';
	snprintf(c->line, sizeof(c->line), "%s", text);
	for (char *word = strtok(c->line, " "); word;
	     word = strtok(NULL, " ")) {
		ck_assert_uint_lt((size_t)cnt + 1, ARRAY_SIZE(c->args));
		c->args[cnt++] = word;
	}
	c->args[cnt] = NULL;
	return argv_parse(&c->config, cnt, c->args, &c->why);
}

void command_line_refuse(struct command_line *c, const char *text,
			 const char *noun)
{
	ck_assert_int_eq(command_line_parse(c, text), -EINVAL);
	ck_assert_msg(strstr(c->why.text, noun), "%s: says '%s'", text,
		      c->why.text);
	ck_assert_ptr_null(strchr(c->why.text, '\n'));
}
