/*
 * What a miss costs in the server: SETUPMAPPING and REMOVEMAPPING of pieces of
 * 2 MiB as Linux sends them, beside the bare mmap() that each is; and what it
 * would cost and save to populate them. Prints a table: microseconds, median
 * and 99th percentile.
 *
 * usage: mapping DIRECTORY	a file of 1 GiB, almost without blocks, is made
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "devices/fs/request.h"
#include "vmm/base/bits.h"

enum {
	PIECES = 512,
	ROUNDS = 20,
	SAMPLES = PIECES * ROUNDS,
	CACHED = 32, /* pieces with contents */
	PAGE = 4096,
};

static const uint64_t PIECE = 2 << 20;
static const uint64_t LEN = PIECES * (2ULL << 20);

/**
 * struct bench - A server with a window, and what was measured
 * @fs:		Server
 * @worker:	Of this thread
 * @window:	Window
 * @node:	Node id of the file
 * @file_fd:	The same, open
 * @ns:		Samples
 */
struct bench {
	struct fs fs;
	struct fs_worker worker;
	char *window;
	uint64_t node;
	int file_fd;
	uint64_t ns[SAMPLES];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Send a request; fails unless all went well. */
static void call(struct bench *b, uint32_t opcode, uint64_t node,
		 const void *arg, size_t arg_len, void *reply, size_t reply_len)
{
	char in[8192], out[8192];
	struct fuse_in_header header = {
		.len = sizeof(header) + arg_len,
		.opcode = opcode,
		.nodeid = node,
	};
	const struct fuse_out_header *result = (void *)out;
	struct iovec in_iov = {in, header.len}, out_iov = {out, sizeof(out)};
	struct iov_cursor from, to;

	memcpy(in, &header, sizeof(header));
	memcpy(in + sizeof(header), arg, arg_len);
	iov_init(&from, &in_iov, 1);
	iov_init(&to, &out_iov, 1);
	if (!fs_serve(&b->fs, &b->worker, &from, &to) || result->error)
		errx(1, "request %u: error %d", opcode, result->error);
	if (reply)
		memcpy(reply, out + sizeof(*result), reply_len);
}

static void setup(struct bench *b, const char *dir)
{
	struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.flags = FUSE_INIT_EXT | FUSE_MAP_ALIGNMENT,
	};
	struct fs_config config = {
		FS_DEFAULTS,
		.root_fd = open(dir, O_PATH | O_DIRECTORY),
		.cache = FS_CACHE_AUTO,
		.dax_len = LEN,
		.dax_max = 2 * PIECES,
	};
	struct fuse_entry_out entry;

	b->file_fd = openat(config.root_fd, "mapping", O_RDWR | O_CREAT, 0600);
	if (b->file_fd < 0 || ftruncate(b->file_fd, (off_t)LEN))
		err(1, "%s/mapping", dir);
	config.window =
		mmap(NULL, LEN, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	b->window = config.window;
	if (config.window == MAP_FAILED || fs_init(&b->fs, &config) ||
	    fs_worker_init(&b->worker))
		errx(1, "no server");
	call(b, FUSE_INIT, 0, &init, sizeof(init), NULL, 0);
	call(b, FUSE_LOOKUP, FUSE_ROOT_ID, "mapping", sizeof("mapping"), &entry,
	     sizeof(entry));
	b->node = entry.nodeid;
	unlinkat(config.root_fd, "mapping", 0);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Print a row; returns the median in nanoseconds. */
static uint64_t report(struct bench *b, const char *name, unsigned int cnt)
{
	qsort(b->ns, cnt, sizeof(*b->ns), compare);
	printf("| %-36s | %8.2f | %8.2f |\n", name, b->ns[cnt / 2] / 1e3,
	       b->ns[cnt * 99 / 100] / 1e3);
	return b->ns[cnt / 2];
}

static void map_piece(struct bench *b, unsigned int i, bool write)
{
	struct fuse_setupmapping_in arg = {
		.fh = UINT64_MAX,
		.foffset = i * PIECE,
		.len = PIECE,
		.flags = FUSE_SETUPMAPPING_FLAG_READ |
			 (write ? FUSE_SETUPMAPPING_FLAG_WRITE : 0),
		.moffset = i * PIECE,
	};

	call(b, FUSE_SETUPMAPPING, b->node, &arg, sizeof(arg), NULL, 0);
}

static void unmap_pieces(struct bench *b, unsigned int first, unsigned int cnt)
{
	char arg[4 + 256 * sizeof(struct fuse_removemapping_one)];
	struct fuse_removemapping_one one = {.len = PIECE};

	memcpy(arg, &cnt, sizeof(cnt));
	for (unsigned int i = 0; i < cnt; i++) {
		one.moffset = (first + i) * PIECE;
		memcpy(arg + 4 + i * sizeof(one), &one, sizeof(one));
	}
	call(b, FUSE_REMOVEMAPPING, b->node, arg, 4 + cnt * sizeof(one), NULL,
	     0);
}

/* The pieces in an order in which no two neighbours follow each other. */
static unsigned int scattered(unsigned int i)
{
	return i * 171 % PIECES;
}

static uint64_t map_all(struct bench *b, bool write, const char *name)
{
	for (unsigned int n = 0; n < SAMPLES; n++) {
		uint64_t start = now_ns();

		map_piece(b, scattered(n % PIECES), write);
		b->ns[n] = now_ns() - start;
		if (n % PIECES == PIECES - 1) {
			unmap_pieces(b, 0, 256);
			unmap_pieces(b, 256, 256);
		}
	}
	return report(b, name, SAMPLES);
}

static uint64_t unmap_all(struct bench *b, unsigned int at_once,
			  const char *name)
{
	unsigned int cnt = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < PIECES; i++)
			map_piece(b, i, false);
		for (unsigned int i = 0; i < PIECES; i += at_once) {
			uint64_t start = now_ns();

			unmap_pieces(b, at_once == 1 ? scattered(i) : i,
				     at_once);
			b->ns[cnt++] = now_ns() - start;
		}
	}
	return report(b, name, cnt);
}

