/*
 * A short time in which one device does operations of one kind, as many at once
 * as there are slots in use, in one queue or in each of two.
 */
#ifndef TESTS_BENCH_LIB_SLICE_H
#define TESTS_BENCH_LIB_SLICE_H

#include <stdint.h>

struct fail;
struct row;
struct session;

/**
 * struct slice - A slice and what came out of it
 * @queue_cnt:	Queues, up to SESSION_MAX
 * @depth:	Operations at once in each, up to SESSION_SLOTS
 * @max_ops:	None begins in a queue after so many ...
 * @max_ns:	... or after this time
 * @ops:	Operations done
 * @requests:	Requests that they took
 * @ns:	Time that they took, where it was longest
 * @cpu_ns:	Processor time of those who served them
 * @sample:	Nanoseconds of operations [borrowed]
 * @sample_max:	Most of them
 * @sample_cnt:	How many there are
 */
struct slice {
	unsigned int queue_cnt;
	unsigned int depth;
	uint64_t max_ops;
	uint64_t max_ns;
	uint64_t ops;
	uint64_t requests;
	uint64_t ns;
	uint64_t cpu_ns;
	uint32_t *sample;
	unsigned int sample_max;
	unsigned int sample_cnt;
};

/**
 * slice_run() - Do operations
 * @slice:	@queue_cnt, @depth and limits are given, results filled
 * @s:		Sessions of a device, one for each queue. More than one: each
 *		has a thread meanwhile
 * @row:	Operation
 * @fail:	Receives one line about a wrong reply
 *
 * Return: 0, or a negative errno with @fail set: then @s is of no use any more
 */
int slice_run(struct slice *slice, struct session *s, const struct row *row,
	      struct fail *fail);

/** slice_now() - Nanoseconds of a clock that runs all the time */
uint64_t slice_now(void);

#endif /* TESTS_BENCH_LIB_SLICE_H */
