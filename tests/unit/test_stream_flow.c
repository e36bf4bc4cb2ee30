/*
 * Streams: many bytes through narrow places, exact in both directions, and what
 * is left in the rings when the machine ends.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "devices/stream.h"
#include "tests/unit/stream_rig.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum { MUCH = 8 << 20 };

static struct stream_rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_destroy(&rig);
}

/* A byte for each place, so that nothing can be moved, lost or doubled. */
static char byte_at(size_t at)
{
	return (char)(at * 2654435761U >> 13);
}

static void fill_bytes(char *buf, size_t len, size_t at)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(at + i);
}

/* Push more bytes into a descriptor, if it takes any. */
static void produce(int fd, size_t *at)
{
	char buf[3000];
	size_t len = MIN(sizeof(buf), (size_t)MUCH - *at);
	ssize_t n;

	fill_bytes(buf, len, *at);
	n = write(fd, buf, len);
	if (n > 0)
		*at += (size_t)n;
}

/* Take what there is, and compare. */
static void consume(int fd, size_t *at)
{
	char buf[5000];
	char expected[sizeof(buf)];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0)
		return;
	fill_bytes(expected, (size_t)n, *at);
	ck_assert_mem_eq(buf, expected, (size_t)n);
	*at += (size_t)n;
}

/* The guest does what cat does; @held is what it has read and not written. */
static void guest_cats(void)
{
	static char held[GUEST_BUF_LEN];
	static size_t held_len;

	for (;;) {
		if (!held_len)
			held_len = guest_read(&rig.guest, RIG_IN, held,
					      sizeof(held));
		if (!held_len ||
		    !guest_write(&rig.guest, RIG_OUT, held, held_len))
			return;
		held_len = 0;
	}
}

static void pass_much(int source, int sink)
{
	size_t produced = 0;
	size_t consumed = 0;

	fcntl(source, F_SETFL, O_NONBLOCK);
	fcntl(sink, F_SETFL, O_NONBLOCK);
	while (consumed < MUCH) {
		produce(source, &produced);
		guest_run(&rig.guest);
		guest_cats();
		guest_run(&rig.guest);
		consume(sink, &consumed);
	}
	ck_assert_uint_eq(produced, consumed);
}

START_TEST(much_through_tiny_pipes)
{
	fcntl(rig.feed[1], F_SETPIPE_SZ, RIG_TINY_PIPE);
	fcntl(rig.collect[1], F_SETPIPE_SZ, RIG_TINY_PIPE);
	rig_connect(&rig, rig.feed[0], fd_take(&rig.collect[1]), _i);
	pass_much(rig.feed[1], rig.collect[0]);
	fd_close(&rig.feed[1]);
	ck_assert(rig_hears_close(&rig, RIG_IN));
	guest_send(&rig.guest, RIG_OUT, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert(rig_at_end(rig.collect[0]));
}
END_TEST

START_TEST(much_through_sockets)
{
	int small = 4096;
	int from[2];
	int to[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, from), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, to), 0);
	setsockopt(from[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(to[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	rig_connect(&rig, from[0], to[0], false);
	pass_much(from[1], to[1]);
	guest_send(&rig.guest, RIG_OUT, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert(rig_at_end(to[1]));
	fd_close(&from[0]);
	fd_close(&from[1]);
	fd_close(&to[1]);
}
END_TEST

/* Fill the ring and the pipe with what byte_at() says; returns how much. */
static size_t fill_everything(void)
{
	char buf[GUEST_BUF_LEN];
	size_t total = 0;
	size_t n;

	do {
		fill_bytes(buf, sizeof(buf), total);
		n = guest_write(&rig.guest, RIG_OUT, buf, sizeof(buf));
		total += n;
		guest_run(&rig.guest);
	} while (n);
	return total;
}

static void *slow_reader(void *opaque)
{
	size_t *at = opaque;
	size_t before;

	do {
		before = *at;
		usleep(1000);
		consume(rig.collect[0], at);
	} while (*at > before);
	return NULL;
}

START_TEST(drain_waits_for_the_reader)
{
	size_t consumed = 0;
	size_t total;
	pthread_t thread;

	fcntl(rig.collect[1], F_SETPIPE_SZ, RIG_TINY_PIPE);
	rig_connect(&rig, rig.feed[0], fd_take(&rig.collect[1]), _i);
	total = fill_everything();
	ck_assert_uint_eq(guest_unwritten(&rig.guest, RIG_OUT),
			  GUEST_RING_SIZE);
	ck_assert_int_eq(pthread_create(&thread, NULL, slow_reader, &consumed),
			 0);
	ck_assert_int_eq(stream_drain(&rig.out, -1), 0);
	ck_assert_uint_eq(guest_unwritten(&rig.guest, RIG_OUT), 0);
	stream_destroy(&rig.out);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(consumed, total);
}
END_TEST

static void on_alarm(int signo)
{
	(void)signo;
}

START_TEST(drain_ends_with_a_signal)
{
	const struct itimerval soon = {
		.it_interval = {.tv_usec = 10000},
		.it_value = {.tv_usec = 10000},
	};
	const struct itimerval never = {0};
	struct sigaction action = {.sa_handler = on_alarm};

	rig_connect_pipes(&rig);
	fill_everything();
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	ck_assert_int_eq(stream_drain(&rig.out, -1), -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
}
END_TEST

START_TEST(drain_has_no_patience)
{
	rig_connect_pipes(&rig);
	fill_everything();
	ck_assert_int_eq(stream_drain(&rig.out, 10), -ETIMEDOUT);
}
END_TEST

/* Close and data were there, but the loop did not get to see them. */
START_TEST(drain_after_a_late_close)
{
	rig_connect_pipes(&rig);
	ck_assert_uint_eq(guest_write(&rig.guest, RIG_OUT, "late", 4), 4);
	ck_assert_int_eq(stream_drain(&rig.out, -1), 0);
	ck_assert_str_eq(rig_collected(rig.collect[0]), "late");
	ck_assert_int_eq(stream_drain(&rig.out, -1), 0);
	ck_assert_int_eq(stream_drain(&rig.in, -1), 0);
}
END_TEST

START_TEST(drain_of_a_guest_that_never_came)
{
	stream_init(&rig.in, STREAM_IN, rig.feed[0], false);
	stream_init(&rig.out, STREAM_OUT, fd_take(&rig.collect[1]), true);
	ck_assert_int_eq(stream_attach(&rig.out, &rig.guest.console, "out"), 0);
	ck_assert_int_eq(stream_drain(&rig.out, -1), 0);
	stream_destroy(&rig.out);
	ck_assert(rig_at_end(rig.collect[0]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stream_flow");
	TCase *tc = tcase_create("stream_flow");
	SRunner *sr = srunner_create(suite);
	int failed;

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, much_through_tiny_pipes, 0, 2);
	tcase_add_test(tc, much_through_sockets);
	tcase_add_loop_test(tc, drain_waits_for_the_reader, 0, 2);
	tcase_add_test(tc, drain_ends_with_a_signal);
	tcase_add_test(tc, drain_has_no_patience);
	tcase_add_test(tc, drain_after_a_late_close);
	tcase_add_test(tc, drain_of_a_guest_that_never_came);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
