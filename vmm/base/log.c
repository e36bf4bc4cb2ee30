/*
 * Lines on standard error.
 *
 * Theory of operation: a budget is the time up to which it is used up. Each
 * line moves that time on by one second; a line is dropped if the time is more
 * than LOG_LIMIT_BURST seconds ahead. So a burst passes whole and a flood is
 * thinned to one line a second, with one number of state and no timer.
 */
#include "vmm/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bits.h"

enum { LOG_LINE_LEN = 640 };

void log_hide_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
			text[i] = '?';
	}
}

/* Print prefix, text and newline in one write; a longer line is cut. */
__attribute__((format(printf, 2, 0))) static void
print_line(const char *device, const char *fmt, va_list args)
{
	char line[LOG_LINE_LEN];
	size_t len;

	if (device)
		len = snprintf(line, sizeof(line), "wherry: %s: ", device);
	else
		len = snprintf(line, sizeof(line), "wherry: ");
	len = MIN(len, sizeof(line) - 1);
	len += vsnprintf(line + len, sizeof(line) - len, fmt, args);
	len = MIN(len, sizeof(line) - 1);
	log_hide_controls(line, len);
	line[len++] = '\n';
	/* Nobody is left to tell when standard error itself fails. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void log_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(NULL, fmt, args);
	va_end(args);
}

/* Take one line from the budget: false when it is used up. */
static bool limit_take(struct log_limit *limit)
{
	struct timespec now;
	uint64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
	if (limit->until_ns > now_ns + (LOG_LIMIT_BURST - 1) * NS_PER_S)
		return false;
	limit->until_ns = MAX(limit->until_ns, now_ns) + NS_PER_S;
	return true;
}

void log_guest(struct log_limit *limit, const char *device, const char *fmt,
	       ...)
{
	va_list args;

	if (!limit_take(limit))
		return;
	va_start(args, fmt);
	print_line(device, fmt, args);
	va_end(args);
}
