/*
 * fsx: random operations on one file, checked against a model in memory.
 *
 *	fsx [-d] [-s SEED] [-n OPERATIONS] FILE [PEERFILE]
 *
 * The same seed gives the same operations. PEERFILE is FILE from another side,
 * e.g. the host's: now and then it must equal the model, too. -d: drop all
 * caches of the machine now and then (root). At the first difference, prints
 * the seed and the last operations, and keeps the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

enum {
	PAGE = 4096,
	MAX_SIZE = 64 * PAGE,
	MAX_LEN = 16 * PAGE,
	LOG_LINES = 24,
	LINE_LEN = 100,
	DEFAULT_OPERATIONS = 3000,
};

/* The file as it has to be, and how it is open. */
static struct {
	unsigned char model[MAX_SIZE];
	size_t size;
	int fd, flags;
	const char *path, *peer_path;
	uint64_t seed, random;
	unsigned long op_cnt, op_idx;
	bool drops_caches;
	char log[LOG_LINES][LINE_LEN];
} x;

static unsigned char *buffer; /* MAX_SIZE, aligned to a page */

static uint64_t next_random(void)
{
	x.random ^= x.random << 13;
	x.random ^= x.random >> 7;
	x.random ^= x.random << 17;
	return x.random * 0x2545f4914f6cdd1dULL >> 20;
}

static size_t below(size_t limit)
{
	return limit ? next_random() % limit : 0;
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(x.log[x.op_idx % LOG_LINES], LINE_LEN, format, args);
	va_end(args);
}

static void fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...)
{
	unsigned long from =
		x.op_idx < LOG_LINES ? 0 : x.op_idx - LOG_LINES + 1;
	va_list args;

	va_start(args, format);
	fprintf(stderr, "fsx: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\nfsx: seed %" PRIu64 ", the last operations:\n",
		x.seed);
	for (; from <= x.op_idx; from++)
		fprintf(stderr, "%lu: %s\n", from, x.log[from % LOG_LINES]);
	exit(1);
}

static ssize_t ok(ssize_t result, const char *what)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return result;
}

static void expect(const char *what, size_t got, size_t expected)
{
	if (got != expected)
		fail("%s: %zu, not %zu", what, got, expected);
}

static void compare(const char *what, const unsigned char *got, size_t at,
		    size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (got[i] != x.model[at + i])
			fail("%s: byte %#zx (%#zx of the page) is %#x, not %#x",
			     what, at + i, (at + i) % PAGE, got[i],
			     x.model[at + i]);
	}
}

/* A range: aligned if O_DIRECT wants it, below a limit. */
static void pick(size_t *at, size_t *len, size_t limit)
{
	*at = below(limit);
	*len = 1 + below(MIN(limit - MIN(*at, limit - 1), MAX_LEN));
	/* Often at a page's border: that is where it breaks. */
	if (x.flags & O_DIRECT || !below(4)) {
		*at -= *at % PAGE;
		*len = MAX(*len - *len % PAGE, (size_t)PAGE);
	}
	*len = MIN(*len, MAX_SIZE - *at);
}

static void grow(size_t size)
{
	if (size <= x.size)
		return;
	memset(x.model + x.size, 0, size - x.size);
	x.size = size;
}

static void random_bytes(unsigned char *data, size_t len)
{
	uint64_t value = next_random();

	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(value >> i % 7 * 8) + i / 7;
}

static void do_read(void)
{
	size_t at, len;

	pick(&at, &len, MAX_SIZE);
	note("read %#zx + %#zx", at, len);
	len = ok(pread(x.fd, buffer, len, (off_t)at), "read");
	expect("bytes read", len, at < x.size ? MIN(x.size - at, len) : 0);
	compare("read", buffer, at, len);
}

static void do_read_all(void)
{
	size_t len;

	note("read all");
	len = ok(pread(x.fd, buffer, MAX_SIZE, 0), "read");
	expect("bytes read", len, x.size);
	compare("read", buffer, 0, len);
}

static void do_write(void)
{
	size_t at, len;

	pick(&at, &len, MAX_SIZE);
	if (x.flags & O_APPEND) {
		at = x.size;
		len = MIN(len, MAX_SIZE - at);
	}
	note("write %#zx + %#zx", at, len);
	if (!len)
		return;
	random_bytes(buffer, len);
	expect("bytes written",
	       ok(pwrite(x.fd, buffer, len, (off_t)at), "write"), len);
	grow(at + len);
	memcpy(x.model + at, buffer, len);
}

