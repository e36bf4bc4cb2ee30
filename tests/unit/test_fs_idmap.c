/*
 * FUSE server: translations of ids, by themselves and on the way through it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/fs/idmap.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"
#include "vmm/idrules.h"

enum { LAST_ID = UINT32_MAX - 1 };

static struct idmap map;
static struct client client;
static struct client *const c = &client;

static int add(enum idmap_kind kind, uint32_t guest, uint32_t host,
	       uint32_t count)
{
	const struct idmap_rule rule = {kind, guest, host, count};

	return idmap_add(&map, &rule);
}

/* What becomes of a guest's id: the host's, or a negative errno. */
static int64_t in(uint32_t id)
{
	uint32_t host;
	int err = idmap_to_host(&map, id, &host);

	return err ? err : (int64_t)host;
}

static uint32_t out(uint32_t id)
{
	return idmap_to_guest(&map, id);
}

START_TEST(no_rules_change_nothing)
{
	static const uint32_t ids[] = {0,	  1,	   65534,
				       INT32_MAX, LAST_ID, UINT32_MAX};

	map = (struct idmap){0};
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ck_assert_int_eq(in(ids[i]), ids[i]);
		ck_assert_uint_eq(out(ids[i]), ids[i]);
	}
}
END_TEST

START_TEST(map_goes_both_ways_and_says_which_ids_there_are)
{
	map = (struct idmap){0};
	ck_assert_int_eq(add(IDMAP_MAP, 0, 100000, 65536), 0);
	ck_assert_int_eq(add(IDMAP_MAP, 70000, 1000, 1), 0);
	ck_assert_int_eq(in(0), 100000);
	ck_assert_int_eq(in(65535), 165535);
	ck_assert_int_eq(in(70000), 1000);
	ck_assert_int_eq(in(65536), -EPERM);
	ck_assert_int_eq(in(69999), -EPERM);
	ck_assert_int_eq(in(100000), -EPERM);
	ck_assert_int_eq(in(UINT32_MAX), -EPERM);
	ck_assert_uint_eq(out(100000), 0);
	ck_assert_uint_eq(out(165535), 65535);
	ck_assert_uint_eq(out(1000), 70000);
	ck_assert_uint_eq(out(0), IDMAP_NOBODY);
	ck_assert_uint_eq(out(99999), IDMAP_NOBODY);
	ck_assert_uint_eq(out(165536), IDMAP_NOBODY);
	ck_assert_uint_eq(out(LAST_ID), IDMAP_NOBODY);
}
END_TEST

START_TEST(squash_show_and_forbid_leave_others_alone)
{
	map = (struct idmap){0};
	ck_assert_int_eq(add(IDMAP_SQUASH, 0, 65534, 10), 0);
	ck_assert_int_eq(add(IDMAP_SHOW, 0, 1000, 10), 0);
	ck_assert_int_eq(add(IDMAP_FORBID, 20, 0, 10), 0);
	ck_assert_int_eq(in(0), 65534);
	ck_assert_int_eq(in(9), 65534);
	ck_assert_int_eq(in(10), 10);
	ck_assert_int_eq(in(19), 19);
	ck_assert_int_eq(in(20), -EPERM);
	ck_assert_int_eq(in(29), -EPERM);
	ck_assert_int_eq(in(30), 30);
	ck_assert_int_eq(in(1000), 1000);
	ck_assert_uint_eq(out(1000), 0);
	ck_assert_uint_eq(out(1009), 0);
	ck_assert_uint_eq(out(1010), 1010);
	/* Nobody's files do not become the guest's root's. */
	ck_assert_uint_eq(out(65534), 65534);
	ck_assert_uint_eq(out(25), 25);
}
END_TEST

