/*
 * A client of a running machine: one command there.
 */
#include "vmm/remote.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot/guest/abi.h"
#include "boot/guest/frame.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/terminal.h"
#include "vmm/outcome.h"
#include "vmm/timing.h"

/* timeout(1), for one, sends its signal twice: so close, they are one. */
enum { ONE_SIGNAL_NS = 500000000 };

static const int heard_signals[] = {
	SIGHUP,	 SIGINT,   SIGQUIT, SIGTERM, SIGUSR1,
	SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP,
};

/**
 * struct link - A client
 * @fd:		Connection [borrowed]
 * @has_tty:	The command has a terminal
 * @terminal:	Ours, if it has
 * @signal_fd:	Signals [owned]
 * @reader:	From the machine
 * @writer:	To the machine
 * @bytes:	Came from it
 * @at:		First of them that was not looked at
 * @len:	How many there are
 * @started:	The command runs
 * @credit:	What may be sent of our input
 * @in_open:	It has not ended, and somebody wants it
 * @tell_end:	BIT(stream): END is to be sent
 * @lost:	BIT(stream): nobody reads what we write there
 * @write_err:	Why, if that is not what its reader wanted; an errno
 * @to_write:	Output in @reader that is still to be written
 * @signals:	To be sent: BIT(number), to the command and to its group
 * @resized:	The window is to be told
 * @end_ns:	When a signal first told the command to end, or 0
 * @over:	There is nothing more to do
 * @status:	Exit status then
 * @fail:	Why, if it is not the command's
 */
struct link {
	int fd;
	bool has_tty;
	struct terminal terminal;
	int signal_fd;
	struct frame_reader reader;
	struct frame_writer writer;
	char bytes[4096];
	size_t at;
	size_t len;
	bool started;
	uint32_t credit;
	bool in_open;
	unsigned int tell_end;
	unsigned int lost;
	int write_err;
	size_t to_write;
	uint64_t signals[2];
	bool resized;
	uint64_t end_ns;
	bool over;
	int status;
	struct fail *fail;
};

static void finish(struct link *l, int status)
{
	l->over = true;
	l->status = status;
}

static void give_up(struct link *l, const char *text)
{
	fail_set(l->fail, -EPIPE, "%s", text);
	finish(l, OUTCOME_FAILURE);
}

static void fail_output(struct link *l)
{
	fail_set(l->fail, -l->write_err, "output: %s", strerror(l->write_err));
	finish(l, OUTCOME_FAILURE);
}

/* From the machine */

static void show_failure(struct link *l)
{
	const struct frame *head = &l->reader.head;
	char text[FRAME_MAX_TEXT + 1];

	memcpy(text, l->reader.payload, head->len);
	text[head->len] = '\0';
	for (char *at = text; *at; at++) {
		if (!isprint((unsigned char)*at))
			*at = '?';
	}
	fail_set(l->fail, -ECHILD, "%s", text);
	finish(l, head->value == 126 || head->value == 127 ? (int)head->value
							   : OUTCOME_FAILURE);
}

static void command_runs(struct link *l)
{
	l->started = true;
	if (l->has_tty)
		terminal_make_raw(&l->terminal);
}

/* Who reads our output sees that it has ended; standard error is ours, too. */
static void take_end(struct link *l, unsigned int stream)
{
	autofd null = -1;

	if (stream == STDIN_FILENO)
		l->in_open = false;
	if (stream != STDOUT_FILENO || l->has_tty)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDOUT_FILENO);
}

static void take_frame(struct link *l)
{
	const struct frame *head = &l->reader.head;

	switch (head->type) {
	case FRAME_STARTED:
		command_runs(l);
		break;
	case FRAME_FAILED:
		show_failure(l);
		break;
	case FRAME_DATA:
		if (!(l->lost & BIT(head->stream)))
			l->to_write = head->len;
		break;
	case FRAME_END:
		take_end(l, head->stream);
		break;
	case FRAME_CREDIT:
		l->credit = MIN(l->credit + head->value,
				(uint32_t)FRAME_WINDOW_LEN);
		break;
	case FRAME_ENDED:
		finish(l, (int)head->value);
		if (l->write_err)
			fail_output(l);
		break;
	default:
		break;
	}
}

static void take_bytes(struct link *l)
{
	bool whole;

	while (!l->over && !l->to_write && l->at < l->len) {
		ssize_t n =
			frame_read(&l->reader, FRAME_BY_GUEST, l->bytes + l->at,
				   l->len - l->at, &whole);

		if (n < 0) {
			give_up(l, "machine: talks nonsense");
			return;
		}
		l->at += (size_t)n;
		if (whole)
			take_frame(l);
	}
}

static void receive(struct link *l)
{
	ssize_t n = recv(l->fd, l->bytes, sizeof(l->bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		give_up(l, "machine: has ended, and this command with it");
		return;
	}
	l->at = 0;
	l->len = (size_t)n;
}

static void write_output(struct link *l)
{
	unsigned int stream = l->reader.head.stream;
	const char *from = l->reader.payload + l->reader.head.len - l->to_write;
	ssize_t n =
		write((int)stream, from, MIN(l->to_write, (size_t)PIPE_BUF));

	if (n >= 0) {
		l->to_write -= (size_t)n;
	} else if (errno != EAGAIN && errno != EINTR) {
		/* A reader that went away did so on purpose. */
		if (errno != EPIPE && !(errno == EIO && l->has_tty) &&
		    !l->write_err)
			l->write_err = errno;
		l->to_write = 0;
		l->lost |= (unsigned int)BIT(stream);
		l->tell_end |= (unsigned int)BIT(stream);
	}
}

/* To the machine */

static bool send_input(struct link *l)
{
	size_t most = MIN(l->credit, (uint32_t)FRAME_MAX_DATA);
	ssize_t n = read(STDIN_FILENO, l->writer.payload, most);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		l->in_open = false;
		l->tell_end |= (unsigned int)BIT(STDIN_FILENO);
		return false;
	}
	l->credit -= (uint32_t)n;
	frame_begin(&l->writer,
		    (struct frame){.type = FRAME_DATA, .len = (uint32_t)n});
	return true;
}

