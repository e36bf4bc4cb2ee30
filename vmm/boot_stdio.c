/*
 * Standard input of the monitor as the keyboard of a serial console.
 *
 * Theory of operation: a small buffer sits between the descriptor and the
 * port's FIFO. While the port cannot take all of it, nobody waits for the
 * descriptor, but for the port's room event (muting would not do: epoll reports
 * a hang-up in any case).
 */
#include "vmm/boot_stdio.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "devices/serial.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* Offer what is buffered; true if the port took all of it. */
static bool flush(struct boot_stdio *io)
{
	size_t taken = serial_receive(io->serial, io->text, io->text_len);

	io->text_len -= taken;
	memmove(io->text, io->text + taken, io->text_len);
	return io->text_len == 0;
}

/* Read once; false at the end of the input. */
static bool fill(struct boot_stdio *io)
{
	ssize_t n = read(io->input.fd, io->text, sizeof(io->text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	io->text_len = n;
	return n > 0;
}

static void input_ready(struct loop_source *source, uint32_t events)
{
	struct boot_stdio *io = CONTAINER_OF(source, struct boot_stdio, input);

	(void)events;
	if (!fill(io) || !flush(io))
		loop_del(io->loop, source);
}

static void room_ready(struct loop_source *source, uint32_t events)
{
	struct boot_stdio *io = CONTAINER_OF(source, struct boot_stdio, room);

	(void)events;
	fd_event_clear(source->fd);
	if (!io->text_len || !flush(io))
		return;
	if (io->waits) {
		loop_add(io->loop, &io->input, EPOLLIN);
		return;
	}
	while (fill(io) && flush(io))
		;
}

int boot_stdio_init(struct boot_stdio *io, struct loop *loop,
		    struct serial *serial, int fd)
{
	int err;

	*io = (struct boot_stdio){
		.loop = loop,
		.serial = serial,
		.input = {.fd = fd, .ready = input_ready},
		.room = {.fd = serial->room_fd, .ready = room_ready},
	};
	err = loop_add(loop, &io->room, EPOLLIN);
	if (err)
		return err;
	err = loop_add(loop, &io->input, EPOLLIN);
	io->waits = err == 0;
	if (err != -EPERM)
		return err == -EBADF ? 0 : err;
	while (fill(io) && flush(io))
		;
	return 0;
}
