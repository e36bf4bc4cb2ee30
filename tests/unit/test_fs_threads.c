/*
 * FUSE server: several threads serve one session, as they do when a device has
 * several queues for requests.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "devices/fs/marks.h"
#include "tests/unit/fs_locker.h"
#include "tests/unit/fs_versions.h"
#include "vmm/base/bits.h"

enum { THREADS = 3, ROUNDS = 400, NAMES = 5, FILES = 64 };

static struct client *const c = &vrig.one;
static struct client clients[THREADS];

static void setup(void)
{
	versions_rig_setup();
	for (unsigned int i = 0; i < THREADS; i++)
		client_share(&clients[i], c);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < THREADS; i++)
		client_unshare(&clients[i]);
	versions_rig_teardown();
}

static void run(void *(*work)(void *))
{
	pthread_t thread[THREADS];

	for (unsigned int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&thread[i], NULL, work, &clients[i]), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

/* Make a file, write to it, forget it. */
static void make(struct client *k, const char *name)
{
	const struct fuse_create_in arg = {.flags = O_RDWR | O_EXCL,
					   .mode = 0100644};
	struct fuse_write_in write_arg = {.size = 4};
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
		struct fuse_versions versions;
	} made;
	int err;

	client_begin(k, FUSE_CREATE, FUSE_ROOT_ID);
	client_add(k, &arg, sizeof(arg));
	client_add_text(k, name);
	err = client_call(k);
	if (err == -EEXIST)
		return;
	ck_assert_int_eq(err, 0);
	memcpy(&made, client_reply(k, sizeof(made)), sizeof(made));
	write_arg.fh = made.open.fh;
	ck_assert_int_eq(client_write(k, &write_arg, made.entry.nodeid, "text"),
			 4);
	ck_assert_int_eq(client_release(k, FUSE_RELEASE, made.entry.nodeid,
					made.open.fh),
			 0);
	client_forget(k, made.entry.nodeid, 1);
}

/* List the directory, and forget all that is in it. */
static void list(struct client *k)
{
	struct fuse_read_in arg = {.size = 8192};
	uint64_t node_id[2 * NAMES + 2];
	struct fuse_direntplus entry;
	unsigned int cnt = 0;

	ck_assert_int_eq(client_open_node(k, FUSE_OPENDIR, FUSE_ROOT_ID,
					  O_RDONLY, &arg.fh),
			 0);
	client_begin(k, FUSE_READDIRPLUS, FUSE_ROOT_ID);
	client_add(k, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(k), 0);
	for (size_t at = 0; at < k->out_len;) {
		memcpy(&entry, (const char *)client_reply(k, k->out_len) + at,
		       FUSE_NAME_OFFSET_DIRENTPLUS);
		ck_assert_uint_lt(cnt, ARRAY_SIZE(node_id));
		node_id[cnt++] = entry.entry_out.nodeid;
		at += FUSE_DIRENTPLUS_SIZE(&entry) +
		      sizeof(struct fuse_versions);
	}
	while (cnt--) {
		if (node_id[cnt])
			client_forget(k, node_id[cnt], 1);
	}
	ck_assert_int_eq(
		client_release(k, FUSE_RELEASEDIR, FUSE_ROOT_ID, arg.fh), 0);
}

/* Take a name away, or give another file to it: nobody believes any more what
 * was told of it before.
 */
static void change(struct client *k, const char *name, bool renames)
{
	const struct fuse_rename_in arg = {.newdir = FUSE_ROOT_ID};
	struct told told = told_lookup(k, FUSE_ROOT_ID, name);
	int err;

	if (renames) {
		client_begin(k, FUSE_RENAME, FUSE_ROOT_ID);
		client_add(k, &arg, sizeof(arg));
		client_add_text(k, "t0");
		client_add_text(k, name);
		err = client_call(k);
	} else {
		err = client_simple(k, FUSE_UNLINK, FUSE_ROOT_ID, name, NULL);
	}
	ck_assert_msg(!err || err == -ENOENT, "%s: %d", name, err);
	ck_assert_uint_ne(told.versions.entry_index, 0);
	/* A name to itself is no change. */
	if (!err && !(renames && !strcmp(name, "t0")))
		ck_assert(!entry_holds(&told.versions));
	if (told.entry.nodeid)
		client_forget(k, told.entry.nodeid, 1);
}

static void *change_names(void *arg)
{
	struct client *k = arg;
	char name[8];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "t%u", (i * 7 + 3) % NAMES);
		switch (i % 4) {
		case 0:
		case 1:
			make(k, name);
			break;
		case 2:
			change(k, name, i % 8 == 2);
			break;
		default:
			list(k);
		}
	}
	return NULL;
}

/* All change the same few names, and what they have learnt they forget. */
START_TEST(threads_change_the_same_names)
{
	uint32_t known = inode_cnt(&c->fs->inodes);

	run(change_names);
	ck_assert_uint_eq(inode_cnt(&c->fs->inodes), known);
}
END_TEST

/* A lock that one thread's request waits for is given up by a request of a
 * second one, or the wait by an INTERRUPT that a third one brings.
 */
