/*
 * Filters of system calls: what each kind of thread may not do, and may.
 */
#include <asm/prctl.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/thread.h"
#include "vmm/sandbox/filter.h"

#define X32_BIT 0x40000000

/* By one call: sanitizers make others before _exit(), or any function that is
 * known not to return.
 */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

/* What a thread is called here, and so in the line. */
#define NAME "t-under-test"

/* Run @call in a process of its own under a filter: its status; what it said is
 * in @said.
 */
static int run_filtered(enum filter_kind kind, void (*call)(void), char *said,
			size_t len)
{
	int pipe_fd[2], status;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		dup2(pipe_fd[1], STDERR_FILENO);
		prctl(PR_SET_NAME, NAME);
		if (filter_catch() || filter_install(kind))
			leave(1);
		call();
		leave(0);
	}
	close(pipe_fd[1]);
	n = read(pipe_fd[0], said, len - 1);
	said[n < 0 ? 0 : n] = '\0';
	close(pipe_fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void call_number(long number)
{
	syscall(number, 0, 0, 0, 0, 0, 0);
}

/* clang-format off */
#define CALL_0(name) \
	static void do_##name(void) { call_number(SYS_##name); }
#define CALL(name, ...) \
	static void do_##name(void) { syscall(SYS_##name, __VA_ARGS__); }
CALL(execve, "/bin/true", (char *[]){NULL}, NULL)
CALL(execveat, -1, "/bin/true", (char *[]){NULL}, NULL, 0)
CALL(socket, AF_UNIX, SOCK_STREAM, 0)
CALL(ptrace, 0, 0, 0, 0)
CALL(open, "/etc/shadow", O_RDONLY)
CALL(mount, "none", "/mnt", "tmpfs", 0, NULL)
CALL(kill, 1, SIGTERM)
CALL_0(bpf)
CALL_0(io_uring_setup)
CALL_0(clone3)
CALL(clone, SIGCHLD, 0, 0, 0, 0)
CALL_0(fork)
CALL_0(vfork)
CALL_0(memfd_create)
CALL_0(prctl)
CALL_0(seccomp)
CALL_0(rt_sigaction)
CALL_0(keyctl)
CALL_0(userfaultfd)
CALL_0(perf_event_open)
CALL_0(init_module)
CALL_0(setns)
CALL_0(chroot)
CALL_0(pivot_root)
CALL_0(open_tree)
CALL_0(pidfd_getfd)
CALL_0(pkey_mprotect)
CALL(remap_file_pages, 0, 4096, 0, 0, 0)
CALL(arch_prctl, ARCH_GET_FS, 0)
/* clang-format on */

static void do_exec_mmap(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	     0);
}

