/*
 * What the command may use: resources and capabilities.
 */
#include "boot/guest/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/guest/plan.h"
#include "boot/guest/report.h"

#define CGROUPS "/sys/fs/cgroup/"
#define GROUP CGROUPS "command/"

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

static int set_rlimits(const struct plan *plan, struct guest_msg *why)
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

/* Root gets by execve() what it inherits and what its bounding set has
 * (capabilities(7)), and init inherits nothing. So the bounding set is all that
 * there is to cut. EINVAL: the kernel has not so many.
 */
static int drop_caps(const struct plan *plan, struct guest_msg *why)
{
	const char *text = plan_value(plan, GUEST_SPEC_CAPS);
	uint64_t kept = text ? take_number(&text) : UINT64_MAX;
	int cap;

	for (cap = 0; cap < 64; cap++)
		if (!(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap) &&
		    errno != EINVAL)
			return report_fail(why, -errno, "capability %d: %s",
					   cap, strerror(errno));
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text);
	int err = fd < 0 || write(fd, text, (size_t)len) != len ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Enter a cgroup that has no room for more processes than that. What is not
 * limited because the kernel or the root lacks something is not run.
 */
static int set_pids(const struct plan *plan, struct guest_msg *why)
{
	const char *pids = plan_value(plan, GUEST_SPEC_PIDS);
	int err;

	if (!pids)
		return 0;
	err = write_file(CGROUPS "cgroup.subtree_control", "+pids");
	if (!err && mkdir(GROUP, 0755) && errno != EEXIST)
		err = -errno;
	if (!err)
		err = write_file(GROUP "pids.max", pids);
	if (!err)
		err = write_file(GROUP "cgroup.procs", "0");
	return err ? report_fail(why, err,
				 "pids: " CGROUPS ": %s; it takes /sys in "
				 "ROOTFS, and a kernel that can limit them",
				 strerror(-err))
		   : 0;
}

int limits_set(const struct plan *plan, struct guest_msg *why)
{
	int err = set_pids(plan, why);

	if (!err)
		err = set_rlimits(plan, why);
	return err ? err : drop_caps(plan, why);
}
