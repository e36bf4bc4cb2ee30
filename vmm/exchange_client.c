/*
 * Commands besides the machine's own: the clients' side.
 */
#include "vmm/exchange_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/console_port.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum { FAILED_STATUS = 125 };

void exchange_drop(struct client *c)
{
	struct exchange *x = c->exchange;

	if (c->source.fd >= 0) {
		loop_del(x->loop, &c->source);
		fd_close(&c->source.fd);
	}
	if (c->state != CLIENT_OPEN) {
		c->state = CLIENT_FREE;
		return;
	}
	c->state = CLIENT_LEFT;
	fd_event_signal(x->wake.fd);
}

/* Frames for the client. Each returns false if there is none. */

static bool tell_output(struct client *c, uint8_t stream, struct frame *head)
{
	struct client_output *o = client_output(c, stream);
	unsigned int bit = (unsigned int)BIT(stream);

	if (c->shut & bit)
		return false;
	head->stream = stream;
	if (o->fifo.len) {
		head->type = FRAME_DATA;
		head->len = (uint32_t)fifo_take(&o->fifo, c->writer.payload,
						FRAME_MAX_DATA);
		o->freed += head->len;
		return true;
	}
	if (!(c->ended & ~c->told_client & bit))
		return false;
	head->type = FRAME_END;
	c->told_client |= bit;
	return true;
}

static bool tell_about_input(struct client *c, struct frame *head)
{
	unsigned int in = (unsigned int)BIT(STDIN_FILENO);

	head->stream = STDIN_FILENO;
	if (c->shut & ~c->told_client & in) {
		head->type = FRAME_END;
		c->told_client |= in;
		return true;
	}
	if (!c->in_granted)
		return false;
	head->type = FRAME_CREDIT;
	head->value = c->in_granted;
	c->in_credit += c->in_granted;
	c->in_granted = 0;
	return true;
}

static bool tell_last(struct client *c, struct frame *head)
{
	if (!c->last.type)
		return false;
	*head = c->last;
	memcpy(c->writer.payload, c->text, head->len);
	c->last.type = 0;
	return true;
}

static bool tell_next(struct client *c)
{
	struct frame head = {.type = FRAME_STARTED};
	bool is_open = c->state == CLIENT_OPEN || c->state == CLIENT_ENDED;

	if (!is_open)
		return false;
	if (c->tell_started)
		c->tell_started = false;
	else if (!tell_about_input(c, &head) &&
		 !tell_output(c, STDERR_FILENO, &head) &&
		 !tell_output(c, STDOUT_FILENO, &head) && !tell_last(c, &head))
		return false;
	frame_begin(&c->writer, head);
	return true;
}