static void do_tiocsti(void)
{
	ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static void do_create_vm(void)
{
	ioctl(STDERR_FILENO, KVM_CREATE_VM, 0);
}

static void do_x32(void)
{
	call_number(X32_BIT | SYS_getpid);
}

/* exit(0), if only it were done. */
static void do_int80(void)
{
	long number = 1;

	__asm__ volatile("int $0x80" : "+a"(number) : "b"(0) : "memory");
}

/* What no kind of thread may do, and what it is called then. */
static const struct {
	void (*call)(void);
	const char *name;
} forbidden[] = {
	{do_execve, "execve"},
	{do_execveat, "execveat"},
	{do_socket, "socket"},
	{do_ptrace, "ptrace"},
	{do_open, "open"},
	{do_mount, "mount"},
	{do_kill, "kill"},
	{do_bpf, "bpf"},
	{do_io_uring_setup, "io_uring_setup"},
	{do_clone3, "clone3"},
	{do_clone, "clone"},
	{do_fork, "fork"},
	{do_vfork, "vfork"},
	{do_memfd_create, "memfd_create"},
	{do_prctl, "prctl"},
	{do_seccomp, "seccomp"},
	{do_rt_sigaction, "rt_sigaction"},
	{do_keyctl, "keyctl"},
	{do_userfaultfd, "userfaultfd"},
	{do_perf_event_open, "perf_event_open"},
	{do_init_module, "init_module"},
	{do_setns, "setns"},
	{do_chroot, "chroot"},
	{do_pivot_root, "pivot_root"},
	{do_open_tree, "open_tree"},
	{do_pidfd_getfd, "pidfd_getfd"},
	{do_pkey_mprotect, "pkey_mprotect"},
	{do_remap_file_pages, "remap_file_pages"},
	{do_arch_prctl, "arch_prctl"},
	{do_exec_mmap, "mmap"},
	{do_tiocsti, "ioctl"},
	{do_create_vm, "ioctl"},
	{do_x32, "1073741863"},
	{do_int80, "1 of another architecture"},
};

static void expect_forbidden(enum filter_kind kind, void (*call)(void),
			     const char *name)
{
	char said[256], line[256];
	int status = run_filtered(kind, call, said, sizeof(said));

	snprintf(line, sizeof(line),
		 "wherry: sandbox: thread " NAME " made system call %s, which "
		 "its filter forbids; the machine was ended\n",
		 name);
	ck_assert_msg(status == FILTER_STATUS && !strcmp(said, line),
		      "kind %d, %s: status %d, \"%s\"", (int)kind, name, status,
		      said);
}

START_TEST(forbidden_to_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		expect_forbidden(_i, forbidden[i].call, forbidden[i].name);
}
END_TEST

/* clang-format off */
CALL(mprotect, 0, 0, PROT_EXEC)
CALL(openat, AT_FDCWD, "/etc/shadow", O_RDONLY)
CALL(openat2, AT_FDCWD, "/", 0, 0)
CALL_0(open_by_handle_at)
CALL(unshare, CLONE_NEWUSER)
CALL(fcntl, STDERR_FILENO, F_SETOWN, 1)
CALL(setresuid, -1, -1, -1)
CALL_0(process_vm_writev)
CALL(tgkill, 1, 1, 0)
CALL_0(getrandom)
CALL_0(sendmsg)
CALL(sendto, STDERR_FILENO, 0, 0, MSG_DONTWAIT, 0, 0)
/* clang-format on */

static void do_sendto_somebody(void)
{
	syscall(SYS_sendto, STDERR_FILENO, 0, 0, MSG_DONTWAIT, 1, 0);
}

static void do_unshare_more(void)
{
	unshare(CLONE_FS | CLONE_NEWNS);
}

static void do_setflags(void)
{
	ioctl(STDERR_FILENO, FS_IOC_SETFLAGS, 0);
}

static void do_kvm_run(void)
{
	ioctl(STDERR_FILENO, KVM_RUN, 0);
}

/* What is forbidden to some: a bit for each kind. */
#define LOOP BIT(FILTER_LOOP)
#define VCPU BIT(FILTER_VCPU)
#define FS BIT(FILTER_FS)
#define HANDLES BIT(FILTER_FS_HANDLES)
#define AUX BIT(FILTER_FS_AUX)
#define ALL (LOOP | VCPU | FS | HANDLES | AUX)
static const struct {
	uint64_t to;
	void (*call)(void);
	const char *name;
} forbidden_to_some[] = {
	{ALL, do_mprotect, "mprotect"},
	{ALL, do_openat, "openat"},
	{LOOP | VCPU | AUX, do_openat2, "openat2"},
	{LOOP | VCPU | FS | AUX, do_open_by_handle_at, "open_by_handle_at"},
	{ALL, do_unshare, "unshare"},
	{ALL, do_unshare_more, "unshare"},
	{ALL, do_fcntl, "fcntl"},
	{LOOP | VCPU | AUX, do_setresuid, "setresuid"},
	{LOOP | FS | HANDLES | AUX, do_process_vm_writev, "process_vm_writev"},
	{VCPU | FS | HANDLES | AUX, do_tgkill, "tgkill"},
	{VCPU | FS | HANDLES | AUX, do_getrandom, "getrandom"},
	{ALL, do_sendmsg, "sendmsg"},
	{VCPU | FS | HANDLES | AUX, do_sendto, "sendto"},
	{ALL, do_sendto_somebody, "sendto"},
	{LOOP | VCPU | AUX, do_setflags, "ioctl"},
	{LOOP | FS | HANDLES | AUX, do_kvm_run, "ioctl"},
};

/* To others it is allowed: it fails as it would without a filter. */
START_TEST(allowed_to_some)
{
	char said[256];
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(forbidden_to_some); i++) {
		if (forbidden_to_some[i].to & BIT(_i)) {
			expect_forbidden(_i, forbidden_to_some[i].call,
					 forbidden_to_some[i].name);
			continue;
		}
		status = run_filtered(_i, forbidden_to_some[i].call, said,
				      sizeof(said));
		ck_assert_str_eq(said, "");
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

/* What they all do: memory, locks, bytes, time. */
static void work(void)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct timespec now;
	void *map;

	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	syscall(SYS_futex, &lock, 0 /* FUTEX_WAIT */, 1, NULL, NULL, 0);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || syscall(SYS_brk, 0) <= 0 ||
	    write(STDERR_FILENO, "done", 4) < 0)
		leave(1);
	close(STDERR_FILENO);
}

