/*
 * The process that stays outside: it waits for the monitor, and is for its
 * caller what the monitor would be.
 *
 * Theory of operation: a process cannot enter a pid namespace, only its
 * children can; and what it needs of its terminal and its shell (signals, job
 * control, an end in order) is not there inside. So the monitor is a child. The
 * keeper passes on signals, stops and goes on together with the monitor, and
 * ends as it ends. If the keeper is killed, the kernel kills the monitor.
 *
 * The keeper closes the streams, so that their ends are seen when the monitor
 * closes them. Only a standard error that has no end to be seen (a terminal, a
 * file) stays, for a last word, and one more descriptor of the terminal that
 * the monitor may change: it is given back in the end, and while both are
 * stopped.
 */
#ifndef VMM_SANDBOX_KEEPER_H
#define VMM_SANDBOX_KEEPER_H

#include <signal.h>
#include <stdbool.h>

#include "vmm/sandbox/userns.h"

/* What the keeper sends to the monitor instead of a signal that ends a process,
 * with that one in its value. The monitor ignores the signal itself: who ends
 * a group of processes sends it to both.
 */
#define KEEPER_SIGNAL (SIGRTMIN + 1)

/* And instead of those that end nothing: SIGWINCH, SIGCONT. Ignored unless it
 * is blocked.
 */
#define KEEPER_NEWS (SIGRTMIN + 2)

/* What somebody else sends to the keeper to have the monitor killed. */
#define KEEPER_KILL (SIGRTMIN + 3)

/* What is in the value of the first two. */
enum {
	KEEPER_NUMBER = 0x7f, /* the signal's number */
	KEEPER_TERMINAL =
		0x80, /* a terminal sent it, to a group of processes */
};

/**
 * struct keeper_visitors - Who comes while the keeper waits
 * @fd:		Readable if somebody does [borrowed]
 * @answer:	Called then; may not wait. A negative errno: not now, and in a
 *		moment once more. NULL: nobody can come
 * @opaque:	Its argument
 */
struct keeper_visitors {
	int fd;
	int (*answer)(void *opaque);
	void *opaque;
};

/**
 * struct keeper - What the two have in common
 * @has_terminal: The monitor may change the terminal at standard input
 * @jailed:	The monitor gets namespaces of its own
 * @cpu_parts:	Thousandths of a processor's time for both; 0: any
 * @visitors:	In the keeper
 * @userns:	Its ids
 * @monitor:	Runs in the child; returns its exit status
 * @opaque:	Second argument of @monitor
 * @alive_fd:	In the monitor: reads end of file when the keeper has ended
 */
struct keeper {
	bool has_terminal;
	bool jailed;
	unsigned int cpu_parts;
	struct keeper_visitors visitors;
	struct userns userns;
	int (*monitor)(struct keeper *keeper, void *opaque);
	void *opaque;
	int alive_fd;
};

/**
 * keeper_run() - Run the monitor in a process of its own and end like it
 * @keeper:	All but @userns and @alive_fd is set; no thread was started
 * @rootfs:	Directory whose owner is root in the guest, NULL: none
 *
 * Signals that end a process make the monitor exit with 128 + n, unless it
 * blocks KEEPER_SIGNAL and hears of it otherwise. What stops one stops both.
 *
 * Return: exit status; failures are reported
 * #syscalls(setup): clone pipe2 rt_sigaction rt_sigprocmask prctl read write
 * #syscalls(setup): close kill wait4 rt_sigqueueinfo rt_sigtimedwait fstat
 * #syscalls(setup): exit_group signalfd4 poll
 */
int keeper_run(struct keeper *keeper, const char *rootfs);

/**
 * keeper_wait() - In the monitor: wait until this process has its ids
 *
 * Before, in a user namespace, it can make no files. Does not return if it will
 * get none, which the keeper reports.
 * #syscalls(setup): read exit_group
 */
void keeper_wait(const struct keeper *keeper);

/**
 * keeper_bind() - In the monitor: from now on, end with the keeper
 *
 * The kernel forgets this when ids or capabilities change.
 *
 * Return: 0 or a negative errno; -ECHILD if the keeper has ended
 * #syscalls(setup): prctl poll
 */
int keeper_bind(const struct keeper *keeper);

#endif /* VMM_SANDBOX_KEEPER_H */
