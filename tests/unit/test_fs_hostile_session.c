/*
 * FUSE server, hostile cases of sessions and attributes: see hostile.txt.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;
static uint64_t id; /* of a file */

static void setup(void)
{
	int err;

	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(err, 0);
}

static void teardown(void)
{
	client_close(c);
}

/* Another vCPU: changes the name and the length of a request for ever. */
static pid_t start_rewriting(volatile char *request)
{
	volatile struct fuse_in_header *header = (volatile void *)request;
	volatile char *name = request + sizeof(*header);
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	while (!pid) {
		name[0] = '.';
		name[1] = '.';
		header->len = UINT32_MAX;
		header->len = sizeof(*header) + 3;
		name[0] = 'a';
		name[1] = 'b';
	}
	return pid;
}

START_TEST(hostile_16_request_rewritten)
{
	const struct fuse_entry_out *entry;
	char *own = c->in;
	pid_t pid;
	int err;

	c->in = mmap(NULL, CLIENT_BUFFER_LEN, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(c->in, MAP_FAILED);
	pid = start_rewriting(c->in);
	for (int i = 0; i < 20000; i++) {
		client_begin(c, FUSE_LOOKUP, FUSE_ROOT_ID);
		client_add_text(c, "ab");
		err = client_call(c);
		/* Whichever it was: it was one, and the root's parent is the
		 * root; 0 is the node of what is not there.
		 */
		if (err && err != -EINVAL && err != -ENOMEM)
			ck_abort_msg("reply %d", err);
		entry = client_reply(c, err ? 0 : sizeof(*entry));
		if (!err && entry->nodeid > FUSE_ROOT_ID)
			ck_abort_msg("node %lu", entry->nodeid);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(c->in, CLIENT_BUFFER_LEN);
	c->in = own;
}
END_TEST

START_TEST(hostile_32_readahead)
{
	static const uint32_t sizes[][2] = {{0, 0},
					    {4096, 4096},
					    {1 << 20, 1 << 20},
					    {UINT32_MAX, 1 << 20}};
	struct fuse_init_in arg = {.major = 7, .minor = 38};
	const struct fuse_init_out *out;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		arg.max_readahead = sizes[i][0];
		client_begin(c, FUSE_INIT, 0);
		client_add(c, &arg, sizeof(arg));
		ck_assert_int_eq(client_call(c), 0);
		out = client_reply(c, sizeof(*out));
		ck_assert_uint_eq(out->max_readahead, sizes[i][1]);
	}
}
END_TEST

START_TEST(hostile_35_unique)
{
	static const uint64_t unique[] = {0, 0, 7, 7, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(unique); i++) {
		client_begin(c, FUSE_STATFS, FUSE_ROOT_ID);
		client_header(c)->unique = unique[i];
		ck_assert_int_eq(client_call(c), 0);
	}
}
END_TEST

START_TEST(hostile_37_forget_with_room)
{
	static const uint64_t body[3] = {1, 2, 1};
	static const uint32_t opcodes[] = {FUSE_FORGET, FUSE_BATCH_FORGET};

	memset(c->out, 0x5a, c->room);
	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		for (size_t len = 0; len <= sizeof(body); len++) {
			client_begin(c, opcodes[i], id);
			client_add(c, body, len);
			ck_assert_int_eq(client_call(c), CLIENT_NO_REPLY);
		}
	}
	for (size_t i = 0; i < c->room; i++) {
		if (c->out[i] != 0x5a)
			ck_abort_msg("byte %zu was written", i);
	}
}
END_TEST

START_TEST(hostile_51_node_of_another_share)
{
	struct fuse_link_in arg = {.oldnodeid = id};
	struct client other;

	client_start(&other, FS_CACHE_AUTO, false);
	client_begin(&other, FUSE_LINK, FUSE_ROOT_ID);
	client_add(&other, &arg, sizeof(arg));
	client_add_text(&other, "stolen");
	ck_assert_int_eq(client_call(&other), -ESTALE);
	client_close(&other);
}
END_TEST

START_TEST(hostile_61_handle_of_another_inode)
{
	struct fuse_setattr_in arg = {.valid = FATTR_FH | FATTR_SIZE};
	uint64_t other;
	struct stat st;
	int err;

	other = client_create(c, "other", 0644, &arg.fh, &err);
	ck_assert_uint_ne(other, id);
	client_begin(c, FUSE_SETATTR, id);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), -EBADF);
	ck_assert_int_eq(stat(client_path(c, "f"), &st), 0);
	ck_assert_int_eq(st.st_size, 4);
}
END_TEST

