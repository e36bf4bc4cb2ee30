/*
 * Commands besides the machine's own, between their clients on the host and the
 * guest's init (boot/guest/frame.h).
 *
 * Theory of operation: each command has a client, a process on the host that
 * has connected to the machine's socket; the keeper has looked at who it is and
 * has passed its connection on (vmm/door.h). The exchange moves frames between
 * connections and the one port, and believes neither side: a frame that does
 * not fit what was said before ends the client, or, if it is the guest's, all
 * of them.
 *
 * What waits here is bounded by credit: FRAME_WINDOW_LEN for each stream. It is
 * given back when the other side has taken the bytes. Everything else that
 * waits is bits and numbers. So a client that does not read, or a guest that
 * does not, costs nobody else anything.
 *
 *	FREE	  a client comes	-> ASKING
 *	ASKING	  it has asked, and the guest is told -> OPEN
 *		  it goes		-> FREE
 *	OPEN	  the guest says FAILED or ENDED -> ENDED
 *		  the client goes	-> LEFT
 *	LEFT	  the guest is told; it says ENDED -> FREE
 *	ENDED	  the client has got all, or goes -> FREE
 */
#ifndef VMM_EXCHANGE_H
#define VMM_EXCHANGE_H

#include "vmm/exchange_client.h"

struct virtio_console;

/**
 * exchange_init() - Add the port to a console, before the loop runs
 * @x:		Filled; to be destroyed whatever the result
 * @console:	Gets another port
 * @door_fd:	Where connections come from, see door_receive(); owned from now
 *
 * Return: 0 or a negative errno
 * #syscalls: mmap eventfd2 epoll_ctl
 * #syscalls(loop): read write
 */
int exchange_init(struct exchange *x, struct virtio_console *console,
		  int door_fd);

/**
 * exchange_drain() - Deliver what the guest left, when the loop has ended
 *
 * Nobody is waited for, and all connections end.
 */
void exchange_drain(struct exchange *x);

/** exchange_destroy() - End all connections; accepts a half-built exchange */
void exchange_destroy(struct exchange *x);

#endif /* VMM_EXCHANGE_H */
