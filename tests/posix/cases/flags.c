/*
 * Flags of files by ioctl(): immutable, append-only and others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum {
	CHANGEABLE = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NOATIME_FL |
		     FS_NODUMP_FL | FS_SYNC_FL
};

static int flags_of(const char *path)
{
	int fd = open_ok(path, O_RDONLY);
	int flags = 0;

	OK(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	close(fd);
	return flags;
}

/* Set those of CHANGEABLE to these. */
static int set_flags(const char *path, int flags)
{
	int fd = open_ok(path, O_RDONLY);
	int all = (flags_of(path) & ~CHANGEABLE) | flags;
	int result = ioctl(fd, FS_IOC_SETFLAGS, &all);

	close(fd);
	return result;
}

static void get_and_set(void)
{
	static const int flags[] = {FS_NODUMP_FL, FS_NOATIME_FL,   FS_SYNC_FL,
				    FS_APPEND_FL, FS_IMMUTABLE_FL, 0};

	put_text("f", "text");
	OK(mkdir("d", 0755));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		note("flags %#x", flags[i]);
		OK(set_flags("f", flags[i]));
		IS(flags[i], flags_of("f") & CHANGEABLE);
		OK(set_flags("d", flags[i]));
		IS(flags[i], flags_of("d") & CHANGEABLE);
	}
}

static void immutable_file(void)
{
	static const struct timespec times[] = {{1000, 1}, {2000, 2}};

	put_text("f", "text");
	OK(set_flags("f", FS_IMMUTABLE_FL));
	FAILS(EPERM, truncate("f", 0));
	FAILS(EPERM, chmod("f", 0600));
	FAILS(EPERM, chown("f", ALICE, STAFF));
	FAILS(EPERM, utimensat(AT_FDCWD, "f", times, 0));
	FAILS(EPERM, setxattr("f", "user.a", "x", 1, 0));
	FAILS(EPERM, unlink("f"));
	FAILS(EPERM, rename("f", "g"));
	FAILS(EPERM, link("f", "g"));
	put_text("h", "text");
	FAILS(EPERM, rename("h", "f"));
	expect_text("f", "text");
	OK(set_flags("f", 0));
	OK(rename("h", "f"));
}

/* Where it opens all the same, nothing can be written. */
static void immutable_file_stays(void)
{
	int fd;

	put_text("f", "text");
	OK(set_flags("f", FS_IMMUTABLE_FL));
	fd = open("f", O_WRONLY | O_APPEND);
	FAILS(EPERM, fd < 0 ? fd : write(fd, "x", 1));
	fd = open("f", O_RDONLY | O_TRUNC);
	FAILS(EPERM, fd);
	expect_text("f", "text");
}

static void immutable_file_does_not_open(void)
{
	put_text("f", "text");
	OK(set_flags("f", FS_IMMUTABLE_FL));
	FAILS(EPERM, open("f", O_RDWR));
	FAILS(EPERM, open("f", O_WRONLY | O_APPEND));
	close(open_ok("f", O_RDONLY));
}

static void immutable_dir(void)
{
	OK(mkdir("d", 0755));
	put_text("d/f", "text");
	OK(set_flags("d", FS_IMMUTABLE_FL));
	FAILS(EPERM, open("d/g", O_CREAT | O_WRONLY, 0644));
	FAILS(EPERM, mkdir("d/g", 0755));
	FAILS(EPERM, unlink("d/f"));
	FAILS(EPERM, rename("d/f", "d/g"));
	FAILS(EPERM, rmdir("d"));
	put_text("d/f", "more");
	OK(set_flags("d", 0));
	OK(unlink("d/f"));
}

static void append_only_file(void)
{
	int fd;

	put_text("f", "one");
	OK(set_flags("f", FS_APPEND_FL));
	FAILS(EPERM, open("f", O_RDWR | O_APPEND | O_TRUNC));
	fd = open_ok("f", O_WRONLY | O_APPEND);
	IS(3, write(fd, "two", 3));
	FAILS(EPERM, ftruncate(fd, 0));
	FAILS(EPERM, truncate("f", 0));
	FAILS(EPERM, unlink("f"));
	FAILS(EPERM, rename("f", "g"));
	FAILS(EPERM, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, 4096));
	expect_text("f", "onetwo");
	OK(set_flags("f", 0));
}

