/*
 * A descriptor of the host behind a port of the console: what the guest writes
 * goes to it, or what comes from it goes to the guest, byte by byte, until one
 * side ends.
 *
 * Theory of operation. The descriptor is the user's terminal, pipe or file, and
 * others have it too: its O_NONBLOCK flag belongs to all of them and is never
 * changed. How not to be blocked by it nevertheless depends on what it is:
 *
 *	regular file, block device	never blocks for long
 *	pipe, terminal			opened anew through /proc: a description
 *					of our own, which has O_NONBLOCK
 *	socket				MSG_DONTWAIT on each call
 *	anything else, or no access	poll() before each call, and writes that
 *					any pipe takes at once
 *
 * One loop serves all streams. A stream that cannot go on waits for one event
 * of its descriptor (EPOLLONESHOT) and then asks its port to try again.
 *
 * SIGPIPE must be ignored in the whole process.
 */
#ifndef DEVICES_STREAM_H
#define DEVICES_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"

struct console_port;
struct virtio_console;

/** enum stream_dir - Which way the bytes go */
enum stream_dir {
	STREAM_IN,  /* from the descriptor to the guest */
	STREAM_OUT, /* from the guest to the descriptor */
	STREAM_NUM_DIRS,
};

/** enum stream_kind - How a descriptor is kept from blocking */
enum stream_kind {
	STREAM_CLOSED,	 /* there is no descriptor, or not any more */
	STREAM_READY,	 /* it never blocks for long */
	STREAM_NONBLOCK, /* it is our own description with O_NONBLOCK */
	STREAM_SOCKET,	 /* by a flag of each call */
	STREAM_POLLED,	 /* it is asked before each call */
	STREAM_NUM_KINDS,
};

/**
 * struct stream_limit - How much streams may write, together [loop]
 * @left:	Bytes
 * @reached:	Called when there is more. True: the stream ends with -EDQUOT;
 *		false: it goes on, and what is more is thrown away
 * @opaque:	Its argument
 */
struct stream_limit {
	uint64_t left;
	bool (*reached)(void *opaque);
	void *opaque;
};

/**
 * struct stream - A descriptor behind a port
 * @source:	Waits for the descriptor that is read or written [init]
 * @loop:	Serves the port too [init, borrowed]
 * @port:	The port [init, borrowed]
 * @dir:	Which way [init]
 * @kind:	What it is; CLOSED in the end [loop]
 * @fd:		As given, -1 when closed [owned if @owned]
 * @own_fd:	The same file opened anew, or -1 [owned]
 * @owned:	@fd is closed with the stream [init]
 * @watched:	@source is known to @loop [loop]
 * @draining:	Wait for slow readers: stream_drain() runs
 * @patience_ms: For how long, or -1
 * @held:	Nothing is given to the guest yet [loop]
 * @limit:	To be kept; NULL: none [borrowed]
 * @err:	Why the stream ended, if not by an end of file [loop]
 */
struct stream {
	struct loop_source source;
	struct loop *loop;
	struct console_port *port;
	enum stream_dir dir;
	enum stream_kind kind;
	int fd;
	int own_fd;
	bool owned;
	bool watched;
	bool draining;
	int patience_ms;
	bool held;
	struct stream_limit *limit;
	int err;
};

/**
 * stream_init() - Find out what a descriptor is
 * @s:		Filled; to be destroyed
 * @dir:	Which way the bytes go
 * @fd:		Descriptor; one that is not open fails when it is first used
 * @owned:	Close @fd when the guest has closed the port and all data were
 *		written, so that its reader sees the end: it must then not be
 *		one of those that others find by number, like 0, 1 and 2
 *
 * While /proc can still be reached.
 * #syscalls: newfstatat openat ioctl
 */
void stream_init(struct stream *s, enum stream_dir dir, int fd, bool owned);

/**
 * stream_attach() - Add a port for a stream; before the loop runs
 * @s:		Stream, initialised
 * @console:	Gets another port
 * @name:	Name of the port
 *
 * Return: 0 or a negative errno, see virtio_console_add_port()
 * #syscalls: epoll_ctl
 */
int stream_attach(struct stream *s, struct virtio_console *console,
		  const char *name);

/** stream_limit() - Have a STREAM_OUT keep a limit, which outlives it */
void stream_limit(struct stream *s, struct stream_limit *limit);

/** stream_hold() - Give the guest nothing yet, not even the end of file */
void stream_hold(struct stream *s);

/** stream_release() - Let a held stream go on; on the loop */
void stream_release(struct stream *s);

/**
 * stream_drain() - Write what the guest left behind, when the loop has ended
 * @s:		Stream, attached
 * @patience_ms: How long to wait, each time, for a slow reader; -1: as long as
 *		it takes, as the guest's command would if it ran here
 *
 * Return: 0; -EINTR if a signal came while it waited, -ETIMEDOUT if it did not
 *	   wait any longer; or why a write failed,
 *	   now or earlier: -EPIPE if there is no reader, -EDQUOT if the limit
 *	   was reached
 * #syscalls(loop): poll restart_syscall writev sendto(0)
 */
int stream_drain(struct stream *s, int patience_ms);

/**
 * stream_destroy() - Release a stream, attached or not
 *
 * The loop does not run any more, but still exists.
 * #syscalls(loop): close
 */
void stream_destroy(struct stream *s);

#endif /* DEVICES_STREAM_H */
