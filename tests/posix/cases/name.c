/*
 * Names and paths: their bytes and their lengths.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

static const char *name_of_len(size_t len)
{
	static char name[PATH_MAX + 256];

	memset(name, 'n', len);
	name[len] = 0;
	return name;
}

static void longest(void)
{
	const char *name = name_of_len(NAME_MAX);

	put_text(name, "text");
	expect_text(name, "text");
	OK(link(name, "l"));
	OK(unlink(name));
	OK(rename("l", name));
	OK(unlink(name));
	OK(mkdir(name, 0755));
	OK(rmdir(name));
	OK(symlink("x", name));
	OK(unlink(name));
	OK(mkfifo(name, 0600));
	OK(unlink(name));
}

static void too_long(void)
{
	const char *name = name_of_len(NAME_MAX + 1);
	struct stat st;

	put_text("f", "text");
	FAILS(ENAMETOOLONG, open(name, O_CREAT | O_WRONLY, 0644));
	FAILS(ENAMETOOLONG, open(name, O_RDONLY));
	FAILS(ENAMETOOLONG, lstat(name, &st));
	FAILS(ENAMETOOLONG, mkdir(name, 0755));
	FAILS(ENAMETOOLONG, symlink("x", name));
	FAILS(ENAMETOOLONG, mkfifo(name, 0644));
	FAILS(ENAMETOOLONG, link("f", name));
	FAILS(ENAMETOOLONG, rename("f", name));
	FAILS(ENAMETOOLONG, rename(name, "f"));
	FAILS(ENAMETOOLONG, unlink(name));
	FAILS(ENAMETOOLONG, rmdir(name));
}

/* A name's length is in bytes, not in letters. */
static void longest_in_utf8(void)
{
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < NAME_MAX; i += 3)
		memcpy(name + i, "\xe2\x82\xac", 3);
	name[NAME_MAX] = 0;
	put_text(name, "text");
	expect_text(name, "text");
}

static void path_max(void)
{
	char path[PATH_MAX + 2];
	size_t len = 0;

	for (; len < PATH_MAX - 1; len += 2)
		memcpy(path + len, "./", 2);
	put_text("f", "text");
	path[PATH_MAX - 2] = 'f';
	path[PATH_MAX - 1] = 0;
	expect_text(path, "text");
	memcpy(path + PATH_MAX - 2, "/f", 3);
	FAILS(ENAMETOOLONG, open(path, O_RDONLY));
}

/* Deeper than any path can name. */
static void deep_tree(void)
{
	const char *name = name_of_len(200);
	enum { DEPTH = 40 };

	for (int i = 0; i < DEPTH; i++) {
		OK(mkdir(name, 0755));
		OK(chdir(name));
	}
	put_text("f", "text");
	expect_text("f", "text");
	OK(unlink("f"));
	for (int i = 0; i < DEPTH; i++) {
		OK(chdir(".."));
		OK(rmdir(name));
	}
}

/* All bytes but 0 and /, also where they look like something else. */
static void every_byte(void)
{
	struct dirent *entry;
	int seen = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	for (int byte = 1; byte < 256; byte++) {
		char path[] = {'d', '/', (char)byte, 'x', 0};

		if (byte == '/')
			continue;
		note("byte %#x", byte);
		close((int)OK(open(path, O_CREAT | O_EXCL | O_WRONLY, 0644)));
	}
	dir = opendir("d");
	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[1] == 'x' && !entry->d_name[2])
			seen++;
	}
	closedir(dir);
	IS(254, seen);
	for (int byte = 1; byte < 256; byte++) {
		char path[] = {'d', '/', (char)byte, 'x', 0};

		note("byte %#x", byte);
		if (byte != '/')
			OK(unlink(path));
	}
	OK(rmdir("d"));
}

static void odd_names(void)
{
	static const char *const names[] = {
		"...",	"..a",	    ".hidden", " ",	"-",
		"\\",	"\n",	    "a\tb",    "*",	"$(x)",
		"\xff", "\xc3\x28", "~",       "name.", "\xef\xbb\xbf",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		put_text(names[i], "text");
		CHECK(exists(names[i]));
		OK(unlink(names[i]));
		OK(mkdir(names[i], 0755));
		OK(rmdir(names[i]));
	}
}

/* Case and Unicode form count. */
static void no_folding(void)
{
	put_text("name", "1");
	put_text("Name", "2");
	put_text("\xc3\xa9", "3");
	put_text("e\xcc\x81", "4");
	expect_text("name", "1");
	expect_text("Name", "2");
	expect_text("\xc3\xa9", "3");
	expect_text("e\xcc\x81", "4");
}

static void empty_and_slashes(void)
{
	struct stat st;

	put_text("f", "text");
	FAILS(ENOENT, open("", O_RDONLY));
	FAILS(ENOENT, lstat("", &st));
	FAILS(ENOENT, unlink(""));
	FAILS(ENOENT, mkdir("", 0755));
	FAILS(EEXIST, mkdir(".", 0755));
	FAILS(EEXIST, mkdir("..", 0755));
	FAILS(EEXIST, mkdir("f", 0755));
	FAILS(EINVAL, rmdir("."));
	FAILS(EISDIR, unlink("."));
	FAILS(ENOTDIR, lstat("f/", &st));
	FAILS(ENOTDIR, lstat("f/.", &st));
	OK(mkdir("d/", 0755));
	OK(lstat(".//d///", &st));
	OK(rmdir("d/"));
}

/* A name that was missing, and then is not, and then is again. */
static void comes_and_goes(void)
{
	for (int i = 0; i < 50; i++) {
		CHECK(!exists("f"));
		put_text("f", "text");
		expect_text("f", "text");
		OK(unlink("f"));
		CHECK(!exists("f"));
		OK(mkdir("f", 0755));
		FAILS(EISDIR, open("f", O_WRONLY));
		OK(rmdir("f"));
	}
}

const struct test_case name_cases[] = {
	CASE(longest),
	CASE(too_long),
	CASE(longest_in_utf8),
	CASE(path_max),
	CASE(deep_tree),
	CASE(every_byte),
	CASE(odd_names),
	CASE(no_folding),
	CASE(empty_and_slashes),
	CASE(comes_and_goes),
	{0},
};
