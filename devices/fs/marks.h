/*
 * Changes by others on the host: what the guest was told about is marked, and
 * the host's kernel says when it changes (fanotify(7)).
 *
 * Theory of operation: a mark is put on each file and directory before the
 * attributes or names are read that the guest is told. An event names files by
 * handles, from which follow key and counter (versions.h): nothing needs to be
 * remembered for that. Events of this process are left out, since its requests
 * raise what they change, unless somebody else in it serves the same files.
 *
 * Marks are on inodes: a whole file system would take the caller to be root,
 * and show a monitor that was taken over the names of all its files.
 *
 * A mark stays when the guest forgets its file: to take it off, the file would
 * have to be open. So the keys of the last marked files are remembered, and one
 * that the guest learns again is not marked twice. When there are more useless
 * marks than others, all are taken off at once, and each file is marked again
 * before the guest is told of it once more. Until then nothing is believed:
 * *age* tells old marks from new ones, and the epoch grows. A marked file stays
 * in the host's memory; how many there can be says fs.fanotify.max_user_marks.
 * A file without a mark has no versions.
 *
 * What a process of the host writes through a mapping of its own is no event.
 *
 * One thread at a time marks files, for a mark that is put while others are
 * taken off could be lost without growing old (the host's kernel marks one at a
 * time, too); another one reads.
 */
#ifndef DEVICES_FS_MARKS_H
#define DEVICES_FS_MARKS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct versions;

enum {
	MARKS_SPARE = 8192,		/* may be useless at any time */
	MARKS_RECENT = 2 * MARKS_SPARE, /* are remembered, at most */
};

/**
 * struct marks - Marks of a server
 * @fd:		Events; -1: there are none, and no marks [init, owned]
 * @dev:	The file system in which files are marked [init]
 * @pid:	This process [init]
 * @hear_own:	Its own events count, too [init]
 * @versions:	Table [init, borrowed]
 * @lock:	Held to mark a file; a leaf
 * @age:	Of marks that are still there; never 0 [changed with @lock]
 * @cnt:	Marks of this age
 * @set_cnt:	All that were ever set
 * @recent:	Keys of marked files of this age, 0 elsewhere [owned, lock]
 */
struct marks {
	int fd;
	dev_t dev;
	pid_t pid;
	bool hear_own;
	const struct versions *versions;
	pthread_mutex_t lock;
	_Atomic uint32_t age;
	_Atomic uint32_t cnt;
	_Atomic uint64_t set_cnt;
	uint64_t *recent;
};

/**
 * marks_init() - Begin without marks
 * @m:		Filled; to be destroyed whatever happens
 * @versions:	Table, outlives @m; NULL: nothing is ever marked
 * @hear_own:	This process changes files in other ways, too
 *
 * Call marks_start() afterwards.
 * #syscalls: getpid
 */
void marks_init(struct marks *m, const struct versions *versions,
		bool hear_own);

/**
 * marks_start() - Choose what can be marked
 * @m:		Marks
 * @root_fd:	A directory: files of its file system are, no others. If the
 *		host has no such events, or others change that file system,
 *		nothing is ever marked
 *
 * #syscalls: fanotify_init fstat fstatfs
 */
void marks_start(struct marks *m, int root_fd);

/** marks_destroy() - Take all off; accepts a half-built @m */
void marks_destroy(struct marks *m);

/**
 * struct marks_file - A file to be marked
 * @proc_fd:	/proc/self/fd
 * @fd:		Its descriptor, O_PATH or better
 * @dev:	Where it is
 * @type:	S_IFREG and so on
 * @key:	In the table of versions; 0: it is not to be marked
 * @known_cnt:	Files that the guest knows
 */
struct marks_file {
	int proc_fd;
	int fd;
	dev_t dev;
	mode_t type;
	uint64_t key;
	uint32_t known_cnt;
};

/**
 * marks_set() - Mark a file, unless it has a mark
 * @m:		Marks
 * @file:	Which
 * @age:	The file's own number, 0 at first; changed
 *
 * Return: true if there is a mark, as long as marks_are() says so of @age
 * #syscalls(fs): fanotify_mark(FAN_MARK_ADD) fanotify_mark(FAN_MARK_FLUSH)
 * #syscalls(fs): futex
 */
bool marks_set(struct marks *m, const struct marks_file *file,
	       _Atomic uint32_t *age);

/**
 * marks_recall() - Does a file have a mark from before it was last forgotten?
 * @m:		Marks
 * @dev:	Where it is
 * @key:	In the table of versions; 0: it has none
 * @age:	The file's own number; changed
 *
 * Return: true if marks_are() says so of @age now; false if only marks_set()
 *	   can tell
 * #syscalls(fs): futex
 */
bool marks_recall(struct marks *m, dev_t dev, uint64_t key,
		  _Atomic uint32_t *age);

/** marks_are() - Has the file of this age had a mark since then? */
bool marks_are(const struct marks *m, const _Atomic uint32_t *age);

/**
 * marks_read() - @m->fd is readable: raise what others have changed
 *
 * #syscalls(fs-aux): read
 */
void marks_read(struct marks *m);

#endif /* DEVICES_FS_MARKS_H */