static uint32_t window(const struct link *l)
{
	unsigned int rows, columns;

	if (!terminal_window(l->terminal.fd, &rows, &columns) &&
	    !terminal_window(STDOUT_FILENO, &rows, &columns))
		return 0;
	return GUEST_WINDOW(rows, columns);
}

/* What waits as bits; false if nothing does. */
static bool send_news(struct link *l)
{
	uint64_t *signals = &l->signals[!l->signals[0]];
	struct frame head = {.type = FRAME_WINDOW};

	if (l->resized) {
		l->resized = false;
		head.value = window(l);
	} else if (l->tell_end) {
		head.type = FRAME_END;
		head.stream = (uint8_t)__builtin_ctz(l->tell_end);
		l->tell_end &= l->tell_end - 1;
	} else if (l->started && *signals) {
		head.type = l->signals[0] ? FRAME_SIGNAL : FRAME_SIGNAL_GROUP;
		head.value = (uint32_t)__builtin_ctzll(*signals);
		*signals &= *signals - 1;
	} else {
		return false;
	}
	frame_begin(&l->writer, head);
	return true;
}

static void transmit(struct link *l, bool has_input)
{
	const char *bytes;
	size_t len;
	ssize_t n;

	for (;;) {
		bytes = frame_rest(&l->writer, &len);
		if (!len && !send_news(l)) {
			bool more = has_input && send_input(l);

			has_input = false;
			if (!more && !l->tell_end)
				return;
		}
		if (!len)
			continue;
		n = send(l->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			/* That it has ended is seen by reading. */
			if (errno != EAGAIN && errno != EINTR)
				l->writer.done = l->writer.len;
			return;
		}
		l->writer.done += (size_t)n;
	}
}

/* Signals */

static bool is_last(struct link *l)
{
	uint64_t now = timing_now_ns();

	if (l->end_ns)
		return now - l->end_ns >= ONE_SIGNAL_NS;
	l->end_ns = now;
	return false;
}

/* Who stops us may use our terminal meanwhile. */
static void stop(struct link *l)
{
	terminal_restore(&l->terminal);
	raise(SIGSTOP);
	if (l->started)
		terminal_make_raw(&l->terminal);
}

static void take_signal(struct link *l)
{
	struct signalfd_siginfo info;
	bool tells_to_end;
	int sig;

	if (read(l->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	sig = (int)info.ssi_signo;
	tells_to_end = sig == SIGHUP || sig == SIGINT || sig == SIGQUIT ||
		       sig == SIGTERM;
	if (sig == SIGTSTP) {
		stop(l);
		return;
	}
	if (sig == SIGWINCH || sig == SIGCONT)
		l->resized = l->has_tty;
	if (tells_to_end &&
	    (!l->started || is_last(l) || terminal_is_closed(&l->terminal)))
		finish(l, 128 + sig);
	else if (!(l->has_tty && sig == SIGWINCH))
		l->signals[info.ssi_code == SI_KERNEL] |= BIT(sig);
}

/* What our caller ignores, as nohup(1) does, stays ignored. */
static int hear_signals(void)
{
	struct sigaction action;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(heard_signals); i++) {
		sigaction(heard_signals[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(&set, heard_signals[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void turn(struct link *l)
{
	bool busy, wants_input;
	size_t len;

	frame_rest(&l->writer, &len);
	busy = len;
	wants_input = l->started && l->in_open && l->credit && !busy;
	struct pollfd p[] = {
		{.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN},
		{.fd = l->to_write ? (int)l->reader.head.stream : -1,
		 .events = POLLOUT},
		{.fd = l->signal_fd, .events = POLLIN},
		{.fd = l->to_write && !busy ? -1 : l->fd,
		 .events = (short)((l->to_write ? 0 : POLLIN) |
				   (busy ? POLLOUT : 0))},
	};
	if (poll(p, ARRAY_SIZE(p), -1) < 0)
		return;
	if (p[1].revents)
		write_output(l);
	if (p[2].revents)
		take_signal(l);
	if (p[3].revents & ~POLLOUT && !l->to_write && l->at == l->len)
		receive(l);
	take_bytes(l);
	if (!l->over)
		transmit(l, p[0].revents);
}

int remote_run(int fd, const char *request, size_t len, bool has_tty,
	       struct fail *fail)
{
	struct link *l = calloc(1, sizeof(*l));
	int status;

	if (!l) {
		fail_set(fail, -ENOMEM, "machine: %s", strerror(ENOMEM));
		return OUTCOME_FAILURE;
	}
	l->fd = fd;
	l->has_tty = has_tty;
	l->in_open = true;
	l->fail = fail;
	terminal_init(&l->terminal, has_tty ? STDIN_FILENO : -1);
	l->signal_fd = hear_signals();
	memcpy(l->writer.payload, request, len);
	frame_begin(&l->writer,
		    (struct frame){.type = FRAME_OPEN, .len = (uint32_t)len});
	transmit(l, false);
	while (!l->over)
		turn(l);
	terminal_restore(&l->terminal);
	terminal_destroy(&l->terminal);
	fd_close(&l->signal_fd);
	status = l->status;
	free(l);
	return status;
}
