/*
 * POSIX access control lists, by their raw attributes (acl(5), POSIX 1003.1e
 * draft 17, 23.1).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

enum { MAX_ENTRIES = 512, MODE_BITS = 07777, NOBODY = ACL_UNDEFINED_ID };

struct acl {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[MAX_ENTRIES];
};

#define ENTRY(tag, perm, id) ((struct posix_acl_xattr_entry){tag, perm, id})
#define ACL_OF(...) ((const struct posix_acl_xattr_entry[]){__VA_ARGS__, {0}})

static size_t len_of(size_t count)
{
	return sizeof(struct posix_acl_xattr_header) +
	       count * sizeof(struct posix_acl_xattr_entry);
}

static int set_count(const char *path, const char *name,
		     const struct posix_acl_xattr_entry *entries, size_t count)
{
	struct acl acl = {.header.a_version = POSIX_ACL_XATTR_VERSION};

	memcpy(acl.entries, entries, count * sizeof(*entries));
	return setxattr(path, name, &acl, len_of(count), 0);
}

/* Entries end with one of tag 0. */
static int set(const char *path, const char *name,
	       const struct posix_acl_xattr_entry *entries)
{
	size_t count = 0;

	while (entries[count].e_tag)
		count++;
	return set_count(path, name, entries, count);
}

static void expect(const char *path, const char *name,
		   const struct posix_acl_xattr_entry *entries)
{
	struct acl acl;
	ssize_t len = OK(getxattr(path, name, &acl, sizeof(acl)));
	size_t count = 0;

	IS(POSIX_ACL_XATTR_VERSION, acl.header.a_version);
	for (; entries[count].e_tag; count++) {
		note("%s of %s, entry %zu", name, path, count);
		CHECK(len_of(count + 1) <= (size_t)len);
		IS(entries[count].e_tag, acl.entries[count].e_tag);
		IS(entries[count].e_perm, acl.entries[count].e_perm);
		IS(entries[count].e_id, acl.entries[count].e_id);
	}
	IS(len_of(count), len);
	note("%s", "");
}

static mode_t mode_of(const char *path)
{
	return stat_of(path).st_mode & MODE_BITS;
}

/* rw- owner, r-- ALICE, rw- STAFF, r-- group, rw- mask, --- other */
static const struct posix_acl_xattr_entry usual[] = {
	{ACL_USER_OBJ, 6, NOBODY},
	{ACL_USER, 4, ALICE},
	{ACL_GROUP_OBJ, 4, NOBODY},
	{ACL_GROUP, 6, STAFF},
	{ACL_MASK, 6, NOBODY},
	{ACL_OTHER, 0, NOBODY},
	{0},
};

static void set_and_get(void)
{
	make_file("f", 0644, 0, 0);
	FAILS(ENODATA, getxattr("f", ACCESS, NULL, 0));
	OK(set("f", ACCESS, usual));
	expect("f", ACCESS, usual);
	/* The group's bits of the mode are the mask. */
	IS(0660, mode_of("f"));
	OK(removexattr("f", ACCESS));
	FAILS(ENODATA, getxattr("f", ACCESS, NULL, 0));
	IS(0660, mode_of("f"));
	FAILS(EACCES, set("f", DEFAULT, usual));
}

/* One that says no more than a mode becomes the mode. */
static void minimal_is_a_mode(void)
{
	make_file("f", 0600, 0, 0);
	OK(set("f", ACCESS,
	       ACL_OF(ENTRY(ACL_USER_OBJ, 7, NOBODY),
		      ENTRY(ACL_GROUP_OBJ, 5, NOBODY),
		      ENTRY(ACL_OTHER, 1, NOBODY))));
	IS(0751, mode_of("f"));
	FAILS(ENODATA, getxattr("f", ACCESS, NULL, 0));
}

static void is_listed(void)
{
	char names[128];

	OK(mkdir("d", 0755));
	OK(set("d", ACCESS, usual));
	OK(set("d", DEFAULT, usual));
	IS(sizeof(ACCESS) + sizeof(DEFAULT),
	   listxattr("d", names, sizeof(names)));
	OK(removexattr("d", DEFAULT));
	IS(sizeof(ACCESS), listxattr("d", names, sizeof(names)));
	CHECK(!strcmp(names, ACCESS));
}

