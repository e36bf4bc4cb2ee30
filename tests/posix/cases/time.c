/*
 * Times: how they are set and by whom, and what moves them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { TICK_MS = 15, OLD_S = 1000000000 };

static const struct timespec old[] = {{OLD_S, 1}, {OLD_S + 1, 999999999}};

/* Times that stay the same as what a file had. */
struct times {
	long long atime, mtime, ctime;
};

static struct times times_of(const char *path)
{
	struct stat st = stat_of(path);

	return (struct times){ns_of(st.st_atim), ns_of(st.st_mtim),
			      ns_of(st.st_ctim)};
}

static void set_both(void)
{
	struct stat st;

	make_file("f", 0644, 0, 0);
	OK(utimensat(AT_FDCWD, "f", old, 0));
	st = stat_of("f");
	IS(ns_of(old[0]), ns_of(st.st_atim));
	IS(ns_of(old[1]), ns_of(st.st_mtim));
	CHECK(st.st_ctim.tv_sec > OLD_S + 1);
}

static void omit_and_now(void)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, {OLD_S, 5}};
	struct times before;

	make_file("f", 0644, 0, 0);
	OK(utimensat(AT_FDCWD, "f", old, 0));
	OK(utimensat(AT_FDCWD, "f", times, 0));
	IS(ns_of(old[0]), times_of("f").atime);
	IS(ns_of(times[1]), times_of("f").mtime);
	times[0].tv_nsec = UTIME_NOW;
	times[1].tv_nsec = UTIME_OMIT;
	OK(utimensat(AT_FDCWD, "f", times, 0));
	CHECK(times_of("f").atime / 1000000000 > OLD_S + 1000);
	IS(OLD_S * 1000000000LL + 5, times_of("f").mtime);
	/* Nothing at all: not even ctime moves. */
	before = times_of("f");
	sleep_ms(TICK_MS);
	times[0].tv_nsec = UTIME_OMIT;
	OK(utimensat(AT_FDCWD, "f", times, 0));
	IS(before.ctime, times_of("f").ctime);
	OK(utimensat(AT_FDCWD, "f", NULL, 0));
	CHECK(times_of("f").mtime > before.mtime);
	times[0].tv_nsec = 1000000000;
	FAILS(EINVAL, utimensat(AT_FDCWD, "f", times, 0));
	times[0].tv_nsec = -1;
	FAILS(EINVAL, utimensat(AT_FDCWD, "f", times, 0));
}

/* Before 1970 and after 2038, as far as ext4 goes */
static void negative_and_far(void)
{
	static const int64_t seconds[] = {0,
					  -1,
					  INT32_MIN + 1,
					  INT32_MAX,
					  INT32_MAX + 1LL,
					  UINT32_MAX,
					  0x37ffffffeLL};

	make_file("f", 0644, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		struct timespec times[2] = {{seconds[i], 0}, {seconds[i], 7}};
		struct stat st;

		note("%lld s", (long long)seconds[i]);
		OK(utimensat(AT_FDCWD, "f", times, 0));
		st = stat_of("f");
		IS(seconds[i], st.st_atim.tv_sec);
		IS(seconds[i], st.st_mtim.tv_sec);
		IS(7, st.st_mtim.tv_nsec);
	}
}

static void of_symlink_and_dir(void)
{
	make_file("f", 0644, 0, 0);
	OK(symlink("f", "s"));
	OK(mkdir("d", 0755));
	OK(utimensat(AT_FDCWD, "s", old, AT_SYMLINK_NOFOLLOW));
	IS(ns_of(old[1]), times_of("s").mtime);
	CHECK(times_of("f").mtime != ns_of(old[1]));
	OK(utimensat(AT_FDCWD, "d", old, 0));
	IS(ns_of(old[1]), times_of("d").mtime);
	OK(futimens(open_ok("f", O_RDONLY), old));
	IS(ns_of(old[1]), times_of("f").mtime);
}

