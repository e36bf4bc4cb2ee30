/*
 * Everything a hostile kernel may try to get out of its directory, by requests
 * of its own. The host looks after what is outside (tests/guest/attack/host).
 */
#include "tests/guest/attack/attack.h"

/* Each part, and how many requests it consists of; of a part that finds nothing
 * in the sandbox, how many there
 */
static const struct {
	const char *name;
	void (*run)(void);
	unsigned int cnt[2];
} parts[] = {
	{"names", attack_names, {266}},
	{"parents", attack_parents, {57}},
	{"links", attack_links, {1877}},
	{"processes", attack_processes, {328, 2}},
	{"nodes", attack_nodes, {768}},
	{"ids", attack_ids, {245}},
	{"handles", attack_handles, {157}},
	{"opens", attack_opens, {341}},
	{"contents", attack_contents, {406}},
	{"attributes", attack_attributes, {41}},
	{"listings", attack_listings, {219}},
	{"sessions", attack_sessions, {431}},
	{"rings", attack_rings, {45}},
	{"fixed", attack_fixed, {653}},
	{"races", attack_races, {31202}},
};

static void print_part(const char *name, unsigned int cnt)
{
	char digits[11];
	unsigned int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = '0' + cnt % 10;
	while (cnt /= 10);
	print(name);
	print(": ");
	print(digits + at);
	print(" attempts\n");
}

const char *guest_main(void)
{
	begin(SHARE);
	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		unsigned int before = attempt_cnt();
		unsigned int cnt;

		parts[i].run();
		cnt = attempt_cnt() - before;
		print_part(parts[i].name, cnt);
		if (attempt_why())
			return attempt_why();
		if (cnt != parts[i].cnt[0] &&
		    (!parts[i].cnt[1] || cnt != parts[i].cnt[1]))
			return "not as many attempts as there are";
	}
	return NULL;
}
