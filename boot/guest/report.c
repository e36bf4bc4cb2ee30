/*
 * What init tells the monitor, and the one line that says why it gave up.
 */
#include "boot/guest/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "boot/guest/clock.h"

int report_fail(struct guest_msg *why, int err, const char *fmt, ...)
{
	va_list args;

	*why = (struct guest_msg){
		.type = GUEST_MSG_FAILED,
		.value = GUEST_STATUS_FAILED,
	};
	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return err;
}

int report_send(int control_fd, struct guest_msg *msg)
{
	struct pollfd writable = {.fd = control_fd, .events = POLLOUT};
	ssize_t n;

	msg->magic = GUEST_MSG_MAGIC;
	msg->clock_ns = clock_ns();
	for (;;) {
		/* A port takes a message whole or, with a full queue, not. */
		n = write(control_fd, msg, sizeof(*msg));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		poll(&writable, 1, -1);
		if (writable.revents & (POLLHUP | POLLERR))
			return -EPIPE;
	}
}

void report_event(int control_fd, enum guest_msg_type type, uint32_t value)
{
	struct guest_msg msg = {.type = type, .value = value};

	report_send(control_fd, &msg);
}

void report_warning(int control_fd, const char *fmt, ...)
{
	struct guest_msg msg = {.type = GUEST_MSG_WARNING};
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg.text, sizeof(msg.text), fmt, args);
	va_end(args);
	report_send(control_fd, &msg);
}

void report_kernel_log(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	/* <2>: critical, so that loglevel=3 does not keep it off the console */
	dprintf(fd < 0 ? STDERR_FILENO : fd, "<2>wherry: %s\n", text);
	if (fd >= 0)
		close(fd);
}
