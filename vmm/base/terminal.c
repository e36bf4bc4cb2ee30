/*
 * The terminal of whoever started us.
 */
#include "vmm/base/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/base/fd.h"

/* As cfmakeraw(3) has it. libc's own functions make more system calls than one,
 * and not the same in all versions.
 */
static struct termios make_raw(struct termios mode)
{
	mode.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR |
				    IGNCR | ICRNL | IXON);
	mode.c_oflag &= ~(tcflag_t)OPOST;
	mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	mode.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	mode.c_cflag |= CS8;
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	return mode;
}

void terminal_init(struct terminal *terminal, int fd)
{
	*terminal = (struct terminal){.fd = -1};
	if (ioctl(fd, TCGETS, &terminal->first))
		return;
	terminal->raw = make_raw(terminal->first);
	terminal->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

void terminal_destroy(struct terminal *terminal)
{
	fd_close(&terminal->fd);
}

void terminal_make_raw(const struct terminal *terminal)
{
	if (terminal->fd >= 0)
		ioctl(terminal->fd, TCSETS, &terminal->raw);
}

void terminal_restore(const struct terminal *terminal)
{
	if (terminal->fd >= 0)
		ioctl(terminal->fd, TCSETS, &terminal->first);
}

bool terminal_is_ours(const struct terminal *terminal)
{
	pid_t group;

	if (terminal->fd < 0)
		return false;
	return ioctl(terminal->fd, TIOCGPGRP, &group) || group == getpgrp();
}

bool terminal_is_closed(const struct terminal *terminal)
{
	struct pollfd p = {.fd = terminal->fd};

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

void terminal_suspend(struct terminal *terminal)
{
	struct termios now;

	if (!terminal_is_ours(terminal) || ioctl(terminal->fd, TCGETS, &now))
		return;
	terminal->is_raw =
		!(now.c_lflag & ICANON) && terminal->first.c_lflag & ICANON;
	terminal_restore(terminal);
}

void terminal_resume(struct terminal *terminal)
{
	if (terminal->is_raw && terminal_is_ours(terminal))
		terminal_make_raw(terminal);
}

bool terminal_window(int fd, unsigned int *rows, unsigned int *columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size))
		return false;
	*rows = size.ws_row;
	*columns = size.ws_col;
	return true;
}
