/*
 * Translations of user ids, or of group ids, between guest and host.
 */
#include "devices/fs/idmap.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "vmm/base/bits.h"

/* How many ids a rule has in the guest and on the host: none, one, or its
 * count; and in which directions it is asked.
 */
static const struct {
	bool to_host;
	bool to_guest;
	bool many_in_guest;
	bool many_on_host;
} kinds[] = {
	[IDMAP_MAP] = {true, true, true, true},
	[IDMAP_SQUASH] = {true, false, true, false},
	[IDMAP_SHOW] = {false, true, false, true},
	[IDMAP_FORBID] = {true, false, true, false},
};
static_assert(ARRAY_SIZE(kinds) == IDMAP_NUM_KINDS, "a row for each");

static bool overlaps(uint32_t a, uint32_t b, const struct idmap_rule *r,
		     const struct idmap_rule *s)
{
	/* No sum: whichever comes first must not reach the other. */
	return a <= b ? b - a < r->count : a - b < s->count;
}

/* Do two rules want to translate the same id? */
static bool conflicts(const struct idmap_rule *r, const struct idmap_rule *s)
{
	bool both_in = kinds[r->kind].to_host && kinds[s->kind].to_host;
	bool both_out = kinds[r->kind].to_guest && kinds[s->kind].to_guest;

	return (both_in && overlaps(r->guest, s->guest, r, s)) ||
	       (both_out && overlaps(r->host, s->host, r, s));
}

static bool is_in_range(uint32_t first, uint32_t count)
{
	return first <= UINT32_MAX - count;
}

int idmap_add(struct idmap *map, const struct idmap_rule *rule)
{
	uint32_t guest_cnt = kinds[rule->kind].many_in_guest ? rule->count : 1;
	uint32_t host_cnt = kinds[rule->kind].many_on_host ? rule->count : 1;

	if (!rule->count)
		return -EINVAL;
	if (!is_in_range(rule->guest, guest_cnt) ||
	    !is_in_range(rule->host, host_cnt))
		return -ERANGE;
	for (unsigned int i = 0; i < map->rule_cnt; i++) {
		if (conflicts(rule, &map->rule[i]))
			return -EEXIST;
	}
	if (map->rule_cnt == IDMAP_MAX_RULES)
		return -ENOSPC;
	map->rule[map->rule_cnt++] = *rule;
	map->map_cnt += rule->kind == IDMAP_MAP;
	return 0;
}

int idmap_rules_to_host(const struct idmap *map, uint32_t id, uint32_t *host)
{
	for (unsigned int i = 0; i < map->rule_cnt; i++) {
		const struct idmap_rule *rule = &map->rule[i];

		if (!kinds[rule->kind].to_host ||
		    id - rule->guest >= rule->count)
			continue;
		if (rule->kind == IDMAP_FORBID)
			return -EPERM;
		*host = rule->host;
		if (rule->kind == IDMAP_MAP)
			*host += id - rule->guest;
		return 0;
	}
	*host = id;
	return map->map_cnt ? -EPERM : 0;
}

uint32_t idmap_rules_to_guest(const struct idmap *map, uint32_t id)
{
	for (unsigned int i = 0; i < map->rule_cnt; i++) {
		const struct idmap_rule *rule = &map->rule[i];

		if (!kinds[rule->kind].to_guest ||
		    id - rule->host >= rule->count)
			continue;
		return rule->kind == IDMAP_MAP ? rule->guest + (id - rule->host)
					       : rule->guest;
	}
	return map->map_cnt ? IDMAP_NOBODY : id;
}
