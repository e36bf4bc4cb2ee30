/*
 * A machine that goes on when the command that started it has ended.
 *
 * Theory of operation: the keeper is a child in a session of its own, with
 * /dev/null for its input and a file in the machine's directory for its output.
 * The parent waits until the command runs, and says the machine's name. If it
 * could not, the parent says what the file says, and ends like the keeper. What
 * tells the parent to end meanwhile, tells the keeper.
 */
#ifndef VMM_DETACH_H
#define VMM_DETACH_H

struct statedir;

/**
 * detach_run() - Start a keeper that stays
 * @dir:	Of its machine; closed in this process, or removed if there is
 *		no keeper
 * @keep:	Is the keeper; returns its exit status when the machine has
 *		ended. The eventfd is to be signalled when the command runs
 * @opaque:	First argument of @keep
 *
 * Return: 0 when the command runs, else the exit status; failures are reported
 * #syscalls(setup): openat eventfd2 signalfd4 clone setsid dup2 poll kill wait4
 * #syscalls(setup): read write close exit_group
 */
int detach_run(struct statedir *dir, int (*keep)(void *opaque, int started_fd),
	       void *opaque);

#endif /* VMM_DETACH_H */
