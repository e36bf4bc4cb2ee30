/*
 * One direction of a byte stream: from a port to a pipe, or back.
 *
 * Theory of operation: nothing here blocks. A relay holds at most one buffer of
 * bytes and waits either for its source (buffer empty) or for its sink (buffer
 * not empty), so a slow reader holds up its own writer and nobody else. While
 * it waits for its source it also listens for errors of its sink: a command
 * whose stdin nobody reads any more must not keep the user typing, and one
 * whose output nobody reads gets SIGPIPE when both ends here are closed.
 *
 * Bytes are copied, not spliced: with a full queue the kernel's virtio-console
 * loses the pages that splice() gives it, while write() merely returns 0.
 */
#ifndef BOOT_GUEST_RELAY_H
#define BOOT_GUEST_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* A port takes 32 KiB at a time, a pipe holds 64 KiB. */
enum { RELAY_BUF_LEN = 64 << 10 };

/* A relay's place in an array for poll() */
enum relay_end { RELAY_SOURCE, RELAY_SINK, RELAY_NUM_ENDS };

/**
 * struct relay - A stream in one direction
 * @source_fd:	Non-blocking; -1 when the stream has ended [owned]
 * @sink_fd:	Non-blocking; -1 when the stream has ended [owned]
 * @off:	First byte of @buf that is still to be written
 * @len:	Bytes from @off on
 * @buf:	What was read and not yet written
 */
struct relay {
	int source_fd;
	int sink_fd;
	size_t off;
	size_t len;
	char buf[RELAY_BUF_LEN];
};

/** relay_init() - Start a stream; both descriptors belong to @relay now */
void relay_init(struct relay *relay, int source_fd, int sink_fd);

/** relay_close() - End a stream, whatever it still holds */
void relay_close(struct relay *relay);

/** relay_wait_for() - Say what a stream waits for
 * @relay:	Stream, ended or not
 * @poll_fds:	Filled; poll() ignores those that are not needed
 */
void relay_wait_for(const struct relay *relay,
		    struct pollfd poll_fds[RELAY_NUM_ENDS]);

/**
 * relay_move() - Move what can be moved without blocking
 * @relay:	Stream; closed if either end is gone
 * @poll_fds:	As relay_wait_for() filled them and poll() answered
 */
void relay_move(struct relay *relay,
		const struct pollfd poll_fds[RELAY_NUM_ENDS]);

/** relay_is_drained() - Has all been delivered that was written so far? */
bool relay_is_drained(const struct relay *relay);

#endif /* BOOT_GUEST_RELAY_H */
