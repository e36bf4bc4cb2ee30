/*
 * Starting the command: its pipes or terminal, its process, and what may go
 * wrong.
 *
 * Theory of operation: the child inherits the write end of one more pipe, which
 * execve() closes. The parent reads it: end of file means that the command
 * runs; otherwise it finds the FAILED message that the child wrote.
 */
#include "boot/guest/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/guest/interp.h"
#include "boot/guest/limits.h"
#include "boot/guest/plan.h"
#include "boot/guest/pty.h"
#include "boot/guest/report.h"
#include "boot/guest/user.h"

#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Longest name in a message, so that the reason after it still fits. */
#define NAME "%.120s"

/**
 * struct pipes - The three pipes of a command, or its terminal three times, and
 *		  the pipe for its failure
 * @child_fd:	Ends for the child
 * @our_fd:	Ends for init
 */
struct pipes {
	int child_fd[COMMAND_NUM_STREAMS + 1];
	int our_fd[COMMAND_NUM_STREAMS + 1];
};

static void close_all(const int *fd)
{
	int i;

	for (i = 0; i <= COMMAND_NUM_STREAMS; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static int copy(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int open_terminal(struct pipes *pipes, const char *window)
{
	int *child = pipes->child_fd;
	int *our = pipes->our_fd;
	int err = pty_open(&our[STDIN_FILENO], &child[STDIN_FILENO]);

	if (err)
		return err;
	pty_resize(our[STDIN_FILENO], (uint32_t)strtoul(window, NULL, 10));
	our[STDOUT_FILENO] = copy(our[STDIN_FILENO]);
	child[STDOUT_FILENO] = copy(child[STDIN_FILENO]);
	child[STDERR_FILENO] = copy(child[STDIN_FILENO]);
	if (our[STDOUT_FILENO] < 0 || child[STDOUT_FILENO] < 0 ||
	    child[STDERR_FILENO] < 0)
		return -errno;
	return 0;
}

/* @window: a terminal's, or NULL. */
static int open_pipes(struct pipes *pipes, const char *window)
{
	int fd[2];
	int i = window ? COMMAND_NUM_STREAMS : 0;
	int err;

	memset(pipes, -1, sizeof(*pipes));
	err = window ? open_terminal(pipes, window) : 0;
	if (err)
		return err;
	for (; i <= COMMAND_NUM_STREAMS; i++) {
		if (pipe2(fd, O_CLOEXEC))
			return -errno;
		pipes->child_fd[i] = fd[i != STDIN_FILENO];
		pipes->our_fd[i] = fd[i == STDIN_FILENO];
		/* Only our end: the child gets a pipe like any other. */
		if (i < COMMAND_NUM_STREAMS &&
		    fcntl(pipes->our_fd[i], F_SETFL, O_NONBLOCK))
			return -errno;
	}
	return 0;
}

static const char *find_path(char *const *env)
{
	for (; *env; env++)
		if (!strncmp(*env, "PATH=", 5))
			return *env + 5;
	return DEFAULT_PATH;
}

/* As execvp() does with what the kernel does not know how to execute; but not
 * with what a shell would not take for a script either.
 */
static int exec_by_shell(char *path, const struct plan *plan)
{
	char *const *args = plan->list[GUEST_SPEC_ARG];
	char interp[INTERP_LEN];
	size_t cnt = 0;
	char **argv;
	int err;

	if (interp_read(path, interp) || strcmp(interp, INTERP_SHELL) != 0)
		return -ENOEXEC;
	while (args[cnt])
		cnt++;
	argv = calloc(cnt + 2, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	argv[0] = interp;
	argv[1] = path;
	/* The name is replaced, the rest and its end stay. */
	memcpy(&argv[2], &args[1], cnt * sizeof(*argv));
	execv(interp, argv);
	err = -errno;
	free(argv);
	return err == -ENOENT ? -ELIBACC : err;
}

/* Does not return if all is well. -ELIBACC: there is a file, but not what is
 * to interpret it.
 */
static int exec_file(char *path, const struct plan *plan)
{
	struct stat st;
	int err;

	execv(path, plan->list[GUEST_SPEC_ARG]);
	err = -errno;
	if (err == -ENOEXEC)
		return exec_by_shell(path, plan);
	if (err == -EACCES && !stat(path, &st) && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (err == -ENOENT && !stat(path, &st))
		return -ELIBACC;
	return err;
}

/* As execvp(), but leaves in @path what it failed for. */
static int exec_search(char path[PATH_MAX], const struct plan *plan)
{
	const char *name = plan_value(plan, GUEST_SPEC_ARG);
	const char *dir = find_path(plan->list[GUEST_SPEC_ENV]);
	int result = -ENOENT;
	int dir_len, err;

	for (;; dir += dir_len + 1) {
		dir_len = (int)strcspn(dir, ":");
		err = snprintf(path, PATH_MAX, "%.*s%s%s", dir_len, dir,
			       dir_len ? "/" : "", name);
		err = err < PATH_MAX ? exec_file(path, plan) : -ENAMETOOLONG;
		if (err == -EACCES)
			result = err;
		else if (err != -ENOENT && err != -ENOTDIR && err != -EISDIR)
			return err;
		if (!dir[dir_len])
			return result;
	}
}

static int explain_exec(int err, const char *path, const struct plan *plan,
			struct guest_msg *why)
{
	const char *name = plan_value(plan, GUEST_SPEC_ARG);
	char interp[INTERP_LEN];

	if (err == -ELIBACC && !interp_read(path, interp))
		report_fail(why, err,
			    "command '" NAME "': its interpreter '%.60s' "
			    "is not in the guest",
			    name, interp);
	else if (err == -ENOENT && !strchr(name, '/'))
		report_fail(why, err,
			    "command '" NAME "': not found in the guest's PATH",
			    name);
	else
		report_fail(why, err, "command '" NAME "': %s", name,
			    strerror(-err));
	why->value = err == -ENOENT || err == -ELIBACC ? GUEST_STATUS_NOT_FOUND
						       : GUEST_STATUS_NOT_EXEC;
	return err;
}

/* @home is one more variable, unless it is empty or there is one. */
static int set_environment(char **env, const char *home, struct guest_msg *why)
{
	bool has_home = !*home;
	size_t cnt;

	for (cnt = 0; env[cnt]; cnt++)
		has_home = has_home || !strncmp(env[cnt], "HOME=", 5);
	environ = env;
	if (has_home)
		return 0;
	environ = calloc(cnt + 2, sizeof(*environ));
	if (!environ)
		return report_fail(why, -ENOMEM, "environment: no memory");
	memcpy(environ, env, cnt * sizeof(*environ));
	memcpy(&environ[cnt], &home, sizeof(home));
	return 0;
}

/* What changes where the command runs, not what it does. */
static int take_place(const struct plan *plan, struct guest_msg *why)
{
	const char *workdir = plan_value(plan, GUEST_SPEC_WORKDIR);
	struct user user;
	int err;

	err = user_find(&user, plan, "/etc/passwd", "/etc/group", why);
	if (!err)
		err = set_environment(plan->list[GUEST_SPEC_ENV], user.home,
				      why);
	if (!err)
		err = limits_set(plan, why);
	if (!err)
		err = user_become(&user, why);
	/* The last, for what the user may not enter is no place to start in. */
	if (!err && chdir(workdir))
		err = report_fail(why, -errno, "workdir '" NAME "': %s",
				  workdir, strerror(errno));
	return err;
}

/* The child's life up to execve(). Returns only if that failed. */
static int become_command(const struct pipes *pipes, const struct plan *plan,
			  struct guest_msg *why)
{
	const char *name = plan_value(plan, GUEST_SPEC_ARG);
	char path[PATH_MAX];
	sigset_t none;
	int i, err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	/* Pipes refuse. */
	ioctl(pipes->child_fd[STDIN_FILENO], TIOCSCTTY, 0);
	for (i = 0; i < COMMAND_NUM_STREAMS; i++)
		if (dup2(pipes->child_fd[i], i) < 0)
			return report_fail(why, -errno, "stream %d: %s", i,
					   strerror(errno));
	err = take_place(plan, why);
	if (err)
		return err;
	if (strchr(name, '/')) {
		snprintf(path, sizeof(path), "%s", name);
		err = exec_file(path, plan);
	} else {
		err = exec_search(path, plan);
	}
	return explain_exec(err, path, plan, why);
}

int command_start(struct command *command, const struct plan *plan,
		  struct guest_msg *why)
{
	const char *window = plan_value(plan, GUEST_SPEC_TERMINAL);
	struct pipes pipes;
	ssize_t n;
	int err;

	err = open_pipes(&pipes, window);
	if (!err) {
		command->pid = fork();
		err = command->pid < 0 ? -errno : 0;
	}
	if (err) {
		close_all(pipes.child_fd);
		close_all(pipes.our_fd);
		return report_fail(why, err,
				   window ? "cannot start a process on a "
					    "terminal: %s"
					  : "cannot start a process: %s",
				   strerror(-err));
	}
	if (command->pid == 0) {
		become_command(&pipes, plan, why);
		n = write(pipes.child_fd[COMMAND_NUM_STREAMS], why,
			  sizeof(*why));
		_exit(n == sizeof(*why) ? 0 : GUEST_STATUS_FAILED);
	}
	command->terminal_fd = window ? copy(pipes.child_fd[STDIN_FILENO]) : -1;
	close_all(pipes.child_fd);
	n = read(pipes.our_fd[COMMAND_NUM_STREAMS], why, sizeof(*why));
	if (n) {
		close_all(pipes.our_fd);
		if (command->terminal_fd >= 0)
			close(command->terminal_fd);
		waitpid(command->pid, NULL, 0);
		return -ECHILD;
	}
	close(pipes.our_fd[COMMAND_NUM_STREAMS]);
	memcpy(command->stream_fd, pipes.our_fd, sizeof(command->stream_fd));
	return 0;
}
