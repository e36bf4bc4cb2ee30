/*
 * A named thread that runs an event loop.
 */
#include "vmm/base/worker.h"

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
	thread_enter(worker->entry, worker->kind);
	loop_run(&worker->loop);
	return NULL;
}

int worker_start(struct worker *worker, const char *name, enum thread_kind kind,
		 const struct thread_entry *entry)
{
	int err;

	snprintf(worker->name, sizeof(worker->name), "%s", name);
	worker->kind = kind;
	worker->entry = entry;
	err = thread_start(&worker->thread, 0, run, worker);
	worker->running = !err;
	return err;
}

void worker_stop(struct worker *worker)
{
	if (!worker->running)
		return;
	loop_stop(&worker->loop);
	pthread_join(worker->thread, NULL);
	worker->running = false;
}
