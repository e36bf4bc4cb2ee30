/*
 * set-user-ID, set-group-ID and file capabilities: gone as soon as somebody
 * else may have changed the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { MODE_BITS = 07777, PAGE = 4096 };

#define CAPS "security.capability"

static mode_t mode_of(const char *path)
{
	return stat_of(path).st_mode & MODE_BITS;
}

/* A file of a page that others may write, with capabilities. */
static void make_program(mode_t mode)
{
	const struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1U << CAP_NET_RAW,
	};

	make_file("f", 0644, ALICE, STAFF);
	OK(truncate("f", PAGE));
	OK(setxattr("f", CAPS, &caps, sizeof(caps), 0));
	OK(chmod("f", mode));
}

static bool has_caps(void)
{
	char value[sizeof(struct vfs_ns_cap_data)];

	if (getxattr("f", CAPS, value, sizeof(value)) > 0)
		return true;
	IS(ENODATA, errno);
	return false;
}

/* The ways to change a file; with what flags it is opened. */
static void by_write(int fd)
{
	IS(1, pwrite(fd, "x", 1, 0));
}

static void by_writev(int fd)
{
	struct iovec iov = {(char[]){'x'}, 1};

	IS(1, pwritev(fd, &iov, 1, 0));
}

static void by_append(int fd)
{
	IS(1, write(fd, "x", 1));
}

static void by_direct_write(int fd)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));

	IS(PAGE, pwrite(fd, page, PAGE, 0));
}

static void by_ftruncate(int fd)
{
	OK(ftruncate(fd, 1));
}

static void by_fallocate(int fd)
{
	OK(fallocate(fd, 0, 0, 2 * PAGE));
}

static void by_punch(int fd)
{
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
}

static void by_copy(int fd)
{
	loff_t from = 0, to = PAGE;

	IS(PAGE, copy_file_range(fd, &from, fd, &to, PAGE, 0));
}

static void by_opening(int fd)
{
	(void)fd;
}

static void by_truncate(int fd)
{
	(void)fd;
	OK(truncate("f", 1));
}

struct way {
	void (*run)(int fd);
	int flags;
};

/* mode before and after; the writer's group. Without x, the group's bit is kept
 * for its members.
 */
static const struct {
	mode_t before, after;
	gid_t gid;
} modes[] = {
	{06777, 0777, CREW},  {04777, 0777, CREW},   {02777, 0777, CREW},
	{06767, 0767, CREW},  {06767, 02767, STAFF}, {02767, 02767, STAFF},
	{02777, 0777, STAFF}, {0777, 0777, CREW},    {01777, 01777, CREW},
};

static void cleared_by_stranger(void)
{
	const struct way *way = suite.now->arg;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		note("row %zu", i);
		make_program(modes[i].before);
		become(BOB, modes[i].gid, -1);
		way->run((int)OK(open("f", way->flags)));
		become_root();
		IS(modes[i].after, mode_of("f"));
		CHECK(!has_caps());
		OK(unlink("f"));
	}
}

/* The owner is no better. */
static void cleared_by_owner(void)
{
	const struct way *way = suite.now->arg;

	make_program(06777);
	become(ALICE, STAFF, -1);
	way->run((int)OK(open("f", way->flags)));
	become_root();
	IS(0777, mode_of("f"));
	CHECK(!has_caps());
}

/* Root's change keeps the mode, not the capabilities. */
static void kept_by_root(void)
{
	const struct way *way = suite.now->arg;

	make_program(06777);
	way->run((int)OK(open("f", way->flags)));
	IS(06777, mode_of("f"));
	CHECK(!has_caps());
}

static void kept_by_reading(void)
{
	char data[PAGE];
	int fd;

	make_program(06777);
	become(BOB, CREW, -1);
	fd = open_ok("f", O_RDWR);
	IS(PAGE, pread(fd, data, sizeof(data), 0));
	OK(fsync(fd));
	OK(close(fd));
	become_root();
	IS(06777, mode_of("f"));
	CHECK(has_caps());
}

