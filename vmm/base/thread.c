/*
 * Threads: how they are made.
 */
#include "vmm/base/thread.h"

#include <signal.h>

#include "vmm/base/bits.h"

/* A stack of 8 MiB, as it would be, begins with a huge page of memory. */
#define STACK_LEN KIB(512)

int thread_start(pthread_t *thread, int wanted, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t mask, old;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setstacksize(&attr, STACK_LEN);

	sigfillset(&mask);
	sigdelset(&mask, SIGSYS);
	if (wanted)
		sigdelset(&mask, wanted);
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	err = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}
