/*
 * Fuzz target: what guest and clients say to the exchange is whatever the input
 * says.
 *
 * Build: clang -fsanitize=fuzzer,address,undefined
 *
 * The input is a list of steps: who says something, or listens, how much, and
 * the bytes. What is held for each session must stay within its window, and
 * what the guest is told must be frames.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/console_port.h"
#include "devices/virtio_console.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/exchange.h"

enum { CLIENTS = 4, RAM_LEN = 0x4000 };

/** struct rig - An exchange, the clients' ends, and what the guest was told */
struct rig {
	struct loop loop;
	struct guestmem mem;
	struct virtio_console console;
	struct exchange exchange;
	int fd[CLIENTS];
	struct frame_reader told;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void start(struct rig *r)
{
	int fd[2];

	memset(&r->told.have, 0, sizeof(r->told.have));
	if (!r->mem.region_cnt && guestmem_init(&r->mem, RAM_LEN) < 0)
		__builtin_trap();
	if (loop_init(&r->loop) ||
	    virtio_console_init(&r->console, &r->mem, &r->loop) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) ||
	    exchange_init(&r->exchange, &r->console, fd[0]))
		__builtin_trap();
	fd_close(&fd[1]);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
			__builtin_trap();
		r->fd[i] = fd[0];
		exchange_accept(&r->exchange, fd[1]);
	}
}

static void end(struct rig *r)
{
	for (unsigned int i = 0; i < CLIENTS; i++)
		fd_close(&r->fd[i]);
	exchange_destroy(&r->exchange);
	virtio_console_destroy(&r->console);
	loop_destroy(&r->loop);
}

static void guest_says(struct rig *r, const uint8_t *data, size_t len)
{
	struct console_port *port = r->exchange.port;
	char copy[256];
	struct iovec iov = {copy, len};
	struct iov_cursor bytes;

	memcpy(copy, data, len);
	iov_init(&bytes, &iov, 1);
	assert(port->ops->output(port->opaque, &bytes) == (ssize_t)len);
}

/* Whole frames, and only such as a host may send. */
static void guest_listens(struct rig *r, size_t len)
{
	struct console_port *port = r->exchange.port;
	char room[256];
	struct iovec iov = {room, len};
	struct iov_cursor to;
	ssize_t n, at, taken;
	bool whole;

	iov_init(&to, &iov, 1);
	n = port->ops->input(port->opaque, &to);
	assert(n == -EAGAIN || (n > 0 && n <= (ssize_t)len));
	for (at = 0; at < n; at += taken) {
		taken = frame_read(&r->told, FRAME_BY_HOST, room + at,
				   (size_t)(n - at), &whole);
		assert(taken > 0);
	}
}

static void client_says(struct rig *r, unsigned int i, const uint8_t *data,
			size_t len)
{
	struct client *c = &r->exchange.client[i];

	if (c->source.fd < 0)
		return;
	if (len)
		send(r->fd[i], data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		fd_close(&r->fd[i]);
	c->source.ready(&c->source, EPOLLIN);
}

static void check(const struct exchange *x)
{
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		const struct client *c = &x->client[i];

		assert(c->in.len <= FRAME_WINDOW_LEN);
		assert(c->in_credit + c->in_granted <= FRAME_WINDOW_LEN);
		for (unsigned int k = 0; k < ARRAY_SIZE(c->output); k++)
			assert(c->output[k].fifo.len + c->output[k].credit +
				       c->output[k].freed <=
			       FRAME_WINDOW_LEN);
	}
}

/* A step: who (a client, the guest speaks, the guest listens), how much. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct rig rig;

	start(&rig);
	while (len >= 2) {
		unsigned int who = data[0] % (CLIENTS + 2);
		size_t n = MIN((size_t)data[1], len - 2);

		data += 2;
		len -= 2;
		if (who < CLIENTS)
			client_says(&rig, who, data, n);
		else if (who == CLIENTS && n)
			guest_says(&rig, data, n);
		else
			guest_listens(&rig, n + 1);
		if (who <= CLIENTS) {
			data += n;
			len -= n;
		}
		check(&rig.exchange);
	}
	end(&rig);
	return 0;
}
