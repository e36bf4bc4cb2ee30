/*
 * One directory from two sides: what either sees of the other's changes.
 *
 * Theory of operation: a case works here, in its working directory, and there,
 * by peer_path(). What is done here is seen there at once. What is done there
 * is seen here after settle(), as long as the cache mode allows; in mode
 * always it need not be, ever.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { PAGE = 4096, SIZE = 4 * PAGE, AUTO_MS = 1050, REPLACEMENTS = 500 };

/* Let pass the time for which this side may believe what it knew. */
static void settle(void)
{
	if (!strcmp(suite.mode, "auto"))
		sleep_ms(AUTO_MS);
}

static void *map_file(const char *path)
{
	int fd = open_ok(path, O_RDWR);
	void *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(map != MAP_FAILED);
	close(fd);
	return map;
}

static void make_sized(const char *path, unsigned int seed)
{
	int fd = open_ok(path, O_CREAT | O_RDWR);
	char data[SIZE];

	fill(data, SIZE, 0, seed);
	IS(SIZE, pwrite(fd, data, SIZE, 0));
	close(fd);
}

static bool file_filled(const char *path, unsigned int seed)
{
	int fd = open_ok(path, O_RDONLY);
	char data[SIZE];

	IS(SIZE, pread(fd, data, SIZE, 0));
	close(fd);
	return filled(data, SIZE, 0, seed);
}

static void expect_same_stat(const char *name)
{
	struct stat here = stat_of(name), there = stat_of(peer_path(name));

	note("%s", name);
	IS(there.st_mode, here.st_mode);
	IS(there.st_nlink, here.st_nlink);
	IS(there.st_uid, here.st_uid);
	IS(there.st_gid, here.st_gid);
	IS(there.st_size, here.st_size);
	IS(there.st_blocks, here.st_blocks);
	IS(ns_of(there.st_atim), ns_of(here.st_atim));
	IS(ns_of(there.st_mtim), ns_of(here.st_mtim));
	IS(ns_of(there.st_ctim), ns_of(here.st_ctim));
	note("%s", "");
}

static void writes_here_are_seen_there(void)
{
	int fd = open_ok("f", O_CREAT | O_WRONLY);

	IS(3, write(fd, "one", 3));
	expect_text(peer_path("f"), "one");
	IS(3, write(fd, "two", 3));
	expect_text(peer_path("f"), "onetwo");
	OK(ftruncate(fd, 2));
	expect_text(peer_path("f"), "on");
	put_text("f", "all new");
	expect_text(peer_path("f"), "all new");
}

static void names_here_are_seen_there(void)
{
	OK(mkdir("d", 0755));
	put_text("d/f", "text");
	OK(symlink("f", "d/s"));
	OK(link("d/f", "d/l"));
	expect_text(peer_path("d/l"), "text");
	expect_text(peer_path("d/s"), "text");
	OK(rename("d", "e"));
	CHECK(!exists(peer_path("d")));
	expect_text(peer_path("e/f"), "text");
	OK(unlink("e/f"));
	CHECK(!exists(peer_path("e/f")));
}

static void attributes_here_are_seen_there(void)
{
	static const struct timespec times[] = {{1000, 1}, {2000, 2}};

	put_text("f", "text");
	OK(chown("f", ALICE, STAFF));
	OK(chmod("f", 04751));
	OK(utimensat(AT_FDCWD, "f", times, 0));
	IS(0104751, stat_of(peer_path("f")).st_mode);
	IS(ALICE, stat_of(peer_path("f")).st_uid);
	expect_same_stat("f");
	OK(setxattr("f", "user.a", "value", 5, 0));
	IS(5, getxattr(peer_path("f"), "user.a", NULL, 0));
	OK(mkdir("d", 0700));
	expect_same_stat("d");
}

