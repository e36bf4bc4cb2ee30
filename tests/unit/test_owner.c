/*
 * --owner: whose files are, for each kind of user.
 */
#include <check.h>
#include <errno.h>
#include <stdint.h>

#include "devices/fs/server.h"
#include "vmm/owner.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"

static struct keeper keeper;
static struct sandbox sb;
static struct fs_config fs;

/* A monitor of a caller with ids 1000 and 2000. */
static void apply(bool jailed, enum userns_ids ids, enum config_owner owner)
{
	keeper = (struct keeper){
		.userns = {.ids = ids, .uid = 1000, .gid = 2000},
	};
	sb = (struct sandbox){.keeper = &keeper, .jailed = jailed};
	fs = (struct fs_config){0};
	owner_apply(&fs, owner, &sb);
}

/* What becomes of an id that the guest uses; -1: refused. */
static long to_host(const struct idmap *map, uint32_t id)
{
	uint32_t host;

	return idmap_to_host(map, id, &host) ? -1 : (long)host;
}

static void leaves_ids_alone(void)
{
	ck_assert_int_eq(fs.owner, FS_OWNER_MAP);
	ck_assert_uint_eq(fs.uid.rule_cnt, 0);
	ck_assert_uint_eq(fs.gid.rule_cnt, 0);
}

START_TEST(words_are_read)
{
	enum config_owner owner = CONFIG_OWNER_DEFAULT;

	ck_assert_int_eq(owner_parse(&owner, "map"), 0);
	ck_assert_int_eq(owner, CONFIG_OWNER_MAP);
	ck_assert_int_eq(owner_parse(&owner, "squash"), 0);
	ck_assert_int_eq(owner, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(owner_parse(&owner, "xattr"), 0);
	ck_assert_int_eq(owner, CONFIG_OWNER_XATTR);
	ck_assert_int_eq(owner_parse(&owner, ""), -EINVAL);
	ck_assert_int_eq(owner_parse(&owner, "maps"), -EINVAL);
	ck_assert_int_eq(owner, CONFIG_OWNER_XATTR);
}
END_TEST

START_TEST(many_ids_are_the_hosts)
{
	static const enum config_owner owners[] = {CONFIG_OWNER_DEFAULT,
						   CONFIG_OWNER_MAP};

	for (int i = 0; i < 2; i++) {
		apply(true, USERNS_HOST, owners[i]);
		leaves_ids_alone();
		apply(false, USERNS_HOST, owners[i]);
		leaves_ids_alone();
		apply(true, USERNS_RANGE, owners[i]);
		leaves_ids_alone();
	}
}
END_TEST

/* Without a namespace, subordinate ids are out of reach. */
START_TEST(one_id_keeps_owners_in_attributes)
{
	apply(true, USERNS_ONE, CONFIG_OWNER_DEFAULT);
	ck_assert_int_eq(fs.owner, FS_OWNER_XATTR);
	apply(false, USERNS_ONE, CONFIG_OWNER_DEFAULT);
	ck_assert_int_eq(fs.owner, FS_OWNER_XATTR);
	apply(false, USERNS_RANGE, CONFIG_OWNER_DEFAULT);
	ck_assert_int_eq(fs.owner, FS_OWNER_XATTR);
	ck_assert_uint_eq(fs.uid.rule_cnt + fs.gid.rule_cnt, 0);
}
END_TEST

START_TEST(one_id_can_be_roots_alone)
{
	apply(true, USERNS_ONE, CONFIG_OWNER_MAP);
	ck_assert_int_eq(to_host(&fs.uid, 0), 0);
	ck_assert_int_eq(to_host(&fs.gid, 0), 0);
	ck_assert_int_eq(to_host(&fs.uid, 1), -1);
	ck_assert_int_eq(to_host(&fs.gid, 1), -1);
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 0), 0);
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 65534), IDMAP_NOBODY);
	apply(false, USERNS_ONE, CONFIG_OWNER_MAP);
	ck_assert_int_eq(to_host(&fs.uid, 0), 1000);
	ck_assert_int_eq(to_host(&fs.gid, 0), 2000);
	ck_assert_int_eq(to_host(&fs.uid, 1000), -1);
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 1000), 0);
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 0), IDMAP_NOBODY);
}
END_TEST

START_TEST(everybody_can_be_squashed)
{
	apply(true, USERNS_ONE, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(to_host(&fs.uid, 0), 0);
	ck_assert_int_eq(to_host(&fs.uid, 7), 0);
	ck_assert_int_eq(to_host(&fs.gid, UINT32_MAX - 1), 0);
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 0), 0);
	apply(false, USERNS_ONE, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(to_host(&fs.uid, 0), 1000);
	ck_assert_int_eq(to_host(&fs.gid, 7), 2000);
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 1000), 0);
	ck_assert_uint_eq(idmap_to_guest(&fs.gid, 2000), 0);
	/* A file of the host's root does not look like the guest's. */
	ck_assert_uint_eq(idmap_to_guest(&fs.uid, 0), IDMAP_NOBODY);
	apply(true, USERNS_HOST, CONFIG_OWNER_SQUASH);
	ck_assert_int_eq(to_host(&fs.uid, 7), 0);
}
END_TEST

START_TEST(rules_of_a_share_are_kept)
{
	const struct idmap_rule rule = {IDMAP_SQUASH, 0, 65534, 1};

	for (enum config_owner o = 0; o < CONFIG_NUM_OWNERS; o++) {
		keeper = (struct keeper){.userns = {.ids = USERNS_ONE}};
		sb = (struct sandbox){.keeper = &keeper, .jailed = true};
		fs = (struct fs_config){0};
		ck_assert_int_eq(idmap_add(&fs.gid, &rule), 0);
		owner_apply(&fs, o, &sb);
		ck_assert_int_eq(fs.owner, FS_OWNER_MAP);
		ck_assert_uint_eq(fs.uid.rule_cnt, 0);
		ck_assert_uint_eq(fs.gid.rule_cnt, 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("owner");
	TCase *tcase = tcase_create("owner");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, words_are_read);
	tcase_add_test(tcase, many_ids_are_the_hosts);
	tcase_add_test(tcase, one_id_keeps_owners_in_attributes);
	tcase_add_test(tcase, one_id_can_be_roots_alone);
	tcase_add_test(tcase, everybody_can_be_squashed);
	tcase_add_test(tcase, rules_of_a_share_are_kept);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
