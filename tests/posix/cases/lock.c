/*
 * Locks of programs: flock(), and fcntl() by process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/posix/cases/locker.h"
#include "tests/posix/cases/suite.h"

static void flock_modes(void)
{
	static const struct {
		int held, wanted, number;
	} rows[] = {
		{LOCK_SH, LOCK_SH, 0},
		{LOCK_SH, LOCK_EX, EWOULDBLOCK},
		{LOCK_EX, LOCK_SH, EWOULDBLOCK},
		{LOCK_EX, LOCK_EX, EWOULDBLOCK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t pid = lock_holder(0, rows[i].held, 0, 0);

		note("row %zu", i);
		IS(rows[i].number,
		   lock_tried(0, rows[i].wanted | LOCK_NB, 0, 0));
		stop(pid);
		IS(0, lock_tried(0, LOCK_EX | LOCK_NB, 0, 0));
	}
}

/* It belongs to the open file, whoever has a descriptor of it. */
static void flock_is_the_open_files(void)
{
	int a = open_ok("f", O_RDWR | O_CREAT), b = open_ok("f", O_RDWR);
	int copy = dup(a);

	OK(flock(a, LOCK_EX));
	FAILS(EWOULDBLOCK, flock(b, LOCK_EX | LOCK_NB));
	OK(flock(copy, LOCK_EX | LOCK_NB));
	OK(close(a));
	FAILS(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
	OK(flock(copy, LOCK_SH));
	OK(flock(b, LOCK_SH | LOCK_NB));
	FAILS(EWOULDBLOCK, flock(b, LOCK_EX | LOCK_NB));
	OK(close(copy));
	OK(flock(b, LOCK_EX | LOCK_NB));
	OK(flock(b, LOCK_UN));
	OK(flock(open_ok("f", O_RDONLY), LOCK_EX | LOCK_NB));
}

static void flock_waits(void)
{
	lock_waits(0, LOCK_EX);
}

static void posix_waits(void)
{
	lock_waits(F_SETLKW, F_WRLCK);
}

static void flock_wait_is_interrupted(void)
{
	lock_is_interrupted(0, LOCK_EX);
}

static void posix_wait_is_interrupted(void)
{
	lock_is_interrupted(F_SETLKW, F_WRLCK);
}

/* One that waits is killed: the next gets the lock. */
static void killed_waiter_leaves_nothing(void)
{
	struct lock_wish wish = {F_SETLKW, F_WRLCK, 0, 0};
	pid_t holds = lock_holder(F_SETLK, F_WRLCK, 0, 0);
	pid_t waits = fork_child();

	if (!waits) {
		lock_take(&wish);
		child_end();
	}
	CHECK(!ended_soon(waits));
	stop(waits);
	stop(holds);
	IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0));
}

static void posix_modes(void)
{
	static const struct {
		int held, wanted;
		off_t from, len;
		int number;
	} rows[] = {
		{F_RDLCK, F_RDLCK, 10, 10, 0},
		{F_RDLCK, F_WRLCK, 10, 10, EAGAIN},
		{F_WRLCK, F_RDLCK, 10, 10, EAGAIN},
		{F_WRLCK, F_WRLCK, 0, 10, 0},
		{F_WRLCK, F_WRLCK, 0, 11, EAGAIN},
		{F_WRLCK, F_WRLCK, 19, 1, EAGAIN},
		{F_WRLCK, F_WRLCK, 20, 0, 0},
		{F_WRLCK, F_WRLCK, 0, 0, EAGAIN},
		{F_WRLCK, F_UNLCK, 10, 10, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t pid = lock_holder(F_SETLK, rows[i].held, 10, 10);

		note("row %zu", i);
		IS(rows[i].number, lock_tried(F_SETLK, rows[i].wanted,
					      rows[i].from, rows[i].len));
		/* Unlocking what another has does nothing. */
		IS(EAGAIN, lock_tried(F_SETLK, F_WRLCK, 15, 1));
		stop(pid);
		IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0));
	}
}

static void posix_query(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid = lock_holder(F_SETLK, F_WRLCK, 100, 50);
	struct flock found = lock_asked(fd, F_GETLK, F_RDLCK, 0, 0);

	IS(F_WRLCK, found.l_type);
	IS(pid, found.l_pid);
	IS(100, found.l_start);
	IS(50, found.l_len);
	IS(SEEK_SET, found.l_whence);
	IS(F_UNLCK, lock_asked(fd, F_GETLK, F_WRLCK, 0, 100).l_type);
	IS(F_UNLCK, lock_asked(fd, F_GETLK, F_WRLCK, 150, 0).l_type);
	/* One's own are not in one's way. */
	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 100));
	IS(F_UNLCK, lock_asked(fd, F_GETLK, F_WRLCK, 0, 100).l_type);
	stop(pid);
	IS(F_UNLCK, lock_asked(fd, F_GETLK, F_WRLCK, 0, 0).l_type);
}

static void posix_splits_and_merges(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);

	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 8));
	OK(lock_range(fd, F_SETLK, F_UNLCK, 3, 2));
	lock_expect("###--###-");
	OK(lock_range(fd, F_SETLK, F_WRLCK, 2, 3));
	lock_expect("########-");
	OK(lock_range(fd, F_SETLK, F_RDLCK, 4, 2));
	lock_expect("########-");
	IS(0, lock_tried(F_SETLK, F_RDLCK, 4, 2));
	IS(EAGAIN, lock_tried(F_SETLK, F_RDLCK, 3, 2));
	IS(EAGAIN, lock_tried(F_SETLK, F_RDLCK, 5, 2));
	OK(lock_range(fd, F_SETLK, F_UNLCK, 6, 0));
	lock_expect("######---");
	OK(lock_range(fd, F_SETLK, F_UNLCK, 0, 0));
	lock_expect("---------");
}