static void set_blocked(struct client *c, bool blocked)
{
	if (c->blocked != blocked)
		loop_mod(c->exchange->loop, &c->source,
			 blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	c->blocked = blocked;
}

void exchange_tell(struct client *c)
{
	const char *bytes;
	size_t len;
	ssize_t n;

	for (;;) {
		bytes = frame_rest(&c->writer, &len);
		if (!len && !tell_next(c))
			break;
		if (!len)
			continue;
		n = send(c->source.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			set_blocked(c, true);
			return;
		}
		if (n < 0) {
			exchange_drop(c);
			return;
		}
		c->writer.done += (size_t)n;
	}
	if (c->state == CLIENT_ENDED)
		exchange_drop(c);
	else
		set_blocked(c, false);
}

void exchange_fail(struct client *c, const char *text)
{
	c->state = CLIENT_ENDED;
	c->tell_started = false;
	c->last = (struct frame){
		.type = FRAME_FAILED,
		.len = (uint32_t)strlen(text),
		.value = FAILED_STATUS,
	};
	memcpy(c->text, text, c->last.len);
	exchange_tell(c);
}

/* Frames from the client. These return false for what breaks the rules. */

static bool take_request(struct client *c)
{
	if (c->state != CLIENT_ASKING || c->request_len)
		return false;
	c->request_len = c->reader.head.len;
	return fifo_put(&c->in, c->reader.payload, c->request_len);
}

static bool take_input(struct client *c)
{
	uint32_t len = c->reader.head.len;

	if (len > c->in_credit || c->ended & BIT(STDIN_FILENO))
		return false;
	c->in_credit -= len;
	return c->shut & BIT(STDIN_FILENO) ||
	       fifo_put(&c->in, c->reader.payload, len);
}

/* The end of its input; or nobody reads the output. */
static void take_end(struct client *c, unsigned int stream)
{
	struct client_output *o;

	if (stream == STDIN_FILENO) {
		c->ended |= (unsigned int)BIT(STDIN_FILENO);
		return;
	}
	c->shut |= (unsigned int)BIT(stream);
	o = client_output(c, stream);
	o->freed += (uint32_t)o->fifo.len;
	o->fifo.len = 0;
}

static bool take_frame(struct client *c)
{
	const struct frame *head = &c->reader.head;

	if (head->session)
		return false;
	switch (head->type) {
	case FRAME_OPEN:
		return take_request(c);
	case FRAME_DATA:
		return take_input(c);
	case FRAME_END:
		take_end(c, head->stream);
		return true;
	case FRAME_SIGNAL:
	case FRAME_SIGNAL_GROUP:
		c->signals[head->type == FRAME_SIGNAL_GROUP] |=
			BIT(head->value);
		return true;
	case FRAME_WINDOW:
		c->window = head->value;
		c->resized = true;
		return true;
	default:
		return false;
	}
}

static bool take_bytes(struct client *c, const char *bytes, size_t len)
{
	while (len) {
		bool whole;
		ssize_t n = frame_read(&c->reader, FRAME_BY_HOST, bytes, len,
				       &whole);

		if (n < 0 || (whole && !take_frame(c)))
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* One call's worth, for the others' sake.
 *
 * #syscalls(loop): recvfrom(0)
 */
static void client_ready(struct loop_source *source, uint32_t events)
{
	struct client *c = CONTAINER_OF(source, struct client, source);
	char bytes[4096];
	ssize_t n;

	if (events & ~(uint32_t)EPOLLOUT) {
		n = recv(source->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || !take_bytes(c, bytes, (size_t)n)) {
			exchange_drop(c);
			return;
		}
	}
	exchange_tell(c);
	console_port_resume_input(c->exchange->port);
}

/* As it was in the beginning. */
static void empty(struct client *c, int fd)
{
	struct exchange *x = c->exchange;

	/* Not what is large: memory that was never used costs nothing. */
	memset(c, 0, offsetof(struct client, reader));
	c->reader.have = 0;
	c->writer.done = 0;
	c->writer.len = 0;
	c->in.len = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(c->output); i++) {
		c->output[i].fifo.len = 0;
		c->output[i].freed = 0;
	}
	c->exchange = x;
	c->source = (struct loop_source){.fd = fd, .ready = client_ready};
	c->state = CLIENT_ASKING;
}

/* Nobody waits for one that does not read. */
static void refuse(int fd, const char *text)
{
	struct {
		struct frame head;
		char text[FRAME_MAX_TEXT];
	} frame = {
		.head = {.type = FRAME_FAILED,
			 .len = (uint32_t)strlen(text),
			 .value = FAILED_STATUS},
	};

	memcpy(frame.text, text, frame.head.len);
	send(fd, &frame, sizeof(frame.head) + frame.head.len,
	     MSG_DONTWAIT | MSG_NOSIGNAL);
	fd_close(&fd);
}

void exchange_accept(struct exchange *x, int fd)
{
	unsigned int i = 0;

	while (i < FRAME_SESSIONS && x->client[i].state != CLIENT_FREE)
		i++;
	if (i == FRAME_SESSIONS || x->deaf) {
		refuse(fd, x->deaf ? "guest: its init talks nonsense"
				   : "machine: runs as many commands as it "
				     "can; wait for one to end");
		return;
	}
	empty(&x->client[i], fd);
	if (loop_add(x->loop, &x->client[i].source, EPOLLIN))
		exchange_drop(&x->client[i]);
}
