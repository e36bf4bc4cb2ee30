/*
 * The monitor's process, and the one that keeps it.
 *
 * Theory of operation: a machine with a name has a directory and a door, which
 * are the keeper's; in the monitor's process they are closed, but for the end
 * that clients come from. One that is detached is kept by a child, whose parent
 * waits until the command runs.
 */
#include "vmm/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/cmd.h"
#include "vmm/command.h"
#include "vmm/config.h"
#include "vmm/detach.h"
#include "vmm/door.h"
#include "vmm/outcome.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/statedir.h"
#include "vmm/tables.h"
#include "vmm/timing.h"

/* What the new process has to know, and what it may not have. */
struct job {
	struct config config;
	struct tables tables;
	struct timing *timing;
	struct statedir dir;
	struct door door;
	struct monitor_ends ends;
};

static int do_job(struct job *job, struct sandbox *sb)
{
	if (job->config.command == CONFIG_RUN)
		return cmd_run(&job->config, job->timing, sb, &job->ends);
	return cmd_boot(&job->config, job->timing, sb);
}

/* In a process of its own. */
static int run(struct keeper *keeper, void *opaque)
{
	struct job *job = opaque;
	struct fail fail = {0};
	struct sandbox sb;
	int status = OUTCOME_FAILURE;

	job->ends.door_fd = fd_take(&job->door.monitor_fd);
	door_destroy(&job->door);
	statedir_close(&job->dir);
	tables_forget(&job->tables);
	if (sandbox_init(&sb, keeper, &fail))
		log_line("%s", fail.text);
	else
		status = do_job(job, &sb);
	sandbox_destroy(&sb);
	fd_close(&job->ends.door_fd);
	fd_close(&job->ends.started_fd);
	if (job->config.timing)
		timing_print(job->timing);
	return status;
}

static int answer(void *opaque)
{
	struct job *job = opaque;

	/* Without our copy we hear when the monitor takes no more. */
	fd_close(&job->door.monitor_fd);
	return door_answer(&job->door);
}

static int keep_monitor(struct job *job)
{
	const struct config *config = &job->config;
	struct keeper keeper = {
		.jailed = !config->no_sandbox,
		.cpu_parts = config->cpu_parts,
		.has_terminal = config->command == CONFIG_RUN &&
				command_wants_tty(config),
		.visitors = {job->door.listen_fd, config->name ? answer : NULL,
			     job},
		.monitor = run,
		.opaque = job,
	};

	return keeper_run(&keeper, config->rootfs);
}

static int keep(struct job *job)
{
	struct fail fail = {0};
	int status = OUTCOME_FAILURE;

	if (tables_open(&job->tables, &job->config, &fail))
		log_line("%s", fail.text);
	else
		status = keep_monitor(job);
	tables_close(&job->tables);
	return status;
}

/* In the process that will be the keeper, to the machine's end. */
static int keep_named(void *opaque, int started_fd)
{
	struct job *job = opaque;
	int status = OUTCOME_FAILURE;
	int err = statedir_describe(&job->dir, job->config.argv);

	job->ends.started_fd = started_fd;
	if (err)
		log_line("--name %s: %s", job->dir.name, strerror(-err));
	else
		status = keep(job);
	statedir_finish(&job->dir, status);
	return status;
}

static int run_named(struct job *job)
{
	const char *name = job->config.name;
	struct fail fail = {0};
	int err = statedir_create(&job->dir, name, &fail);

	if (err) {
		log_line("%s", fail.text);
		statedir_close(&job->dir);
		return OUTCOME_FAILURE;
	}
	err = door_init(&job->door, job->dir.dir_fd, STATEDIR_SOCKET);
	if (err) {
		log_line("--name %s: socket: %s", name, strerror(-err));
		statedir_finish(&job->dir, OUTCOME_FAILURE);
		return OUTCOME_FAILURE;
	}
	if (job->config.detach)
		return detach_run(&job->dir, keep_named, job);
	return keep_named(job, -1);
}

int monitor_run(const struct config *config, struct timing *timing)
{
	struct job job = {
		.config = *config,
		.timing = timing,
		.dir = {.all_fd = -1, .dir_fd = -1, .lock_fd = -1},
		.door = {-1, -1, -1},
		.ends = {-1, -1},
	};
	int status = config->name ? run_named(&job) : keep(&job);

	door_destroy(&job.door);
	return status;
}
