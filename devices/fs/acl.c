/*
 * Access control lists as attributes carry them, and the ids in them.
 */
#include "devices/fs/acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "devices/fs/server.h"

/* Translates an id in place, little endian. */
typedef int translate_fn(const struct idmap *map, __le32 *id);

static int to_host(const struct idmap *map, __le32 *id)
{
	uint32_t host = 0;
	int err = idmap_to_host(map, le32toh(*id), &host);

	*id = htole32(host);
	return err;
}

static int to_guest(const struct idmap *map, __le32 *id)
{
	*id = htole32(idmap_to_guest(map, le32toh(*id)));
	return 0;
}

static int translate_entry(const struct fs *fs,
			   struct posix_acl_xattr_entry *entry,
			   translate_fn *translate)
{
	switch (le16toh(entry->e_tag)) {
	case ACL_USER:
		return translate(&fs->uid, &entry->e_id);
	case ACL_GROUP:
		return translate(&fs->gid, &entry->e_id);
	case ACL_USER_OBJ:
	case ACL_GROUP_OBJ:
	case ACL_MASK:
	case ACL_OTHER:
		return 0; /* their id means nothing */
	default:
		return -EINVAL;
	}
}

static int translate_all(const struct fs *fs, char *value, size_t len,
			 translate_fn *translate)
{
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entry;
	int err = 0;

	if (len < sizeof(header) || (len - sizeof(header)) % sizeof(entry))
		return -EINVAL;
	memcpy(&header, value, sizeof(header));
	if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	for (size_t at = sizeof(header); !err && at < len;
	     at += sizeof(entry)) {
		memcpy(&entry, value + at, sizeof(entry));
		err = translate_entry(fs, &entry, translate);
		memcpy(value + at, &entry, sizeof(entry));
	}
	return err;
}

int acl_to_host(const struct fs *fs, void *value, size_t len)
{
	return translate_all(fs, value, len, to_host);
}

int acl_to_guest(const struct fs *fs, void *value, size_t len)
{
	return translate_all(fs, value, len, to_guest);
}
