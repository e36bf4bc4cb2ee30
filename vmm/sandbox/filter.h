/*
 * Filters of system calls: which ones a thread may make (seccomp(2)).
 *
 * Theory of operation: there is a filter for each kind of thread; the build
 * makes them from the #syscalls tags of the sources (filters.h). Whatever else
 * a thread tries raises SIGSYS on it, and that ends the process with a line
 * that says what and who.
 *
 * Threads share their memory. Who has taken one over can make others work for
 * it, so what all filters have in common is what counts: no program is
 * executed, no process or thread made, no socket, nothing mounted or traced,
 * and no memory becomes code.
 */
#ifndef VMM_SANDBOX_FILTER_H
#define VMM_SANDBOX_FILTER_H

#include "vmm/sandbox/filters.h"

enum { FILTER_STATUS = 125 }; /* the process's, after a forbidden call */

/**
 * filter_catch() - Have forbidden system calls end the process in order
 *
 * On the main thread, before filters are installed and threads started. Also
 * has all threads allocate from one heap, which takes less calls than several.
 *
 * Return: 0 or a negative errno
 * #syscalls: rt_sigaction rt_sigprocmask
 * #syscalls(loop vcpu fs fs-aux): write exit_group
 */
int filter_catch(void);

/**
 * filter_install() - Let the calling thread make its calls only, from now on
 * @kind:	Which thread it is
 *
 * Sets no_new_privs for the thread if it is not set.
 *
 * Return: 0 or a negative errno
 * #syscalls: prctl seccomp
 */
int filter_install(enum filter_kind kind);

#endif /* VMM_SANDBOX_FILTER_H */
