/*
 * The guest's pid 1 without a guest.
 */
#include "tests/unit/init_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/command.h"
#include "boot/guest/plan.h"
#include "boot/guest/ports.h"
#include "boot/guest/report.h"
#include "boot/guest/supervise.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static char pattern(size_t i)
{
	return (char)((uint32_t)(i * 2654435761U) >> 24);
}

static void make_plan(struct plan *plan, const struct host *h,
		      char *const *argv, const char *workdir)
{
	char *const envp[] = {
		(char[]){"PATH=/nonexistent:/bin:/usr/bin:/etc/passwd"},
		(char[]){"GREETING=hello"},
		NULL,
	};
	const struct guest_spec spec = {
		.root_tag = "root",
		.hostname = "h",
		.workdir = workdir,
		.terminal = h->terminal,
		.argv = argv,
		.envp = envp,
	};
	struct modules none = {.cnt = 0};
	struct bytes out = {0};

	ck_assert_int_eq(spec_encode(&out, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(plan, out.data, out.len), 0);
}

static void pair(int *ours, int *theirs)
{
	int size = SOCKET_BUF_LEN;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fd),
			 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ours = fd[0];
	*theirs = fd[1];
}

/* What main() in init.c does once it is in the new root. */
static void be_init(struct ports *ports, const struct plan *plan,
		    const char *later)
{
	int control_fd = ports->fd[GUEST_PORT_CONTROL];
	struct supervise *s = malloc(sizeof(*s));
	struct command command;
	struct guest_msg why;
	int signal_fd;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal_fd = supervise_signals();
	if (command_start(&command, plan, &why)) {
		report_send(control_fd, &why);
		_exit(0);
	}
	report_event(control_fd, GUEST_MSG_STARTED, 0);
	supervise_init(s, &command, ports, signal_fd, -command.pid);
	if (later)
		s->later_fd = open(later, O_RDONLY | O_CLOEXEC);
	report_event(control_fd, GUEST_MSG_ENDED, (uint32_t)supervise_run(s));
	_exit(0);
}

static void host_send(struct host *h)
{
	char buf[3000];
	size_t i, len = MIN(sizeof(buf), h->in_len - h->in_done);
	ssize_t n;

	for (i = 0; i < len; i++)
		buf[i] = pattern(h->in_done + i);
	n = len ? write(h->fd[GUEST_PORT_STDIN], buf, len) : 0;
	if (n < 0 && errno == EPIPE)
		fd_close(&h->fd[GUEST_PORT_STDIN]);
	h->in_done += n > 0 ? (size_t)n : 0;
	if (h->in_done == h->in_len && !h->keep_stdin)
		fd_close(&h->fd[GUEST_PORT_STDIN]);
}

static void host_answer(struct host *h)
{
	if (h->typed_cnt) {
		fd_write_full(h->fd[GUEST_PORT_STDIN], *h->typed,
			      strlen(*h->typed));
		h->typed++;
		h->typed_cnt--;
	}
	if (!h->order_cnt)
		return;
	ck_assert_int_eq(
		write(h->fd[GUEST_PORT_CONTROL], h->orders, sizeof(*h->orders)),
		sizeof(*h->orders));
	h->orders++;
	h->order_cnt--;
}

static void host_receive(struct host *h, enum guest_port port)
{
	char buf[5000];
	ssize_t i, n = read(h->fd[port], buf, sizeof(buf));

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			fd_close(&h->fd[port]);
		return;
	}
	for (i = 0; i < n; i++, h->len[port]++) {
		if (buf[i] != pattern(h->len[port]))
			h->is_pattern[port] = false;
		if (h->len[port] < KEPT_LEN - 1)
			h->kept[port][h->len[port]] = buf[i];
		if (port == GUEST_PORT_STDOUT && buf[i] == '\n')
			host_answer(h);
	}
	if (port == GUEST_PORT_STDOUT && h->close_at &&
	    h->len[port] >= h->close_at)
		fd_close(&h->fd[port]);
}

/* Plays the monitor until init closes the control port. */
static void be_host(struct host *h)
{
	struct pollfd p[GUEST_NUM_PORTS];
	enum guest_port port;

	poll(NULL, 0, h->deaf_ms);
	for (;;) {
		for (port = 0; port < GUEST_NUM_PORTS; port++) {
			p[port].fd = h->fd[port];
			p[port].events = POLLIN;
		}
		p[GUEST_PORT_STDIN].events =
			h->in_done < h->in_len || !h->keep_stdin ? POLLOUT : 0;
		ck_assert_int_gt(poll(p, GUEST_NUM_PORTS, 10000), 0);
		if (p[GUEST_PORT_STDIN].revents)
			host_send(h);
		if (p[GUEST_PORT_STDOUT].revents)
			host_receive(h, GUEST_PORT_STDOUT);
		if (p[GUEST_PORT_STDERR].revents)
			host_receive(h, GUEST_PORT_STDERR);
		if (p[GUEST_PORT_CONTROL].revents &&
		    read(h->fd[GUEST_PORT_CONTROL], &h->last,
			 sizeof(h->last)) != sizeof(h->last))
			break;
	}
	/* The end of the control port says that all else was sent. */
	while (h->fd[GUEST_PORT_STDOUT] >= 0)
		host_receive(h, GUEST_PORT_STDOUT);
	while (h->fd[GUEST_PORT_STDERR] >= 0)
		host_receive(h, GUEST_PORT_STDERR);
}

void init_rig_run(struct host *h, char *const *argv, const char *workdir)
{
	struct ports ports;
	struct plan plan;
	unsigned int i;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	make_plan(&plan, h, argv, workdir);
	for (i = 0; i < GUEST_NUM_PORTS; i++) {
		pair(&h->fd[i], &ports.fd[i]);
		h->is_pattern[i] = true;
	}
	ports.cnt = GUEST_NUM_PORTS;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	for (i = 0; i < GUEST_NUM_PORTS; i++)
		fd_close(pid ? &ports.fd[i] : &h->fd[i]);
	if (pid == 0)
		be_init(&ports, &plan, h->later);
	plan_destroy(&plan);
	be_host(h);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (i = 0; i < GUEST_NUM_PORTS; i++)
		fd_close(&h->fd[i]);
	ck_assert_uint_eq(h->last.magic, GUEST_MSG_MAGIC);
	ck_assert_uint_ne(h->last.clock_ns, 0);
}

void init_rig_shell(struct host *h, const char *script)
{
	char *copy = strdup(script);
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, copy, NULL};

	init_rig_run(h, argv, "/");
	free(copy);
	ck_assert_uint_eq(h->last.type, GUEST_MSG_ENDED);
}
