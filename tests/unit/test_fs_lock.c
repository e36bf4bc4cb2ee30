/*
 * FUSE server: locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/fs_locker.h"
#include "vmm/base/bits.h"

enum { A = 0xa, B = 0xb, C = 0xc };

static struct client client, other_client;
static struct client *const c = &client;
static struct target f;	     /* of this server */
static struct target f2;     /* the same by another handle */
static struct target theirs; /* the same file of another server */

static void setup(void)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};

	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	client_make_file(c, "g", "text");
	f = target_open(c, "f");
	f2 = target_open(c, "f");
	ck_assert_uint_eq(f.node_id, f2.node_id);
	config.root_fd = c->dir_fd;
	other_client = (struct client){0};
	client_serve(&other_client, &config);
	ck_assert_int_eq(client_init(&other_client, ~0ULL), 0);
	theirs = target_open(&other_client, "f");
}

static void teardown(void)
{
	client_unserve(&other_client);
	client_close(c);
}

/* Is this range in the way of @owner, locked so, by that process? */
static void expect_lock(const struct target *t, uint64_t owner, uint32_t type,
			uint64_t start, uint64_t end, uint32_t pid)
{
	struct fuse_file_lock lk = lock_test(t, owner, F_WRLCK, 0, LOCK_END);

	ck_assert_uint_eq(lk.type, type);
	ck_assert_uint_eq(lk.start, start);
	ck_assert_uint_eq(lk.end, end);
	ck_assert_uint_eq(lk.pid, pid);
}

static void expect_free(const struct target *t, uint64_t owner)
{
	expect_lock(t, owner, F_UNLCK, 0, 0, 0);
}

START_TEST(owners_exclude_each_other)
{
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 5, 14), 0);
	ck_assert_int_eq(lock_posix(&f2, B, F_RDLCK, 14, 20), -EAGAIN);
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 15, LOCK_END), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 0, LOCK_END), -EAGAIN);
	/* The same owner on another file is another matter. */
	f2 = target_open(c, "g");
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 0, LOCK_END), 0);
}
END_TEST

START_TEST(readers_share)
{
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&f2, B, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&theirs, A, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 0, 9), -EAGAIN);
	/* Who fails to get more keeps what he has. */
	ck_assert_int_eq(lock_posix(&f, A, F_UNLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 0, 9), -EAGAIN);
	ck_assert_int_eq(lock_posix(&f2, B, F_UNLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 0, 9), 0);
	expect_lock(&f, A, F_WRLCK, 0, 9, 0);
}
END_TEST

START_TEST(ranges_split_and_merge)
{
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 99), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_UNLCK, 40, 59), 0);
	expect_lock(&f2, B, F_WRLCK, 0, 39, A);
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 39, 59), -EAGAIN);
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 40, 60), -EAGAIN);
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 40, 59), 0);
	expect_lock(&f, A, F_WRLCK, 40, 59, B);
	ck_assert_int_eq(lock_posix(&f2, B, F_UNLCK, 0, LOCK_END), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 40, 59), 0);
	expect_lock(&f2, B, F_WRLCK, 0, 99, A);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 0, 9), 0);
	expect_lock(&f2, B, F_RDLCK, 0, 9, A);
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 50, LOCK_END), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_UNLCK, 0, 9), 0);
	expect_lock(&f2, B, F_WRLCK, 10, LOCK_END, A);
}
END_TEST

START_TEST(holder_is_named_by_its_own_number)
{
	struct fuse_file_lock lk;
	pid_t pid;

	expect_free(&f, A);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&f2, B, F_RDLCK, 20, 29), 0);
	lk = lock_test(&f, C, F_WRLCK, 25, 25);
	ck_assert_uint_eq(lk.pid, B);
	lk = lock_test(&f, C, F_WRLCK, 5, 5);
	ck_assert_uint_eq(lk.pid, A);
	lk = lock_test(&f, A, F_WRLCK, 0, LOCK_END);
	ck_assert_uint_eq(lk.pid, B);
	ck_assert_uint_eq(lk.start, 20);
	ck_assert_uint_eq(lock_test(&f, C, F_RDLCK, 0, 99).type, F_UNLCK);
	/* Processes elsewhere have no number here. */
	pid = hold_posix(client_path(c, "f"), F_WRLCK, 100, 10);
	lk = lock_test(&f, C, F_RDLCK, 105, 105);
	ck_assert_uint_eq(lk.start, 100);
	ck_assert_uint_eq(lk.end, 109);
	ck_assert_uint_eq(lk.type, F_WRLCK);
	ck_assert_uint_eq(lk.pid, 0);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 109, 109), -EAGAIN);
	hold_end(pid);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 109, 109), 0);
	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 200, 200), 0);
	lk = lock_test(&f, C, F_RDLCK, 200, 200);
	ck_assert_uint_eq(lk.type, F_WRLCK);
	ck_assert_uint_eq(lk.pid, 0);
}
END_TEST

