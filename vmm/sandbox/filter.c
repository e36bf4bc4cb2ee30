/*
 * Filters of system calls.
 */
#include "vmm/sandbox/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/bits.h"

enum {
	LINE_LEN = 192,
	CODE_SECCOMP = 1, /* SYS_SECCOMP, which libc lacks */
};

/* What the kernel calls the thread. Its handler of SIGSYS has no argument to
 * find it by, and may not ask.
 */
static _Thread_local char thread_name[16];

/** struct line - A line being written in a signal handler */
struct line {
	char text[LINE_LEN];
	size_t len;
};

static void put(struct line *line, const char *text)
{
	size_t len = MIN(strlen(text), sizeof(line->text) - line->len);

	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void put_number(struct line *line, unsigned int number)
{
	char digits[16];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	put(line, at);
}

/* A number has a name here unless it is of another architecture or too new. */
static void put_call(struct line *line, const siginfo_t *info)
{
	unsigned int number = (unsigned int)info->si_syscall;

	put(line, "system call ");
	if (info->si_arch == AUDIT_ARCH_X86_64 && number < filters_names_cnt &&
	    filters_names[number][0])
		put(line, filters_names[number]);
	else
		put_number(line, number);
	if (info->si_arch != AUDIT_ARCH_X86_64)
		put(line, " of another architecture");
}

/* By one call, whatever else libc's _exit() may do. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

/* A system call was forbidden. Whatever its thread holds, nobody goes on. */
static void end_process(int signal, siginfo_t *info, void *context)
{
	struct line line = {.len = 0};

	(void)context;
	if (info->si_code != CODE_SECCOMP)
		leave(128 + signal); /* somebody sent it */
	put(&line, "wherry: sandbox: thread ");
	put(&line, thread_name);
	put(&line, " made ");
	put_call(&line, info);
	put(&line, ", which its filter forbids; the machine was ended\n");
	if (write(STDERR_FILENO, line.text, line.len) < 0)
		leave(FILTER_STATUS); /* as it would anyway */
	leave(FILTER_STATUS);
}

int filter_catch(void)
{
	struct sigaction action = {
		.sa_sigaction = end_process,
		.sa_flags = SA_SIGINFO,
	};
	sigset_t set;

	/* Others would be made writable by and by, with mprotect(). */
	mallopt(M_ARENA_MAX, 1);
	/* No other handler on top of it, which could go on. */
	sigfillset(&action.sa_mask);
	if (sigaction(SIGSYS, &action, NULL) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	return sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

int filter_install(enum filter_kind kind)
{
	/* The kernel only reads it; its type does not say so. */
	union {
		const struct sock_filter *from;
		struct sock_filter *to;
	} insn = {.from = filters[kind].insn};
	const struct sock_fprog program = {
		.len = filters[kind].cnt,
		.filter = insn.to,
	};

	if (prctl(PR_GET_NAME, thread_name) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return -errno;
	return 0;
}