static void maps_here_are_seen_there(void)
{
	char *here, *there;

	make_sized("f", 1);
	here = map_file("f");
	there = map_file(peer_path("f"));
	CHECK(filled(there, SIZE, 0, 1));
	fill(here, SIZE, 0, 2);
	OK(msync(here, SIZE, MS_SYNC));
	CHECK(file_filled(peer_path("f"), 2));
	CHECK(filled(there, SIZE, 0, 2));
	fill(here, SIZE, 0, 3);
	OK(munmap(here, SIZE));
	OK(fsync(open_ok("f", O_RDWR)));
	CHECK(file_filled(peer_path("f"), 3));
}

static void holes_here_are_holes_there(void)
{
	int fd, peer_fd;

	make_sized("f", 1);
	fd = open_ok("f", O_RDWR);
	OK(fsync(fd));
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE,
		     PAGE));
	peer_fd = open_ok(peer_path("f"), O_RDONLY);
	IS(PAGE, lseek(peer_fd, 0, SEEK_HOLE));
	IS(2 * PAGE, lseek(peer_fd, PAGE, SEEK_DATA));
}

static void writes_there_are_seen_here(void)
{
	int fd;

	put_text("f", "old");
	expect_text("f", "old");
	put_text(peer_path("f"), "something new");
	settle();
	expect_text("f", "something new");
	IS(13, stat_of("f").st_size);
	put_text(peer_path("f"), "same size now");
	settle();
	expect_text("f", "same size now");
	/* By a descriptor that was open all the time, too */
	fd = open_ok("f", O_RDONLY);
	OK(truncate(peer_path("f"), 4));
	settle();
	IS(4, stat_fd(fd).st_size);
	IS(4, lseek(fd, 0, SEEK_END));
}

static void open_file_follows(void)
{
	char got[8];
	int fd;

	put_text("f", "one");
	fd = open_ok("f", O_RDONLY);
	IS(3, pread(fd, got, sizeof(got), 0));
	sleep_ms(15); /* another mtime */
	put_text(peer_path("f"), "two");
	settle();
	IS(3, stat_fd(fd).st_size);
	IS(3, pread(fd, got, sizeof(got), 0));
	CHECK(!memcmp(got, "two", 3));
	put_text(peer_path("f"), "longer");
	settle();
	IS(6, pread(fd, got, sizeof(got), 0));
	CHECK(!memcmp(got, "longer", 6));
}

static void attributes_there_are_seen_here(void)
{
	static const struct timespec times[] = {{1000, 1}, {2000, 2}};

	put_text("f", "text");
	OK(mkdir("d", 0755));
	stat_of("f");
	stat_of("d");
	OK(chown(peer_path("f"), ALICE, STAFF));
	OK(chmod(peer_path("f"), 0640));
	OK(chmod(peer_path("d"), 0700));
	OK(utimensat(AT_FDCWD, peer_path("f"), times, 0));
	OK(setxattr(peer_path("f"), "user.a", "value", 5, 0));
	put_text(peer_path("d/g"), "text");
	settle();
	expect_same_stat("f");
	expect_same_stat("d");
	IS(5, getxattr("f", "user.a", NULL, 0));
	/* They count, too. */
	become(BOB, CREW, -1);
	FAILS(EACCES, open("f", O_RDONLY));
	FAILS(EACCES, open("d/g", O_RDONLY));
}

static void names_there_are_seen_here(void)
{
	CHECK(!exists("f"));
	put_text(peer_path("f"), "text");
	settle();
	expect_text("f", "text");
	OK(unlink(peer_path("f")));
	settle();
	CHECK(!exists("f"));
	OK(mkdir(peer_path("f"), 0755));
	settle();
	CHECK(S_ISDIR(stat_of("f").st_mode));
}

