/*
 * A guest whose console is connected to two descriptors of the test.
 */
#include "tests/unit/stream_rig.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "vmm/base/fd.h"

void rig_init(struct stream_rig *r)
{
	ck_assert_int_eq(pipe2(r->feed, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(r->collect, O_CLOEXEC), 0);
	guest_init(&r->guest);
	stream_init(&r->in, STREAM_IN, -1, false);
	stream_init(&r->out, STREAM_OUT, -1, false);
}

void rig_destroy(struct stream_rig *r)
{
	stream_destroy(&r->in);
	stream_destroy(&r->out);
	guest_destroy(&r->guest);
	for (unsigned int i = 0; i < 2; i++) {
		fd_close(&r->feed[i]);
		fd_close(&r->collect[i]);
	}
}

/* Forget that a descriptor could be opened anew. */
static void make_polled(struct stream *s)
{
	fd_close(&s->own_fd);
	s->source.fd = s->fd;
	s->kind = STREAM_POLLED;
}

void rig_connect(struct stream_rig *r, int in_fd, int out_fd, bool polled)
{
	struct console_guest *g = &r->guest;

	stream_init(&r->in, STREAM_IN, in_fd, false);
	stream_init(&r->out, STREAM_OUT, out_fd, true);
	if (polled) {
		make_polled(&r->in);
		make_polled(&r->out);
	}
	ck_assert_int_eq(stream_attach(&r->in, &g->console, "in"), 0);
	ck_assert_int_eq(stream_attach(&r->out, &g->console, "out"), 0);
	guest_connect(g, RIG_OUT);
	guest_fill(g, guest_rx(RIG_IN), GUEST_RING_SIZE);
	ck_assert(guest_send(g, RIG_IN, VIRTIO_CONSOLE_PORT_READY, 1));
	guest_hear_all(g);
	ck_assert(guest_send(g, RIG_IN, VIRTIO_CONSOLE_PORT_OPEN, 1));
}

void rig_connect_pipes(struct stream_rig *r)
{
	rig_connect(r, r->feed[0], fd_take(&r->collect[1]), false);
}

bool rig_hears_close(struct stream_rig *r, uint32_t id)
{
	struct guest_message msg;

	return guest_hear(&r->guest, &msg) && msg.control.id == id &&
	       msg.control.event == VIRTIO_CONSOLE_PORT_OPEN &&
	       !msg.control.value;
}

bool rig_sleeps(const struct stream_rig *r)
{
	struct pollfd p = {.fd = r->guest.loop.epoll_fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

const char *rig_reads(struct stream_rig *r)
{
	static char buf[GUEST_BUF_LEN + 1];
	size_t n;

	guest_run(&r->guest);
	n = guest_read(&r->guest, RIG_IN, buf, GUEST_BUF_LEN);
	buf[n] = 0;
	return buf;
}

const char *rig_collected(int fd)
{
	static char buf[256];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = 0;

	if (poll(&p, 1, 0) > 0)
		n = read(fd, buf, sizeof(buf) - 1);
	ck_assert_int_ge(n, 0);
	buf[n] = 0;
	return buf;
}

bool rig_at_end(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&p, 1, 0) > 0 && read(fd, &c, 1) == 0;
}
