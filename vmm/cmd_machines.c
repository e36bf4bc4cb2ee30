/*
 * wherry ps, logs, stop, kill and wait: machines that have names.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/cmd.h"
#include "vmm/config.h"
#include "vmm/outcome.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/statedir.h"

/* How late one who follows a log may be. */
enum { LOG_PAUSE_MS = 100 };

static void format_age(char *out, size_t len, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	if (seconds < 0) /* the clock was set */
		seconds = 0;
	while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(out, len, "%" PRId64 "%c", seconds / units[i].seconds,
		 units[i].unit);
}

static void print_machine(void *opaque, const char *name,
			  const struct statedir_info *info)
{
	char age[24], pid[16] = "-";

	(void)opaque;
	format_age(age, sizeof(age), (int64_t)time(NULL) - info->since);
	if (info->pid)
		snprintf(pid, sizeof(pid), "%d", (int)info->pid);
	printf("%-20s %8s %6s  %s\n", name, pid, age, info->command);
}

static int ps(struct fail *fail)
{
	printf("%-20s %8s %6s  %s\n", "NAME", "PID", "AGE", "COMMAND");
	return statedir_list(print_machine, NULL, fail);
}

/* What was added; 0 or a negative errno. */
static int copy_log(int fd)
{
	char text[4096];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	return n < 0 ? -errno : 0;
}

/* Nothing tells that a file has grown and a lock is gone; so both are looked at
 * from time to time. Who reads us may go.
 */
static int follow_log(const struct statedir *dir, int fd)
{
	struct pollfd reader = {.fd = STDOUT_FILENO};
	bool has_ended;
	int err;

	do {
		has_ended = statedir_has_ended(dir);
		err = copy_log(fd);
	} while (!err && !has_ended && !fflush(stdout) &&
		 poll(&reader, 1, LOG_PAUSE_MS) == 0);
	return err;
}

static int show_log(const struct statedir *dir, bool follow, struct fail *fail)
{
	autofd fd = openat(dir->dir_fd, STATEDIR_LOG,
			   O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0 && errno == ENOENT)
		return fail_set(fail, -ENOENT,
				"machine %s: has no log, for it is not "
				"detached; its output is where it was started",
				dir->name);
	if (fd < 0)
		return fail_set(fail, -errno, "machine %s: log: %s", dir->name,
				strerror(errno));
	err = follow ? follow_log(dir, fd) : copy_log(fd);
	return err ? fail_set(fail, err, "machine %s: log: %s", dir->name,
			      strerror(-err))
		   : 0;
}

static int send_signal(const struct statedir *dir, int sig, struct fail *fail)
{
	int err = statedir_signal(dir, sig == SIGKILL ? KEEPER_KILL : sig);

	/* One that is stopped would not end otherwise. */
	if (!err && (sig == SIGKILL || sig == SIGTERM))
		err = statedir_signal(dir, SIGCONT);
	/* It has ended meanwhile: who wants that is content. */
	if (!err || err == -ESRCH)
		return 0;
	if (err == -EXDEV)
		return fail_set(fail, err,
				"machine %s: its process is not in this pid "
				"namespace; do it where it was started",
				dir->name);
	return fail_set(fail, err, "machine %s: %s", dir->name, strerror(-err));
}

static int wait_for(const struct statedir *dir, struct fail *fail)
{
	int status = statedir_wait(dir);

	return status < 0 ? fail_set(fail, status,
				     "machine %s: was killed, and left no "
				     "status",
				     dir->name)
			  : status;
}

static int stop(const struct statedir *dir, struct fail *fail)
{
	int err = send_signal(dir, SIGTERM, fail);

	if (!err)
		statedir_wait(dir);
	return err;
}

/* A machine that is killed has ended when we have. */
static int kill_one(const struct statedir *dir, int sig, struct fail *fail)
{
	int err = send_signal(dir, sig, fail);

	if (!err && sig == SIGKILL)
		statedir_wait(dir);
	return err;
}

/* Exit status, or a negative errno with @fail set. */
static int do_with(const struct config *config, const struct statedir *dir,
		   struct fail *fail)
{
	if (config->command == CONFIG_LOGS)
		return show_log(dir, config->follow, fail);
	if (config->command == CONFIG_STOP)
		return stop(dir, fail);
	if (config->command == CONFIG_KILL)
		return kill_one(dir, config->signal ? config->signal : SIGKILL,
				fail);
	return wait_for(dir, fail);
}

int cmd_machines(const struct config *config)
{
	struct fail fail = {0};
	struct statedir dir;
	int status;

	if (config->command == CONFIG_PS) {
		status = ps(&fail);
	} else {
		status = statedir_open(&dir, config->name, &fail);
		if (!status)
			status = do_with(config, &dir, &fail);
		statedir_close(&dir);
	}
	if (status >= 0)
		return status;
	log_line("%s", fail.text);
	return OUTCOME_FAILURE;
}
