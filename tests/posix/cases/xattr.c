/*
 * Extended attributes: their namespaces, flags and sizes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { ROOM = 65536 };

/* Does an attribute have this value? */
static bool has(const char *path, const char *name, const char *value)
{
	char got[256];
	ssize_t len = lgetxattr(path, name, got, sizeof(got));

	return len == (ssize_t)strlen(value) && !memcmp(got, value, len);
}

static int set(const char *path, const char *name, const char *value, int flags)
{
	return lsetxattr(path, name, value, strlen(value), flags);
}

static void set_get_remove(void)
{
	static const char *const names[] = {"user.a", "trusted.a",
					    "security.a"};

	put_text("f", "text");
	OK(mkdir("d", 0755));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (const char *path = "fd"; *path; path++) {
			char name[] = {*path, 0};

			note("%s of %s", names[i], name);
			FAILS(ENODATA, lgetxattr(name, names[i], NULL, 0));
			OK(set(name, names[i], "value", 0));
			CHECK(has(name, names[i], "value"));
			OK(set(name, names[i], "other", 0));
			CHECK(has(name, names[i], "other"));
			OK(set(name, names[i], "", 0));
			CHECK(has(name, names[i], ""));
			OK(lremovexattr(name, names[i]));
			FAILS(ENODATA, lremovexattr(name, names[i]));
		}
	}
}

static void create_and_replace(void)
{
	put_text("f", "text");
	FAILS(ENODATA, set("f", "user.a", "x", XATTR_REPLACE));
	OK(set("f", "user.a", "one", XATTR_CREATE));
	FAILS(EEXIST, set("f", "user.a", "x", XATTR_CREATE));
	OK(set("f", "user.a", "two", XATTR_REPLACE));
	CHECK(has("f", "user.a", "two"));
	FAILS(EINVAL, set("f", "user.a", "x", 4));
}

static void by_descriptor(void)
{
	int fd = open_ok("f", O_CREAT | O_RDWR);
	char value[8];

	OK(fsetxattr(fd, "user.a", "value", 5, 0));
	IS(5, fgetxattr(fd, "user.a", value, sizeof(value)));
	CHECK(has("f", "user.a", "value"));
	IS(7, flistxattr(fd, NULL, 0));
	OK(fremovexattr(fd, "user.a"));
	FAILS(ENODATA, fgetxattr(fd, "user.a", value, sizeof(value)));
}

static void names_and_sizes(void)
{
	char name[300] = "user.", got[8];
	static char value[ROOM + 1];

	put_text("f", "text");
	memset(name + 5, 'n', XATTR_NAME_MAX - 5);
	OK(set("f", name, "value", 0));
	CHECK(has("f", name, "value"));
	name[XATTR_NAME_MAX] = 'n';
	FAILS(ERANGE, set("f", name, "value", 0));
	FAILS(ERANGE, set("f", "", "value", 0));
	FAILS(EINVAL, set("f", "user.", "value", 0));
	FAILS(EOPNOTSUPP, set("f", "name", "value", 0));
	FAILS(EOPNOTSUPP, set("f", "unknown.name", "value", 0));
	FAILS(EOPNOTSUPP, lgetxattr("f", "unknown.name", got, sizeof(got)));
	FAILS(E2BIG, lsetxattr("f", "user.a", value, ROOM + 1, 0));
	/* More than a block holds, less than Linux allows */
	FAILS(ENOSPC, lsetxattr("f", "user.a", value, ROOM, 0));
	FAILS(ENODATA, lgetxattr("f", "user.a", got, sizeof(got)));
	FAILS(ENOENT, set("missing", "user.a", "x", 0));
}

/* Values of any bytes, as long as there is room in a block */
static void large_value(void)
{
	char value[3000], got[4096];

	put_text("f", "text");
	fill(value, sizeof(value), 0, 1);
	value[100] = 0;
	OK(lsetxattr("f", "user.a", value, sizeof(value), 0));
	IS(sizeof(value), lgetxattr("f", "user.a", NULL, 0));
	IS(sizeof(value), lgetxattr("f", "user.a", got, sizeof(got)));
	CHECK(!memcmp(value, got, sizeof(value)));
	FAILS(ERANGE, lgetxattr("f", "user.a", got, sizeof(value) - 1));
	IS(sizeof(value), lgetxattr("f", "user.a", got, sizeof(value)));
}

static bool listed(const char *list, ssize_t len, const char *name)
{
	for (const char *at = list; at < list + len; at += strlen(at) + 1) {
		if (!strcmp(at, name))
			return true;
	}
	return false;
}

