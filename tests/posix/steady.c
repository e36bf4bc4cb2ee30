/*
 * steady: does with files what it is told, one line a time, over and over, and
 * says "done": so somebody else can count what that costs, and nothing but that
 * (tests/vm/cases).
 *
 *	nothing COUNT PATH	what a line by itself costs
 *	stat COUNT PATH		attributes of a name, or that it is missing
 *	open COUNT PATH		open and close it, a file or a directory
 *	readlink COUNT PATH
 *	create COUNT PATH	make a file and remove it
 *	read COUNT PATH		4 KiB from anywhere in it, past the cache
 *	deep COUNT PATH		the same by READERS at once
 *	interrupts COUNT NAME	print how many NAME has had
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, READERS = 16 };

static void check(int result, const char *path)
{
	if (result < 0)
		err(1, "%s", path);
}

static void do_nothing(unsigned int count, const char *path)
{
	(void)count;
	(void)path;
}

static void do_stat(unsigned int count, const char *path)
{
	struct stat st;

	while (count--) {
		if (lstat(path, &st) < 0 && errno != ENOENT)
			err(1, "%s", path);
	}
}

static void do_open(unsigned int count, const char *path)
{
	while (count--) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		check(fd, path);
		close(fd);
	}
}

static void do_readlink(unsigned int count, const char *path)
{
	char text[64];

	while (count--)
		check((int)readlink(path, text, sizeof(text)), path);
}

static void do_create(unsigned int count, const char *path)
{
	while (count--) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			      0644);

		check(fd, path);
		close(fd);
		check(unlink(path), path);
	}
}

static void do_read(unsigned int count, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint64_t random = 88172645463325252;
	struct stat st;
	void *page;

	check(fd, path);
	check(fstat(fd, &st), path);
	if (posix_memalign(&page, PAGE, PAGE))
		errx(1, "no memory");
	while (count--) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		if (pread(fd, page, PAGE,
			  (off_t)(random % (st.st_size / PAGE) * PAGE)) != PAGE)
			err(1, "%s", path);
	}
	free(page);
	close(fd);
}

/* What each reader does. */
static unsigned int deep_count;
static const char *deep_path;

static void *read_some(void *arg)
{
	do_read(deep_count, deep_path);
	return arg;
}

static void do_deep(unsigned int count, const char *path)
{
	pthread_t reader[READERS];

	deep_count = count / READERS;
	deep_path = path;
	for (int i = 0; i < READERS; i++) {
		if (pthread_create(&reader[i], NULL, read_some, NULL))
			errx(1, "no thread");
	}
	for (int i = 0; i < READERS; i++)
		pthread_join(reader[i], NULL);
}

/* The line of /proc/interrupts that ends with the name; of one processor. */
static void do_interrupts(unsigned int count, const char *name)
{
	FILE *from = fopen("/proc/interrupts", "re");
	char line[512], last[64], cnt[16];

	(void)count;
	if (!from)
		err(1, "interrupts");
	while (fgets(line, sizeof(line), from)) {
		if (sscanf(line, "%*[^:]: %15s %*s %*s %63s", cnt, last) == 2 &&
		    !strcmp(last, name))
			printf("%s %s\n", name, cnt);
	}
	fclose(from);
}

static const struct {
	const char *name;
	void (*run)(unsigned int count, const char *path);
} ops[] = {
	{"nothing", do_nothing}, {"stat", do_stat},
	{"open", do_open},	 {"readlink", do_readlink},
	{"create", do_create},	 {"read", do_read},
	{"deep", do_deep},	 {"interrupts", do_interrupts},
};

static void run(const char *name, unsigned int count, const char *path)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (!strcmp(name, ops[i].name)) {
			ops[i].run(count, path);
			return;
		}
	}
	errx(2, "%s: what is that?", name);
}

int main(void)
{
	char line[256], name[16], count[16], path[128];

	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %15s %127s", name, count, path) != 3)
			errx(2, "%s: what is that?", line);
		run(name, strtoul(count, NULL, 10), path);
		puts("done");
		fflush(stdout);
	}
	return 0;
}
