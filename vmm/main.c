/*
 * wherry: a microVM monitor whose guests have a host directory as their root.
 *
 * The story of `wherry run ROOTFS -- COMMAND` in the order of its chapters:
 *
 *   options	what the user asked for, as plain data
 *   monitor	becomes a process of its own; a keeper stays outside and waits
 *   cmd_run	chooses kernel, modules and root, then builds and runs:
 *   machine	  RAM, KVM, bus, serial port, power, rng, balloon, shares,
 *		  processors
 *   windows	  where guests see host files without messages
 *   boot	  kernel, initramfs, boot parameters and ACPI tables into RAM
 *   command	  the guest init's ports: control, stdin, stdout, stderr
 *   sandbox	  leaves the host behind, but for the shares
 *   outcome	why the machine ended, and the exit status that follows
 *
 * A machine with a name (statedir) can be found by others: exec, a client
 * (remote), comes through the keeper's door to the monitor's exchange.
 *
 * The machine runs on three kinds of threads: this one (the loop: console,
 * entropy, free memory, signals), one for each processor (vmm/kvm/vcpu), and
 * those of each share: one for each queue (devices/virtio_fs), one that waits
 * for locks.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vmm/argv.h"
#include "vmm/base/fail.h"
#include "vmm/base/log.h"
#include "vmm/cmd.h"
#include "vmm/config.h"
#include "vmm/configfile.h"
#include "vmm/help.h"
#include "vmm/kept.h"
#include "vmm/monitor.h"
#include "vmm/outcome.h"
#include "vmm/printconfig.h"
#include "vmm/timing.h"

/* Output that nobody received is a failure, too. */
static int finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	log_line("stdout: write failed");
	return OUTCOME_FAILURE;
}

/* What we open must not be taken for a stream that our caller has closed. */
static void fill_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

static int print_config(const struct config *config)
{
	struct fail fail = {0};

	if (!printconfig(stdout, config, &fail))
		return finish_stdout();
	log_line("%s", fail.text);
	return OUTCOME_FAILURE;
}

static int dispatch(const struct config *config, struct timing *timing)
{
	int status;

	switch (config->command) {
	case CONFIG_RUN:
		if (config->kept)
			return print_config(config);
		return monitor_run(config, timing);
	case CONFIG_BOOT:
		return monitor_run(config, timing);
	case CONFIG_EXEC:
		return cmd_exec(config);
	case CONFIG_PS:
	case CONFIG_LOGS:
		status = cmd_machines(config);
		return finish_stdout() ? OUTCOME_FAILURE : status;
	case CONFIG_STOP:
	case CONFIG_KILL:
	case CONFIG_WAIT:
		return cmd_machines(config);
	case CONFIG_DOCTOR:
		status = cmd_doctor();
		return finish_stdout() ? OUTCOME_FAILURE : status;
	case CONFIG_HELP:
		help_print(stdout, config->help_on);
		return finish_stdout();
	case CONFIG_VERSION:
		puts("wherry " WHERRY_VERSION);
		return finish_stdout();
	case CONFIG_NUM_COMMANDS:
		break;
	}
	return OUTCOME_FAILURE;
}

int main(int argc, char **argv)
{
	struct config config;
	struct timing timing;
	struct fail fail = {0};
	int status = OUTCOME_FAILURE;

	timing_init(&timing);
	fill_streams();
	if (argv_parse(&config, argc, argv, &fail))
		log_line("%s", fail.text);
	else
		status = dispatch(&config, &timing);
	configfile_destroy(&config.file);
	kept_end(&config);
	return status;
}
