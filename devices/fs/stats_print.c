/*
 * What was counted, as JSON.
 */
#include <inttypes.h>

#include "devices/fs/dispatch.h"
#include "devices/fs/server.h"
#include "devices/fs/stats.h"
#include "vmm/base/bits.h"

/* The end of the bucket in which the fastest @percent of all requests end. */
static uint64_t percentile_ns(const struct stats_op *op, unsigned int percent)
{
	uint64_t max_ns = op->max_ns;
	uint64_t rank = (op->count * percent + 99) / 100;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < STATS_BUCKETS - 1; i++) {
		sum += op->bucket[i];
		if (sum >= rank)
			return MIN(BIT(i + 1) - 1, max_ns);
	}
	return max_ns;
}

static void print_histogram(const struct stats_op *op, FILE *to)
{
	unsigned int cnt = STATS_BUCKETS;

	while (cnt && !op->bucket[cnt - 1])
		cnt--;
	fputs("\"log2_ns\":[", to);
	for (unsigned int i = 0; i < cnt; i++)
		fprintf(to, "%s%" PRIu64, i ? "," : "", op->bucket[i]);
	fputs("]", to);
}

static void print_op(const struct stats_op *op, const char *name, FILE *to)
{
	fprintf(to,
		"\"%s\":{\"count\":%" PRIu64 ",\"errors\":%" PRIu64
		",\"total_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu64
		",\"p99_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 ",",
		name, op->count, op->error_cnt, op->total_ns,
		percentile_ns(op, 50), percentile_ns(op, 99), op->max_ns);
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

		if (!op->count)
			continue;
		fputs(separator, to);
		print_op(op, i ? fs_op_name(i) : "other", to);
		separator = ",";
	}
	fputs("}}", to);
}