/* Any times: the owner. Now: who may write, too. */
static void who_may_set(void)
{
	static const struct timespec now[] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	static const struct timespec half[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
	static const struct timespec none[] = {{0, UTIME_OMIT},
					       {0, UTIME_OMIT}};
	static const struct {
		mode_t mode;
		uid_t uid;
		const struct timespec *times;
		int number;
	} rows[] = {
		{0444, ALICE, old, 0},	  {0444, ALICE, now, 0},
		{0444, ALICE, NULL, 0},	  {0444, BOB, old, EPERM},
		{0444, BOB, now, EACCES}, {0444, BOB, NULL, EACCES},
		{0666, BOB, old, EPERM},  {0666, BOB, now, 0},
		{0666, BOB, NULL, 0},	  {0666, BOB, half, EPERM},
		{0444, BOB, none, 0},
	};

	make_file("f", 0644, ALICE, STAFF);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		note("row %zu", i);
		OK(chmod("f", rows[i].mode));
		become(rows[i].uid, PUBLIC, -1);
		GIVES(rows[i].number,
		      utimensat(AT_FDCWD, "f", rows[i].times, 0));
		become_root();
	}
}

/* What moves which time: a function for "d" and "d/f", and the result. */
static void do_create(void)
{
	close(open_ok("d/new", O_CREAT | O_WRONLY));
}

static void do_mkdir(void)
{
	OK(mkdir("d/new", 0755));
}

static void do_symlink(void)
{
	OK(symlink("x", "d/new"));
}

static void do_mkfifo(void)
{
	OK(mkfifo("d/new", 0644));
}

static void do_link(void)
{
	OK(link("d/f", "d/new"));
}

static void do_unlink(void)
{
	OK(link("d/f", "keep"));
	OK(unlink("d/f"));
	OK(rename("keep", "d/f"));
}

static void do_rename(void)
{
	OK(rename("d/f", "d/g"));
	OK(rename("d/g", "d/f"));
}

static void do_write(void)
{
	int fd = open_ok("d/f", O_WRONLY);

	OK(write(fd, "x", 1));
	OK(close(fd));
}

static void do_write_nothing(void)
{
	OK(write(open_ok("d/f", O_WRONLY), "", 0));
}

static void do_truncate(void)
{
	OK(truncate("d/f", 2));
}

static void do_truncate_same(void)
{
	OK(truncate("d/f", 4));
}

static void do_open_trunc(void)
{
	close(open_ok("d/f", O_WRONLY | O_TRUNC));
}

static void do_fallocate(void)
{
	OK(fallocate(open_ok("d/f", O_WRONLY), 0, 0, 10000));
}

static void do_chmod(void)
{
	OK(chmod("d/f", 0600));
}

static void do_chown(void)
{
	OK(chown("d/f", ALICE, -1));
}

static void do_xattr(void)
{
	OK(setxattr("d/f", "user.x", "y", 1, 0));
}

static void do_read(void)
{
	char data[8];

	OK(read(open_ok("d/f", O_RDONLY), data, sizeof(data)));
}

static void do_look(void)
{
	close(open_ok("d/f", O_RDWR));
	CHECK(!exists("d/missing"));
	FAILS(EEXIST, mkdir("d/f", 0755));
}

enum { DIR_MTIME = 1, DIR_CTIME = 2, MTIME = 4, CTIME = 8, ATIME = 16 };

struct effect {
	void (*run)(void);
	unsigned int moves;
};

/* Which of the times have changed? */
static unsigned int moved(const struct times before[2],
			  const struct times after[2])
{
	unsigned int moves = 0;

	moves |= before[0].mtime != after[0].mtime ? DIR_MTIME : 0;
	moves |= before[0].ctime != after[0].ctime ? DIR_CTIME : 0;
	moves |= before[1].mtime != after[1].mtime ? MTIME : 0;
	moves |= before[1].ctime != after[1].ctime ? CTIME : 0;
	moves |= before[1].atime != after[1].atime ? ATIME : 0;
	return moves;
}

