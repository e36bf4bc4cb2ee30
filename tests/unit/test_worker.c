/*
 * A thread with a loop: starts, is named, ends; signals stay away from it.
 */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/worker.h"

/* What a source saw on the worker's thread. */
struct witness {
	struct loop_source source;
	pthread_t thread;
	char name[32];
	sigset_t blocked;
	sem_t seen;
};

static struct worker worker;
static struct witness witness;

static void look(struct loop_source *source, uint32_t events)
{
	struct witness *w = CONTAINER_OF(source, struct witness, source);

	(void)events;
	fd_event_clear(source->fd);
	w->thread = pthread_self();
	pthread_getname_np(w->thread, w->name, sizeof(w->name));
	pthread_sigmask(SIG_SETMASK, NULL, &w->blocked);
	sem_post(&w->seen);
}

static void setup(void)
{
	ck_assert_int_eq(worker_init(&worker), 0);
	witness.source = (struct loop_source){fd_event(), look};
	sem_init(&witness.seen, 0, 0);
	ck_assert_int_eq(loop_add(&worker.loop, &witness.source, EPOLLIN), 0);
}

static void teardown(void)
{
	worker_destroy(&worker);
	fd_close(&witness.source.fd);
	sem_destroy(&witness.seen);
}

START_TEST(sources_run_on_the_named_thread)
{
	/* Ready before the start: the very first thing the thread does. */
	fd_event_signal(witness.source.fd);
	ck_assert_int_eq(worker_start(&worker, "fs0", THREAD_FS, NULL), 0);
	sem_wait(&witness.seen);
	ck_assert(!pthread_equal(witness.thread, pthread_self()));
	ck_assert_str_eq(witness.name, "fs0");
	worker_stop(&worker);
	ck_assert(!worker.running);
}
END_TEST

START_TEST(long_name_is_cut)
{
	fd_event_signal(witness.source.fd);
	ck_assert_int_eq(worker_start(&worker, "a-name-that-is-too-long",
				      THREAD_FS, NULL),
			 0);
	sem_wait(&witness.seen);
	ck_assert_str_eq(witness.name, "a-name-that-is-");
}
END_TEST

START_TEST(signals_belong_to_the_main_thread)
{
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	fd_event_signal(witness.source.fd);
	ck_assert_int_eq(worker_start(&worker, "w", THREAD_FS, NULL), 0);
	sem_wait(&witness.seen);
	ck_assert_int_eq(sigismember(&witness.blocked, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&witness.blocked, SIGINT), 1);
	ck_assert_int_eq(sigismember(&witness.blocked, SIGCHLD), 1);
	ck_assert_int_eq(sigismember(&witness.blocked, SIGSYS), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int signo = 1; signo < SIGRTMAX; signo++)
		ck_assert_int_eq(sigismember(&before, signo),
				 sigismember(&after, signo));
}
END_TEST

START_TEST(stops_and_starts_again)
{
	for (unsigned int i = 0; i < 50; i++) {
		ck_assert_int_eq(worker_start(&worker, "w", THREAD_FS, NULL),
				 0);
		if (i % 2) {
			fd_event_signal(witness.source.fd);
			sem_wait(&witness.seen);
		}
		worker_stop(&worker);
		worker_stop(&worker);
	}
}
END_TEST

START_TEST(never_started_is_destroyed)
{
	worker_stop(&worker);
	worker_destroy(&worker);
	worker_destroy(&worker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("worker");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, sources_run_on_the_named_thread);
	tcase_add_test(tcase, long_name_is_cut);
	tcase_add_test(tcase, signals_belong_to_the_main_thread);
	tcase_add_test(tcase, stops_and_starts_again);
	tcase_add_test(tcase, never_started_is_destroyed);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
