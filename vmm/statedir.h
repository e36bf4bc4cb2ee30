/*
 * Machines with names: each has a directory while it runs, by which others find
 * it.
 *
 * Theory of operation: $XDG_RUNTIME_DIR/wherry/NAME, or /run/wherry/NAME of a
 * root without that, has
 *
 *	machine	since when it runs, and what; locked (flock(2)) as long as its
 *		keeper lives; in the end its exit status
 *	exec	socket for clients (vmm/door.h)
 *	log	output of a machine that is detached
 *
 * Only the owner can enter. The keeper removes all of it when the machine has
 * ended. If it could not, the lock is gone all the same: a directory with no
 * lock is stale, and whoever comes next removes it. To make, to judge and to
 * remove a directory takes the lock of the one above; so nobody judges what is
 * half made.
 *
 * The keeper is found by a second lock, of its process (fcntl(2)): by that the
 * kernel tells each pid namespace the number that the keeper has there.
 *
 * Who waits for the machine's end has the file open, waits for the lock, and
 * reads the status, whether the file has still a name or not.
 */
#ifndef VMM_STATEDIR_H
#define VMM_STATEDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fail;

#define STATEDIR_SOCKET "exec"
#define STATEDIR_LOG "log"

enum {
	STATEDIR_NAME_LEN = 63,
	STATEDIR_COMMAND_LEN = 256,
};

/**
 * struct statedir - A machine's directory
 * @all_fd:	The directory above [owned]
 * @dir_fd:	Itself [owned]
 * @lock_fd:	Its file "machine", locked if the machine is ours [owned]
 * @name:	Its name
 */
struct statedir {
	int all_fd;
	int dir_fd;
	int lock_fd;
	char name[STATEDIR_NAME_LEN + 1];
};

/**
 * struct statedir_info - What others know of a machine
 * @pid:	Its keeper; 0: not in our pid namespace
 * @since:	When it was started, seconds of the calendar
 * @command:	What it runs, in a line
 */
struct statedir_info {
	pid_t pid;
	int64_t since;
	char command[STATEDIR_COMMAND_LEN];
};

/** statedir_is_name() - Lower case letters, digits and, not first, '_.-' */
bool statedir_is_name(const char *name);

/**
 * statedir_create() - Take a name for a machine
 * @dir:	Filled; to be closed whatever the result
 * @name:	A name
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0, or with @fail set -EEXIST if a machine has that name, or another
 *	   negative errno
 * #syscalls(setup): openat mkdirat flock fstat unlinkat close getdents64
 */
int statedir_create(struct statedir *dir, const char *name, struct fail *fail);

/**
 * statedir_describe() - Say that this process is the keeper, and what runs
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): write fcntl
 */
int statedir_describe(const struct statedir *dir, char *const *argv);

/**
 * statedir_finish() - The machine has ended: say how, and remove all
 *
 * #syscalls(setup): write flock unlinkat
 */
void statedir_finish(struct statedir *dir, int status);

/**
 * statedir_open() - Find a machine
 * @dir:	Filled; to be closed whatever the result
 * @name:	What the user calls it
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0, or with @fail set -ENOENT if none of that name runs, or another
 *	   negative errno
 */
int statedir_open(struct statedir *dir, const char *name, struct fail *fail);

/** statedir_close() - Let go of a directory, which stays; half-filled or not */
void statedir_close(struct statedir *dir);

/**
 * statedir_signal() - Send a signal to a machine's keeper
 *
 * Return: 0, -ESRCH if it has ended, -EXDEV if it is not in our pid namespace,
 *	   or another negative errno
 * #syscalls(setup): fcntl pidfd_open pidfd_send_signal
 */
int statedir_signal(const struct statedir *dir, int sig);

/**
 * statedir_has_ended() - Is this machine's keeper gone? If in doubt, no
 *
 * #syscalls(setup): flock
 */
bool statedir_has_ended(const struct statedir *dir);

/**
 * statedir_wait() - Wait until a machine has ended
 *
 * Return: its exit status, or -ENODATA if its keeper was killed
 * #syscalls(setup): flock pread64
 */
int statedir_wait(const struct statedir *dir);

/**
 * statedir_list() - Tell of all machines
 * @tell:	Called for each, in the order of their names
 * @opaque:	First argument of @tell
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int statedir_list(void (*tell)(void *opaque, const char *name,
			       const struct statedir_info *info),
		  void *opaque, struct fail *fail);

#endif /* VMM_STATEDIR_H */
