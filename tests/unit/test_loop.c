/*
 * The event loop: who is called, and who is not called any more.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"

enum { MAX_SOURCES = LOOP_BATCH + 4 };

/* A source, and how it was called. */
struct caller {
	struct loop_source source;
	unsigned int call_cnt;
	uint32_t events;
};

static struct loop loop;
static struct caller caller[MAX_SOURCES];

static void count_call(struct loop_source *source, uint32_t events)
{
	struct caller *c = CONTAINER_OF(source, struct caller, source);

	c->call_cnt++;
	c->events = events;
	fd_event_clear(source->fd);
}

static void stop_loop(struct loop_source *source, uint32_t events)
{
	count_call(source, events);
	loop_stop(&loop);
}

static void setup(void)
{
	ck_assert_int_eq(loop_init(&loop), 0);
	for (unsigned int i = 0; i < MAX_SOURCES; i++) {
		caller[i] = (struct caller){
			.source = {fd_event(), count_call},
		};
	}
}

static void teardown(void)
{
	for (unsigned int i = 0; i < MAX_SOURCES; i++)
		fd_close(&caller[i].source.fd);
	loop_destroy(&loop);
}

static void add_ready(unsigned int first, unsigned int cnt)
{
	for (unsigned int i = first; i < first + cnt; i++) {
		ck_assert_int_eq(loop_add(&loop, &caller[i].source, EPOLLIN),
				 0);
		fd_event_signal(caller[i].source.fd);
	}
}

START_TEST(stop_before_run_ends_it_once)
{
	ck_assert(!loop_is_stopping(&loop));
	loop_stop(&loop);
	loop_stop(&loop);
	ck_assert(loop_is_stopping(&loop));
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert(!loop_is_stopping(&loop));
	/* The second run must wait again: only the source ends it. */
	caller[0].source.ready = stop_loop;
	add_ready(0, 1);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_eq(caller[0].call_cnt, 1);
	ck_assert_uint_eq(caller[0].events, EPOLLIN);
}
END_TEST

START_TEST(every_ready_source_is_called)
{
	unsigned int called = 0;

	/* More than fit one batch; the last one ends the loop. */
	caller[MAX_SOURCES - 1].source.ready = stop_loop;
	add_ready(0, MAX_SOURCES);
	ck_assert_int_eq(loop_run(&loop), 0);
	for (unsigned int i = 0; i < MAX_SOURCES; i++) {
		ck_assert_uint_le(caller[i].call_cnt, 1);
		called += caller[i].call_cnt;
	}
	ck_assert_uint_eq(called, MAX_SOURCES);
}
END_TEST

static void delete_others(struct loop_source *source, uint32_t events)
{
	count_call(source, events);
	for (unsigned int i = 0; i < 4; i++) {
		if (&caller[i].source != source)
			loop_del(&loop, &caller[i].source);
	}
	loop_stop(&loop);
}

/* All four are fetched in one batch; the first called removes the others. */
START_TEST(removed_source_is_not_called_any_more)
{
	unsigned int called = 0;

	for (unsigned int i = 0; i < 4; i++)
		caller[i].source.ready = delete_others;
	add_ready(0, 4);
	ck_assert_int_eq(loop_run(&loop), 0);
	for (unsigned int i = 0; i < 4; i++)
		called += caller[i].call_cnt;
	ck_assert_uint_eq(called, 1);
}
END_TEST

static void delete_self(struct loop_source *source, uint32_t events)
{
	(void)events;
	CONTAINER_OF(source, struct caller, source)->call_cnt++;
	loop_del(&loop, source);
	fd_close(&source->fd);
	loop_stop(&loop);
}

START_TEST(source_may_remove_and_close_itself)
{
	caller[0].source.ready = delete_self;
	add_ready(0, 1);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_eq(caller[0].call_cnt, 1);
	ck_assert_int_eq(caller[0].source.fd, -1);
}
END_TEST

static void mute_others(struct loop_source *source, uint32_t events)
{
	count_call(source, events);
	for (unsigned int i = 0; i < 4; i++) {
		if (&caller[i].source != source)
			loop_mod(&loop, &caller[i].source, 0);
	}
	loop_stop(&loop);
}

/* As above, but the others are only told not to listen for a while. */
START_TEST(muted_source_is_not_called_any_more)
{
	unsigned int called = 0;

	for (unsigned int i = 0; i < 4; i++)
		caller[i].source.ready = mute_others;
	add_ready(0, 4);
	ck_assert_int_eq(loop_run(&loop), 0);
	for (unsigned int i = 0; i < 4; i++)
		called += caller[i].call_cnt;
	ck_assert_uint_eq(called, 1);
}
END_TEST

START_TEST(muted_source_is_called_after_it_listens_again)
{
	caller[0].source.ready = stop_loop;
	add_ready(0, 1);
	loop_mod(&loop, &caller[0].source, 0);
	loop_stop(&loop);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_eq(caller[0].call_cnt, 0);
	loop_mod(&loop, &caller[0].source, EPOLLIN);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_eq(caller[0].call_cnt, 1);
}
END_TEST

START_TEST(hang_up_is_reported_without_being_asked_for)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fd_close(&caller[0].source.fd);
	caller[0].source = (struct loop_source){ends[0], stop_loop};
	ck_assert_int_eq(loop_add(&loop, &caller[0].source, 0), 0);
	fd_close(&ends[1]);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_eq(caller[0].events, EPOLLHUP);
}
END_TEST

START_TEST(what_cannot_be_waited_for_is_refused)
{
	struct loop_source dir = {open("/", O_RDONLY | O_CLOEXEC), count_call};
	struct loop_source bad = {-1, count_call};

	ck_assert_int_eq(loop_add(&loop, &dir, EPOLLIN), -EPERM);
	ck_assert_int_eq(loop_add(&loop, &bad, EPOLLIN), -EBADF);
	add_ready(0, 1);
	ck_assert_int_eq(loop_add(&loop, &caller[0].source, EPOLLIN), -EEXIST);
	/* Not added: no harm */
	loop_mod(&loop, &bad, EPOLLIN);
	loop_del(&loop, &bad);
	fd_close(&dir.fd);
}
END_TEST

static void on_alarm(int signo)
{
	(void)signo;
	loop_stop(&loop);
}

START_TEST(signal_does_not_end_the_wait)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval soon = {.it_value.tv_usec = 10000};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	/* EINTR is not an error, and the handler's loop_stop() is seen. */
	ck_assert_int_eq(loop_run(&loop), 0);
}
END_TEST

START_TEST(lost_epoll_descriptor_is_an_error)
{
	fd_close(&loop.epoll_fd);
	ck_assert_int_eq(loop_run(&loop), -EBADF);
	loop_destroy(&loop);
	loop_destroy(&loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tcase = tcase_create("loop");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, stop_before_run_ends_it_once);
	tcase_add_test(tcase, every_ready_source_is_called);
	tcase_add_test(tcase, removed_source_is_not_called_any_more);
	tcase_add_test(tcase, source_may_remove_and_close_itself);
	tcase_add_test(tcase, muted_source_is_not_called_any_more);
	tcase_add_test(tcase, muted_source_is_called_after_it_listens_again);
	tcase_add_test(tcase, hang_up_is_reported_without_being_asked_for);
	tcase_add_test(tcase, what_cannot_be_waited_for_is_refused);
	tcase_add_test(tcase, signal_does_not_end_the_wait);
	tcase_add_test(tcase, lost_epoll_descriptor_is_an_error);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
