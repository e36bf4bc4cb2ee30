/*
 * FUSE server: waiting for locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "tests/unit/fs_locker.h"
#include "vmm/base/bits.h"

enum { A = 0xa, B = 0xb, C = 0xc, D = 0xd };

static struct client client, other_client;
static struct client *const c = &client;
static struct target f;	     /* of this server */
static struct target f2;     /* the same by another handle */
static struct target g;	     /* another file */
static struct target theirs; /* the first one, of another server */

static void setup(void)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};

	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	client_make_file(c, "g", "text");
	f = target_open(c, "f");
	f2 = target_open(c, "f");
	g = target_open(c, "g");
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

/* Long enough for the thread to have tried. */
static void let_it_try(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 80000000}, NULL);
}

static void expect_waiting(const struct pending *p)
{
	ck_assert_int_eq(p->cnt, 0);
	ck_assert_int_eq(p->error, NO_REPLY_YET);
}

/* A request for the first byte that has to wait. */
static void begin_wait(struct pending *p, const struct target *t,
		       uint64_t owner)
{
	ck_assert_int_eq(wait_posix(p, t, owner, F_WRLCK, 0, 0), CLIENT_LATER);
}

START_TEST(no_wait_without_need)
{
	struct pending p;

	ck_assert_int_eq(wait_posix(&p, &f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(wait_posix(&p, &f2, B, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(wait_flock(&p, &f, A, F_WRLCK), 0);
	ck_assert_int_eq(wait_posix(&p, &f, A, F_UNLCK, 0, LOCK_END), 0);
	ck_assert_int_eq(p.cnt, 0);
}
END_TEST

/* Each way in which a lock of this server becomes less. */
START_TEST(granted_when_it_is_free)
{
	struct pending p;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	begin_wait(&p, &f2, B);
	let_it_try();
	expect_waiting(&p);
	switch (_i) {
	case 0:
		ck_assert_int_eq(lock_posix(&f, A, F_UNLCK, 0, LOCK_END), 0);
		break;
	case 1:
		ck_assert_int_eq(lock_posix(&f, A, F_UNLCK, 0, 0), 0);
		break;
	case 2:
		ck_assert_int_eq(close_posix(&f, A), 0);
		break;
	case 3:
		ck_assert_int_eq(close_last(&f, 0), 0);
		break;
	}
	ck_assert_int_eq(pending_result(&p), 0);
	ck_assert_uint_eq(lock_test(&f2, C, F_RDLCK, 0, 0).pid, B);
}
END_TEST

START_TEST(granted_after_downgrade)
{
	struct pending p;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(wait_posix(&p, &f2, B, F_RDLCK, 5, 5), CLIENT_LATER);
	ck_assert_int_eq(lock_posix(&f, A, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(pending_result(&p), 0);
}
END_TEST

START_TEST(flock_waits)
{
	struct pending p, q;

	ck_assert_int_eq(lock_flock(&f, A, F_RDLCK), 0);
	ck_assert_int_eq(lock_flock(&f2, B, F_RDLCK), 0);
	/* Whoever wants more than its own loses that, and the other gets it. */
	ck_assert_int_eq(wait_flock(&p, &f, A, F_WRLCK), CLIENT_LATER);
	let_it_try();
	expect_waiting(&p);
	ck_assert_int_eq(wait_flock(&q, &f2, B, F_WRLCK), 0);
	ck_assert_int_eq(q.cnt, 0);
	ck_assert_int_eq(close_last(&f2, B), 0);
	ck_assert_int_eq(pending_result(&p), 0);
	ck_assert_int_eq(lock_flock(&theirs, A, F_RDLCK), -EAGAIN);
}
END_TEST

START_TEST(granted_after_another_server)
{
	struct pending p, q;

	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 0, LOCK_END), 0);
	ck_assert_int_eq(lock_flock(&theirs, A, F_WRLCK), 0);
	begin_wait(&p, &f, A);
	ck_assert_int_eq(wait_flock(&q, &f, A, F_WRLCK), CLIENT_LATER);
	let_it_try();
	expect_waiting(&p);
	expect_waiting(&q);
	ck_assert_int_eq(close_posix(&theirs, A), 0);
	ck_assert_int_eq(close_last(&theirs, A), 0);
	ck_assert_int_eq(pending_result(&p), 0);
	ck_assert_int_eq(pending_result(&q), 0);
}
END_TEST

START_TEST(granted_after_a_host_process)
{
	pid_t one = hold_posix(client_path(c, "f"), F_RDLCK, 0, 0);
	pid_t two = hold_flock(client_path(c, "f"), LOCK_SH);
	struct pending p, q;

	begin_wait(&p, &f, A);
	ck_assert_int_eq(wait_flock(&q, &f, A, F_WRLCK), CLIENT_LATER);
	let_it_try();
	expect_waiting(&p);
	expect_waiting(&q);
	hold_end(one);
	ck_assert_int_eq(pending_result(&p), 0);
	expect_waiting(&q);
	hold_end(two);
	ck_assert_int_eq(pending_result(&q), 0);
}
END_TEST

/* Who of these has got its lock? The only one that has not been @seen. */
static unsigned int wait_for_one(const struct pending *p, bool *seen,
				 unsigned int cnt)
{
	for (int ms = 0; ms < 10000; ms++) {
		for (unsigned int i = 0; i < cnt; i++) {
			if (seen[i] || !p[i].cnt)
				continue;
			seen[i] = true;
			return i;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	ck_abort_msg("nobody gets the lock");
	return cnt;
}

/* One at a time, the oldest first, unless the thread was just trying for the
 * younger ones.
 */
START_TEST(first_come_first_served)
{
	struct pending p[12];
	bool seen[ARRAY_SIZE(p)] = {false};
	unsigned int passed_cnt = 0;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		begin_wait(&p[i], &f2, B + i);
	let_it_try();
	ck_assert_int_eq(close_posix(&f, A), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		unsigned int one = wait_for_one(p, seen, ARRAY_SIZE(p));

		ck_assert_int_eq(p[one].error, 0);
		let_it_try();
		for (unsigned int j = 0; j < ARRAY_SIZE(p); j++) {
			ck_assert_int_eq(p[j].cnt, seen[j]);
			passed_cnt += j < one && !seen[j];
		}
		ck_assert_int_eq(close_posix(&f2, B + one), 0);
	}
	ck_assert_uint_le(passed_cnt, ARRAY_SIZE(p) / 3);
}
END_TEST

START_TEST(interrupt_ends_one)
{
	struct pending p, q;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	begin_wait(&p, &f2, B);
	begin_wait(&q, &f2, C);
	interrupt(c, p.unique);
	ck_assert_int_eq(pending_result(&p), -EINTR);
	let_it_try();
	expect_waiting(&q);
	ck_assert_int_eq(close_posix(&f, A), 0);
	ck_assert_int_eq(pending_result(&q), 0);
	/* It has its lock and its reply. */
	interrupt(c, q.unique);
	let_it_try();
	ck_assert_int_eq(q.cnt, 1);
	ck_assert_uint_eq(lock_test(&f, A, F_RDLCK, 0, 0).pid, C);
}
END_TEST

/* Another thread may be faster with the INTERRUPT than this one with SETLKW. */
START_TEST(interrupt_comes_before_its_request)
{
	struct pending p, q;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	begin_wait(&p, &f2, B);
	interrupt(c, p.unique + 1);
	interrupt(c, p.unique + 3);
	interrupt(c, p.unique);
	ck_assert_int_eq(pending_result(&p), -EINTR);
	ck_assert_int_eq(wait_posix(&p, &f2, B, F_WRLCK, 0, 0), -EINTR);
	/* Only once; and not if it need not wait. */
	begin_wait(&p, &f2, B);
	ck_assert_int_eq(wait_posix(&q, &f, A, F_WRLCK, 1, 1), 0);
	interrupt(c, p.unique);
	ck_assert_int_eq(pending_result(&p), -EINTR);
}
END_TEST

START_TEST(release_and_forget_cancel)
{
	int before = count_open_files();
	struct pending p, q, r;

	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 0, 0), 0);
	ck_assert_int_eq(lock_flock(&theirs, A, F_WRLCK), 0);
	begin_wait(&p, &f2, B);
	ck_assert_int_eq(wait_flock(&q, &f2, B, F_WRLCK), CLIENT_LATER);
	begin_wait(&r, &f, C);
	ck_assert_int_eq(close_last(&f2, B), 0);
	ck_assert_int_eq(pending_result(&p), -EINTR);
	ck_assert_int_eq(pending_result(&q), -EINTR);
	let_it_try();
	expect_waiting(&r);
	client_forget(c, f.node_id, 1000);
	ck_assert_int_eq(pending_result(&r), -EINTR);
	let_it_try();
	/* Theirs: two. Ours: a handle less. */
	ck_assert_int_eq(count_open_files(), before + 2 - 1);
}
END_TEST

/* A process closes a file while one of its threads waits for a lock. */
START_TEST(flush_lets_its_owner_wait)
{
	struct pending p;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	ck_assert_int_eq(lock_posix(&f, B, F_WRLCK, 5, 5), 0);
	begin_wait(&p, &f2, B);
	ck_assert_int_eq(close_posix(&f2, B), 0);
	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 5, 5), 0);
	let_it_try();
	expect_waiting(&p);
	ck_assert_int_eq(close_posix(&f, A), 0);
	ck_assert_int_eq(pending_result(&p), 0);
}
END_TEST

START_TEST(reset_leaves_nobody_waiting)
{
	struct pending p[20];

	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 0, 0), 0);
	ck_assert_int_eq(lock_posix(&f, B, F_WRLCK, 10, 19), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		begin_wait(&p[i], &f, C + i);
	fs_reset(c->fs);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		ck_assert_int_eq(p[i].cnt, 1);
		ck_assert_int_eq(p[i].error, NEVER_A_REPLY);
	}
	ck_assert_int_eq(lock_posix(&theirs, A, F_WRLCK, 0, LOCK_END), 0);
	/* And the next session waits as well. */
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	f = target_open(c, "f");
	begin_wait(&p[0], &f, B);
	ck_assert_int_eq(close_posix(&theirs, A), 0);
	ck_assert_int_eq(pending_result(&p[0]), 0);
}
END_TEST

