/*
 * The guest's sessions without a guest: real commands, a socket pair in place
 * of the port, and a host that is the test.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/plan.h"
#include "boot/guest/report.h"
#include "boot/guest/sessions.h"
#include "boot/guest/supervise.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum { KEPT_LEN = 400, PATIENCE_MS = 20000 };

/** struct seen - What came of a session */
struct seen {
	bool started;
	unsigned int ends;
	size_t len[FRAME_STREAMS];
	char kept[FRAME_STREAMS][KEPT_LEN];
	uint32_t credit;
	struct frame last;
	char text[FRAME_MAX_TEXT + 1];
};

static struct plan plan;
static struct sessions *ss;
static struct frame_reader reader;
static struct seen seen[FRAME_SESSIONS];
static unsigned int ended_cnt;
static int signal_fd, port_fd, our_fd;
static bool gives_credit;

static void make_plan(void)
{
	char *const argv[] = {(char[]){"init"}, (char[]){"x"}, NULL};
	char *const envp[] = {
		(char[]){"PATH=/bin:/usr/bin"},
		(char[]){"GREETING=hello"},
		(char[]){"HOME=/root"},
		NULL,
	};
	const struct guest_spec spec = {
		.root_tag = "root",
		.hostname = "h",
		.workdir = "/",
		.terminal = "1",
		.argv = argv,
		.envp = envp,
	};
	struct modules none = {.cnt = 0};
	struct bytes out = {0};

	ck_assert_int_eq(spec_encode(&out, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(&plan, out.data, out.len), 0);
}

static void set_up(void)
{
	int fd[2];

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal_fd = supervise_signals();
	ck_assert_int_eq(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fd),
			 0);
	our_fd = fd[0];
	port_fd = fd[1];
	make_plan();
	ss = sessions_new(port_fd, &plan);
	ck_assert_ptr_nonnull(ss);
	gives_credit = true;
}

static void tear_down(void)
{
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++)
		ck_assert(!ss->session[i].used);
	free(ss);
	plan_destroy(&plan);
	fd_close(&our_fd);
	fd_close(&port_fd);
	fd_close(&signal_fd);
	/* Nothing is left behind. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

static void say(struct frame head, const void *payload)
{
	fd_write_full(our_fd, &head, sizeof(head));
	fd_write_full(our_fd, payload, head.len);
}

static void say_type(unsigned int session, enum frame_type type, uint8_t stream,
		     uint32_t value)
{
	say((struct frame){.type = (uint8_t)type,
			   .stream = stream,
			   .session = (uint16_t)session,
			   .value = value},
	    "");
}

/* @more: strings of the request besides the command, "k=v" and NULs. */
static void open_with(unsigned int session, const char *script,
		      const char *more, size_t more_len)
{
	char bytes[4096];
	int len = snprintf(bytes, sizeof(bytes), "arg=sh%carg=-c%carg=%s", 0, 0,
			   script);

	memcpy(bytes + len + 1, more, more_len);
	say((struct frame){.type = FRAME_OPEN,
			   .session = (uint16_t)session,
			   .len = (uint32_t)(len + 1) + (uint32_t)more_len},
	    bytes);
}

static void open_shell(unsigned int session, const char *script)
{
	open_with(session, script, "", 0);
}

static void take_data(struct seen *s, const struct frame *head)
{
	for (uint32_t i = 0; i < head->len; i++, s->len[head->stream]++)
		if (s->len[head->stream] < KEPT_LEN - 1)
			s->kept[head->stream][s->len[head->stream]] =
				reader.payload[i];
	if (gives_credit)
		say_type(head->session, FRAME_CREDIT, head->stream, head->len);
}

static void take(void)
{
	const struct frame *head = &reader.head;
	struct seen *s = &seen[head->session];

	/* Nothing comes after the end. */
	ck_assert_uint_eq(s->last.type, 0);
	switch (head->type) {
	case FRAME_STARTED:
		s->started = true;
		break;
	case FRAME_DATA:
		take_data(s, head);
		break;
	case FRAME_END:
		s->ends |= (unsigned int)BIT(head->stream);
		break;
	case FRAME_CREDIT:
		s->credit += head->value;
		break;
	default:
		s->last = *head;
		memcpy(s->text, reader.payload, head->len);
		ended_cnt++;
		break;
	}
}

