/*
 * The time between the command's start and its end: streams, signals, orphans,
 * status.
 */
#include "boot/guest/supervise.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/guest/clock.h"
#include "boot/guest/kmods.h"
#include "boot/guest/ports.h"
#include "boot/guest/pty.h"
#include "boot/guest/report.h"
#include "boot/guest/sessions.h"
#include "vmm/base/bits.h"

/* What SIGTERM's receivers get for their last words, and SIGKILL's to go. */
enum { GRACE_MS = 500 };

enum { LATER_MS = 1000 }; /* from the command's start */

int supervise_signals(void)
{
	sigset_t child;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

void supervise_init(struct supervise *s, struct command *command,
		    struct ports *ports, int signal_fd, pid_t kill_target)
{
	relay_init(&s->relay[STDIN_FILENO], take(&ports->fd[GUEST_PORT_STDIN]),
		   take(&command->stream_fd[STDIN_FILENO]));
	relay_init(&s->relay[STDOUT_FILENO],
		   take(&command->stream_fd[STDOUT_FILENO]),
		   take(&ports->fd[GUEST_PORT_STDOUT]));
	relay_init(&s->relay[STDERR_FILENO],
		   take(&command->stream_fd[STDERR_FILENO]),
		   take(&ports->fd[GUEST_PORT_STDERR]));
	s->signal_fd = signal_fd;
	s->control_fd = ports->fd[GUEST_PORT_CONTROL];
	s->sessions = NULL;
	s->later_fd = -1;
	s->later_at_ms = clock_ms() + LATER_MS;
	s->terminal_fd = take(&command->terminal_fd);
	s->input_ended = false;
	s->pid = command->pid;
	s->kill_target = kill_target;
	s->state = SUPERVISE_RUNNING;
	s->deadline_ms = 0;
	s->status = -1;
	s->childless = false;
}

static void reap(struct supervise *s)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int status;

	while (read(s->signal_fd, &info, sizeof(info)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		status = WIFEXITED(status)
				 ? WEXITSTATUS(status)
				 : GUEST_STATUS_SIGNAL_BASE + WTERMSIG(status);
		if (pid == s->pid)
			s->status = status;
		else if (s->sessions)
			sessions_reaped(s->sessions, pid, status);
	}
	s->childless = pid < 0 && errno == ECHILD;
}

/* Once the command has been reaped, its number may be somebody else's. */
static void send_signal(const struct supervise *s, pid_t target, uint32_t sig)
{
	if (s->status < 0)
		kill(target, (int)sig);
}

/* The kernel tells all who use the terminal, and only once. */
static void hang_up(struct supervise *s)
{
	if (s->terminal_fd < 0)
		return;
	relay_close(&s->relay[STDIN_FILENO]);
	relay_close(&s->relay[STDOUT_FILENO]);
}

static void follow(struct supervise *s, const struct guest_order *order)
{
	switch (order->type) {
	case GUEST_ORDER_SIGNAL:
		send_signal(s, s->pid, order->value);
		break;
	case GUEST_ORDER_SIGNAL_GROUP:
		send_signal(s, -s->pid, order->value);
		break;
	case GUEST_ORDER_WINDOW:
		if (s->terminal_fd >= 0)
			pty_resize(s->terminal_fd, order->value);
		break;
	case GUEST_ORDER_HANG_UP:
		hang_up(s);
		break;
	default:
		break;
	}
}

/* An order comes whole: it is smaller than any buffer of the port. */
static void follow_orders(struct supervise *s)
{
	struct guest_order order;
	ssize_t n;

	while ((n = read(s->control_fd, &order, sizeof(order))) ==
	       sizeof(order)) {
		if (order.magic == GUEST_MSG_MAGIC)
			follow(s, &order);
	}
	if (n >= 0 || errno != EAGAIN)
		s->control_fd = -1;
}

static void end_children(struct supervise *s, enum supervise_state state,
			 int sig)
{
	s->state = state;
	s->deadline_ms = clock_ms() + GRACE_MS;
	if (!s->childless)
		kill(s->kill_target, sig);
}

/* Follows the picture in the header as far as it goes today. */
static void advance(struct supervise *s)
{
	bool expired;

	if (s->state == SUPERVISE_RUNNING && s->status >= 0) {
		relay_close(&s->relay[STDIN_FILENO]);
		if (s->sessions)
			sessions_refuse(s->sessions);
		end_children(s, SUPERVISE_TERMINATING, SIGTERM);
	}
	expired = clock_ms() >= s->deadline_ms;
	if (s->state == SUPERVISE_TERMINATING && expired && !s->childless) {
		end_children(s, SUPERVISE_KILLING, SIGKILL);
		expired = false;
	}
	if ((s->state == SUPERVISE_TERMINATING && s->childless) ||
	    (s->state == SUPERVISE_KILLING && (s->childless || expired)))
		s->state = SUPERVISE_DRAINING;
	if (s->state == SUPERVISE_DRAINING &&
	    relay_is_drained(&s->relay[STDOUT_FILENO]) &&
	    relay_is_drained(&s->relay[STDERR_FILENO]) &&
	    (!s->sessions || sessions_finish(s->sessions)))
		s->state = SUPERVISE_DONE;
}

static bool has_later(const struct supervise *s)
{
	return s->later_fd >= 0 && s->state == SUPERVISE_RUNNING;
}

/* Without the module, the guest keeps memory that it has freed; no more. */
static void load_later(struct supervise *s)
{
	if (!has_later(s) || clock_ms() < s->later_at_ms)
		return;
	if (kmods_load_opened(take(&s->later_fd)))
		report_kernel_log("a module could not be loaded; memory that "
				  "is freed stays with the machine");
}

static int timeout_ms(const struct supervise *s)
{
	int sessions_ms = s->sessions ? sessions_timeout_ms(s->sessions) : -1;
	int64_t left_ms = -clock_ms();

	if (s->state == SUPERVISE_TERMINATING || s->state == SUPERVISE_KILLING)
		left_ms += s->deadline_ms;
	else if (has_later(s))
		left_ms += s->later_at_ms;
	else
		return sessions_ms;
	if (sessions_ms >= 0)
		left_ms = MIN(left_ms, sessions_ms);
	return left_ms > 0 ? (int)left_ms : 0;
}

/* What poll() waits for: two ends of each stream, SIGCHLD, orders, and sessions
 * if there can be any.
 */
enum {
	SIGNAL_IDX = COMMAND_NUM_STREAMS * RELAY_NUM_ENDS,
	CONTROL_IDX,
	SESSIONS_IDX,
	NUM_POLL_FDS = SESSIONS_IDX + SESSIONS_POLL_FDS,
};

/* One side of a terminal cannot end alone. Nothing more to type: that is a key;
 * nobody who looks: then its user has gone, and who uses it gets SIGHUP.
 */
static void end_terminal(struct supervise *s)
{
	struct relay *in = &s->relay[STDIN_FILENO];
	struct relay *out = &s->relay[STDOUT_FILENO];

	if (s->terminal_fd < 0)
		return;
	if (out->source_fd < 0) {
		relay_close(in);
	} else if (in->sink_fd < 0 && !s->input_ended) {
		s->input_ended = true;
		pty_end_input(out->source_fd);
	}
}

static int wait_for_all(const struct supervise *s, struct pollfd *poll_fds)
{
	nfds_t cnt = s->sessions ? NUM_POLL_FDS : SESSIONS_IDX;
	size_t i;

	poll_fds[SIGNAL_IDX] = (struct pollfd){
		.fd = s->signal_fd,
		.events = POLLIN,
	};
	poll_fds[CONTROL_IDX] = (struct pollfd){
		.fd = s->control_fd,
		.events = POLLIN,
	};
	for (i = 0; i < COMMAND_NUM_STREAMS; i++)
		relay_wait_for(&s->relay[i], &poll_fds[i * RELAY_NUM_ENDS]);
	if (s->sessions)
		sessions_wait_for(s->sessions, &poll_fds[SESSIONS_IDX]);
	return poll(poll_fds, cnt, timeout_ms(s));
}

int supervise_run(struct supervise *s)
{
	struct pollfd poll_fds[NUM_POLL_FDS];
	size_t i;

	while (s->state != SUPERVISE_DONE) {
		if (wait_for_all(s, poll_fds) < 0)
			continue;
		for (i = 0; i < COMMAND_NUM_STREAMS; i++)
			relay_move(&s->relay[i], &poll_fds[i * RELAY_NUM_ENDS]);
		/* Before a signal or request finds that somebody has ended. */
		if (poll_fds[SIGNAL_IDX].revents)
			reap(s);
		if (poll_fds[CONTROL_IDX].revents)
			follow_orders(s);
		if (s->sessions)
			sessions_move(s->sessions, &poll_fds[SESSIONS_IDX]);
		end_terminal(s);
		advance(s);
		load_later(s);
	}
	for (i = 0; i < COMMAND_NUM_STREAMS; i++)
		relay_close(&s->relay[i]);
	return s->status;
}
