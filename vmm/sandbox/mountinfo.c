/*
 * Lines of /proc/PID/mountinfo (proc(5)):
 *
 *   ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [FIELD...] - TYPE ...
 */
#include "vmm/sandbox/mountinfo.h"

#include <string.h>

static bool is_escape(const char *text)
{
	return text[0] == '\\' && strspn(text + 1, "01234567") >= 3;
}

/* Spaces and the like are written as three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (is_escape(from)) {
			*to = (char)((from[1] - '0') << 6 |
				     (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

bool mountinfo_parse(struct mountinfo *m, char *line)
{
	enum { ID, PARENT, DEVICE, ROOT, POINT, NUM_FIELDS };
	char *type = strstr(line, " - ");
	char *field[NUM_FIELDS];

	if (!type)
		return false;
	*type = '\0';
	type += strlen(" - ");
	type[strcspn(type, " \n")] = '\0';
	for (int i = 0; i < NUM_FIELDS; i++) {
		field[i] = strsep(&line, " ");
		if (!field[i])
			return false;
	}
	unescape(field[ROOT]);
	unescape(field[POINT]);
	*m = (struct mountinfo){field[ID], field[ROOT], field[POINT], type};
	return true;
}
