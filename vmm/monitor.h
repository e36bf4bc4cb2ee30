/*
 * The monitor's process, and the one that keeps it.
 */
#ifndef VMM_MONITOR_H
#define VMM_MONITOR_H

struct config;
struct timing;

/**
 * monitor_run() - Do what takes a machine, in a process of its own
 * @config:	CONFIG_RUN or CONFIG_BOOT
 * @timing:	Filled in on the way, there
 *
 * Return: exit status; failures are reported
 */
int monitor_run(const struct config *config, struct timing *timing);

#endif /* VMM_MONITOR_H */
