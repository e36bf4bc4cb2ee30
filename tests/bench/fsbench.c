/*
 * How fast virtio-fs devices are, without a guest: this program plays the
 * guest's driver. It drives Wherry's device, whose threads run in this process
 * under the filters of system calls, and any vhost-user-fs daemon.
 *
 * usage: fsbench [--json FILE] [--peer NAME=COMMAND]... [--no-filter]
 *		  [--rounds N] [--slice MS] [--row NAME] [--depth N]
 *		  [--queues N] DIRECTORY
 *
 * Wherry takes part with one queue for requests and, unless --queues is 1, once
 * more with two, each driven by a thread of its own as by a processor of the
 * guest's. Daemons have one: QEMU's virtiofsd ends when there is a second one.
 * With --no-filter Wherry takes part once more, without filters. DIRECTORY is
 * served by all and must be empty. COMMAND is a daemon that serves it, too; it
 * gets one more word, --fd=N (a socket that listens).
 *
 * All contenders take turns in slices of some ms, another one begins in each
 * round, and what is compared are slices of the same round: so a busy machine
 * is busy for all. System calls are counted in a slice of their own, which is
 * not measured. Every reply is checked; a wrong one ends it with status 1.
 *
 * What it leaves out: a kick costs an exit, an interrupt an injection, and on
 * virtio-mmio one more exit to acknowledge it (QEMU: two).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/lib/calls.h"
#include "tests/bench/lib/report.h"
#include "tests/bench/lib/rows.h"
#include "tests/bench/lib/session.h"
#include "tests/bench/lib/slice.h"
#include "tests/bench/lib/vhost.h"
#include "tests/bench/lib/wherry.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

enum {
	MAX_PEERS = REPORT_MAX_NAMES - 3,
	PATIENCE_S = 30, /* for a slice: then something hangs */
	WARM_UP_OPS = 300,
	COUNTED_OPS = 1000,
};

/* More data than a processor's own cache. */
static const struct session_files files = {1000, MIB(64)};

static const unsigned int depths[] = {1, 4, 16, 64};

/**
 * struct contender - Who is measured
 * @session:	Sessions of its device
 * @queue_cnt:	How many of them are used
 */
struct contender {
	struct session *session;
	unsigned int queue_cnt;
};

/**
 * struct bench - All that takes part
 * @wherry:	First contender, and the second one, if @queue_cnt is 2
 * @peer:	Others
 * @peer_cnt:	How many
 * @bare:	Last contender, if @with_bare: the first one without filters
 * @with_bare:	It takes part
 * @session:	By device, each on one queue
 * @device_cnt:	Devices
 * @contender:	Who is measured
 * @cnt:	How many
 * @result:	By contender
 * @report:	Where they go
 * @rounds:	How often all take turns
 * @slice_ns:	For how long
 * @row:	Only this operation, or NULL
 * @depth:	Only so many at once, or 0
 * @queue_cnt:	Most queues that Wherry takes part with
 */
struct bench {
	struct wherry wherry;
	struct vhost peer[MAX_PEERS];
	unsigned int peer_cnt;
	struct wherry bare;
	bool with_bare;
	struct session session[REPORT_MAX_NAMES][SESSION_MAX];
	unsigned int device_cnt;
	struct contender contender[REPORT_MAX_NAMES];
	unsigned int cnt;
	struct result result[REPORT_MAX_NAMES];
	struct report report;
	unsigned int rounds;
	uint64_t slice_ns;
	const char *row;
	unsigned int depth;
	unsigned int queue_cnt;
};

static void die(struct bench *b, const struct fail *fail)
{
	fprintf(stderr, "fsbench: %s\n", fail->text);
	for (unsigned int i = 0; i < b->peer_cnt; i++)
		vhost_stop(&b->peer[i]);
	exit(1);
}

static struct target *target_of(const struct bench *b, unsigned int i)
{
	return b->contender[i].session->target;
}

