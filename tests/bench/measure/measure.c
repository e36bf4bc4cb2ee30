/*
 * Runs a machine whose command is tests/bench/guest/load, answers its lines and
 * says what each row took: time, CPU time, exits and system calls.
 *
 * usage: measure [-d DAEMON -s SOCKET] NAME ROUND MONITOR [ARGUMENT...]
 *
 * DAEMON is a command for the shell: the file server's process, started before
 * and ended after the monitor, which is started when there is SOCKET.
 *
 * Prints lines of words separated by tabs: NAME, ROUND, row, operations,
 * nanoseconds, those of CPU time (of both processes, with the guest's), exits,
 * exits to user space, system calls of the monitor and of the daemon. In rows
 * of memory, KiB are in the place of nanoseconds. Exits are those that are not
 * host interrupts, which depend on time alone.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/measure/counts.h"

enum { LIMIT_SECS = 400 };

struct bench {
	const char *name;
	const char *round;
	pid_t monitor;
	pid_t daemon;
	struct counts monitor_counts;
	struct counts daemon_counts;
	int to; /* the monitor's standard input */
	FILE *from;
	struct sample begun;
	char row[80];
	unsigned int ops;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* What is counted of both so far. */
static struct sample take_sample(struct bench *b)
{
	struct sample s = {.ns = now_ns()}, daemon;

	counts_read(&b->monitor_counts, &s);
	if (b->daemon) {
		daemon = (struct sample){0};
		counts_read(&b->daemon_counts, &daemon);
		s.cpu_ns += daemon.cpu_ns;
		s.daemon_calls = daemon.calls;
	}
	return s;
}

static void print_row(const struct bench *b, const char *row, unsigned int ops,
		      const struct sample *a, const struct sample *z)
{
	printf("%s\t%s\t%s\t%u\t%lu\t%lu\t%lu\t%lu\t%lu\t%lu\n", b->name,
	       b->round, row, ops, z->ns - a->ns, z->cpu_ns - a->cpu_ns,
	       z->exits - a->exits, z->user_exits - a->user_exits,
	       z->calls - a->calls, z->daemon_calls - a->daemon_calls);
	fflush(stdout);
}

/* Starts a process that waits until it is counted; it dies with us. */
static pid_t start(char *const *argv, const int *streams, struct counts *counts)
{
	int gate[2];
	pid_t pid;
	char byte;

	if (pipe2(gate, O_CLOEXEC))
		err(1, "pipe");
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (streams) {
			dup2(streams[0], STDIN_FILENO);
			dup2(streams[1], STDOUT_FILENO);
		} else {
			dup2(STDERR_FILENO, STDOUT_FILENO);
		}
		if (read(gate[0], &byte, 1) == 1)
			execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if (pid < 0 || counts_begin(counts, pid))
		err(1, "counters of %s", argv[0]);
	if (write(gate[1], "", 1) != 1)
		err(1, "pipe");
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static void wait_for_socket(const char *path)
{
	struct stat st;

	for (int i = 0; stat(path, &st); i++) {
		if (i == 10000)
			errx(1, "%s: the daemon made none", path);
		usleep(1000);
	}
}

static void start_monitor(struct bench *b, char **argv)
{
	int in[2], out[2], streams[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		err(1, "pipe");
	streams[0] = in[0];
	streams[1] = out[1];
	b->monitor = start(argv, streams, &b->monitor_counts);
	close(in[0]);
	close(out[1]);
	b->to = in[1];
	b->from = fdopen(out[0], "r");
}

static void print_memory(const struct bench *b)
{
	static const struct sample zero;
	struct sample s = {.ns = counts_pss_kib(b->monitor)};

	print_row(b, "KiB of the monitor", 1, &zero, &s);
	if (!b->daemon)
		return;
	s.ns = counts_pss_kib(b->daemon);
	print_row(b, "KiB of the daemon", 1, &zero, &s);
}

/* One line of the guest; false if it wants no answer. */
static bool take_line(struct bench *b, char *line)
{
	struct sample now = take_sample(b);
	int at = 0;

	line[strcspn(line, "\r\n")] = '\0';
	if (!strcmp(line, "init")) {
		print_row(b, "boot to init", 1, &b->begun, &now);
		return false;
	}
	if (!strcmp(line, "start")) {
		print_row(b, "boot to command", 1, &b->begun, &now);
		print_memory(b);
	} else if (!strcmp(line, "end")) {
		print_row(b, b->row, b->ops, &b->begun, &now);
	} else if (sscanf(line, "begin %u %n", &b->ops, &at) == 1 && at) {
		snprintf(b->row, sizeof(b->row), "%s", line + at);
		b->begun = take_sample(b);
	} else {
		fprintf(stderr, "%s: %s\n", b->name, line);
		return false;
	}
	return true;
}

static void answer_lines(struct bench *b)
{
	char line[256];

	b->begun = take_sample(b);
	while (fgets(line, sizeof(line), b->from))
		if (take_line(b, line) && write(b->to, "\n", 1) != 1)
			err(1, "%s", b->name);
}

static int end_all(struct bench *b)
{
	int status = 0;

	waitpid(b->monitor, &status, 0);
	if (b->daemon) {
		kill(b->daemon, SIGTERM);
		waitpid(b->daemon, NULL, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	const char *socket = NULL;
	char *daemon[] = {"sh", "-c", NULL, NULL};
	int option;

	while ((option = getopt(argc, argv, "+d:s:")) != -1)
		switch (option) {
		case 'd':
			daemon[2] = optarg;
			break;
		case 's':
			socket = optarg;
			break;
		default:
			return 2;
		}
	if (argc - optind < 3)
		errx(2, "usage: measure [-d DAEMON -s SOCKET] NAME ROUND "
			"MONITOR [ARGUMENT...]");
	b.name = argv[optind];
	b.round = argv[optind + 1];
	signal(SIGPIPE, SIG_IGN);
	alarm(LIMIT_SECS);
	b.begun = (struct sample){.ns = now_ns()};
	if (daemon[2]) {
		b.daemon = start(daemon, NULL, &b.daemon_counts);
		wait_for_socket(socket);
	}
	start_monitor(&b, argv + optind + 2);
	answer_lines(&b);
	return end_all(&b);
}
