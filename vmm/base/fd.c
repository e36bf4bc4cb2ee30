/*
 * File descriptors: ownership that shows, and whole reads and writes.
 */
#include "vmm/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

const char *fd_name(char name[FD_NAME_LEN], int fd)
{
	snprintf(name, FD_NAME_LEN, "%d", fd);
	return name;
}

int fd_open(int dir_fd, const char *path, int flags, mode_t mode,
	    uint64_t resolve)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve,
	};
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int fd_read_full(int fd, void *buf, size_t len, uint64_t offset)
{
	char *at = buf;
	ssize_t n;

	while (len) {
		n = pread(fd, at, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		at += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int fd_write_full(int fd, const void *buf, size_t len)
{
	const char *at = buf;
	ssize_t n;

	while (len) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= n;
	}
	return 0;
}

int fd_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void fd_event_signal(int fd)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so the waiter is awake anyway. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void fd_event_clear(int fd)
{
	uint64_t count;

	/* EAGAIN: it was zero already. */
	if (read(fd, &count, sizeof(count)) < 0)
		return;
}