static void receive(void)
{
	char bytes[5000];
	ssize_t n, taken;
	bool whole;

	while ((n = read(our_fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t at = 0; at < n; at += taken) {
			taken = frame_read(&reader, FRAME_BY_GUEST, bytes + at,
					   (size_t)(n - at), &whole);
			ck_assert_int_gt(taken, 0);
			if (whole)
				take();
		}
	}
}

static void reap(void)
{
	char info[128];
	int status;
	pid_t pid;

	while (read(signal_fd, info, sizeof(info)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		sessions_reaped(ss, pid,
				WIFEXITED(status) ? WEXITSTATUS(status)
						  : 128 + WTERMSIG(status));
}

/* One round of init's loop and of the host's. */
static void turn(void)
{
	static struct pollfd p[SESSIONS_POLL_FDS + 2];
	int ms = sessions_timeout_ms(ss);

	sessions_wait_for(ss, p);
	p[SESSIONS_POLL_FDS] = (struct pollfd){signal_fd, POLLIN, 0};
	p[SESSIONS_POLL_FDS + 1] = (struct pollfd){our_fd, POLLIN, 0};
	ck_assert_int_ge(poll(p, ARRAY_SIZE(p), ms < 0 ? PATIENCE_MS : ms),
			 ms < 0 ? 1 : 0);
	if (p[SESSIONS_POLL_FDS].revents)
		reap();
	sessions_move(ss, p);
	receive();
}

static void run_until_ended(unsigned int cnt)
{
	while (ended_cnt < cnt)
		turn();
}

static void expect_end(unsigned int session, uint32_t status)
{
	ck_assert_uint_eq(seen[session].last.type, FRAME_ENDED);
	ck_assert_uint_eq(seen[session].last.value, status);
}

START_TEST(output_and_status_come_back)
{
	open_shell(7, "echo out; echo err >&2; exit 3");
	run_until_ended(1);
	ck_assert(seen[7].started);
	ck_assert_str_eq(seen[7].kept[1], "out\n");
	ck_assert_str_eq(seen[7].kept[2], "err\n");
	expect_end(7, 3);
}
END_TEST

START_TEST(as_many_as_there_are_run_at_once)
{
	char script[64];

	/* None ends before all have started: each waits for its input. */
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		snprintf(script, sizeof(script),
			 "echo %u; read x; echo $x; exit %u", i, i);
		open_shell(i, script);
		while (!seen[i].len[1])
			turn();
	}
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++)
		say((struct frame){.type = FRAME_DATA,
				   .session = (uint16_t)i,
				   .len = 3},
		    "go\n");
	run_until_ended(FRAME_SESSIONS);
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		snprintf(script, sizeof(script), "%u\ngo\n", i);
		ck_assert_str_eq(seen[i].kept[1], script);
		expect_end(i, i);
	}
}
END_TEST

START_TEST(input_is_written_as_far_as_there_is_room)
{
	static char bytes[FRAME_MAX_DATA];

	open_shell(0, "read x; wc -c");
	for (unsigned int i = 0; i < FRAME_WINDOW_LEN / FRAME_MAX_DATA; i++)
		say((struct frame){.type = FRAME_DATA, .len = sizeof(bytes)},
		    memset(bytes, '\n', sizeof(bytes)));
	say_type(0, FRAME_END, 0, 0);
	run_until_ended(1);
	ck_assert_int_eq(atoi(seen[0].kept[1]), FRAME_WINDOW_LEN - 1);
	ck_assert_uint_eq(seen[0].credit, FRAME_WINDOW_LEN);
	expect_end(0, 0);
}
END_TEST

START_TEST(nobody_waits_for_anothers_reader)
{
	gives_credit = false;
	open_shell(1, "yes");
	while (seen[1].len[1] < FRAME_WINDOW_LEN)
		turn();
	open_shell(2, "echo free");
	run_until_ended(1);
	expect_end(2, 0);
	/* Not one byte more than there was credit for. */
	ck_assert_uint_eq(seen[1].len[1], FRAME_WINDOW_LEN);
	/* Its reader goes: a writer sees that as in any pipe. */
	say_type(1, FRAME_END, 1, 0);
	run_until_ended(2);
	expect_end(1, 128 + SIGPIPE);
}
END_TEST

START_TEST(ends_of_streams_are_told)
{
	open_shell(3, "exec <&- >&-; exec sleep 1000");
	while (seen[3].ends != 3)
		turn();
	ck_assert_uint_eq(seen[3].last.type, 0);
	say_type(3, FRAME_SIGNAL, 0, SIGKILL);
	run_until_ended(1);
	expect_end(3, 128 + SIGKILL);
}
END_TEST

START_TEST(a_client_that_went_takes_its_command_along)
{
	open_shell(4, _i ? "trap '' HUP; echo; while :; do sleep 1; done"
			 : "echo; sleep 1000");
	while (!seen[4].len[1])
		turn();
	say_type(4, FRAME_CLOSE, 0, 0);
	run_until_ended(1);
	expect_end(4, 128 + (_i ? SIGKILL : SIGHUP));
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}
END_TEST

START_TEST(what_it_left_running_keeps_no_session)
{
	open_shell(5, "sleep 1000 & echo $!");
	run_until_ended(1);
	expect_end(5, 0);
	ck_assert_int_eq(kill((pid_t)atoi(seen[5].kept[1]), SIGKILL), 0);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}
END_TEST

