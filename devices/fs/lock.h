/*
 * File locks of the guest, held on the host: host processes and other guests
 * see them.
 *
 * Theory of operation: a lock belongs to an open file description of the host
 * (fcntl(2), F_OFD_SETLK; flock(2)). Each *owner* that the guest's kernel names
 * has a description of its own for each inode and kind of lock, which is all
 * that is kept here: which ranges are locked is the host kernel's business. It
 * is opened with an owner's first lock and closed when the owner unlocks the
 * whole file, or when the guest's kernel says that the owner is gone:
 *
 *	FLUSH		a process closed the file: its POSIX locks go
 *	RELEASE		nobody has the open file any more: so go flock and the
 *			guest's own F_OFD_SETLK locks, whose owner it was
 *	FORGET		everything of the inode
 *	reset		everything
 *
 * A lock that has to be waited for is a *waiter* (lock_wait.h).
 *
 * Locks: @table.lock guards owners' places and all waiters and is not held
 * across a system call. Each owner has a lock that is held across the calls on
 * its descriptor, so that it is not closed in between; it comes after none and
 * nothing comes after it.
 */
#ifndef DEVICES_FS_LOCK_H
#define DEVICES_FS_LOCK_H

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "devices/fs/table.h"

struct fs_later;
struct thread_entry;

enum {
	LOCK_BUCKET_BITS = 10,
	LOCK_MAX_WAITERS = 256, /* a quarter of a ring (later.h) */
	LOCK_MAX_EARLY = 16,
	LOCK_MAX_PROBES = 64, /* owners asked for who holds a lock */
};

/**
 * struct lock_key - Whose locks on what
 * @node_id:	Inode
 * @owner:	As the guest's kernel calls the process or open file
 * @flock:	flock() locks; else POSIX locks. The two never conflict
 */
struct lock_key {
	uint64_t node_id;
	uint64_t owner;
	bool flock;
};

/**
 * struct lock_owner - Somebody who holds or wants locks on an inode
 * @slot:	Place in the table
 * @key:	[constant while in use]
 * @fh:		Handle that the owner last used [table.lock]
 * @hash_next:	Next index in the same bucket [table.lock]
 * @lock:	Held across calls on @fd
 * @fd:		Description that has the locks, -1 when it was taken away
 *		[owned, lock]
 * @held:	There may be locks [lock; constant while nobody uses it]
 * @pid:	Process of the guest that set the last one
 */
struct lock_owner {
	struct table_slot slot;
	struct lock_key key;
	uint64_t fh;
	uint32_t hash_next;
	pthread_mutex_t lock;
	int fd;
	bool held;
	_Atomic uint32_t pid;
};

/** enum lock_fate - What becomes of a waiter that does not get its lock */
enum lock_fate {
	LOCK_WAITS,
	LOCK_CANCELLED, /* EINTR */
	LOCK_DROPPED,	/* no reply */
	LOCK_NUM_FATES,
};

/**
 * struct lock_waiter - A request that waits for a lock [table.lock]
 * @next:	The one that came after it, or the next free place
 * @owner:	Who wants it; a reference
 * @want:	What; constant while it waits
 * @unique:	Of the request
 * @later:	Where the reply goes [borrowed]
 * @fate:	See there
 * @due:	To be tried now
 * @fresh:	Was not tried yet
 */
struct lock_waiter {
	struct lock_waiter *next;
	struct lock_owner *owner;
	struct flock want;
	uint64_t unique;
	struct fs_later *later;
	enum lock_fate fate;
	bool due;
	bool fresh;
};

/**
 * struct lock_table - All owners and waiters of a server
 * @table:	struct lock_owner, and the lock
 * @bucket:	Hash by node id: first index, 0 if none [table.lock]
 * @cnt:	Owners in use: most requests need not look further
 * @place:	Memory for waiters [owned, init]
 * @free:	Free places [table.lock]
 * @first:	Waiters, the oldest first [table.lock]
 * @tail:	Link of the youngest [table.lock]
 * @due:	Some waiter is due, or its fate has changed [table.lock]
 * @dropped_cnt:	LOCK_DROPPED waiters that are still there [table.lock]
 * @interval_ms:	Between attempts [table.lock]
 * @next_ms:	Time of the next attempt [table.lock]
 * @early:	Requests that were interrupted but do not wait, maybe not yet
 *		[table.lock]
 * @early_idx:	The place for the next one [table.lock]
 * @work:	@due or @stopping was set, or a waiter was added
 * @done:	@dropped_cnt has become zero
 * @thread:	Tries for all waiters; valid while @running
 * @running:	It was started [init]
 * @entry:	What it calls first [init, borrowed]
 * @stopping:	It shall end [table.lock]
 */
