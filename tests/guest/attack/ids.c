/*
 * The attack by numbers: nodes and handles that are another's, gone, or were
 * never there.
 */
#include "tests/guest/attack/attack.h"

/* Each operation that acts on a node, otherwise with right arguments */
static void use_wrong_node(uint64_t node)
{
	struct fuse_getattr_in getattr = {0};
	struct fuse_setattr_in setattr = {.valid = FATTR_MODE, .mode = 0777};
	struct fuse_open_in open = {0};
	struct fuse_getxattr_in room = {.size = 4096};
	struct fuse_syncfs_in sync = {0};
	uint64_t data = find(FUSE_ROOT_ID, "data");

	expect(try_look(node, "data"), -ESTALE);
	expect(try_look(node, ".."), -ESTALE);
	expect(try_look(node, "."), -ESTALE);
	expect(TRY(GETATTR, node, ARG(getattr)), -ESTALE);
	expect(TRY(SETATTR, node, ARG(setattr)), -ESTALE);
	expect(TRY(READLINK, node), -ESTALE);
	expect(TRY(SYMLINK, node, TEXT("made\0target")), -ESTALE);
	expect(try_node(node, "made", S_IFREG | 0644, 0), -ESTALE);
	expect(try_make(FUSE_MKDIR, node, "made"), -ESTALE);
	expect(try_make(FUSE_CREATE, node, "made"), -ESTALE);
	expect(try_make(FUSE_TMPFILE, node, "/"), -ESTALE);
	expect(try_remove(FUSE_UNLINK, node, "data"), -ESTALE);
	expect(try_remove(FUSE_RMDIR, node, "empty"), -ESTALE);
	expect(try_rename(node, "data", FUSE_ROOT_ID, "made", 0), -ESTALE);
	expect(try_rename(FUSE_ROOT_ID, "data", node, "made", 0), -ESTALE);
	expect(try_link(node, FUSE_ROOT_ID, "made"), -ESTALE);
	expect(try_link(data, node, "made"), -ESTALE);
	expect(try_open(node, READS), -ESTALE);
	expect(TRY(OPENDIR, node, ARG(open)), -ESTALE);
	expect(TRY(STATFS, node), -ESTALE);
	expect(TRY(SYNCFS, node, ARG(sync)), -ESTALE);
	expect(TRY(GETXATTR, node, ARG(room), TEXT("user.x")), -ESTALE);
	expect(TRY(LISTXATTR, node, ARG(room)), -ESTALE);
	expect(TRY(REMOVEXATTR, node, TEXT("user.x")), -ESTALE);
	expect(try_map(node, ~0ULL, MAP_READ), -ESTALE);
}

/* More than was ever counted, of nodes that are there and that are not; and a
 * batch that says it is longer than it is.
 */
static void forget_too_much(void)
{
	struct {
		struct fuse_batch_forget_in in;
		struct fuse_forget_one one[3];
	} batch = {
		.in.count = ~0U,
		.one = {{FUSE_ROOT_ID, ~0ULL}, {~0ULL, ~0ULL}, {0, 1}},
	};
	uint64_t root = FUSE_ROOT_ID;

	forget(root, 1);
	forget(root, ~0ULL);
	forget(0, 1);
	forget(~0ULL, ~0ULL);
	forget(root | 1ULL << 32, ~0ULL);
	expect(TRY(BATCH_FORGET, 0, ARG(batch)), FUSE_SILENT);
	expect(TRY(BATCH_FORGET, 0, ARG(batch.in)), FUSE_SILENT);
	expect_that(find(root, "..") == root, "the root is gone");
}