START_TEST(an_id_has_one_rule_a_direction)
{
	static const struct idmap_rule bad[] = {
		{IDMAP_MAP, 109, 500, 1},    {IDMAP_MAP, 91, 500, 10},
		{IDMAP_MAP, 0, 500, 1000},   {IDMAP_MAP, 105, 500, 1},
		{IDMAP_MAP, 500, 209, 1},    {IDMAP_MAP, 500, 191, 10},
		{IDMAP_SQUASH, 109, 0, 1},   {IDMAP_SQUASH, 0, 9, LAST_ID},
		{IDMAP_FORBID, 100, 0, 1},   {IDMAP_SHOW, 0, 209, 1},
		{IDMAP_SHOW, 0, 0, LAST_ID}, {IDMAP_FORBID, 300, 0, 1},
	};

	map = (struct idmap){0};
	ck_assert_int_eq(add(IDMAP_MAP, 100, 200, 10), 0);
	ck_assert_int_eq(add(IDMAP_SQUASH, 300, 205, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(idmap_add(&map, &bad[i]), -EEXIST);
	ck_assert_uint_eq(map.rule_cnt, 2);
	/* Side by side, and the other direction. */
	ck_assert_int_eq(add(IDMAP_MAP, 110, 210, 1), 0);
	ck_assert_int_eq(add(IDMAP_MAP, 99, 199, 1), 0);
	ck_assert_int_eq(add(IDMAP_SHOW, 105, 100, 1), 0);
	ck_assert_int_eq(add(IDMAP_FORBID, 200, 205, 10), 0);
}
END_TEST

START_TEST(ranges_end_before_the_id_that_is_none)
{
	static const struct idmap_rule bad[] = {
		{IDMAP_MAP, UINT32_MAX, 0, 1},
		{IDMAP_MAP, 0, UINT32_MAX, 1},
		{IDMAP_MAP, LAST_ID, 0, 2},
		{IDMAP_MAP, 0, LAST_ID, 2},
		{IDMAP_MAP, 1, 0, UINT32_MAX},
		{IDMAP_MAP, 0, 1, UINT32_MAX},
		{IDMAP_SQUASH, 0, UINT32_MAX, 1},
		{IDMAP_SQUASH, 2, 0, LAST_ID},
		{IDMAP_SHOW, UINT32_MAX, 0, 1},
		{IDMAP_SHOW, 0, 2, LAST_ID},
		{IDMAP_FORBID, UINT32_MAX, 0, 1},
		{IDMAP_FORBID, 1, 0, UINT32_MAX},
	};

	map = (struct idmap){0};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(idmap_add(&map, &bad[i]), -ERANGE);
	ck_assert_int_eq(add(IDMAP_MAP, 0, 0, 0), -EINVAL);
	ck_assert_uint_eq(map.rule_cnt, 0);
	/* All ids that there are. */
	ck_assert_int_eq(add(IDMAP_SQUASH, 0, LAST_ID, UINT32_MAX), 0);
	ck_assert_int_eq(add(IDMAP_SHOW, LAST_ID, 0, UINT32_MAX), 0);
	ck_assert_int_eq(in(0), LAST_ID);
	ck_assert_int_eq(in(LAST_ID), LAST_ID);
	ck_assert_int_eq(in(UINT32_MAX), UINT32_MAX);
	ck_assert_uint_eq(out(0), LAST_ID);
	ck_assert_uint_eq(out(LAST_ID), LAST_ID);
	map = (struct idmap){0};
	ck_assert_int_eq(add(IDMAP_MAP, LAST_ID, 7, 1), 0);
	ck_assert_int_eq(in(LAST_ID), 7);
	ck_assert_uint_eq(out(7), LAST_ID);
	ck_assert_int_eq(in(UINT32_MAX), -EPERM);
}
END_TEST

START_TEST(the_table_is_bounded)
{
	map = (struct idmap){0};
	for (uint32_t i = 0; i < IDMAP_MAX_RULES; i++)
		ck_assert_int_eq(add(IDMAP_MAP, 2 * i, 3 * i, 1), 0);
	ck_assert_int_eq(add(IDMAP_MAP, 1000, 1000, 1), -ENOSPC);
	ck_assert_int_eq(in(30), 45);
}
END_TEST

/* Parse rules as the user writes them: NULL or what is wrong. */
static const char *parse(const char *text)
{
	static char buffer[4096];
	char *at = buffer;

	ck_assert_uint_lt(strlen(text), sizeof(buffer));
	strcpy(buffer, text);
	return idrules_parse(&map, &at);
}

START_TEST(rules_are_parsed)
{
	ck_assert_ptr_null(parse("map/0/100000/65536+squash/70000/5/2+"
				 "show/7/70001/1+forbid/90000/1"));
	ck_assert_uint_eq(map.rule_cnt, 4);
	ck_assert_int_eq(in(1), 100001);
	ck_assert_int_eq(in(70001), 5);
	ck_assert_uint_eq(out(7), 70001);
	ck_assert_int_eq(in(90000), -EPERM);
	/* The last rules replace what was there. */
	ck_assert_ptr_null(parse("squash/0/4294967294/4294967295"));
	ck_assert_uint_eq(map.rule_cnt, 1);
}
END_TEST

START_TEST(wrong_rules_are_refused)
{
	static const char *const bad[] = {
		"",
		"+",
		"map",
		"map/",
		"map/0",
		"map/0/1",
		"map/0/1/",
		"map/0/1/2/3",
		"map/0/1/2/",
		"map/0/1/2+",
		"+map/0/1/2",
		"map/-1/1/2",
		"map/0/1/0x2",
		"map/0/1/ 2",
		"map/0//2",
		"/0/1/2",
		"MAP/0/1/2",
		"forbid/1",
		"forbid/1/2/3",
		"show/1/2",
		"map/0/1/4294967296",
		"map/0/1/18446744073709551617",
		"map/0/1/000000000000000000000000000000000000000000000000002",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(parse(bad[i]), "accepted '%s'", bad[i]);
	ck_assert_ptr_nonnull(strstr(parse("map/0/1/2+map/1/9/1"), "overlap"));
	ck_assert_ptr_nonnull(strstr(parse("map/0/1/4294967295"), "range"));
	ck_assert_ptr_nonnull(strstr(parse("map/0/1/0"), "range"));
}
END_TEST

static void setup(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
}

static void teardown(void)
{
	client_close(c);
}

static void use_rules(const char *uid, const char *gid)
{
	ck_assert_ptr_null(parse(uid));
	c->fs->uid = map;
	ck_assert_ptr_null(parse(gid));
	c->fs->gid = map;
}

static int make_dir(const char *name)
{
	const struct fuse_mkdir_in arg = {.mode = 0755};

	client_begin(c, FUSE_MKDIR, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

static int set_owner(uint64_t id, uint32_t valid, uint32_t uid, uint32_t gid)
{
	const struct fuse_setattr_in arg = {
		.valid = valid, .uid = uid, .gid = gid};

	client_begin(c, FUSE_SETATTR, id);
	client_add(c, &arg, sizeof(arg));
	return client_call(c);
}

static void host_owner_is(const char *name, uint32_t uid, uint32_t gid)
{
	struct stat st;

	ck_assert_int_eq(lstat(client_path(c, name), &st), 0);
	ck_assert_uint_eq(st.st_uid, uid);
	ck_assert_uint_eq(st.st_gid, gid);
}

START_TEST(the_guest_sees_translated_owners)
{
	const struct fuse_entry_out *entry;
	const struct fuse_attr_out *attr;
	const struct fuse_getattr_in arg = {0};
	uint64_t id;
	int err;

	use_rules("map/5/0/1+map/9/1/60000", "squash/0/7/1");
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.uid, geteuid() ? geteuid() + 8 : 5);
	ck_assert_uint_eq(entry->attr.gid, getegid());
	client_begin(c, FUSE_GETATTR, id);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	attr = client_reply(c, sizeof(*attr));
	ck_assert_uint_eq(attr->attr.uid, geteuid() ? geteuid() + 8 : 5);
}
END_TEST

START_TEST(callers_and_owners_become_the_hosts)
{
	const struct fuse_entry_out *entry;
	const struct fuse_attr_out *attr;
	uint64_t id;

	if (geteuid())
		return; /* cannot become anybody */
	use_rules("map/0/1000/100", "map/0/2000/100");
	c->uid = 1;
	c->gid = 2;
	ck_assert_int_eq(make_dir("d"), 0);
	entry = client_reply(c, sizeof(*entry));
	id = entry->nodeid;
	ck_assert_uint_eq(entry->attr.uid, 1);
	ck_assert_uint_eq(entry->attr.gid, 2);
	host_owner_is("d", 1001, 2002);
	ck_assert_int_eq(set_owner(id, FATTR_UID | FATTR_GID, 3, 4), 0);
	attr = client_reply(c, sizeof(*attr));
	ck_assert_uint_eq(attr->attr.uid, 3);
	ck_assert_uint_eq(attr->attr.gid, 4);
	host_owner_is("d", 1003, 2004);
	ck_assert_int_eq(set_owner(id, FATTR_GID, 0, 0), 0);
	host_owner_is("d", 1003, 2000);
}
END_TEST

/* The guest's root may give a set-group-ID bit, whoever it is on the host; and
 * nobody else may, even as the host's root.
 */
START_TEST(root_is_who_is_root_in_the_guest)
{
	static const struct {
		uint32_t uid;
		mode_t mode;
	} rows[] = {{0, 02755}, {1, 0755}, {2, 0755}};
	struct fuse_create_in arg = {.flags = O_RDWR, .mode = 02755};
	struct stat st;

	if (geteuid())
		return;
	use_rules("map/0/1000/2+squash/2/0/1", "forbid/70000/1");
	chown(c->path, 0, 4321);
	chmod(c->path, 02777);
	c->gid = 9;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		c->uid = rows[i].uid;
		client_begin(c, FUSE_CREATE, FUSE_ROOT_ID);
		client_add(c, &arg, sizeof(arg));
		client_add_text(c, "new");
		ck_assert_int_eq(client_call(c), 0);
		ck_assert_int_eq(stat(client_path(c, "new"), &st), 0);
		ck_assert_uint_eq(st.st_gid, 4321);
		ck_assert_uint_eq(st.st_mode, S_IFREG | rows[i].mode);
		unlinkat(c->dir_fd, "new", 0);
	}
}
END_TEST

START_TEST(forbidden_ids_do_nothing)
{
	uint64_t id;
	int err;

	use_rules("forbid/0/1+squash/1234/0/1", "map/0/0/10");
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	c->uid = 0;
	c->gid = 0;
	ck_assert_int_eq(make_dir("d"), -EPERM);
	c->uid = 1;
	c->gid = 10;
	ck_assert_int_eq(make_dir("d"), -EPERM);
	ck_assert_int_ne(access(client_path(c, "d"), F_OK), 0);
	ck_assert_int_eq(set_owner(id, FATTR_UID, 0, 0), -EPERM);
	ck_assert_int_eq(set_owner(id, FATTR_GID, 0, 10), -EPERM);
	/* Neither half of it was done. */
	ck_assert_int_eq(set_owner(id, FATTR_UID | FATTR_GID, 1, 10), -EPERM);
	host_owner_is("f", geteuid(), getegid());
	/* What is not used is not looked at. */
	client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(err, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_idmap");
	TCase *rules = tcase_create("rules");
	TCase *server = tcase_create("server");

	tcase_add_test(rules, no_rules_change_nothing);
	tcase_add_test(rules, map_goes_both_ways_and_says_which_ids_there_are);
	tcase_add_test(rules, squash_show_and_forbid_leave_others_alone);
	tcase_add_test(rules, an_id_has_one_rule_a_direction);
	tcase_add_test(rules, ranges_end_before_the_id_that_is_none);
	tcase_add_test(rules, the_table_is_bounded);
	tcase_add_test(rules, rules_are_parsed);
	tcase_add_test(rules, wrong_rules_are_refused);
	suite_add_tcase(s, rules);
	tcase_add_checked_fixture(server, setup, teardown);
	tcase_add_test(server, the_guest_sees_translated_owners);
	tcase_add_test(server, callers_and_owners_become_the_hosts);
	tcase_add_test(server, forbidden_ids_do_nothing);
	tcase_add_test(server, root_is_who_is_root_in_the_guest);
	suite_add_tcase(s, server);
	return s;
}

int main(void)
{
	return client_run(suite());
}
