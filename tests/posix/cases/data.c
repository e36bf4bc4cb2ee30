/*
 * Contents: appending, O_DIRECT, holes, copies.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { BLOCK = 4096, BIG = 1 << 20 };

static int new_file(void)
{
	return (int)OK(open("f", O_CREAT | O_EXCL | O_RDWR, 0644));
}

/* A file of so many blocks with data in them */
static int file_of(size_t blocks)
{
	static char data[BLOCK];
	int fd = new_file();

	for (size_t i = 0; i < blocks; i++) {
		fill(data, BLOCK, i * BLOCK, 1);
		IS(BLOCK, pwrite(fd, data, BLOCK, (off_t)i * BLOCK));
	}
	return fd;
}

static bool has(int fd, size_t block, size_t source)
{
	char data[BLOCK];

	IS(BLOCK, pread(fd, data, BLOCK, (off_t)block * BLOCK));
	return filled(data, BLOCK, source * BLOCK, 1);
}

static bool is_zero(int fd, size_t block)
{
	char data[BLOCK];
	static const char zero[BLOCK];

	IS(BLOCK, pread(fd, data, BLOCK, (off_t)block * BLOCK));
	return !memcmp(data, zero, BLOCK);
}

/* Two writers by two descriptors: nothing is lost. */
static void from_two_descriptors(void)
{
	int a = open_ok("f", O_CREAT | O_WRONLY | O_APPEND);
	int b = open_ok("f", O_WRONLY | O_APPEND);
	char text[6 * 50 + 1] = "";

	for (int i = 0; i < 50; i++) {
		IS(3, write(a, "aaa", 3));
		IS(3, write(b, "bbb", 3));
		memcpy(text + i * 6, "aaabbb", 7);
	}
	expect_text("f", text);
	IS(300, lseek(b, 0, SEEK_CUR));
}

static void from_many_processes(void)
{
	enum { WRITERS = 4, LINES = 200, LEN = 8 };
	char data[WRITERS * LINES * LEN + 1];
	int counts[WRITERS] = {0};
	pid_t pids[WRITERS];
	int fd;

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork_child();
		if (pids[i])
			continue;
		memset(data, 'a' + i, LEN);
		fd = open_ok("f", O_CREAT | O_WRONLY | O_APPEND);
		for (int j = 0; j < LINES; j++)
			IS(LEN, write(fd, data, LEN));
		child_end();
	}
	for (int i = 0; i < WRITERS; i++)
		reap(pids[i]);
	fd = open_ok("f", O_RDONLY);
	IS(WRITERS * LINES * LEN, read(fd, data, sizeof(data)));
	for (int i = 0; i < WRITERS * LINES; i++) {
		char *line = data + (size_t)i * LEN;

		CHECK(line[0] == line[LEN - 1]);
		counts[line[0] - 'a']++;
	}
	for (int i = 0; i < WRITERS; i++)
		IS(LINES, counts[i]);
}

/* Linux: pwrite() to such a descriptor appends, too. */
static void ignores_the_offset(void)
{
	int fd = open_ok("f", O_CREAT | O_RDWR | O_APPEND);

	OK(write(fd, "one", 3));
	IS(3, pwrite(fd, "two", 3, 0));
	OK(lseek(fd, 0, SEEK_SET));
	OK(write(fd, "six", 3));
	expect_text("f", "onetwosix");
	OK(fcntl(fd, F_SETFL, 0));
	IS(3, pwrite(fd, "ONE", 3, 0));
	expect_text("f", "ONEtwosix");
	OK(fcntl(fd, F_SETFL, O_APPEND));
	IS(1, pwrite(fd, "!", 1, 0));
	expect_text("f", "ONEtwosix!");
}

static void after_truncate(void)
{
	int fd = open_ok("f", O_CREAT | O_WRONLY | O_APPEND);

	OK(write(fd, "12345", 5));
	OK(truncate("f", 2));
	OK(write(fd, "ab", 2));
	expect_text("f", "12ab");
}

static void write_only_in_pieces(void)
{
	int fd = open_ok("f", O_CREAT | O_WRONLY);
	char data[777], got[777];

	fill(data, sizeof(data), 0, 3);
	for (size_t at = 0; at < sizeof(data); at += 7)
		IS(7, write(fd, data + at, 7));
	IS(sizeof(got), read(open_ok("f", O_RDONLY), got, sizeof(got)));
	CHECK(!memcmp(data, got, sizeof(got)));
}

