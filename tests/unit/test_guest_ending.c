/*
 * The guest's pid 1 between the end of the machine's command and its own: who
 * asks for a session then is told so.
 */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/plan.h"
#include "boot/guest/ports.h"
#include "boot/guest/report.h"
#include "boot/guest/sessions.h"
#include "boot/guest/supervise.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/fd.h"

enum { PATIENCE_MS = 20000 };

static const char request[] = "arg=true";
static int fd[GUEST_NUM_PORTS];
static struct frame_reader reader;

/* More than a socket holds, and nobody reads it. */
static void make_plan(struct plan *plan)
{
	char *const argv[] = {(char[]){"head"}, (char[]){"-c"},
			      (char[]){"40000"}, (char[]){"/dev/zero"}, NULL};
	char *const envp[] = {(char[]){"PATH=/bin:/usr/bin"}, NULL};
	const struct guest_spec spec = {
		.root_tag = "root",
		.hostname = "h",
		.workdir = "/",
		.argv = argv,
		.envp = envp,
	};
	struct modules none = {.cnt = 0};
	struct bytes out = {0};

	ck_assert_int_eq(spec_encode(&out, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(plan, out.data, out.len), 0);
}

static void be_init(struct ports *ports)
{
	struct supervise *s = malloc(sizeof(*s));
	struct command command;
	struct guest_msg why;
	struct plan plan;
	int signal_fd;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_plan(&plan);
	signal_fd = supervise_signals();
	if (!s || command_start(&command, &plan, &why))
		_exit(1);
	supervise_init(s, &command, ports, signal_fd, -command.pid);
	s->sessions = sessions_new(ports->fd[GUEST_PORT_SESSIONS], &plan);
	supervise_run(s);
	_exit(0);
}

static pid_t start(void)
{
	struct ports ports = {.cnt = GUEST_NUM_PORTS};
	int size = 4096, pair[2];
	pid_t pid;

	for (unsigned int i = 0; i < GUEST_NUM_PORTS; i++) {
		ck_assert_int_eq(
			socketpair(AF_UNIX,
				   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				   0, pair),
			0);
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		fd[i] = pair[0];
		ports.fd[i] = pair[1];
	}
	pid = fork();
	if (!pid)
		be_init(&ports);
	for (unsigned int i = 0; i < GUEST_NUM_PORTS; i++)
		fd_close(&ports.fd[i]);
	return pid;
}

/* The first word about a session, past what is left to say of others. */
static uint8_t ask(uint16_t session)
{
	const struct frame head = {
		.type = FRAME_OPEN, .session = session, .len = sizeof(request)};
	struct pollfd p = {.fd = fd[GUEST_PORT_SESSIONS], .events = POLLIN};
	bool whole = false;
	char byte;

	ck_assert_int_eq(fd_write_full(p.fd, &head, sizeof(head)), 0);
	ck_assert_int_eq(fd_write_full(p.fd, request, sizeof(request)), 0);
	while (!whole || reader.head.session != session) {
		ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
		ck_assert_int_eq(read(p.fd, &byte, 1), 1);
		ck_assert_int_eq(
			frame_read(&reader, FRAME_BY_GUEST, &byte, 1, &whole),
			1);
	}
	return reader.head.type;
}

START_TEST(no_session_begins_behind_the_commands_end)
{
	uint8_t type = FRAME_STARTED;
	char buf[4096];
	pid_t pid;
	int status;

	signal(SIGPIPE, SIG_IGN);
	pid = start();
	for (uint16_t i = 0; i < FRAME_SESSIONS && type == FRAME_STARTED; i++) {
		type = ask(i);
		poll(NULL, 0, 20);
	}
	/* The machine is still there: its output waits. */
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	ck_assert_uint_eq(type, FRAME_FAILED);
	ck_assert_uint_eq(reader.head.value, 125);
	ck_assert_int_eq(strncmp(reader.payload, "machine: is ending", 18), 0);
	while (poll(&(struct pollfd){fd[GUEST_PORT_STDOUT], POLLIN, 0}, 1,
		    PATIENCE_MS) == 1 &&
	       read(fd[GUEST_PORT_STDOUT], buf, sizeof(buf)) > 0)
		continue;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (unsigned int i = 0; i < GUEST_NUM_PORTS; i++)
		fd_close(&fd[i]);
}
END_TEST

int main(void)
{
	SRunner *runner;
	Suite *suite = suite_create("guest_ending");
	TCase *tc = tcase_create("guest_ending");
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, no_session_begins_behind_the_commands_end);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
