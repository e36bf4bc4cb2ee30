/*
 * What a process and all that it starts have used, by the kernel's counters.
 */
#ifndef TESTS_BENCH_MEASURE_COUNTS_H
#define TESTS_BENCH_MEASURE_COUNTS_H

#include <stdint.h>
#include <sys/types.h>

enum counts_event {
	COUNTS_CPU,
	COUNTS_CALLS,
	COUNTS_EXITS,
	COUNTS_USER_EXITS,
	COUNTS_NUM_EVENTS,
};

struct counts {
	int fd[COUNTS_NUM_EVENTS];
};

struct sample {
	uint64_t ns;
	uint64_t cpu_ns;
	uint64_t exits;
	uint64_t user_exits;
	uint64_t calls;
	uint64_t daemon_calls;
};

/**
 * counts_begin() - Count what @pid and its later children do
 *
 * Return: 0, or -1 with errno set
 */
int counts_begin(struct counts *c, pid_t pid);

/** counts_read() - What they did so far, all but @sample's time and daemon */
void counts_read(const struct counts *c, struct sample *sample);

/**
 * counts_pss_kib() - Proportional memory of @pid and its children, without
 *		      what is the guest's: RAM, window and unpacked kernel
 */
uint64_t counts_pss_kib(pid_t pid);

/** counts_cpu_ns() - CPU time of @pid and its children so far */
uint64_t counts_cpu_ns(pid_t pid);

#endif /* TESTS_BENCH_MEASURE_COUNTS_H */