START_TEST(deadlock_is_found)
{
	struct pending p, q, r;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	ck_assert_int_eq(lock_posix(&g, B, F_WRLCK, 0, 0), 0);
	ck_assert_int_eq(lock_posix(&f, C, F_WRLCK, 9, 9), 0);
	begin_wait(&p, &g, A);
	ck_assert_int_eq(wait_posix(&q, &f, B, F_WRLCK, 9, 9), CLIENT_LATER);
	let_it_try();
	expect_waiting(&p);
	expect_waiting(&q);
	/* C waits for A, which waits for B, which waits for C. */
	ck_assert_int_eq(wait_posix(&r, &f, C, F_RDLCK, 0, 0), CLIENT_LATER);
	ck_assert_int_eq(pending_result(&r), -EDEADLK);
	expect_waiting(&p);
	ck_assert_int_eq(close_posix(&f, C), 0);
	ck_assert_int_eq(pending_result(&q), 0);
	ck_assert_int_eq(close_posix(&g, B), 0);
	ck_assert_int_eq(pending_result(&p), 0);
}
END_TEST

/* Two that wait for each other, in the two kinds: not a matter of fcntl(). */
START_TEST(flock_deadlock_is_not_looked_for)
{
	struct pending p, q;

	ck_assert_int_eq(lock_flock(&f, A, F_WRLCK), 0);
	ck_assert_int_eq(lock_flock(&g, B, F_WRLCK), 0);
	ck_assert_int_eq(wait_flock(&p, &g, A, F_WRLCK), CLIENT_LATER);
	ck_assert_int_eq(wait_flock(&q, &f, B, F_WRLCK), CLIENT_LATER);
	let_it_try();
	expect_waiting(&p);
	expect_waiting(&q);
	interrupt(c, q.unique);
	ck_assert_int_eq(pending_result(&q), -EINTR);
	ck_assert_int_eq(lock_flock(&g, B, F_UNLCK), 0);
	ck_assert_int_eq(pending_result(&p), 0);
}
END_TEST

