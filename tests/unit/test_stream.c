/*
 * Streams: pipes, sockets, files and devices of the host, with ends that come
 * in every order.
 */
#include "devices/stream.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/stream_rig.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static struct stream_rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_destroy(&rig);
}

static int open_temporary(void)
{
	char path[] = "/tmp/test_stream.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	return fd;
}

START_TEST(knows_what_it_has)
{
	static const struct {
		const char *path;
		enum stream_kind kind;
	} files[] = {
		{"/dev/null", STREAM_POLLED},
		{"/dev/ptmx", STREAM_NONBLOCK},
		{"/proc/self/exe", STREAM_READY},
	};
	int pair[2];

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = open(files[i].path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

		ck_assert_int_ge(fd, 0);
		stream_init(&rig.in, STREAM_IN, fd, true);
		ck_assert_int_eq(rig.in.kind, files[i].kind);
		stream_destroy(&rig.in);
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	stream_init(&rig.in, STREAM_IN, pair[0], true);
	ck_assert_int_eq(rig.in.kind, STREAM_SOCKET);
	fd_close(&pair[1]);
	stream_init(&rig.out, STREAM_OUT, rig.collect[1], false);
	ck_assert_int_eq(rig.out.kind, STREAM_NONBLOCK);
	stream_destroy(&rig.out);
	stream_init(&rig.out, STREAM_OUT, -1, true);
	ck_assert_int_eq(rig.out.kind, STREAM_CLOSED);
}
END_TEST

START_TEST(leaves_the_users_flags_alone)
{
	rig_connect_pipes(&rig);
	guest_write_text(&rig.guest, RIG_OUT, "x");
	ck_assert(!(fcntl(rig.feed[0], F_GETFL) & O_NONBLOCK));
	ck_assert(!(fcntl(rig.out.fd, F_GETFL) & O_NONBLOCK));
}
END_TEST

START_TEST(output_and_its_end)
{
	rig_connect_pipes(&rig);
	guest_write_text(&rig.guest, RIG_OUT, "hello, ");
	guest_write_text(&rig.guest, RIG_OUT, "pipe");
	ck_assert_str_eq(rig_collected(rig.collect[0]), "hello, pipe");
	ck_assert(!rig_at_end(rig.collect[0]));
	guest_send(&rig.guest, RIG_OUT, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert(rig_at_end(rig.collect[0]));
	/* There is no way back, so the guest is told. */
	ck_assert(rig_hears_close(&rig, RIG_OUT));
}
END_TEST

static unsigned int reached_cnt;

static bool limit_reached(void *opaque)
{
	ck_assert_ptr_eq(opaque, &rig);
	reached_cnt++;
	return true;
}

static bool limit_reached_for_good(void *opaque)
{
	return !limit_reached(opaque);
}

/* Exactly so much comes; who writes on writes to nobody. */
START_TEST(limit_is_exact)
{
	struct stream_limit limit = {7, limit_reached, &rig};

	reached_cnt = 0;
	rig_connect_pipes(&rig);
	stream_limit(&rig.out, &limit);
	guest_write_text(&rig.guest, RIG_OUT, "12345");
	guest_write_text(&rig.guest, RIG_OUT, "67");
	ck_assert_str_eq(rig_collected(rig.collect[0]), "1234567");
	ck_assert_uint_eq(reached_cnt, 0);
	ck_assert(!rig_hears_close(&rig, RIG_OUT));
	guest_write_text(&rig.guest, RIG_OUT, "8");
	ck_assert_uint_eq(reached_cnt, 1);
	ck_assert(rig_hears_close(&rig, RIG_OUT));
	ck_assert_int_eq(stream_drain(&rig.out, -1), -EDQUOT);
	ck_assert(rig_at_end(rig.collect[0]));
}
END_TEST

START_TEST(limit_cuts_what_comes_at_once)
{
	struct stream_limit limit = {7, limit_reached, &rig};

	reached_cnt = 0;
	rig_connect_pipes(&rig);
	stream_limit(&rig.out, &limit);
	guest_write_text(&rig.guest, RIG_OUT, "1234567890");
	ck_assert_str_eq(rig_collected(rig.collect[0]), "1234567");
	ck_assert_uint_eq(reached_cnt, 1);
}
END_TEST

START_TEST(limit_may_throw_away)
{
	struct stream_limit limit = {7, limit_reached_for_good, &rig};

	reached_cnt = 0;
	rig_connect_pipes(&rig);
	stream_limit(&rig.out, &limit);
	guest_write_text(&rig.guest, RIG_OUT, "1234567890");
	guest_write_text(&rig.guest, RIG_OUT, "more");
	ck_assert_str_eq(rig_collected(rig.collect[0]), "1234567");
	ck_assert_uint_eq(reached_cnt, 2);
	ck_assert(!rig_hears_close(&rig, RIG_OUT));
	ck_assert_int_eq(stream_drain(&rig.out, -1), 0);
}
END_TEST

START_TEST(output_that_others_own_stays_open)
{
	stream_init(&rig.out, STREAM_OUT, rig.collect[1], false);
	ck_assert_int_eq(stream_attach(&rig.out, &rig.guest.console, "out"), 0);
	guest_connect(&rig.guest, 0);
	guest_send(&rig.guest, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	guest_send(&rig.guest, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_uint_eq(guest_write(&rig.guest, 0, "again", 5), 5);
	guest_run(&rig.guest);
	ck_assert_str_eq(rig_collected(rig.collect[0]), "again");
	stream_init(&rig.in, STREAM_IN, -1, false);
}
END_TEST

START_TEST(input_and_its_end)
{
	rig_connect_pipes(&rig);
	ck_assert_str_eq(rig_reads(&rig), "");
	ck_assert_int_eq(write(rig.feed[1], "typed", 5), 5);
	ck_assert_str_eq(rig_reads(&rig), "typed");
	ck_assert_int_eq(write(rig.feed[1], "last", 4), 4);
	fd_close(&rig.feed[1]);
	ck_assert_str_eq(rig_reads(&rig), "last");
	ck_assert(rig_hears_close(&rig, RIG_IN));
	ck_assert_str_eq(rig_reads(&rig), "");
	ck_assert(rig_sleeps(&rig));
}
END_TEST

START_TEST(input_that_ended_before_the_start)
{
	ck_assert_int_eq(write(rig.feed[1], "early", 5), 5);
	fd_close(&rig.feed[1]);
	rig_connect_pipes(&rig);
	ck_assert_str_eq(rig_reads(&rig), "early");
	ck_assert(rig_hears_close(&rig, RIG_IN));
}
END_TEST

/* The other end hangs up while the guest has no room: no reason to hurry. */
START_TEST(hang_up_does_not_spin)
{
	static char much[GUEST_RING_SIZE * GUEST_BUF_LEN + 1];
	size_t got = 0;
	size_t n;

	rig_connect_pipes(&rig);
	ck_assert_int_eq(write(rig.feed[1], much, sizeof(much)), sizeof(much));
	guest_run(&rig.guest);
	fd_close(&rig.feed[1]);
	guest_run(&rig.guest);
	ck_assert(rig_sleeps(&rig));
	do {
		n = guest_read(&rig.guest, RIG_IN, much, sizeof(much));
		got += n;
		guest_run(&rig.guest);
	} while (n);
	ck_assert_uint_eq(got, sizeof(much));
	ck_assert(rig_hears_close(&rig, RIG_IN));
}
END_TEST

/* A guest that closed its stdin leaves the rest to others. */
START_TEST(input_stops_when_the_guest_closes)
{
	rig_connect_pipes(&rig);
	guest_run(&rig.guest);
	guest_send(&rig.guest, RIG_IN, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_int_eq(write(rig.feed[1], "not for you", 11), 11);
	ck_assert_str_eq(rig_reads(&rig), "");
	ck_assert(rig_sleeps(&rig));
	ck_assert_str_eq(rig_collected(rig.feed[0]), "not for you");
}
END_TEST

START_TEST(reader_that_is_gone)
{
	rig_connect_pipes(&rig);
	fd_close(&rig.collect[0]);
	guest_write_text(&rig.guest, RIG_OUT, "hello?");
	ck_assert(rig_hears_close(&rig, RIG_OUT));
	guest_write_text(&rig.guest, RIG_OUT, "hello?");
	ck_assert_uint_eq(guest_unwritten(&rig.guest, RIG_OUT), 0);
	ck_assert_int_eq(stream_drain(&rig.out, -1), -EPIPE);
}
END_TEST

/* The reader goes while the stream waits for it. */
START_TEST(reader_that_goes_while_we_wait)
{
	static char much[GUEST_BUF_LEN];

	fcntl(rig.collect[1], F_SETPIPE_SZ, RIG_TINY_PIPE);
	rig_connect_pipes(&rig);
	while (guest_write(&rig.guest, RIG_OUT, much, sizeof(much)))
		;
	guest_run(&rig.guest);
	ck_assert_uint_gt(guest_unwritten(&rig.guest, RIG_OUT), 0);
	ck_assert(rig_sleeps(&rig));
	fd_close(&rig.collect[0]);
	ck_assert(rig_hears_close(&rig, RIG_OUT));
	ck_assert_uint_eq(guest_unwritten(&rig.guest, RIG_OUT), 0);
}
END_TEST

START_TEST(closed_descriptors)
{
	rig_connect(&rig, -1, 1 << 20, false);
	ck_assert(rig_hears_close(&rig, RIG_IN));
	ck_assert(rig.out.port->host_open);
	guest_write_text(&rig.guest, RIG_OUT, "into the void");
	ck_assert(rig_hears_close(&rig, RIG_OUT));
	ck_assert_uint_eq(guest_unwritten(&rig.guest, RIG_OUT), 0);
	ck_assert_int_eq(stream_drain(&rig.out, -1), 0);
}
END_TEST

/* Neither data nor the end, with a pipe or without, before the time has come.
 */
START_TEST(held_back)
{
	ck_assert_int_eq(write(rig.feed[1], "patience", 8), 8);
	stream_init(&rig.in, STREAM_IN, _i ? rig.feed[0] : -1, false);
	stream_hold(&rig.in);
	ck_assert_int_eq(stream_attach(&rig.in, &rig.guest.console, "in"), 0);
	guest_connect(&rig.guest, RIG_IN);
	ck_assert_str_eq(rig_reads(&rig), "");
	ck_assert(!rig_hears_close(&rig, RIG_IN));
	stream_release(&rig.in);
	ck_assert_str_eq(rig_reads(&rig), _i ? "patience" : "");
	ck_assert_int_eq(rig_hears_close(&rig, RIG_IN), !_i);
}
END_TEST

START_TEST(null_device)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	rig_connect(&rig, null, null, false);
	ck_assert(rig_hears_close(&rig, RIG_IN));
	guest_write_text(&rig.guest, RIG_OUT, "gone");
	ck_assert_uint_eq(guest_unwritten(&rig.guest, RIG_OUT), 0);
}
END_TEST

START_TEST(full_device)
{
	rig_connect(&rig, rig.feed[0], open("/dev/full", O_WRONLY | O_CLOEXEC),
		    false);
	guest_write_text(&rig.guest, RIG_OUT, "no space");
	ck_assert(rig_hears_close(&rig, RIG_OUT));
	ck_assert_int_eq(stream_drain(&rig.out, -1), -ENOSPC);
}
END_TEST

START_TEST(regular_files)
{
	int from = open_temporary();
	int to = open_temporary();

	ck_assert_int_eq(write(from, "written before", 14), 14);
	ck_assert_int_eq(lseek(from, 8, SEEK_SET), 8);
	rig_connect(&rig, from, dup(to), false);
	ck_assert_str_eq(rig_reads(&rig), "before");
	ck_assert(rig_hears_close(&rig, RIG_IN));
	guest_write_text(&rig.guest, RIG_OUT, "one ");
	guest_write_text(&rig.guest, RIG_OUT, "two");
	ck_assert_int_eq(lseek(to, 0, SEEK_SET), 0);
	ck_assert_str_eq(rig_collected(to), "one two");
	fd_close(&from);
	fd_close(&to);
}
END_TEST

START_TEST(socket_and_its_peer)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	rig_connect(&rig, pair[0], dup(pair[0]), false);
	ck_assert_int_eq(write(pair[1], "question", 8), 8);
	ck_assert_str_eq(rig_reads(&rig), "question");
	guest_write_text(&rig.guest, RIG_OUT, "answer");
	ck_assert_str_eq(rig_collected(pair[1]), "answer");
	fd_close(&pair[1]);
	ck_assert_str_eq(rig_reads(&rig), "");
	ck_assert(rig_hears_close(&rig, RIG_IN));
	guest_write_text(&rig.guest, RIG_OUT, "hello?");
	ck_assert(rig_hears_close(&rig, RIG_OUT));
	fd_close(&pair[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stream");
	TCase *tc = tcase_create("stream");
	SRunner *sr = srunner_create(suite);
	int failed;

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, knows_what_it_has);
	tcase_add_test(tc, leaves_the_users_flags_alone);
	tcase_add_test(tc, output_and_its_end);
	tcase_add_test(tc, limit_is_exact);
	tcase_add_test(tc, limit_cuts_what_comes_at_once);
	tcase_add_test(tc, limit_may_throw_away);
	tcase_add_test(tc, output_that_others_own_stays_open);
	tcase_add_test(tc, input_and_its_end);
	tcase_add_test(tc, input_that_ended_before_the_start);
	tcase_add_test(tc, hang_up_does_not_spin);
	tcase_add_test(tc, input_stops_when_the_guest_closes);
	tcase_add_test(tc, reader_that_is_gone);
	tcase_add_test(tc, reader_that_goes_while_we_wait);
	tcase_add_test(tc, closed_descriptors);
	tcase_add_loop_test(tc, held_back, 0, 2);
	tcase_add_test(tc, null_device);
	tcase_add_test(tc, full_device);
	tcase_add_test(tc, regular_files);
	tcase_add_test(tc, socket_and_its_peer);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
