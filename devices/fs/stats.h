/*
 * What a server was asked, how often, and how long it took.
 *
 * Theory of operation: each operation has counters and a histogram, whose
 * bucket n counts what took 2^n to 2^(n+1) - 1 nanoseconds; the last one also
 * what took longer. All threads add to them, each number by itself: together
 * they fit only when nobody serves any more. Operations that are not served,
 * whatever their number, and requests without a header are counted together,
 * as number 0, which the protocol does not use.
 */
#ifndef DEVICES_FS_STATS_H
#define DEVICES_FS_STATS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

struct fs;

enum {
	STATS_NUM_OPS = 64, /* the last one of the protocol is 52 */
	STATS_BUCKETS = 40, /* up to 18 minutes */
};

/**
 * struct stats_op - What is counted of an operation
 * @count:	Requests
 * @error_cnt:	Of them, those whose result was an error, ENOENT among them
 * @total_ns:	Time of all
 * @max_ns:	Time of the longest
 * @bucket:	Requests by the logarithm of their time
 */
struct stats_op {
	_Atomic uint64_t count;
	_Atomic uint64_t error_cnt;
	_Atomic uint64_t total_ns;
	_Atomic uint64_t max_ns;
	_Atomic uint64_t bucket[STATS_BUCKETS];
};

/**
 * struct stats - What is counted of a server
 * @op:		By opcode
 */
struct stats {
	struct stats_op op[STATS_NUM_OPS];
};

/** stats_create() - All zero, to be given to free(); NULL without memory */
struct stats *stats_create(void);

/**
 * stats_now_ns() - The clock
 *
 * #syscalls(fs fs-aux): clock_gettime
 */
uint64_t stats_now_ns(void);

/**
 * stats_count() - A request was served; any thread
 * @stats:	Where to count it
 * @opcode:	Of an operation that is served, or 0 for all others
 * @err:	Its result
 * @ns:		The time it took
 */
void stats_count(struct stats *stats, uint32_t opcode, int err, uint64_t ns);

/**
 * stats_print() - Print a server's counters as a JSON object, without newline
 * @fs:		Server that counts, and that no thread serves any more
 * @tag:	What it is called
 * @to:		Stream
 *
 * Only operations that were asked for are in it, in the order of their numbers,
 * and of a histogram only the buckets up to the last one that is not 0. The
 * bytes of @tag that are not ASCII are printed as characters of their number.
 */
void stats_print(struct fs *fs, const char *tag, FILE *to);

#endif /* DEVICES_FS_STATS_H */
