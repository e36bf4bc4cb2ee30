/*
 * One direction of a byte stream: from a port to a pipe, or back.
 */
#include "boot/guest/relay.h"

#include <errno.h>
#include <unistd.h>

void relay_init(struct relay *relay, int source_fd, int sink_fd)
{
	relay->source_fd = source_fd;
	relay->sink_fd = sink_fd;
	relay->off = 0;
	relay->len = 0;
}

void relay_close(struct relay *relay)
{
	if (relay->source_fd >= 0)
		close(relay->source_fd);
	if (relay->sink_fd >= 0)
		close(relay->sink_fd);
	relay_init(relay, -1, -1);
}

void relay_wait_for(const struct relay *relay,
		    struct pollfd poll_fds[RELAY_NUM_ENDS])
{
	/* POLLHUP cannot be masked: a full buffer must not poll its source. */
	poll_fds[RELAY_SOURCE] = (struct pollfd){
		.fd = relay->len ? -1 : relay->source_fd,
		.events = POLLIN,
	};
	poll_fds[RELAY_SINK] = (struct pollfd){
		.fd = relay->sink_fd,
		.events = relay->len ? POLLOUT : 0,
	};
}

/* ENOMEM: the port found no memory for its copy; it may next time. */
static bool is_transient(int err)
{
	return err == EAGAIN || err == EINTR || err == ENOMEM;
}

static void fill(struct relay *relay)
{
	ssize_t n = read(relay->source_fd, relay->buf, sizeof(relay->buf));

	if (n > 0) {
		relay->off = 0;
		relay->len = (size_t)n;
	} else if (n == 0 || !is_transient(errno)) {
		relay_close(relay);
	}
}

static void flush(struct relay *relay)
{
	ssize_t n;

	while (relay->len) {
		n = write(relay->sink_fd, relay->buf + relay->off, relay->len);
		if (n < 0 && !is_transient(errno))
			relay_close(relay);
		if (n <= 0)
			return;
		relay->off += (size_t)n;
		relay->len -= (size_t)n;
	}
}

void relay_move(struct relay *relay,
		const struct pollfd poll_fds[RELAY_NUM_ENDS])
{
	if (poll_fds[RELAY_SINK].revents & (POLLERR | POLLHUP | POLLNVAL)) {
		relay_close(relay);
		return;
	}
	if (!relay->len && poll_fds[RELAY_SOURCE].revents)
		fill(relay);
	flush(relay);
}

bool relay_is_drained(const struct relay *relay)
{
	struct pollfd source = {.fd = relay->source_fd, .events = POLLIN};

	if (relay->source_fd < 0)
		return true;
	/* What is on its way through a terminal poll() sees, FIONREAD not. */
	return !relay->len && poll(&source, 1, 0) >= 0 &&
	       !(source.revents & POLLIN);
}
