/*
 * The command's terminal: a pair of which init has one side.
 */
#include "boot/guest/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

int pty_open(int *our_fd, int *their_fd)
{
	int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	int locked = 0;
	int err;

	*their_fd = -1;
	*our_fd = open("/dev/ptmx", flags | O_NONBLOCK);
	if (*our_fd < 0)
		return -errno;
	if (!ioctl(*our_fd, TIOCSPTLCK, &locked))
		*their_fd = ioctl(*our_fd, TIOCGPTPEER, flags);
	if (*their_fd >= 0)
		return 0;
	err = -errno;
	close(*our_fd);
	*our_fd = -1;
	return err;
}

void pty_resize(int our_fd, uint32_t window)
{
	const struct winsize size = {
		.ws_row = (unsigned short)(window >> 16),
		.ws_col = (unsigned short)window,
	};

	if (window)
		ioctl(our_fd, TIOCSWINSZ, &size);
}

void pty_end_input(int our_fd)
{
	/* If there is no room for it, nobody reads. */
	if (write(our_fd, "\4", 1) < 0)
		return;
}
