/*
 * The virtio-console ports by which init reaches the monitor.
 *
 * Theory of operation: loading the driver only starts a conversation. The
 * device announces its ports, the driver makes /dev/vportNpM for each, asks
 * for its properties, and learns that the other end is open, and the port's
 * name (virtio 1.2, 5.3.6.2). Nothing tells user space when all of it is there,
 * so init looks every millisecond.
 */
#include "boot/guest/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/guest/clock.h"
#include "boot/guest/report.h"

#define PORTS_CLASS "/sys/class/virtio-ports"

static const char *const port_names[GUEST_NUM_PORTS] = GUEST_PORT_NAMES;

/* Which of our ports is this entry of PORTS_CLASS? GUEST_NUM_PORTS: none. */
static unsigned int identify(const char *entry)
{
	char path[sizeof(PORTS_CLASS) + 256 + sizeof("/name")];
	char name[32] = "";
	unsigned int port;
	int fd;

	snprintf(path, sizeof(path), PORTS_CLASS "/%.255s/name", entry);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return GUEST_NUM_PORTS;
	if (read(fd, name, sizeof(name) - 1) > 0)
		name[strcspn(name, "\n")] = '\0';
	close(fd);
	for (port = 0; port < GUEST_NUM_PORTS; port++)
		if (!strcmp(name, port_names[port]))
			break;
	return port;
}

/* Opens those ports that have got a name since the last time. */
static void scan(struct ports *ports)
{
	char path[sizeof("/dev/") + 256];
	struct dirent *entry;
	unsigned int port;
	DIR *dir;

	dir = opendir(PORTS_CLASS);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		port = identify(entry->d_name);
		if (port == GUEST_NUM_PORTS || ports->fd[port] >= 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%.255s", entry->d_name);
		ports->fd[port] = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	}
	closedir(dir);
}

static bool connected(int fd)
{
	struct pollfd poll_fd = {.fd = fd};

	return fd >= 0 && poll(&poll_fd, 1, 0) >= 0 &&
	       !(poll_fd.revents & POLLHUP);
}

void ports_init(struct ports *ports)
{
	memset(ports->fd, -1, sizeof(ports->fd));
	ports->cnt = GUEST_PORT_SESSIONS;
}

int ports_open(struct ports *ports, int timeout_ms, struct guest_msg *why)
{
	unsigned int port = 0;
	int64_t end_ms = clock_ms() + timeout_ms;

	for (;;) {
		scan(ports);
		while (port < ports->cnt && connected(ports->fd[port]))
			port++;
		if (port == ports->cnt)
			return 0;
		if (clock_ms() >= end_ms)
			return report_fail(why, -ENODEV,
					   "port '%s' did not appear",
					   port_names[port]);
		poll(NULL, 0, 1);
	}
}
