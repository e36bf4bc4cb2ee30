/*
 * The POSIX suite: what its cases are made of.
 *
 * Theory of operation: a case is a function that runs in a process of its own,
 * as root, in an empty directory of mode 0777 that is its working directory.
 * It ends well by returning. The first check that fails, in that process or in
 * one that fork_child() made, writes down why and exits. What a case leaves
 * behind is removed after it, whatever its end.
 */
#ifndef TESTS_POSIX_CASES_SUITE_H
#define TESTS_POSIX_CASES_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* Users and groups; nobody else on the machine has these numbers. */
enum { ALICE = 30001, BOB, CAROL, STAFF = 40001, CREW, PUBLIC };

/* What a case asks for */
enum {
	NEEDS_PEER = 1,	     /* the other side of the directory */
	NEEDS_FRESH = 2,     /* ... and a view of it that follows its changes */
	NEEDS_READ_ONLY = 4, /* a directory that cannot be changed from here */
};

struct test_case {
	const char *name; /* in C's spelling */
	void (*run)(void);
	unsigned int needs;
	const void *arg; /* of a function with several cases */
};

/* A row of a table of cases that is named like its function */
#define CASE(function)                               \
	{                                            \
		.name = #function, .run = (function) \
	}
#define CASE_NEEDS(bits, function)                                    \
	{                                                             \
		.name = #function, .run = (function), .needs = (bits) \
	}

extern const struct test_case acl_cases[], append_cases[], direct_cases[],
	directory_cases[], flags_cases[], hole_cases[], link_cases[],
	lock_cases[], mode_cases[], name_cases[], node_cases[], ofd_cases[],
	open_cases[], peer_cases[], permission_cases[], privilege_cases[],
	readonly_cases[], rename_cases[], stat_cases[], time_cases[],
	unlinked_cases[], xattr_cases[];

/* What the case at work may know; main.c fills it. */
extern struct suite {
	const char *mode; /* of the cache, or "" */
	char peer[4096];  /* this directory from the other side, or "" */
	const struct test_case *now; /* the case itself */
} suite;

/* Checks. Each evaluates its arguments once; OK() has the call's value. */
#define OK(call) check_ok((long)(call), #call, __FILE__, __LINE__)
#define FAILS(number, call) \
	check_fails((number), (long)(call), #call, __FILE__, __LINE__)
/* Succeeds if @number is 0, or fails with it */
#define GIVES(number, call) \
	check_gives((number), (long)(call), #call, __FILE__, __LINE__)
#define IS(expected, value)                                                   \
	check_is((long long)(expected), (long long)(value), #value, __FILE__, \
		 __LINE__)
#define CHECK(condition) \
	check_is(1, !!(condition), #condition, __FILE__, __LINE__)

long check_ok(long result, const char *what, const char *file, int line);
void check_fails(int number, long result, const char *what, const char *file,
		 int line);
void check_gives(int number, long result, const char *what, const char *file,
		 int line);
void check_is(long long expected, long long value, const char *what,
	      const char *file, int line);

/* Say what a loop is about to do: it begins the message of a failed check. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* End this case: what it is about is not to be had here. */
void skip(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
/* Shared with all processes of a case; empty if nothing was said. */
char *check_message(void);
enum { MESSAGE_LEN = 1024, STATUS_FAILED = 1, STATUS_SKIPPED = 77 };

/* Be another user, with one group besides or -1, without root's rights; and
 * root again.
 */
void become(uid_t uid, gid_t gid, gid_t supplementary);
void become_root(void);

/* fork() whose child ends with its parent; it leaves by child_end(). */
pid_t fork_child(void);
void child_end(void) __attribute__((noreturn));
/* Wait until it has ended, well. */
void reap(pid_t pid);
/* A process that runs @function(@arg) and then lives on until stop(). */
pid_t start(void (*function)(const void *), const void *arg);
void stop(pid_t pid);
/* Has a process ended? Given it a moment, too. */
bool ended_soon(pid_t pid);

/* Make a file, whatever the umask; write it as a whole; compare it. */
void make_file(const char *path, mode_t mode, uid_t uid, gid_t gid);
void make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid);
void put_text(const char *path, const char *text);
void expect_text(const char *path, const char *text);
/* open(), which must succeed */
int open_ok(const char *path, int flags);
/* Bytes with a pattern that depends on their offset and on @seed */
void fill(void *data, size_t len, size_t offset, unsigned int seed);
bool filled(const void *data, size_t len, size_t offset, unsigned int seed);
/* lstat(), fstat(), which must succeed */
struct stat stat_of(const char *path);
struct stat stat_fd(int fd);
bool exists(const char *path);
/* Path of a name from the other side of the directory; in a static buffer */
const char *peer_path(const char *name);
void sleep_ms(unsigned int ms);
/* Time in ns, from a field of struct stat */
long long ns_of(struct timespec time);

#endif /* TESTS_POSIX_CASES_SUITE_H */
