/*
 * Rows about the contents of large files: 4 KiB at a time, in order or at
 * random, with pread() and pwrite(), in a shared mapping, or with four
 * asynchronous requests at a time past the guest's page cache (what fio calls
 * psync, mmap and libaio with direct=1), in one file or four in turns.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/guest/load.h"

#define PAGE 4096L

enum { FILES = 4, PAGES = 1024, DEPTH = 4 };

/* Bits of a row's variant. */
enum {
	WRITE = 1,
	RANDOM = 2,
	MMAP = 4,
	AIO = 8,
	FOUR = 16,
	WARM = 32,
};

/* What is open during a row; there is one at a time. */
static struct {
	int fd[FILES];
	char *map[FILES];
	long pages;
	aio_context_t aio;
	char *buffer;
} at;

static void name_file(char *path, size_t len, int i)
{
	snprintf(path, len, "data/f%d", i);
}

void io_make(unsigned int size)
{
	char path[64], page[PAGE];

	mkdir("data", 0755);
	for (int i = 0; i < FILES; i++) {
		int fd;

		name_file(path, sizeof(path), i);
		fd = open(path, O_CREAT | O_WRONLY, 0644);
		for (unsigned int p = 0; p < PAGES * size; p++) {
			memset(page, (char)p | 1, PAGE);
			if (write(fd, page, PAGE) != PAGE)
				err(1, "%s", path);
		}
		close(fd);
	}
}

static void map_file(int i)
{
	at.map[i] = mmap(NULL, at.pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, at.fd[i], 0);
	if (at.map[i] == MAP_FAILED)
		err(1, "mmap");
}

static void warm_file(int i)
{
	for (long p = 0; p < at.pages; p++)
		if (pread(at.fd[i], at.buffer, PAGE, p * PAGE) != PAGE)
			err(1, "read");
}

