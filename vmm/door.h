/*
 * How a client gets to a running machine: a socket in the machine's directory,
 * and who may connect to it.
 *
 * Theory of operation: the keeper, which is outside, listens, looks at who has
 * connected and passes the connection on to the monitor, over a pair of sockets
 * of their own. It reads nothing that a client or the guest says. The monitor
 * gets connections and can make none; in its namespaces it could not tell root
 * from anybody.
 */
#ifndef VMM_DOOR_H
#define VMM_DOOR_H

/**
 * struct door - A door
 * @listen_fd:	Clients connect here [owned]
 * @pass_fd:	Connections go there, to the monitor [owned]
 * @monitor_fd:	The monitor's end of it [owned]
 */
struct door {
	int listen_fd;
	int pass_fd;
	int monitor_fd;
};

/**
 * door_init() - Make a socket that only its owner can reach
 * @door:	Filled; to be destroyed whatever the result
 * @dir_fd:	Directory
 * @name:	Its name there, which does not exist
 *
 * While /proc can be reached: the path of a socket may not be long.
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): socket bind listen socketpair close
 */
int door_init(struct door *door, int dir_fd, const char *name);

/** door_destroy() - Close it; accepts a half-made one */
void door_destroy(struct door *door);

/**
 * door_answer() - Let one client in, in the keeper; never waits
 *
 * One that is neither the caller's user nor root, or that the monitor has no
 * time for, finds its connection closed.
 *
 * Return: 0, or a negative errno if it still waits, e.g. -EMFILE
 * #syscalls(setup): accept4 getsockopt sendmsg close geteuid
 */
int door_answer(const struct door *door);

/**
 * door_receive() - Get a connection that the keeper has passed on
 * @fd:		The monitor's end
 *
 * Return: the connection, -EAGAIN if there is none, or another negative errno
 *	   if there will be none
 * #syscalls(loop): recvmsg close
 */
int door_receive(int fd);

/**
 * door_connect() - Connect to a machine, in a client
 * @dir_fd:	As in door_init()
 * @name:	The same
 *
 * Return: the connection, -ECONNREFUSED if nobody listens any more, or another
 *	   negative errno
 * #syscalls(setup): socket connect close
 */
int door_connect(int dir_fd, const char *name);

#endif /* VMM_DOOR_H */
