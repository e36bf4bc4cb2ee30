/*
 * Frames: how many commands share one port of the console, and how a client on
 * the host speaks with the monitor. All three sides compile this.
 *
 * Theory of operation: a session is a command besides the machine's own. On the
 * port its number is in each frame; on a client's socket it is 0.
 *
 *   client            monitor             init
 *   OPEN              OPEN                starts the command
 *                                      <- STARTED, or FAILED and nothing more
 *   DATA, END of stdin                 -> writes it
 *                                      <- CREDIT: it was written
 *                                      <- DATA, END of stdout and stderr
 *                     CREDIT           -> the client got it
 *   SIGNAL, WINDOW                     -> as orders of the control port
 *   (goes away)       CLOSE            -> HUP; after some time KILL
 *                                      <- ENDED, and nothing more
 *
 * Who receives a stream has room for FRAME_WINDOW_LEN bytes of it from STARTED
 * on. A sender has that much credit; DATA takes from it, CREDIT adds. More than
 * there is credit for breaks the protocol. So nobody waits for the reader of
 * another, and what is held for one session is bounded.
 *
 * END against the direction of a stream says that nobody reads it any more.
 *
 * A session's number is free after FAILED and ENDED. What the monitor had sent
 * before it knew is thrown away by init.
 *
 * The payload of OPEN are strings "key=value", each with its NUL, as those of
 * /spec (abi.h): the command, and what differs from the machine's own.
 */
#ifndef BOOT_GUEST_FRAME_H
#define BOOT_GUEST_FRAME_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot/guest/fifo.h"

enum {
	FRAME_SESSIONS = 64,
	FRAME_WINDOW_LEN = FIFO_LEN,
	FRAME_MAX_DATA = 16 << 10, /* with its head, a port takes it whole */
	FRAME_MAX_REQUEST = FIFO_LEN,
	FRAME_MAX_TEXT = 232,
	FRAME_STREAMS = 3,			/* as 0, 1 and 2 are numbered */
	FRAME_GRANT_LEN = FRAME_WINDOW_LEN / 4, /* credit that is worth it */
};

/** enum frame_type - What a frame says */
enum frame_type {
	FRAME_OPEN = 1,	    /* payload: what to run */
	FRAME_STARTED,	    /* its execve() succeeded */
	FRAME_FAILED,	    /* value: 125, 126 or 127; payload: why */
	FRAME_DATA,	    /* payload: bytes of the stream */
	FRAME_END,	    /* of the stream */
	FRAME_CREDIT,	    /* value: so many bytes more of the stream */
	FRAME_SIGNAL,	    /* value: number, for the command */
	FRAME_SIGNAL_GROUP, /* value: number, for its group, by a terminal */
	FRAME_WINDOW,	    /* value: GUEST_WINDOW() of its terminal */
	FRAME_CLOSE,	    /* nobody is there for it any more */
	FRAME_ENDED,	    /* value: exit status, as on the control port */
	FRAME_NUM_TYPES,
};

/**
 * struct frame - Head of a frame; little endian
 * @type:	enum frame_type
 * @stream:	0, 1 or 2, and 0 if it is about none
 * @session:	Below FRAME_SESSIONS
 * @len:	Bytes of payload that follow
 * @value:	By type, else 0
 */
struct frame {
	uint8_t type;
	uint8_t stream;
	uint16_t session;
	uint32_t len;
	uint32_t value;
};
static_assert(sizeof(struct frame) == 12, "head has no padding");

/** enum frame_sender - Who sends a frame */
enum frame_sender {
	FRAME_BY_HOST, /* and by a client */
	FRAME_BY_GUEST,
	FRAME_NUM_SENDERS,
};

/**
 * struct frame_reader - Cuts frames out of bytes; zeroed memory is ready
 * @head:	Of the frame that was read last, or is being read
 * @payload:	Its payload
 * @have:	Bytes of both
 */
struct frame_reader {
	struct frame head;
	char payload[FRAME_MAX_REQUEST];
	size_t have;
};

/**
 * struct frame_writer - A frame on its way; zeroed memory has none
 * @head:	Its head
 * @payload:	Its payload
 * @done:	Bytes that were sent
 * @len:	Bytes of both; as @done: there is none
 */
struct frame_writer {
	struct frame head;
	char payload[FRAME_MAX_REQUEST];
	size_t done;
	size_t len;
};
static_assert(offsetof(struct frame_writer, payload) == sizeof(struct frame),
	      "a frame lies in one piece at the front of its writer");

/** frame_is_valid() - May @sender send a frame with this head? */
bool frame_is_valid(const struct frame *head, enum frame_sender sender);

/**
 * frame_read() - Take bytes up to the end of a frame
 * @reader:	Reader
 * @sender:	Who sent them
 * @bytes:	What came
 * @len:	How much, not 0
 * @whole:	Set: @reader has a frame now, until the next call
 *
 * Return: bytes that were taken, not 0, or -EPROTO: what comes is no frame, and
 *	   @reader is of no use any more
 */
ssize_t frame_read(struct frame_reader *reader, enum frame_sender sender,
		   const char *bytes, size_t len, bool *whole);

/**
 * frame_begin() - Begin to send a frame; its payload is in the writer already
 * @writer:	Has none on its way
 * @head:	Its head
 */
void frame_begin(struct frame_writer *writer, struct frame head);

/** frame_rest() - What is still to be sent; *@len is 0 if all was */
const char *frame_rest(const struct frame_writer *writer, size_t *len);

#endif /* BOOT_GUEST_FRAME_H */
