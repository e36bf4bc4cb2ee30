/*
 * Locks that other processes take, try, and wait for.
 */
#include "tests/posix/cases/locker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

static int lock_wish(int fd, const struct lock_wish *wish)
{
	struct flock lock = {
		.l_type = (short)wish->type,
		.l_start = wish->from,
		.l_len = wish->len,
	};

	if (!wish->command)
		return flock(fd, wish->type);
	return fcntl(fd, wish->command, &lock);
}

int lock_range(int fd, int command, int type, off_t from, off_t len)
{
	return lock_wish(fd, &(struct lock_wish){command, type, from, len});
}

void lock_take(const void *arg)
{
	OK(lock_wish(open_ok("f", O_RDWR | O_CREAT), arg));
}

pid_t lock_holder(int command, int type, off_t from, off_t len)
{
	return start(lock_take, &(struct lock_wish){command, type, from, len});
}

int lock_tried(int command, int type, off_t from, off_t len)
{
	int status;
	pid_t pid = (pid_t)OK(fork());

	if (!pid) {
		int fd = open_ok("f", O_RDWR | O_CREAT);

		_exit(lock_range(fd, command, type, from, len) ? errno : 0);
	}
	OK(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

struct flock lock_asked(int fd, int command, int type, off_t from, off_t len)
{
	struct flock query = {
		.l_type = (short)type, .l_start = from, .l_len = len};

	OK(fcntl(fd, command, &query));
	return query;
}

/* A waiting one gets it as soon as it is free. */
void lock_waits(int command, int type)
{
	pid_t holds, waits;
	struct lock_wish wish = {command, type, 0, 0};

	holds = lock_holder(command == F_SETLKW ? F_SETLK : command, type, 0,
			    0);
	waits = fork_child();
	if (!waits) {
		lock_take(&wish);
		child_end();
	}
	CHECK(!ended_soon(waits));
	stop(holds);
	reap(waits);
	IS(0, lock_tried(command == F_SETLKW ? F_SETLK : command,
			 command ? type : type | LOCK_NB, 0, 0));
}

static void do_nothing(int number)
{
	(void)number;
}

/* A signal ends the wait with EINTR, and nothing is left behind. */
void lock_is_interrupted(int command, int type)
{
	const struct sigaction action = {.sa_handler = do_nothing};
	pid_t holds, waits;

	holds = lock_holder(command == F_SETLKW ? F_SETLK : command, type, 0,
			    0);
	waits = fork_child();
	if (!waits) {
		int fd = open_ok("f", O_RDWR);

		OK(sigaction(SIGUSR1, &action, NULL));
		FAILS(EINTR, lock_range(fd, command, type, 0, 0));
		child_end();
	}
	CHECK(!ended_soon(waits));
	OK(kill(waits, SIGUSR1));
	reap(waits);
	stop(holds);
	IS(0, lock_tried(command ? F_SETLK : 0, command ? type : type | LOCK_NB,
			 0, 0));
}

void lock_expect(const char *locked)
{
	char got[64];
	size_t at = 0;

	for (; locked[at]; at++)
		got[at] =
			lock_tried(F_SETLK, F_WRLCK, (off_t)at, 1) ? '#' : '-';
	got[at] = 0;
	note("locked %s, not %s", got, locked);
	CHECK(!strcmp(got, locked));
	note("%s", "");
}