static int set_xattr(const char *name, const char *value, uint32_t size)
{
	struct fuse_setxattr_in arg = {.size = size};

	client_begin(c, FUSE_SETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	client_add(c, value, size);
	return client_call(c);
}

static long get_xattr(uint32_t opcode, const char *name, uint32_t size)
{
	struct fuse_getxattr_in arg = {.size = size};
	int err;

	client_begin(c, opcode, id);
	client_add(c, &arg, sizeof(arg));
	if (name)
		client_add_text(c, name);
	err = client_call(c);
	return err ? err : (long)c->out_len;
}

/* What is whose: the host decides, and the guest is told what it says. */
START_TEST(hostile_65_namespaces)
{
	static const char *const names[] = {
		"trusted.a", "security.a", "security.capability",
		"system.a",  "plain",	   "user.",
		"user.a",    "\xff.\xff"};
	const char *twin;
	int want;

	client_make_file(c, "twin", "text");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		twin = client_path(c, "twin");
		want = setxattr(twin, names[i], "odd", 3, 0) ? -errno : 0;
		ck_assert_int_eq(set_xattr(names[i], "odd", 3), want);
	}
}
END_TEST

START_TEST(hostile_65_largest_value)
{
	struct fuse_setxattr_in arg = {.size = 65537};
	static char value[65536];
	struct stat before, after;
	int want;

	client_make_file(c, "twin", "text");
	want = setxattr(client_path(c, "twin"), "user.a", value, sizeof(value),
			0)
		       ? -errno
		       : 0;
	ck_assert_int_eq(set_xattr("user.a", value, sizeof(value)), want);
	stat(client_path(c, "f"), &before);
	/* The bytes are there; the size is beyond what can be. */
	client_begin(c, FUSE_SETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "user.b");
	client_add(c, value, sizeof(value));
	client_add(c, "x", 1);
	ck_assert_int_eq(client_call(c), -E2BIG);
	stat(client_path(c, "f"), &after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

START_TEST(hostile_66_changes_between_size_and_fetch)
{
	const struct fuse_getxattr_out *out;
	uint32_t list_len, value_len;

	ck_assert_int_eq(set_xattr("user.a", "1234", 4), 0);
	ck_assert_int_eq(get_xattr(FUSE_LISTXATTR, NULL, 0), sizeof(*out));
	out = client_reply(c, sizeof(*out));
	list_len = out->size;
	ck_assert_int_eq(get_xattr(FUSE_GETXATTR, "user.a", 0), sizeof(*out));
	out = client_reply(c, sizeof(*out));
	value_len = out->size;
	ck_assert_int_eq(setxattr(client_path(c, "f"), "user.a", "12345", 5, 0),
			 0);
	ck_assert_int_eq(setxattr(client_path(c, "f"), "user.b", "", 0, 0), 0);
	ck_assert_int_eq(get_xattr(FUSE_LISTXATTR, NULL, list_len), -ERANGE);
	ck_assert_int_eq(get_xattr(FUSE_GETXATTR, "user.a", value_len),
			 -ERANGE);
	ck_assert_int_ge(get_xattr(FUSE_LISTXATTR, NULL, UINT32_MAX), list_len);
	ck_assert_int_eq(get_xattr(FUSE_GETXATTR, "user.a", UINT32_MAX), 5);
	/* Gone meanwhile. */
	removexattr(client_path(c, "f"), "user.a");
	ck_assert_int_eq(get_xattr(FUSE_GETXATTR, "user.a", value_len),
			 -ENODATA);
}
END_TEST

START_TEST(hostile_70_forgotten_node)
{
	struct fuse_fsync_in sync = {0};

	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDWR, &sync.fh),
			 0);
	client_release(c, FUSE_RELEASE, id, sync.fh);
	client_forget(c, id, 1);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL),
			 -ESTALE);
	client_begin(c, FUSE_FSYNC, id);
	client_add(c, &sync, sizeof(sync));
	ck_assert_int_eq(client_call(c), -EBADF);
}
END_TEST

/* On the high priority queue: its thread may open nothing. */
START_TEST(only_forgets)
{
	c->worker.forgets = true;
	for (uint32_t opcode = FUSE_LOOKUP; opcode < 64; opcode++) {
		if (opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET ||
		    opcode == FUSE_INTERRUPT)
			continue;
		client_begin(c, opcode, FUSE_ROOT_ID);
		client_add_text(c, "f");
		ck_assert_int_eq(client_call(c), -ENOSYS);
	}
	client_forget(c, id, 1);
	c->worker.forgets = false;
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL),
			 -ESTALE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_hostile_session");
	TCase *t = tcase_create("fs_hostile_session");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, only_forgets);
	tcase_add_test(t, hostile_16_request_rewritten);
	tcase_add_test(t, hostile_32_readahead);
	tcase_add_test(t, hostile_35_unique);
	tcase_add_test(t, hostile_37_forget_with_room);
	tcase_add_test(t, hostile_51_node_of_another_share);
	tcase_add_test(t, hostile_61_handle_of_another_inode);
	tcase_add_test(t, hostile_65_namespaces);
	tcase_add_test(t, hostile_65_largest_value);
	tcase_add_test(t, hostile_66_changes_between_size_and_fetch);
	tcase_add_test(t, hostile_70_forgotten_node);
	suite_add_tcase(s, t);
	return client_run(s);
}
