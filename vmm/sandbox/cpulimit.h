/*
 * A limit on the time of all processors together: a control group (cgroup v2,
 * Documentation/admin-guide/cgroup-v2.rst) for the machine.
 *
 * Theory of operation: the group is made below our own, so that whatever limits
 * us limits the machine. A group with controllers for those below it has no
 * processes itself, unless it is the root of all. So both processes go into the
 * new group: the keeper before it makes the monitor. If nobody else was in our
 * own, the controller can be turned on there.
 *
 *	ours                 ours (+cpu)               ours
 *	  keeper     ->        wherry-XXXXXX    ->       keeper
 *	                         keeper, monitor
 *
 * The keeper outlives the monitor, however that ends. It goes back, for which
 * the controller has to be off again, and removes the group. Only a keeper that
 * is killed leaves an empty one.
 *
 * Several may do so in one group at a time: whoever starts them has put them
 * there and is not in it. Who takes the controller away then would lift the
 * limits of the others. So keepers change a group one at a time, with a lock on
 * its directory (flock), and one that cannot go back, because other machines
 * are still there, spends the rest of its time in the group of one of them. The
 * last one takes the controller away, whoever has turned it on.
 */
#ifndef VMM_SANDBOX_CPULIMIT_H
#define VMM_SANDBOX_CPULIMIT_H

#include <limits.h>

struct fail;

/**
 * struct cpulimit - Groups in use
 * @own:	Directory of our own group
 * @group:	Of the machine's, below; empty: there is none
 */
struct cpulimit {
	char own[PATH_MAX];
	char group[PATH_MAX + sizeof("/wherry-XXXXXX")];
};

/**
 * cpulimit_find() - Find our own group
 * @l:		Filled
 * @mountinfo:	/proc/self/mountinfo or a file like it (proc(5))
 * @cgroup:	/proc/self/cgroup or a file like it (cgroups(7))
 *
 * Return: 0, -ENOENT if there is no cgroup v2 here, or another negative errno
 * #syscalls(setup): openat newfstatat read close
 */
int cpulimit_find(struct cpulimit *l, const char *mountinfo,
		  const char *cgroup);

/**
 * cpulimit_begin() - Put this process into a group with a limit
 * @l:		From cpulimit_find(); to be ended if the result is 0
 * @parts:	Thousandths of a processor's time
 * @fail:	Receives one line if it cannot be
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(setup): openat newfstatat read write close mkdir rmdir flock
 * #syscalls(setup): clock_nanosleep getdents64
 */
int cpulimit_begin(struct cpulimit *l, unsigned int parts, struct fail *fail);

/**
 * cpulimit_end() - Leave the group and remove it, without its processes
 *
 * #syscalls(setup): openat newfstatat read write close rmdir flock
 * #syscalls(setup): clock_nanosleep getdents64
 */
void cpulimit_end(struct cpulimit *l);

#endif /* VMM_SANDBOX_CPULIMIT_H */
