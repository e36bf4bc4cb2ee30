/*
 * FUSE server: open files, their contents and what else is done with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;
static uint64_t id, fh; /* of a file that is open for reading and writing */

static void setup(void)
{
	int err;

	client_start(c, FS_CACHE_AUTO, false);
	id = client_create(c, "f", 0644, &fh, &err);
	ck_assert_int_eq(err, 0);
}

static void teardown(void)
{
	client_close(c);
}

static long write_at(uint64_t offset, const char *data, size_t len)
{
	struct fuse_write_in arg = {.fh = fh, .offset = offset, .size = len};

	return client_write(c, &arg, id, data);
}

/* A request that is an argument and has a result of no interest. */
static int call(uint32_t opcode, const void *arg, size_t arg_len)
{
	client_begin(c, opcode, id);
	client_add(c, arg, arg_len);
	return client_call(c);
}

static mode_t mode_now(void)
{
	struct stat st;

	ck_assert_int_eq(stat(client_path(c, "f"), &st), 0);
	return st.st_mode & 07777;
}

START_TEST(write_then_read)
{
	ck_assert_int_eq(write_at(0, "hello world", 11), 11);
	ck_assert_int_eq(client_read(c, id, fh, 0, 100), 11);
	ck_assert_mem_eq(client_reply(c, 11), "hello world", 11);
	ck_assert_int_eq(client_read(c, id, fh, 6, 3), 3);
	ck_assert_mem_eq(client_reply(c, 3), "wor", 3);
	ck_assert_int_eq(client_read(c, id, fh, 11, 100), 0);
	ck_assert_int_eq(client_read(c, id, fh, 1 << 30, 100), 0);
	ck_assert_int_eq(write_at(20, "x", 1), 1);
	ck_assert_int_eq(client_read(c, id, fh, 0, 100), 21);
	ck_assert_mem_eq((const char *)client_reply(c, 21) + 11,
			 "\0\0\0\0\0\0\0\0\0x", 10);
	ck_assert_int_eq(write_at(0, "", 0), 0);
}
END_TEST

/* The longest requests, in a few pieces and in more than one system call
 * takes.
 */
START_TEST(a_megabyte)
{
	static const size_t piece_lens[] = {4096, 4093, 700, 1 << 20};
	char *data = malloc(FS_MAX_DATA);

	for (size_t i = 0; i < ARRAY_SIZE(piece_lens); i++) {
		c->piece_len = piece_lens[i];
		for (size_t at = 0; at < FS_MAX_DATA; at++)
			data[at] = (char)(at * 31 + (at >> 12) + i);
		ck_assert_int_eq(write_at(4096, data, FS_MAX_DATA),
				 FS_MAX_DATA);
		ck_assert_int_eq(client_read(c, id, fh, 4096, FS_MAX_DATA),
				 FS_MAX_DATA);
		ck_assert(!memcmp(client_reply(c, FS_MAX_DATA), data,
				  FS_MAX_DATA));
	}
	free(data);
}
END_TEST

START_TEST(read_sizes)
{
	ck_assert_int_eq(
		ftruncate(open(client_path(c, "f"), O_WRONLY), 3 << 20), 0);
	/* Larger than the most, or than the room: as much as can be. */
	ck_assert_int_eq(client_read(c, id, fh, 0, FS_MAX_DATA + 1),
			 FS_MAX_DATA);
	ck_assert_int_eq(client_read(c, id, fh, 0, UINT32_MAX), FS_MAX_DATA);
	c->room = 16 + 1000;
	ck_assert_int_eq(client_read(c, id, fh, 0, 4096), 1000);
	c->room = 16;
	ck_assert_int_eq(client_read(c, id, fh, 0, 4096), 0);
}
END_TEST

START_TEST(offsets_are_checked)
{
	static const uint64_t bad[] = {1ULL << 63, UINT64_MAX,
				       UINT64_MAX - 4095, INT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(client_read(c, id, fh, bad[i], 4096), -EINVAL);
		ck_assert_int_eq(write_at(bad[i], "1234", 4), -EINVAL);
	}
	ck_assert_int_eq(client_read(c, id, fh, INT64_MAX - 4096, 4096), 0);
	ck_assert_int_eq(write_at(INT64_MAX - 4096, "1234", 4), -EFBIG);
}
END_TEST

