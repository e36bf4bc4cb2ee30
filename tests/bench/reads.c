/*
 * Reads of 4 KiB at random places of many files, which stay open: the same
 * files, shown in several directories that take turns with every read, so that
 * whatever else the machine does happens to all alike.
 *
 * usage: reads COUNT DIRECTORY...
 * Prints nanoseconds a read for each directory and the median of the ratios to
 * the first one, with their middle half.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A ratio is taken of so many parts of the reads. */
enum { PAGE = 4096, FILES = 64, MAX_DIRS = 8, PARTS = 21 };

struct dir {
	const char *name;
	int fds[FILES];
	uint64_t ns[PARTS];
};

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

/* Opens the directory's files f0, f1...; returns how many pages each has. */
static uint64_t open_files(struct dir *dir, const char *name)
{
	char path[4096];
	struct stat st;

	dir->name = name;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/f%d", name, i);
		dir->fds[i] = open(path, O_RDONLY);
		if (dir->fds[i] < 0 || fstat(dir->fds[i], &st) ||
		    st.st_size < PAGE)
			err(1, "%s", path);
	}
	return st.st_size / PAGE;
}

static void read_page(const struct dir *dir, uint64_t file, uint64_t page)
{
	char data[PAGE];

	if (pread(dir->fds[file], data, PAGE, (off_t)(page * PAGE)) != PAGE)
		err(1, "%s: pread", dir->name);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(const struct dir *dir, const struct dir *base, long reads)
{
	double ratios[PARTS], sum = 0;

	for (int i = 0; i < PARTS; i++) {
		sum += (double)dir->ns[i];
		ratios[i] = (double)dir->ns[i] / (double)base->ns[i];
	}
	qsort(ratios, PARTS, sizeof(*ratios), compare);
	printf("%s: %.0f ns, ratio %.2f (parts: %.2f to %.2f)\n", dir->name,
	       sum / (double)reads, ratios[PARTS / 2], ratios[PARTS / 4],
	       ratios[PARTS - 1 - PARTS / 4]);
}

int main(int argc, char **argv)
{
	static struct dir dirs[MAX_DIRS];
	uint64_t state = 88172645463325252ULL, pages = 0;
	int dir_cnt = argc - 2;
	long part_len;

	if (argc < 3 || dir_cnt > MAX_DIRS)
		errx(2, "usage: reads COUNT DIRECTORY...");
	part_len = strtol(argv[1], NULL, 10) / PARTS;
	for (int i = 0; i < dir_cnt; i++)
		pages = open_files(&dirs[i], argv[i + 2]);
	for (long i = 0; i < part_len * PARTS; i++) {
		uint64_t file = next_random(&state) % FILES;
		uint64_t page = next_random(&state) % pages;

		for (int turn = 0; turn < dir_cnt; turn++) {
			struct dir *dir = &dirs[(i + turn) % dir_cnt];
			uint64_t start = now_ns();

			read_page(dir, file, page);
			dir->ns[i / part_len] += now_ns() - start;
		}
	}
	for (int i = 0; i < dir_cnt; i++)
		print(&dirs[i], &dirs[0], part_len * PARTS);
	return 0;
}
