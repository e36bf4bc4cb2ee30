/*
 * What was measured, for people and for programs.
 */
#ifndef TESTS_BENCH_LIB_REPORT_H
#define TESTS_BENCH_LIB_REPORT_H

#include <stdint.h>
#include <stdio.h>

struct row;

enum {
	REPORT_MAX_ROUNDS = 100,
	REPORT_MAX_NAMES = 6,
	/* Times of single operations that are kept, all rounds together. */
	REPORT_MAX_SAMPLES = 1 << 18,
};

/**
 * struct result - One contender's for one operation at one depth
 * @name:	Contender
 * @queue_cnt:	Queues that it uses
 * @ops_per_s:	Operations in a second, by round
 * @cpu_ns:	Processor time of the server for an operation, by round
 * @ratio:	How many times as many operations the first contender did in
 *		the same round
 * @round_cnt:	Rounds; 0: it cannot do this
 * @sample:	Nanoseconds of operations
 * @sample_cnt:	How many
 * @requests:	Requests for an operation
 * @calls:	The server's system calls for a request; negative: not counted
 */
struct result {
	const char *name;
	unsigned int queue_cnt;
	double ops_per_s[REPORT_MAX_ROUNDS];
	double cpu_ns[REPORT_MAX_ROUNDS];
	double ratio[REPORT_MAX_ROUNDS];
	unsigned int round_cnt;
	uint32_t sample[REPORT_MAX_SAMPLES];
	unsigned int sample_cnt;
	double requests;
	double calls;
};

/**
 * struct report - Where results go
 * @json:	Stream, or NULL
 * @row_cnt:	Rows so far
 */
struct report {
	FILE *json;
	unsigned int row_cnt;
};

/** report_begin() - Print what comes before the first row */
void report_begin(struct report *r);

/**
 * report_row() - Print an operation's results
 * @r:		Report
 * @row:	Operation
 * @depth:	So many at once, in each queue
 * @result:	Of all contenders; is sorted
 * @cnt:	How many
 */
void report_row(struct report *r, const struct row *row, unsigned int depth,
		struct result *result, unsigned int cnt);

/** report_end() - Print what comes after the last row */
void report_end(struct report *r);

#endif /* TESTS_BENCH_LIB_REPORT_H */
