/*
 * A machine that goes on when the command that started it has ended.
 */
#include "vmm/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/outcome.h"
#include "vmm/statedir.h"

/**
 * struct detach - A start
 * @log_fd:	Output of the machine [owned]
 * @started_fd:	Signalled when its command runs [owned]
 * @signal_fd:	What comes meanwhile [owned]
 * @old:	Signals that were blocked before
 */
struct detach {
	int log_fd;
	int started_fd;
	int signal_fd;
	sigset_t old;
};

static int prepare(struct detach *d, const struct statedir *dir)
{
	sigset_t set;

	*d = (struct detach){-1, -1, -1, {{0}}};
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	/* Where it is ignored, nobody hears that a child has ended. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &d->old);
	d->log_fd =
		openat(dir->dir_fd, STATEDIR_LOG,
		       O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (d->log_fd < 0)
		return -errno;
	d->started_fd = fd_event();
	if (d->started_fd < 0)
		return d->started_fd;
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return d->signal_fd < 0 ? -errno : 0;
}

static void destroy(struct detach *d)
{
	fd_close(&d->log_fd);
	fd_close(&d->started_fd);
	fd_close(&d->signal_fd);
}

/* The child's beginning. */
static void leave(struct detach *d)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	fd_close(&d->signal_fd);
	dup2(null, STDIN_FILENO);
	dup2(d->log_fd, STDOUT_FILENO);
	dup2(d->log_fd, STDERR_FILENO);
	fd_close(&null);
	fd_close(&d->log_fd);
	sigprocmask(SIG_SETMASK, &d->old, NULL);
}

/* What it said, for who started it. */
static void show_log(int fd)
{
	char text[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(fd, text, sizeof(text), at)) > 0) {
		fd_write_full(STDERR_FILENO, text, (size_t)n);
		at += n;
	}
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* True if the command runs, false if the keeper has ended, with *@status. */
static bool wait_for_start(const struct detach *d, pid_t pid, int *status)
{
	struct pollfd p[] = {
		{.fd = d->started_fd, .events = POLLIN},
		{.fd = d->signal_fd, .events = POLLIN},
	};
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[0].revents)
			return true;
		if (read(d->signal_fd, &info, sizeof(info)) != sizeof(info))
			continue;
		/* There may be children that we did not make. */
		if (info.ssi_signo != SIGCHLD)
			kill(pid, (int)info.ssi_signo);
		else if (waitpid(pid, status, WNOHANG) == pid)
			return false;
	}
}

static int follow(const struct detach *d, pid_t pid, const char *name)
{
	int status;

	if (!wait_for_start(d, pid, &status)) {
		show_log(d->log_fd);
		return status_of(status);
	}
	puts(name);
	if (!fflush(stdout))
		return 0;
	log_line("stdout: write failed; machine %s runs", name);
	return OUTCOME_FAILURE;
}

int detach_run(struct statedir *dir, int (*keep)(void *opaque, int started_fd),
	       void *opaque)
{
	int status = OUTCOME_FAILURE;
	struct detach d;
	int err = prepare(&d, dir);
	pid_t pid = err ? -1 : fork();

	if (pid == 0) {
		leave(&d);
		exit(keep(opaque, d.started_fd));
	}
	if (pid < 0) {
		err = err ? err : -errno;
		log_line("--detach: %s", strerror(-err));
		statedir_finish(dir, OUTCOME_FAILURE);
	} else {
		statedir_close(dir);
		status = follow(&d, pid, dir->name);
	}
	sigprocmask(SIG_SETMASK, &d.old, NULL);
	destroy(&d);
	return status;
}
