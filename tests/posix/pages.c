/*
 * pages: files whose every word says where it belongs, so that a page of
 * another file or place is found out, and ways to read and write them.
 *
 *	pages fill FILE SEED COUNT		write() so many pages
 *	pages store FILE SEED COUNT		the same by a shared mapping
 *	pages check FILE SEED COUNT HOW		HOW: read, random, private or
 *						shared
 *	pages direct FILE SEED COUNT BUFFER	write and read with O_DIRECT, by
 *						the mapped file BUFFER
 *	pages loop FILE SEED COUNT TIMES	map once; on each line of input
 *						check all, TIMES times
 *	pages storm FILE SEED COUNT SECONDS	read and write in four ways
 *	pages change FILE SEED COUNT TIMES	meanwhile: shrink, extend and
 *						punch it, exchange it with
 *						FILE.2
 *
 * The last line of output says how many words were wrong; exit status 1 if any.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / 8, STORMERS = 4 };

static uint64_t word(uint64_t seed, uint64_t page, unsigned int i)
{
	return (seed << 40 | page << 9 | i) * 0x9e3779b97f4a7c15ULL | 1;
}

static void make_page(uint64_t *to, uint64_t seed, uint64_t page)
{
	for (unsigned int i = 0; i < WORDS; i++)
		to[i] = word(seed, page, i);
}

/* Is each byte right or zero? Who zeroes memory may do it byte by byte. */
static bool is_partly_zero(uint64_t is, uint64_t right)
{
	for (int shift = 0; shift < 64; shift += 8) {
		uint64_t byte = is >> shift & 0xff;

		if (byte && byte != (right >> shift & 0xff))
			return false;
	}
	return true;
}

/* Words that are neither right nor, if that is allowed, zeroed. */
static uint64_t count_wrong(const volatile uint64_t *at, uint64_t seed,
			    uint64_t page, bool zero_is_right)
{
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < WORDS; i++) {
		uint64_t is = at[i], right = word(seed, page, i);

		wrong += is != right &&
			 !(zero_is_right && is_partly_zero(is, right));
	}
	return wrong;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static uint64_t *map(int fd, uint64_t cnt, int prot, int flags)
{
	void *at = mmap(NULL, cnt * PAGE, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		err(2, "mmap");
	return at;
}

static int open_file(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		err(2, "%s", name);
	return fd;
}

static void fill(const char *name, uint64_t seed, uint64_t cnt)
{
	int fd = open_file(name, O_RDWR | O_CREAT);
	uint64_t page[WORDS];

	for (uint64_t i = 0; i < cnt; i++) {
		make_page(page, seed, i);
		if (pwrite(fd, page, PAGE, (off_t)(i * PAGE)) != PAGE)
			err(2, "%s", name);
	}
	close(fd);
}

static void store(const char *name, uint64_t seed, uint64_t cnt)
{
	int fd = open_file(name, O_RDWR);
	uint64_t *at = map(fd, cnt, PROT_READ | PROT_WRITE, MAP_SHARED);

	for (uint64_t i = 0; i < cnt; i++)
		make_page(at + i * WORDS, seed, i);
	msync(at, cnt * PAGE, MS_SYNC);
	munmap(at, cnt * PAGE);
	close(fd);
}

static uint64_t check_map(const uint64_t *at, uint64_t seed, uint64_t cnt)
{
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < cnt; i++)
		wrong += count_wrong(at + i * WORDS, seed, i, false);
	return wrong;
}

static uint64_t check(const char *name, uint64_t seed, uint64_t cnt,
		      const char *how)
{
	int fd = open_file(name, O_RDONLY);
	uint64_t wrong = 0, state = seed + 1, page[WORDS];

	if (!strcmp(how, "private"))
		return check_map(map(fd, cnt, PROT_READ, MAP_PRIVATE), seed,
				 cnt);
	if (!strcmp(how, "shared"))
		return check_map(map(fd, cnt, PROT_READ, MAP_SHARED), seed,
				 cnt);
	for (uint64_t i = 0; i < cnt; i++) {
		bool random = !strcmp(how, "random");
		uint64_t at = random ? next_random(&state) % cnt : i;

		if (pread(fd, page, PAGE, (off_t)(at * PAGE)) != PAGE)
			wrong += WORDS;
		else
			wrong += count_wrong(page, seed, at, false);
	}
	close(fd);
	return wrong;
}

/* Pages go from one half of the buffer to the file and come back to the other.
 */
static uint64_t direct(const char *name, uint64_t seed, uint64_t cnt,
		       const char *buffer)
{
	int fd = open_file(name, O_RDWR | O_DIRECT);
	int buffer_fd = open_file(buffer, O_RDWR);
	uint64_t *from =
		map(buffer_fd, 2 * cnt, PROT_READ | PROT_WRITE, MAP_SHARED);
	uint64_t *to = from + cnt * WORDS;
	ssize_t len = (ssize_t)(cnt * PAGE);

	for (uint64_t i = 0; i < cnt; i++)
		make_page(from + i * WORDS, seed, i);
	if (pwrite(fd, from, len, 0) != len || pread(fd, to, len, 0) != len)
		err(2, "%s", name);
	return check_map(to, seed, cnt);
}

static uint64_t loop(const char *name, uint64_t seed, uint64_t cnt,
		     uint64_t times)
{
	int fd = open_file(name, O_RDONLY);
	uint64_t *at = map(fd, cnt, PROT_READ, MAP_SHARED);
	uint64_t wrong = check_map(at, seed, cnt);

	puts("ready");
	fflush(stdout);
	while (getchar() == '\n') {
		for (uint64_t i = 0; i < times; i++)
			wrong += check_map(at, seed, cnt);
		puts("done");
		fflush(stdout);
	}
	return wrong;
}

