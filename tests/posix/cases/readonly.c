/*
 * A directory that is mounted read-only here: everything can be read, nothing
 * changed. All is made by the other side.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

static void make_all(void)
{
	put_text(peer_path("f"), "text");
	OK(chmod(peer_path("f"), 0666));
	OK(setxattr(peer_path("f"), "user.a", "value", 5, 0));
	OK(mkdir(peer_path("d"), 0777));
	OK(mkdir(peer_path("empty"), 0777));
	put_text(peer_path("d/g"), "text");
	OK(symlink("f", peer_path("s")));
	OK(mkfifo(peer_path("p"), 0666));
}

static void expect_unchanged(void)
{
	struct stat st = stat_of(peer_path("f"));

	expect_text(peer_path("f"), "text");
	IS(0100666, st.st_mode);
	IS(0, st.st_uid);
	IS(1, st.st_nlink);
	IS(5, getxattr(peer_path("f"), "user.a", NULL, 0));
	expect_text(peer_path("d/g"), "text");
	CHECK(exists(peer_path("s")) && exists(peer_path("empty")));
	CHECK(!exists(peer_path("new")));
}

static void contents_stay(void)
{
	make_all();
	FAILS(EROFS, open("f", O_WRONLY));
	FAILS(EROFS, open("f", O_RDWR));
	FAILS(EROFS, open("f", O_RDWR | O_APPEND));
	FAILS(EROFS, open("f", O_RDONLY | O_TRUNC));
	FAILS(EROFS, open("s", O_WRONLY));
	FAILS(EROFS, truncate("f", 0));
	FAILS(EROFS, truncate("f", 100));
	expect_unchanged();
}

static void names_stay(void)
{
	make_all();
	FAILS(EROFS, open("new", O_CREAT | O_WRONLY, 0644));
	FAILS(EROFS, open("new", O_CREAT | O_RDONLY, 0644));
	FAILS(EROFS, open(".", O_TMPFILE | O_RDWR, 0644));
	FAILS(EROFS, mkdir("new", 0755));
	FAILS(EROFS, mkfifo("new", 0644));
	FAILS(EROFS, mknod("new", S_IFREG | 0644, 0));
	FAILS(EROFS, symlink("f", "new"));
	FAILS(EROFS, link("f", "new"));
	FAILS(EROFS, unlink("f"));
	FAILS(EROFS, unlink("s"));
	FAILS(EROFS, rmdir("empty"));
	FAILS(EROFS, rename("f", "new"));
	FAILS(EROFS, rename("f", "d/g"));
	FAILS(EROFS,
	      renameat2(AT_FDCWD, "f", AT_FDCWD, "d/g", RENAME_EXCHANGE));
	expect_unchanged();
}

static void attributes_stay(void)
{
	static const struct timespec times[] = {{1000, 1}, {2000, 2}};
	int flags = FS_NODUMP_FL;
	int fd;

	make_all();
	FAILS(EROFS, chmod("f", 0600));
	FAILS(EROFS, chmod("d", 0700));
	FAILS(EROFS, chown("f", ALICE, STAFF));
	FAILS(EROFS, lchown("s", ALICE, STAFF));
	FAILS(EROFS, utimensat(AT_FDCWD, "f", times, 0));
	FAILS(EROFS, utimensat(AT_FDCWD, "f", NULL, 0));
	FAILS(EROFS, setxattr("f", "user.a", "x", 1, 0));
	FAILS(EROFS, setxattr("f", "user.b", "x", 1, 0));
	FAILS(EROFS, setxattr("f", "trusted.b", "x", 1, 0));
	FAILS(EROFS, removexattr("f", "user.a"));
	fd = open_ok("f", O_RDONLY);
	FAILS(EROFS, fchmod(fd, 0600));
	FAILS(EROFS, fchown(fd, ALICE, STAFF));
	FAILS(EROFS, futimens(fd, times));
	FAILS(EROFS, fsetxattr(fd, "user.a", "x", 1, 0));
	FAILS(EROFS, ioctl(fd, FS_IOC_SETFLAGS, &flags));
	expect_unchanged();
}

static void everything_is_read(void)
{
	char value[8];
	DIR *dir;
	void *map;
	int fd;

	make_all();
	expect_text("f", "text");
	expect_text("s", "text");
	expect_text("d/g", "text");
	IS(5, getxattr("f", "user.a", value, sizeof(value)));
	dir = opendir("d");
	CHECK(dir && readdir(dir));
	fd = open_ok("f", O_RDONLY);
	map = mmap(NULL, 4, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && !memcmp(map, "text", 4));
	OK(flock(fd, LOCK_EX | LOCK_NB));
	OK(fcntl(fd, F_SETLK, &(struct flock){.l_type = F_RDLCK}));
	OK(fsync(fd));
	/* A FIFO is no part of the file system's contents. */
	OK(write(open_ok("p", O_RDWR), "x", 1));
	expect_unchanged();
}

/* Errors that do not depend on who may write are the same. */
static void errors_are_the_same(void)
{
	make_all();
	FAILS(ENOENT, open("missing", O_RDONLY));
	FAILS(ENOENT, open("missing", O_WRONLY));
	FAILS(EEXIST, mkdir("f", 0755));
	FAILS(EEXIST, open("f", O_CREAT | O_EXCL | O_WRONLY, 0644));
	FAILS(EISDIR, open("d", O_WRONLY));
	FAILS(ENOTDIR, open("f/x", O_RDONLY));
	expect_text("f", "text");
	close(open_ok("f", O_CREAT | O_RDONLY));
}

const struct test_case readonly_cases[] = {
	CASE_NEEDS(NEEDS_READ_ONLY, contents_stay),
	CASE_NEEDS(NEEDS_READ_ONLY, names_stay),
	CASE_NEEDS(NEEDS_READ_ONLY, attributes_stay),
	CASE_NEEDS(NEEDS_READ_ONLY, everything_is_read),
	CASE_NEEDS(NEEDS_READ_ONLY, errors_are_the_same),
	{0},
};
