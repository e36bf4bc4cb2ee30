/*
 * What the command may use: resource limits.
 */
#include "boot/guest/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "boot/guest/plan.h"
#include "boot/guest/report.h"

/* The monitor has written nothing else than it is here taken for. */
static uint64_t take_number(const char **at)
{
	uint64_t value = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		value = value * 10 + (uint64_t)(**at - '0');
	if (**at == ' ')
		++*at;
	return value;
}

int limits_set(const struct plan *plan, struct guest_msg *why)
{
	char *const *value = plan->list[GUEST_SPEC_RLIMIT];

	for (; *value; value++) {
		const char *at = *value;
		int resource = (int)take_number(&at);
		struct rlimit limit;

		limit.rlim_cur = take_number(&at);
		limit.rlim_max = take_number(&at);
		/* setrlimit() would look for more threads. */
		if (prlimit(0, resource, &limit, NULL))
			return report_fail(why, -errno, "ulimit %.20s: %s", at,
					   strerror(errno));
	}
	return 0;
}
