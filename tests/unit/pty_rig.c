/*
 * A terminal of the test's own.
 */
#include "tests/unit/pty_rig.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void pty_rig_init(struct pty_rig *rig)
{
	int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;

	rig->user_fd = posix_openpt(flags);
	ck_assert_int_ge(rig->user_fd, 0);
	ck_assert_int_eq(unlockpt(rig->user_fd), 0);
	rig->fd = ioctl(rig->user_fd, TIOCGPTPEER, flags);
	ck_assert_int_ge(rig->fd, 0);
	pty_rig_resize(rig, 24, 80);
}

void pty_rig_destroy(struct pty_rig *rig)
{
	close(rig->user_fd);
	close(rig->fd);
}

void pty_rig_resize(const struct pty_rig *rig, unsigned int rows,
		    unsigned int columns)
{
	const struct winsize size = {
		.ws_row = (unsigned short)rows,
		.ws_col = (unsigned short)columns,
	};

	ck_assert_int_eq(ioctl(rig->user_fd, TIOCSWINSZ, &size), 0);
}

bool pty_rig_is_raw(const struct pty_rig *rig)
{
	struct termios mode;

	ck_assert_int_eq(tcgetattr(rig->fd, &mode), 0);
	/* All or nothing. */
	ck_assert_int_eq(!(mode.c_lflag & ICANON), !(mode.c_lflag & ISIG));
	ck_assert_int_eq(!(mode.c_lflag & ICANON), !(mode.c_lflag & ECHO));
	ck_assert_int_eq(!(mode.c_lflag & ICANON), !(mode.c_oflag & OPOST));
	ck_assert_int_eq(!(mode.c_lflag & ICANON), !(mode.c_iflag & ICRNL));
	return !(mode.c_lflag & ICANON);
}

bool pty_rig_becomes(const struct pty_rig *rig, bool raw)
{
	for (int i = 0; i < 1000 && pty_rig_is_raw(rig) != raw; i++)
		usleep(10000);
	return pty_rig_is_raw(rig) == raw;
}
