/*
 * Checks, and processes that may fail them.
 */
#include "tests/posix/cases/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SOON_MS = 100, NOTE_LEN = 200 };

static char note_text[NOTE_LEN];

char *check_message(void)
{
	static char *message;

	if (!message)
		message = mmap(NULL, MESSAGE_LEN, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return message;
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(note_text, sizeof(note_text), format, args);
	va_end(args);
}

static void leave(int status, const char *format, va_list args)
	__attribute__((noreturn, format(printf, 2, 0)));

static void leave(int status, const char *format, va_list args)
{
	char *message = check_message();

	/* Whoever is first knows the cause. */
	if (!*message)
		vsnprintf(message, MESSAGE_LEN, format, args);
	_exit(status);
}

void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	leave(STATUS_SKIPPED, format, args);
}

static void fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	leave(STATUS_FAILED, format, args);
}

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* errno's name, as it is in the source. */
static const char *name_of(long result, int number)
{
	if (result >= 0)
		return "success";
	return strerrorname_np(number) ? strerrorname_np(number) : "?";
}

void check_gives(int number, long result, const char *what, const char *file,
		 int line)
{
	int got = errno;

	if (result >= 0 ? !number : number == got)
		return;
	fail("%s:%d: %s%s%s: %s, not %s", base_name(file), line, note_text,
	     *note_text ? ": " : "", what, name_of(result, got),
	     name_of(number ? -1 : 0, number));
}

long check_ok(long result, const char *what, const char *file, int line)
{
	check_gives(0, result, what, file, line);
	return result;
}

void check_fails(int number, long result, const char *what, const char *file,
		 int line)
{
	check_gives(number, result, what, file, line);
}

void check_is(long long expected, long long value, const char *what,
	      const char *file, int line)
{
	if (value == expected)
		return;
	fail("%s:%d: %s%s%s is %lld (%#llo), not %lld (%#llo)", base_name(file),
	     line, note_text, *note_text ? ": " : "", what, value, value,
	     expected, expected);
}

void become(uid_t uid, gid_t gid, gid_t supplementary)
{
	become_root();
	OK(setgroups(supplementary != (gid_t)-1, &supplementary));
	OK(setresgid(-1, gid, -1));
	OK(setresuid(-1, uid, -1));
}

void become_root(void)
{
	OK(setresuid(-1, 0, -1));
	OK(setresgid(-1, 0, -1));
	OK(setgroups(0, NULL));
}

pid_t fork_child(void)
{
	pid_t parent = getpid();
	pid_t pid = (pid_t)OK(fork());

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAILED);
	return 0;
}

void child_end(void)
{
	_exit(0);
}

void reap(pid_t pid)
{
	int status;

	OK(waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	IS(0, status);
}

pid_t start(void (*function)(const void *), const void *arg)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	OK(pipe(ready));
	pid = fork_child();
	if (!pid) {
		function(arg);
		OK(write(ready[1], &byte, 1));
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		reap(pid);
	close(ready[0]);
	return pid;
}

void stop(pid_t pid)
{
	OK(kill(pid, SIGKILL));
	OK(waitpid(pid, NULL, 0));
}

/* Does a process want to run? Then it has not come to where it waits. */
static bool is_running(pid_t pid)
{
	char path[32], line[256] = "";
	const char *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = OK(open(path, O_RDONLY));
	OK(read(fd, line, sizeof(line) - 1));
	close(fd);
	state = strrchr(line, ')');
	return state && state[2] == 'R';
}

bool ended_soon(pid_t pid)
{
	siginfo_t info = {0};
	int slept_ms = 0;

	for (int i = 0; i < 1000 && slept_ms < SOON_MS && !info.si_pid; i++) {
		sleep_ms(SOON_MS / 10);
		slept_ms = is_running(pid) ? 0 : slept_ms + SOON_MS / 10;
		OK(waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
	}
	return info.si_pid == pid;
}

void sleep_ms(unsigned int ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}
