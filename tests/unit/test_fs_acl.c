/*
 * FUSE server: the ids in access control lists.
 */
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/xattr.h>

#include "devices/fs/acl.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

enum { MAX_ENTRIES = 8 };

struct list {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entry[MAX_ENTRIES];
};

static const struct list plain = {
	{POSIX_ACL_XATTR_VERSION},
	{
		{ACL_USER_OBJ, 7, ACL_UNDEFINED_ID},
		{ACL_USER, 6, 5},
		{ACL_USER, 5, 50},
		{ACL_GROUP_OBJ, 4, 5},
		{ACL_GROUP, 3, 5},
		{ACL_MASK, 7, ACL_UNDEFINED_ID},
		{ACL_OTHER, 0, 5},
		{ACL_GROUP, 1, 60},
	},
};

static struct fs fs;
static struct list list;

static void setup(void)
{
	static const struct idmap_rule rules[] = {
		{IDMAP_MAP, 0, 1000, 40},
		{IDMAP_SQUASH, 40, 2000, 20},
	};

	fs = (struct fs){0};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		ck_assert_int_eq(idmap_add(&fs.uid, &rules[i]), 0);
	list = plain;
}

static size_t len_of(size_t entry_cnt)
{
	return sizeof(list.header) + entry_cnt * sizeof(list.entry[0]);
}

START_TEST(only_users_and_groups_are_translated)
{
	struct list wanted = plain;

	wanted.entry[1].e_id = 1005;
	wanted.entry[2].e_id = 2000;
	ck_assert_int_eq(acl_to_host(&fs, &list, sizeof(list)), 0);
	ck_assert_mem_eq(&list, &wanted, sizeof(list));
	/* And back: of the squashed nothing is known. */
	wanted.entry[1].e_id = 5;
	wanted.entry[2].e_id = IDMAP_NOBODY;
	ck_assert_int_eq(acl_to_guest(&fs, &list, sizeof(list)), 0);
	ck_assert_mem_eq(&list, &wanted, sizeof(list));
}
END_TEST

START_TEST(groups_have_their_own_rules)
{
	fs.gid = fs.uid;
	fs.uid = (struct idmap){0};
	ck_assert_int_eq(acl_to_host(&fs, &list, len_of(5)), 0);
	ck_assert_uint_eq(list.entry[1].e_id, 5);
	ck_assert_uint_eq(list.entry[3].e_id, 5);
	ck_assert_uint_eq(list.entry[4].e_id, 1005);
}
END_TEST

START_TEST(without_rules_nothing_changes)
{
	fs = (struct fs){0};
	ck_assert_int_eq(acl_to_host(&fs, &list, sizeof(list)), 0);
	ck_assert_int_eq(acl_to_guest(&fs, &list, sizeof(list)), 0);
	ck_assert_mem_eq(&list, &plain, sizeof(list));
	/* Empty lists, which remove one, pass. */
	ck_assert_int_eq(acl_to_host(&fs, &list, len_of(0)), 0);
	ck_assert_int_eq(acl_to_guest(&fs, &list, len_of(0)), 0);
}
END_TEST

START_TEST(forbidden_ids_are_refused)
{
	static const uint32_t ids[] = {60, 1000, UINT32_MAX - 1, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		list = plain;
		list.entry[2].e_id = ids[i];
		ck_assert_int_eq(acl_to_host(&fs, &list, sizeof(list)), -EPERM);
	}
	/* What the guest sees, it always sees. */
	list.entry[2].e_id = UINT32_MAX;
	ck_assert_int_eq(acl_to_guest(&fs, &list, sizeof(list)), 0);
	ck_assert_uint_eq(list.entry[2].e_id, IDMAP_NOBODY);
}
END_TEST

START_TEST(malformed_lists_are_refused)
{
	static const uint16_t tags[] = {0, 3, 0x12, 0x40, 0x8000, 0xffff};
	static const uint32_t versions[] = {0, 1, 3, 0x02000000, UINT32_MAX};

	for (size_t len = 0; len <= sizeof(list); len++) {
		int wanted = len >= 4 && len % 8 == 4 ? 0 : -EINVAL;

		list = plain;
		ck_assert_int_eq(acl_to_host(&fs, &list, len), wanted);
		ck_assert_int_eq(acl_to_guest(&fs, &list, len), wanted);
	}
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		list = plain;
		list.entry[7].e_tag = tags[i];
		ck_assert_int_eq(acl_to_host(&fs, &list, sizeof(list)),
				 -EINVAL);
		ck_assert_int_eq(acl_to_guest(&fs, &list, sizeof(list)),
				 -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		list = plain;
		list.header.a_version = versions[i];
		ck_assert_int_eq(acl_to_host(&fs, &list, sizeof(list)),
				 -EINVAL);
		ck_assert_int_eq(acl_to_guest(&fs, &list, sizeof(list)),
				 -EINVAL);
	}
}
END_TEST

/* Not a byte beyond the length, wherever the value lies. */
START_TEST(nothing_else_is_touched)
{
	char bytes[1 + sizeof(list)];

	for (size_t cnt = 0; cnt < MAX_ENTRIES; cnt++) {
		size_t len = len_of(cnt);

		memset(bytes, 0x02, sizeof(bytes));
		memcpy(bytes + 1, &plain, len);
		ck_assert_int_eq(acl_to_host(&fs, bytes + 1, len), 0);
		for (size_t i = 1 + len; i < sizeof(bytes); i++)
			ck_assert_int_eq(bytes[i], 0x02);
		ck_assert_int_eq(bytes[0], 0x02);
	}
}
END_TEST

/* Through the server: what the guest sets, the host has, and back. */
START_TEST(attributes_are_translated)
{
	static struct client client;
	struct client *const c = &client;
	const char *name = "system.posix_acl_access";
	struct fuse_setxattr_in set = {.size = len_of(5)};
	const struct fuse_getxattr_in get = {.size = 1024};
	struct list host;
	uint64_t id;
	int err;

	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	c->fs->uid = fs.uid;
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	list.entry[2] = plain.entry[3];
	list.entry[3] = plain.entry[5];
	list.entry[4] = plain.entry[6];
	for (uint32_t user = 5; user <= 65; user += 60) {
		list.entry[1].e_id = user;
		client_begin(c, FUSE_SETXATTR, id);
		client_add(c, &set, sizeof(set));
		client_add_text(c, name);
		client_add(c, &list, len_of(5));
		err = client_call(c);
		ck_assert_int_eq(err, user == 5 ? 0 : -EPERM);
	}
	ck_assert_int_eq(
		getxattr(client_path(c, "f"), name, &host, sizeof(host)),
		len_of(5));
	ck_assert_uint_eq(host.entry[1].e_id, 1005);
	client_begin(c, FUSE_GETXATTR, id);
	client_add(c, &get, sizeof(get));
	client_add_text(c, name);
	ck_assert_int_eq(client_call(c), 0);
	memcpy(&host, client_reply(c, len_of(5)), len_of(5));
	ck_assert_uint_eq(host.entry[1].e_id, 5);
	client_close(c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_acl");
	TCase *t = tcase_create("fs_acl");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, only_users_and_groups_are_translated);
	tcase_add_test(t, groups_have_their_own_rules);
	tcase_add_test(t, without_rules_nothing_changes);
	tcase_add_test(t, forbidden_ids_are_refused);
	tcase_add_test(t, malformed_lists_are_refused);
	tcase_add_test(t, nothing_else_is_touched);
	tcase_add_test(t, attributes_are_translated);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