/* What chmod changes: owner, mask, other. */
static void chmod_changes_the_mask(void)
{
	make_file("f", 0644, 0, 0);
	OK(set("f", ACCESS, usual));
	OK(chmod("f", 0741));
	expect("f", ACCESS,
	       ACL_OF(ENTRY(ACL_USER_OBJ, 7, NOBODY), ENTRY(ACL_USER, 4, ALICE),
		      ENTRY(ACL_GROUP_OBJ, 4, NOBODY),
		      ENTRY(ACL_GROUP, 6, STAFF), ENTRY(ACL_MASK, 4, NOBODY),
		      ENTRY(ACL_OTHER, 1, NOBODY)));
	IS(0741, mode_of("f"));
	OK(fchmod(open_ok("f", O_RDWR), 0600));
	IS(0600, mode_of("f"));
	become(ALICE, PUBLIC, -1);
	FAILS(EACCES, open("f", O_RDONLY));
}

/* Who gets what of: owner rw, ALICE r, group r, STAFF rw, mask, other none */
static void grants(void)
{
	static const struct {
		uid_t uid;
		gid_t gid, supplementary;
		unsigned int mask;
		int read, write;
	} rows[] = {
		{CAROL, PUBLIC, -1, 6, 0, 0},
		{CAROL, PUBLIC, -1, 0, 0, 0},
		{ALICE, PUBLIC, -1, 6, 0, EACCES},
		{ALICE, STAFF, -1, 6, 0, EACCES},
		{ALICE, PUBLIC, -1, 2, EACCES, EACCES},
		{BOB, CREW, -1, 6, 0, EACCES},
		{BOB, PUBLIC, CREW, 6, 0, EACCES},
		{BOB, STAFF, -1, 6, 0, 0},
		{BOB, PUBLIC, STAFF, 6, 0, 0},
		{BOB, PUBLIC, STAFF, 4, 0, EACCES},
		{BOB, CREW, STAFF, 6, 0, 0},
		{BOB, CREW, STAFF, 2, EACCES, 0},
		{BOB, PUBLIC, -1, 7, EACCES, EACCES},
	};
	struct posix_acl_xattr_entry entries[ARRAY_SIZE(usual)];

	make_file("f", 0644, CAROL, CREW);
	memcpy(entries, usual, sizeof(usual));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		entries[4].e_perm = rows[i].mask;
		OK(set("f", ACCESS, entries));
		note("row %zu", i);
		become(rows[i].uid, rows[i].gid, rows[i].supplementary);
		GIVES(rows[i].read, open("f", O_RDONLY));
		GIVES(rows[i].write, open("f", O_WRONLY));
		GIVES(rows[i].read, faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
		become_root();
	}
}

static void grants_in_directories(void)
{
	make_dir("d", 0700, CAROL, CREW);
	make_file("d/f", 0644, CAROL, CREW);
	OK(set("d", ACCESS,
	       ACL_OF(ENTRY(ACL_USER_OBJ, 7, NOBODY), ENTRY(ACL_USER, 7, ALICE),
		      ENTRY(ACL_USER, 1, BOB), ENTRY(ACL_GROUP_OBJ, 0, NOBODY),
		      ENTRY(ACL_MASK, 7, NOBODY),
		      ENTRY(ACL_OTHER, 0, NOBODY))));
	become(ALICE, PUBLIC, -1);
	OK(mkdir("d/new", 0755));
	OK(unlink("d/f"));
	become(BOB, PUBLIC, -1);
	OK(access("d/new", F_OK));
	FAILS(EACCES, mkdir("d/bob", 0755));
	FAILS(EACCES, open("d", O_RDONLY));
	become(BOB, CREW, -1);
	FAILS(EACCES, open("d", O_RDONLY));
}

static void only_the_owner_sets(void)
{
	make_file("f", 0666, ALICE, STAFF);
	become(BOB, CREW, -1);
	FAILS(EPERM, set("f", ACCESS, usual));
	FAILS(EPERM, removexattr("f", ACCESS));
	become(ALICE, STAFF, -1);
	OK(set("f", ACCESS, usual));
	become(BOB, STAFF, -1);
	expect("f", ACCESS, usual);
}

