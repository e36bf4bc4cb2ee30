/*
 * The monitor's commands.
 */
#ifndef VMM_CMD_H
#define VMM_CMD_H

struct config;
struct timing;

/**
 * cmd_run() - Run a command in a microVM whose root is a host directory
 * @config:	What the user asked for
 * @timing:	Filled in on the way
 *
 * Return: exit status of the monitor: the command's, or 125 after one line on
 *	   standard error
 */
int cmd_run(const struct config *config, struct timing *timing);

/**
 * cmd_boot() - Boot a kernel with its serial console on stdio
 *
 * Parameters as cmd_run().
 *
 * Return: exit status of the monitor: 0 if the guest powered off, or 125 after
 *	   one line on standard error
 * #syscalls: openat newfstatat mmap munmap
 */
int cmd_boot(const struct config *config, struct timing *timing);

#endif /* VMM_CMD_H */