static void posix_whence(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);
	struct flock end = {.l_type = F_WRLCK,
			    .l_whence = SEEK_END,
			    .l_start = -2,
			    .l_len = 2};
	struct flock back = {.l_type = F_WRLCK,
			     .l_whence = SEEK_CUR,
			     .l_start = 0,
			     .l_len = -2};

	OK(ftruncate(fd, 8));
	OK(fcntl(fd, F_SETLK, &end));
	lock_expect("------##-");
	OK(lseek(fd, 2, SEEK_SET));
	OK(fcntl(fd, F_SETLK, &back));
	lock_expect("##----##-");
	FAILS(EINVAL, lock_range(fd, F_SETLK, F_WRLCK, -1, 5));
	FAILS(EINVAL, lock_range(fd, F_SETLK, F_WRLCK, 5, -6));
	FAILS(EOVERFLOW, lock_range(fd, F_SETLK, F_WRLCK, 5, INT64_MAX));
}

/* The rule that nobody likes: any close of the file drops them all. */
static void posix_dropped_by_any_close(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);

	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
	IS(EAGAIN, lock_tried(F_SETLK, F_WRLCK, 0, 0));
	OK(close(open_ok("f", O_RDONLY)));
	IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0));
	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
	OK(close(dup(fd)));
	IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0));
}

/* A child does not have them, and takes none when it closes and ends. */
static void posix_not_inherited(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid;

	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
	pid = fork_child();
	if (!pid) {
		FAILS(EAGAIN, lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
		IS(getppid(), lock_asked(fd, F_GETLK, F_WRLCK, 0, 0).l_pid);
		OK(close(fd));
		child_end();
	}
	reap(pid);
	IS(EAGAIN, lock_tried(F_SETLK, F_WRLCK, 0, 0));
}

static void posix_dropped_by_exit(void)
{
	pid_t pid = fork_child();

	if (!pid) {
		lock_take(&(struct lock_wish){F_SETLK, F_WRLCK, 0, 0});
		child_end();
	}
	reap(pid);
	IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0));
}

static void posix_needs_the_right_mode(void)
{
	put_text("f", "text");
	FAILS(EBADF,
	      lock_range(open_ok("f", O_RDONLY), F_SETLK, F_WRLCK, 0, 0));
	FAILS(EBADF,
	      lock_range(open_ok("f", O_WRONLY), F_SETLK, F_RDLCK, 0, 0));
	FAILS(EINVAL, lock_range(open_ok("f", O_RDWR), F_SETLK, 77, 0, 0));
}

static void do_nothing(int number)
{
	(void)number;
}

/* Two processes that wait for each other: one of them is told. */
static void posix_deadlock(void)
{
	const struct sigaction action = {.sa_handler = do_nothing};
	int fd = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid;

	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 1));
	pid = fork_child();
	if (!pid) {
		OK(lock_range(fd, F_SETLK, F_WRLCK, 1, 1));
		OK(lock_range(fd, F_SETLKW, F_WRLCK, 0, 1));
		child_end();
	}
	CHECK(!ended_soon(pid));
	OK(sigaction(SIGALRM, &action, NULL));
	alarm(1); /* where nobody finds out, the wait ends so */
	FAILS(EDEADLK, lock_range(fd, F_SETLKW, F_WRLCK, 1, 1));
	OK(lock_range(fd, F_SETLK, F_UNLCK, 0, 1));
	reap(pid);
}

/* flock and fcntl do not know each other on a local file system. */
static void kinds_are_apart(void)
{
	pid_t pid = lock_holder(0, LOCK_EX, 0, 0);

	IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0));
	stop(pid);
	pid = lock_holder(F_SETLK, F_WRLCK, 0, 0);
	IS(0, lock_tried(0, LOCK_EX | LOCK_NB, 0, 0));
	stop(pid);
}

static void of_unlinked_file(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);

	OK(unlink("f"));
	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 0));
	IS(0, lock_tried(F_SETLK, F_WRLCK, 0, 0)); /* another file */
	OK(flock(fd, LOCK_EX | LOCK_NB));
}

static void flock_of_a_directory(void)
{
	int a, b;

	OK(mkdir("d", 0755));
	a = open_ok("d", O_RDONLY);
	b = open_ok("d", O_RDONLY);
	OK(flock(a, LOCK_EX));
	FAILS(EWOULDBLOCK, flock(b, LOCK_EX | LOCK_NB));
	OK(close(a));
	OK(flock(b, LOCK_EX | LOCK_NB));
}

const struct test_case lock_cases[] = {
	CASE(flock_modes),
	CASE(flock_is_the_open_files),
	CASE(flock_waits),
	CASE(flock_wait_is_interrupted),
	CASE(flock_of_a_directory),
	CASE(posix_modes),
	CASE(posix_query),
	CASE(posix_splits_and_merges),
	CASE(posix_whence),
	CASE(posix_dropped_by_any_close),
	CASE(posix_not_inherited),
	CASE(posix_dropped_by_exit),
	CASE(posix_needs_the_right_mode),
	CASE(posix_waits),
	CASE(posix_wait_is_interrupted),
	CASE(posix_deadlock),
	CASE(killed_waiter_leaves_nothing),
	CASE(kinds_are_apart),
	CASE(of_unlinked_file),
	{0},
};
