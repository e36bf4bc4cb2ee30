/*
 * What was measured: a table on standard output, and JSON.
 */
#include "tests/bench/lib/report.h"

#include <stdlib.h>

#include "tests/bench/lib/rows.h"

static int compare_double(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int compare_u32(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *list, unsigned int cnt)
{
	qsort(list, cnt, sizeof(*list), compare_double);
	return (list[(cnt - 1) / 2] + list[cnt / 2]) / 2;
}

/* Microseconds that @percent of the operations took at most. */
static double percentile(const struct result *result, unsigned int percent)
{
	uint64_t last = result->sample_cnt - 1;

	return result->sample[last * percent / 100] / 1e3;
}

void report_begin(struct report *r)
{
	printf("| operation | at once | server | queues | op/s | median us | "
	       "p99 us | CPU us/op | calls/request | wherry's op/s / this |\n"
	       "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|\n");
	if (r->json)
		fprintf(r->json, "[");
}

static void put_json(struct report *r, const char *row, unsigned int depth,
		     const double value[7], const struct result *result)
{
	fprintf(r->json,
		"%s\n{\"row\": \"%s\", \"depth\": %u, \"server\": \"%s\", "
		"\"queues\": %u, \"ops_per_s\": %.1f, \"median_us\": %.3f, "
		"\"p99_us\": %.3f, "
		"\"cpu_us\": %.3f, \"calls_per_request\": ",
		r->row_cnt++ ? "," : "", row, depth, result->name,
		result->queue_cnt, value[0], value[1], value[2], value[3]);
	if (value[4] < 0)
		fprintf(r->json, "null");
	else
		fprintf(r->json, "%.3f", value[4]);
	fprintf(r->json, ", \"requests_per_op\": %.3f, \"ratio\": %.3f}",
		value[5], value[6]);
	fflush(r->json);
}

void report_row(struct report *r, const struct row *row, unsigned int depth,
		struct result *result, unsigned int cnt)
{
	for (; cnt; cnt--, result++) {
		double value[7];

		if (!result->round_cnt || !result->sample_cnt)
			continue;
		qsort(result->sample, result->sample_cnt,
		      sizeof(*result->sample), compare_u32);
		value[0] = median(result->ops_per_s, result->round_cnt);
		value[1] = percentile(result, 50);
		value[2] = percentile(result, 99);
		value[3] = median(result->cpu_ns, result->round_cnt) / 1e3;
		value[4] = result->calls;
		value[5] = result->requests;
		value[6] = median(result->ratio, result->round_cnt);
		printf("| %s | %u | %s | %u | %.0f | %.1f | %.1f | %.2f | ",
		       row->name, depth, result->name, result->queue_cnt,
		       value[0], value[1], value[2], value[3]);
		if (value[4] < 0)
			printf("- | %.2f |\n", value[6]);
		else
			printf("%.2f | %.2f |\n", value[4], value[6]);
		if (r->json)
			put_json(r, row->name, depth, value, result);
	}
	fflush(stdout);
}

void report_end(struct report *r)
{
	if (r->json)
		fprintf(r->json, "\n]\n");
}
