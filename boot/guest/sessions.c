/*
 * Commands besides the machine's own: sessions, which share a port.
 */
#include "boot/guest/sessions.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/guest/clock.h"
#include "boot/guest/plan.h"
#include "boot/guest/pty.h"
#include "boot/guest/report.h"
#include "boot/guest/request.h"

/* What SIGHUP's receiver gets for its last words. */
enum { HANG_UP_MS = 2000 };

struct sessions *sessions_new(int port_fd, const struct plan *plan)
{
	struct sessions *ss = calloc(1, sizeof(*ss));

	if (ss) {
		ss->port_fd = port_fd;
		ss->plan = plan;
	}
	return ss;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Our end of a stream. One side of a terminal cannot end alone: nothing more to
 * type, that is a key; nobody who looks, then its user has gone.
 */
static void close_stream(struct session *s, unsigned int stream)
{
	int *fd = s->command.stream_fd;

	if (s->command.terminal_fd >= 0 && stream == STDIN_FILENO &&
	    s->status < 0 && fd[STDIN_FILENO] >= 0)
		pty_end_input(fd[STDIN_FILENO]);
	if (s->command.terminal_fd >= 0 && stream == STDOUT_FILENO)
		close_fd(&fd[STDIN_FILENO]);
	close_fd(&fd[stream]);
	s->readable &= ~(unsigned int)BIT(stream);
}

/* The other side ended, or failed: the client is told. */
static void stream_ended(struct session *s, unsigned int stream)
{
	close_stream(s, stream);
	s->end |= BIT(stream);
	if (stream == STDIN_FILENO)
		s->in.len = 0;
}

static void close_streams(struct session *s)
{
	unsigned int i;

	for (i = 0; i < FRAME_STREAMS; i++)
		close_fd(&s->command.stream_fd[i]);
	close_fd(&s->command.terminal_fd);
}

/* Frames from the monitor */

static void open_session(struct sessions *ss, struct session *s)
{
	const struct frame *head = &ss->reader.head;
	struct plan plan = {0};
	int err;

	memset(s, 0, sizeof(*s));
	s->used = true;
	s->status = -1;
	memset(s->command.stream_fd, -1, sizeof(s->command.stream_fd));
	s->command.terminal_fd = -1;
	s->credit[STDOUT_FILENO] = FRAME_WINDOW_LEN;
	s->credit[STDERR_FILENO] = FRAME_WINDOW_LEN;
	if (ss->ending)
		err = report_fail(&s->why, -ESHUTDOWN, "machine: is ending");
	else
		err = request_parse(&plan, ss->plan, ss->reader.payload,
				    head->len, &s->why);
	if (!err)
		err = command_start(&s->command, &plan, &s->why);
	plan_destroy(&plan);
	s->started = !err;
	s->tell = BIT(err ? FRAME_FAILED : FRAME_STARTED);
}

/* More than was promised room for is not the monitor's way. */
static void take_data(struct session *s, const char *bytes, uint32_t len)
{
	if (s->command.stream_fd[STDIN_FILENO] >= 0 && !s->in_ended)
		fifo_put(&s->in, bytes, len);
}

static void take_end(struct session *s, unsigned int stream)
{
	if (stream == STDIN_FILENO)
		s->in_ended = true;
	else
		close_stream(s, stream);
}

static void take_credit(struct session *s, unsigned int stream, uint32_t more)
{
	s->credit[stream] =
		MIN(s->credit[stream] + more, (uint32_t)FRAME_WINDOW_LEN);
}

/* Once it has been reaped, its number may be somebody else's. */
static void send_signal(const struct session *s, pid_t target, int sig)
{
	if (s->status < 0)
		kill(target, sig);
}

/* Who does not end by that is killed later. */
static void hang_up(struct session *s)
{
	close_streams(s);
	s->closed = true;
	s->kill_ms = clock_ms() + HANG_UP_MS;
	send_signal(s, -s->command.pid, SIGHUP);
	send_signal(s, -s->command.pid, SIGCONT);
}

/* What is about a command that has ended was sent before it was known. */
static void take_frame(struct sessions *ss)
{
	const struct frame *head = &ss->reader.head;
	struct session *s = &ss->session[head->session];

	if (head->type == FRAME_OPEN && !s->used)
		open_session(ss, s);
	if (!s->used || !s->started || s->closed)
		return;
	switch (head->type) {
	case FRAME_DATA:
		take_data(s, ss->reader.payload, head->len);
		break;
	case FRAME_END:
		take_end(s, head->stream);
		break;
	case FRAME_CREDIT:
		take_credit(s, head->stream, head->value);
		break;
	case FRAME_SIGNAL:
		send_signal(s, s->command.pid, (int)head->value);
		break;
	case FRAME_SIGNAL_GROUP:
		send_signal(s, -s->command.pid, (int)head->value);
		break;
	case FRAME_WINDOW:
		if (s->command.terminal_fd >= 0)
			pty_resize(s->command.terminal_fd, head->value);
		break;
	case FRAME_CLOSE:
		hang_up(s);
		break;
	default:
		break;
	}
}

static void read_port(struct sessions *ss)
{
	char bytes[4096];
	ssize_t at, n, taken;
	bool whole;

	while ((n = read(ss->port_fd, bytes, sizeof(bytes))) > 0) {
		for (at = 0; at < n; at += taken) {
			taken = frame_read(&ss->reader, FRAME_BY_HOST,
					   bytes + at, (size_t)(n - at),
					   &whole);
			if (taken < 0) {
				ss->port_fd = -1;
				return;
			}
			if (whole)
				take_frame(ss);
		}
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		ss->port_fd = -1;
}

/* Frames to the monitor */

static bool send_frame(struct sessions *ss, const struct session *s,
		       struct frame head)
{
	head.session = (uint16_t)(s - ss->session);
	frame_begin(&ss->writer, head);
	return true;
}

static bool send_news(struct sessions *ss, struct session *s)
{
	struct frame head = {.type = FRAME_STARTED};

	if (s->tell & BIT(FRAME_STARTED)) {
		s->tell = 0;
	} else if (s->end) {
		head.type = FRAME_END;
		head.stream = (uint8_t)__builtin_ctz(s->end);
		s->end &= s->end - 1;
	} else if (s->written >= FRAME_GRANT_LEN ||
		   (s->written && !s->in.len)) {
		head.type = FRAME_CREDIT;
		head.value = s->written;
		s->written = 0;
	} else {
		return false;
	}
	return send_frame(ss, s, head);
}

/* The command's output: true if a frame was made of it. */
static bool send_output(struct sessions *ss, struct session *s, uint8_t stream)
{
	size_t len = MIN(s->credit[stream], (uint32_t)FRAME_MAX_DATA);
	ssize_t n;

	if (!(s->readable & BIT(stream)) || !len)
		return false;
	n = read(s->command.stream_fd[stream], ss->writer.payload, len);
	if (n > 0) {
		s->credit[stream] -= (uint32_t)n;
		return send_frame(ss, s,
				  (struct frame){.type = FRAME_DATA,
						 .stream = stream,
						 .len = (uint32_t)n});
	}
	s->readable &= ~(unsigned int)BIT(stream);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		stream_ended(s, stream);
	return send_news(ss, s);
}

/* What is on its way through a terminal poll() sees, read() not always. */
static bool is_empty(int fd)
{
	struct pollfd source = {.fd = fd, .events = POLLIN};

	return poll(&source, 1, 0) >= 0 && !(source.revents & POLLIN);
}

/* After the command's end: was all read that it wrote? */
static bool is_drained(const struct sessions *ss, struct session *s)
{
	unsigned int i;

	for (i = STDOUT_FILENO; i < FRAME_STREAMS; i++) {
		int fd = s->command.stream_fd[i];

		if (fd < 0 || is_empty(fd))
			continue;
		if (!s->credit[i] && ss->finishing)
			continue;
		s->readable |= BIT(i);
		return false;
	}
	return true;
}

/* The last frame of a session frees it. */
static bool send_end(struct sessions *ss, struct session *s)
{
	struct frame head = {.type = FRAME_ENDED};

	if (!s->started) {
		head.type = FRAME_FAILED;
		head.value = s->why.value;
		head.len = (uint32_t)strnlen(s->why.text, FRAME_MAX_TEXT);
		memcpy(ss->writer.payload, s->why.text, head.len);
	} else if (s->status >= 0 && is_drained(ss, s)) {
		head.value = (uint32_t)s->status;
	} else {
		return false;
	}
	close_streams(s);
	s->used = false;
	return send_frame(ss, s, head);
}

static bool send_next(struct sessions *ss)
{
	unsigned int i;

	for (i = 0; i < FRAME_SESSIONS; i++) {
		unsigned int number = (ss->turn + i) % FRAME_SESSIONS;
		struct session *s = &ss->session[number];

		if (s->used &&
		    (send_news(ss, s) || send_output(ss, s, STDERR_FILENO) ||
		     send_output(ss, s, STDOUT_FILENO) || send_end(ss, s))) {
			ss->turn = number + 1;
			return true;
		}
	}
	return false;
}

/* A port takes a frame whole or, with a full queue, not: then it says 0. */
static void write_port(struct sessions *ss)
{
	const char *bytes;
	size_t len;
	ssize_t n;

	for (;;) {
		bytes = frame_rest(&ss->writer, &len);
		if (!len && !send_next(ss))
			return;
		if (!len)
			continue;
		n = write(ss->port_fd, bytes, len);
		if (n <= 0)
			return;
		ss->writer.done += (size_t)n;
	}
}

/* The commands' standard input */

static void write_input(struct session *s)
{
	int *fd = &s->command.stream_fd[STDIN_FILENO];
	const char *bytes;
	size_t len;
	ssize_t n;

	while (*fd >= 0 && s->in.len) {
		bytes = fifo_peek(&s->in, &len);
		n = write(*fd, bytes, len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			stream_ended(s, STDIN_FILENO);
		if (n <= 0)
			return;
		fifo_skip(&s->in, (size_t)n);
		s->written += (uint32_t)n;
	}
	if (s->in_ended)
		close_stream(s, STDIN_FILENO);
}

static void move(struct session *s, const struct pollfd *poll_fds)
{
	unsigned int i;

	if (poll_fds[STDIN_FILENO].revents & (POLLERR | POLLHUP))
		stream_ended(s, STDIN_FILENO);
	for (i = STDOUT_FILENO; i < FRAME_STREAMS; i++)
		if (poll_fds[i].revents)
			s->readable |= BIT(i);
	write_input(s);
	if (s->closed && s->status < 0 && clock_ms() >= s->kill_ms) {
		s->kill_ms = INT64_MAX;
		kill(-s->command.pid, SIGKILL);
	}
}

void sessions_move(struct sessions *ss,
		   const struct pollfd poll_fds[SESSIONS_POLL_FDS])
{
	unsigned int i;

	for (i = 0; i < FRAME_SESSIONS; i++)
		if (ss->session[i].used)
			move(&ss->session[i], &poll_fds[1 + i * FRAME_STREAMS]);
	if (ss->port_fd >= 0 && poll_fds[0].revents)
		read_port(ss);
	for (i = 0; i < FRAME_SESSIONS; i++)
		if (ss->session[i].used)
			write_input(&ss->session[i]);
	if (ss->port_fd >= 0)
		write_port(ss);
}

void sessions_wait_for(const struct sessions *ss,
		       struct pollfd poll_fds[SESSIONS_POLL_FDS])
{
	unsigned int i, stream;
	size_t waiting;

	frame_rest(&ss->writer, &waiting);
	poll_fds[0] = (struct pollfd){
		.fd = ss->port_fd,
		.events = waiting ? POLLIN | POLLOUT : POLLIN,
	};
	for (i = 0; i < FRAME_SESSIONS; i++) {
		const struct session *s = &ss->session[i];
		struct pollfd *p = &poll_fds[1 + i * FRAME_STREAMS];

		for (stream = 0; stream < FRAME_STREAMS; stream++)
			p[stream] = (struct pollfd){.fd = -1};
		if (!s->used)
			continue;
		p[0].fd = s->command.stream_fd[0];
		p[0].events = s->in.len ? POLLOUT : 0;
		/* POLLHUP cannot be masked. */
		for (stream = 1; stream < FRAME_STREAMS; stream++) {
			p[stream].events = POLLIN;
			if (s->credit[stream] && !waiting)
				p[stream].fd = s->command.stream_fd[stream];
		}
	}
}

void sessions_reaped(struct sessions *ss, pid_t pid, int status)
{
	unsigned int i;

	for (i = 0; i < FRAME_SESSIONS; i++) {
		struct session *s = &ss->session[i];

		if (!s->used || !s->started || s->status >= 0 ||
		    s->command.pid != pid)
			continue;
		s->status = status;
		close_stream(s, STDIN_FILENO);
		close_fd(&s->command.terminal_fd);
	}
}

int sessions_timeout_ms(const struct sessions *ss)
{
	int64_t first_ms = INT64_MAX;
	unsigned int i;

	for (i = 0; i < FRAME_SESSIONS; i++) {
		const struct session *s = &ss->session[i];

		if (s->used && s->closed && s->status < 0)
			first_ms = MIN(first_ms, s->kill_ms);
	}
	if (first_ms == INT64_MAX)
		return -1;
	first_ms -= clock_ms();
	return first_ms > 0 ? (int)first_ms : 0;
}

void sessions_refuse(struct sessions *ss)
{
	ss->ending = true;
}

bool sessions_finish(struct sessions *ss)
{
	size_t waiting;

	ss->finishing = true;
	if (ss->port_fd < 0)
		return true;
	write_port(ss);
	frame_rest(&ss->writer, &waiting);
	return !waiting;
}
