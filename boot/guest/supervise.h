/*
 * The time between the command's start and its end: streams, signals, orphans,
 * status.
 *
 * Theory of operation: one loop on poll(), with SIGCHLD as a descriptor.
 *
 *   RUNNING       the command runs
 *   TERMINATING   it has ended; what it left running has got SIGTERM
 *   KILLING       ... and was given time; it has got SIGKILL
 *   DRAINING      nobody is left to write: deliver what is in the pipes
 *   DONE
 *
 * Streams are relayed in all states, so a process that is writing when it is
 * told to end can finish its line. A process that not even SIGKILL ends (it
 * waits for a device) is left behind after a while. There is no time limit on
 * the reader of the output, just as for any process that writes to a pipe.
 *
 * A module that nothing depends on is loaded when the command has run for a
 * second: no start waits for it, and a short command has no use for it.
 */
#ifndef BOOT_GUEST_SUPERVISE_H
#define BOOT_GUEST_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot/guest/command.h"
#include "boot/guest/relay.h"

struct ports;
struct sessions;

enum supervise_state {
	SUPERVISE_RUNNING,
	SUPERVISE_TERMINATING,
	SUPERVISE_KILLING,
	SUPERVISE_DRAINING,
	SUPERVISE_DONE,
};

/**
 * struct supervise - A command under supervision
 * @relay:	stdin, stdout, stderr
 * @signal_fd:	Readable when a child has changed its state [borrowed]
 * @control_fd:	Orders come from here; -1: no more [borrowed]
 * @sessions:	Commands besides; NULL: there are none [borrowed]
 * @later_fd:	A module that is to be loaded; negative: none [owned]
 * @later_at_ms: CLOCK_MONOTONIC time for that, if the command still runs then
 * @terminal_fd: The command's side of its terminal; -1: it has none [owned]
 * @input_ended: Its terminal was told that nothing more will be typed
 * @pid:	The command
 * @kill_target: Whom to kill when it has ended, as kill() has it
 * @state:	See above
 * @deadline_ms: CLOCK_MONOTONIC time at which the state ends
 * @status:	Exit status of the command, -1 while it runs
 * @childless:	No child is left
 */
struct supervise {
	struct relay relay[COMMAND_NUM_STREAMS];
	int signal_fd;
	int control_fd;
	struct sessions *sessions;
	int later_fd;
	int64_t later_at_ms;
	int terminal_fd;
	bool input_ended;
	pid_t pid;
	pid_t kill_target;
	enum supervise_state state;
	int64_t deadline_ms;
	int status;
	bool childless;
};

/**
 * supervise_signals() - Turn SIGCHLD into a descriptor, ignore SIGPIPE
 *
 * To be called before the command is started, or its end could be missed.
 *
 * Return: the descriptor or a negative errno
 */
int supervise_signals(void);

/**
 * supervise_init() - Take over a command and the ports of its streams, without
 *		      sessions and a module to load
 * @s:		Filled
 * @command:	Running; its descriptors are taken
 * @ports:	Those of the streams are taken, the control port must outlive @s
 * @signal_fd:	From supervise_signals(); must outlive @s
 * @kill_target: -1 for pid 1: all that the command left behind
 */
void supervise_init(struct supervise *s, struct command *command,
		    struct ports *ports, int signal_fd, pid_t kill_target);

/**
 * supervise_run() - Relay, reap and follow orders until all is over
 *
 * All descriptors of the streams are closed afterwards.
 *
 * Return: exit status of the command, 128 + n if signal n ended it
 */
int supervise_run(struct supervise *s);

#endif /* BOOT_GUEST_SUPERVISE_H */
