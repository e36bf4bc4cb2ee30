/*
 * fsload: one row of the file server's benchmark: prepare, then do one kind of
 * operation many times and print the nanoseconds that one took.
 *
 *	fsload make DIR		the files that all rows use
 *	fsload rows		names of the rows, "fresh" if the row needs a
 *				mount that knows nothing yet, what they do
 *	fsload [-b] ROW DIR	-b: DIR is on the bare host
 *
 * Through a mounted server, reads must reach the server: this mount's cached
 * pages are dropped before, and some rows use O_DIRECT. On the bare host both
 * would go to the disk, so there neither is done: whoever is measured, the
 * host's page cache holds the file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bits.h"

enum {
	FILE_CNT = 2000,
	LINK_CNT = 2000,
	WIDE_CNT = 10000,
	TREE_DIRS = 100,
	TREE_FILES = 100, /* in each */
	CHANGE_CNT = 1000,
	DATA_LEN = 64 << 20,
	SMALL = 4096,
	LARGE = 1 << 20,
	SMALL_CNT = 8000,
	LARGE_CNT = DATA_LEN / LARGE,
	PROCESSES = 4,
};

struct load {
	bool bare;
	char *buffer;
	int flags; /* of move(), of this row */
	size_t len;
};

static void die(const char *what)
{
	fprintf(stderr, "fsload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(long result, const char *what)
{
	if (result < 0)
		die(what);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const char *nth(const char *prefix, int i)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s%d", prefix, i);
	return name;
}

static void make_file(const char *name, size_t len)
{
	static const char block[SMALL] = "contents";
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	must(fd, name);
	for (size_t at = 0; at < len; at += SMALL)
		must(write(fd, block, SMALL), name);
	close(fd);
}

static void make_tree(void)
{
	static const char *const folders[] = {"files", "links", "scratch",
					      "wide", "tree"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		must(mkdir(folders[i], 0755), folders[i]);
	for (int i = 0; i < FILE_CNT; i++)
		make_file(nth("files/", i), SMALL);
	for (int i = 0; i < LINK_CNT; i++)
		must(symlink("../files/0", nth("links/", i)), "symlink");
	for (int i = 0; i < WIDE_CNT; i++)
		make_file(nth("wide/", i), 0);
	for (int i = 0; i < TREE_DIRS * TREE_FILES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "tree/%d", i / TREE_FILES);
		if (i % TREE_FILES == 0)
			must(mkdir(name, 0755), name);
		snprintf(name, sizeof(name), "tree/%d/%d", i / TREE_FILES, i);
		make_file(name, 0);
	}
	make_file("data", DATA_LEN);
}

/* Names and attributes. */

static long stat_files(struct load *l)
{
	struct stat st;

	(void)l;
	for (int i = 0; i < FILE_CNT; i++)
		must(stat(nth("files/", i), &st), "stat");
	return FILE_CNT;
}

static long stat_again(struct load *l)
{
	long cnt = 0;

	for (int i = 0; i < 10; i++)
		cnt += stat_files(l);
	return cnt;
}

static void know_files(struct load *l)
{
	stat_files(l);
}

static void outlive_files(struct load *l)
{
	stat_files(l);
	usleep(1200000);
}

static long stat_missing(struct load *l)
{
	struct stat st;

	(void)l;
	for (int i = 0; i < 2 * FILE_CNT; i++) {
		if (!stat(nth("files/missing", i % FILE_CNT), &st))
			die("missing");
	}
	return 2L * FILE_CNT;
}

static long read_links(struct load *l)
{
	for (int i = 0; i < LINK_CNT; i++)
		must(readlink(nth("links/", i), l->buffer, SMALL), "readlink");
	return LINK_CNT;
}

static long change_modes(struct load *l)
{
	(void)l;
	for (int i = 0; i < CHANGE_CNT; i++)
		must(chmod(nth("files/", i), i & 1 ? 0644 : 0640), "chmod");
	return CHANGE_CNT;
}

static long get_attributes(struct load *l)
{
	for (int i = 0; i < FILE_CNT; i++) {
		if (getxattr(nth("files/", i), "user.none", l->buffer, SMALL) >=
			    0 ||
		    errno != ENODATA)
			die("getxattr");
	}
	return FILE_CNT;
}

static long open_files(struct load *l)
{
	(void)l;
	for (int i = 0; i < FILE_CNT; i++) {
		int fd = open(nth("files/", i), O_RDONLY);

		must(fd, "open");
		close(fd);
	}
	return FILE_CNT;
}

static long read_files(struct load *l)
{
	for (int i = 0; i < FILE_CNT; i++) {
		int fd = open(nth("files/", i), O_RDONLY);

		must(fd, "open");
		if (read(fd, l->buffer, LARGE) != SMALL)
			die("read");
		close(fd);
	}
	return FILE_CNT;
}

/* Changes: the name lives only for the time of the operation. */

static long create(const struct load *l, size_t len)
{
	for (int i = 0; i < CHANGE_CNT; i++) {
		const char *name = nth("scratch/", i);
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

		must(fd, "create");
		if (len)
			must(write(fd, l->buffer, len), "write");
		close(fd);
		must(unlink(name), "unlink");
	}
	return CHANGE_CNT;
}

static long create_empty(struct load *l)
{
	return create(l, 0);
}

static long create_small(struct load *l)
{
	return create(l, SMALL);
}

static long make_directories(struct load *l)
{
	(void)l;
	for (int i = 0; i < CHANGE_CNT; i++) {
		must(mkdir(nth("scratch/", i), 0755), "mkdir");
		must(rmdir(nth("scratch/", i)), "rmdir");
	}
	return CHANGE_CNT;
}

static long make_links(struct load *l)
{
	(void)l;
	for (int i = 0; i < CHANGE_CNT; i++) {
		must(symlink("target", nth("scratch/", i)), "symlink");
		must(unlink(nth("scratch/", i)), "unlink");
	}
	return CHANGE_CNT;
}

static long rename_files(struct load *l)
{
	char here[64], there[64];

	(void)l;
	for (int i = 0; i < CHANGE_CNT; i++) {
		snprintf(here, sizeof(here), "files/%d", i);
		snprintf(there, sizeof(there), "scratch/%d", i);
		must(rename(here, there), "rename");
		must(rename(there, here), "rename");
	}
	return 2L * CHANGE_CNT;
}

/* Directories. */

static int count_name(const char *name, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)name, (void)st, (void)at;
	if (type != FTW_F && type != FTW_D)
		die(name);
	return 0;
}

static long list(const char *dir, bool attributes)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	struct stat st;
	long cnt = 0;

	if (!stream)
		die(dir);
	while ((entry = readdir(stream))) {
		/* Not every server has "." and "..". */
		cnt += entry->d_name[0] != '.';
		if (attributes)
			must(fstatat(dirfd(stream), entry->d_name, &st,
				     AT_SYMLINK_NOFOLLOW),
			     "stat");
	}
	closedir(stream);
	if (cnt != WIDE_CNT)
		die("names are missing");
	return cnt;
}