START_TEST(write_sizes)
{
	struct fuse_write_in arg = {.fh = fh};
	static const struct {
		uint32_t size;
		int want;
	} rows[] = {{11, -EINVAL},
		    {UINT32_MAX, -EINVAL},
		    {FS_MAX_DATA + 1, -EINVAL},
		    {10, 0},
		    {3, 0},
		    {0, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		arg.size = rows[i].size;
		client_begin(c, FUSE_WRITE, id);
		client_add(c, &arg, sizeof(arg));
		client_add(c, "0123456789", 10);
		ck_assert_int_eq(client_call(c), rows[i].want);
	}
}
END_TEST

START_TEST(handles_keep_their_access)
{
	struct fuse_write_in arg = {.size = 1};
	uint64_t read_fh, write_fh;

	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDONLY, &read_fh),
			 0);
	ck_assert_int_eq(
		client_open_node(c, FUSE_OPEN, id, O_WRONLY, &write_fh), 0);
	arg.fh = read_fh;
	ck_assert_int_eq(client_write(c, &arg, id, "x"), -EBADF);
	ck_assert_int_eq(client_read(c, id, write_fh, 0, 10), -EBADF);
	arg.fh = write_fh;
	ck_assert_int_eq(client_write(c, &arg, id, "x"), 1);
}
END_TEST

START_TEST(open_flags)
{
	static const uint32_t harmless[] = {
		O_CREAT,     O_EXCL,
		O_NOCTTY,    O_APPEND,
		O_NONBLOCK,  O_DIRECT,
		O_DIRECTORY, O_NOFOLLOW,
		O_CLOEXEC,   O_SYNC,
		O_PATH,	     O_TMPFILE,
		O_ASYNC,     040 /* FMODE_EXEC */,
		1U << 31,    ~(uint32_t)O_ACCMODE & ~(uint32_t)O_TRUNC,
	};
	uint64_t other;

	ck_assert_int_eq(write_at(0, "hello", 5), 5);
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id,
						  O_RDWR | harmless[i], &other),
				 0);
		ck_assert_int_eq(client_read(c, id, other, 0, 7), 5);
		ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, other), 0);
	}
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_ACCMODE, &other),
			 -EINVAL);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, 1, O_RDONLY, &other),
			 -EISDIR);
	ck_assert_int_eq(
		client_open_node(c, FUSE_OPEN, id, O_RDWR | O_TRUNC, &other),
		0);
	ck_assert_int_eq(client_read(c, id, other, 0, 7), 0);
}
END_TEST

START_TEST(append_means_the_end_as_it_is)
{
	struct fuse_write_in arg = {.fh = fh, .size = 3, .flags = O_APPEND};
	uint64_t other;

	ck_assert_int_eq(
		client_open_node(c, FUSE_OPEN, id, O_RDWR | O_APPEND, &other),
		0);
	arg.fh = other;
	ck_assert_int_eq(client_write(c, &arg, id, "abc"), 3);
	/* The guest believes in offset 0 still; somebody else wrote. */
	ck_assert_int_eq(client_write(c, &arg, id, "def"), 3);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), 6);
	/* From the guest's cache: at its place, whatever the handle was. */
	arg.write_flags = FUSE_WRITE_CACHE;
	ck_assert_int_eq(client_write(c, &arg, id, "ABC"), 3);
	/* Parts of a large O_DIRECT write overtake each other. */
	arg.write_flags = 0;
	arg.flags |= O_DIRECT;
	arg.offset = 6;
	ck_assert_int_eq(client_write(c, &arg, id, "ghi"), 3);
	ck_assert_int_eq(client_read(c, id, fh, 0, 100), 9);
	ck_assert_mem_eq(client_reply(c, 9), "ABCdefghi", 9);
}
END_TEST

START_TEST(create_with_a_mode_that_forbids_writing)
{
	static const uint32_t modes[] = {0444, 0, 0200};
	static const char *const names[] = {"a", "b", "d"};
	struct fuse_write_in arg = {.size = 4};
	uint64_t file;
	int err;

	if (!geteuid())
		c->uid = c->gid = 1234;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		chmod(c->path, 0777);
		file = client_create(c, names[i], modes[i], &arg.fh, &err);
		ck_assert_int_eq(err, 0);
		ck_assert_int_eq(client_write(c, &arg, file, "text"), 4);
		ck_assert_int_eq(client_read(c, file, arg.fh, 0, 10), 4);
	}
}
END_TEST

