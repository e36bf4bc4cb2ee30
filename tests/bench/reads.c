/*
 * Reads of 4 KiB at random places of many files, which stay open.
 *
 * usage: reads COUNT FILE...	prints nanoseconds for a read, on average
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MAX_FILES = 1000 };

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

int main(int argc, char **argv)
{
	int fds[MAX_FILES], file_cnt = argc - 2;
	uint64_t state = 88172645463325252ULL, start;
	long cnt;
	struct stat st;
	char page[PAGE];

	if (argc < 3 || file_cnt > MAX_FILES)
		errx(2, "usage: reads COUNT FILE...");
	cnt = strtol(argv[1], NULL, 10);
	for (int i = 0; i < file_cnt; i++) {
		fds[i] = open(argv[i + 2], O_RDONLY);
		if (fds[i] < 0 || fstat(fds[i], &st) || st.st_size < PAGE)
			err(1, "%s", argv[i + 2]);
	}
	start = now_ns();
	for (long i = 0; i < cnt; i++) {
		int fd = fds[next_random(&state) % (uint64_t)file_cnt];
		off_t at = (off_t)(next_random(&state) % (st.st_size / PAGE));

		if (pread(fd, page, PAGE, at * PAGE) != PAGE)
			err(1, "pread");
	}
	printf("ns %lu\n", (now_ns() - start) / (uint64_t)cnt);
	return 0;
}