START_TEST(flock_is_apart_from_posix)
{
	pid_t pid;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, LOCK_END), 0);
	ck_assert_int_eq(lock_flock(&f2, B, F_WRLCK), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_RDLCK), -EAGAIN);
	ck_assert_int_eq(lock_flock(&theirs, B, F_RDLCK), -EAGAIN);
	ck_assert_int_eq(lock_flock(&f2, B, F_RDLCK), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_RDLCK), 0);
	ck_assert_int_eq(lock_flock(&theirs, B, F_RDLCK), 0);
	pid = hold_flock(client_path(c, "f"), LOCK_SH | LOCK_NB);
	ck_assert_int_eq(lock_flock(&f, A, F_UNLCK), 0);
	ck_assert_int_eq(lock_flock(&theirs, B, F_UNLCK), 0);
	/* As on the host: who cannot change his lock loses it. */
	ck_assert_int_eq(lock_flock(&f2, B, F_WRLCK), -EAGAIN);
	hold_end(pid);
	ck_assert_int_eq(lock_flock(&theirs, B, F_WRLCK), 0);
}
END_TEST

START_TEST(flock_of_a_directory)
{
	struct target dir = {.c = c, .node_id = FUSE_ROOT_ID};

	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID,
					  O_RDONLY, &dir.fh),
			 0);
	ck_assert_int_eq(lock_flock(&dir, A, F_WRLCK), 0);
	ck_assert_int_eq(lock_flock(&dir, B, F_RDLCK), -EAGAIN);
	ck_assert_int_eq(flock(c->dir_fd, LOCK_EX | LOCK_NB), -1);
	ck_assert_int_eq(
		client_release(c, FUSE_RELEASEDIR, FUSE_ROOT_ID, dir.fh), 0);
	ck_assert_int_eq(flock(c->dir_fd, LOCK_EX | LOCK_NB), 0);
}
END_TEST

START_TEST(flush_drops_posix_locks_of_its_owner)
{
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 20, 29), 0);
	ck_assert_int_eq(lock_posix(&f, B, F_WRLCK, 40, 49), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), 0);
	/* Whichever of its handles it closes. */
	ck_assert_int_eq(close_posix(&f2, A), 0);
	expect_lock(&theirs, A, F_WRLCK, 40, 49, 0);
	ck_assert_int_eq(close_posix(&f2, C), 0);
	ck_assert_int_eq(close_posix(&f2, B), 0);
	expect_free(&theirs, A);
	ck_assert_int_eq(lock_flock(&theirs, A, F_RDLCK), -EAGAIN);
}
END_TEST

START_TEST(release_drops_locks_of_the_open_file)
{
	/* The first is F_OFD_SETLK in the guest: nobody flushes it. */
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), 0);
	ck_assert_int_eq(lock_posix(&f2, B, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(close_last(&f, A), 0);
	expect_lock(&theirs, A, F_WRLCK, 10, 19, 0);
	ck_assert_int_eq(lock_flock(&f2, B, F_WRLCK), 0);
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), -EBADF);
	/* By owner, through a handle that did not set it. */
	f = target_open(c, "f");
	ck_assert_int_eq(close_last(&f, C), 0);
	ck_assert_int_eq(lock_flock(&theirs, B, F_WRLCK), -EAGAIN);
	f = target_open(c, "f");
	ck_assert_int_eq(close_last(&f, B), 0);
	ck_assert_int_eq(lock_flock(&theirs, B, F_WRLCK), 0);
}
END_TEST

START_TEST(forget_drops_all)
{
	int before = count_open_files();

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock_posix(&f, B, F_WRLCK, 20, 29), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), 0);
	ck_assert_int_eq(count_open_files(), before + 3);
	client_forget(c, f.node_id, 1); /* of two */
	ck_assert_int_eq(count_open_files(), before + 3);
	client_forget(c, f.node_id, 1);
	/* The inode itself is still open, by its handle. */
	ck_assert_int_eq(count_open_files(), before);
	expect_free(&theirs, A);
}
END_TEST

START_TEST(session_takes_its_locks_along)
{
	int before;

	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 50, 59), 0);
	before = count_open_files();
	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), 0);
	ck_assert_int_eq(client_simple(c, FUSE_DESTROY, 0, NULL, NULL), 0);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	/* Two handles, an inode */
	ck_assert_int_eq(count_open_files(), before - 3);
	f = target_open(c, "f");
	expect_lock(&f, A, F_WRLCK, 50, 59, 0);
	ck_assert_int_eq(lock_flock(&theirs, A, F_WRLCK), 0);
}
END_TEST

