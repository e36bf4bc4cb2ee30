/*
 * --owner: whose the files of a share are.
 */
#include "vmm/owner.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "devices/fs/server.h"
#include "vmm/base/bits.h"
#include "vmm/sandbox/sandbox.h"

static const char *const words[] = {
	[CONFIG_OWNER_DEFAULT] = "",
	[CONFIG_OWNER_MAP] = "map",
	[CONFIG_OWNER_SQUASH] = "squash",
	[CONFIG_OWNER_XATTR] = "xattr",
};
static_assert(ARRAY_SIZE(words) == CONFIG_NUM_OWNERS, "a word for each");

int owner_parse(enum config_owner *owner, const char *word)
{
	for (unsigned int i = CONFIG_OWNER_MAP; i < CONFIG_NUM_OWNERS; i++) {
		if (!strcmp(word, words[i])) {
			*owner = i;
			return 0;
		}
	}
	return -EINVAL;
}

static void add(struct idmap *map, enum idmap_kind kind, uint32_t guest,
		uint32_t host, uint32_t count)
{
	const struct idmap_rule rule = {kind, guest, host, count};
	int err = idmap_add(map, &rule);

	assert(!err); /* the first ones of their kinds */
	(void)err;
}

/* One id is root's in the guest; others cannot be used, and are nobody's. */
static void map_one(struct idmap *map, uint32_t self)
{
	add(map, IDMAP_MAP, 0, self, 1);
}

/* The same, but whoever does something in the guest, that id does it. */
static void squash(struct idmap *map, uint32_t self)
{
	map_one(map, self);
	add(map, IDMAP_SQUASH, 1, self, UINT32_MAX - 1);
}

void owner_apply(struct fs_config *fs, enum config_owner owner,
		 const struct sandbox *sb)
{
	const struct sandbox_ids ids = sandbox_ids(sb);

	if (fs->uid.rule_cnt || fs->gid.rule_cnt)
		return;
	if (owner == CONFIG_OWNER_DEFAULT)
		owner = ids.ids == USERNS_ONE ? CONFIG_OWNER_XATTR
					      : CONFIG_OWNER_MAP;
	switch (owner) {
	case CONFIG_OWNER_XATTR:
		fs->owner = FS_OWNER_XATTR;
		break;
	case CONFIG_OWNER_SQUASH:
		squash(&fs->uid, ids.uid);
		squash(&fs->gid, ids.gid);
		break;
	case CONFIG_OWNER_MAP:
		if (ids.ids == USERNS_ONE) {
			map_one(&fs->uid, ids.uid);
			map_one(&fs->gid, ids.gid);
		}
		break;
	case CONFIG_OWNER_DEFAULT:
	case CONFIG_NUM_OWNERS:
		break;
	}
}
