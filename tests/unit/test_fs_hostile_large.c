/*
 * FUSE server, hostile cases of odd and large things on the host: see
 * hostile.txt.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;

static void setup(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
}

static void teardown(void)
{
	client_close(c);
}

static int make_dir(uint64_t dir_id, const char *name)
{
	struct fuse_mkdir_in arg = {.mode = 0755};

	client_begin(c, FUSE_MKDIR, dir_id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

START_TEST(hostile_87_sparse_and_largest)
{
	struct fuse_setattr_in size = {.valid = FATTR_SIZE, .size = INT64_MAX};
	struct fuse_lseek_in seek = {.whence = SEEK_HOLE};
	struct fuse_write_in put = {.offset = GIB(1) - 1, .size = 1};
	const struct fuse_lseek_out *out;
	uint64_t id;
	int err, want;

	id = client_create(c, "sparse", 0644, &put.fh, &err);
	ck_assert_int_eq(client_write(c, &put, id, "x"), 1);
	ck_assert_int_eq(client_read(c, id, put.fh, MIB(512), 4096), 4096);
	for (int i = 0; i < 4096; i++)
		ck_assert(!((const char *)client_reply(c, 4096))[i]);
	seek.fh = put.fh;
	client_begin(c, FUSE_LSEEK, id);
	client_add(c, &seek, sizeof(seek));
	ck_assert_int_eq(client_call(c), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->offset, 0);
	/* As large as the host's file system lets it be. */
	want = truncate(client_path(c, "f"), INT64_MAX) ? -errno : 0;
	client_begin(c, FUSE_SETATTR, id);
	client_add(c, &size, sizeof(size));
	ck_assert_int_eq(client_call(c), want);
	if (!want)
		ck_assert_int_eq(client_read(c, id, put.fh, INT64_MAX - 10, 10),
				 10);
}
END_TEST

START_TEST(hostile_87_links_forty_deep)
{
	const struct fuse_entry_out *entry;
	char name[16], target[16];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(target, sizeof(target), "s%d", i + 1);
		ck_assert_int_eq(symlinkat(target, c->dir_fd, name), 0);
	}
	/* One step at a time: the guest's kernel counts. */
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(target, sizeof(target), "s%d", i + 1);
		ck_assert_int_eq(client_simple(c, FUSE_LOOKUP, 1, name, NULL),
				 0);
		entry = client_reply(c, sizeof(*entry));
		ck_assert(S_ISLNK(entry->attr.mode));
		ck_assert_int_eq(client_simple(c, FUSE_READLINK, entry->nodeid,
					       NULL, NULL),
				 0);
		ck_assert_mem_eq(client_reply(c, strlen(target)), target,
				 strlen(target));
	}
}
END_TEST

START_TEST(hostile_87_names_of_every_byte)
{
	struct stat st;
	int err;

	for (int byte = 1; byte < 256; byte++) {
		char name[3] = {(char)byte, 'n', 0};

		err = make_dir(FUSE_ROOT_ID, name);
		ck_assert_int_eq(err, byte == '/' ? -EINVAL : 0);
		if (err)
			continue;
		ck_assert_int_eq(fstatat(c->dir_fd, name, &st, 0), 0);
		client_lookup(c, FUSE_ROOT_ID, name, &err);
		ck_assert_int_eq(err, 0);
	}
}
END_TEST

enum { MANY = 10000 };

/* Read all names of a directory; those that are numbers are counted. */
static void count_names(uint32_t opcode, uint64_t fh, uint8_t seen[MANY])
{
	struct fuse_read_in arg = {.fh = fh, .size = 65536};
	size_t head =
		opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	struct fuse_entry_out entry;
	struct fuse_dirent dirent;
	static char reply[65536];
	size_t end;

	do {
		client_begin(c, opcode, FUSE_ROOT_ID);
		client_add(c, &arg, sizeof(arg));
		ck_assert_int_eq(client_call(c), 0);
		memcpy(reply, client_reply(c, c->out_len), c->out_len);
		end = c->out_len;
		for (size_t at = 0; at < end;
		     at += FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET +
					     dirent.namelen)) {
			memcpy(&entry, reply + at, head);
			memcpy(&dirent, reply + at + head, FUSE_NAME_OFFSET);
			arg.offset = dirent.off;
			if (head && entry.nodeid)
				client_forget(c, entry.nodeid, 1);
			if (reply[at + head + FUSE_NAME_OFFSET] == '1')
				seen[atoi(reply + at + head + FUSE_NAME_OFFSET +
					  1)]++;
		}
	} while (end);
}

START_TEST(hostile_87_large_directory)
{
	static const uint32_t opcodes[] = {FUSE_READDIR, FUSE_READDIRPLUS};
	static uint8_t seen[MANY];
	char name[16];
	uint64_t fh;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "1%05d", i);
		ck_assert_int_eq(mknodat(c->dir_fd, name, S_IFREG | 0644, 0),
				 0);
	}
	for (size_t k = 0; k < ARRAY_SIZE(opcodes); k++) {
		memset(seen, 0, sizeof(seen));
		ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &fh),
				 0);
		count_names(opcodes[k], fh, seen);
		for (int i = 0; i < MANY; i++) {
			if (seen[i] != 1)
				ck_abort_msg("name %d: %d times", i, seen[i]);
		}
		client_release(c, FUSE_RELEASEDIR, 1, fh);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_hostile_large");
	TCase *t = tcase_create("fs_hostile_large");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, hostile_87_sparse_and_largest);
	tcase_add_test(t, hostile_87_links_forty_deep);
	tcase_add_test(t, hostile_87_names_of_every_byte);
	tcase_add_test(t, hostile_87_large_directory);
	suite_add_tcase(s, t);
	return client_run(s);
}
