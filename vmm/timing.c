/*
 * The times of a start, for --timing.
 */
#include "vmm/timing.h"

#include <stdio.h>
#include <time.h>

#include "vmm/base/bits.h"

static const char *const names[] = {
	[TIMING_EXEC] = "exec",
	[TIMING_FIRST_RUN] = "first_kvm_run",
	[TIMING_KERNEL_ENTRY] = "kernel_entry",
	[TIMING_INIT] = "init",
	[TIMING_STARTED] = "command_start",
	[TIMING_ENDED] = "command_end",
};
_Static_assert(ARRAY_SIZE(names) == TIMING_NUM_EVENTS, "a name for each");

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

uint64_t timing_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void timing_init(struct timing *timing)
{
	*timing = (struct timing){0};
	timing->at_ns[TIMING_EXEC] =
		timing_now_ns() - clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void timing_mark(struct timing *timing, enum timing_event event)
{
	timing->at_ns[event] = timing_now_ns();
}

void timing_print(const struct timing *timing)
{
	fputs("{\"unit\":\"ms\"", stderr);
	for (size_t i = 0; i < TIMING_NUM_EVENTS; i++) {
		int64_t since = (int64_t)(timing->at_ns[i] -
					  timing->at_ns[TIMING_EXEC]);

		if (!timing->at_ns[i])
			continue;
		fprintf(stderr, ",\"%s\":%.3f", names[i], (double)since / 1e6);
	}
	fprintf(stderr, ",\"user_exits\":%llu}\n",
		(unsigned long long)timing->exit_cnt);
}
