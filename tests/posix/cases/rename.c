/*
 * rename() and renameat2(): what may take whose place.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { ATOMIC_ROUNDS = 300, UNKNOWN_FLAG = 1 << 3 };

static int rename_with(const char *from, const char *to, unsigned int flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* One of each kind, by these names, in a fresh directory. */
static void make_all(size_t number)
{
	char name[16];

	snprintf(name, sizeof(name), "%zu", number);
	OK(mkdir(name, 0755));
	OK(chdir(name));
	put_text("file", "file");
	put_text("file2", "file2");
	OK(mkdir("empty", 0755));
	OK(mkdir("empty2", 0755));
	OK(mkdir("full", 0755));
	put_text("full/name", "name");
	OK(symlink("file", "symlink"));
	OK(symlink("empty", "dirlink"));
	OK(symlink("missing", "dangling"));
	OK(mkfifo("fifo", 0600));
}

static const struct {
	const char *from, *to;
	unsigned int flags;
	int number;
} rows[] = {
	{"file", "new", 0, 0},
	{"file", "file2", 0, 0},
	{"file", "empty", 0, EISDIR},
	{"file", "full", 0, EISDIR},
	{"file", "symlink", 0, 0},
	{"file", "fifo", 0, 0},
	{"file", "file", 0, 0},
	{"fifo", "file", 0, 0},
	{"dangling", "file", 0, 0},
	{"symlink", "dangling", 0, 0},
	{"dirlink", "empty", 0, EISDIR},
	{"empty", "new", 0, 0},
	{"empty", "empty2", 0, 0},
	{"full", "empty", 0, 0},
	{"empty", "full", 0, ENOTEMPTY},
	{"empty", "file", 0, ENOTDIR},
	{"empty", "dirlink", 0, ENOTDIR},
	{"empty", "empty", 0, 0},
	{"full", "full/sub", 0, EINVAL},
	{"full", "full/name/sub", 0, ENOTDIR},
	{"missing", "new", 0, ENOENT},
	{"missing", "file", 0, ENOENT},
	{"file", "missing/new", 0, ENOENT},
	{"file", "file2/new", 0, ENOTDIR},
	{"file/", "new", 0, ENOTDIR},
	{"file", "new/", 0, ENOTDIR},
	{"empty/", "new/", 0, 0},
	{"empty/.", "new", 0, EBUSY},
	{"empty/..", "new", 0, EBUSY},
	{"file", "empty/.", 0, EBUSY},
	{"", "new", 0, ENOENT},
	{"file", "", 0, ENOENT},
	{"file", "new", RENAME_NOREPLACE, 0},
	{"full", "new", RENAME_NOREPLACE, 0},
	{"file", "file2", RENAME_NOREPLACE, EEXIST},
	{"file", "file", RENAME_NOREPLACE, EEXIST},
	{"empty", "empty2", RENAME_NOREPLACE, EEXIST},
	{"file", "dangling", RENAME_NOREPLACE, EEXIST},
	{"missing", "new", RENAME_NOREPLACE, ENOENT},
	{"file", "file2", RENAME_EXCHANGE, 0},
	{"file", "full", RENAME_EXCHANGE, 0},
	{"full", "empty", RENAME_EXCHANGE, 0},
	{"full", "symlink", RENAME_EXCHANGE, 0},
	{"file", "file", RENAME_EXCHANGE, 0},
	{"file", "new", RENAME_EXCHANGE, ENOENT},
	{"missing", "file", RENAME_EXCHANGE, ENOENT},
	{"full", "full/name", RENAME_EXCHANGE, EINVAL},
	{"full/name", "full", RENAME_EXCHANGE, EINVAL},
	{"file", "new", RENAME_WHITEOUT, 0},
	{"file", "file2", RENAME_WHITEOUT, 0},
	{"full", "new", RENAME_WHITEOUT, 0},
	{"file", "new", RENAME_WHITEOUT | RENAME_NOREPLACE, 0},
	{"file", "file2", RENAME_WHITEOUT | RENAME_NOREPLACE, EEXIST},
	{"file", "file2", RENAME_WHITEOUT | RENAME_EXCHANGE, EINVAL},
	{"file", "file2", RENAME_NOREPLACE | RENAME_EXCHANGE, EINVAL},
	{"file", "file2", UNKNOWN_FLAG, EINVAL},
	{"file", "file2", ~0U, EINVAL},
};

static void results(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_all(i);
		note("%s to %s, flags %u", rows[i].from, rows[i].to,
		     rows[i].flags);
		GIVES(rows[i].number,
		      rename_with(rows[i].from, rows[i].to, rows[i].flags));
		OK(chdir(".."));
	}
}

/* One side is replaced, the other is gone, the file stays itself. */
static void moves_the_file(void)
{
	struct stat old;

	put_text("a", "text of a");
	put_text("b", "text of b");
	old = stat_of("a");
	OK(rename("a", "b"));
	CHECK(!exists("a"));
	expect_text("b", "text of a");
	IS(old.st_ino, stat_of("b").st_ino);
	OK(mkdir("d", 0755));
	OK(rename("b", "d/c"));
	IS(old.st_ino, stat_of("d/c").st_ino);
	CHECK(!exists("b"));
}

