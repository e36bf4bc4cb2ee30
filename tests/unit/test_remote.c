/*
 * A client of a machine: its streams, its status, and a machine that is not to
 * be trusted. The client is a process; the machine is the test.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/guest/frame.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/remote.h"

enum { OUT_PIPE_LEN = 4096 };

static pid_t pid;
static int link_fd, in_fd, out_fd, err_fd;
static char block[FRAME_MAX_REQUEST];

/* @path: standard output, NULL for a pipe */
static void start_client(const char *path)
{
	int link[2], in[2], out[2], err[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link), 0);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	fcntl(out[1], F_SETPIPE_SZ, OUT_PIPE_LEN);
	signal(SIGPIPE, SIG_IGN);
	pid = fork();
	if (!pid) {
		struct fail fail = {0};
		int status;

		signal(SIGTERM, SIG_DFL); /* libcheck has a handler */
		dup2(in[0], STDIN_FILENO);
		dup2(path ? open(path, O_WRONLY | O_CLOEXEC) : out[1],
		     STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		close(link[1]);
		status = remote_run(link[0], "arg=sh", 7, false, &fail);
		dprintf(STDERR_FILENO, "%s", fail.text);
		_exit(status);
	}
	close(link[0]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	link_fd = link[1];
	in_fd = in[1];
	out_fd = out[0];
	err_fd = err[0];
}

static void set_up(void)
{
	start_client(NULL);
}

static void set_up_full(void)
{
	start_client("/dev/full");
}

static void tear_down(void)
{
	fd_close(&link_fd);
	fd_close(&in_fd);
	fd_close(&out_fd);
	fd_close(&err_fd);
}

static void say(struct frame head, const void *payload)
{
	ck_assert_int_eq(fd_write_full(link_fd, &head, sizeof(head)), 0);
	ck_assert_int_eq(fd_write_full(link_fd, payload, head.len), 0);
}

static struct frame hear(void)
{
	struct frame head;

	ck_assert_int_eq(recv(link_fd, &head, sizeof(head), MSG_WAITALL),
			 sizeof(head));
	ck_assert(frame_is_valid(&head, FRAME_BY_HOST));
	ck_assert_uint_eq(head.session, 0);
	if (head.len)
		ck_assert_int_eq(recv(link_fd, block, head.len, MSG_WAITALL),
				 head.len);
	return head;
}

static bool is_silent(int ms)
{
	return poll(&(struct pollfd){link_fd, POLLIN, 0}, 1, ms) == 0;
}

static void start_command(void)
{
	ck_assert_uint_eq(hear().type, FRAME_OPEN);
	ck_assert_str_eq(block, "arg=sh");
	say((struct frame){.type = FRAME_STARTED}, "");
	say((struct frame){.type = FRAME_CREDIT, .value = FRAME_WINDOW_LEN},
	    "");
}

static void expect_status(int wanted, const char *line)
{
	char text[512];
	int status;
	ssize_t n;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), wanted);
	n = read(err_fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(text, line);
}

static void end_command(uint32_t status)
{
	say((struct frame){.type = FRAME_ENDED, .value = status}, "");
	expect_status((int)status, "");
}

START_TEST(streams_and_status_are_the_commands)
{
	char text[16] = "";

	start_command();
	ck_assert_int_eq(write(in_fd, "typed", 5), 5);
	ck_assert_uint_eq(hear().len, 5);
	ck_assert_mem_eq(block, "typed", 5);
	fd_close(&in_fd);
	ck_assert_uint_eq(hear().type, FRAME_END);
	say((struct frame){.type = FRAME_DATA, .stream = 1, .len = 3}, "out");
	ck_assert_int_eq(read(out_fd, text, sizeof(text)), 3);
	ck_assert_str_eq(text, "out");
	say((struct frame){.type = FRAME_DATA, .stream = 2, .len = 3}, "err");
	ck_assert_int_eq(read(err_fd, text, sizeof(text)), 3);
	ck_assert_str_eq(text, "err");
	say((struct frame){.type = FRAME_END, .stream = 1}, "");
	ck_assert_int_eq(read(out_fd, text, sizeof(text)), 0);
	end_command(42);
}
END_TEST

START_TEST(input_waits_for_credit)
{
	size_t got = 0;

	ck_assert_uint_eq(hear().type, FRAME_OPEN);
	ck_assert_int_eq(write(in_fd, block, 5000), 5000);
	ck_assert(is_silent(100));
	say((struct frame){.type = FRAME_STARTED}, "");
	ck_assert(is_silent(100));
	say((struct frame){.type = FRAME_CREDIT, .value = 1000}, "");
	while (got < 1000)
		got += hear().len;
	ck_assert_uint_eq(got, 1000);
	ck_assert(is_silent(100));
	say((struct frame){.type = FRAME_END}, "");
	say((struct frame){.type = FRAME_CREDIT, .value = 1000}, "");
	ck_assert(is_silent(100));
	end_command(0);
}
END_TEST

