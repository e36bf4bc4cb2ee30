/*
 * A virtio-fs device as its driver finds it.
 */
#include "tests/bench/lib/target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/base/bits.h"

void target_wait(struct target *target, int epoll_fd)
{
	struct epoll_event event;
	uint64_t cnt;
	bool came;

	if (epoll_fd < 0)
		came = read(target->irq_fd, &cnt, sizeof(cnt)) == sizeof(cnt);
	else
		came = epoll_wait(epoll_fd, &event, 1, -1) == 1;
	if (came && target->ack)
		target->ack(target);
}

uint64_t target_cpu_ns(const struct target *target)
{
	struct timespec now;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < target->task_cnt; i++) {
		if (!clock_gettime(target->clock[i], &now))
			sum += now.tv_sec * NS_PER_S + now.tv_nsec;
	}
	return sum;
}

unsigned int target_list_tasks(const struct target *target,
			       pid_t task[TARGET_MAX_TASKS])
{
	unsigned int cnt = 0;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	if (!target->pid) {
		memcpy(task, target->task, target->task_cnt * sizeof(*task));
		return target->task_cnt;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", target->pid);
	dir = opendir(path);
	while (dir && cnt < TARGET_MAX_TASKS && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			task[cnt++] = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return cnt;
}
