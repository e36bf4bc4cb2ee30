/*
 * typist: runs a command on a terminal of its own and does what a user does
 * there. What the terminal shows is copied to standard output; at the end it
 * says how the command ended and whether the terminal is what it was.
 *
 * usage: typist STEP... -- COMMAND [ARG...]
 *
 *   see:TEXT		wait until TEXT is shown (behind what was seen before)
 *   type:TEXT		type it; ^X is a control key
 *   size:ROWSxCOLUMNS	resize the window
 *   kill:SIGNAL		send it to the command
 *   kill-child:SIGNAL	send it to the command's child
 *   cooked, raw	wait until the terminal is
 *   stopped		wait until the command is stopped
 *   hangup		close the terminal
 *   rest:MS		do nothing for so long
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, TICK_MS = 50, SHOWN_LEN = 1 << 20 };

/**
 * struct typist - The user
 * @user_fd:	The user's side
 * @fd:		The command's side
 * @pid:	The command
 * @shown:	All that was shown
 * @shown_len:	So much
 * @seen_len:	So much of it was looked for
 */
static struct typist {
	int user_fd;
	int fd;
	pid_t pid;
	char shown[SHOWN_LEN + 1];
	size_t shown_len;
	size_t seen_len;
} t;

static bool is_raw(const char *unused)
{
	struct termios mode;

	(void)unused;
	return !tcgetattr(t.fd, &mode) && !(mode.c_lflag & ICANON);
}

static bool is_cooked(const char *unused)
{
	return !is_raw(unused);
}

/* Look at what is shown for a moment. */
static void look(void)
{
	struct pollfd p = {.fd = t.user_fd, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, TICK_MS) <= 0 || !(p.revents & POLLIN))
		return;
	n = read(t.user_fd, t.shown + t.shown_len, SHOWN_LEN - t.shown_len);
	if (n > 0 && write(STDOUT_FILENO, t.shown + t.shown_len, n) == n)
		t.shown_len += n;
}

static bool is_shown(const char *text)
{
	const char *at = memmem(t.shown + t.seen_len, t.shown_len - t.seen_len,
				text, strlen(text));

	if (at)
		t.seen_len = (size_t)(at - t.shown) + strlen(text);
	return at;
}

static bool is_stopped(const char *unused)
{
	int status;

	(void)unused;
	return waitpid(t.pid, &status, WUNTRACED | WNOHANG) == t.pid &&
	       WIFSTOPPED(status);
}

/* Wait until it is so; for ever it is not. */
static void await(bool (*is_so)(const char *text), const char *text,
		  const char *step)
{
	for (int ms = 0; !is_so(text); ms += TICK_MS) {
		if (ms < PATIENCE_MS) {
			look();
			continue;
		}
		printf("\n[%s: in vain]\n", step);
		kill(t.pid, SIGKILL);
		exit(1);
	}
}

static void type(const char *text)
{
	for (; *text; text++) {
		char key = *text;

		if (key == '^' && text[1])
			key = (char)(*++text & 0x1f);
		if (write(t.user_fd, &key, 1) != 1)
			exit(1);
	}
}

static void resize(const char *text)
{
	struct winsize size = {0};
	char *end;

	size.ws_row = (unsigned short)strtoul(text, &end, 10);
	size.ws_col = (unsigned short)strtoul(end + 1, NULL, 10);
	ioctl(t.user_fd, TIOCSWINSZ, &size);
}

/* To the command, or to its first child. */
static void send_signal(const char *name, bool to_child)
{
	char path[64], text[64] = "";
	int sig = 1;
	FILE *file;

	while (sig < SIGSYS && strcmp(sigabbrev_np(sig), name) != 0)
		sig++;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", t.pid, t.pid);
	file = fopen(path, "r");
	if (file && to_child && !fgets(text, sizeof(text), file))
		text[0] = '\0';
	if (file)
		fclose(file);
	kill(to_child ? (pid_t)strtol(text, NULL, 10) : t.pid, sig);
}

/* As a shell does whose terminal is closed. */
static void hang_up(void)
{
	close(t.user_fd);
	t.user_fd = -1;
	kill(-t.pid, SIGHUP);
}

static void do_step(const char *step)
{
	const char *arg = strchr(step, ':');

	arg = arg ? arg + 1 : step;
	if (!strncmp(step, "see:", 4))
		await(is_shown, arg, step);
	else if (!strncmp(step, "type:", 5))
		type(arg);
	else if (!strncmp(step, "size:", 5))
		resize(arg);
	else if (!strncmp(step, "kill:", 5))
		send_signal(arg, false);
	else if (!strncmp(step, "kill-child:", 11))
		send_signal(arg, true);
	else if (!strcmp(step, "cooked"))
		await(is_cooked, NULL, step);
	else if (!strcmp(step, "raw"))
		await(is_raw, NULL, step);
	else if (!strcmp(step, "stopped"))
		await(is_stopped, NULL, step);
	else if (!strcmp(step, "hangup"))
		hang_up();
	else if (!strncmp(step, "rest:", 5))
		usleep((useconds_t)strtoul(arg, NULL, 10) * 1000);
	else
		exit(2);
}

static void start(char **argv)
{
	t.user_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t.user_fd < 0 || unlockpt(t.user_fd))
		exit(2);
	t.fd = open(ptsname(t.user_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	resize("24x80");
	/* A shell's part: what it starts is a job in the foreground. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	setsid();
	ioctl(t.fd, TIOCSCTTY, 0);
	t.pid = fork();
	setpgid(t.pid, t.pid);
	if (t.pid)
		return;
	tcsetpgrp(t.fd, getpid());
	signal(SIGTTOU, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(t.fd, i);
	execvp(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	int first = 1, status = 0;

	while (first < argc && strcmp(argv[first], "--") != 0)
		first++;
	if (first + 1 >= argc)
		return 2;
	start(argv + first + 1);
	for (int i = 1; i < first; i++)
		do_step(argv[i]);
	for (int ms = 0; waitpid(t.pid, &status, WNOHANG) != t.pid;
	     ms += TICK_MS) {
		look();
		if (ms == PATIENCE_MS)
			kill(t.pid, SIGKILL);
	}
	look();
	printf("\n[status %d, %s]\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
	       is_raw(NULL) ? "raw" : "cooked");
	return 0;
}
