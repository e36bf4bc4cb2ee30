/*
 * A named thread that runs an event loop.
 */
#include "vmm/base/worker.h"

#include <signal.h>
#include <stdio.h>

int worker_init(struct worker *worker)
{
	worker->running = false;
	return loop_init(&worker->loop);
}

void worker_destroy(struct worker *worker)
{
	worker_stop(worker);
	loop_destroy(&worker->loop);
}

static void *run(void *arg)
{
	struct worker *worker = arg;

	pthread_setname_np(pthread_self(), worker->name);
	loop_run(&worker->loop);
	return NULL;
}

int worker_start(struct worker *worker, const char *name)
{
	sigset_t all, old;
	int err;

	snprintf(worker->name, sizeof(worker->name), "%s", name);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	worker->running = true;
	return 0;
}

void worker_stop(struct worker *worker)
{
	if (!worker->running)
		return;
	loop_stop(&worker->loop);
	pthread_join(worker->thread, NULL);
	worker->running = false;
}
