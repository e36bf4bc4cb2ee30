/*
 * Locks of open file descriptions, by fcntl().
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/posix/cases/locker.h"
#include "tests/posix/cases/suite.h"

static void belong_to_the_open_file(void)
{
	int a = open_ok("f", O_RDWR | O_CREAT), b = open_ok("f", O_RDWR);
	int copy = dup(a);

	OK(lock_range(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	FAILS(EAGAIN, lock_range(b, F_OFD_SETLK, F_WRLCK, 5, 10));
	OK(lock_range(copy, F_OFD_SETLK, F_WRLCK, 5, 10));
	/* Another descriptor's end is none of their business. */
	OK(close(open_ok("f", O_RDWR)));
	OK(close(a));
	FAILS(EAGAIN, lock_range(b, F_OFD_SETLK, F_RDLCK, 0, 1));
	IS(-1, lock_asked(b, F_OFD_GETLK, F_WRLCK, 0, 0).l_pid);
	OK(close(copy));
	OK(lock_range(b, F_OFD_SETLK, F_WRLCK, 0, 0));
}

static void are_inherited(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid;

	OK(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	pid = fork_child();
	if (!pid) {
		OK(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
		OK(close(fd));
		child_end();
	}
	reap(pid);
	IS(EAGAIN, lock_tried(F_OFD_SETLK, F_WRLCK, 0, 0));
}

/* They and those of processes are in each other's way. */
static void meet_those_of_processes(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid;

	OK(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	IS(EAGAIN, lock_tried(F_SETLK, F_RDLCK, 5, 1));
	FAILS(EAGAIN, lock_range(fd, F_SETLK, F_WRLCK, 0, 1));
	OK(lock_range(fd, F_OFD_SETLK, F_UNLCK, 0, 0));
	pid = lock_holder(F_SETLK, F_WRLCK, 3, 4);
	FAILS(EAGAIN, lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	stop(pid);
	OK(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
}

static void query_names_a_process(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid = lock_holder(F_SETLK, F_WRLCK, 3, 4);
	struct flock found = lock_asked(fd, F_OFD_GETLK, F_WRLCK, 0, 0);

	IS(3, found.l_start);
	IS(4, found.l_len);
	IS(pid, found.l_pid);
	stop(pid);
}

static void wait_in_line(void)
{
	int a = open_ok("f", O_RDWR | O_CREAT);
	pid_t pid;

	OK(lock_range(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	pid = fork_child();
	if (!pid) {
		lock_take(&(struct lock_wish){F_OFD_SETLKW, F_WRLCK, 0, 0});
		child_end();
	}
	CHECK(!ended_soon(pid));
	OK(lock_range(a, F_OFD_SETLK, F_UNLCK, 0, 0));
	reap(pid);
}

static void split_and_merge(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);

	OK(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 8));
	OK(lock_range(fd, F_OFD_SETLK, F_UNLCK, 3, 2));
	lock_expect("###--###-");
	OK(lock_range(fd, F_OFD_SETLK, F_WRLCK, 2, 3));
	lock_expect("########-");
}

const struct test_case ofd_cases[] = {
	CASE(belong_to_the_open_file),
	CASE(are_inherited),
	CASE(meet_those_of_processes),
	CASE(query_names_a_process),
	CASE(wait_in_line),
	CASE(split_and_merge),
	{0},
};