START_TEST(descriptors_last_as_long_as_locks)
{
	int before = count_open_files();

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(count_open_files(), before + 1);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 20, 29), 0);
	ck_assert_int_eq(count_open_files(), before + 1);
	/* Who gets none leaves nothing behind. */
	ck_assert_int_eq(lock_posix(&f, B, F_WRLCK, 0, 9), -EAGAIN);
	ck_assert_int_eq(lock_posix(&f, B, F_UNLCK, 0, 9), 0);
	ck_assert_uint_eq(lock_test(&f, C, F_WRLCK, 0, 9).pid, A);
	ck_assert_int_eq(count_open_files(), before + 1);
	ck_assert_int_eq(lock_posix(&f, A, F_UNLCK, 0, LOCK_END), 0);
	ck_assert_int_eq(count_open_files(), before);
	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), 0);
	ck_assert_int_eq(lock_flock(&f2, B, F_WRLCK), -EAGAIN);
	ck_assert_int_eq(count_open_files(), before + 1);
	ck_assert_int_eq(lock_flock(&f, A, F_UNLCK), 0);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

START_TEST(read_only_share)
{
	struct client k;
	struct target r = {.c = &k};
	struct fs_config config = {FS_DEFAULTS, .root_fd = c->dir_fd,
				   .read_only = true};
	int err;

	k = (struct client){0};
	client_serve(&k, &config);
	ck_assert_int_eq(client_init(&k, ~0ULL), 0);
	r.node_id = client_lookup(&k, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(
		client_open_node(&k, FUSE_OPEN, r.node_id, O_RDONLY, &r.fh), 0);
	ck_assert_int_eq(lock_posix(&r, A, F_RDLCK, 0, 9), 0);
	expect_lock(&f, A, F_RDLCK, 0, 9, 0);
	ck_assert_int_eq(lock_posix(&r, A, F_WRLCK, 0, 9), -EBADF);
	ck_assert_int_eq(lock_flock(&r, A, F_WRLCK), 0);
	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), -EAGAIN);
	client_unserve(&k);
}
END_TEST

START_TEST(local_locks_are_not_served)
{
	struct fs_config config = {FS_DEFAULTS, .root_fd = c->dir_fd,
				   .local_locks = true};
	const struct fuse_init_out *out;
	const struct fuse_open_out *opened;
	struct client k = {0};
	struct target l;

	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert(out->flags & FUSE_POSIX_LOCKS);
	ck_assert(out->flags & FUSE_FLOCK_LOCKS);
	client_serve(&k, &config);
	ck_assert_int_eq(client_init(&k, ~0ULL), 0);
	out = client_reply(&k, sizeof(*out));
	ck_assert(!(out->flags & (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS)));
	l = target_open(&k, "f");
	ck_assert_int_eq(lock_posix(&l, A, F_WRLCK, 0, 9), -ENOSYS);
	ck_assert_int_eq(lock_flock(&l, A, F_WRLCK), -ENOSYS);
	ck_assert_uint_eq(lock_test(&l, A, F_WRLCK, 0, 9).pid, ENOSYS);
	client_open_node(&k, FUSE_OPEN, l.node_id, O_RDONLY, &l.fh);
	opened = client_reply(&k, sizeof(*opened));
	ck_assert(opened->open_flags & FOPEN_NOFLUSH);
	client_unserve(&k);
}
END_TEST

/* Hostile */

START_TEST(hostile_69_nonsense)
{
	const struct fuse_lk_in good = {
		.fh = f.fh,
		.owner = A,
		.lk = {.start = 0, .end = LOCK_END, .type = F_WRLCK},
	};
	struct fuse_lk_in rows[11];
	static const uint32_t opcodes[] = {FUSE_GETLK, FUSE_SETLK, FUSE_SETLKW};
	int before = count_open_files();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = good;
	rows[0].lk.start = 10, rows[0].lk.end = 9;
	rows[1].lk.end = LOCK_END + 1;
	rows[2].lk.end = UINT64_MAX;
	rows[3].lk.start = LOCK_END + 1, rows[3].lk.end = LOCK_END + 2;
	rows[4].lk.start = UINT64_MAX;
	rows[5].lk.type = 3;
	rows[6].lk.type = UINT32_MAX;
	rows[7].lk.type = 1 << 16; /* F_RDLCK in a short */
	rows[8].lk_flags = 2;
	rows[9].lk_flags = UINT32_MAX;
	rows[10].lk_flags = FUSE_LK_FLOCK, rows[10].lk.end = 5;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(opcodes); j++)
			ck_assert_int_eq(lock_raw(&f, opcodes[j], &rows[i]),
					 -EINVAL);
	}
	rows[0] = good;
	rows[0].lk_flags = FUSE_LK_FLOCK;
	ck_assert_int_eq(lock_raw(&f, FUSE_GETLK, &rows[0]), -EINVAL);
	ck_assert_int_eq(count_open_files(), before);
	expect_free(&theirs, A);
	/* The last byte that there is; any process. */
	rows[0] = good;
	rows[0].lk.start = LOCK_END;
	rows[0].lk.pid = UINT32_MAX;
	ck_assert_int_eq(lock_raw(&f, FUSE_SETLK, &rows[0]), 0);
	expect_lock(&f2, B, F_WRLCK, LOCK_END, LOCK_END, UINT32_MAX);
}
END_TEST