static long list_names(struct load *l)
{
	(void)l;
	return list("wide", false);
}

static long list_attributes(struct load *l)
{
	(void)l;
	return list("wide", true);
}

static long walk_tree(struct load *l)
{
	(void)l;
	must(nftw("tree", count_name, 64, FTW_PHYS), "tree");
	return TREE_DIRS * (TREE_FILES + 1) + 1;
}

/* Contents. */

static int open_data(const struct load *l, int flags)
{
	int fd = open("data", l->bare ? flags & ~O_DIRECT : flags);

	must(fd, "data");
	if (!l->bare && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die("fadvise");
	return fd;
}

static long move(struct load *l)
{
	int fd = open_data(l, l->flags);
	long cnt = l->len == SMALL ? SMALL_CNT : LARGE_CNT;

	for (long i = 0; i < cnt; i++) {
		off_t at = (off_t)(i * l->len);
		ssize_t n = (l->flags & O_ACCMODE) == O_RDONLY
				    ? pread(fd, l->buffer, l->len, at)
				    : pwrite(fd, l->buffer, l->len, at);

		if (n != (ssize_t)l->len)
			die("data");
	}
	close(fd);
	return cnt;
}

/* The same pages in any order, most of them once. */
static long read_random_of(struct load *l, unsigned int seed)
{
	int fd = open_data(l, O_RDONLY);

	if (posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM))
		die("fadvise");
	for (int i = 0; i < SMALL_CNT; i++) {
		off_t page = rand_r(&seed) % (DATA_LEN / SMALL);

		if (pread(fd, l->buffer, SMALL, page * SMALL) != SMALL)
			die("data");
	}
	close(fd);
	return SMALL_CNT;
}

static long read_random(struct load *l)
{
	return read_random_of(l, 1);
}

