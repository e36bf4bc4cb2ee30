/*
 * Locks for tests: requests for them, replies that come later, and processes of
 * the host that hold some.
 */
#ifndef TESTS_UNIT_FS_LOCKER_H
#define TESTS_UNIT_FS_LOCKER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "tests/unit/fs_client.h"

#define LOCK_END ((uint64_t)INT64_MAX)

/** struct target - An open file of a client's server */
struct target {
	struct client *c;
	uint64_t node_id;
	uint64_t fh;
};

/** target_open() - Look a file up and open it; asserts */
struct target target_open(struct client *c, const char *name);

/** lock_posix() - SETLK of a POSIX lock, both ends included; l_pid is @owner */
int lock_posix(const struct target *f, uint64_t owner, uint32_t type,
	       uint64_t start, uint64_t end);

/** lock_flock() - SETLK of a flock() lock */
int lock_flock(const struct target *f, uint64_t owner, uint32_t type);

/** lock_test() - GETLK: what is in the way, or an errno in .pid of F_UNLCK */
struct fuse_file_lock lock_test(const struct target *f, uint64_t owner,
				uint32_t type, uint64_t start, uint64_t end);

/** lock_raw() - Any of the three requests */
int lock_raw(const struct target *f, uint32_t opcode,
	     const struct fuse_lk_in *arg);

/** close_posix() - FLUSH by this owner */
int close_posix(const struct target *f, uint64_t owner);

/** close_last() - RELEASE, with the owner of flock() locks or 0 */
int close_last(const struct target *f, uint64_t flock_owner);

enum { NO_REPLY_YET = 1, NEVER_A_REPLY = 2 };

/**
 * struct pending - A SETLKW
 * @later:	What the server gets
 * @unique:	Of the request
 * @error:	Reply, NO_REPLY_YET or NEVER_A_REPLY
 * @cnt:	How often there was one
 */
struct pending {
	struct fs_later later;
	uint64_t unique;
	atomic_int error;
	atomic_int cnt;
};

/** wait_posix() - SETLKW of a POSIX lock: as client_call() */
int wait_posix(struct pending *p, const struct target *f, uint64_t owner,
	       uint32_t type, uint64_t start, uint64_t end);

/** wait_flock() - SETLKW of a flock() lock: as client_call() */
int wait_flock(struct pending *p, const struct target *f, uint64_t owner,
	       uint32_t type);

/** pending_result() - Wait up to ten seconds for the reply: what it was */
int pending_result(struct pending *p);

/** interrupt() - INTERRUPT this request */
void interrupt(struct client *c, uint64_t unique);

/** hold_posix() - Start a process of the host that holds a lock */
pid_t hold_posix(const char *path, short type, off_t start, off_t len);

/** hold_flock() - The same with flock() */
pid_t hold_flock(const char *path, int operation);

/** hold_end() - End such a process */
void hold_end(pid_t pid);

#endif /* TESTS_UNIT_FS_LOCKER_H */
