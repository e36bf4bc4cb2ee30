/*
 * Counts the system calls of those who serve a device, by the kernel's
 * tracepoint raw_syscalls:sys_enter: what `perf stat` would say of them.
 */
#ifndef TESTS_BENCH_LIB_CALLS_H
#define TESTS_BENCH_LIB_CALLS_H

#include <stdint.h>

#include "tests/bench/lib/target.h"

/**
 * struct calls - Counters that run
 * @fd:		One for each thread and all that it starts
 * @cnt:	How many
 */
struct calls {
	int fd[TARGET_MAX_TASKS];
	unsigned int cnt;
};

/**
 * calls_begin() - Count from now on
 * @c:		Filled; calls_end() whatever the result
 * @target:	Device
 *
 * While it counts, the machine's system calls take longer.
 *
 * Return: 0 or a negative errno, if the kernel does not offer it to us
 */
int calls_begin(struct calls *c, const struct target *target);

/** calls_end() - Stop counting; returns how many there were */
uint64_t calls_end(struct calls *c);

#endif /* TESTS_BENCH_LIB_CALLS_H */