/* Nobody reads what it writes: input and signals go on. */
START_TEST(a_slow_reader_stops_only_output)
{
	char text[2048];
	size_t got = 0;

	start_command();
	say((struct frame){.type = FRAME_DATA, .stream = 1, .len = 16384},
	    block);
	usleep(100000);
	ck_assert_int_eq(write(in_fd, "x", 1), 1);
	ck_assert_uint_eq(hear().type, FRAME_DATA);
	kill(pid, SIGUSR1);
	ck_assert_uint_eq(hear().value, SIGUSR1);
	say((struct frame){.type = FRAME_ENDED, .value = 3}, "");
	while (got < 16384) {
		ssize_t n = read(out_fd, text, sizeof(text));

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	expect_status(3, "");
}
END_TEST

START_TEST(a_reader_that_went_is_told)
{
	start_command();
	fd_close(&out_fd);
	say((struct frame){.type = FRAME_DATA, .stream = 1, .len = 5}, block);
	ck_assert_uint_eq(hear().type, FRAME_END);
	say((struct frame){.type = FRAME_DATA, .stream = 1, .len = 5}, block);
	ck_assert(is_silent(100));
	end_command(141);
}
END_TEST

START_TEST(output_that_cannot_be_written_is_no_success)
{
	start_command();
	say((struct frame){.type = FRAME_DATA, .stream = 1, .len = 5}, block);
	ck_assert_uint_eq(hear().type, FRAME_END);
	say((struct frame){.type = FRAME_ENDED, .value = 0}, "");
	expect_status(125, "output: No space left on device");
}
END_TEST

START_TEST(told_to_end_twice_it_does)
{
	struct frame head;

	start_command();
	ck_assert_int_eq(write(in_fd, "x", 1), 1);
	ck_assert_uint_eq(hear().type, FRAME_DATA); /* it knows */
	kill(pid, SIGTERM);
	head = hear();
	ck_assert_uint_eq(head.type, FRAME_SIGNAL);
	ck_assert_uint_eq(head.value, SIGTERM);
	usleep(600000);
	kill(pid, SIGTERM);
	expect_status(128 + SIGTERM, "");
}
END_TEST

START_TEST(before_the_start_it_ends)
{
	ck_assert_uint_eq(hear().type, FRAME_OPEN);
	kill(pid, SIGINT);
	expect_status(128 + SIGINT, "");
}
END_TEST

START_TEST(a_failure_is_one_line)
{
	ck_assert_uint_eq(hear().type, FRAME_OPEN);
	say((struct frame){.type = FRAME_FAILED, .len = 7, .value = 127},
	    "a\nb\33[2J");
	expect_status(127, "a?b?[2J");
}
END_TEST

START_TEST(a_machine_that_ends_is_told)
{
	start_command();
	fd_close(&link_fd);
	expect_status(125, "machine: has ended, and this command with it");
}
END_TEST

static const struct frame bad[] = {
	{FRAME_OPEN, 0, 0, 1, 0},     {FRAME_DATA, 0, 0, 1, 0},
	{FRAME_DATA, 7, 0, 1, 0},     {FRAME_DATA, 1, 0, UINT32_MAX, 0},
	{FRAME_ENDED, 0, 0, 0, 4711}, {0, 0, 0, 0, 0},
};

START_TEST(nonsense_ends_it)
{
	start_command();
	ck_assert_int_eq(write(link_fd, &bad[_i], sizeof(bad[_i])),
			 sizeof(bad[_i]));
	expect_status(125, "machine: talks nonsense");
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("remote");
	TCase *tc = tcase_create("remote");
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, streams_and_status_are_the_commands);
	tcase_add_test(tc, input_waits_for_credit);
	tcase_add_test(tc, a_slow_reader_stops_only_output);
	tcase_add_test(tc, a_reader_that_went_is_told);
	tcase_add_test(tc, told_to_end_twice_it_does);
	tcase_add_test(tc, before_the_start_it_ends);
	tcase_add_test(tc, a_failure_is_one_line);
	tcase_add_test(tc, a_machine_that_ends_is_told);
	tcase_add_loop_test(tc, nonsense_ends_it, 0, ARRAY_SIZE(bad));
	suite_add_tcase(suite, tc);
	tc = tcase_create("full");
	tcase_add_checked_fixture(tc, set_up_full, tear_down);
	tcase_add_test(tc, output_that_cannot_be_written_is_no_success);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
