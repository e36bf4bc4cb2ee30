/*
 * The attack by files that are none: devices, pipes and sockets are seen, never
 * opened. And files that the host has linked from elsewhere: inside.
 */
#include "tests/guest/attack/attack.h"

static void attack_node(uint64_t dir, const char *name)
{
	struct fuse_setattr_in mode = {.valid = FATTR_MODE, .mode = 0666};
	struct fuse_getxattr_in room = {.size = 4096};
	struct fuse_syncfs_in sync = {0};
	struct fuse_open_in opendir = {0};
	uint64_t node = find(dir, name);
	uint32_t type = reply.entry.attr.mode & S_IFMT;

	expect_that(type != S_IFREG && type != S_IFDIR && type != S_IFLNK,
		    "an ordinary file");
	for (uint32_t bit = 2; bit < 32; bit++)
		expect(try_open(node, READS | 1U << bit), -ENXIO);
	for (uint32_t access = READS; access <= READS_WRITES; access++)
		expect(try_open(node, access), -ENXIO);
	expect(try_open(node, READS_WRITES | TRUNCATES), -ENXIO);
	expect(TRY(OPENDIR, node, ARG(opendir)), -ENOTDIR);
	expect(try_resize(node, 0), -ENXIO);
	expect(try_map(node, ~0ULL, MAP_READ), -ENODEV);
	expect(try_map(node, ~0ULL, MAP_READ | MAP_WRITE), -ENODEV);
	expect(TRY(SYNCFS, node, ARG(sync)), -ENXIO);
	expect(try_read(node, 0), -EBADF);
	expect(try_look(node, "x"), -ENOTDIR);
	expect(try_make(FUSE_CREATE, dir, name), -ESTALE);
	expect(TRY(SETATTR, node, ARG(mode)), 0);
	expect_refused(TRY(GETXATTR, node, ARG(room), TEXT("trusted.secret")));
	expect(try_link(node, FUSE_ROOT_ID, "stolen"), 0);
	expect(try_open(find(FUSE_ROOT_ID, "stolen"), READS), -ENXIO);
	expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID, "stolen"), 0);
}

/* The same ones, made by the guest */
static void make_nodes(void)
{
	static const struct {
		uint32_t mode;
		uint32_t device;
	} row[] = {
		{S_IFCHR, 1 << 8 | 1},				/* memory */
		{S_IFCHR, 1 << 8 | 3},				/* null */
		{S_IFCHR, 5 << 8 | 0},				/* terminal */
		{S_IFCHR, ~0U},	       {S_IFBLK, 254 << 8 | 0}, /* disk */
		{S_IFBLK, 7 << 8 | 0}, {S_IFIFO, 0},
		{S_IFSOCK, 0},
	};

	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		expect(try_node(FUSE_ROOT_ID, "made", row[i].mode | 0666,
				row[i].device),
		       0);
		attack_node(FUSE_ROOT_ID, "made");
		expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID, "made"), 0);
	}
}

/* Types that no name can have */
static void make_wrong_types(void)
{
	expect(try_node(FUSE_ROOT_ID, "made", S_IFDIR | 0755, 0), -EPERM);
	expect(try_node(FUSE_ROOT_ID, "made", S_IFLNK | 0777, 0), -EINVAL);
	expect(try_node(FUSE_ROOT_ID, "made", S_IFMT | 0777, 0), -EINVAL);
}

/* Set-ID bits are what was asked for: what they are good for is up to how the
 * host has mounted the directory.
 */
static void make_set_id(void)
{
	struct fuse_create_in in = {
		.flags = READS_WRITES | CREATES,
		.mode = S_IFREG | 07755,
	};
	struct fuse_open_out *open = (void *)(&reply.entry + 1);

	expect(try_node(FUSE_ROOT_ID, "made", S_IFREG | 07755, 0), 0);
	expect_that(reply.entry.attr.mode == (S_IFREG | 07755), "other bits");
	expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID, "made"), 0);
	expect(TRY(CREATE, FUSE_ROOT_ID, ARG(in), TEXT("made")), 0);
	expect_that(reply.entry.attr.mode == (S_IFREG | 07755), "other bits");
	close_handle(reply.entry.nodeid, open->fh);
	expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID, "made"), 0);
}

/* A file that the host has put here by a hard link is inside. */
static void read_hard_link(void)
{
	uint64_t node = find(FUSE_ROOT_ID, "linked");
	uint64_t fh = open_node(node, READS);

	expect(try_read(node, fh), 0);
	expect_that(reply_holds("LINKED"), "not the contents");
	close_handle(node, fh);
}

void attack_nodes(void)
{
	static char names[NAMES_MAX][NAME_ROOM];
	uint64_t dir = find(FUSE_ROOT_ID, "nodes");
	unsigned int cnt = list_names(dir, names);

	for (unsigned int i = 0; i < cnt; i++)
		attack_node(dir, names[i]);
	make_nodes();
	make_wrong_types();
	make_set_id();
	read_hard_link();
}