static uint64_t bare(struct bench *b, const char *name)
{
	for (unsigned int n = 0; n < SAMPLES; n++) {
		uint64_t at = scattered(n % PIECES) * PIECE;
		uint64_t start = now_ns();

		if (mmap(b->window + at, PIECE, PROT_READ,
			 MAP_SHARED | MAP_FIXED, b->file_fd,
			 (off_t)at) == MAP_FAILED)
			err(1, "mmap");
		b->ns[n] = now_ns() - start;
		if (n % PIECES == PIECES - 1)
			mmap(b->window, LEN, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				     MAP_FIXED,
			     -1, 0);
	}
	return report(b, name, SAMPLES);
}

static void fill_cache(struct bench *b)
{
	static char page[PAGE] = {1};

	for (off_t at = 0; at < (off_t)(CACHED * PIECE); at += PAGE) {
		if (pwrite(b->file_fd, page, PAGE, at) != PAGE)
			err(1, "pwrite");
	}
}

/* Use one page of each piece, or all of them, populated before or not. */
static void use(struct bench *b, bool populate, bool all, const char *name)
{
	volatile char sum = 0;

	for (unsigned int i = 0; i < CACHED; i++) {
		char *at = b->window + i * PIECE;
		uint64_t start;

		map_piece(b, i, false);
		start = now_ns();
		if (populate && madvise(at, PIECE, MADV_POPULATE_READ))
			err(1, "madvise");
		for (uint64_t page = 0; page < (all ? PIECE : PAGE);
		     page += PAGE)
			sum += at[page];
		b->ns[i] = now_ns() - start;
	}
	report(b, name, CACHED);
	unmap_pieces(b, 0, CACHED);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	uint64_t mmap_ns, map_ns;

	if (argc != 2)
		errx(2, "usage: mapping DIRECTORY");
	setup(&bench, argv[1]);
	printf("| microseconds                         |   median |      p99 "
	       "|\n"
	       "|---|---|---|\n");
	mmap_ns = bare(&bench, "mmap() of 2 MiB, bare");
	map_ns = map_all(&bench, false, "SETUPMAPPING, to read");
	map_all(&bench, true, "SETUPMAPPING, to write");
	unmap_all(&bench, 1, "REMOVEMAPPING of one");
	unmap_all(&bench, 256, "REMOVEMAPPING of 256 neighbours");
	fill_cache(&bench);
	use(&bench, false, false, "use of one page, cached by the host");
	use(&bench, true, false, "the same, 2 MiB populated before");
	use(&bench, false, true, "use of all pages");
	use(&bench, true, true, "the same, populated before");
	printf("SETUPMAPPING takes %.2f times as long as its mmap()\n",
	       (double)map_ns / mmap_ns);
	fs_worker_destroy(&bench.worker);
	fs_destroy(&bench.fs);
	return 0;
}
