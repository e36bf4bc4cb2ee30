/*
 * FUSE server: locks, by several threads.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "tests/unit/fs_locker.h"
#include "vmm/base/bits.h"

enum { A = 0xa, B = 0xb };

static struct client client, other_client;
static struct client *const c = &client;

static void setup(void)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};

	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	config.root_fd = c->dir_fd;
	other_client = (struct client){0};
	client_serve(&other_client, &config);
	ck_assert_int_eq(client_init(&other_client, ~0ULL), 0);
}

static void teardown(void)
{
	client_unserve(&other_client);
	client_close(c);
}

/* Threads take turns; a counter that they share misses none of them. */

enum { TURNS = 300, THREADS = 3 };
static _Atomic int turns;

static void *take_turns(void *arg)
{
	struct client *k = arg;
	struct target t = target_open(k, "f");
	uint64_t owner = (uintptr_t)arg;
	struct pending p;

	for (int i = 0; i < TURNS; i++) {
		bool flock = i % 3 == 0;
		int r, n;

		r = wait_posix(&p, &t, owner, F_WRLCK, 7, 7);
		if (r == CLIENT_LATER)
			r = pending_result(&p);
		if (r)
			ck_abort_msg("turn %d: %d", i, r);
		n = atomic_load_explicit(&turns, memory_order_relaxed);
		sched_yield();
		atomic_store_explicit(&turns, n + 1, memory_order_relaxed);
		if (flock)
			lock_posix(&t, owner, F_UNLCK, 0, LOCK_END);
		else if (i % 3 == 1)
			close_posix(&t, owner);
		else
			lock_posix(&t, owner, F_UNLCK, 7, 7);
	}
	return NULL;
}

START_TEST(threads_take_turns)
{
	static struct client k[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		client_share(&k[i], i ? c : &other_client);
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, take_turns, &k[i]),
			0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		client_unshare(&k[i]);
	}
	ck_assert_int_eq(turns, THREADS * TURNS);
}
END_TEST

/* Resets from one thread while another waits, is granted, interrupts. */

static _Atomic bool ended;

static void *reset_often(void *arg)
{
	struct client *k = arg;

	for (int i = 0; i < 200; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
		ck_assert_int_eq(client_init(k, ~0ULL), 0);
	}
	ended = true;
	return NULL;
}

START_TEST(hostile_29_resets_meanwhile)
{
	static struct pending p[64];
	static struct client k;
	struct target f = {.c = c};
	unsigned int begun = 0, replied = 0;
	pthread_t thread;
	int err;

	client_share(&k, c);
	ck_assert_int_eq(pthread_create(&thread, NULL, reset_often, &k), 0);
	while (!ended) {
		f.node_id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
		if (err ||
		    client_open_node(c, FUSE_OPEN, f.node_id, O_RDWR, &f.fh))
			continue;
		lock_posix(&f, A, F_WRLCK, 0, 0);
		for (begun = 0; begun < ARRAY_SIZE(p); begun++) {
			if (wait_posix(&p[begun], &f, B + begun, F_WRLCK, 0,
				       0) != CLIENT_LATER)
				break;
			if (begun % 5 == 1)
				interrupt(c, p[begun].unique);
		}
		close_last(&f, 0);
		/* The same handle: all that waited are told. */
		for (unsigned int i = 0; i < begun; i++)
			replied += pending_result(&p[i]) != NO_REPLY_YET;
		ck_assert_uint_eq(replied, begun);
		replied = 0;
	}
	pthread_join(thread, NULL);
	client_unshare(&k);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_lock_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, threads_take_turns);
	tcase_add_test(tc, hostile_29_resets_meanwhile);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return client_run(suite());
}