static void run(struct bench *b, unsigned int i, const struct row *row,
		struct slice *slice)
{
	const struct contender *who = &b->contender[i];
	struct fail fail;

	alarm(PATIENCE_S);
	slice->queue_cnt = who->queue_cnt;
	if (slice_run(slice, who->session, row, &fail))
		die(b, &fail);
	alarm(0);
}

/* Before anything is measured, and with each byte looked at. */
static void warm_up(struct bench *b, unsigned int i, const struct row *row,
		    unsigned int depth)
{
	struct slice slice = {
		.depth = depth,
		.max_ops = WARM_UP_OPS,
		.max_ns = b->slice_ns,
	};

	for (unsigned int j = 0; j < SESSION_MAX; j++)
		b->contender[i].session[j].thorough = true;
	run(b, i, row, &slice);
	for (unsigned int j = 0; j < SESSION_MAX; j++)
		b->contender[i].session[j].thorough = false;
}

static void count_calls(struct bench *b, unsigned int i, const struct row *row,
			unsigned int depth)
{
	struct slice slice = {
		.depth = depth,
		.max_ops = COUNTED_OPS,
		.max_ns = b->slice_ns,
	};
	static struct calls calls;
	bool counts = !calls_begin(&calls, target_of(b, i));
	struct result *result = &b->result[i];
	uint64_t cnt;

	run(b, i, row, &slice);
	cnt = calls_end(&calls);
	result->requests = (double)slice.requests / slice.ops;
	result->calls = counts ? (double)cnt / slice.requests : -1;
}

static void measure(struct bench *b, unsigned int i, const struct row *row,
		    unsigned int depth)
{
	struct result *result = &b->result[i];
	unsigned int round = result->round_cnt++;
	struct slice slice = {
		.depth = depth,
		.max_ops = UINT64_MAX,
		.max_ns = b->slice_ns,
		.sample = result->sample + result->sample_cnt,
		.sample_max = REPORT_MAX_SAMPLES / b->rounds,
	};

	run(b, i, row, &slice);
	result->sample_cnt += slice.sample_cnt;
	result->ops_per_s[round] = slice.ops * 1e9 / slice.ns;
	result->cpu_ns[round] = (double)slice.cpu_ns / slice.ops;
}

static bool can_do(const struct bench *b, unsigned int i, const struct row *row)
{
	return !row->maps || target_of(b, i)->window;
}

static void do_row(struct bench *b, const struct row *row, unsigned int depth)
{
	for (unsigned int i = 0; i < b->cnt; i++) {
		b->result[i].name = target_of(b, i)->name;
		b->result[i].queue_cnt = b->contender[i].queue_cnt;
		b->result[i].round_cnt = 0;
		b->result[i].sample_cnt = 0;
		if (can_do(b, i, row))
			warm_up(b, i, row, depth);
	}
	for (unsigned int round = 0; round < b->rounds; round++) {
		for (unsigned int j = 0; j < b->cnt; j++) {
			unsigned int i = (j + round) % b->cnt;

			if (can_do(b, i, row))
				measure(b, i, row, depth);
		}
		for (unsigned int i = 0; i < b->cnt; i++)
			b->result[i].ratio[round] =
				b->result[0].ops_per_s[round] /
				b->result[i].ops_per_s[round];
	}
	for (unsigned int i = 0; i < b->cnt; i++) {
		if (can_do(b, i, row))
			count_calls(b, i, row, depth);
	}
	report_row(&b->report, row, depth, b->result, b->cnt);
}

static struct target *device(struct bench *b, unsigned int i)
{
	if (!i)
		return &b->wherry.target;
	return i <= b->peer_cnt ? &b->peer[i - 1].target : &b->bare.target;
}

