/*
 * Starting the command: its pipes or terminal, its process, and what may go
 * wrong.
 */
#ifndef BOOT_GUEST_COMMAND_H
#define BOOT_GUEST_COMMAND_H

#include <sys/types.h>

#include "boot/guest/abi.h"

struct plan;

enum { COMMAND_NUM_STREAMS = 3 };

/**
 * struct command - A running command
 * @pid:	Its process, leader of its own session
 * @stream_fd:	Our ends of its stdin, stdout and stderr; non-blocking. Of a
 *		terminal, the first two are our side and the third is -1 [owned]
 * @terminal_fd: Its side of a terminal, held since one that nobody has open
 *		looks as if it had ended; -1: it has none [owned]
 */
struct command {
	pid_t pid;
	int stream_fd[COMMAND_NUM_STREAMS];
	int terminal_fd;
};

/**
 * command_start() - Run the command as a child process
 * @command:	Filled
 * @plan:	Arguments, environment and working directory
 * @why:	Set on failure, with the exit status that a shell would give
 *
 * Returns after the child's execve().
 *
 * Return: 0 or a negative errno, with nothing left behind
 */
int command_start(struct command *command, const struct plan *plan,
		  struct guest_msg *why);

#endif /* BOOT_GUEST_COMMAND_H */
