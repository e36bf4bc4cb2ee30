/*
 * The process that stays outside: it waits for the monitor.
 */
#include "vmm/sandbox/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/terminal.h"
#include "vmm/sandbox/cpulimit.h"
#include "vmm/sandbox/guard.h"

enum {
	STATUS_FAILURE = 125,
	NO_IDS = 254,	/* the monitor waited for its ids in vain */
	PAUSE_MS = 100, /* a visitor who cannot be let in knocks on */
};

static const int end_signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
};
static const int news_signals[] = {SIGWINCH, SIGCONT};
static const int stop_signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};

static bool is_ignored(int sig)
{
	struct sigaction action;

	sigaction(sig, NULL, &action);
	return action.sa_handler == SIG_IGN;
}

static bool is_listed(const int *list, size_t cnt, int sig)
{
	for (size_t i = 0; i < cnt; i++) {
		if (list[i] == sig)
			return true;
	}
	return false;
}

/* What its caller ignores, as nohup(1) does, stays ignored. */
static void add_heard(sigset_t *set, const int *list, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		if (!is_ignored(list[i]))
			sigaddset(set, list[i]);
	}
}

/* All that the keeper waits for, and what it sends: a monitor that was made a
 * moment ago has no handlers yet.
 */
static sigset_t wanted_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, KEEPER_KILL);
	sigaddset(&set, KEEPER_SIGNAL);
	sigaddset(&set, KEEPER_NEWS);
	add_heard(&set, end_signals, ARRAY_SIZE(end_signals));
	add_heard(&set, stop_signals, ARRAY_SIZE(stop_signals));
	add_heard(&set, news_signals, ARRAY_SIZE(news_signals));
	return set;
}

static void end_by_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	_exit(128 + (info->si_value.sival_int & KEEPER_NUMBER));
}

static void handle_signals(const sigset_t *old)
{
	const struct sigaction action = {
		.sa_sigaction = end_by_signal,
		.sa_flags = SA_SIGINFO,
	};

	sigaction(KEEPER_SIGNAL, &action, NULL);
	signal(KEEPER_NEWS, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(end_signals); i++)
		signal(end_signals[i], SIG_IGN);
	sigprocmask(SIG_SETMASK, old, NULL);
}

int keeper_bind(const struct keeper *keeper)
{
	struct pollfd keeper_end = {.fd = keeper->alive_fd};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	if (poll(&keeper_end, 1, 0) && keeper_end.revents & POLLHUP)
		return -ECHILD;
	return 0;
}

void keeper_wait(const struct keeper *keeper)
{
	char go;

	if (read(keeper->alive_fd, &go, 1) != 1)
		_exit(NO_IDS);
}

static _Noreturn void run_monitor(struct keeper *keeper, const sigset_t *old)
{
	if (keeper_bind(keeper))
		_exit(STATUS_FAILURE);
	handle_signals(old);
	exit(keeper->monitor(keeper, keeper->opaque));
}

static pid_t start(struct keeper *keeper, const sigset_t *old, int *go_fd)
{
	unsigned long flags = SIGCHLD;
	int fds[2];
	long pid;
	int err;

	if (keeper->jailed)
		flags |= CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
			 CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	if (keeper->jailed && keeper->userns.ids != USERNS_HOST)
		flags |= CLONE_NEWUSER;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	err = pid < 0 ? -errno : 0;
	if (!pid) {
		close(fds[1]);
		keeper->alive_fd = fds[0];
		run_monitor(keeper, old);
	}
	close(fds[0]);
	*go_fd = fds[1];
	return err ? err : (pid_t)pid;
}

/* The shell stops what it started: both, and both go on. A terminal's signal
 * itself is let through, so that the kernel has its say: a process that nobody
 * could continue is not stopped. Who sends one himself can continue us, also
 * where there is no shell any more.
 */
static void stop_together(pid_t pid, const siginfo_t *info,
			  struct terminal *terminal)
{
	int sig = info->si_code == SI_KERNEL ? info->si_signo : SIGSTOP;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	kill(pid, SIGSTOP);
	terminal_suspend(terminal);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	terminal_resume(terminal);
	kill(pid, SIGCONT);
}

/* The kernel sends for a terminal, everybody else for himself. */
static void pass_on(pid_t pid, const siginfo_t *info, int as)
{
	int value = info->si_signo;

	if (info->si_code == SI_KERNEL)
		value |= KEEPER_TERMINAL;
	sigqueue(pid, as, (union sigval){.sival_int = value});
}

/* Answer visitors until a signal has come. */
static void receive(const struct keeper_visitors *visitors, int signal_fd)
{
	struct pollfd p[] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = visitors->fd, .events = POLLIN},
	};

	while (signal_fd >= 0) {
		bool away = p[1].fd < 0;

		if (poll(p, ARRAY_SIZE(p), away ? PAUSE_MS : -1) < 0)
			continue;
		if (p[0].revents)
			return;
		away = !away && visitors->answer(visitors->opaque) < 0;
		p[1].fd = away ? -1 : visitors->fd;
	}
}

/* Pass on signals until the child has ended; its status as wait(2) has it. */
static int watch(pid_t pid, const struct keeper *keeper,
		 struct terminal *terminal)
{
	sigset_t set = wanted_signals();
	autofd signal_fd = -1;
	siginfo_t info;
	int status;

	if (keeper->visitors.answer)
		signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		int sig;