void attack_ids(void)
{
	uint64_t fixed[] = {
		0,	    2ULL << 32 | FUSE_ROOT_ID, 0x7fffffff, 0xffffffff,
		1ULL << 63, 1ULL << 63 | FUSE_ROOT_ID, ~0ULL,
	};
	uint64_t node;

	for (unsigned int i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		use_wrong_node(fixed[i]);
	/* One that was there, and the number that it has next */
	node = find(find(FUSE_ROOT_ID, "dir"), "inner");
	forget(node, ~0ULL);
	use_wrong_node(node);
	use_wrong_node(node + (1ULL << 32));
	forget_too_much();
}

/* Each operation that acts on a file handle */
static void use_wrong_file(uint64_t node, uint64_t fh)
{
	struct fuse_read_in read = {.fh = fh, .size = 4096};
	struct {
		struct fuse_write_in in;
		char data[8];
	} write = {.in.fh = fh, .in.size = 8};
	struct fuse_release_in release = {.fh = fh};
	struct fuse_fsync_in sync = {.fh = fh};
	struct fuse_flush_in flush = {.fh = fh};
	struct fuse_lk_in lock = {.fh = fh, .lk.end = 1, .lk.type = 1};
	struct fuse_fallocate_in fallocate = {.fh = fh, .length = 4096};
	struct fuse_lseek_in seek = {.fh = fh, .whence = 3};
	struct fuse_copy_file_range_in copy = {
		.fh_in = fh,
		.nodeid_out = node,
		.fh_out = fh,
		.len = 4096,
	};

	expect(TRY(READ, node, ARG(read)), -EBADF);
	expect(TRY(WRITE, node, ARG(write)), -EBADF);
	expect(TRY(RELEASE, node, ARG(release)), -EBADF);
	expect(TRY(FSYNC, node, ARG(sync)), -EBADF);
	expect(TRY(FLUSH, node, ARG(flush)), -EBADF);
	expect(TRY(SETLK, node, ARG(lock)), -EBADF);
	expect(TRY(GETLK, node, ARG(lock)), -EBADF);
	expect(TRY(FALLOCATE, node, ARG(fallocate)), -EBADF);
	expect(TRY(LSEEK, node, ARG(seek)), -EBADF);
	expect(TRY(COPY_FILE_RANGE, node, ARG(copy)), -EBADF);
}

static void use_wrong_directory(uint64_t node, uint64_t fh)
{
	struct fuse_read_in read = {.fh = fh, .size = 4096};
	struct fuse_release_in release = {.fh = fh};
	struct fuse_fsync_in sync = {.fh = fh};

	expect(TRY(READDIR, node, ARG(read)), -EBADF);
	expect(TRY(READDIRPLUS, node, ARG(read)), -EBADF);
	expect(TRY(RELEASEDIR, node, ARG(release)), -EBADF);
	expect(TRY(FSYNCDIR, node, ARG(sync)), -EBADF);
}

static void use_wrong_handles(uint64_t node)
{
	static const uint64_t fh[] = {0,       0x7fffffff, 0xffffffff,
				      1 << 16, 1ULL << 32, 1ULL << 63,
				      ~0ULL};

	for (unsigned int i = 0; i < sizeof(fh) / sizeof(fh[0]); i++) {
		use_wrong_file(node, fh[i]);
		use_wrong_directory(FUSE_ROOT_ID, fh[i]);
	}
}

/* From one's own file to where only the other share has a handle, or back */
static void copy_across(uint64_t node, uint64_t fh, uint64_t other,
			uint64_t other_fh)
{
	struct fuse_copy_file_range_in in = {
		.fh_in = fh,
		.nodeid_out = other,
		.fh_out = other_fh,
		.len = 4096,
	};

	expect(TRY(COPY_FILE_RANGE, node, ARG(in)), -EBADF);
	in.fh_in = other_fh;
	in.nodeid_out = node;
	in.fh_out = fh;
	expect(TRY(COPY_FILE_RANGE, other, ARG(in)), -EBADF);
	in.nodeid_out = ~0ULL;
	expect(TRY(COPY_FILE_RANGE, node, ARG(in)), -EBADF);
}

void attack_handles(void)
{
	struct fuse_open_in in = {0};
	uint64_t data = find(FUSE_ROOT_ID, "data");
	uint64_t other = find(FUSE_ROOT_ID, "other");
	uint64_t data_fh = open_node(data, READS_WRITES);
	uint64_t other_fh = open_node(other, READS_WRITES);
	uint64_t dir_fh;

	expect(TRY(OPENDIR, FUSE_ROOT_ID, ARG(in)), 0);
	dir_fh = reply.open.fh;
	use_wrong_handles(data);
	use_wrong_file(data, other_fh);
	use_wrong_file(data, data_fh + (1ULL << 32));
	use_wrong_file(~0ULL, data_fh);
	use_wrong_directory(find(FUSE_ROOT_ID, "dir"), dir_fh);
	use_wrong_directory(data, data_fh);
	copy_across(data, data_fh, data, other_fh);
	close_handle(data, data_fh);
	use_wrong_file(data, data_fh);
	close_handle(other, other_fh);
}
