/*
 * The monitor's process, and the one that keeps it.
 */
#include "vmm/monitor.h"

#include "vmm/base/fail.h"
#include "vmm/base/log.h"
#include "vmm/cmd.h"
#include "vmm/command.h"
#include "vmm/config.h"
#include "vmm/outcome.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/timing.h"

/* What the new process has to know. */
struct job {
	const struct config *config;
	struct timing *timing;
};

static int do_job(const struct job *job, struct sandbox *sb)
{
	if (job->config->command == CONFIG_RUN)
		return cmd_run(job->config, job->timing, sb);
	return cmd_boot(job->config, job->timing, sb);
}

/* In a process of its own. */
static int run(struct keeper *keeper, void *opaque)
{
	const struct job *job = opaque;
	struct fail fail = {0};
	struct sandbox sb;
	int status = OUTCOME_FAILURE;

	if (sandbox_init(&sb, keeper, &fail))
		log_line("%s", fail.text);
	else
		status = do_job(job, &sb);
	sandbox_destroy(&sb);
	if (job->config->timing)
		timing_print(job->timing);
	return status;
}

int monitor_run(const struct config *config, struct timing *timing)
{
	struct job job = {config, timing};
	struct keeper keeper = {
		.jailed = !config->no_sandbox,
		.cpu_parts = config->cpu_parts,
		.has_terminal = config->command == CONFIG_RUN &&
				command_wants_tty(config),
		.monitor = run,
		.opaque = &job,
	};

	return keeper_run(&keeper, config->rootfs);
}