START_TEST(lock_and_interrupt_by_other_threads)
{
	struct target one = {.c = &clients[0]}, two = {.c = &clients[1]};
	struct pending p;
	uint64_t fh;

	client_make_file(c, "f", "text");
	one.node_id = told_lookup(c, FUSE_ROOT_ID, "f").entry.nodeid;
	ck_assert_int_eq(
		client_open_node(c, FUSE_OPEN, one.node_id, O_RDWR, &fh), 0);
	two.node_id = one.node_id;
	one.fh = two.fh = fh;
	for (unsigned int i = 0; i < 10; i++) {
		ck_assert_int_eq(lock_posix(&one, 0xa, F_WRLCK, 0, 0), 0);
		ck_assert_int_eq(wait_posix(&p, &two, 0xb, F_WRLCK, 0, 0),
				 CLIENT_LATER);
		if (i % 2)
			interrupt(&clients[2], p.unique);
		else
			lock_posix(&one, 0xa, F_UNLCK, 0, LOCK_END);
		ck_assert_int_eq(pending_result(&p), i % 2 ? -EINTR : 0);
		lock_posix(&one, 0xa, F_UNLCK, 0, LOCK_END);
		lock_posix(&two, 0xb, F_UNLCK, 0, LOCK_END);
	}
}
END_TEST

/* All mark the same files, again and again, for one of them takes all marks
 * off. What counts as marked in the end is.
 */
static int file_fd[FILES];
static _Atomic uint32_t age[FILES];

static bool mark(unsigned int i)
{
	const struct marks_file file = {
		.proc_fd = c->fs->proc_fd,
		.fd = file_fd[i],
		.dev = c->fs->marks.dev,
		.type = S_IFREG,
		.key = 1 + i,
	};

	return marks_set(&c->fs->marks, &file, &age[i]);
}

static atomic_bool ended;

/* The host's, with some time for what must not come in before all marks go. */
int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dir_fd,
		  const char *path)
{
	if (flags & FAN_MARK_FLUSH)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return syscall(SYS_fanotify_mark, fd, flags, mask, dir_fd, path);
}

static void *mark_files(void *arg)
{
	unsigned int cleared = 0;

	while (!ended) {
		if (arg == &clients[0])
			c->fs->marks.cnt = 4 * MARKS_SPARE;
		for (unsigned int j = 0; j < FILES; j++)
			mark(j);
		if (arg == &clients[0])
			ended = ++cleared == 100;
	}
	return NULL;
}

/* Another process changes a file: is that heard of? */
static bool is_heard(unsigned int i)
{
	uint64_t before = versions_changes(&vrig.table);
	char name[8];
	pid_t pid;

	snprintf(name, sizeof(name), "m%u", i);
	marks_read(&c->fs->marks);
	before = versions_changes(&vrig.table);
	pid = fork();
	if (!pid)
		_exit(truncate(client_path(c, name), i + 1));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	marks_read(&c->fs->marks);
	return versions_changes(&vrig.table) != before;
}

START_TEST(marks_of_threads_are_not_lost)
{
	unsigned int marked = 0;
	char name[8];

	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		client_make_file(c, name, "");
		file_fd[i] = open(client_path(c, name), O_PATH | O_CLOEXEC);
		ck_assert_int_ge(file_fd[i], 0);
	}
	run(mark_files);
	for (unsigned int i = 0; i < FILES; i++) {
		if (marks_are(&c->fs->marks, &age[i])) {
			ck_assert_msg(is_heard(i), "m%u has lost its mark", i);
			marked++;
		}
		close(file_fd[i]);
	}
	ck_assert_uint_gt(marked, 0);
}
END_TEST

/* Hostile */

/* INIT by two threads at once, each with other flags, while a third one asks
 * on: it is told nonsense at most.
 */
static void *begin_sessions(void *arg)
{
	struct client *k = arg;
	uint64_t flags = k == &clients[0] ? ~0ULL : FUSE_BIG_WRITES;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (k != &clients[2])
			ck_assert_int_eq(client_init(k, flags), 0);
		else
			client_simple(k, i % 2 ? FUSE_LOOKUP : FUSE_DESTROY,
				      FUSE_ROOT_ID, i % 2 ? "f" : NULL, NULL);
	}
	return NULL;
}

START_TEST(hostile_sessions_begin_at_once)
{
	client_make_file(c, "f", "text");
	run(begin_sessions);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	ck_assert_uint_ne(told_lookup(c, FUSE_ROOT_ID, "f").entry.nodeid, 0);
	/* Who asks before INIT, by whichever queue, is refused. */
	ck_assert_int_eq(
		client_simple(&clients[0], FUSE_DESTROY, 0, NULL, NULL), 0);
	ck_assert_int_eq(client_simple(&clients[1], FUSE_LOOKUP, FUSE_ROOT_ID,
				       "f", NULL),
			 -EIO);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, threads_change_the_same_names);
	tcase_add_test(tc, lock_and_interrupt_by_other_threads);
	tcase_add_test(tc, marks_of_threads_are_not_lost);
	tcase_add_test(tc, hostile_sessions_begin_at_once);
	suite_add_tcase(s, tc);
	return client_run(s);
}