/* A write that changes nothing, since it fails or is empty. */
static void kept_by_nothing(void)
{
	make_program(06777);
	become(BOB, CREW, -1);
	IS(0, pwrite(open_ok("f", O_RDWR), "", 0, 0));
	FAILS(EBADF, pwrite(open_ok("f", O_RDONLY), "x", 1, 0));
	become_root();
	IS(06777, mode_of("f"));
	CHECK(has_caps());
}

/* chown: by whom, the mode before and after */
static void cleared_by_chown(void)
{
	static const struct {
		uid_t by;
		mode_t before, after;
	} rows[] = {
		{ALICE, 06755, 0755},  {ALICE, 02755, 0755},
		{ALICE, 02745, 02745}, {0, 06755, 0755},
		{0, 04755, 0755},      {0, 02745, 02745},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		note("row %zu", i);
		make_program(rows[i].before);
		if (rows[i].by)
			become(rows[i].by, STAFF, CREW);
		OK(chown("f", -1, CREW));
		become_root();
		IS(rows[i].after, mode_of("f"));
		CHECK(!has_caps());
		OK(unlink("f"));
	}
}

/* Not on directories, where the bits mean something else. */
static void chown_keeps_them_on_dirs(void)
{
	make_dir("d", 06755, ALICE, STAFF);
	OK(chown("d", BOB, CREW));
	IS(06755, mode_of("d"));
}

/* chmod of one bit does not touch another. */
static void chmod_keeps_caps(void)
{
	make_program(0755);
	OK(chmod("f", 04755));
	CHECK(has_caps());
}

/* A file whose mode was learnt before another process changed it. */
static void cleared_though_cached(void)
{
	int fd;
	pid_t pid;

	make_program(0777);
	become(BOB, CREW, -1);
	fd = open_ok("f", O_RDWR);
	IS(1, pwrite(fd, "x", 1, 0));
	become_root();
	pid = fork_child();
	if (!pid) {
		OK(chmod("f", 06777));
		child_end();
	}
	reap(pid);
	become(BOB, CREW, -1);
	IS(1, pwrite(fd, "y", 1, 0));
	IS(0777, mode_of("f"));
	IS(0777, stat_fd(fd).st_mode & MODE_BITS);
}

#define WAY(how, open_flags)                    \
	&(const struct way)                     \
	{                                       \
		.run = how, .flags = open_flags \
	}
#define CLEARED(how, flags)                                         \
	{.name = "cleared_" #how,                                   \
	 .run = cleared_by_stranger,                                \
	 .arg = WAY(how, flags)},                                   \
		{.name = "cleared_of_owner_" #how,                  \
		 .run = cleared_by_owner,                           \
		 .arg = WAY(how, flags)},                           \
	{                                                           \
		.name = "kept_for_root_" #how, .run = kept_by_root, \
		.arg = WAY(how, flags)                              \
	}

const struct test_case privilege_cases[] = {
	CLEARED(by_write, O_RDWR),
	CLEARED(by_writev, O_WRONLY),
	CLEARED(by_append, O_WRONLY | O_APPEND),
	CLEARED(by_direct_write, O_RDWR | O_DIRECT),
	CLEARED(by_ftruncate, O_RDWR),
	CLEARED(by_truncate, O_RDONLY),
	CLEARED(by_opening, O_RDWR | O_TRUNC),
	CLEARED(by_fallocate, O_RDWR),
	CLEARED(by_punch, O_RDWR),
	CLEARED(by_copy, O_RDWR),
	CASE(kept_by_reading),
	CASE(kept_by_nothing),
	CASE(cleared_by_chown),
	CASE(chown_keeps_them_on_dirs),
	CASE(chmod_keeps_caps),
	CASE(cleared_though_cached),
	{0},
};
