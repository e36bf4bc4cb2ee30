/*
 * Counters of perf_event_open(2), which threads and children inherit, and
 * memory by /proc/PID/smaps.
 */
#include "tests/bench/measure/counts.h"

#include <err.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EVENTS "/sys/kernel/tracing/events/"

/* Guest memory is made of pieces larger than a thread's stack. */
enum { LARGE = 8 << 20 };

static const struct {
	const char *tracepoint; /* NULL: the task's clock */
	bool no_interrupts;
} events[] = {
	[COUNTS_CPU] = {NULL, false},
	[COUNTS_CALLS] = {"raw_syscalls/sys_enter", false},
	[COUNTS_EXITS] = {"kvm/kvm_exit", true},
	[COUNTS_USER_EXITS] = {"kvm/kvm_userspace_exit", false},
};

static long find_tracepoint(const char *name)
{
	char path[96], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), EVENTS "%s/id", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		err(1, "%s", path);
	close(fd);
	return strtol(text, NULL, 10);
}

/* VMEXIT_INTR of AMD, EXIT_REASON_EXTERNAL_INTERRUPT of Intel. */
static const char *interrupt_filter(void)
{
	return access("/sys/module/kvm_amd", F_OK) ? "exit_reason != 1"
						   : "exit_reason != 96";
}

int counts_begin(struct counts *c, pid_t pid)
{
	for (int i = 0; i < COUNTS_NUM_EVENTS; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_SOFTWARE,
			.config = PERF_COUNT_SW_TASK_CLOCK,
			.size = sizeof(attr),
			.inherit = 1,
		};

		if (events[i].tracepoint) {
			attr.type = PERF_TYPE_TRACEPOINT;
			attr.config = find_tracepoint(events[i].tracepoint);
		}
		c->fd[i] = syscall(SYS_perf_event_open, &attr, pid, -1, -1,
				   PERF_FLAG_FD_CLOEXEC);
		if (c->fd[i] < 0)
			return -1;
		if (events[i].no_interrupts &&
		    ioctl(c->fd[i], PERF_EVENT_IOC_SET_FILTER,
			  interrupt_filter()))
			return -1;
	}
	return 0;
}

void counts_read(const struct counts *c, struct sample *sample)
{
	uint64_t *const to[] = {
		[COUNTS_CPU] = &sample->cpu_ns,
		[COUNTS_CALLS] = &sample->calls,
		[COUNTS_EXITS] = &sample->exits,
		[COUNTS_USER_EXITS] = &sample->user_exits,
	};

	for (int i = 0; i < COUNTS_NUM_EVENTS; i++)
		if (read(c->fd[i], to[i], sizeof(*to[i])) != sizeof(*to[i]))
			err(1, "counter");
}

/* Is a line of smaps about the guest's memory? Such are large pieces, shared
 * files (the window's), with what is between them.
 */
static bool is_guests(const char *line, unsigned long *guests_end)
{
	unsigned long start = 0, end = 0, inode = 0;
	char modes[5] = "", path[256] = "";
	bool is;

	sscanf(line, "%lx-%lx %4s %*s %*s %lu %255s", &start, &end, modes,
	       &inode, path);
	is = end - start > LARGE || (inode && modes[3] == 's') ||
	     strstr(path, "/.cache/wherry") ||
	     (!inode && !*path && start == *guests_end);
	if (is)
		*guests_end = end;
	return is;
}

static uint64_t pss_of(pid_t pid)
{
	char path[32], line[512];
	unsigned long kib, sum = 0, guests_end = 0;
	bool counts = false;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in)) {
		if (getenv("MEASURE_SMAPS"))
			fputs(line, stderr);
		if (sscanf(line, "%*x-%*x %*4s %*x %c", path) == 1)
			counts = !is_guests(line, &guests_end);
		else if (counts && sscanf(line, "Pss: %lu", &kib) == 1)
			sum += kib;
	}
	if (in)
		fclose(in);
	return sum;
}

/* The sum of what @of says of a process and its children. */
static uint64_t sum_tree(pid_t pid, uint64_t (*of)(pid_t pid))
{
	char path[64];
	uint64_t sum = of(pid);
	FILE *in;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	in = fopen(path, "r");
	while (in && fscanf(in, "%d", &child) == 1)
		sum += sum_tree(child, of);
	if (in)
		fclose(in);
	return sum;
}

uint64_t counts_pss_kib(pid_t pid)
{
	return sum_tree(pid, pss_of);
}

static uint64_t cpu_of(pid_t pid)
{
	struct timespec used = {0};
	clockid_t clock;

	if (!clock_getcpuclockid(pid, &clock))
		clock_gettime(clock, &used);
	return used.tv_sec * 1000000000ULL + used.tv_nsec;
}

uint64_t counts_cpu_ns(pid_t pid)
{
	return sum_tree(pid, cpu_of);
}