static void inherited_by_files(void)
{
	OK(mkdir("d", 0755));
	OK(set("d", DEFAULT, usual));
	expect("d", DEFAULT, usual);
	FAILS(ENODATA, getxattr("d", ACCESS, NULL, 0));
	/* The mode asked for limits owner, mask and other; no umask. */
	umask(0777);
	close((int)OK(open("d/f", O_CREAT | O_WRONLY, 0644)));
	IS(0640, mode_of("d/f"));
	expect("d/f", ACCESS,
	       ACL_OF(ENTRY(ACL_USER_OBJ, 6, NOBODY), ENTRY(ACL_USER, 4, ALICE),
		      ENTRY(ACL_GROUP_OBJ, 4, NOBODY),
		      ENTRY(ACL_GROUP, 6, STAFF), ENTRY(ACL_MASK, 4, NOBODY),
		      ENTRY(ACL_OTHER, 0, NOBODY)));
	FAILS(ENODATA, getxattr("d/f", DEFAULT, NULL, 0));
	OK(mkfifo("d/p", 0666));
	IS(0660, mode_of("d/p"));
	OK(symlink("f", "d/s"));
	IS(0777, mode_of("d/s"));
	CHECK(lgetxattr("d/s", ACCESS, NULL, 0) < 0);
}

static void inherited_by_dirs(void)
{
	OK(mkdir("d", 0755));
	OK(set("d", DEFAULT, usual));
	umask(077);
	OK(mkdir("d/sub", 0777));
	expect("d/sub", DEFAULT, usual);
	expect("d/sub", ACCESS, usual);
	IS(0660, mode_of("d/sub"));
	OK(mkdir("d/sub2", 0700));
	IS(0600, mode_of("d/sub2"));
	OK(mkdir("d/sub/deep", 0777));
	expect("d/sub/deep", DEFAULT, usual);
}

/* Without one, the umask is what counts. */
static void umask_without_default(void)
{
	OK(mkdir("d", 0755));
	OK(set("d", ACCESS, usual));
	umask(027);
	close((int)OK(open("d/f", O_CREAT | O_WRONLY, 0666)));
	IS(0640, mode_of("d/f"));
	FAILS(ENODATA, getxattr("d/f", ACCESS, NULL, 0));
}

static void minimal_default(void)
{
	OK(mkdir("d", 0755));
	OK(set("d", DEFAULT,
	       ACL_OF(ENTRY(ACL_USER_OBJ, 7, NOBODY),
		      ENTRY(ACL_GROUP_OBJ, 6, NOBODY),
		      ENTRY(ACL_OTHER, 4, NOBODY))));
	umask(077);
	close((int)OK(open("d/f", O_CREAT | O_WRONLY, 0666)));
	IS(0664, mode_of("d/f"));
	FAILS(ENODATA, getxattr("d/f", ACCESS, NULL, 0));
	close((int)OK(open("d", O_TMPFILE | O_RDWR, 0666)));
}

static void unnamed_inherits(void)
{
	int fd;

	OK(mkdir("d", 0755));
	OK(set("d", DEFAULT, usual));
	umask(077);
	fd = (int)OK(open("d", O_TMPFILE | O_RDWR, 0666));
	IS(0660, stat_fd(fd).st_mode & MODE_BITS);
	IS(len_of(6), fgetxattr(fd, ACCESS, NULL, 0));
}

/* Setting one as a stranger to the group takes the set-group-ID bit. */
static void clears_setgid(void)
{
	make_file("f", 02755, ALICE, STAFF);
	become(ALICE, CREW, -1);
	OK(set("f", ACCESS, usual));
	IS(0660, mode_of("f"));
	become_root();
	OK(chmod("f", 02755));
	become(ALICE, STAFF, -1);
	OK(set("f", ACCESS, usual));
	IS(02660, mode_of("f"));
	become_root();
	OK(set("f", ACCESS, usual));
	IS(02660, mode_of("f"));
}

static void keeps_setuid_and_sticky(void)
{
	make_file("f", 05755, ALICE, STAFF);
	become(ALICE, STAFF, -1);
	OK(set("f", ACCESS, usual));
	IS(05660, mode_of("f"));
}