const struct test_case append_cases[] = {
	CASE(from_two_descriptors), CASE(from_many_processes),
	CASE(ignores_the_offset),   CASE(after_truncate),
	CASE(write_only_in_pieces), {0},
};

static char *aligned(size_t len)
{
	char *data = aligned_alloc(BLOCK, len);

	CHECK(data);
	return data;
}

static void direct_round_trip(void)
{
	char *data = aligned(BIG), *got = aligned(BIG);
	int fd = open_ok("f", O_CREAT | O_RDWR | O_DIRECT);

	fill(data, BIG, 0, 4);
	IS(BIG, pwrite(fd, data, BIG, BLOCK));
	IS(BIG, pread(fd, got, BIG, BLOCK));
	CHECK(filled(got, BIG, 0, 4));
	IS(BLOCK + BIG, stat_of("f").st_size);
	/* At the end there is less. */
	IS(BLOCK, pread(fd, got, BIG, BIG));
	IS(0, pread(fd, got, BIG, 2 * BIG));
}

/* Cached and direct see the same file. */
static void direct_and_cached_agree(void)
{
	char *data = aligned(BLOCK);
	int direct = open_ok("f", O_CREAT | O_RDWR | O_DIRECT);
	int cached = open_ok("f", O_RDWR);

	for (unsigned int i = 0; i < 20; i++) {
		fill(data, BLOCK, 0, i);
		IS(BLOCK, pwrite(i % 2 ? direct : cached, data, BLOCK, 0));
		memset(data, 0, BLOCK);
		IS(BLOCK, pread(i % 2 ? cached : direct, data, BLOCK, 0));
		CHECK(filled(data, BLOCK, 0, i));
	}
}

static void direct_append(void)
{
	char *data = aligned(BLOCK);
	int fd = open_ok("f", O_CREAT | O_RDWR | O_DIRECT | O_APPEND);

	for (unsigned int i = 0; i < 4; i++) {
		fill(data, BLOCK, 0, i);
		IS(BLOCK, write(fd, data, BLOCK));
	}
	IS(4 * BLOCK, stat_of("f").st_size);
	for (unsigned int i = 0; i < 4; i++) {
		IS(BLOCK, pread(fd, data, BLOCK, i * BLOCK));
		CHECK(filled(data, BLOCK, 0, i));
	}
}

static void direct_and_map_agree(void)
{
	char *data = aligned(BLOCK), *map;
	int fd = open_ok("f", O_CREAT | O_RDWR | O_DIRECT);

	fill(data, BLOCK, 0, 1);
	IS(BLOCK, pwrite(fd, data, BLOCK, 0));
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	CHECK(filled(map, BLOCK, 0, 1));
	fill(map, BLOCK, 0, 2);
	OK(msync(map, BLOCK, MS_SYNC));
	IS(BLOCK, pread(fd, data, BLOCK, 0));
	CHECK(filled(data, BLOCK, 0, 2));
}

#define NAMED(case_name, function)                 \
	{                                          \
		.name = case_name, .run = function \
	}

const struct test_case direct_cases[] = {
	NAMED("round_trip", direct_round_trip),
	NAMED("and_cached_agree", direct_and_cached_agree),
	NAMED("append", direct_append),
	NAMED("and_map_agree", direct_and_map_agree),
	{0},
};

static void reads_as_zeros(void)
{
	int fd = new_file();

	IS(1, pwrite(fd, "x", 1, 1000 * BLOCK - 1));
	IS(1000 * BLOCK, stat_fd(fd).st_size);
	CHECK(stat_fd(fd).st_blocks < 1000);
	CHECK(is_zero(fd, 0) && is_zero(fd, 500) && !is_zero(fd, 999));
}

static void seek(void)
{
	int fd = file_of(2);

	OK(ftruncate(fd, 100 * BLOCK));
	IS(1, pwrite(fd, "x", 1, 50 * BLOCK));
	OK(fsync(fd));
	IS(0, lseek(fd, 0, SEEK_DATA));
	IS(2 * BLOCK, lseek(fd, 0, SEEK_HOLE));
	IS(50 * BLOCK, lseek(fd, 2 * BLOCK, SEEK_DATA));
	IS(50 * BLOCK + 7, lseek(fd, 50 * BLOCK + 7, SEEK_DATA));
	IS(51 * BLOCK, lseek(fd, 50 * BLOCK, SEEK_HOLE));
	IS(70 * BLOCK, lseek(fd, 70 * BLOCK, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, 60 * BLOCK, SEEK_DATA));
	FAILS(ENXIO, lseek(fd, 100 * BLOCK, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, 100 * BLOCK, SEEK_DATA));
	FAILS(ENXIO, lseek(fd, -1, SEEK_DATA));
}