/* Map the pages of a range below the end; nothing if there are none. */
static unsigned char *map_range(size_t *at, size_t *len, int protection)
{
	size_t start;
	void *map;

	if (!x.size)
		return NULL;
	pick(at, len, x.size);
	*len = MIN(*len, x.size - *at);
	start = *at - *at % PAGE;
	map = mmap(NULL, *at + *len - start, protection, MAP_SHARED, x.fd,
		   (off_t)start);
	if (map == MAP_FAILED)
		fail("map: %s", strerror(errno));
	return map;
}

static void do_map_read(void)
{
	size_t at = 0, len = 0;
	unsigned char *map = map_range(&at, &len, PROT_READ);

	note("map and read %#zx + %#zx", at, len);
	if (!map)
		return;
	compare("mapped", map + at % PAGE, at, len);
	ok(munmap(map, at % PAGE + len), "unmap");
}

static void do_map_write(void)
{
	size_t at = 0, len = 0;
	unsigned char *map = map_range(&at, &len, PROT_READ | PROT_WRITE);
	bool sync = below(2);

	note("map and write %#zx + %#zx%s", at, len, sync ? ", sync" : "");
	if (!map)
		return;
	random_bytes(x.model + at, len);
	memcpy(map + at % PAGE, x.model + at, len);
	if (sync)
		ok(msync(map, at % PAGE + len, MS_SYNC), "msync");
	ok(munmap(map, at % PAGE + len), "unmap");
}

static void do_truncate(void)
{
	size_t size = below(MAX_SIZE + 1);
	bool by_name = below(2);

	if (!below(3))
		size -= size % PAGE;
	note("truncate %#zx to %#zx%s", x.size, size,
	     by_name ? ", by name" : "");
	ok(by_name ? truncate(x.path, (off_t)size)
		   : ftruncate(x.fd, (off_t)size),
	   "truncate");
	grow(size);
	x.size = size;
}

static void zero(size_t at, size_t len)
{
	if (at < x.size)
		memset(x.model + at, 0, MIN(len, x.size - at));
}

static void do_punch(void)
{
	size_t at, len;

	pick(&at, &len, MAX_SIZE);
	note("punch %#zx + %#zx", at, len);
	ok(fallocate(x.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		     (off_t)at, (off_t)len),
	   "punch");
	zero(at, len);
}

static void do_zero(void)
{
	int keep = below(2) ? FALLOC_FL_KEEP_SIZE : 0;
	size_t at, len;

	pick(&at, &len, MAX_SIZE);
	note("zero %#zx + %#zx%s", at, len, keep ? ", keep size" : "");
	ok(fallocate(x.fd, FALLOC_FL_ZERO_RANGE | keep, (off_t)at, (off_t)len),
	   "zero");
	zero(at, len);
	if (!keep)
		grow(at + len);
}

static void do_allocate(void)
{
	int keep = below(2) ? FALLOC_FL_KEEP_SIZE : 0;
	size_t at, len;

	pick(&at, &len, MAX_SIZE);
	note("allocate %#zx + %#zx%s", at, len, keep ? ", keep size" : "");
	ok(fallocate(x.fd, keep, (off_t)at, (off_t)len), "allocate");
	if (!keep)
		grow(at + len);
}

static void do_copy(void)
{
	size_t from, to, len, copied = 0;
	ssize_t n;
	loff_t in, out;

	if (!x.size || x.flags & (O_APPEND | O_DIRECT))
		return;
	pick(&from, &len, x.size);
	len = MIN(len, x.size - from);
	to = below(MAX_SIZE - len + 1);
	if (from < to + len && to < from + len)
		return; /* they overlap: EINVAL */
	note("copy %#zx + %#zx to %#zx", from, len, to);
	in = (loff_t)from;
	out = (loff_t)to;
	for (; copied < len; copied += n) {
		n = ok(copy_file_range(x.fd, &in, x.fd, &out, len - copied, 0),
		       "copy");
		if (!n)
			fail("copied %zu of %zu", copied, len);
	}
	grow(to + len);
	memcpy(x.model + to, x.model + from, len);
}

/* What is said to be a hole is zero. */
static void do_seek(void)
{
	size_t at = below(MAX_SIZE), data;
	off_t got;

	note("seek %#zx", at);
	got = lseek(x.fd, (off_t)at, SEEK_DATA);
	if (got < 0 && errno != ENXIO)
		fail("seek: %s", strerror(errno));
	data = got < 0 ? MAX(x.size, at) : (size_t)got;
	if (data < at || data > MAX(x.size, at))
		fail("data at %#zx", data);
	for (; at < data; at++) {
		if (x.model[at])
			fail("byte %#zx is no hole", at);
	}
}

