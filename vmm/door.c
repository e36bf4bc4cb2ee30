/*
 * How a client gets to a running machine.
 */
#include "vmm/door.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* Clients that wait for the keeper; more wait in connect(). */
enum { BACKLOG = 128 };

static struct sockaddr_un address_of(int dir_fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/self/fd/%d/%s", dir_fd, name);
	return address;
}

int door_init(struct door *door, int dir_fd, const char *name)
{
	const struct sockaddr_un address = address_of(dir_fd, name);
	int fd[2];

	*door = (struct door){-1, -1, -1};
	door->listen_fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (door->listen_fd < 0)
		return -errno;
	if (bind(door->listen_fd, (const struct sockaddr *)&address,
		 sizeof(address)) ||
	    listen(door->listen_fd, BACKLOG) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, fd))
		return -errno;
	door->pass_fd = fd[0];
	door->monitor_fd = fd[1];
	return 0;
}

void door_destroy(struct door *door)
{
	fd_close(&door->listen_fd);
	fd_close(&door->pass_fd);
	fd_close(&door->monitor_fd);
}

static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

/* Room for one descriptor beside a byte, which a message has to have. */
union passage {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int door_answer(const struct door *door)
{
	autofd fd = accept4(door->listen_fd, NULL, NULL,
			    SOCK_CLOEXEC | SOCK_NONBLOCK);
	union passage passage = {
		.head = {CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec byte = {(char[]){""}, 1};
	const struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &passage,
		.msg_controllen = sizeof(passage),
	};

	if (fd < 0)
		return -errno;
	if (!is_welcome(fd))
		return 0;
	memcpy(CMSG_DATA(&passage.head), &fd, sizeof(fd));
	sendmsg(door->pass_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return 0;
}

int door_receive(int fd)
{
	union passage passage = {.head = {0}};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &passage,
		.msg_controllen = sizeof(passage),
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int passed = -EAGAIN;

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n == 0)
		return -EPIPE;
	if (message.msg_controllen >= sizeof(struct cmsghdr) &&
	    passage.head.cmsg_level == SOL_SOCKET &&
	    passage.head.cmsg_type == SCM_RIGHTS &&
	    passage.head.cmsg_len == CMSG_LEN(sizeof(passed)))
		memcpy(&passed, CMSG_DATA(&passage.head), sizeof(passed));
	return passed;
}

int door_connect(int dir_fd, const char *name)
{
	const struct sockaddr_un address = address_of(dir_fd, name);
	autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd_take(&fd);
}
