/*
 * The monitor's process, and the one that keeps it.
 */
#ifndef VMM_MONITOR_H
#define VMM_MONITOR_H

struct config;
struct timing;

/**
 * struct monitor_ends - What a monitor has of the outside, beside its streams
 * @door_fd:	Clients of a machine with a name come from there (vmm/door.h);
 *		-1: none do [owned]
 * @started_fd:	Eventfd to be signalled when the command runs; -1: nobody waits
 *		[owned]
 */
struct monitor_ends {
	int door_fd;
	int started_fd;
};

/**
 * monitor_run() - Do what takes a machine, in a process of its own
 * @config:	CONFIG_RUN or CONFIG_BOOT
 * @timing:	Filled in on the way, there
 *
 * Return: exit status; failures are reported
 * #syscalls(setup): close
 */
int monitor_run(const struct config *config, struct timing *timing);

#endif /* VMM_MONITOR_H */