struct lock_table {
	struct table table;
	uint32_t bucket[1 << LOCK_BUCKET_BITS];
	atomic_uint cnt;
	struct lock_waiter *place;
	struct lock_waiter *free;
	struct lock_waiter *first;
	struct lock_waiter **tail;
	bool due;
	unsigned int dropped_cnt;
	int64_t interval_ms;
	int64_t next_ms;
	uint64_t early[LOCK_MAX_EARLY];
	unsigned int early_idx;
	pthread_cond_t work;
	pthread_cond_t done;
	pthread_t thread;
	bool running;
	const struct thread_entry *entry;
	bool stopping;
};

/**
 * lock_table_init() - Make an empty table
 * @t:		Table; to be destroyed whatever the result
 * @max_cnt:	Most owners, each with a descriptor
 *
 * Return: 0 or -ENOMEM
 */
int lock_table_init(struct lock_table *t, uint32_t max_cnt);

/** lock_table_destroy() - Drop everything, end the thread, free the memory */
void lock_table_destroy(struct lock_table *t);

/**
 * lock_table_reset() - Drop all waiters without a reply, then all locks
 *
 * When it returns, no reply comes to what waited before. The caller may hold
 * any lock that no fs_later.reply() takes.
 * #syscalls(loop vcpu fs): close futex
 */
void lock_table_reset(struct lock_table *t);

/**
 * lock_get() - Begin to use an owner
 * @t:		Table
 * @key:	Which
 * @fh:		Handle that it uses
 *
 * Return: NULL if it has no locks and waits for none
 */
struct lock_owner *lock_get(struct lock_table *t, const struct lock_key *key,
			    uint64_t fh);

/**
 * lock_add() - Add an owner, unless another thread just has, and use it
 * @t:		Table
 * @key:	Which
 * @fh:		Handle that it uses
 * @fd:		A description of its own of the file; taken
 *
 * Return: NULL if there are too many
 * #syscalls(fs fs-aux): close
 */
struct lock_owner *lock_add(struct lock_table *t, const struct lock_key *key,
			    uint64_t fh, int fd);

/**
 * lock_put() - End to use an owner; NULL is ignored
 *
 * The last user of one without locks frees it.
 * #syscalls(fs fs-aux): close
 */
void lock_put(struct lock_table *t, struct lock_owner *o);

/**
 * lock_apply() - Lock or unlock, without waiting
 * @t:		Table
 * @o:		Owner, in use
 * @want:	Type and range; l_pid is the guest's. The range of a flock()
 *		lock is not looked at
 *
 * What becomes free wakes waiters. As on the host, a flock() lock that cannot
 * be changed into another one at once is lost.
 *
 * Return: 0, -EAGAIN if somebody else holds a lock, -EINTR if the owner's locks
 *	   are being dropped, or another negative errno
 * #syscalls(fs fs-aux): fcntl(F_OFD_SETLK) flock
 */
int lock_apply(struct lock_table *t, struct lock_owner *o,
	       const struct flock *want);

/**
 * lock_query() - Ask who would be in the way of a POSIX lock
 * @o:		Owner, in use
 * @range:	As for F_OFD_GETLK, and filled like there
 *
 * Return: 0 or a negative errno
 * #syscalls(fs fs-aux): fcntl(F_OFD_GETLK)
 */
int lock_query(struct lock_owner *o, struct flock *range);

/**
 * lock_holder() - Find the owner of a POSIX lock that is in the way
 * @t:		Table
 * @node_id:	Inode
 * @range:	What lock_query() has found
 *
 * Return: the owner, in use; NULL if it is not one of this server, or if that
 *	   cannot be told: a lock that several share, before Linux 6.6
 * #syscalls(fs fs-aux): fcntl(F_OFD_GETLK)
 */
struct lock_owner *lock_holder(struct lock_table *t, uint64_t node_id,
			       const struct flock *range);

/**
 * lock_flush() - A process of the guest has closed a file: drop its POSIX locks
 *
 * A thread of it that waits for one goes on waiting, as it does on the host.
 */
void lock_flush(struct lock_table *t, uint64_t node_id, uint64_t owner);

/**
 * lock_release() - Nobody in the guest has an open file any more
 * @t:		Table
 * @node_id:	Inode
 * @fh:		Its handle: locks that were set through it are dropped, for
 *		processes have flushed theirs before
 * @flock_owner:	Whose flock() locks are dropped as well, or NULL
 */
void lock_release(struct lock_table *t, uint64_t node_id, uint64_t fh,
		  const uint64_t *flock_owner);

/** lock_forget() - The guest does not know an inode any more: drop all on it */
void lock_forget(struct lock_table *t, uint64_t node_id);

#endif /* DEVICES_FS_LOCK_H */
