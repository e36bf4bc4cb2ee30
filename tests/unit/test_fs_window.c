/*
 * FUSE server: requests and replies that lie in a window, in part or as a
 * whole. The server may let the kernel touch that memory, and nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

enum {
	PAGE = 4096,
	FRONT_LEN = 4 * PAGE,
	WINDOW_LEN = 4 * PAGE,
	HEADER = sizeof(struct fuse_in_header),
	REPLY_HEADER = sizeof(struct fuse_out_header),
};

/** struct place - Memory, and a window behind it */
struct place {
	char *map;
	char *window;
};

static struct client client;
static struct client *const c = &client;
static uint64_t id, fh; /* of a file that is open for reading and writing */
static struct place in, out;

static void place_init(struct place *p)
{
	p->map = mmap(NULL, FRONT_LEN + WINDOW_LEN, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(p->map != MAP_FAILED);
	p->window = p->map + FRONT_LEN;
	ck_assert_int_eq(mprotect(p->window, WINDOW_LEN, PROT_NONE), 0);
}

static void setup(void)
{
	int err;

	client_start(c, FS_CACHE_AUTO, false);
	id = client_create(c, "f", 0644, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(pwrite(open(client_path(c, "f"), O_WRONLY),
				"0123456789", 10, 0),
			 10);
	place_init(&in);
	place_init(&out);
}

static void teardown(void)
{
	munmap(in.map, FRONT_LEN + WINDOW_LEN);
	munmap(out.map, FRONT_LEN + WINDOW_LEN);
	client_close(c);
}

/* Send the request that was built with only its first @in_solid bytes outside
 * of the window, and likewise with a room of @room bytes.
 *
 * Return: 0 or a negative errno as the reply has it, or CLIENT_NO_REPLY
 */
static int call(size_t in_solid, size_t room, size_t out_solid)
{
	struct iovec from[2], to[2];
	struct iov_cursor in_at, out_at;
	struct fuse_out_header header;
	size_t len;

	in_solid = MIN(in_solid, c->in_len);
	out_solid = MIN(out_solid, room);
	client_header(c)->len = c->in_len;
	memcpy(in.window - in_solid, c->in, in_solid);
	memset(out.window - out_solid, 0x5a, out_solid);
	from[0] = (struct iovec){in.window - in_solid, in_solid};
	from[1] = (struct iovec){in.window, c->in_len - in_solid};
	to[0] = (struct iovec){out.window - out_solid, out_solid};
	to[1] = (struct iovec){out.window, room - out_solid};
	iov_init(&in_at, from, 2);
	iov_init(&out_at, to, 2);
	iov_limit_solid(&in_at, in_solid);
	iov_limit_solid(&out_at, out_solid);
	len = fs_serve(c->fs, &c->worker, &in_at, &out_at);
	ck_assert_uint_le(len, room);
	if (!len)
		return CLIENT_NO_REPLY;
	ck_assert_uint_ge(out_solid, sizeof(header));
	memcpy(&header, out.window - out_solid, sizeof(header));
	ck_assert_uint_eq(header.len, len);
	c->out_len = len - sizeof(header);
	return header.error;
}

static void begin_create(const char *name)
{
	struct fuse_create_in arg = {.flags = O_RDWR, .mode = S_IFREG | 0644};

	client_begin(c, FUSE_CREATE, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
}

static void begin_setxattr(void)
{
	struct fuse_setxattr_in arg = {.size = 5};

	client_begin(c, FUSE_SETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "user.a");
	client_add(c, "value", 5);
}

static void begin_write(uint32_t len)
{
	struct fuse_write_in arg = {.fh = fh, .size = len};
	char data[WINDOW_LEN];

	memset(data, 'w', sizeof(data));
	client_begin(c, FUSE_WRITE, id);
	client_add(c, &arg, sizeof(arg));
	client_add(c, data, len);
}

static void begin_read(uint32_t len)
{
	struct fuse_read_in arg = {.fh = fh, .size = len};

	client_begin(c, FUSE_READ, id);
	client_add(c, &arg, sizeof(arg));
}

static bool exists(const char *name)
{
	return access(client_path(c, name), F_OK) == 0;
}

/* What the test is made of works as long as nothing is in a window. */
START_TEST(control)
{
	begin_create("new");
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	ck_assert(exists("new"));
	begin_setxattr();
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	ck_assert_int_eq(getxattr(client_path(c, "f"), "user.a", NULL, 0), 5);
	begin_write(3);
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	begin_read(100);
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	ck_assert_uint_eq(c->out_len, 10);
	ck_assert_mem_eq(out.window - PAGE + REPLY_HEADER, "www3456789", 10);
}
END_TEST

START_TEST(hostile_09_header_in_window)
{
	begin_create("new");
	for (size_t n = 0; n < HEADER; n++)
		ck_assert_int_eq(call(n, PAGE, PAGE), CLIENT_NO_REPLY);
	for (size_t n = 0; n < REPLY_HEADER; n++)
		ck_assert_int_eq(call(PAGE, PAGE, n), CLIENT_NO_REPLY);
	begin_read(10);
	for (size_t n = 0; n < HEADER; n++)
		ck_assert_int_eq(call(n, PAGE, PAGE), CLIENT_NO_REPLY);
	for (size_t n = 0; n < REPLY_HEADER; n++)
		ck_assert_int_eq(call(PAGE, PAGE, n), CLIENT_NO_REPLY);
	ck_assert(!exists("new"));
}
END_TEST

/* What cannot be read is not taken for what came before, either. */
START_TEST(hostile_09_arguments_in_window)
{
	begin_create("new");
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	ck_assert_int_eq(unlink(client_path(c, "new")), 0);
	for (size_t n = HEADER; n < c->in_len; n++)
		ck_assert_int_eq(call(n, PAGE, PAGE), -EINVAL);
	ck_assert(!exists("new"));
	begin_setxattr();
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	ck_assert_int_eq(removexattr(client_path(c, "f"), "user.a"), 0);
	for (size_t n = HEADER; n < c->in_len; n++)
		ck_assert_int_eq(call(n, PAGE, PAGE), -EINVAL);
	ck_assert_int_eq(getxattr(client_path(c, "f"), "user.a", NULL, 0), -1);
	begin_read(10);
	for (size_t n = HEADER; n < c->in_len; n++)
		ck_assert_int_eq(call(n, PAGE, PAGE), -EINVAL);
	begin_write(10);
	for (size_t n = HEADER; n < HEADER + sizeof(struct fuse_write_in); n++)
		ck_assert_int_eq(call(n, PAGE, PAGE), -EINVAL);
}
END_TEST

/* There is no answer for what cannot be answered, and no effect either. */
START_TEST(hostile_09_reply_in_window)
{
	const size_t created = REPLY_HEADER + sizeof(struct fuse_entry_out) +
			       sizeof(struct fuse_open_out);
	const size_t written = REPLY_HEADER + sizeof(struct fuse_write_out);
	struct stat st;

	begin_create("new");
	for (size_t n = REPLY_HEADER; n < created; n++)
		ck_assert_int_eq(call(PAGE, PAGE, n), -EINVAL);
	ck_assert(!exists("new"));
	ck_assert_int_eq(call(PAGE, PAGE, created), 0);
	begin_write(100);
	for (size_t n = REPLY_HEADER; n < written; n++)
		ck_assert_int_eq(call(PAGE, PAGE, n), -EINVAL);
	ck_assert_int_eq(stat(client_path(c, "f"), &st), 0);
	ck_assert_int_eq(st.st_size, 10);
	ck_assert_int_eq(call(PAGE, PAGE, written), 0);
}
END_TEST

/* Each entry of a directory that has arrived is whole. */
static void check_entries(const char *reply, bool plus)
{
	size_t head = plus ? sizeof(struct fuse_entry_out) : 0;
	size_t at = 0;

	while (at < c->out_len) {
		const struct fuse_dirent *entry =
			(const void *)(reply + at + head);

		ck_assert_uint_le(entry->namelen, 2);
		ck_assert(entry->name[0] == '.' || entry->name[0] == 'f');
		at += head + FUSE_DIRENT_SIZE(entry);
	}
	ck_assert_uint_eq(at, c->out_len);
}

/* Directories: as many entries as fit before the window, no more. */
START_TEST(hostile_09_entries_in_window)
{
	struct fuse_read_in arg = {.size = 2 * PAGE};
	uint64_t dir;

	ck_assert_int_eq(
		client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID, O_RDONLY, &dir),
		0);
	arg.fh = dir;
	for (size_t n = REPLY_HEADER; n < PAGE; n += 8) {
		client_begin(c, _i ? FUSE_READDIRPLUS : FUSE_READDIR,
			     FUSE_ROOT_ID);
		client_add(c, &arg, sizeof(arg));
		if (call(PAGE, 2 * PAGE, n)) {
			ck_assert_uint_lt(n, 256);
			continue;
		}
		ck_assert_uint_le(REPLY_HEADER + c->out_len, n);
		check_entries(out.window - n + REPLY_HEADER, _i);
	}
}
END_TEST

/* Contents may be there: where there is something, they arrive; where there is
 * nothing, or not any more, the guest is told.
 */
START_TEST(hostile_09_content_in_window)
{
	const size_t front = HEADER + sizeof(struct fuse_write_in);
	int fd = memfd_create("mapped", MFD_CLOEXEC);

	begin_write(PAGE + 5);
	ck_assert_int_eq(call(front, PAGE, PAGE), -EFAULT);
	begin_read(10);
	ck_assert_int_eq(call(PAGE, PAGE, REPLY_HEADER), -EFAULT);

	ck_assert_int_eq(ftruncate(fd, WINDOW_LEN), 0);
	ck_assert(mmap(out.window, WINDOW_LEN, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 0) == out.window);
	ck_assert(mmap(in.window, WINDOW_LEN, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 0) == in.window);
	begin_read(10);
	ck_assert_int_eq(call(PAGE, PAGE, REPLY_HEADER), 0);
	ck_assert_uint_eq(c->out_len, 10);
	ck_assert_mem_eq(out.window, "0123456789", 10);
	ck_assert_int_eq(call(PAGE, PAGE, REPLY_HEADER + 3), 0);
	ck_assert_mem_eq(out.window, "3456789789", 10);
	begin_write(PAGE + 5);
	ck_assert_int_eq(call(front, PAGE, PAGE), 0);
	begin_read(3);
	ck_assert_int_eq(call(PAGE, PAGE, PAGE), 0);
	ck_assert_mem_eq(out.window - PAGE + REPLY_HEADER, "345", 3);

	/* The host cuts the file that is mapped there. */
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	begin_read(10);
	ck_assert_int_eq(call(PAGE, PAGE, REPLY_HEADER), -EFAULT);
	begin_write(PAGE + 5);
	ck_assert_int_eq(call(front, PAGE, PAGE), -EFAULT);
	close(fd);
}
END_TEST

/* Whatever the operation and wherever the window begins: nobody gets there. */
START_TEST(hostile_09_every_operation)
{
	for (size_t n = 0; n < 160; n += 8) {
		char body[256] = {0};

		memcpy(body, &fh, sizeof(fh));
		client_begin(c, _i, id);
		client_add(c, body, sizeof(body));
		call(n, PAGE, PAGE);
		client_begin(c, _i, id);
		client_add(c, body, sizeof(body));
		call(PAGE, PAGE, n);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_window");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, control);
	tcase_add_test(tcase, hostile_09_header_in_window);
	tcase_add_test(tcase, hostile_09_arguments_in_window);
	tcase_add_test(tcase, hostile_09_reply_in_window);
	tcase_add_loop_test(tcase, hostile_09_entries_in_window, 0, 2);
	tcase_add_test(tcase, hostile_09_content_in_window);
	tcase_add_loop_test(tcase, hostile_09_every_operation, 0, 64);
	return client_run(suite);
}
