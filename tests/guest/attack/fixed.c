/*
 * The attack on a read-only share: each operation that changes something.
 */
#include "tests/guest/attack/attack.h"

static void change_attributes(uint64_t node)
{
	struct fuse_getxattr_in room = {.size = 4096};
	struct fuse_setattr_in in = {.mode = 0777};
	static const struct {
		struct fuse_setxattr_in in;
		char text[9];
	} set = {.in.size = 1, .text = "user.x\0v"};

	for (uint32_t bit = 0; bit < 32; bit++) {
		in.valid = 1U << bit;
		expect(TRY(SETATTR, node, ARG(in)), -EROFS);
	}
	expect(try_resize(node, 0), -EROFS);
	expect(TRY(SETXATTR, node, ARG(set)), -EROFS);
	expect(TRY(REMOVEXATTR, node, TEXT("user.x")), -EROFS);
	TRY(LISTXATTR, node, ARG(room));
}

static void change_directory(uint64_t dir)
{
	static const uint32_t types[] = {S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO,
					 S_IFSOCK};
	static const char *const names[] = {"data", "other", "dir", "empty"};

	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		expect(try_node(dir, "made", types[i] | 0666, 1 << 8 | 3),
		       -EROFS);
	expect(try_make(FUSE_MKDIR, dir, "made"), -EROFS);
	expect(try_make(FUSE_CREATE, dir, "made"), -EROFS);
	expect(try_make(FUSE_CREATE, dir, "data"), -EROFS);
	expect(try_make(FUSE_TMPFILE, dir, "/"), -EROFS);
	expect(TRY(SYMLINK, dir, TEXT("made\0target")), -EROFS);
	expect(try_link(find(FUSE_ROOT_ID, "data"), dir, "made"), -EROFS);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		expect(try_remove(FUSE_UNLINK, dir, names[i]), -EROFS);
		expect(try_remove(FUSE_RMDIR, dir, names[i]), -EROFS);
		for (uint32_t flags = 0; flags < 8; flags++)
			expect(try_rename(dir, names[i], dir, "made", flags),
			       -EROFS);
	}
}

static void open_to_change(uint64_t node)
{
	for (uint32_t bit = 2; bit < 32; bit++) {
		uint32_t flags = 1U << bit;

		expect(try_open(node, WRITES | flags), -EROFS);
		expect(try_open(node, READS_WRITES | flags), -EROFS);
		if (flags == TRUNCATES) {
			expect(try_open(node, flags), -EROFS);
			continue;
		}
		close_handle(node, open_node(node, flags));
	}
}

static void change_contents(uint64_t node)
{
	uint64_t fh = open_node(node, READS);
	struct {
		struct fuse_write_in in;
		char data[8];
	} write = {.in.fh = fh, .in.size = 8};
	struct fuse_fallocate_in fallocate = {.fh = fh, .length = 4096};
	struct fuse_copy_file_range_in copy = {
		.fh_in = fh,
		.nodeid_out = node,
		.fh_out = fh,
		.off_out = 4096,
		.len = 4096,
	};
	struct {
		struct fuse_ioctl_in in;
		uint32_t data[7];
	} ioctl = {.in.fh = fh, .in.in_size = sizeof(ioctl.data)};

	expect(TRY(WRITE, node, ARG(write)), -EROFS);
	for (uint32_t bit = 0; bit < 32; bit++) {
		fallocate.mode = 1U << bit;
		expect(TRY(FALLOCATE, node, ARG(fallocate)), -EROFS);
	}
	expect(TRY(COPY_FILE_RANGE, node, ARG(copy)), -EROFS);
	ioctl.in.cmd = 0x40086602; /* FS_IOC_SETFLAGS */
	expect(TRY(IOCTL, node, ARG(ioctl)), -EROFS);
	ioctl.in.cmd = 0x401c5820; /* FS_IOC_FSSETXATTR */
	expect(TRY(IOCTL, node, ARG(ioctl)), -EROFS);
	close_handle(node, fh);
}

/* A mapping to write is refused; what is stored through another one is lost. */
static void change_by_window(uint64_t node, volatile uint8_t *window)
{
	uint8_t before;

	expect(try_map(node, ~0ULL, MAP_WRITE), -EROFS);
	expect(try_map(node, ~0ULL, MAP_READ | MAP_WRITE), -EROFS);
	expect(try_map(node, ~0ULL, MAP_READ), 0);
	before = window[5];
	window[5] = before + 1;
	expect_that(window[5] == before, "a store to a read-only share");
}

void attack_fixed(void)
{
	volatile uint8_t *window = begin(FIXED);
	uint64_t data = find(FUSE_ROOT_ID, "data");

	change_attributes(data);
	change_attributes(FUSE_ROOT_ID);
	change_attributes(find(find(FUSE_ROOT_ID, "links"), "up"));
	change_directory(FUSE_ROOT_ID);
	change_directory(find(FUSE_ROOT_ID, "dir"));
	open_to_change(data);
	change_contents(data);
	change_by_window(data, window);
	attack_parents();
	attack_listings();
}