static int count_names(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	CHECK(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void lists_there_are_seen_here(void)
{
	char name[16];

	OK(mkdir("d", 0755));
	IS(0, count_names("d"));
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		put_text(peer_path(name), "text");
	}
	settle();
	IS(5, count_names("d"));
	OK(unlink(peer_path("d/3")));
	settle();
	IS(4, count_names("d"));
}

/* A symbolic link that points elsewhere now is another one. */
static void links_there_are_seen_here(void)
{
	char new_name[sizeof(suite.peer) + 8];

	put_text("one", "1");
	put_text("two", "2");
	OK(symlink("one", "s"));
	expect_text("s", "1");
	snprintf(new_name, sizeof(new_name), "%s", peer_path("new"));
	OK(symlink("two", new_name));
	OK(rename(new_name, peer_path("s")));
	settle();
	expect_text("s", "2");
}

static void replacing_there_is_seen_here(void)
{
	char new_name[sizeof(suite.peer) + 8];
	ino_t old;

	put_text("f", "old");
	old = stat_of("f").st_ino;
	expect_text("f", "old");
	snprintf(new_name, sizeof(new_name), "%s", peer_path("new"));
	put_text(new_name, "new");
	OK(rename(new_name, peer_path("f")));
	settle();
	expect_text("f", "new");
	CHECK(stat_of("f").st_ino != old);
}

/* However often it is replaced there, here it can always be opened and read. */
static void replacing_there_is_never_stale(void)
{
	char new_name[sizeof(suite.peer) + 8];
	siginfo_t info = {0};
	struct stat st;
	char got[8];
	pid_t pid;
	int fd;

	put_text("f", "text");
	snprintf(new_name, sizeof(new_name), "%s", peer_path("new"));
	pid = fork_child();
	if (!pid) {
		for (int i = 0; i < REPLACEMENTS; i++) {
			close((int)OK(
				open(new_name, O_CREAT | O_WRONLY, 0644)));
			OK(rename(new_name, peer_path("f")));
		}
		child_end();
	}
	do {
		OK(stat("f", &st));
		fd = open_ok("f", O_RDONLY);
		OK(fstat(fd, &st));
		OK(read(fd, got, sizeof(got)));
		OK(close(fd));
		OK(waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
	} while (!info.si_pid);
	reap(pid);
}

/* A file that is removed there while it is open here */
static void unlinked_there_lives_on(void)
{
	char got[8];
	int fd;

	put_text("f", "text");
	fd = open_ok("f", O_RDWR);
	OK(unlink(peer_path("f")));
	IS(4, pread(fd, got, sizeof(got), 0));
	OK(pwrite(fd, "more", 4, 4));
	OK(fchmod(fd, 0600));
	OK(ftruncate(fd, 2));
	OK(fsync(fd));
	settle();
	IS(2, stat_fd(fd).st_size);
}

static void maps_there_are_seen_here(void)
{
	char *here, *there;

	make_sized("f", 1);
	here = map_file("f");
	CHECK(filled(here, SIZE, 0, 1));
	OK(munmap(here, SIZE));
	there = map_file(peer_path("f"));
	sleep_ms(15);
	fill(there, SIZE, 0, 2);
	OK(msync(there, SIZE, MS_SYNC));
	settle();
	CHECK(file_filled("f", 2));
	here = map_file("f");
	CHECK(filled(here, SIZE, 0, 2));
}

/* Nothing is lost if both sides append. */
static void both_append(void)
{
	char text[6 * 20 + 1];
	int here, there;

	here = open_ok("f", O_CREAT | O_WRONLY | O_APPEND);
	there = open_ok(peer_path("f"), O_WRONLY | O_APPEND);
	for (size_t i = 0; i < 20; i++) {
		IS(3, write(there, "...", 3));
		IS(3, write(here, "abc", 3));
		memcpy(text + i * 6, "...abc", 7);
	}
	expect_text(peer_path("f"), text);
	settle();
	expect_text("f", text);
}

static int try_lock(const char *path, int kind)
{
	struct flock lock = {.l_type = F_WRLCK};
	pid_t pid = (pid_t)OK(fork());
	int status;

	if (!pid) {
		int fd = open_ok(path, O_RDWR);

		if (kind)
			_exit(fcntl(fd, kind, &lock) ? errno : 0);
		_exit(flock(fd, LOCK_EX | LOCK_NB) ? errno : 0);
	}
	OK(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

/* A closed file is released by a message that nobody waits for. */
static int try_soon(const char *path, int kind)
{
	int err = EAGAIN;

	for (int i = 0; err == EAGAIN && i < 100; i++) {
		if (i)
			usleep(10000);
		err = try_lock(path, kind);
	}
	return err;
}

static void locks_are_shared(int kind)
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd;

	put_text("f", "text");
	for (int side = 0; side < 2; side++) {
		note("held %s", side ? "there" : "here");
		fd = open(side ? peer_path("f") : "f", O_RDWR);
		OK(kind ? fcntl(fd, kind, &lock) : flock(fd, LOCK_EX));
		IS(EAGAIN, try_lock(side ? "f" : peer_path("f"), kind));
		IS(EAGAIN, try_lock(side ? peer_path("f") : "f", kind));
		OK(close(fd));
		IS(0, try_soon(side ? "f" : peer_path("f"), kind));
	}
}

static void flock_is_shared(void)
{
	locks_are_shared(0);
}

static void posix_locks_are_shared(void)
{
	locks_are_shared(F_SETLK);
}

static void ofd_locks_are_shared(void)
{
	locks_are_shared(F_OFD_SETLK);
}

/* A lock that a process there has can be waited for here. */
static void lock_there_is_waited_for(void)
{
	struct flock lock = {.l_type = F_WRLCK};
	pid_t pid;
	int fd;

	put_text("f", "text");
	fd = open_ok(peer_path("f"), O_RDWR);
	OK(fcntl(fd, F_OFD_SETLK, &lock));
	pid = fork_child();
	if (!pid) {
		OK(fcntl(open_ok("f", O_RDWR), F_SETLKW, &lock));
		child_end();
	}
	CHECK(!ended_soon(pid));
	/* What else is done here does not wait for it. */
	expect_text("f", "text");
	lock.l_type = F_UNLCK;
	OK(fcntl(fd, F_OFD_SETLK, &lock));
	reap(pid);
}

const struct test_case peer_cases[] = {
	CASE_NEEDS(NEEDS_PEER, writes_here_are_seen_there),
	CASE_NEEDS(NEEDS_PEER, names_here_are_seen_there),
	CASE_NEEDS(NEEDS_PEER, attributes_here_are_seen_there),
	CASE_NEEDS(NEEDS_PEER, maps_here_are_seen_there),
	CASE_NEEDS(NEEDS_PEER, holes_here_are_holes_there),
	CASE_NEEDS(NEEDS_FRESH, writes_there_are_seen_here),
	CASE_NEEDS(NEEDS_FRESH, open_file_follows),
	CASE_NEEDS(NEEDS_FRESH, attributes_there_are_seen_here),
	CASE_NEEDS(NEEDS_FRESH, names_there_are_seen_here),
	CASE_NEEDS(NEEDS_FRESH, lists_there_are_seen_here),
	CASE_NEEDS(NEEDS_FRESH, links_there_are_seen_here),
	CASE_NEEDS(NEEDS_FRESH, replacing_there_is_seen_here),
	CASE_NEEDS(NEEDS_PEER, replacing_there_is_never_stale),
	CASE_NEEDS(NEEDS_PEER, unlinked_there_lives_on),
	CASE_NEEDS(NEEDS_FRESH, maps_there_are_seen_here),
	CASE_NEEDS(NEEDS_FRESH, both_append),
	CASE_NEEDS(NEEDS_PEER, flock_is_shared),
	CASE_NEEDS(NEEDS_PEER, posix_locks_are_shared),
	CASE_NEEDS(NEEDS_PEER, ofd_locks_are_shared),
	CASE_NEEDS(NEEDS_PEER, lock_there_is_waited_for),
	{0},
};