START_TEST(work_is_allowed)
{
	char said[256];

	int status = run_filtered(_i, work, said, sizeof(said));

	ck_assert_str_eq(said, "done");
	ck_assert_int_eq(status, 0);
}
END_TEST

static void do_number_999(void)
{
	call_number(999);
}

static void do_number_minus_one(void)
{
	call_number(-1);
}

START_TEST(number_without_a_name)
{
	expect_forbidden(_i, do_number_999, "999");
	expect_forbidden(_i, do_number_minus_one, "4294967295");
}
END_TEST

static atomic_bool thread_ended;

/* It ends without libc and sanitizers, which do more than filters allow. */
static void *run_thread(void *call)
{
	prctl(PR_SET_NAME, NAME);
	/* The first call that waits has sanitizers prepare for signals. */
	usleep(1);
	if (filter_install(FILTER_VCPU))
		leave(1);
	((void (*)(void))call)();
	thread_ended = true;
	syscall(SYS_exit, 0);
	return NULL;
}

/* A thread as those of a machine: all other signals are blocked on it. */
static int end_on_thread(void (*call)(void), char *said, size_t len)
{
	int pipe_fd[2], status;
	pthread_t thread;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid = fork();
	if (!pid) {
		dup2(pipe_fd[1], STDERR_FILENO);
		prctl(PR_SET_NAME, "main");
		if (filter_catch() ||
		    thread_start(&thread, 0, run_thread, (void *)call))
			leave(1);
		while (!thread_ended)
			sched_yield();
		/* Not under the filter: that is the thread's. */
		leave(prctl(PR_GET_SECCOMP));
	}
	close(pipe_fd[1]);
	memset(said, 0, len);
	ck_assert_int_ge(read(pipe_fd[0], said, len - 1), 0);
	close(pipe_fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(thread_ends_process)
{
	char said[256];

	ck_assert_int_eq(end_on_thread(do_execve, said, sizeof(said)),
			 FILTER_STATUS);
	ck_assert_str_eq(said, "wherry: sandbox: thread " NAME
			       " made system call execve, which its filter "
			       "forbids; the machine was ended\n");
}
END_TEST

static void nothing(void)
{
}

START_TEST(thread_ends_alone)
{
	char said[256];

	ck_assert_int_eq(end_on_thread(nothing, said, sizeof(said)), 0);
	ck_assert_str_eq(said, "");
}
END_TEST

/* A SIGSYS that somebody sent is a signal like any other. */
START_TEST(sent_signal)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		filter_catch();
		raise(SIGSYS);
		leave(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGSYS);
}
END_TEST

/* What the kernel says of a process: the number after @field. */
static int read_status(pid_t pid, const char *field)
{
	char path[64], line[256];
	int value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (value < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, field, strlen(field)))
			value = atoi(line + strlen(field));
	}
	fclose(file);
	return value;
}

START_TEST(no_new_privileges)
{
	int pipe_fd[2], never = 0;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid = fork();
	if (!pid) {
		if (filter_install(_i) || write(pipe_fd[1], "r", 1) != 1)
			leave(1);
		syscall(SYS_futex, &never, 0 /* FUTEX_WAIT */, 0, NULL, NULL,
			0);
		leave(1);
	}
	close(pipe_fd[1]);
	ck_assert_int_eq(read(pipe_fd[0], &byte, 1), 1);
	ck_assert_int_eq(read_status(pid, "NoNewPrivs:"), 1);
	ck_assert_int_eq(read_status(pid, "Seccomp:"), SECCOMP_MODE_FILTER);
	ck_assert_int_eq(read_status(pid, "Seccomp_filters:"), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipe_fd[0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *tc = tcase_create("filter");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, forbidden_to_all, 0, FILTER_NUM_KINDS);
	tcase_add_loop_test(tc, allowed_to_some, 0, FILTER_NUM_KINDS);
	tcase_add_loop_test(tc, work_is_allowed, 0, FILTER_NUM_KINDS);
	tcase_add_loop_test(tc, number_without_a_name, 0, FILTER_NUM_KINDS);
	tcase_add_test(tc, thread_ends_process);
	tcase_add_test(tc, thread_ends_alone);
	tcase_add_test(tc, sent_signal);
	tcase_add_loop_test(tc, no_new_privileges, 0, FILTER_NUM_KINDS);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