static void punch(void)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = file_of(10);
	blkcnt_t before;

	OK(fsync(fd));
	before = stat_fd(fd).st_blocks;
	OK(fallocate(fd, mode, 2 * BLOCK, 3 * BLOCK));
	CHECK(has(fd, 1, 1) && has(fd, 5, 5));
	CHECK(is_zero(fd, 2) && is_zero(fd, 3) && is_zero(fd, 4));
	IS(before - 3 * BLOCK / 512, stat_fd(fd).st_blocks);
	IS(10 * BLOCK, stat_fd(fd).st_size);
	IS(2 * BLOCK, lseek(fd, 0, SEEK_HOLE));
	/* Part of a block is zeroed; beyond the end nothing happens. */
	OK(fallocate(fd, mode, 9 * BLOCK + 5, 100 * BLOCK));
	IS(10 * BLOCK, stat_fd(fd).st_size);
	CHECK(!is_zero(fd, 9));
	FAILS(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, BLOCK));
}

static void zero_range(void)
{
	int fd = file_of(4);

	OK(fallocate(fd, FALLOC_FL_ZERO_RANGE, BLOCK, BLOCK));
	CHECK(has(fd, 0, 0) && is_zero(fd, 1) && has(fd, 2, 2));
	OK(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 3 * BLOCK,
		     5 * BLOCK));
	IS(4 * BLOCK, stat_fd(fd).st_size);
	OK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * BLOCK, 5 * BLOCK));
	IS(8 * BLOCK, stat_fd(fd).st_size);
	CHECK(is_zero(fd, 3) && is_zero(fd, 7));
}

static void collapse_and_insert(void)
{
	int fd = file_of(6);

	/* FUSE refuses it, before it asks any server. */
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, BLOCK, BLOCK) < 0) {
		IS(EOPNOTSUPP, errno);
		FAILS(EOPNOTSUPP,
		      fallocate(fd, FALLOC_FL_INSERT_RANGE, BLOCK, BLOCK));
		CHECK(has(fd, 1, 1) && has(fd, 5, 5));
		return;
	}
	IS(5 * BLOCK, stat_fd(fd).st_size);
	CHECK(has(fd, 0, 0) && has(fd, 1, 2) && has(fd, 4, 5));
	OK(fallocate(fd, FALLOC_FL_INSERT_RANGE, BLOCK, 2 * BLOCK));
	IS(7 * BLOCK, stat_fd(fd).st_size);
	CHECK(has(fd, 0, 0) && is_zero(fd, 1) && has(fd, 3, 2));
	FAILS(EINVAL, fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 1, BLOCK));
	FAILS(EINVAL, fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 1));
}

static void allocate(void)
{
	int fd = file_of(1);

	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 16 * BLOCK));
	IS(BLOCK, stat_fd(fd).st_size);
	CHECK(stat_fd(fd).st_blocks >= 16 * BLOCK / 512);
	OK(fallocate(fd, 0, 0, 16 * BLOCK));
	IS(16 * BLOCK, stat_fd(fd).st_size);
	CHECK(has(fd, 0, 0) && is_zero(fd, 1) && is_zero(fd, 15));
	IS(0, posix_fallocate(fd, 16 * BLOCK, 1));
	IS(16 * BLOCK + 1, stat_fd(fd).st_size);
	FAILS(EINVAL, fallocate(fd, 0, -1, 10));
	FAILS(EINVAL, fallocate(fd, 0, 0, 0));
	FAILS(EOPNOTSUPP, fallocate(fd, 0x4000, 0, 10));
	FAILS(EFBIG, fallocate(fd, 0, INT64_MAX - 5, 10));
}