START_TEST(hostile_46_handles)
{
	struct target g = target_open(c, "g");
	struct target bad = f;

	bad.node_id = g.node_id; /* of another inode */
	ck_assert_int_eq(lock_posix(&bad, A, F_WRLCK, 0, 9), -EBADF);
	bad = f;
	bad.fh += 1ULL << 32;
	ck_assert_int_eq(lock_posix(&bad, A, F_WRLCK, 0, 9), -EBADF);
	bad.fh = UINT64_MAX;
	ck_assert_int_eq(lock_flock(&bad, A, F_WRLCK), -EBADF);
	bad.fh = 0;
	ck_assert_uint_eq(lock_test(&bad, A, F_WRLCK, 0, 9).pid, EBADF);
	expect_free(&theirs, A);
}
END_TEST

START_TEST(hostile_27_no_room)
{
	for (c->room = 0; c->room < sizeof(struct fuse_out_header); c->room++)
		ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9),
				 CLIENT_NO_REPLY);
	ck_assert_uint_eq(lock_test(&f, A, F_WRLCK, 0, 9).pid, EINVAL);
	c->room += sizeof(struct fuse_lk_out) - 1;
	ck_assert_uint_eq(lock_test(&f, A, F_WRLCK, 0, 9).pid, EINVAL);
	c->room = CLIENT_BUFFER_LEN;
	expect_free(&theirs, A);
}
END_TEST

/* A hundred thousand owners get as many descriptors as there may be. */
START_TEST(hostile_69_flood)
{
	struct rlimit files = {.rlim_cur = 1024, .rlim_max = 1024};
	struct fs_config config = {FS_DEFAULTS, .root_fd = c->dir_fd};
	struct client k = {0};
	struct target t;
	int before, locked = 0;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	client_serve(&k, &config);
	ck_assert_int_eq(client_init(&k, ~0ULL), 0);
	t = target_open(&k, "f");
	before = count_open_files();
	for (uint64_t i = 0; i < 100000; i++) {
		int err = i % 2 ? lock_flock(&t, i, F_RDLCK)
				: lock_posix(&t, i, F_WRLCK, i, i);

		if (err && err != -ENOLCK)
			ck_abort_msg("request %d: %d", (int)i, err);
		locked += !err;
	}
	ck_assert_int_eq(locked, 64);
	ck_assert_int_eq(count_open_files(), before + locked);
	/* Ranges of one owner are the host's memory, not descriptors. */
	ck_assert_int_eq(lock_posix(&t, 0, F_WRLCK, 1 << 20, 1 << 21), 0);
	ck_assert_int_eq(lock_posix(&t, 0, F_UNLCK, 0, LOCK_END), 0);
	ck_assert_int_eq(lock_posix(&t, A, F_RDLCK, 1 << 20, 1 << 20), 0);
	client_unserve(&k);
	expect_free(&f, A);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_lock");
	TCase *tc = tcase_create("locks");
	TCase *hostile = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, owners_exclude_each_other);
	tcase_add_test(tc, readers_share);
	tcase_add_test(tc, ranges_split_and_merge);
	tcase_add_test(tc, holder_is_named_by_its_own_number);
	tcase_add_test(tc, flock_is_apart_from_posix);
	tcase_add_test(tc, flock_of_a_directory);
	tcase_add_test(tc, flush_drops_posix_locks_of_its_owner);
	tcase_add_test(tc, release_drops_locks_of_the_open_file);
	tcase_add_test(tc, forget_drops_all);
	tcase_add_test(tc, session_takes_its_locks_along);
	tcase_add_test(tc, descriptors_last_as_long_as_locks);
	tcase_add_test(tc, read_only_share);
	tcase_add_test(tc, local_locks_are_not_served);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(hostile, setup, teardown);
	tcase_set_timeout(hostile, 100);
	tcase_add_test(hostile, hostile_69_nonsense);
	tcase_add_test(hostile, hostile_46_handles);
	tcase_add_test(hostile, hostile_27_no_room);
	tcase_add_test(hostile, hostile_69_flood);
	suite_add_tcase(s, hostile);
	return s;
}

int main(void)
{
	return client_run(suite());
}
