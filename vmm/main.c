/*
 * wherry: a microVM monitor whose guests have a host directory as their root.
 *
 * The story of `wherry run ROOTFS -- COMMAND` in the order of its chapters:
 *
 *   options	what the user asked for, as plain data
 *   keeper	stays outside and waits, while its child is the monitor:
 *   cmd_run	chooses kernel, modules and root, then builds and runs:
 *   machine	  RAM, KVM, bus, serial port, power, rng, shares, processors
 *   windows	  where guests see host files without messages
 *   boot	  kernel, initramfs, boot parameters and ACPI tables into RAM
 *   command	  the guest init's ports: control, stdin, stdout, stderr
 *   sandbox	  leaves the host behind, but for the shares
 *   outcome	why the machine ended, and the exit status that follows
 *
 * The machine runs on three kinds of threads: this one (the loop: console,
 * entropy, signals), one for each processor (vmm/kvm/vcpu), and one for each
 * queue of a share (devices/virtio_fs).
 */
#include <stdio.h>

#include "vmm/base/fail.h"
#include "vmm/base/log.h"
#include "vmm/cmd.h"
#include "vmm/config.h"
#include "vmm/options.h"
#include "vmm/outcome.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/timing.h"

/* Output that nobody received is a failure, too. */
static int finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	log_line("stdout: write failed");
	return OUTCOME_FAILURE;
}

/**
 * struct job - What the monitor's process has to do
 * @config:	What the user asked for
 * @timing:	Filled in on the way
 */
struct job {
	const struct config *config;
	struct timing timing;
};

static int run_job(struct job *job, struct sandbox *sb)
{
	if (job->config->command == CONFIG_RUN)
		return cmd_run(job->config, &job->timing, sb);
	return cmd_boot(job->config, &job->timing, sb);
}

/* In a process of its own. */
static int run_monitor(struct keeper *keeper, void *opaque)
{
	struct job *job = opaque;
	struct fail fail = {0};
	struct sandbox sb;
	int status = OUTCOME_FAILURE;

	if (sandbox_init(&sb, keeper, &fail))
		log_line("%s", fail.text);
	else
		status = run_job(job, &sb);
	sandbox_destroy(&sb);
	if (job->config->timing)
		timing_print(&job->timing);
	return status;
}

static int run_kept(struct job *job)
{
	struct keeper keeper = {
		.jailed = !job->config->no_sandbox,
		.monitor = run_monitor,
		.opaque = job,
	};

	return keeper_run(&keeper, job->config->rootfs);
}

static int dispatch(struct job *job)
{
	const struct config *config = job->config;

	switch (config->command) {
	case CONFIG_RUN:
	case CONFIG_BOOT:
		return run_kept(job);
	case CONFIG_HELP:
		options_print_help(stdout, config->help_on);
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
	struct job job = {.config = &config};
	struct fail fail = {0};

	timing_init(&job.timing);
	if (options_parse(&config, argc, argv, &fail)) {
		log_line("%s", fail.text);
		return OUTCOME_FAILURE;
	}
	return dispatch(&job);
}