static void truncate_zeroes_the_tail(void)
{
	int fd = file_of(2);

	OK(ftruncate(fd, 10));
	OK(ftruncate(fd, 2 * BLOCK));
	CHECK(!is_zero(fd, 0) && is_zero(fd, 1));
	OK(ftruncate(fd, 0));
	OK(ftruncate(fd, BLOCK));
	CHECK(is_zero(fd, 0));
	FAILS(EINVAL, ftruncate(fd, -1));
	FAILS(EISDIR, truncate(".", 0));
	FAILS(ENOENT, truncate("missing", 0));
}

static void far_offsets(void)
{
	const off_t far = 1LL << 43;
	int fd = new_file();
	char byte;

	IS(1, pwrite(fd, "x", 1, far));
	IS(far + 1, stat_fd(fd).st_size);
	IS(1, pread(fd, &byte, 1, far));
	IS('x', byte);
	IS(0, pread(fd, &byte, 1, far + 1));
	FAILS(EINVAL, pread(fd, &byte, 1, -1));
	FAILS(EINVAL, pwrite(fd, &byte, 1, -1));
	FAILS(EFBIG, pwrite(fd, &byte, 1, INT64_MAX - 1));
	FAILS(EFBIG, ftruncate(fd, INT64_MAX));
}

/* A program's own limit counts at the mount, with its signal blocked. */
static void file_size_limit(void)
{
	struct rlimit limit = {10000, 10000};
	static char data[BLOCK];
	int fd = new_file();

	signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	IS(BLOCK, pwrite(fd, data, BLOCK, 0));
	IS(1808, pwrite(fd, data, BLOCK, 8192));
	FAILS(EFBIG, pwrite(fd, data, BLOCK, 10000));
	FAILS(EFBIG, ftruncate(fd, 10001));
	OK(ftruncate(fd, 10000));
}

static void copies(void)
{
	int from = file_of(20), to = open_ok("g", O_CREAT | O_RDWR);
	loff_t in = BLOCK, out = 3;
	char data[BLOCK];

	IS(5 * BLOCK, copy_file_range(from, &in, to, &out, 5 * BLOCK, 0));
	IS(6 * BLOCK, in);
	IS(5 * BLOCK + 3, out);
	IS(5 * BLOCK + 3, stat_fd(to).st_size);
	IS(BLOCK, pread(to, data, BLOCK, 3));
	CHECK(filled(data, BLOCK, BLOCK, 1));
	/* Up to the end, and then nothing */
	in = 19 * BLOCK;
	IS(BLOCK, copy_file_range(from, &in, to, NULL, 5 * BLOCK, 0));
	IS(BLOCK, lseek(to, 0, SEEK_CUR));
	IS(0, copy_file_range(from, &in, to, NULL, BLOCK, 0));
	in = 0;
	out = BLOCK / 2;
	FAILS(EINVAL, copy_file_range(from, &in, from, &out, BLOCK, 0));
	FAILS(EINVAL, copy_file_range(from, &in, to, NULL, BLOCK, 1));
	FAILS(EBADF, copy_file_range(from, &in, open_ok("g", O_RDONLY), NULL,
				     BLOCK, 0));
	FAILS(EBADF, copy_file_range(from, &in, open_ok("g", O_RDWR | O_APPEND),
				     NULL, BLOCK, 0));
	FAILS(EISDIR, copy_file_range(open_ok(".", O_RDONLY), NULL, to, NULL,
				      BLOCK, 0));
}

/* What was written and mapped just before is copied. */
static void copies_what_is_new(void)
{
	int from = file_of(4), to = open_ok("g", O_CREAT | O_RDWR);
	char *map = mmap(NULL, 4 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
			 from, 0);
	char data[BLOCK];
	loff_t in = 0, out = 0;

	CHECK(map != MAP_FAILED);
	fill(map, 4 * BLOCK, 0, 9);
	IS(4 * BLOCK, copy_file_range(from, &in, to, &out, 4 * BLOCK, 0));
	IS(BLOCK, pread(to, data, BLOCK, 3 * BLOCK));
	CHECK(filled(data, BLOCK, 3 * BLOCK, 9));
}

const struct test_case hole_cases[] = {
	CASE(reads_as_zeros),
	CASE(seek),
	CASE(punch),
	CASE(zero_range),
	CASE(collapse_and_insert),
	CASE(allocate),
	CASE(truncate_zeroes_the_tail),
	CASE(far_offsets),
	CASE(file_size_limit),
	CASE(copies),
	CASE(copies_what_is_new),
	{0},
};
