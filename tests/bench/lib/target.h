/*
 * A virtio-fs device as its driver finds it, whoever serves it: guest memory
 * with queues, an eventfd to kick each, one for interrupts. wherry.h and
 * vhost.h make them.
 */
#ifndef TESTS_BENCH_LIB_TARGET_H
#define TESTS_BENCH_LIB_TARGET_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "tests/bench/lib/vq.h"

/** enum target_queues - Queues (virtio 1.2, 5.11.2) */
enum target_queues {
	TARGET_HIPRIO,
	TARGET_REQUEST, /* the only one for requests of QEMU's virtiofsd */
	TARGET_SECOND,	/* which ends when there is another one */
	TARGET_MAX_QUEUES,
};

enum {
	TARGET_MAX_TASKS = 512,
	/* Queues, and 128 requests of a little more than 1 MiB. */
	TARGET_RAM_LEN = 144 << 20,
};

/**
 * struct target - A device and who serves it
 * @name:	For tables and messages
 * @ram:	Guest memory: guest address 0 [owned by who made it]
 * @vq:		Queues
 * @irq_fd:	Eventfd of the interrupt, blocking
 * @ack:	Acknowledge an interrupt; NULL: the transport wants none
 * @window:	Where files can be mapped; NULL: nowhere [the same]
 * @pid:	Process that serves it, 0: threads of this one
 * @task:	Those threads
 * @clock:	Their processor times, or the process's
 * @task_cnt:	How many threads (1 for a process)
 */
struct target {
	const char *name;
	char *ram;
	struct vq vq[TARGET_MAX_QUEUES];
	int irq_fd;
	void (*ack)(struct target *target);
	char *window;
	pid_t pid;
	pid_t task[TARGET_MAX_TASKS];
	clockid_t clock[TARGET_MAX_TASKS];
	_Atomic unsigned int task_cnt;
};

/**
 * target_wait() - Sleep until the device interrupts
 * @target:	Device
 * @epoll_fd:	Of a thread that is not the only one to wait: waits for the
 *		interrupt edge-triggered, so that all wake. -1: there is no
 *		other one
 */
void target_wait(struct target *target, int epoll_fd);

/** target_cpu_ns() - Processor time that serving it has taken */
uint64_t target_cpu_ns(const struct target *target);

/**
 * target_list_tasks() - All threads that serve it
 * @target:	Device
 * @task:	Filled
 *
 * Return: how many
 */
unsigned int target_list_tasks(const struct target *target,
			       pid_t task[TARGET_MAX_TASKS]);

#endif /* TESTS_BENCH_LIB_TARGET_H */
