/*
 * Translations of ids as the user writes them: RULE[+RULE...].
 */
#include "vmm/idrules.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "devices/fs/idmap.h"
#include "vmm/base/bits.h"
#include "vmm/base/parse.h"

enum {
	RULE_LEN = 48, /* a name and three numbers of ten digits */
	NUM_FIELDS = 3,
};

/* A rule's words, and where its numbers go: guest, host, count. */
static const struct form {
	const char *name;
	size_t field_cnt;
	size_t field[NUM_FIELDS];
} forms[] = {
#define FIELD(name) offsetof(struct idmap_rule, name)
	[IDMAP_MAP] = {"map", 3, {FIELD(guest), FIELD(host), FIELD(count)}},
	[IDMAP_SQUASH] = {"squash",
			  3,
			  {FIELD(guest), FIELD(host), FIELD(count)}},
	[IDMAP_SHOW] = {"show", 3, {FIELD(host), FIELD(guest), FIELD(count)}},
	[IDMAP_FORBID] = {"forbid", 2, {FIELD(guest), FIELD(count)}},
#undef FIELD
};
static_assert(ARRAY_SIZE(forms) == IDMAP_NUM_KINDS, "a row for each");

static bool parse_fields(struct idmap_rule *rule, char *text)
{
	const struct form *form = &forms[rule->kind];
	uint64_t number;
	uint32_t field;

	for (size_t i = 0; i < form->field_cnt; i++) {
		const char *word = strsep(&text, "/");

		if (!word || parse_uint(word, 0, UINT32_MAX, &number))
			return false;
		field = (uint32_t)number;
		memcpy((char *)rule + form->field[i], &field, sizeof(field));
	}
	return !text;
}

static bool parse_rule(struct idmap_rule *rule, const char *text)
{
	char copy[RULE_LEN];
	char *rest = copy;
	const char *name;

	if (snprintf(copy, sizeof(copy), "%s", text) >= RULE_LEN)
		return false;
	name = strsep(&rest, "/");
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		*rule = (struct idmap_rule){.kind = i};
		if (!strcmp(forms[i].name, name))
			return parse_fields(rule, rest);
	}
	return false;
}

static_assert(IDMAP_MAX_RULES == 16, "a message says so");

const char *idrules_parse(struct idmap *map, char **text)
{
	struct idmap_rule rule;
	char *next = *text;

	*map = (struct idmap){0};
	while (next) {
		*text = strsep(&next, "+");
		if (!parse_rule(&rule, *text))
			return "not a rule; rules are " IDRULES_FORMS;
		switch (idmap_add(map, &rule)) {
		case 0:
			break;
		case -EEXIST:
			return "an id of it has a rule already; let ranges not "
			       "overlap";
		case -ENOSPC:
			return "too many rules; 16 are possible";
		default:
			return "not a range of ids; they go from 0 to "
			       "4294967294";
		}
	}
	return NULL;
}
