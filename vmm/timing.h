/*
 * The times of a start, for --timing.
 */
#ifndef VMM_TIMING_H
#define VMM_TIMING_H

#include <stdint.h>

/** enum timing_event - Moments in their order */
enum timing_event {
	TIMING_EXEC,	     /* the monitor was executed */
	TIMING_FIRST_RUN,    /* the first KVM_RUN */
	TIMING_KERNEL_ENTRY, /* the guest kernel's clock began */
	TIMING_INIT,	     /* the guest's init was up */
	TIMING_STARTED,	     /* the command was executed */
	TIMING_ENDED,	     /* the command ended */
	TIMING_NUM_EVENTS,
};

/**
 * struct timing - When what happened
 * @at_ns:	CLOCK_MONOTONIC of each event, 0 if it did not happen
 * @exit_cnt:	Exits of all processors to the monitor, over the whole run
 */
struct timing {
	uint64_t at_ns[TIMING_NUM_EVENTS];
	uint64_t exit_cnt;
};

/**
 * timing_init() - Note when this process was executed
 *
 * To be called first in main(). What came before (loading libraries) is CPU
 * time of this process, so exec was that long ago.
 */
void timing_init(struct timing *timing);

/** timing_mark() - Note that something happens now */
void timing_mark(struct timing *timing, enum timing_event event);

/**
 * timing_now_ns() - CLOCK_MONOTONIC in nanoseconds
 *
 * #syscalls(loop): clock_gettime
 */
uint64_t timing_now_ns(void);

/**
 * timing_print() - Print one line of JSON on standard error: milliseconds since
 *		    exec of each moment that came, and how often the guest left
 *		    for the monitor
 *
 * #syscalls(loop): write
 */
void timing_print(const struct timing *timing);

#endif /* VMM_TIMING_H */