static void list(void)
{
	char names[4096], name[16];
	ssize_t len;

	put_text("f", "text");
	IS(0, llistxattr("f", NULL, 0));
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "user.%d", i);
		OK(set("f", name, "x", 0));
	}
	OK(set("f", "trusted.t", "x", 0));
	OK(set("f", "security.s", "x", 0));
	len = OK(llistxattr("f", names, sizeof(names)));
	IS(10 * 7 + 40 * 8 + 10 + 11, len);
	IS(len, llistxattr("f", NULL, 0));
	FAILS(ERANGE, llistxattr("f", names, len - 1));
	IS(len, llistxattr("f", names, len));
	CHECK(listed(names, len, "user.0") && listed(names, len, "user.49"));
	CHECK(listed(names, len, "trusted.t"));
	CHECK(listed(names, len, "security.s"));
}

static void trusted_is_for_root(void)
{
	char names[64];

	make_file("f", 0666, ALICE, STAFF);
	OK(set("f", "trusted.t", "secret", 0));
	OK(set("f", "user.u", "open", 0));
	become(ALICE, STAFF, -1);
	FAILS(EPERM, set("f", "trusted.t", "x", 0));
	FAILS(ENODATA, lgetxattr("f", "trusted.t", NULL, 0));
	FAILS(EPERM, lremovexattr("f", "trusted.t"));
	FAILS(EPERM, set("f", "security.s", "x", 0));
	IS(7, llistxattr("f", names, sizeof(names)));
	CHECK(has("f", "user.u", "open"));
	become_root();
	CHECK(has("f", "trusted.t", "secret"));
}

/* user.* is for regular files and directories, by permission bits. */
static void user_on_special_files(void)
{
	OK(symlink("x", "s"));
	OK(mkfifo("p", 0666));
	OK(mknod("c", S_IFCHR | 0666, makedev(1, 3)));
	for (const char *path = "spc"; *path; path++) {
		char name[] = {*path, 0};

		note("%s", name);
		FAILS(EPERM, set(name, "user.a", "x", 0));
		FAILS(ENODATA, lgetxattr(name, "user.a", NULL, 0));
		OK(set(name, "trusted.a", "value", 0));
		CHECK(has(name, "trusted.a", "value"));
		IS(10, llistxattr(name, NULL, 0));
		OK(lremovexattr(name, "trusted.a"));
	}
}

/* A symbolic link is followed, or not, as asked. */
static void of_symlinks(void)
{
	put_text("f", "text");
	OK(symlink("f", "s"));
	OK(setxattr("s", "trusted.a", "file", 4, 0));
	OK(lsetxattr("s", "trusted.a", "link", 4, 0));
	CHECK(has("f", "trusted.a", "file"));
	CHECK(has("s", "trusted.a", "link"));
}

static void in_sticky_dirs(void)
{
	make_dir("d", 01777, ALICE, STAFF);
	become(BOB, CREW, -1);
	FAILS(EPERM, set("d", "user.a", "x", 0));
	become(ALICE, STAFF, -1);
	OK(set("d", "user.a", "x", 0));
}

static void read_needs_permission(void)
{
	make_file("f", 0600, ALICE, STAFF);
	OK(set("f", "user.a", "x", 0));
	become(BOB, CREW, -1);
	FAILS(EACCES, lgetxattr("f", "user.a", NULL, 0));
	FAILS(EACCES, set("f", "user.a", "y", 0));
	FAILS(EACCES, lremovexattr("f", "user.a"));
	/* Names are no secret. */
	IS(7, llistxattr("f", NULL, 0));
}

static void moves_with_the_file(void)
{
	put_text("f", "text");
	OK(set("f", "user.a", "value", 0));
	OK(rename("f", "g"));
	OK(link("g", "h"));
	CHECK(has("h", "user.a", "value"));
	OK(unlink("g"));
	CHECK(has("h", "user.a", "value"));
	put_text("f", "text");
	FAILS(ENODATA, lgetxattr("f", "user.a", NULL, 0));
}

static void capabilities_have_a_form(void)
{
	struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2,
		.data[0].permitted = 1U << CAP_NET_RAW,
	};
	char got[64];

	make_file("f", 0755, ALICE, STAFF);
	FAILS(EINVAL, set("f", "security.capability", "junk", 0));
	OK(setxattr("f", "security.capability", &caps, sizeof(caps), 0));
	IS(sizeof(caps),
	   getxattr("f", "security.capability", got, sizeof(got)));
	CHECK(!memcmp(got, &caps, sizeof(caps)));
	become(ALICE, STAFF, -1);
	FAILS(EPERM,
	      setxattr("f", "security.capability", &caps, sizeof(caps), 0));
}

const struct test_case xattr_cases[] = {
	CASE(set_get_remove),
	CASE(create_and_replace),
	CASE(by_descriptor),
	CASE(names_and_sizes),
	CASE(large_value),
	CASE(list),
	CASE(trusted_is_for_root),
	CASE(user_on_special_files),
	CASE(of_symlinks),
	CASE(in_sticky_dirs),
	CASE(read_needs_permission),
	CASE(moves_with_the_file),
	CASE(capabilities_have_a_form),
	{0},
};
