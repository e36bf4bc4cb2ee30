/*
 * Time since the guest's kernel started.
 */
#ifndef BOOT_GUEST_CLOCK_H
#define BOOT_GUEST_CLOCK_H

#include <stdint.h>
#include <time.h>

/** clock_ns() - CLOCK_MONOTONIC in nanoseconds */
static inline uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/** clock_ms() - CLOCK_MONOTONIC in milliseconds */
static inline int64_t clock_ms(void)
{
	return (int64_t)(clock_ns() / 1000000);
}

#endif /* BOOT_GUEST_CLOCK_H */
