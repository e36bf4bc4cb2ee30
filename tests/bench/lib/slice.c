/*
 * A short time in which one device does operations of one kind.
 */
#include "tests/bench/lib/slice.h"

#include <string.h>
#include <time.h>

#include "tests/bench/lib/rows.h"
#include "tests/bench/lib/session.h"
#include "tests/bench/lib/target.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

/** struct run - What goes on during a slice */
struct run {
	struct slice *slice;
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
	const struct slice *slice = run->slice;

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
	struct slice *slice = run->slice;

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

int slice_run(struct slice *slice, struct session *s, const struct row *row,
	      struct fail *fail)
{
	struct run run = {.slice = slice, .s = s, .row = row};
	uint64_t cpu_ns = target_cpu_ns(s->target);
	uint64_t requests = s->requests;
	int err = 0;

	slice->ops = 0;
	slice->sample_cnt = 0;
	run.start_ns = slice_now();
	run.now_ns = run.start_ns;
	for (unsigned int i = 0; i < slice->depth; i++) {
		s->slot[i].begun = 0;
		begin(&run, &s->slot[i]);
	}
	while (!err && run.active)
		err = go_on(&run, session_wait(s));
	if (!err) {
		session_drain_forgets(s);
		slice->ns = run.now_ns - run.start_ns;
		slice->cpu_ns = target_cpu_ns(s->target) - cpu_ns;
		slice->requests = s->requests - requests;
		if (row->finish)
			err = row->finish(s, row, slice->depth);
	}
	if (err)
		return fail_set(fail, err, "%s: %s, %u at once: %s",
				s->target->name, row->name, slice->depth,
				strerror(-err));
	return 0;
}
