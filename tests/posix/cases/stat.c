/*
 * stat(), statx(), statfs(), and calls that make all of it durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

static struct statx statx_of(const char *path, unsigned int mask)
{
	struct statx st;

	OK(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mask, &st));
	return st;
}

static void fields(void)
{
	struct stat st;
	int fd = open_ok("f", O_CREAT | O_RDWR);
	char data[10000];

	fill(data, sizeof(data), 0, 1);
	IS(sizeof(data), write(fd, data, sizeof(data)));
	OK(fsync(fd));
	st = stat_of("f");
	IS(10000, st.st_size);
	IS(0100644, st.st_mode);
	IS(1, st.st_nlink);
	CHECK(st.st_blksize >= 512);
	CHECK(st.st_blocks >= 20 && st.st_blocks <= 64);
	CHECK(st.st_ino > 0);
	IS(stat_of(".").st_dev, st.st_dev);
	IS(st.st_ino, stat_fd(fd).st_ino);
	IS(5, (symlink("12345", "s"), stat_of("s").st_size));
}

static void numbers_are_unique(void)
{
	enum { FILES = 200 };
	ino_t seen[FILES];
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		close(open_ok(name, O_CREAT | O_WRONLY));
		seen[i] = stat_of(name).st_ino;
		for (int j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		IS(seen[i], stat_of(name).st_ino);
	}
}

static void statx_basic(void)
{
	struct statx x;
	struct stat st;

	put_text("f", "text");
	st = stat_of("f");
	x = statx_of("f", STATX_BASIC_STATS);
	IS(STATX_BASIC_STATS, x.stx_mask & STATX_BASIC_STATS);
	IS(st.st_ino, x.stx_ino);
	IS(st.st_mode, x.stx_mode);
	IS(st.st_size, x.stx_size);
	IS(st.st_nlink, x.stx_nlink);
	IS(st.st_mtim.tv_sec, x.stx_mtime.tv_sec);
	IS(st.st_mtim.tv_nsec, x.stx_mtime.tv_nsec);
	x = statx_of("f", STATX_SIZE);
	IS(4, x.stx_size);
}

/* The time of birth never moves. */
static void birth_time(void)
{
	static const struct timespec old[] = {{1000, 1}, {2000, 2}};
	struct statx born, later;

	put_text("f", "text");
	born = statx_of("f", STATX_BTIME);
	CHECK(born.stx_mask & STATX_BTIME);
	CHECK(born.stx_btime.tv_sec > 1700000000);
	sleep_ms(20);
	put_text("f", "more");
	OK(chmod("f", 0600));
	OK(rename("f", "g"));
	OK(utimensat(AT_FDCWD, "g", old, 0));
	later = statx_of("g", STATX_BTIME | STATX_BASIC_STATS);
	IS(born.stx_btime.tv_sec, later.stx_btime.tv_sec);
	IS(born.stx_btime.tv_nsec, later.stx_btime.tv_nsec);
	IS(2000, later.stx_mtime.tv_sec);
}

static void birth_time_on_the_other_side(void)
{
	struct statx here, there;

	put_text("f", "text");
	here = statx_of("f", STATX_BTIME);
	there = statx_of(peer_path("f"), STATX_BTIME);
	CHECK(here.stx_mask & STATX_BTIME);
	IS(there.stx_btime.tv_sec, here.stx_btime.tv_sec);
	IS(there.stx_btime.tv_nsec, here.stx_btime.tv_nsec);
}

static void file_system(void)
{
	struct statvfs st;

	OK(statvfs(".", &st));
	CHECK(st.f_bsize >= 512 && st.f_frsize >= 512);
	CHECK(st.f_blocks > 0 && st.f_bfree <= st.f_blocks);
	CHECK(st.f_bavail <= st.f_bfree);
	CHECK(st.f_files > 0 && st.f_ffree <= st.f_files);
	IS(255, st.f_namemax);
}

static void file_system_on_the_other_side(void)
{
	struct statvfs here, there;

	OK(statvfs(".", &here));
	OK(statvfs(peer_path("."), &there));
	IS(there.f_blocks, here.f_blocks);
	IS(there.f_frsize, here.f_frsize);
	IS(there.f_files, here.f_files);
	IS(there.f_namemax, here.f_namemax);
}

static void sync_calls(void)
{
	int file = open_ok("f", O_CREAT | O_RDWR);
	int dir = open_ok(".", O_RDONLY | O_DIRECTORY);

	OK(write(file, "text", 4));
	OK(fsync(file));
	OK(fdatasync(file));
	OK(fsync(dir));
	OK(fdatasync(dir));
	OK(syncfs(dir));
	OK(syncfs(file));
	OK(sync_file_range(file, 0, 4, SYNC_FILE_RANGE_WRITE));
	OK(fsync(open_ok("f", O_RDONLY)));
	OK(pwrite(open_ok("f", O_WRONLY | O_SYNC), "more", 4, 0));
	OK(pwrite(open_ok("f", O_WRONLY | O_DSYNC), "less", 4, 0));
	expect_text("f", "less");
	OK(mkfifo("p", 0600));
	FAILS(EINVAL, fsync(open_ok("p", O_RDWR)));
}

static void advice(void)
{
	int fd = open_ok("f", O_CREAT | O_RDWR);
	char data[4];

	OK(write(fd, "text", 4));
	IS(0, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	IS(0, posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	IS(4, pread(fd, data, 4, 0));
	OK(readahead(fd, 0, 4));
}

const struct test_case stat_cases[] = {
	CASE(fields),
	CASE(numbers_are_unique),
	CASE(statx_basic),
	CASE(birth_time),
	CASE_NEEDS(NEEDS_PEER, birth_time_on_the_other_side),
	CASE(file_system),
	CASE_NEEDS(NEEDS_PEER, file_system_on_the_other_side),
	CASE(sync_calls),
	CASE(advice),
	{0},
};
