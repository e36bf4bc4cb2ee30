/*
 * Hard and symbolic links.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { LINKS_FOLLOWED = 40, MANY_LINKS = 1000 };

static void counts(void)
{
	char name[16];

	put_text("f", "text");
	for (int i = 1; i <= MANY_LINKS; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		OK(link("f", name));
	}
	IS(MANY_LINKS + 1, stat_of("f").st_nlink);
	IS(stat_of("f").st_ino, stat_of("l1000").st_ino);
	for (int i = 1; i <= MANY_LINKS; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		OK(unlink(name));
	}
	IS(1, stat_of("f").st_nlink);
}

/* What is written by one name is read by the other, and so are attributes. */
static void names_share_the_file(void)
{
	put_text("a", "one");
	OK(mkdir("d", 0755));
	OK(link("a", "d/b"));
	expect_text("d/b", "one");
	put_text("d/b", "twelve");
	expect_text("a", "twelve");
	OK(chmod("a", 0600));
	IS(0100600, stat_of("d/b").st_mode);
	OK(unlink("a"));
	expect_text("d/b", "twelve");
	IS(1, stat_of("d/b").st_nlink);
}

static void results(void)
{
	static const struct {
		const char *from, *to;
		int number;
	} rows[] = {
		{"f", "new", 0},
		{"f", "g", EEXIST},
		{"f", "f", EEXIST},
		{"d", "new", EPERM},
		{"missing", "new", ENOENT},
		{"f", "missing/new", ENOENT},
		{"f", "g/new", ENOTDIR},
		{"f/", "new", ENOTDIR},
		{"f", "d", EEXIST},
		{"f", "dangling", EEXIST},
		{"f", "", ENOENT},
		{"fifo", "new", 0},
		{"f", ".", EEXIST},
		{"f", "d/..", EEXIST},
	};

	put_text("f", "text");
	put_text("g", "text");
	OK(mkdir("d", 0755));
	OK(mkfifo("fifo", 0644));
	OK(symlink("missing", "dangling"));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		note("%s to %s", rows[i].from, rows[i].to);
		GIVES(rows[i].number, link(rows[i].from, rows[i].to));
		unlink("new");
	}
}

/* link() takes the symbolic link itself, linkat() what it is told. */
static void of_symlinks(void)
{
	put_text("f", "text");
	OK(symlink("f", "s"));
	OK(link("s", "l"));
	CHECK(S_ISLNK(stat_of("l").st_mode));
	IS(2, stat_of("s").st_nlink);
	OK(linkat(AT_FDCWD, "s", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	CHECK(S_ISREG(stat_of("followed").st_mode));
	IS(2, stat_of("f").st_nlink);
}

static void by_descriptor(void)
{
	int fd;

	put_text("f", "text");
	fd = open_ok("f", O_PATH);
	OK(linkat(fd, "", AT_FDCWD, "l", AT_EMPTY_PATH));
	IS(2, stat_of("l").st_nlink);
	OK(unlink("f"));
	OK(unlink("l"));
	/* Without a name it does not come back. */
	FAILS(ENOENT, linkat(fd, "", AT_FDCWD, "l", AT_EMPTY_PATH));
}

static void unlink_results(void)
{
	static const struct {
		const char *name;
		int number;
		bool dir;
	} rows[] = {
		{"missing", ENOENT, false},
		{"d", EISDIR, false},
		{"f/x", ENOTDIR, false},
		{"f/", ENOTDIR, false},
		{"dirlink", 0, false},
		{"dangling", 0, false},
		{"missing", ENOENT, true},
		{"f", ENOTDIR, true},
		{"full", ENOTEMPTY, true},
		{"d/.", EINVAL, true},
		{"d/..", ENOTEMPTY, true},
		{"dirlink2", ENOTDIR, true},
		{"d", 0, true},
		{"f", 0, false},
	};

	put_text("f", "text");
	OK(mkdir("d", 0755));
	OK(mkdir("full", 0755));
	OK(mkdir("full/d", 0755));
	OK(symlink("d", "dirlink"));
	OK(symlink("d", "dirlink2"));
	OK(symlink("missing", "dangling"));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		note("%s %s", rows[i].dir ? "rmdir" : "unlink", rows[i].name);
		GIVES(rows[i].number,
		      rows[i].dir ? rmdir(rows[i].name) : unlink(rows[i].name));
	}
}

static void symlink_results(void)
{
	static const struct {
		const char *target, *name;
		int number;
	} rows[] = {
		{"anything", "new", 0},	    {"", "new2", ENOENT},
		{"x", "f", EEXIST},	    {"x", "new", EEXIST},
		{"x", "missing/s", ENOENT}, {"x", "f/s", ENOTDIR},
	};

	put_text("f", "text");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		note("%s at %s", rows[i].target, rows[i].name);
		GIVES(rows[i].number, symlink(rows[i].target, rows[i].name));
	}
}