/* Two names of one file: nothing happens. */
static void of_two_links_does_nothing(void)
{
	put_text("a", "text");
	OK(link("a", "b"));
	OK(rename("a", "b"));
	CHECK(exists("a") && exists("b"));
	IS(2, stat_of("a").st_nlink);
	OK(mkdir("d", 0755));
	OK(link("a", "d/a"));
	OK(rename("a", "d/a"));
	IS(3, stat_of("d/a").st_nlink);
}

static void replaced_file_lives_on(void)
{
	char text[8];
	int fd;

	put_text("a", "new");
	put_text("b", "old");
	fd = open_ok("b", O_RDWR);
	OK(rename("a", "b"));
	IS(0, stat_fd(fd).st_nlink);
	IS(3, pread(fd, text, sizeof(text), 0));
	CHECK(!memcmp(text, "old", 3));
	expect_text("b", "new");
}

static void while_open(void)
{
	int fd = open_ok("a", O_CREAT | O_RDWR);

	OK(write(fd, "one", 3));
	OK(mkdir("d", 0755));
	OK(rename("a", "d/b"));
	OK(write(fd, "two", 3));
	OK(fchmod(fd, 0640));
	OK(fsync(fd));
	expect_text("d/b", "onetwo");
	IS(0100640, stat_of("d/b").st_mode);
}

static void exchange(void)
{
	ino_t file, dir;

	put_text("f", "text");
	OK(mkdir("d", 0755));
	put_text("d/g", "inner");
	OK(mkdir("other", 0755));
	OK(rename("d", "other/d"));
	file = stat_of("f").st_ino;
	dir = stat_of("other/d").st_ino;
	OK(rename_with("f", "other/d", RENAME_EXCHANGE));
	IS(dir, stat_of("f").st_ino);
	IS(file, stat_of("other/d").st_ino);
	expect_text("f/g", "inner");
	expect_text("other/d", "text");
	/* The directory's .. went along, and so the link counts. */
	IS(stat_of(".").st_ino, stat_of("f/..").st_ino);
	IS(2, stat_of("other").st_nlink);
}

static void whiteout(void)
{
	struct stat st;

	put_text("f", "text");
	OK(rename_with("f", "g", RENAME_WHITEOUT));
	expect_text("g", "text");
	st = stat_of("f");
	CHECK(S_ISCHR(st.st_mode));
	IS(0, st.st_rdev);
}

static void link_counts_of_dirs(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	IS(2, stat_of("a").st_nlink);
	OK(mkdir("a/c", 0755));
	IS(3, stat_of("a").st_nlink);
	OK(rename("a/c", "b/c"));
	IS(2, stat_of("a").st_nlink);
	IS(3, stat_of("b").st_nlink);
	IS(stat_of("b").st_ino, stat_of("b/c/..").st_ino);
	OK(mkdir("a/c", 0755));
	OK(rename("b/c", "a/c"));
	IS(3, stat_of("a").st_nlink);
	IS(2, stat_of("b").st_nlink);
	OK(rmdir("a/c"));
	IS(2, stat_of("a").st_nlink);
}

static void dir_into_its_own_child(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("a/b", 0755));
	OK(mkdir("a/b/c", 0755));
	FAILS(EINVAL, rename("a", "a/b/new"));
	FAILS(EINVAL, rename("a", "a/b/c"));
	FAILS(ENOTEMPTY, rename("a/b/c", "a"));
	FAILS(EINVAL, rename_with("a", "a/b/c", RENAME_EXCHANGE));
	FAILS(EINVAL, rename_with("a/b/c", "a", RENAME_EXCHANGE));
}

/* A name that is replaced is never missing. */
static atomic_bool over;

static void *replace(void *arg)
{
	(void)arg;
	for (int i = 0; i < ATOMIC_ROUNDS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "new%d", i % 4);
		put_text(name, "text");
		OK(rename(name, "f"));
	}
	over = true;
	return NULL;
}

static void never_without_a_file(void)
{
	pthread_t thread;

	put_text("f", "text");
	IS(0, pthread_create(&thread, NULL, replace, NULL));
	while (!over)
		expect_text("f", "text");
	IS(0, pthread_join(thread, NULL));
	expect_text("f", "text");
}

static void over_the_cwd(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(chdir("b"));
	OK(rename("../a", "../b"));
	FAILS(ENOENT, open("f", O_CREAT | O_WRONLY, 0644));
	FAILS(ENOENT, mkdir("d", 0755));
	IS(0, stat_of(".").st_nlink);
}

const struct test_case rename_cases[] = {
	CASE(results),
	CASE(moves_the_file),
	CASE(of_two_links_does_nothing),
	CASE(replaced_file_lives_on),
	CASE(while_open),
	CASE(exchange),
	CASE(whiteout),
	CASE(link_counts_of_dirs),
	CASE(dir_into_its_own_child),
	CASE(never_without_a_file),
	CASE(over_the_cwd),
	{0},
};
