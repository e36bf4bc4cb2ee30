/*
 * Children whose numbers are not those of the others.
 */
#include "tests/unit/pids.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "vmm/base/fd.h"

int pids_leave(void)
{
	int fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && unshare(CLONE_NEWPID))
		fd_close(&fd);
	return fd;
}

void pids_return(int fd)
{
	ck_assert_int_eq(setns(fd, CLONE_NEWPID), 0);
	close(fd);
}