/* Hostile */

START_TEST(hostile_69_nowhere_to_reply)
{
	struct fuse_lk_in arg = {
		.fh = f2.fh,
		.owner = B,
		.lk = {.end = LOCK_END, .type = F_RDLCK},
	};
	int before;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	before = count_open_files();
	ck_assert_int_eq(lock_raw(&f2, FUSE_SETLKW, &arg), -ENOLCK);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

START_TEST(hostile_69_too_many_wait)
{
	static struct pending p[LOCK_MAX_WAITERS], q;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		ck_assert_int_eq(wait_posix(&p[i], &f, B + i, F_RDLCK, 0, 9),
				 CLIENT_LATER);
	for (unsigned int i = 0; i < 1000; i++)
		ck_assert_int_eq(wait_posix(&q, &f2, 9999, F_RDLCK, 0, 9),
				 -ENOLCK);
	ck_assert_int_eq(close_posix(&f, A), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		ck_assert_int_eq(pending_result(&p[i]), 0);
	ck_assert_int_eq(wait_posix(&q, &f2, 9999, F_RDLCK, 0, 9), 0);
}
END_TEST

START_TEST(hostile_35_duplicate_unique)
{
	struct pending p, q;

	ck_assert_int_eq(lock_posix(&f, A, F_WRLCK, 0, 0), 0);
	begin_wait(&p, &f, B);
	/* Sent again with the same number, by hand. */
	q = (struct pending){
		.later = p.later,
		.unique = p.unique,
		.error = NO_REPLY_YET,
	};
	c->worker.later = &q.later;
	ck_assert_int_eq(client_call(c), CLIENT_LATER);
	interrupt(c, p.unique);
	ck_assert_int_eq(pending_result(&p), -EINTR);
	ck_assert_int_eq(pending_result(&q), -EINTR);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_lock_wait");
	TCase *tc = tcase_create("wait");
	TCase *hostile = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_wait_without_need);
	tcase_add_loop_test(tc, granted_when_it_is_free, 0, 4);
	tcase_add_test(tc, granted_after_downgrade);
	tcase_add_test(tc, flock_waits);
	tcase_add_test(tc, granted_after_another_server);
	tcase_add_test(tc, granted_after_a_host_process);
	tcase_add_test(tc, first_come_first_served);
	tcase_add_test(tc, interrupt_ends_one);
	tcase_add_test(tc, interrupt_comes_before_its_request);
	tcase_add_test(tc, release_and_forget_cancel);
	tcase_add_test(tc, flush_lets_its_owner_wait);
	tcase_add_test(tc, reset_leaves_nobody_waiting);
	tcase_add_test(tc, deadlock_is_found);
	tcase_add_test(tc, flock_deadlock_is_not_looked_for);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(hostile, setup, teardown);
	tcase_set_timeout(hostile, 100);
	tcase_add_test(hostile, hostile_69_nowhere_to_reply);
	tcase_add_test(hostile, hostile_69_too_many_wait);
	tcase_add_test(hostile, hostile_35_duplicate_unique);
	suite_add_tcase(s, hostile);
	return s;
}

int main(void)
{
	return client_run(suite());
}