		receive(&keeper->visitors, signal_fd);
		sig = sigwaitinfo(&set, &info);
		if (sig == SIGCHLD && waitpid(pid, &status, WNOHANG) == pid)
			return status;
		if (sig == KEEPER_KILL)
			kill(pid, SIGKILL);
		if (is_listed(stop_signals, ARRAY_SIZE(stop_signals), sig))
			stop_together(pid, &info, terminal);
		if (is_listed(end_signals, ARRAY_SIZE(end_signals), sig))
			pass_on(pid, &info, KEEPER_SIGNAL);
		if (is_listed(news_signals, ARRAY_SIZE(news_signals), sig))
			pass_on(pid, &info, KEEPER_NEWS);
	}
}

static void release(int fd, int null_fd)
{
	if (dup2(null_fd, fd) < 0)
		close(fd);
}

/* Nobody may wait for the end of a stream because of us. Of standard error, if
 * it has one, a way back remains, which does not keep it open (O_PATH).
 */
static int leave_streams(void)
{
	autofd null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat st;
	int way_fd = -1;

	release(STDIN_FILENO, null_fd);
	release(STDOUT_FILENO, null_fd);
	if (!fstat(STDERR_FILENO, &st) &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
		way_fd = open("/proc/self/fd/2", O_PATH | O_CLOEXEC);
		release(STDERR_FILENO, null_fd);
	}
	return way_fd;
}

/* For what there is to say in the end. It works for pipes, as long as somebody
 * reads; one that is full must not keep us.
 */
static void return_to_stderr(int way_fd)
{
	char path[32];
	autofd fd = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", way_fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
}

static int report(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_line("monitor: ended by signal %d (%s)", WTERMSIG(status),
		 strsignal(WTERMSIG(status)));
	return WTERMSIG(status) == SIGSYS ? STATUS_FAILURE
					  : 128 + WTERMSIG(status);
}

static int fail_start(const struct keeper *keeper, int err, struct fail *fail)
{
	if (keeper->jailed && keeper->userns.ids != USERNS_HOST)
		return fail_set(fail, err,
				"sandbox: a user namespace: %s; `wherry "
				"doctor` says what is missing, --no-sandbox "
				"does without protection",
				strerror(-err));
	return fail_set(fail, err,
			"sandbox: namespaces: %s; --no-sandbox does without "
			"protection",
			strerror(-err));
}

/* Give the monitor its ids, and let it go on. */
static int let_go(const struct keeper *keeper, pid_t pid, int go_fd,
		  struct fail *fail)
{
	int err = 0;

	if (keeper->jailed && keeper->userns.ids != USERNS_HOST)
		err = userns_map(&keeper->userns, pid, fail);
	/* If it has ended already, it has said why. */
	if (!err && write(go_fd, "", 1) != 1 && errno != EPIPE)
		err = fail_start(keeper, -errno, fail);
	return err;
}

/* An end by itself is the monitor's to report, and outranks ours. */
static int end(int status, struct terminal *terminal, int err,
	       const struct fail *fail)
{
	if (terminal_is_ours(terminal))
		terminal_restore(terminal);
	terminal_destroy(terminal);
	if (!err || (WIFEXITED(status) && WEXITSTATUS(status) != NO_IDS))
		return report(status);
	log_line("%s", fail->text);
	return STATUS_FAILURE;
}

static int enter_group(const struct keeper *keeper, struct cpulimit *group,
		       struct fail *fail)
{
	int err;

	*group = (struct cpulimit){.group = ""};
	if (!keeper->cpu_parts)
		return 0;
	err = cpulimit_find(group, "/proc/self/mountinfo", "/proc/self/cgroup");
	if (!err)
		return cpulimit_begin(group, keeper->cpu_parts, fail);
	return fail_set(fail, err,
			"--cpus: a part of a processor takes cgroup v2, which "
			"is not mounted here (%s); give a whole number",
			strerror(-err));
}

/* With the signals that it passes on blocked. */
static int run(struct keeper *keeper, const sigset_t *old, struct fail *fail)
{
	autofd way_fd = -1;
	struct terminal terminal;
	struct guard guard;
	int go_fd = -1, err, status;
	pid_t pid;

	pid = start(keeper, old, &go_fd);
	if (pid < 0) {
		fd_close(&go_fd);
		return fail_start(keeper, pid, fail);
	}
	terminal_init(&terminal, keeper->has_terminal ? STDIN_FILENO : -1);
	guard_start(&guard, &terminal);
	err = let_go(keeper, pid, go_fd, fail);
	if (err)
		fd_close(&go_fd);
	else
		way_fd = leave_streams();
	status = watch(pid, keeper, &terminal);
	if (way_fd >= 0)
		return_to_stderr(way_fd);
	status = end(status, &terminal, err, fail);
	guard_end(&guard);
	return status;
}

int keeper_run(struct keeper *keeper, const char *rootfs)
{
	sigset_t set = wanted_signals();
	struct fail fail = {0};
	struct cpulimit group;
	sigset_t old;
	int status;

	userns_plan(&keeper->userns, rootfs);
	signal(SIGPIPE, SIG_IGN);
	/* Where it is ignored, nobody hears that a child has ended. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &old);
	status = enter_group(keeper, &group, &fail);
	if (!status)
		status = run(keeper, &old, &fail);
	cpulimit_end(&group);
	if (status >= 0)
		return status;
	log_line("%s", fail.text);
	return STATUS_FAILURE;
}
