/*
 * Commands besides the machine's own: the clients' side, and what both sides
 * know. How they work is in vmm/exchange.h.
 */
#ifndef VMM_EXCHANGE_CLIENT_H
#define VMM_EXCHANGE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/guest/frame.h"
#include "vmm/base/loop.h"

struct console_port;
struct exchange;

/** enum client_state - See vmm/exchange.h */
enum client_state {
	CLIENT_FREE,
	CLIENT_ASKING,
	CLIENT_OPEN,
	CLIENT_LEFT,
	CLIENT_ENDED,
};

/**
 * struct client_output - stdout or stderr, from the guest to the client
 * @fifo:	Not yet sent to the client
 * @credit:	What the guest may still send
 * @freed:	What it may be told to send more. These three are
 *		FRAME_WINDOW_LEN together
 */
struct client_output {
	struct fifo fifo;
	uint32_t credit;
	uint32_t freed;
};

/**
 * struct client - A client and its command [loop]
 * @exchange:	All of them
 * @source:	Its connection; -1: there is none [owned]
 * @blocked:	It does not read: @source waits for that
 * @state:	Where it stands
 * @request_len: Length of its request, which is in @in; 0: it has not asked
 * @started:	The guest has said so
 * @tell_started: ... and the client is to be told
 * @in_credit:	What the client may still send
 * @in_granted:	What it is to be told that it may send more. With what is in
 *		@in these are FRAME_WINDOW_LEN at most
 * @shut:	BIT(stream): its reader has gone
 * @ended:	BIT(stream): its writer has gone
 * @told_guest:	BIT(stream): the guest knows of that
 * @told_client: BIT(stream): the client does
 * @signals:	To be sent: BIT(number), to the command and to its group
 * @window:	GUEST_WINDOW() to be told if @resized
 * @resized:	It has changed
 * @told_left:	LEFT: the guest knows
 * @last:	ENDED: the last frame for the client
 * @text:	Its payload
 * @reader:	What the client says
 * @writer:	What it is being told
 * @in:		stdin, to be sent to the guest
 * @output:	stdout and stderr, see client_output()
 */
struct client {
	struct exchange *exchange;
	struct loop_source source;
	bool blocked;
	enum client_state state;
	uint32_t request_len;
	bool started;
	bool tell_started;
	uint32_t in_credit;
	uint32_t in_granted;
	unsigned int shut;
	unsigned int ended;
	unsigned int told_guest;
	unsigned int told_client;
	uint64_t signals[2];
	uint32_t window;
	bool resized;
	bool told_left;
	struct frame last;
	char text[FRAME_MAX_TEXT];
	struct frame_reader reader;
	struct frame_writer writer;
	struct fifo in;
	struct client_output output[FRAME_STREAMS - 1];
};

/**
 * struct exchange - All clients of a machine [loop]; zeroed memory has none
 * @loop:	Serves everything [init, borrowed]
 * @port:	The guest's init [init, borrowed]
 * @door:	Connections come from there; -1: no more [owned]
 * @wake:	Eventfd: there is something for the port [owned]
 * @reader:	What the guest says
 * @writer:	What it is being told
 * @deaf:	It has broken the rules: nothing it says counts any more
 * @turn:	Whose turn it is to tell it something
 * @client:	FRAME_SESSIONS of them, by the session's number [owned]
 */
struct exchange {
	struct loop *loop;
	struct console_port *port;
	struct loop_source door;
	struct loop_source wake;
	struct frame_reader reader;
	struct frame_writer writer;
	bool deaf;
	unsigned int turn;
	struct client *client;
};

/** client_output() - What the guest writes to @stream, 1 or 2 */
static inline struct client_output *client_output(struct client *client,
						  unsigned int stream)
{
	return &client->output[stream - 1];
}

/** exchange_accept() - A client has come: owns its connection from now on */
void exchange_accept(struct exchange *x, int fd);

/** exchange_drop() - Forget a client; its command is told */
void exchange_drop(struct client *client);

/**
 * exchange_fail() - The last word is ours: why nothing comes any more
 * @client:	With a connection
 * @text:	Reason, shorter than FRAME_MAX_TEXT
 */
void exchange_fail(struct client *client, const char *text);

/**
 * exchange_tell() - Tell a client what it is to be told, as far as it reads
 *
 * #syscalls(loop): sendto(0)
 */
void exchange_tell(struct client *client);

#endif /* VMM_EXCHANGE_CLIENT_H */
