/*
 * Commands besides the machine's own: the guest's side.
 */
#include "vmm/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/guest/abi.h"
#include "devices/console_port.h"
#include "devices/virtio_console.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/door.h"

static const char *const port_names[GUEST_NUM_PORTS] = GUEST_PORT_NAMES;

/* At the end: of VIRTIO_MAX_BATCH pieces each, twice what can be under way. */
enum { DRAIN_TURNS = 64 };

/* Frames from the guest. These return false for what breaks the rules. */

static bool started(struct client *c)
{
	if (c->started)
		return false;
	c->started = true;
	c->tell_started = true;
	c->in_granted = FRAME_WINDOW_LEN;
	return true;
}

static bool take_output(struct client *c, const struct frame *head,
			const char *payload)
{
	struct client_output *output = client_output(c, head->stream);

	if (head->len > output->credit || c->ended & BIT(head->stream))
		return false;
	output->credit -= head->len;
	if (c->state == CLIENT_LEFT || c->shut & BIT(head->stream))
		output->freed += head->len;
	else if (!fifo_put(&output->fifo, payload, head->len))
		return false;
	return true;
}

/* Its end, or nobody reads it. */
static void take_end(struct client *c, unsigned int stream)
{
	if (stream != STDIN_FILENO) {
		c->ended |= (unsigned int)BIT(stream);
		return;
	}
	c->shut |= (unsigned int)BIT(STDIN_FILENO);
	c->in.len = 0;
}

static bool take_credit(struct client *c, uint32_t more)
{
	if (more > FRAME_WINDOW_LEN - c->in_credit - c->in_granted - c->in.len)
		return false;
	c->in_granted += more;
	return true;
}

static bool take_last(struct client *c, const struct frame *head,
		      const char *payload)
{
	if (c->started != (head->type == FRAME_ENDED))
		return false;
	c->last = *head;
	c->last.session = 0;
	memcpy(c->text, payload, head->len);
	if (c->state == CLIENT_LEFT)
		c->state = CLIENT_FREE;
	else
		c->state = CLIENT_ENDED;
	return true;
}

static bool take_frame(struct client *c, const struct frame *head,
		       const char *payload)
{
	if (c->state != CLIENT_OPEN && c->state != CLIENT_LEFT)
		return false;
	if (head->type == FRAME_STARTED)
		return started(c);
	if (head->type == FRAME_FAILED || head->type == FRAME_ENDED)
		return take_last(c, head, payload);
	if (!c->started)
		return false;
	if (head->type == FRAME_DATA)
		return take_output(c, head, payload);
	if (head->type == FRAME_CREDIT)
		return take_credit(c, head->value);
	take_end(c, head->stream);
	return true;
}

static void become_deaf(struct exchange *x)
{
	x->deaf = true;
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		if (x->client[i].source.fd >= 0)
			exchange_fail(&x->client[i],
				      "guest: its init talks nonsense");
	}
}

static void take_bytes(struct exchange *x, const char *bytes, size_t len)
{
	while (len && !x->deaf) {
		const struct frame *head = &x->reader.head;
		struct client *c;
		bool whole;
		ssize_t n = frame_read(&x->reader, FRAME_BY_GUEST, bytes, len,
				       &whole);

		c = n < 0 ? NULL : &x->client[head->session];
		if (n < 0 ||
		    (whole && !take_frame(c, head, x->reader.payload))) {
			become_deaf(x);
			return;
		}
		if (whole && c->source.fd >= 0)
			exchange_tell(c);
		bytes += n;
		len -= (size_t)n;
	}
}

/* Takes what is there: credit has seen to it that there is room. But a request
 * can have 4 GiB, and others have a turn in between.
 */
static ssize_t output(void *opaque, struct iov_cursor *data)
{
	struct exchange *x = opaque;
	char bytes[4096];
	size_t len = MIN(data->left, sizeof(bytes));

	if (x->deaf)
		return (ssize_t)data->left;
	if (iov_take(data, bytes, len))
		take_bytes(x, bytes, len);
	fd_event_signal(x->wake.fd);
	return (ssize_t)len;
}

/* Frames to the guest. Each returns false if there is none. */

static bool send_request(struct client *c, struct frame *head, char *payload)
{
	if (!c->request_len || c->in.len < c->request_len)
		return false;
	head->type = FRAME_OPEN;
	head->len = c->request_len;
	fifo_take(&c->in, payload, head->len);
	c->state = CLIENT_OPEN;
	for (unsigned int i = STDOUT_FILENO; i < FRAME_STREAMS; i++)
		client_output(c, i)->credit = FRAME_WINDOW_LEN;
	return true;
}

static bool send_signal(struct client *c, struct frame *head)
{
	uint64_t *signals = &c->signals[!c->signals[0]];

	if (c->resized) {
		head->type = FRAME_WINDOW;
		head->value = c->window;
		c->resized = false;
		return true;
	}
	if (!*signals)
		return false;
	head->type = c->signals[0] ? FRAME_SIGNAL : FRAME_SIGNAL_GROUP;
	head->value = (uint32_t)__builtin_ctzll(*signals);
	*signals &= *signals - 1;
	return true;
}

