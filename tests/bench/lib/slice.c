/*
 * A short time in which one device does operations of one kind.
 */
#include "tests/bench/lib/slice.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "tests/bench/lib/rows.h"
#include "tests/bench/lib/session.h"
#include "tests/bench/lib/target.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

/** struct run - What goes on in a queue during a slice */
struct run {
	struct slice slice;
	int err;
	pthread_t thread;
	struct session *s;
	const struct row *row;
	uint64_t begun;
	uint64_t start_ns;
	uint64_t now_ns;
	unsigned int active;
};

uint64_t slice_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void send_step(struct run *run, struct slot *slot)
{
	run->row->step[slot->step].fill(slot, run->row);
	slot_send(slot);
}

static void begin(struct run *run, struct slot *slot)
{
	const struct slice *slice = &run->slice;

	if (run->begun == slice->max_ops ||
	    run->now_ns - run->start_ns >= slice->max_ns)
		return;
	run->begun++;
	run->active++;
	slot->begun++;
	slot->step = 0;
	slot->offset = 0;
	slot->cnt = 0;
	slot->start_ns = run->now_ns;
	send_step(run, slot);
}

static void end(struct run *run, const struct slot *slot)
{
	struct slice *slice = &run->slice;

	run->now_ns = slice_now();
	if (slice->sample_cnt < slice->sample_max)
		slice->sample[slice->sample_cnt++] =
			MIN(run->now_ns - slot->start_ns, UINT32_MAX);
	slice->ops++;
	run->active--;
}

/* Go on with the operation whose request was replied to. */
static int go_on(struct run *run, struct slot *slot)
{
	const struct step *step = &run->row->step[slot->step];
	int err = slot_check(slot);

	if (!err)
		err = step->check(slot, run->row);
	if (err < 0)
		return err;
	if (!err)
		slot->step++;
	if (run->row->step[slot->step].fill) {
		send_step(run, slot);
		return 0;
	}
	end(run, slot);
	begin(run, slot);
	return 0;
}

static void *run_queue(void *arg)
{
	struct run *run = arg;
	struct session *s = run->s;
	uint64_t requests = s->requests;

	run->start_ns = slice_now();
	run->now_ns = run->start_ns;
	for (unsigned int i = 0; i < run->slice.depth; i++) {
		s->slot[i].begun = 0;
		begin(run, &s->slot[i]);
	}
	while (!run->err && run->active)
		run->err = go_on(run, session_wait(s));
	run->slice.ns = run->now_ns - run->start_ns;
	run->slice.requests = s->requests - requests;
	return NULL;
}

/* Each queue's processor is a thread. */
static int run_threads(struct run *run, unsigned int cnt)
{
	unsigned int begun = 0;
	int err = 0;

	for (; !err && begun < cnt; begun++) {
		err = session_share(run[begun].s, true);
		if (!err)
			err = -pthread_create(&run[begun].thread, NULL,
					      run_queue, &run[begun]);
		if (err)
			break;
	}
	for (unsigned int i = 0; i < begun; i++)
		pthread_join(run[i].thread, NULL);
	for (unsigned int i = 0; i < cnt; i++)
		session_share(run[i].s, false);
	return err;
}

/* Add up what the queues have done. */
static void add(struct slice *slice, const struct run *run)
{
	slice->ops += run->slice.ops;
	slice->requests += run->slice.requests;
	slice->ns = MAX(slice->ns, run->slice.ns);
	for (unsigned int i = 0; i < run->slice.sample_cnt; i++)
		slice->sample[slice->sample_cnt++] = run->slice.sample[i];
}

/* Prepare a queue's part, with its share of the samples. */
static void divide(struct run *run, const struct slice *slice, unsigned int i)
{
	run->slice = *slice;
	run->slice.sample_max /= slice->queue_cnt;
	if (slice->sample)
		run->slice.sample += i * run->slice.sample_max;
}

int slice_run(struct slice *slice, struct session *s, const struct row *row,
	      struct fail *fail)
{
	struct run run[SESSION_MAX] = {0};
	uint64_t cpu_ns = target_cpu_ns(s->target);
	int err = 0;

	slice->ops = slice->requests = slice->ns = 0;
	slice->sample_cnt = 0;
	for (unsigned int i = 0; i < slice->queue_cnt; i++) {
		divide(&run[i], slice, i);
		run[i].s = &s[i];
		run[i].row = row;
	}
	if (slice->queue_cnt > 1)
		err = run_threads(run, slice->queue_cnt);
	else
		run_queue(run);
	for (unsigned int i = 0; !err && i < slice->queue_cnt; i++) {
		err = run[i].err;
		add(slice, &run[i]);
	}
	if (!err) {
		session_drain_forgets(s);
		slice->cpu_ns = target_cpu_ns(s->target) - cpu_ns;
	}
	for (unsigned int i = 0; !err && row->finish && i < slice->queue_cnt;
	     i++)
		err = row->finish(&s[i], row, slice->depth);
	if (err)
		return fail_set(fail, err, "%s: %s, %u at once: %s",
				s->target->name, row->name, slice->depth,
				strerror(-err));
	return 0;
}
