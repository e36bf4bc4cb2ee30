/*
 * Counts the system calls of those who serve a device.
 */
#include "tests/bench/lib/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/fd.h"

/* Number of the tracepoint, or a negative errno. */
static long find_tracepoint(void)
{
	char text[16] = "";
	autofd fd = open("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
			 O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	return strtol(text, NULL, 10);
}

int calls_begin(struct calls *c, const struct target *target)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.inherit = 1,
	};
	long id = find_tracepoint();
	pid_t task[TARGET_MAX_TASKS];
	unsigned int cnt;

	c->cnt = 0;
	if (id < 0)
		return id;
	attr.config = id;
	cnt = target_list_tasks(target, task);
	for (unsigned int i = 0; i < cnt; i++) {
		int fd = syscall(SYS_perf_event_open, &attr, task[i], -1, -1,
				 PERF_FLAG_FD_CLOEXEC);

		/* A thread of a pool may have ended meanwhile. */
		if (fd < 0 && errno != ESRCH)
			return -errno;
		if (fd >= 0)
			c->fd[c->cnt++] = fd;
	}
	return 0;
}

uint64_t calls_end(struct calls *c)
{
	uint64_t sum = 0, cnt;

	for (unsigned int i = 0; i < c->cnt; i++) {
		if (read(c->fd[i], &cnt, sizeof(cnt)) == sizeof(cnt))
			sum += cnt;
		close(c->fd[i]);
	}
	c->cnt = 0;
	return sum;
}