/* A session on a device, and another one on its second queue if it has one. */
static void add_contenders(struct bench *b, unsigned int i, int dir_fd)
{
	struct session *s = b->session[i];
	unsigned int cnt = i ? 1 : b->queue_cnt;
	struct fail fail;

	s->files = files;
	s->dir_fd = dir_fd;
	if (session_init(s, device(b, i), &fail) ||
	    (cnt > 1 && session_join(s + 1, s, &fail)))
		die(b, &fail);
	for (unsigned int j = 1; j <= cnt; j++)
		b->contender[b->cnt++] = (struct contender){s, j};
}

static void start(struct bench *b, const char *dir, char **peers)
{
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct fail fail;

	errno = dir_fd < 0 ? errno : -session_make_files(dir_fd, &files);
	if (errno)
		err(1, "%s", dir);
	for (unsigned int i = 0; i < b->peer_cnt; i++) {
		const char *name = strsep(&peers[i], "=");

		if (!peers[i])
			errx(2, "--peer %s: write NAME=COMMAND", name);
		if (vhost_start(&b->peer[i], name, peers[i], &fail))
			die(b, &fail);
	}
	if (wherry_start(&b->wherry, dir, true, &fail) ||
	    (b->with_bare && wherry_start(&b->bare, dir, false, &fail)))
		die(b, &fail);
	b->device_cnt = 1 + b->peer_cnt + b->with_bare;
	for (unsigned int i = 0; i < b->device_cnt; i++)
		add_contenders(b, i, dir_fd);
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "limit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "limit");
}

static void parse(struct bench *b, int argc, char **argv, char **peers)
{
	static const struct option options[] = {
		{"json", required_argument, NULL, 'j'},
		{"peer", required_argument, NULL, 'p'},
		{"no-filter", no_argument, NULL, 'f'},
		{"rounds", required_argument, NULL, 'n'},
		{"slice", required_argument, NULL, 's'},
		{"row", required_argument, NULL, 'r'},
		{"depth", required_argument, NULL, 'd'},
		{"queues", required_argument, NULL, 'q'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			b->report.json = fopen(optarg, "we");
		else if (c == 'p' && b->peer_cnt < MAX_PEERS)
			peers[b->peer_cnt++] = optarg;
		else if (c == 'f')
			b->with_bare = true;
		else if (c == 'n')
			b->rounds =
				MIN(MAX(atoi(optarg), 1), REPORT_MAX_ROUNDS);
		else if (c == 's')
			b->slice_ns = MAX(atoi(optarg), 1) * 1000000ULL;
		else if (c == 'r')
			b->row = optarg;
		else if (c == 'd')
			b->depth = atoi(optarg);
		else if (c == 'q')
			b->queue_cnt = MIN(MAX(atoi(optarg), 1), SESSION_MAX);
		else
			exit(2);
		if (c == 'j' && !b->report.json)
			err(1, "%s", optarg);
	}
	if (argc - optind != 1)
		errx(2, "usage: fsbench [--json FILE] [--peer NAME=COMMAND]... "
			"[--no-filter] [--rounds N] [--slice MS] [--row NAME] "
			"[--depth N] [--queues N] DIRECTORY");
}

int main(int argc, char **argv)
{
	static struct bench bench = {
		.rounds = 15,
		.slice_ns = 20000000,
		.queue_cnt = SESSION_MAX,
	};
	char *peers[MAX_PEERS];

	parse(&bench, argc, argv, peers);
	raise_file_limit();
	start(&bench, argv[optind], peers);
	report_begin(&bench.report);
	for (unsigned int i = 0; i < rows_cnt; i++) {
		if (bench.row && strcmp(bench.row, rows[i].name))
			continue;
		for (unsigned int j = 0; j < ARRAY_SIZE(depths); j++) {
			if (!bench.depth || bench.depth == depths[j])
				do_row(&bench, &rows[i], depths[j]);
		}
	}
	report_end(&bench.report);
	for (unsigned int i = 0; i < bench.peer_cnt; i++)
		vhost_stop(&bench.peer[i]);
	wherry_stop(&bench.wherry);
	if (bench.with_bare)
		wherry_stop(&bench.bare);
	return 0;
}