START_TEST(set_id_bits_die_when_asked)
{
	struct fuse_write_in arg = {.fh = fh, .size = 1};
	struct fuse_open_in trunc = {.flags = O_RDWR | O_TRUNC};

	if (geteuid())
		return; /* without CAP_FSETID they always die */
	chmod(client_path(c, "f"), 06755);
	ck_assert_int_eq(client_write(c, &arg, id, "x"), 1);
	ck_assert_int_eq(mode_now(), 06755);
	arg.write_flags = FUSE_WRITE_KILL_SUIDGID;
	ck_assert_int_eq(client_write(c, &arg, id, "x"), 1);
	ck_assert_int_eq(mode_now(), 0755);

	chmod(client_path(c, "f"), 06755);
	ck_assert_int_eq(call(FUSE_OPEN, &trunc, sizeof(trunc)), 0);
	ck_assert_int_eq(mode_now(), 06755);
	ck_assert_int_eq(
		client_write(c, &(struct fuse_write_in){.fh = fh, .size = 1},
			     id, "x"),
		1);
	trunc.open_flags = FUSE_OPEN_KILL_SUIDGID;
	ck_assert_int_eq(call(FUSE_OPEN, &trunc, sizeof(trunc)), 0);
	ck_assert_int_eq(mode_now(), 0755);
	/* and the thread has its capability again */
	ck_assert_int_eq(
		client_write(c, &(struct fuse_write_in){.fh = fh, .size = 1},
			     id, "x"),
		1);
	chmod(client_path(c, "f"), 06755);
	ck_assert_int_eq(
		client_write(c, &(struct fuse_write_in){.fh = fh, .size = 1},
			     id, "x"),
		1);
	ck_assert_int_eq(mode_now(), 06755);
}
END_TEST

START_TEST(an_unlinked_file_stays)
{
	struct fuse_getattr_in get = {.getattr_flags = FUSE_GETATTR_FH,
				      .fh = fh};
	struct fuse_setattr_in set = {.valid = FATTR_FH | FATTR_SIZE |
					       FATTR_MODE,
				      .fh = fh,
				      .size = 3,
				      .mode = 0600};
	const struct fuse_attr_out *out;

	ck_assert_int_eq(write_at(0, "hello", 5), 5);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "f", NULL), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), 5);
	ck_assert_int_eq(call(FUSE_SETATTR, &set, sizeof(set)), 0);
	ck_assert_int_eq(call(FUSE_GETATTR, &get, sizeof(get)), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->attr.nlink, 0);
	ck_assert_uint_eq(out->attr.size, 3);
	ck_assert_uint_eq(out->attr.mode, S_IFREG | 0600);
	/* even when the guest has forgotten the node */
	client_forget(c, id, 1);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), 3);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
}
END_TEST

START_TEST(sync_and_flush)
{
	struct fuse_fsync_in sync = {.fh = fh};
	struct fuse_flush_in flush = {.fh = fh};
	int before = count_open_files();

	ck_assert_int_eq(call(FUSE_FSYNC, &sync, sizeof(sync)), 0);
	sync.fsync_flags = FUSE_FSYNC_FDATASYNC;
	ck_assert_int_eq(call(FUSE_FSYNC, &sync, sizeof(sync)), 0);
	ck_assert_int_eq(call(FUSE_FLUSH, &flush, sizeof(flush)), 0);
	ck_assert_int_eq(count_open_files(), before);
	ck_assert_int_eq(call(FUSE_FSYNCDIR, &sync, sizeof(sync)), -EBADF);
	sync.fh = flush.fh = fh + 1;
	ck_assert_int_eq(call(FUSE_FSYNC, &sync, sizeof(sync)), -EBADF);
	ck_assert_int_eq(call(FUSE_FLUSH, &flush, sizeof(flush)), -EBADF);
}
END_TEST

START_TEST(fallocate_modes)
{
	struct fuse_fallocate_in arg = {.fh = fh, .length = 8192};
	struct stat st;

	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), 0);
	stat(client_path(c, "f"), &st);
	ck_assert_int_eq(st.st_size, 8192);
	arg.mode = FALLOC_FL_KEEP_SIZE;
	arg.length = 65536;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), 0);
	stat(client_path(c, "f"), &st);
	ck_assert_int_eq(st.st_size, 8192);
	arg.mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), 0);
	arg.mode = 1U << 20;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), -EINVAL);
	arg.mode = 1U << 31;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), -EINVAL);
	arg.mode = 0;
	arg.length = 0;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), -EINVAL);
	arg.length = 1ULL << 63;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), -EINVAL);
	arg.length = 4096;
	arg.offset = UINT64_MAX;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), -EINVAL);
	arg.offset = INT64_MAX;
	ck_assert_int_eq(call(FUSE_FALLOCATE, &arg, sizeof(arg)), -EFBIG);
}
END_TEST

