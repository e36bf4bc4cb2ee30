/*
 * A named thread that runs an event loop.
 */
#ifndef VMM_BASE_WORKER_H
#define VMM_BASE_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "vmm/base/loop.h"
#include "vmm/base/thread.h"

enum { WORKER_NAME_LEN = 16 }; /* what the kernel keeps, with the NUL */

/**
 * struct worker - A thread and its loop
 * @loop:	Sources are added before worker_start() or on the thread
 * @thread:	Valid while @running
 * @running:	Started and not yet stopped [owner]
 * @name:	Set by the thread itself: that needs no /proc
 * @kind:	What the thread is for
 * @entry:	What it calls first [borrowed]
 */
struct worker {
	struct loop loop;
	pthread_t thread;
	bool running;
	char name[WORKER_NAME_LEN];
	enum thread_kind kind;
	const struct thread_entry *entry;
};

/** worker_init() - Make the loop, start nothing; 0 or a negative errno */
int worker_init(struct worker *worker);

/** worker_destroy() - Stop the thread if it runs, release the loop */
void worker_destroy(struct worker *worker);

/**
 * worker_start() - Run the loop on a new thread
 * @worker:	Made by worker_init()
 * @name:	Shown by ps and gdb; cut after 15 characters
 * @kind:	What it is for
 * @entry:	What it calls first, NULL for nothing; outlives the thread
 *
 * Return: 0 or a negative errno
 * #syscalls: prctl
 */
int worker_start(struct worker *worker, const char *name, enum thread_kind kind,
		 const struct thread_entry *entry);

/**
 * worker_stop() - End the loop after the source it is in, join the thread
 *
 * #syscalls(loop): write futex munmap
 */
void worker_stop(struct worker *worker);

#endif /* VMM_BASE_WORKER_H */
