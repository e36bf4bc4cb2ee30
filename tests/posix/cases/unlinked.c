/*
 * Files without a name: removed while open, or made so by O_TMPFILE.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { SIZE = 20000, MODE_BITS = 07777 };

static int removed_file(void)
{
	int fd = open_ok("f", O_CREAT | O_EXCL | O_RDWR);

	OK(unlink("f"));
	return fd;
}

static int unnamed_file(void)
{
	return (int)OK(open(".", O_TMPFILE | O_RDWR, 0644));
}

/* All that can be done with a descriptor goes on. */
static void use(int fd)
{
	static const struct timespec times[] = {{1000, 5}, {2000, 6}};
	char data[SIZE], got[SIZE];
	struct stat st;

	IS(0, stat_fd(fd).st_nlink);
	fill(data, SIZE, 0, 1);
	IS(SIZE, pwrite(fd, data, SIZE, 0));
	IS(SIZE, pread(fd, got, SIZE, 0));
	CHECK(!memcmp(data, got, SIZE));
	OK(ftruncate(fd, 100));
	OK(fchmod(fd, 0640));
	OK(fchown(fd, ALICE, STAFF));
	OK(futimens(fd, times));
	st = stat_fd(fd);
	IS(100, st.st_size);
	IS(0100640, st.st_mode);
	IS(ALICE, st.st_uid);
	IS(STAFF, st.st_gid);
	IS(ns_of(times[1]), ns_of(st.st_mtim));
	IS(0, st.st_nlink);
	OK(fallocate(fd, 0, 0, SIZE));
	OK(fsync(fd));
	OK(fsetxattr(fd, "user.x", "value", 5, 0));
	IS(5, fgetxattr(fd, "user.x", got, SIZE));
	IS(SIZE, stat_fd(fd).st_size);
}

static void removed(void)
{
	use(removed_file());
}

static void replaced(void)
{
	int fd = open_ok("f", O_CREAT | O_RDWR);

	put_text("new", "new");
	OK(rename("new", "f"));
	use(fd);
	expect_text("f", "new");
}

static void unnamed(void)
{
	use(unnamed_file());
}

static void map_lives_on(void)
{
	int fd = removed_file();
	char *map;

	OK(ftruncate(fd, SIZE));
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	OK(close(fd));
	fill(map, SIZE, 0, 2);
	OK(msync(map, SIZE, MS_SYNC));
	CHECK(filled(map, SIZE, 0, 2));
}

/* The same name again is another file. */
static void name_is_free(void)
{
	int fd = removed_file();
	ino_t old = stat_fd(fd).st_ino;

	OK(write(fd, "old", 3));
	put_text("f", "new");
	CHECK(stat_of("f").st_ino != old);
	expect_text("f", "new");
	IS(3, stat_fd(fd).st_size);
}

/* By /proc, a file without a name is opened again. */
static void opened_again(void)
{
	char path[32], data[8];
	int fd = removed_file(), again;

	OK(write(fd, "text", 4));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open_ok(path, O_RDWR);
	IS(4, read(again, data, sizeof(data)));
	OK(write(again, "more", 4));
	IS(8, stat_fd(fd).st_size);
	again = open_ok(path, O_WRONLY | O_TRUNC);
	IS(0, stat_fd(fd).st_size);
	OK(truncate(path, 77));
	IS(77, stat_fd(again).st_size);
}

static void unnamed_gets_a_name(void)
{
	char path[32];
	int fd = unnamed_file();

	OK(write(fd, "text", 4));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, "f", AT_SYMLINK_FOLLOW));
	IS(1, stat_fd(fd).st_nlink);
	IS(stat_fd(fd).st_ino, stat_of("f").st_ino);
	expect_text("f", "text");
	FAILS(EEXIST, linkat(AT_FDCWD, path, AT_FDCWD, "f", AT_SYMLINK_FOLLOW));
	OK(unlink("f"));
	/* It had one, so it is gone for good. */
	FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "g", AT_SYMLINK_FOLLOW));
}

static void unnamed_exclusive_stays_so(void)
{
	char path[32];
	int fd = (int)OK(open(".", O_TMPFILE | O_EXCL | O_RDWR, 0644));

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "f", AT_SYMLINK_FOLLOW));
}

/* Made as any file: owner, group, mode */
static void unnamed_belongs_to_the_caller(void)
{
	struct stat st;

	make_dir("d", 02777, ALICE, CREW);
	umask(027);
	become(BOB, STAFF, -1);
	st = stat_fd((int)OK(open("d", O_TMPFILE | O_RDWR, 0666)));
	IS(BOB, st.st_uid);
	IS(CREW, st.st_gid);
	IS(0640, st.st_mode & MODE_BITS);
	st = stat_fd((int)OK(open(".", O_TMPFILE | O_RDWR, 0666)));
	IS(STAFF, st.st_gid);
}

static void unnamed_leaves_no_trace(void)
{
	struct stat before, after;

	before = stat_of(".");
	sleep_ms(15);
	for (int i = 0; i < 20; i++)
		close(unnamed_file());
	after = stat_of(".");
	IS(ns_of(before.st_mtim), ns_of(after.st_mtim));
	IS(before.st_nlink, after.st_nlink);
	OK(mkdir("d", 0755));
	close((int)OK(open("d", O_TMPFILE | O_RDWR, 0644)));
	OK(rmdir("d"));
}

/* A directory that is gone while it and its file are open */
static void in_a_removed_dir(void)
{
	int fd, dir;

	OK(mkdir("d", 0755));
	dir = open_ok("d", O_RDONLY | O_DIRECTORY);
	fd = (int)OK(openat(dir, "f", O_CREAT | O_RDWR, 0644));
	OK(unlink("d/f"));
	OK(rmdir("d"));
	OK(write(fd, "text", 4));
	IS(0, stat_fd(dir).st_nlink);
	OK(fchmod(dir, 0700));
	FAILS(ENOENT, openat(dir, "g", O_CREAT | O_RDWR, 0644));
}

const struct test_case unlinked_cases[] = {
	CASE(removed),
	CASE(replaced),
	CASE(map_lives_on),
	CASE(name_is_free),
	CASE(opened_again),
	CASE(in_a_removed_dir),
	CASE(unnamed),
	CASE(unnamed_gets_a_name),
	CASE(unnamed_exclusive_stays_so),
	CASE(unnamed_belongs_to_the_caller),
	CASE(unnamed_leaves_no_trace),
	{0},
};
