/*
 * What a server was asked, how often, and how long it took.
 */
#include "devices/fs/stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "devices/fs/dispatch.h"
#include "devices/fs/server.h"
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
	bool is_known = opcode < STATS_NUM_OPS && fs_op_name(opcode);
	struct stats_op *op = &stats->op[is_known ? opcode : 0];
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

/* The end of the bucket in which the fastest @percent of all requests end. */
static uint64_t percentile_ns(const struct stats_op *op, unsigned int percent)
{
	uint64_t max_ns = get(&op->max_ns);
	uint64_t rank = (get(&op->count) * percent + 99) / 100;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < STATS_BUCKETS - 1; i++) {
		sum += get(&op->bucket[i]);
		if (sum >= rank)
			return MIN(BIT(i + 1) - 1, max_ns);
	}
	return max_ns;
}

static void print_histogram(const struct stats_op *op, FILE *to)
{
	unsigned int cnt = STATS_BUCKETS;

	while (cnt && !get(&op->bucket[cnt - 1]))
		cnt--;
	fputs("\"log2_ns\":[", to);
	for (unsigned int i = 0; i < cnt; i++)
		fprintf(to, "%s%" PRIu64, i ? "," : "", get(&op->bucket[i]));
	fputs("]", to);
}

static void print_op(const struct stats_op *op, const char *name, FILE *to)
{
	fprintf(to,
		"\"%s\":{\"count\":%" PRIu64 ",\"errors\":%" PRIu64
		",\"total_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu64
		",\"p99_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 ",",
		name, get(&op->count), get(&op->error_cnt), get(&op->total_ns),
		percentile_ns(op, 50), percentile_ns(op, 99), get(&op->max_ns));
	print_histogram(op, to);
	fputs("}", to);
}

static void print_string(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\' || c < ' ' || c > '~')
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

/* Objects that the guest may name. */
static uint32_t count_live(struct table *t)
{
	uint32_t cnt = 0;

	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 1; i <= t->used_cnt; i++) {
		const struct table_slot *slot = table_at(t, i);

		cnt += slot->live;
	}
	pthread_mutex_unlock(&t->lock);
	return cnt;
}

void stats_print(struct fs *fs, const char *tag, FILE *to)
{
	const char *separator = "";

	fputs("{\"tag\":", to);
	print_string(tag, to);
	fprintf(to, ",\"inodes\":%" PRIu32 ",\"handles\":%" PRIu32,
		count_live(&fs->inodes.table), count_live(&fs->handles.table));
	fputs(",\"requests\":{", to);
	for (uint32_t i = 0; i < STATS_NUM_OPS; i++) {
		const struct stats_op *op = &fs->stats->op[i];

		if (!get(&op->count))
			continue;
		fputs(separator, to);
		print_op(op, i ? fs_op_name(i) : "other", to);
		separator = ",";
	}
	fputs("}}", to);
}