START_TEST(a_terminal_is_one)
{
	static const char more[] = "terminal=2621520"; /* 40 rows, 80 columns */

	open_with(6, "tty; stty size; read x; echo $x; exit 5", more,
		  sizeof(more));
	while (!strstr(seen[6].kept[1], "40 80"))
		turn();
	ck_assert_ptr_nonnull(strstr(seen[6].kept[1], "/dev/pts/"));
	say((struct frame){.type = FRAME_DATA, .session = 6, .len = 4},
	    "hey\r");
	run_until_ended(1);
	ck_assert_ptr_nonnull(strstr(seen[6].kept[1], "hey\r\nhey\r\n"));
	expect_end(6, 5);
}
END_TEST

START_TEST(a_closed_terminal_hangs_up)
{
	open_with(6, "echo; sleep 1000", "terminal=1", 11);
	while (!seen[6].len[1])
		turn();
	say_type(6, FRAME_CLOSE, 0, 0);
	run_until_ended(1);
	expect_end(6, 128 + SIGHUP);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}
END_TEST

START_TEST(variables_come_on_top)
{
	static const char more[] = "env=GREETING=bye\0env=NEW=1\0workdir=/tmp";

	open_with(8, "echo $GREETING $NEW $HOME $PWD", more, sizeof(more));
	run_until_ended(1);
	ck_assert_str_eq(seen[8].kept[1], "bye 1 /root /tmp\n");
}
END_TEST

START_TEST(what_cannot_start_says_why)
{
	say((struct frame){.type = FRAME_OPEN, .session = 9, .len = 9},
	    "arg=/nix");
	run_until_ended(1);
	ck_assert(!seen[9].started);
	ck_assert_uint_eq(seen[9].last.type, FRAME_FAILED);
	ck_assert_uint_eq(seen[9].last.value, 127);
	ck_assert_ptr_nonnull(strstr(seen[9].text, "'/nix'"));
}
END_TEST

/* Frames that are late, wrong or about nobody. */
START_TEST(strange_frames_do_nothing)
{
	for (unsigned int type = FRAME_DATA; type < FRAME_ENDED; type++)
		say((struct frame){.type = (uint8_t)type,
				   .stream = type == FRAME_CREDIT,
				   .session = 11,
				   .len = type == FRAME_DATA},
		    "x");
	open_shell(10, "read x; echo $x");
	open_shell(10, "echo second");
	say_type(10, FRAME_CREDIT, 1, FRAME_WINDOW_LEN);
	say_type(10, FRAME_WINDOW, 0, 5);
	say_type(10, FRAME_END, 0, 0);
	say((struct frame){.type = FRAME_DATA, .session = 10, .len = 2}, "x\n");
	run_until_ended(1);
	ck_assert_str_eq(seen[10].kept[1], "\n");
	expect_end(10, 0);
}
END_TEST

START_TEST(what_is_no_frame_ends_the_port)
{
	say_type(0, FRAME_ENDED, 0, 0);
	turn();
	ck_assert_int_eq(ss->port_fd, -1);
	ck_assert(sessions_finish(ss));
}
END_TEST

START_TEST(no_session_begins_when_the_machine_ends)
{
	/* One that runs still waits for its reader. */
	gives_credit = false;
	open_shell(0, "head -c 70000 /dev/zero");
	while (seen[0].len[1] < FRAME_WINDOW_LEN)
		turn();
	sessions_refuse(ss);
	open_shell(1, "echo");
	run_until_ended(1);
	ck_assert_uint_eq(seen[1].last.type, FRAME_FAILED);
	ck_assert_str_eq(seen[1].text, "machine: is ending");
	say_type(0, FRAME_CREDIT, 1, FRAME_WINDOW_LEN);
	run_until_ended(2);
	ck_assert_uint_eq(seen[0].len[1], 70000);
	expect_end(0, 0);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("guest_sessions");
	TCase *tc = tcase_create("guest_sessions");
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, output_and_status_come_back);
	tcase_add_test(tc, as_many_as_there_are_run_at_once);
	tcase_add_test(tc, input_is_written_as_far_as_there_is_room);
	tcase_add_test(tc, nobody_waits_for_anothers_reader);
	tcase_add_test(tc, ends_of_streams_are_told);
	tcase_add_loop_test(tc, a_client_that_went_takes_its_command_along, 0,
			    2);
	tcase_add_test(tc, what_it_left_running_keeps_no_session);
	tcase_add_test(tc, a_terminal_is_one);
	tcase_add_test(tc, a_closed_terminal_hangs_up);
	tcase_add_test(tc, variables_come_on_top);
	tcase_add_test(tc, what_cannot_start_says_why);
	tcase_add_test(tc, strange_frames_do_nothing);
	tcase_add_test(tc, what_is_no_frame_ends_the_port);
	tcase_add_test(tc, no_session_begins_when_the_machine_ends);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
