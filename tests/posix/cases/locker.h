/*
 * Locks that other processes take, try, and wait for.
 */
#ifndef TESTS_POSIX_CASES_LOCKER_H
#define TESTS_POSIX_CASES_LOCKER_H

#include <fcntl.h>
#include <sys/types.h>

/* A lock of "f" */
struct lock_wish {
	int command; /* of fcntl(), or 0: flock() */
	int type;    /* F_RDLCK ..., or LOCK_SH ... */
	off_t from, len;
};

/* Take or drop one by this descriptor: the call's result. */
int lock_range(int fd, int command, int type, off_t from, off_t len);
/* Take one, of a struct lock_wish, by a new descriptor that stays open. */
void lock_take(const void *wish);
/* A process that keeps one until it is stopped. */
pid_t lock_holder(int command, int type, off_t from, off_t len);
/* The result of a try by another process: 0 or errno. */
int lock_tried(int command, int type, off_t from, off_t len);
/* Who has the lock that is in the way of such a one? */
struct flock lock_asked(int fd, int command, int type, off_t from, off_t len);
/* Which bytes are locked against other processes? '#' for each that is. */
void lock_expect(const char *locked);
/* Cases: a waiting process gets it once it is free; a signal ends its wait. */
void lock_waits(int command, int type);
void lock_is_interrupted(int command, int type);

#endif /* TESTS_POSIX_CASES_LOCKER_H */