static void append_only_file_opens_so(void)
{
	put_text("f", "one");
	OK(set_flags("f", FS_APPEND_FL));
	FAILS(EPERM, open("f", O_WRONLY));
	FAILS(EPERM, open("f", O_RDWR));
	close(open_ok("f", O_RDWR | O_APPEND));
}

static void append_only_stays_so(void)
{
	int fd;

	put_text("f", "one");
	OK(set_flags("f", FS_APPEND_FL));
	fd = open_ok("f", O_WRONLY | O_APPEND);
	FAILS(EPERM, fcntl(fd, F_SETFL, 0));
}

static void append_only_dir(void)
{
	OK(mkdir("d", 0755));
	put_text("d/f", "text");
	OK(set_flags("d", FS_APPEND_FL));
	put_text("d/g", "text");
	FAILS(EPERM, unlink("d/f"));
	FAILS(EPERM, rename("d/f", "f"));
	OK(set_flags("d", 0));
	OK(unlink("d/f"));
}

/* Those two are for root; the harmless ones for the owner. */
static void who_may_set(void)
{
	make_file("f", 0666, ALICE, STAFF);
	become(ALICE, STAFF, -1);
	OK(set_flags("f", FS_NODUMP_FL));
	FAILS(EPERM, set_flags("f", FS_IMMUTABLE_FL));
	FAILS(EPERM, set_flags("f", FS_APPEND_FL));
	become(BOB, CREW, -1);
	FAILS(EPERM, set_flags("f", 0));
	IS(FS_NODUMP_FL, flags_of("f") & CHANGEABLE);
	become_root();
	OK(set_flags("f", FS_IMMUTABLE_FL));
	become(ALICE, STAFF, -1);
	FAILS(EPERM, set_flags("f", 0));
}

static void extended_flags(void)
{
	struct fsxattr attr;
	int fd;

	put_text("f", "text");
	fd = open_ok("f", O_RDONLY);
	OK(ioctl(fd, FS_IOC_FSGETXATTR, &attr));
	IS(0, attr.fsx_xflags & (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND));
	attr.fsx_xflags |= FS_XFLAG_IMMUTABLE | FS_XFLAG_NODUMP;
	OK(ioctl(fd, FS_IOC_FSSETXATTR, &attr));
	IS(FS_IMMUTABLE_FL | FS_NODUMP_FL, flags_of("f") & CHANGEABLE);
	FAILS(EPERM, unlink("f"));
	memset(&attr, 0, sizeof(attr));
	OK(ioctl(fd, FS_IOC_FSGETXATTR, &attr));
	CHECK(attr.fsx_xflags & FS_XFLAG_IMMUTABLE);
	attr.fsx_xflags &= ~(FS_XFLAG_IMMUTABLE | FS_XFLAG_NODUMP);
	OK(ioctl(fd, FS_IOC_FSSETXATTR, &attr));
	IS(0, flags_of("f") & CHANGEABLE);
	OK(unlink("f"));
}

static void unknown_ioctls(void)
{
	char data[128] = {0};
	int file, dir;

	put_text("f", "text");
	file = open_ok("f", O_RDWR);
	dir = open_ok(".", O_RDONLY | O_DIRECTORY);
	FAILS(ENOTTY, ioctl(file, _IOWR('w', 99, data), data));
	FAILS(ENOTTY, ioctl(dir, _IOR('w', 99, data), data));
	FAILS(ENOTTY, ioctl(file, _IO('w', 98), 0));
	FAILS(ENOTTY, ioctl(file, 0x5401, data)); /* TCGETS: isatty() */
	CHECK(!isatty(file));
}

const struct test_case flags_cases[] = {
	CASE(get_and_set),
	CASE(immutable_file),
	CASE(immutable_file_stays),
	CASE(immutable_file_does_not_open),
	CASE(immutable_dir),
	CASE(append_only_file),
	CASE(append_only_file_opens_so),
	CASE(append_only_stays_so),
	CASE(append_only_dir),
	CASE(who_may_set),
	CASE(extended_flags),
	CASE(unknown_ioctls),
	{0},
};
