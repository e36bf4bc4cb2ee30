/*
 * What a server was asked, how often, and how long it took.
 */
#include "devices/fs/stats.h"

#include <stdlib.h>
#include <time.h>

#include "vmm/base/bits.h"

struct stats *stats_create(void)
{
	return calloc(1, sizeof(struct stats));
}

uint64_t stats_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int bucket = ns ? 63 - __builtin_clzll(ns) : 0;

	return MIN(bucket, STATS_BUCKETS - 1);
}

void stats_count(struct stats *stats, uint32_t opcode, int err, uint64_t ns)
{
	struct stats_op *op = &stats->op[opcode < STATS_NUM_OPS ? opcode : 0];
	uint64_t max_ns = get(&op->max_ns);

	add(&op->count, 1);
	add(&op->error_cnt, err != 0);
	add(&op->total_ns, ns);
	add(&op->bucket[bucket_of(ns)], 1);
	/* A failed exchange loads what another thread has put there. */
	while (ns > max_ns &&
	       !atomic_compare_exchange_weak(&op->max_ns, &max_ns, ns))
		;
}
