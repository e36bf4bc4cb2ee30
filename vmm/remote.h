/*
 * A client of a running machine: one command there, with our streams, signals
 * and terminal (boot/guest/frame.h says what is spoken).
 *
 * Theory of operation: one loop on poll(). Output is written as far as poll()
 * says that somebody takes it, never more than any pipe then does: O_NONBLOCK
 * belongs to all who have the file. While output waits, nothing more is read
 * from the machine; while there is no credit, nothing from our input. Signals
 * and input go on while output waits.
 *
 * The machine is believed as little as its guest: it can make us write to our
 * output, and end.
 */
#ifndef VMM_REMOTE_H
#define VMM_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

struct fail;

/**
 * remote_run() - Run a command in a machine, to its end
 * @fd:		Connection to it, see door_connect()
 * @request:	Payload of FRAME_OPEN
 * @len:	Its length, FRAME_MAX_REQUEST at most
 * @has_tty:	The command has a terminal, and ours is raw meanwhile
 * @fail:	Receives one line if something is wrong
 *
 * Return: exit status, the command's unless there is a line in @fail
 * #syscalls(setup): poll read write recvfrom sendto rt_sigprocmask signalfd4
 */
int remote_run(int fd, const char *request, size_t len, bool has_tty,
	       struct fail *fail);

#endif /* VMM_REMOTE_H */
