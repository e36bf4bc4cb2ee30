/*
 * The monitor's commands.
 */
#ifndef VMM_CMD_H
#define VMM_CMD_H

struct config;
struct monitor_ends;
struct sandbox;
struct timing;

/* What every kernel is told, before what the user appends:
 * console=ttyS0	for the last words of a kernel that panics
 * panic=-1		a panic ends the machine at once
 * reboot=acpi		else a kernel that finds hardware-reduced ACPI resets by
 *			EFI, which is not there, and ends in real mode
 * pci=off		there is none: 229 of 839 exits to the monitor
 * 8250.nr_uarts=1	there is one: 18 exits
 * loglevel=3		unless its console is wanted: errors, too, are no last
 *			words, and each character is two exits to the monitor
 * initcall_blacklist=	no frequencies to scale; on AMD the driver would
 *	amd_pstate_init	complain of ACPI, whatever CPUID says
 */
#define CMD_BASE_CMDLINE                                              \
	"console=ttyS0 panic=-1 reboot=acpi pci=off 8250.nr_uarts=1 " \
	"initcall_blacklist=amd_pstate_init"

/**
 * cmd_run() - Run a command in a microVM whose root is a host directory
 * @config:	What the user asked for
 * @timing:	Filled in on the way
 * @sb:		Sandbox, not entered
 * @ends:	What it has of the outside; taken
 *
 * Return: exit status of the monitor: the command's, or 125 after one line on
 *	   standard error
 */
int cmd_run(const struct config *config, struct timing *timing,
	    struct sandbox *sb, struct monitor_ends *ends);

/**
 * cmd_boot() - Boot a kernel with its serial console on stdio
 *
 * Parameters as cmd_run().
 *
 * Return: exit status of the monitor: 0 if the guest powered off, or 125 after
 *	   one line on standard error
 * #syscalls: openat newfstatat mmap munmap
 */
int cmd_boot(const struct config *config, struct timing *timing,
	     struct sandbox *sb);

/**
 * cmd_exec() - Run one more command in a machine that has a name
 *
 * Return: the command's exit status, or 125 to 127 after one line on standard
 *	   error
 */
int cmd_exec(const struct config *config);

/**
 * cmd_machines() - List machines, or do something with one: ps, logs, stop,
 *		    kill, wait
 *
 * Return: 0, for wait the status of the machine, or 125 after one
 *	   line on standard error
 */
int cmd_machines(const struct config *config);

/**
 * cmd_doctor() - Say on stdout what this host offers to `wherry run`
 *
 * Return: 0, or 1 if something is missing without which that cannot work
 * #syscalls(setup): getrlimit geteuid
 */
int cmd_doctor(void);

#endif /* VMM_CMD_H */