/* One of those that use a file in a way of its own. */
struct stormer {
	pthread_t thread;
	int way;
	int fd;
	uint64_t *map;
	uint64_t seed;
	uint64_t cnt;
	uint64_t end_s;
	uint64_t done_cnt;
	uint64_t bus_cnt;
	uint64_t wrong;
	uint64_t longest_ms;
};

static _Thread_local sigjmp_buf bus_return;

/* Behind the end of a file, as its process sees it. */
static void on_bus(int signal)
{
	(void)signal;
	siglongjmp(bus_return, 1);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static void use(struct stormer *s, uint64_t at)
{
	uint64_t page[WORDS];

	make_page(page, s->seed, at);
	switch (s->way) {
	case 0:
		memset(page, 0, sizeof(page));
		if (pread(s->fd, page, PAGE, (off_t)(at * PAGE)) >= 0)
			s->wrong += count_wrong(page, s->seed, at, true);
		break;
	case 1:
		if (pwrite(s->fd, page, PAGE, (off_t)(at * PAGE)) != PAGE)
			s->bus_cnt++;
		break;
	case 2:
		s->wrong += count_wrong(s->map + at * WORDS, s->seed, at, true);
		break;
	default:
		memcpy(s->map + at * WORDS, page, PAGE);
	}
	s->done_cnt++;
}

static void use_or_bus(struct stormer *s, uint64_t at)
{
	if (sigsetjmp(bus_return, 1))
		s->bus_cnt++;
	else
		use(s, at);
}

static void *storm_thread(void *arg)
{
	struct stormer *s = arg;
	uint64_t state = s->way * 7919 + 12345;

	while (now_ms() / 1000 < s->end_s) {
		uint64_t start = now_ms(), ms;

		use_or_bus(s, next_random(&state) % s->cnt);
		ms = now_ms() - start;
		s->longest_ms = ms > s->longest_ms ? ms : s->longest_ms;
	}
	return NULL;
}

static uint64_t storm(const char *name, uint64_t seed, uint64_t cnt,
		      uint64_t secs)
{
	struct sigaction action = {.sa_handler = on_bus};
	static struct stormer stormer[STORMERS];
	uint64_t wrong = 0;

	sigaction(SIGBUS, &action, NULL);
	for (int i = 0; i < STORMERS; i++) {
		struct stormer *s = &stormer[i];

		*s = (struct stormer){
			.way = i,
			.fd = open_file(name, O_RDWR),
			.seed = seed,
			.cnt = cnt,
			.end_s = now_ms() / 1000 + secs,
		};
		s->map = map(s->fd, cnt, PROT_READ | PROT_WRITE, MAP_SHARED);
		if (pthread_create(&s->thread, NULL, storm_thread, s))
			errx(2, "no thread");
	}
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < STORMERS; i++) {
		struct stormer *s = &stormer[i];

		pthread_join(s->thread, NULL);
		printf("way %d: %lu uses, %lu behind the end, longest %lu ms\n",
		       i, s->done_cnt, s->bus_cnt, s->longest_ms);
		wrong += s->wrong + (s->done_cnt ? 0 : WORDS);
	}
	return wrong;
}

/* One change of one of two files that somebody uses. */
static void change_once(const char *name, const char *other, int fd,
			uint64_t random, uint64_t cnt)
{
	off_t len = (off_t)(random / 8 % (cnt * PAGE + 1));
	int failed = 0;

	switch (random % 4) {
	case 0:
		failed = ftruncate(fd, len);
		break;
	case 1:
		failed = ftruncate(fd, (off_t)(cnt * PAGE));
		break;
	case 2:
		failed = fallocate(fd,
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   len, 16 * PAGE);
		break;
	default:
		failed = renameat2(AT_FDCWD, name, AT_FDCWD, other,
				   RENAME_EXCHANGE);
	}
	if (failed)
		err(2, "%s", name);
}

static void change(const char *name, uint64_t seed, uint64_t cnt,
		   uint64_t times)
{
	char other[4096];
	int fd[2];

	snprintf(other, sizeof(other), "%s.2", name);
	fd[0] = open_file(name, O_RDWR);
	fd[1] = open_file(other, O_RDWR | O_CREAT);
	for (uint64_t i = 0; i < times; i++) {
		uint64_t random = next_random(&seed);

		change_once(name, other, fd[random / 4 % 2], random, cnt);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed, cnt, wrong = 0;
	const char *verb;

	if (argc < 5)
		errx(2, "usage: pages VERB FILE SEED COUNT [HOW]");
	verb = argv[1];
	seed = strtoull(argv[3], NULL, 10);
	cnt = strtoull(argv[4], NULL, 10);
	if (!strcmp(verb, "fill"))
		fill(argv[2], seed, cnt);
	else if (!strcmp(verb, "store"))
		store(argv[2], seed, cnt);
	else if (argc == 6 && !strcmp(verb, "check"))
		wrong = check(argv[2], seed, cnt, argv[5]);
	else if (argc == 6 && !strcmp(verb, "direct"))
		wrong = direct(argv[2], seed, cnt, argv[5]);
	else if (argc == 6 && !strcmp(verb, "loop"))
		wrong = loop(argv[2], seed, cnt, strtoull(argv[5], NULL, 10));
	else if (argc == 6 && !strcmp(verb, "storm"))
		wrong = storm(argv[2], seed, cnt, strtoull(argv[5], NULL, 10));
	else if (argc == 6 && !strcmp(verb, "change"))
		change(argv[2], seed, cnt, strtoull(argv[5], NULL, 10));
	else
		errx(2, "%s: not a verb", verb);
	printf("wrong %lu\n", wrong);
	return wrong != 0;
}
