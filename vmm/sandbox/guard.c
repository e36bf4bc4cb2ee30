/*
 * The terminal's guard.
 */
#include "vmm/sandbox/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/terminal.h"

/* A shell that has taken it back edits there. */
static _Noreturn void stand(int fd, const struct terminal *kept)
{
	enum { TERMINAL_FD = STDIN_FILENO, PIPE_FD };
	struct terminal terminal = *kept;
	char byte;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	dup2(fd, PIPE_FD);
	dup2(terminal.fd, TERMINAL_FD); /* that was no standard stream */
	close_range(PIPE_FD + 1, ~0U, 0);
	terminal.fd = TERMINAL_FD;
	if (read(PIPE_FD, &byte, 1) == 0 && terminal_is_ours(&terminal))
		terminal_restore(&terminal);
	_exit(0);
}

void guard_start(struct guard *guard, const struct terminal *terminal)
{
	int fd[2];

	*guard = (struct guard){0, -1};
	if (terminal->fd < 0 || pipe2(fd, O_CLOEXEC))
		return;
	guard->fd = fd[1];
	guard->pid = fork();
	if (!guard->pid)
		stand(fd[0], terminal);
	close(fd[0]);
}

void guard_end(struct guard *guard)
{
	if (guard->pid > 0 && write(guard->fd, "", 1) == 1)
		waitpid(guard->pid, NULL, 0);
	fd_close(&guard->fd);
	guard->pid = 0;
}
