/*
 * Subordinate ids (subuid(5), subgid(5)).
 */
#include "vmm/sandbox/subid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/parse.h"

/* (uid_t)-1 means "no id" to the kernel. */
static const uint64_t ID_MAX = UINT32_MAX - 1;

/* The owner of a range is a login name or a number. */
static bool is_owner(const char *word, uid_t uid, const char *name)
{
	uint64_t number;

	if (!word[0])
		return false;
	if (name && !strcmp(word, name))
		return true;
	return !parse_uint(word, 0, ID_MAX, &number) && number == uid;
}

/* Read a line, which is cut up: is it a range of this user? */
static bool parse_line(char *line, uid_t uid, const char *name,
		       struct subid_range *range)
{
	const char *owner = strsep(&line, ":");
	const char *first_word = strsep(&line, ":");
	uint64_t first, count;

	if (!first_word || !line || !is_owner(owner, uid, name) ||
	    parse_uint(first_word, 1, ID_MAX, &first) ||
	    parse_uint(line, 1, ID_MAX - first + 1, &count))
		return false;
	*range = (struct subid_range){(uint32_t)first, (uint32_t)count};
	return true;
}

int subid_find(const char *path, uid_t uid, const char *name,
	       struct subid_range *out)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int err;

	if (!file)
		return -errno;
	errno = 0;
	while (!found && (len = getline(&line, &room, file)) >= 0) {
		if (len && line[len - 1] == '\n')
			line[--len] = '\0';
		/* A NUL would hide what follows it. */
		found = strlen(line) == (size_t)len &&
			parse_line(line, uid, name, out);
	}
	err = found ? 0 : -errno;
	if (!found && !err)
		err = -ENOENT;
	free(line);
	fclose(file);
	return err;
}
