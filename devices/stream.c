/*
 * A descriptor of the host behind a port of the console.
 */
#include "devices/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/console_port.h"
#include "devices/virtio_console.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* A guest's buffer is one segment or a few. */
enum { STREAM_IOV_CNT = 16 };

static const short poll_events[] = {
	[STREAM_IN] = POLLIN,
	[STREAM_OUT] = POLLOUT,
};

static const uint32_t loop_events[] = {
	[STREAM_IN] = EPOLLIN | EPOLLONESHOT,
	[STREAM_OUT] = EPOLLOUT | EPOLLONESHOT,
};

/* No more input or output: let go of the descriptor.
 *
 * #syscalls(loop): close
 */
static void end(struct stream *s, int err)
{
	if (s->kind == STREAM_CLOSED)
		return;
	if (s->watched)
		loop_del(s->loop, &s->source);
	s->watched = false;
	fd_close(&s->own_fd);
	if (s->owned)
		fd_close(&s->fd);
	s->kind = STREAM_CLOSED;
	s->err = err;
}

/* Is the descriptor ready now, or within @timeout? Errors are: to be found out
 * by reading or writing.
 */
static bool is_ready(const struct stream *s, int timeout)
{
	struct pollfd p = {
		.fd = s->source.fd,
		.events = poll_events[s->dir],
	};

	return poll(&p, 1, timeout) > 0;
}

/* One system call's worth of bytes in the stream's direction. Returns how many,
 * 0 for the end of file, or a negative errno: -EAGAIN for not now.
 *
 * A socket takes neither addresses nor descriptors: the filter sees to it.
 *
 * #syscalls(loop): poll readv writev recvfrom(0) sendto(0)
 */
static ssize_t transfer(const struct stream *s, const struct iov_cursor *bytes)
{
	size_t most = s->kind == STREAM_POLLED ? PIPE_BUF : SSIZE_MAX;
	struct iovec iov[STREAM_IOV_CNT];
	int cnt = (int)iov_list(bytes, iov, STREAM_IOV_CNT, most);
	int fd = s->source.fd;
	ssize_t n;

	if (s->kind == STREAM_CLOSED)
		return -EBADF;
	if (s->kind == STREAM_POLLED && !is_ready(s, 0))
		return -EAGAIN;
	do {
		if (s->kind == STREAM_SOCKET)
			n = s->dir == STREAM_IN
				    ? recv(fd, iov->iov_base, iov->iov_len,
					   MSG_DONTWAIT)
				    : send(fd, iov->iov_base, iov->iov_len,
					   MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = s->dir == STREAM_IN ? readv(fd, iov, cnt)
						: writev(fd, iov, cnt);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The same for what goes out, as far as it may. */
static ssize_t give_out(struct stream *s, const struct iov_cursor *data)
{
	struct stream_limit *limit = s->limit;
	struct iov_cursor part = *data;
	ssize_t n;

	if (!limit)
		return transfer(s, data);
	if (!limit->left) {
		if (limit->reached(limit->opaque))
			return -EDQUOT;
		return (ssize_t)data->left;
	}
	iov_cut(&part, MIN(part.left, limit->left));
	n = transfer(s, &part);
	if (n > 0)
		limit->left -= (uint64_t)n;
	return n;
}

/* Have the loop call us when the descriptor is ready. */
static int wait_on_loop(struct stream *s)
{
	int err;

	if (s->watched) {
		loop_mod(s->loop, &s->source, loop_events[s->dir]);
		return 0;
	}
	err = loop_add(s->loop, &s->source, loop_events[s->dir]);
	s->watched = !err;
	return err;
}

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct stream *s = CONTAINER_OF(source, struct stream, source);

	(void)events;
	if (s->dir == STREAM_IN)
		console_port_resume_input(s->port);
	else
		console_port_resume_output(s->port);
}

static ssize_t stream_input(void *opaque, struct iov_cursor *room)
{
	struct stream *s = opaque;
	ssize_t n;

	if (s->held)
		return -EAGAIN;
	n = transfer(s, room);
	if (n == -EAGAIN) {
		n = wait_on_loop(s);
		if (!n)
			return -EAGAIN;
	}
	if (n <= 0)
		end(s, (int)n);
	return n;
}

/* What is not now, is later: on the loop, or here if the loop has ended. */
static ssize_t not_now(struct stream *s)
{
	if (!s->draining)
		return wait_on_loop(s);
	if (is_ready(s, s->patience_ms))
		return 0;
	return s->patience_ms < 0 ? -EINTR : -ETIMEDOUT;
}

static ssize_t stream_output(void *opaque, struct iov_cursor *data)
{
	struct stream *s = opaque;
	ssize_t n;

	do {
		n = give_out(s, data);
		if (n > 0)
			return n;
		if (n == -EAGAIN)
			n = not_now(s);
	} while (!n && s->draining);
	if (n < 0)
		end(s, (int)n);
	return n;
}

/* After the last byte: let whoever reads the other end see it. */
static void stream_opened(void *opaque, bool open)
{
	struct stream *s = opaque;

	if (open || !s->owned)
		return;
	end(s, 0);
	console_port_close(s->port);
}

static const struct console_port_ops stream_ops[] = {
	[STREAM_IN] = {.input = stream_input},
	[STREAM_OUT] = {.output = stream_output, .opened = stream_opened},
};

/* Open the file behind a descriptor anew, with flags of our own. */
static int reopen(int fd, enum stream_dir dir)
{
	int mode = dir == STREAM_IN ? O_RDONLY : O_WRONLY;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void stream_init(struct stream *s, enum stream_dir dir, int fd, bool owned)
{
	struct stat st;

	*s = (struct stream){
		.source = {.fd = fd, .ready = on_ready},
		.dir = dir,
		.kind = STREAM_CLOSED,
		.fd = fd,
		.own_fd = -1,
		.owned = owned,
	};
	if (fstat(fd, &st) < 0)
		return;
	s->kind = STREAM_POLLED;
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		s->kind = STREAM_READY;
	else if (S_ISSOCK(st.st_mode))
		s->kind = STREAM_SOCKET;
	else if (S_ISFIFO(st.st_mode) || isatty(fd))
		s->own_fd = reopen(fd, dir);
	if (s->own_fd >= 0) {
		s->kind = STREAM_NONBLOCK;
		s->source.fd = s->own_fd;
	}
}

int stream_attach(struct stream *s, struct virtio_console *console,
		  const char *name)
{
	int err = virtio_console_add_port(console, name, &stream_ops[s->dir], s,
					  &s->port);

	s->loop = console->loop;
	return err;
}

void stream_limit(struct stream *s, struct stream_limit *limit)
{
	s->limit = limit;
}

void stream_hold(struct stream *s)
{
	s->held = true;
}

void stream_release(struct stream *s)
{
	s->held = false;
	console_port_resume_input(s->port);
}

int stream_drain(struct stream *s, int patience_ms)
{
	s->draining = true;
	s->patience_ms = patience_ms;
	if (s->dir == STREAM_OUT) {
		while (console_port_resume_output(s->port))
			;
	}
	s->draining = false;
	return s->err;
}

void stream_destroy(struct stream *s)
{
	end(s, 0);
}