static void prepare(const struct load_row *row)
{
	int flags = O_RDWR | (row->variant & AIO ? O_DIRECT : 0);
	char path[64];
	struct stat st;

	if (!at.buffer)
		at.buffer = mmap(NULL, DEPTH * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(at.buffer, 'w', DEPTH * PAGE);
	for (int i = 0; i < (row->variant & FOUR ? FILES : 1); i++) {
		name_file(path, sizeof(path), i);
		at.fd[i] = open(path, flags);
		if (at.fd[i] < 0 || fstat(at.fd[i], &st))
			err(1, "%s", path);
		at.pages = st.st_size / PAGE;
		if (row->variant & MMAP)
			map_file(i);
		if (row->variant & WARM)
			warm_file(i);
	}
	if (row->variant & AIO && syscall(SYS_io_setup, DEPTH, &at.aio))
		err(1, "io_setup");
}

static void finish(const struct load_row *row)
{
	for (int i = 0; i < (row->variant & FOUR ? FILES : 1); i++) {
		if (row->variant & MMAP)
			munmap(at.map[i], at.pages * PAGE);
		close(at.fd[i]);
	}
	if (row->variant & AIO)
		syscall(SYS_io_destroy, at.aio);
	at.aio = 0;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static void move_page(unsigned int variant, int file, long page)
{
	ssize_t len = PAGE;

	if (variant & MMAP && variant & WRITE)
		memcpy(at.map[file] + page * PAGE, at.buffer, PAGE);
	else if (variant & MMAP)
		memcpy(at.buffer, at.map[file] + page * PAGE, PAGE);
	else if (variant & WRITE)
		len = pwrite(at.fd[file], at.buffer, PAGE, page * PAGE);
	else
		len = pread(at.fd[file], at.buffer, PAGE, page * PAGE);
	if (len != PAGE)
		err(1, "page %ld", page);
}

static void wait_all(int cnt)
{
	struct io_event event[DEPTH];

	if (syscall(SYS_io_getevents, at.aio, cnt, cnt, event, NULL) != cnt)
		err(1, "io_getevents");
	for (int i = 0; i < cnt; i++)
		if (event[i].res != PAGE)
			errx(1, "aio: %lld", (long long)event[i].res);
}

/* Submitted one by one, waited for when all places are taken. */
static void submit_page(unsigned int variant, int file, long page, int slot)
{
	struct iocb request = {
		.aio_lio_opcode =
			variant & WRITE ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = at.fd[file],
		.aio_buf = (uintptr_t)at.buffer + slot * PAGE,
		.aio_nbytes = PAGE,
		.aio_offset = page * PAGE,
	};
	struct iocb *list[] = {&request};

	if (syscall(SYS_io_submit, at.aio, 1, list) != 1)
		err(1, "io_submit");
	if (slot == DEPTH - 1)
		wait_all(DEPTH);
}

static void run(const struct load_row *row, unsigned int ops)
{
	int files = row->variant & FOUR ? FILES : 1;
	uint64_t state = 88172645463325252;
	long page;

	for (int i = 0; i < (int)ops; i++) {
		page = i / files;
		if (row->variant & RANDOM)
			page = (long)(next_random(&state) & INT32_MAX);
		page %= at.pages;
		if (row->variant & AIO)
			submit_page(row->variant, i % files, page, i % DEPTH);
		else
			move_page(row->variant, i % files, page);
	}
}

#define IO(name_, ops_, cold_, variant_)                               \
	{                                                              \
		.name = (name_), .ops = (ops_), .cold = (cold_),       \
		.variant = (variant_), .prepare = prepare, .run = run, \
		.finish = finish,                                      \
	}

enum { SEQ_OPS = 512, RANDOM_OPS = 128 };

const struct load_row io_rows[] = {
	IO("seqread psync, cold", SEQ_OPS, true, 0),
	IO("seqread psync, warm", SEQ_OPS, false, WARM),
	IO("seqread psync, 4 files, cold", SEQ_OPS, true, FOUR),
	IO("seqread psync, 4 files, warm", SEQ_OPS, false, FOUR | WARM),
	IO("seqread mmap, cold", SEQ_OPS, true, MMAP),
	IO("seqread mmap, warm", SEQ_OPS, false, MMAP | WARM),
	IO("seqread mmap, 4 files, cold", SEQ_OPS, true, MMAP | FOUR),
	IO("seqread mmap, 4 files, warm", SEQ_OPS, false, MMAP | FOUR | WARM),
	IO("seqread, libaio", RANDOM_OPS, true, AIO),
	IO("seqread, libaio, 4 files", RANDOM_OPS, true, AIO | FOUR),
	IO("randread psync, cold", RANDOM_OPS, true, RANDOM),
	IO("randread psync, warm", RANDOM_OPS, false, RANDOM | WARM),
	IO("randread psync, 4 files, cold", RANDOM_OPS, true, RANDOM | FOUR),
	IO("randread psync, 4 files, warm", RANDOM_OPS, false,
	   RANDOM | FOUR | WARM),
	IO("randread mmap, cold", RANDOM_OPS, true, RANDOM | MMAP),
	IO("randread mmap, warm", RANDOM_OPS, false, RANDOM | MMAP | WARM),
	IO("randread mmap, 4 files, cold", RANDOM_OPS, true,
	   RANDOM | MMAP | FOUR),
	IO("randread mmap, 4 files, warm", RANDOM_OPS, false,
	   RANDOM | MMAP | FOUR | WARM),
	IO("randread, libaio", RANDOM_OPS, true, RANDOM | AIO),
	IO("randread, libaio, 4 files", RANDOM_OPS, true, RANDOM | AIO | FOUR),
	IO("seqwrite psync", RANDOM_OPS, true, WRITE),
	IO("seqwrite psync, 4 files", RANDOM_OPS, true, WRITE | FOUR),
	IO("seqwrite mmap", RANDOM_OPS, true, WRITE | MMAP),
	IO("seqwrite mmap, 4 files", RANDOM_OPS, true, WRITE | MMAP | FOUR),
	IO("seqwrite, libaio", RANDOM_OPS, true, WRITE | AIO),
	IO("seqwrite, libaio, 4 files", RANDOM_OPS, true, WRITE | AIO | FOUR),
	IO("randwrite psync", RANDOM_OPS, true, WRITE | RANDOM),
	IO("randwrite psync, 4 files", RANDOM_OPS, true, WRITE | RANDOM | FOUR),
	IO("randwrite mmap", RANDOM_OPS, true, WRITE | RANDOM | MMAP),
	IO("randwrite mmap, 4 files", RANDOM_OPS, true,
	   WRITE | RANDOM | MMAP | FOUR),
	IO("randwrite, libaio", RANDOM_OPS, true, WRITE | RANDOM | AIO),
	IO("randwrite, libaio, 4 files", RANDOM_OPS, true,
	   WRITE | RANDOM | AIO | FOUR),
	{0},
};
