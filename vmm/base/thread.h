/*
 * The kinds of threads that a machine has, how they are made and what each does
 * first.
 */
#ifndef VMM_BASE_THREAD_H
#define VMM_BASE_THREAD_H

#include <pthread.h>

/** enum thread_kind - What a thread is for, and so what it may do */
enum thread_kind {
	THREAD_LOOP,   /* the main thread: console, entropy, signals */
	THREAD_VCPU,   /* runs a processor */
	THREAD_FS,     /* serves files */
	THREAD_FS_AUX, /* helps one that does, and opens nothing */
	THREAD_NUM_KINDS,
};

/**
 * struct thread_entry - What a thread calls before its first work
 * @enter:	Called on the new thread; does not return if it fails. NULL:
 *		nothing
 * @opaque:	First argument of @enter
 */
struct thread_entry {
	void (*enter)(void *opaque, enum thread_kind kind);
	void *opaque;
};

/**
 * thread_start() - Make a thread
 * @thread:	Filled on success
 * @wanted:	A signal that it receives, or 0
 * @run:	What it does
 * @arg:	Argument of @run
 *
 * All other signals are blocked on it, they belong to the main thread: but for
 * SIGSYS, with which the kernel answers a forbidden system call.
 *
 * Return: 0 or a negative errno
 * #syscalls: clone3 rt_sigprocmask mmap mprotect
 * #syscalls(vcpu fs fs-aux): madvise(MADV_DONTNEED) rt_sigprocmask exit
 */
int thread_start(pthread_t *thread, int wanted, void *(*run)(void *),
		 void *arg);

/** thread_enter() - Begin as a thread of a kind; @entry may be NULL */
static inline void thread_enter(const struct thread_entry *entry,
				enum thread_kind kind)
{
	if (entry && entry->enter)
		entry->enter(entry->opaque, kind);
}

#endif /* VMM_BASE_THREAD_H */
