/*
 * Starts so many machines at once, waits until each has said its first word,
 * and says what a start took and what they hold then.
 *
 * usage: start NAME COUNT MONITOR [ARGUMENT...]
 *
 * Prints words separated by tabs: NAME, COUNT, milliseconds from exec to the
 * guest's first word (median, the slowest one), milliseconds of CPU time and
 * KiB of memory (PSS, without what is the guest's) of each machine.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/measure/counts.h"

enum { MAX_MACHINES = 200, LIMIT_MS = 120000 };

struct machine {
	pid_t pid;
	uint64_t begun_ns;
	uint64_t took_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Returns where its output comes from. */
static int start(struct machine *m, char **argv)
{
	int out[2], in;

	if (pipe2(out, O_CLOEXEC))
		err(1, "pipe");
	m->begun_ns = now_ns();
	m->pid = fork();
	if (!m->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		in = open("/dev/null", O_RDWR);
		dup2(in, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(in, STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	return out[0];
}

static void wait_for_words(struct machine *m, struct pollfd *from, int cnt)
{
	char word[64];
	int left = cnt;

	while (left) {
		if (poll(from, cnt, LIMIT_MS) <= 0)
			errx(1, "%d machines say nothing", left);
		for (int i = 0; i < cnt; i++) {
			if (!from[i].revents)
				continue;
			if (read(from[i].fd, word, sizeof(word)) <= 0)
				errx(1, "a machine ended");
			m[i].took_ns = now_ns() - m[i].begun_ns;
			from[i].fd = -1 - from[i].fd;
			left--;
		}
	}
}

static int compare(const void *left, const void *right)
{
	const struct machine *a = left, *b = right;

	return (a->took_ns > b->took_ns) - (a->took_ns < b->took_ns);
}

static void end(const struct machine *m, int cnt)
{
	for (int i = 0; i < cnt; i++)
		kill(m[i].pid, SIGTERM);
	for (int i = 0; i < cnt; i++)
		waitpid(m[i].pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static struct machine m[MAX_MACHINES];
	struct pollfd from[MAX_MACHINES];
	uint64_t cpu_ns = 0, kib = 0;
	int cnt = argc < 4 ? 0 : atoi(argv[2]);

	if (cnt < 1 || cnt > MAX_MACHINES)
		errx(2, "usage: start NAME COUNT MONITOR [ARGUMENT...]");
	for (int i = 0; i < cnt; i++)
		from[i] = (struct pollfd){start(&m[i], argv + 3), POLLIN, 0};
	wait_for_words(m, from, cnt);
	for (int i = 0; i < cnt; i++) {
		cpu_ns += counts_cpu_ns(m[i].pid);
		kib += counts_pss_kib(m[i].pid);
	}
	end(m, cnt);
	qsort(m, cnt, sizeof(m[0]), compare);
	printf("%s\t%d\t%.2f\t%.2f\t%.2f\t%lu\n", argv[1], cnt,
	       m[cnt / 2].took_ns / 1e6, m[cnt - 1].took_ns / 1e6,
	       cpu_ns / 1e6 / cnt, kib / cnt);
	return 0;
}
