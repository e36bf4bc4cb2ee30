/*
 * Lines on standard error. Libraries and devices do not log what a caller can
 * report; what a guest can cause is rate limited.
 */
#ifndef VMM_BASE_LOG_H
#define VMM_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

/* A guest gets this many lines of a kind, then one a second. */
enum { LOG_LIMIT_BURST = 8 };

/**
 * struct log_limit - Budget for one kind of line that a guest can cause
 * @until_ns:	CLOCK_MONOTONIC time up to which the budget is used up [caller]
 */
struct log_limit {
	uint64_t until_ns;
};

/**
 * log_hide_controls() - Make one line of a text
 * @text:	Changed in place
 * @len:	Its length
 *
 * Names in a line may come from the guest or a path: what could end the line or
 * drive the terminal becomes a question mark. UTF-8 passes.
 */
void log_hide_controls(char *text, size_t len);

/**
 * log_line() - Print "wherry: " and one line on standard error
 * @fmt:	printf format, without a newline
 *
 * Any thread; the line is one write, so lines of threads do not mix. Control
 * characters are shown as question marks: it stays one line.
 * #syscalls(loop): write
 */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * log_guest() - Print a line about what the guest did, if the budget allows
 * @limit:	Budget of this kind of line; zero at first; one thread at a time
 * @device:	Name of the device, first in the line
 * @fmt:	printf format, without a newline
 *
 * #syscalls(loop vcpu fs fs-aux): clock_gettime write
 */
void log_guest(struct log_limit *limit, const char *device, const char *fmt,
	       ...) __attribute__((format(printf, 3, 4)));

#endif /* VMM_BASE_LOG_H */