/* Targets of all lengths that the file system stores in its several ways. */
static void symlink_targets(void)
{
	static const size_t lens[] = {1, 59, 60, 61, 255, 4000, PATH_MAX - 1};
	char target[PATH_MAX + 1], got[PATH_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		note("%zu bytes", lens[i]);
		memset(target, 'a', lens[i]);
		target[lens[i]] = 0;
		OK(symlink(target, "s"));
		IS(lens[i], stat_of("s").st_size);
		IS(lens[i], readlink("s", got, sizeof(got)));
		CHECK(!memcmp(got, target, lens[i]));
		/* It is cut to the room there is. */
		IS(1, readlink("s", got, 1));
		OK(unlink("s"));
	}
	memset(target, 'a', PATH_MAX);
	target[PATH_MAX] = 0;
	FAILS(ENAMETOOLONG, symlink(target, "s"));
	put_text("f", "text");
	FAILS(EINVAL, readlink("f", got, sizeof(got)));
}

static void symlink_loops(void)
{
	struct stat st;

	OK(symlink("a", "b"));
	OK(symlink("b", "a"));
	OK(symlink("self", "self"));
	FAILS(ELOOP, open("a", O_RDONLY));
	FAILS(ELOOP, open("self", O_RDONLY));
	FAILS(ELOOP, stat("self/x", &st));
	FAILS(ELOOP, mkdir("a/d", 0755));
	FAILS(ELOOP, chmod("self", 0600));
	FAILS(ELOOP, truncate("self", 0));
	OK(lstat("self", &st));
	OK(unlink("self"));
}

/* A chain of symbolic links as long as Linux follows, and one longer. */
static void symlink_chain(void)
{
	char name[16], target[16] = "f";

	put_text("f", "text");
	for (int i = 1; i <= LINKS_FOLLOWED + 1; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		OK(symlink(target, name));
		memcpy(target, name, sizeof(name));
	}
	expect_text("s40", "text");
	FAILS(ELOOP, open("s41", O_RDONLY));
}

static void symlink_replaced(void)
{
	char got[8];

	put_text("one", "1");
	put_text("two", "2");
	for (int i = 0; i < 20; i++) {
		OK(symlink(i % 2 ? "two" : "one", "new"));
		OK(rename("new", "s"));
		IS(3, readlink("s", got, sizeof(got)));
		expect_text("s", i % 2 ? "2" : "1");
	}
}

static void symlink_into_dirs(void)
{
	OK(mkdir("d", 0755));
	OK(symlink("d", "s"));
	put_text("s/f", "text");
	expect_text("d/f", "text");
	OK(symlink("../d/f", "d/up"));
	expect_text("s/up", "text");
	FAILS(ENOTDIR, rmdir("s"));
	FAILS(ENOTDIR, open("d/f/x", O_RDONLY));
}

/* A link to what others own is theirs still. */
static void of_files_of_others(void)
{
	make_file("open", 0666, BOB, CREW);
	become(ALICE, STAFF, -1);
	OK(link("open", "l"));
	IS(BOB, stat_of("l").st_uid);
}

const struct test_case link_cases[] = {
	CASE(counts),
	CASE(names_share_the_file),
	CASE(results),
	CASE(of_symlinks),
	CASE(by_descriptor),
	CASE(unlink_results),
	CASE(symlink_results),
	CASE(symlink_targets),
	CASE(symlink_loops),
	CASE(symlink_chain),
	CASE(symlink_replaced),
	CASE(symlink_into_dirs),
	CASE(of_files_of_others),
	{0},
};
