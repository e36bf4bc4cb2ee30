/*
 * The terminal's guard: gives it back if the keeper cannot, because it was
 * killed (KILL).
 *
 * Theory of operation: a process of the keeper's, which holds nothing but the
 * terminal and a pipe, and waits for the pipe's end. A keeper that ends by
 * itself says a byte first. The guard is no part of the machine: it ignores all
 * signals, and lives in no namespace of the monitor's.
 */
#ifndef VMM_SANDBOX_GUARD_H
#define VMM_SANDBOX_GUARD_H

#include <sys/types.h>

struct terminal;

/**
 * struct guard - The guard, as the keeper sees it
 * @pid:	0: there is none
 * @fd:		Our end of the pipe [owned]
 */
struct guard {
	pid_t pid;
	int fd;
};

/**
 * guard_start() - Have a terminal guarded
 * @guard:	Filled; to be ended. Where no process can be made there is none
 * @terminal:	As it is to be given back; there may be none
 *
 * #syscalls(setup): pipe2 clone dup3 close_range rt_sigaction read ioctl
 */
void guard_start(struct guard *guard, const struct terminal *terminal);

/**
 * guard_end() - Leave the terminal as it is
 *
 * #syscalls(setup): write close wait4
 */
void guard_end(struct guard *guard);

#endif /* VMM_SANDBOX_GUARD_H */