static bool send_input(struct client *c, struct frame *head, char *payload)
{
	unsigned int in = (unsigned int)BIT(STDIN_FILENO);

	if (c->shut & in)
		return false;
	if (c->in.len) {
		head->type = FRAME_DATA;
		head->len =
			(uint32_t)fifo_take(&c->in, payload, FRAME_MAX_DATA);
		return true;
	}
	if (!(c->ended & ~c->told_guest & in))
		return false;
	head->type = FRAME_END;
	c->told_guest |= in;
	return true;
}

static bool send_about_output(struct client *c, uint8_t stream,
			      struct frame *head)
{
	struct client_output *o = client_output(c, stream);
	unsigned int bit = (unsigned int)BIT(stream);

	head->stream = stream;
	if (c->shut & ~c->told_guest & bit) {
		head->type = FRAME_END;
		c->told_guest |= bit;
		return true;
	}
	if (o->freed < FRAME_GRANT_LEN || c->ended & bit)
		return false;
	head->type = FRAME_CREDIT;
	head->value = o->freed;
	o->credit += o->freed;
	o->freed = 0;
	return true;
}

static bool send_for(struct client *c, struct frame *head, char *payload)
{
	if (c->state == CLIENT_ASKING)
		return send_request(c, head, payload);
	if (c->state == CLIENT_LEFT && !c->told_left) {
		c->told_left = true;
		head->type = FRAME_CLOSE;
		return true;
	}
	if (c->state != CLIENT_OPEN)
		return false;
	if (send_signal(c, head) || send_input(c, head, payload) ||
	    send_about_output(c, STDOUT_FILENO, head) ||
	    send_about_output(c, STDERR_FILENO, head))
		return true;
	return false;
}

static bool send_next(struct exchange *x)
{
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		unsigned int session = (x->turn + i) % FRAME_SESSIONS;
		struct frame head = {.session = (uint16_t)session};

		if (!send_for(&x->client[session], &head, x->writer.payload))
			continue;
		frame_begin(&x->writer, head);
		x->turn = session + 1;
		return true;
	}
	return false;
}

static ssize_t input(void *opaque, struct iov_cursor *room)
{
	struct exchange *x = opaque;
	size_t all = room->left, len;

	while (room->left && !x->deaf) {
		const char *bytes = frame_rest(&x->writer, &len);

		if (!len && !send_next(x))
			break;
		len = MIN(len, room->left);
		if (!iov_put(room, bytes, len))
			break;
		x->writer.done += len;
	}
	return all > room->left ? (ssize_t)(all - room->left) : -EAGAIN;
}

static const struct console_port_ops port_ops = {
	.output = output,
	.input = input,
};

/* In output() the port may not be asked for input. */
static void woken(struct loop_source *source, uint32_t events)
{
	struct exchange *x = CONTAINER_OF(source, struct exchange, wake);

	(void)events;
	fd_event_clear(source->fd);
	console_port_resume_input(x->port);
}

static void knocked(struct loop_source *source, uint32_t events)
{
	struct exchange *x = CONTAINER_OF(source, struct exchange, door);
	int fd = door_receive(source->fd);

	(void)events;
	if (fd >= 0) {
		exchange_accept(x, fd);
	} else if (fd != -EAGAIN) {
		loop_del(x->loop, source);
		fd_close(&source->fd);
	}
}

int exchange_init(struct exchange *x, struct virtio_console *console,
		  int door_fd)
{
	int err;

	*x = (struct exchange){
		.loop = console->loop,
		.door = {.fd = door_fd, .ready = knocked},
		.wake = {.fd = -1, .ready = woken},
	};
	x->client = calloc(FRAME_SESSIONS, sizeof(*x->client));
	if (!x->client)
		return -ENOMEM;
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		x->client[i].exchange = x;
		x->client[i].source.fd = -1;
	}
	x->wake.fd = fd_event();
	if (x->wake.fd < 0)
		return x->wake.fd;
	err = loop_add(x->loop, &x->wake, EPOLLIN);
	if (!err)
		err = loop_add(x->loop, &x->door, EPOLLIN);
	return err ? err
		   : virtio_console_add_port(console,
					     port_names[GUEST_PORT_SESSIONS],
					     &port_ops, x, &x->port);
}

void exchange_drain(struct exchange *x)
{
	if (!x->port)
		return;
	for (int i = 0; i < DRAIN_TURNS && console_port_resume_output(x->port);)
		i++;
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++) {
		if (x->client[i].source.fd >= 0)
			exchange_tell(&x->client[i]);
		fd_close(&x->client[i].source.fd);
	}
	fd_close(&x->door.fd);
}

void exchange_destroy(struct exchange *x)
{
	if (!x->client)
		return;
	for (unsigned int i = 0; i < FRAME_SESSIONS; i++)
		fd_close(&x->client[i].source.fd);
	fd_close(&x->door.fd);
	fd_close(&x->wake.fd);
	free(x->client);
	*x = (struct exchange){.door = {.fd = -1}, .wake = {.fd = -1}};
}