static void open_file(int flags)
{
	x.flags = flags;
	x.fd = (int)ok(open(x.path, O_CREAT | O_RDWR | flags, 0644), "open");
}

static void do_reopen(void)
{
	static const int flags[] = {0, 0, O_APPEND, O_DIRECT, O_DSYNC};
	int chosen = flags[below(sizeof(flags) / sizeof(*flags))];

	note("reopen%s", chosen == O_APPEND   ? ", O_APPEND"
			 : chosen == O_DIRECT ? ", O_DIRECT"
			 : chosen	      ? ", O_DSYNC"
					      : "");
	ok(close(x.fd), "close");
	open_file(chosen);
}

static void do_sync(void)
{
	note("sync");
	ok(below(2) ? fsync(x.fd) : fdatasync(x.fd), "sync");
}

static void do_drop_caches(void)
{
	int fd;

	note("drop caches");
	ok(fsync(x.fd), "sync");
	posix_fadvise(x.fd, 0, 0, POSIX_FADV_DONTNEED);
	if (!x.drops_caches)
		return;
	fd = (int)ok(open("/proc/sys/vm/drop_caches", O_WRONLY), "caches");
	ok(write(fd, "3", 1), "caches");
	close(fd);
}

static void do_read_peer(void)
{
	struct stat st;
	int fd;

	note("read by the peer");
	if (!x.peer_path)
		return;
	ok(fsync(x.fd), "sync");
	fd = (int)ok(open(x.peer_path, O_RDONLY), "open the peer");
	ok(fstat(fd, &st), "stat the peer");
	expect("the peer's size", st.st_size, x.size);
	expect("bytes read by the peer",
	       ok(pread(fd, buffer, MAX_SIZE, 0), "read by the peer"), x.size);
	compare("read by the peer", buffer, 0, x.size);
	close(fd);
}

/* An operation, and how often it comes. */
static const struct {
	void (*run)(void);
	unsigned int weight;
} operations[] = {
	{do_read, 20},	   {do_read_all, 2},	{do_write, 20},
	{do_map_read, 10}, {do_map_write, 10},	{do_truncate, 6},
	{do_punch, 5},	   {do_zero, 4},	{do_allocate, 3},
	{do_copy, 6},	   {do_seek, 4},	{do_reopen, 5},
	{do_sync, 1},	   {do_drop_caches, 2}, {do_read_peer, 3},
};
enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

static void run_one(void)
{
	unsigned int total = 0;
	struct stat st;
	size_t chosen;

	for (size_t i = 0; i < OPERATIONS; i++)
		total += operations[i].weight;
	chosen = below(total);
	for (size_t i = 0; i < OPERATIONS; i++) {
		if (chosen < operations[i].weight) {
			note("nothing to do");
			operations[i].run();
			break;
		}
		chosen -= operations[i].weight;
	}
	ok(fstat(x.fd, &st), "stat");
	expect("size", st.st_size, x.size);
}

static void parse(int argc, char **argv)
{
	int c;

	x.op_cnt = DEFAULT_OPERATIONS;
	x.seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
	while ((c = getopt(argc, argv, "ds:n:")) != -1) {
		if (c == 'd')
			x.drops_caches = true;
		else if (c == 's')
			x.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			x.op_cnt = strtoul(optarg, NULL, 0);
		else
			exit(2);
	}
	if (argc - optind < 1 || argc - optind > 2) {
		fputs("usage: fsx [-d] [-s SEED] [-n OPERATIONS] FILE "
		      "[PEERFILE]\n",
		      stderr);
		exit(2);
	}
	x.path = argv[optind];
	x.peer_path = argv[optind + 1];
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	buffer = aligned_alloc(PAGE, MAX_SIZE);
	if (!buffer)
		return 1;
	x.random = x.seed * 2 + 1;
	note("open");
	open_file(0);
	ok(ftruncate(x.fd, 0), "truncate");
	for (x.op_idx = 1; x.op_idx <= x.op_cnt; x.op_idx++)
		run_one();
	x.op_idx--;
	do_read_all();
	do_read_peer();
	close(x.fd);
	ok(unlink(x.path), "unlink");
	printf("fsx: seed %" PRIu64 ": %lu operations\n", x.seed, x.op_cnt);
	return 0;
}
