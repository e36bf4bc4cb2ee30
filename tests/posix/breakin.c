/*
 * breakin: what a monitor that was taken over can do. It runs a guest as wherry
 * does, but one of its threads makes, once it is in its sandbox, a system call
 * that leads out.
 *
 * usage: breakin THREAD CALL KERNEL DIR
 *   THREAD	loop, vcpu or fs
 *   CALL	by name, see the table
 *   KERNEL	a bare guest; DIR is shared with it
 *
 * A call that fails is told by a line "breakin: CALL: error", and the exit status
 * is 0; one that succeeds by "breakin: CALL: done", and 1. One that is forbidden
 * ends the monitor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/argv.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/cmd.h"
#include "vmm/config.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/timing.h"

static long try_execve(void)
{
	char *const argv[] = {NULL};

	return execve("/proc/self/exe", argv, argv);
}

static long try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_SEIZE, 1, NULL, NULL);
}

static long try_open(void)
{
	return openat(AT_FDCWD, "/etc/shadow", O_RDONLY);
}

static long try_open_again(void)
{
	return fd_open(AT_FDCWD, "/etc/shadow", O_RDONLY, 0, 0) < 0 ? -1 : 0;
}

static long try_mount(void)
{
	return mount("proc", "/0", "proc", 0, NULL);
}

/* Of the first process that it can see, which is not the host's. */
static long try_kill(void)
{
	return kill(-1, SIGKILL);
}

static long try_bpf(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long try_io_uring(void)
{
	struct io_uring_params params = {0};

	return syscall(SYS_io_uring_setup, 1, &params);
}

static long try_clone(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_code(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? -1 : 0;
}

/* The device that standard input is: its mode is the host's. */
static long try_mode(void)
{
	return fchmodat(AT_FDCWD, "0", 0640, 0);
}

static long try_terminal(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static const struct attempt {
	const char *name;
	long (*try)(void);
} attempts[] = {
	{"execve", try_execve},
	{"socket", try_socket},
	{"ptrace", try_ptrace},
	{"openat", try_open},
	{"openat2", try_open_again},
	{"mount", try_mount},
	{"kill", try_kill},
	{"bpf", try_bpf},
	{"io_uring_setup", try_io_uring},
	{"clone", try_clone},
	{"unshare", try_unshare},
	{"fchmodat", try_mode},
	{"mmap", try_code},
	{"ioctl", try_terminal},
};

static const char *const kinds[] = {
	[THREAD_LOOP] = "loop",
	[THREAD_VCPU] = "vcpu",
	[THREAD_FS] = "fs",
	[THREAD_FS_AUX] = "fs-aux",
};

/* What was asked for, and the sandbox's own way to begin a thread. */
struct plan {
	enum thread_kind kind;
	atomic_uint begun; /* the first one of its kind tries */
	const struct attempt *attempt;
	struct thread_entry entry;
	struct config config;
	struct timing timing;
};

static void enter(void *opaque, enum thread_kind kind)
{
	struct plan *plan = opaque;
	char line[64], name[16];
	bool failed;
	int len;

	prctl(PR_GET_NAME, name);
	thread_enter(&plan->entry, kind);
	/* Of the file servers, one that serves. */
	if (kind == THREAD_FS && strcmp(name, "fs-request"))
		return;
	if (kind != plan->kind || atomic_fetch_add(&plan->begun, 1))
		return;
	failed = plan->attempt->try() < 0;
	len = snprintf(line, sizeof(line), "breakin: %s: %s\n",
		       plan->attempt->name,
		       failed ? strerrorname_np(errno) : "done");
	_exit(write(STDERR_FILENO, line, len) != len || !failed);
}

static int monitor(struct keeper *keeper, void *opaque)
{
	struct plan *plan = opaque;
	struct fail fail;
	struct sandbox sb;

	if (sandbox_init(&sb, keeper, &fail)) {
		fprintf(stderr, "%s\n", fail.text);
		return 2;
	}
	plan->entry = sb.entry;
	sb.entry = (struct thread_entry){enter, plan};
	return cmd_boot(&plan->config, &plan->timing, &sb);
}

static int usage(void)
{
	fputs("usage: breakin THREAD CALL KERNEL DIR\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct plan plan = {.kind = THREAD_NUM_KINDS};
	struct keeper keeper = {
		.jailed = true,
		.monitor = monitor,
		.opaque = &plan,
	};
	char share[4096], boot[] = "boot", kernel[] = "--kernel";
	char memory[] = "--memory=16M", share_option[] = "--share";
	char *words[] = {
		argv[0],      boot,  memory, kernel, argc > 3 ? argv[3] : NULL,
		share_option, share, NULL};
	struct fail fail;

	if (argc != 5)
		return usage();
	for (unsigned int i = 0; i < THREAD_NUM_KINDS; i++) {
		if (!strcmp(argv[1], kinds[i]))
			plan.kind = i;
	}
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		if (!strcmp(argv[2], attempts[i].name))
			plan.attempt = &attempts[i];
	}
	if (!plan.attempt || plan.kind == THREAD_NUM_KINDS)
		return usage();
	snprintf(share, sizeof(share), "%s:share", argv[4]);
	if (argv_parse(&plan.config, ARRAY_SIZE(words) - 1, words, &fail)) {
		fprintf(stderr, "%s\n", fail.text);
		return 2;
	}
	return keeper_run(&keeper, NULL);
}
