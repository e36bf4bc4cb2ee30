/*
 * A daemon that speaks vhost-user, in a process of its own, for which this one
 * does what a monitor does: QEMU's "Vhost-user Protocol" specification.
 */
#ifndef TESTS_BENCH_LIB_VHOST_H
#define TESTS_BENCH_LIB_VHOST_H

#include "tests/bench/lib/target.h"

struct fail;

/**
 * struct vhost - A daemon and its device
 * @target:	As the driver finds it
 * @socket_fd:	Where messages go
 * @started:	The process that was started; it may have others do the work
 */
struct vhost {
	struct target target;
	int socket_fd;
	pid_t started;
};

/**
 * vhost_start() - Start a daemon and set its device up
 * @v:		Filled; vhost_stop() whatever the result
 * @name:	For tables
 * @command:	Words, split at blanks; gets one more, --fd=N, where N is a
 *		socket that listens. Is cut up
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int vhost_start(struct vhost *v, const char *name, char *command,
		struct fail *fail);

/** vhost_connect() - Set a device up by a socket; 0 or a negative errno */
int vhost_connect(struct vhost *v);

/** vhost_stop() - End the daemon */
void vhost_stop(struct vhost *v);

#endif /* TESTS_BENCH_LIB_VHOST_H */
