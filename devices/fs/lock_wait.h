/*
 * Requests that wait for a lock.
 *
 * Theory of operation: nothing waits inside the host's kernel. One thread tries
 * for all of them without blocking, the oldest first: at once when a lock of
 * this server on the same inode became less, and otherwise, for those of other
 * servers and of host processes, after 1 ms, then 2 ms and so on up to 32 ms.
 * It sleeps while nobody waits. Only this thread ends a waiter and replies;
 * others mark what shall become of it.
 *
 * The host finds no deadlock among open file descriptions. So a waiter's first
 * attempt that fails is followed by a look at who is in the way, and what that
 * one waits for, and so on: if it is the waiter's owner in the end, the reply
 * is EDEADLK. A deadlock that involves another server is not found.
 *
 * Linux interrupts requests on /dev/fuse but not on virtio-fs (6.12): there, a
 * process that waits cannot be killed before it has its lock.
 */
#ifndef DEVICES_FS_LOCK_WAIT_H
#define DEVICES_FS_LOCK_WAIT_H

#include <fcntl.h>
#include <stdint.h>

struct fs_later;
struct lock_owner;
struct lock_table;
struct thread_entry;

/** lock_wait_init() - Make places for waiters; 0 or -ENOMEM */
int lock_wait_init(struct lock_table *t);

/**
 * lock_wait_start() - Start the thread
 * @t:		Locks, nobody waits yet
 * @entry:	What the thread calls first, NULL for nothing; outlives @t
 *
 * Return: 0 or a negative errno
 * #syscalls: prctl
 * #syscalls(fs-aux): futex restart_syscall clock_gettime write close
 */
int lock_wait_start(struct lock_table *t, const struct thread_entry *entry);

/** lock_wait_destroy() - End the thread, free the places; nobody waits */
void lock_wait_destroy(struct lock_table *t);

/**
 * lock_wait_add() - Let a request wait
 * @t:		Locks
 * @o:		Who wants a lock: the caller's reference is taken on success
 * @want:	Which
 * @unique:	Of the request
 * @later:	Where the reply goes; it may come before this returns
 *
 * Return: 0; -EINTR if the request was interrupted already; -ENOLCK if there
 *	   are LOCK_MAX_WAITERS
 * #syscalls(fs): futex
 */
int lock_wait_add(struct lock_table *t, struct lock_owner *o,
		  const struct flock *want, uint64_t unique,
		  struct fs_later *later);

/** lock_wait_wake() - A lock on an inode became less */
void lock_wait_wake(struct lock_table *t, uint64_t node_id);

/** lock_wait_cancel() - Cancel an owner's waiters; @t->table.lock is held */
void lock_wait_cancel(struct lock_table *t, const struct lock_owner *o);

/**
 * lock_wait_interrupt() - Cancel the waiter that is this request
 *
 * If there is none, it may be about to wait: that is remembered.
 */
void lock_wait_interrupt(struct lock_table *t, uint64_t unique);

/** lock_wait_drop() - Drop all waiters; when it returns, they are gone */
void lock_wait_drop(struct lock_table *t);

#endif /* DEVICES_FS_LOCK_WAIT_H */
