/*
 * Threads: how they are made.
 */
#include "vmm/base/thread.h"

#include <signal.h>

int thread_start(pthread_t *thread, int wanted, void *(*run)(void *), void *arg)
{
	sigset_t mask, old;
	int err;

	sigfillset(&mask);
	sigdelset(&mask, SIGSYS);
	if (wanted)
		sigdelset(&mask, wanted);
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	err = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}
