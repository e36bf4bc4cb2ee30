/*
 * Translations of user ids, or of group ids, between guest and host.
 *
 * Theory of operation: a table of rules, each for a range of ids.
 *
 *	map	guest ... guest + n  <->  host ... host + n   in order
 *	squash	guest ... guest + n   ->  host		      all become one
 *	show	guest		     <-   host ... host + n   all look like one
 *	forbid	guest ... guest + n   ->  EPERM
 *
 * An id has at most one rule in each direction. One that has none is the same
 * on both sides; but a map rule says which ids there are: as soon as there is
 * one, the guest may use no others (EPERM), and sees others as nobody's.
 * Squash is a way in only: what the guest sees of the one id is said by map or
 * show, else a file of the host's nobody could become its root's.
 *
 * 2^32 - 1 is no id ("leave it as it is" in system calls): no rule covers it.
 */
#ifndef DEVICES_FS_IDMAP_H
#define DEVICES_FS_IDMAP_H

#include <stdint.h>

enum {
	IDMAP_MAX_RULES = 16,
	IDMAP_NOBODY = 65534, /* what Linux shows for ids without a mapping */
};

/** enum idmap_kind - What a rule does, see above */
enum idmap_kind {
	IDMAP_MAP,
	IDMAP_SQUASH,
	IDMAP_SHOW,
	IDMAP_FORBID,
	IDMAP_NUM_KINDS,
};

/**
 * struct idmap_rule - A rule
 * @kind:	What it does
 * @guest:	First id in the guest, or the only one
 * @host:	First id on the host, or the only one; unused by forbid
 * @count:	How many
 */
struct idmap_rule {
	enum idmap_kind kind;
	uint32_t guest;
	uint32_t host;
	uint32_t count;
};

/**
 * struct idmap - Rules; zeroed memory is a table without any
 * @rule_cnt:	How many
 * @map_cnt:	How many of them are map rules
 * @rule:	In no order
 */
struct idmap {
	unsigned int rule_cnt;
	unsigned int map_cnt;
	struct idmap_rule rule[IDMAP_MAX_RULES];
};

/**
 * idmap_add() - Add a rule
 *
 * Return: 0, -EINVAL if it is for no id, -ERANGE if it goes beyond 2^32 - 2,
 *	   -EEXIST if one of its ids has a rule already, -ENOSPC
 */
int idmap_add(struct idmap *map, const struct idmap_rule *rule);

/** idmap_rules_to_host() - What idmap_to_host() does if there are rules */
int idmap_rules_to_host(const struct idmap *map, uint32_t id, uint32_t *host);

/** idmap_rules_to_guest() - What idmap_to_guest() does if there are rules */
uint32_t idmap_rules_to_guest(const struct idmap *map, uint32_t id);

/**
 * idmap_to_host() - Translate an id that the guest wants to use
 * @map:	Rules
 * @id:		The guest's id; 2^32 - 1 is the caller's to refuse
 * @host:	The host's, filled if the result is 0
 *
 * Return: 0, or -EPERM if the guest may not use it
 */
static inline int idmap_to_host(const struct idmap *map, uint32_t id,
				uint32_t *host)
{
	if (map->rule_cnt)
		return idmap_rules_to_host(map, id, host);
	*host = id;
	return 0;
}

/** idmap_to_guest() - Translate an id that the guest is to see */
static inline uint32_t idmap_to_guest(const struct idmap *map, uint32_t id)
{
	return map->rule_cnt ? idmap_rules_to_guest(map, id) : id;
}

#endif /* DEVICES_FS_IDMAP_H */