START_TEST(lseek_finds_data_and_holes)
{
	struct fuse_lseek_in arg = {.fh = fh, .whence = SEEK_DATA};
	const struct fuse_lseek_out *out;

	ck_assert_int_eq(write_at(1 << 20, "x", 1), 1);
	ck_assert_int_eq(call(FUSE_LSEEK, &arg, sizeof(arg)), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_le(out->offset, 1 << 20);
	arg.offset = 1 << 20;
	arg.whence = SEEK_HOLE;
	ck_assert_int_eq(call(FUSE_LSEEK, &arg, sizeof(arg)), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->offset, (1 << 20) + 1);
	arg.offset = 2 << 20;
	ck_assert_int_eq(call(FUSE_LSEEK, &arg, sizeof(arg)), -ENXIO);
	arg.offset = UINT64_MAX;
	ck_assert_int_eq(call(FUSE_LSEEK, &arg, sizeof(arg)), -ENXIO);
	arg.offset = 0;
	for (arg.whence = 0; arg.whence < 100; arg.whence++) {
		if (arg.whence != SEEK_DATA && arg.whence != SEEK_HOLE)
			ck_assert_int_eq(call(FUSE_LSEEK, &arg, sizeof(arg)),
					 -EINVAL);
	}
}
END_TEST

START_TEST(copy_file_range_between_handles)
{
	struct fuse_copy_file_range_in arg = {.fh_in = fh, .len = 100};
	const struct fuse_write_out *out;
	uint64_t dir_fh;
	int err;

	ck_assert_int_eq(write_at(0, "hello world", 11), 11);
	arg.nodeid_out = client_create(c, "to", 0644, &arg.fh_out, &err);
	ck_assert_int_eq(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->size, 11);
	ck_assert_int_eq(client_read(c, arg.nodeid_out, arg.fh_out, 0, 100),
			 11);
	arg.len = 1ULL << 63;
	ck_assert_int_eq(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)), 0);
	arg.len = UINT64_MAX;
	ck_assert_int_eq(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)), 0);
	arg.flags = 1;
	ck_assert_int_eq(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)),
			 -EINVAL);
	arg.flags = 0;
	arg.len = 10;
	arg.off_in = UINT64_MAX;
	ck_assert_int_lt(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)), 0);
	arg.off_in = 0;
	arg.nodeid_out = id;
	ck_assert_int_eq(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)), -EBADF);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &dir_fh), 0);
	arg.nodeid_out = 1;
	arg.fh_out = dir_fh;
	ck_assert_int_eq(call(FUSE_COPY_FILE_RANGE, &arg, sizeof(arg)), -EBADF);
}
END_TEST

START_TEST(cache_modes_open_files_differently)
{
	static const struct {
		enum fs_cache cache;
		uint32_t file, dir;
	} rows[] = {
		{FS_CACHE_NONE, FOPEN_DIRECT_IO, 0},
		{FS_CACHE_AUTO, 0, 0},
		{FS_CACHE_ALWAYS, FOPEN_KEEP_CACHE,
		 FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR},
	};
	uint32_t no_flush;
	const struct fuse_open_out *out;
	struct client k;
	uint64_t node, other;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		client_start(&k, rows[i].cache, false);
		node = client_create(&k, "f", 0600, &other, &err);
		out = (const void *)((const char *)client_reply(&k, k.out_len) +
				     sizeof(struct fuse_entry_out));
		ck_assert_uint_eq(out->open_flags, rows[i].file);
		/* A guest that sends OPEN in any mode. */
		ck_assert_int_eq(client_init(&k, 0), 0);
		node = client_lookup(&k, FUSE_ROOT_ID, "f", &err);
		client_open_node(&k, FUSE_OPEN, node, O_RDONLY, &other);
		out = client_reply(&k, sizeof(*out));
		/* Locks have to be flushed, unless they are the guest's own. */
		no_flush = k.fs->local_locks ? FOPEN_NOFLUSH : 0;
		ck_assert_uint_eq(out->open_flags, rows[i].file | no_flush);
		client_open_node(&k, FUSE_OPENDIR, 1, O_RDONLY, &other);
		out = client_reply(&k, sizeof(*out));
		ck_assert_uint_eq(out->open_flags, rows[i].dir);
		client_close(&k);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_io");
	TCase *io = tcase_create("io");

	tcase_add_checked_fixture(io, setup, teardown);
	tcase_add_test(io, write_then_read);
	tcase_add_test(io, a_megabyte);
	tcase_add_test(io, read_sizes);
	tcase_add_test(io, offsets_are_checked);
	tcase_add_test(io, write_sizes);
	tcase_add_test(io, handles_keep_their_access);
	tcase_add_test(io, open_flags);
	tcase_add_test(io, append_means_the_end_as_it_is);
	tcase_add_test(io, create_with_a_mode_that_forbids_writing);
	tcase_add_test(io, set_id_bits_die_when_asked);
	tcase_add_test(io, an_unlinked_file_stays);
	tcase_add_test(io, sync_and_flush);
	tcase_add_test(io, fallocate_modes);
	tcase_add_test(io, lseek_finds_data_and_holes);
	tcase_add_test(io, copy_file_range_between_handles);
	tcase_add_test(io, cache_modes_open_files_differently);
	suite_add_tcase(s, io);
	return s;
}

int main(void)
{
	return client_run(suite());
}