static void effect_of(void)
{
	const struct effect *effect = suite.now->arg;
	struct times before[2], after[2];

	OK(mkdir("d", 0755));
	put_text("d/f", "text");
	before[0] = times_of("d");
	before[1] = times_of("d/f");
	sleep_ms(TICK_MS);
	effect->run();
	after[0] = times_of("d");
	after[1] = times_of("d/f");
	IS(effect->moves, moved(before, after));
	/* Never back, and never past the clock */
	CHECK(after[0].ctime >= before[0].ctime);
	CHECK(after[1].ctime >= before[1].ctime);
}

/* relatime: a read moves an atime that is not after mtime. */
static void read_moves_atime(void)
{
	char byte;

	put_text("f", "text");
	OK(utimensat(AT_FDCWD, "f", old, 0));
	IS(1, read(open_ok("f", O_RDONLY), &byte, 1));
	CHECK(times_of("f").atime > ns_of(old[1]));
}

static void noatime_read_does_not(void)
{
	char byte;

	put_text("f", "text");
	OK(utimensat(AT_FDCWD, "f", old, 0));
	IS(1, read(open_ok("f", O_RDONLY | O_NOATIME), &byte, 1));
	IS(ns_of(old[0]), times_of("f").atime);
}

/* What was set last is not undone by a write before it. */
static void set_after_write(void)
{
	int fd = open_ok("f", O_CREAT | O_RDWR);

	OK(write(fd, "text", 4));
	OK(futimens(fd, old));
	OK(fsync(fd));
	OK(close(fd));
	IS(ns_of(old[1]), times_of("f").mtime);
	IS(ns_of(old[0]), times_of("f").atime);
}

/* A new file's times are those of one clock. */
static void of_new_file(void)
{
	struct timespec now;
	long long first, last;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	first = ns_of(now);
	put_text("f", "text");
	clock_gettime(CLOCK_REALTIME, &now);
	last = ns_of(now);
	CHECK(times_of("f").mtime >= first && times_of("f").mtime <= last);
	CHECK(times_of("f").ctime >= first && times_of("f").ctime <= last);
}

#define EFFECT(function, bits)                                 \
	{                                                      \
		.name = #function "_moves", .run = effect_of,  \
		.arg = &(const struct effect){function, bits}, \
	}
#define DIR_BOTH (DIR_MTIME | DIR_CTIME)

const struct test_case time_cases[] = {
	CASE(set_both),
	CASE(omit_and_now),
	CASE(negative_and_far),
	CASE(of_symlink_and_dir),
	CASE(who_may_set),
	EFFECT(do_create, DIR_BOTH),
	EFFECT(do_mkdir, DIR_BOTH),
	EFFECT(do_symlink, DIR_BOTH),
	EFFECT(do_mkfifo, DIR_BOTH),
	EFFECT(do_link, DIR_BOTH | CTIME),
	EFFECT(do_unlink, DIR_BOTH | CTIME),
	EFFECT(do_rename, DIR_BOTH | CTIME),
	EFFECT(do_write, MTIME | CTIME),
	EFFECT(do_write_nothing, 0),
	EFFECT(do_truncate, MTIME | CTIME),
	EFFECT(do_truncate_same, MTIME | CTIME),
	EFFECT(do_open_trunc, MTIME | CTIME),
	EFFECT(do_fallocate, MTIME | CTIME),
	EFFECT(do_chmod, CTIME),
	EFFECT(do_chown, CTIME),
	EFFECT(do_xattr, CTIME),
	EFFECT(do_read, ATIME),
	EFFECT(do_look, 0),
	CASE(read_moves_atime),
	CASE(noatime_read_does_not),
	CASE(set_after_write),
	CASE(of_new_file),
	{0},
};