static long read_random_many(struct load *l)
{
	int status;

	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		must(pid, "fork");
		if (!pid) {
			read_random_of(l, i);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		must(wait(&status), "wait");
		if (status)
			die("child");
	}
	return (long)PROCESSES * SMALL_CNT;
}

/* A row; one that needs a fresh mount; one that moves contents. */
#define ROW(name, what, prepare, run)                 \
	{                                             \
		name, what, prepare, run, 0, 0, false \
	}
#define FRESH(name, what, run)                    \
	{                                         \
		name, what, NULL, run, 0, 0, true \
	}
#define MOVE(name, what, len, flags)                      \
	{                                                 \
		name, what, NULL, move, len, flags, false \
	}

static const struct row {
	const char *name;
	const char *what;
	void (*prepare)(struct load *l);
	long (*run)(struct load *l); /* returns the number of operations */
	size_t len;
	int flags;
	bool fresh;
} rows[] = {
	FRESH("stat-first", "stat, file not known yet", stat_files),
	FRESH("names", "readdir of 10,000 names", list_names),
	FRESH("ls-l", "the same with stat of each", list_attributes),
	FRESH("walk", "walk over a tree of 10,000 files", walk_tree),
	FRESH("readlink", "readlink", read_links),
	ROW("stat-again", "stat, known for less than 1 s", know_files,
	    stat_again),
	ROW("stat-late", "stat, known for more than 1 s", outlive_files,
	    stat_files),
	ROW("stat-missing", "stat, missing name, twice", NULL, stat_missing),
	ROW("getxattr", "getxattr, no such attribute", know_files,
	    get_attributes),
	ROW("chmod", "chmod", know_files, change_modes),
	ROW("open", "open, close", know_files, open_files),
	ROW("open-read", "open, read 4 KiB, close", know_files, read_files),
	ROW("create", "create, close, unlink", NULL, create_empty),
	ROW("create-4k", "create, write 4 KiB, close, unlink", NULL,
	    create_small),
	ROW("mkdir", "mkdir, rmdir", NULL, make_directories),
	ROW("symlink", "symlink, unlink", NULL, make_links),
	ROW("rename", "rename into another directory", know_files,
	    rename_files),
	MOVE("read-4k", "read 4 KiB, sequential", SMALL, O_RDONLY),
	MOVE("read-1m", "read 1 MiB, sequential", LARGE, O_RDONLY),
	MOVE("read-4k-direct", "read 4 KiB, O_DIRECT", SMALL,
	     O_RDONLY | O_DIRECT),
	MOVE("read-1m-direct", "read 1 MiB, O_DIRECT", LARGE,
	     O_RDONLY | O_DIRECT),
	ROW("read-random", "read 4 KiB, random", NULL, read_random),
	ROW("read-random-4", "the same by 4 processes", NULL, read_random_many),
	MOVE("write-4k", "write 4 KiB, sequential", SMALL, O_WRONLY),
	MOVE("write-1m", "write 1 MiB, sequential", LARGE, O_WRONLY),
	MOVE("write-4k-direct", "write 4 KiB, O_DIRECT", SMALL,
	     O_WRONLY | O_DIRECT),
	MOVE("write-1m-direct", "write 1 MiB, O_DIRECT", LARGE,
	     O_WRONLY | O_DIRECT),
};

static void run(const struct row *row, struct load *l)
{
	uint64_t start;
	long cnt;

	l->flags = row->flags;
	l->len = row->len;
	if (row->prepare)
		row->prepare(l);
	start = now_ns();
	cnt = row->run(l);
	printf("%ld\n", (long)((now_ns() - start) / cnt));
}

int main(int argc, char **argv)
{
	struct load l = {.bare = argc > 1 && !strcmp(argv[1], "-b")};
	char **arg = argv + 1 + l.bare;

	if (argc == 2 && !strcmp(argv[1], "rows")) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			printf("%s\t%s\t%s\n", rows[i].name,
			       rows[i].fresh ? "fresh" : "any", rows[i].what);
		return 0;
	}
	if (argc - l.bare != 3)
		return 2;
	must(chdir(arg[1]), arg[1]);
	l.buffer = aligned_alloc(SMALL, LARGE);
	if (!l.buffer)
		die("memory");
	memset(l.buffer, 'x', LARGE);
	if (!strcmp(arg[0], "make"))
		return make_tree(), 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!strcmp(rows[i].name, arg[0]))
			return run(&rows[i], &l), 0;
	}
	fprintf(stderr, "fsload: no row %s\n", arg[0]);
	return 2;
}