static void broken_ones(void)
{
	static const struct posix_acl_xattr_entry no_mask[] = {
		{ACL_USER_OBJ, 6, NOBODY},
		{ACL_USER, 4, ALICE},
		{ACL_GROUP_OBJ, 4, NOBODY},
		{ACL_OTHER, 0, NOBODY},
		{0}};
	static const struct posix_acl_xattr_entry no_other[] = {
		{ACL_USER_OBJ, 6, NOBODY}, {ACL_GROUP_OBJ, 4, NOBODY}, {0}};
	static const struct posix_acl_xattr_entry order[] = {
		{ACL_GROUP_OBJ, 4, NOBODY},
		{ACL_USER_OBJ, 6, NOBODY},
		{ACL_OTHER, 0, NOBODY},
		{0}};
	static const struct posix_acl_xattr_entry tag[] = {
		{ACL_USER_OBJ, 6, NOBODY},
		{ACL_GROUP_OBJ, 4, NOBODY},
		{ACL_OTHER, 0, NOBODY},
		{0x40, 0, NOBODY},
		{0}};
	static const struct posix_acl_xattr_entry bits[] = {
		{ACL_USER_OBJ, 8, NOBODY},
		{ACL_GROUP_OBJ, 4, NOBODY},
		{ACL_OTHER, 0, NOBODY},
		{0}};
	static const struct posix_acl_xattr_entry *const all[] = {
		no_mask, no_other, order, tag, bits};
	struct acl acl = {.header.a_version = 1};

	make_file("f", 0644, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		note("list %zu", i);
		FAILS(EINVAL, set("f", ACCESS, all[i]));
	}
	FAILS(EOPNOTSUPP, setxattr("f", ACCESS, &acl, len_of(0), 0));
	acl.header.a_version = POSIX_ACL_XATTR_VERSION;
	FAILS(EINVAL, setxattr("f", ACCESS, &acl, 3, 0));
	FAILS(EINVAL, setxattr("f", ACCESS, &acl, len_of(1) - 1, 0));
	IS(0644, mode_of("f"));
	FAILS(ENODATA, getxattr("f", ACCESS, NULL, 0));
}

/* One for so many users, and its number of entries */
static size_t list_users(struct posix_acl_xattr_entry *entries,
			 unsigned int users)
{
	size_t count = 0;

	entries[count++] = ENTRY(ACL_USER_OBJ, 6, NOBODY);
	for (unsigned int i = 0; i < users; i++)
		entries[count++] = ENTRY(ACL_USER, 4, ALICE + i);
	entries[count++] = ENTRY(ACL_GROUP_OBJ, 4, NOBODY);
	entries[count++] = ENTRY(ACL_MASK, 6, NOBODY);
	entries[count++] = ENTRY(ACL_OTHER, 0, NOBODY);
	return count;
}

/* So many that they hardly fit into a block */
static void many_entries(void)
{
	enum { USERS = 400 };
	struct posix_acl_xattr_entry entries[MAX_ENTRIES];
	size_t count = list_users(entries, USERS);

	make_file("f", 0644, 0, 0);
	OK(set_count("f", ACCESS, entries, count));
	IS(len_of(count), getxattr("f", ACCESS, NULL, 0));
	become(ALICE + USERS - 1, PUBLIC, -1);
	close(open_ok("f", O_RDONLY));
	become(ALICE + USERS, PUBLIC, -1);
	FAILS(EACCES, open("f", O_RDONLY));
	become_root();
	OK(link("f", "g"));
	IS(len_of(count), getxattr("g", ACCESS, NULL, 0));
}

/* One that does not fit changes nothing. */
static void too_many_entries(void)
{
	struct posix_acl_xattr_entry entries[MAX_ENTRIES];
	size_t count = list_users(entries, MAX_ENTRIES - 4);

	make_file("f", 0644, 0, 0);
	OK(set("f", ACCESS, usual));
	FAILS(ENOSPC, set_count("f", ACCESS, entries, count));
	expect("f", ACCESS, usual);
	IS(0660, mode_of("f"));
}

/* No access by name, but by what a list said before it changed */
static void change_is_seen_at_once(void)
{
	make_file("f", 0600, CAROL, CREW);
	for (int i = 0; i < 10; i++) {
		OK(set("f", ACCESS, usual));
		become(ALICE, PUBLIC, -1);
		close(open_ok("f", O_RDONLY));
		become_root();
		OK(removexattr("f", ACCESS));
		OK(chmod("f", 0600));
		become(ALICE, PUBLIC, -1);
		FAILS(EACCES, open("f", O_RDONLY));
		become_root();
	}
}

const struct test_case acl_cases[] = {
	CASE(set_and_get),
	CASE(minimal_is_a_mode),
	CASE(is_listed),
	CASE(chmod_changes_the_mask),
	CASE(grants),
	CASE(grants_in_directories),
	CASE(only_the_owner_sets),
	CASE(inherited_by_files),
	CASE(inherited_by_dirs),
	CASE(umask_without_default),
	CASE(minimal_default),
	CASE(unnamed_inherits),
	CASE(clears_setgid),
	CASE(keeps_setuid_and_sticky),
	CASE(broken_ones),
	CASE(many_entries),
	CASE(too_many_entries),
	CASE(change_is_seen_at_once),
	{0},
};
