/*
 * FUSE server: host file pages in a window, and what happens to them when files
 * change.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "devices/fs/inode_room.h"
#include "tests/unit/fs_window.h"
#include "vmm/base/bits.h"

static struct client *const c = &rig.client;

START_TEST(a_file_is_seen_and_written)
{
	struct stat st;
	char byte;
	int fd;

	ck_assert_int_eq(window_map(rig.node, 4, 8, 0, READ), 0);
	ck_assert_str_eq(window_shown(13), "....abcdefgh.");
	ck_assert(!window_poke(4, 0, 'x'));
	ck_assert_int_eq(window_map(rig.node, 4, 8, 0, READ | WRITE), 0);
	ck_assert(window_poke(5, 1, 'x'));
	fd = openat(c->dir_fd, "f", O_RDWR);
	ck_assert_int_eq(pread(fd, &byte, 1, PAGE + 1), 1);
	ck_assert_int_eq(byte, 'x');
	ck_assert_int_eq(pwrite(fd, "y", 1, 0), 1);
	close(fd);
	ck_assert_int_eq(window_peek(4, 0), 'y');
	ck_assert_int_eq(fstatat(c->dir_fd, "f", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 8 * PAGE);
	ck_assert_int_eq(window_unmap(4, 8), 0);
	ck_assert_str_eq(window_shown(13), ".............");
}
END_TEST

START_TEST(replaced_to_the_page)
{
	uint64_t other;

	window_make_pages("g", 'A', 8);
	other = window_lookup("g");
	ck_assert_int_eq(window_map(rig.node, 0, 8, 0, READ), 0);
	ck_assert_int_eq(window_map(other, 2, 3, 5, READ), 0);
	ck_assert_str_eq(window_shown(9), "abFGHfgh.");
	ck_assert_int_eq(window_map(rig.node, 4, 2, 0, READ), 0);
	ck_assert_str_eq(window_shown(9), "abFGabgh.");
	ck_assert_int_eq(window_unmap(1, 2), 0);
	ck_assert_str_eq(window_shown(9), "a..Gabgh.");
	ck_assert_int_eq(window_unmap(0, WINDOW_PAGES), 0);
	ck_assert_str_eq(window_shown(9), ".........");
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
}
END_TEST

START_TEST(a_part_becomes_writable)
{
	ck_assert_int_eq(window_map(rig.node, 0, 4, 0, READ), 0);
	ck_assert_int_eq(window_map(rig.node, 1, 2, 1, WRITE), 0);
	ck_assert(!window_poke(0, 0, 'x') && !window_poke(3, 0, 'x'));
	ck_assert(window_poke(1, 0, 'x') && window_poke(2, 0, 'x'));
	ck_assert_str_eq(window_shown(5), "axxd.");
}
END_TEST

START_TEST(many_ranges_in_one_request)
{
	ck_assert_int_eq(window_map(rig.node, 0, 8, 0, READ), 0);
	window_begin_unmap(c, 4);
	window_add_range(c, 3 * PAGE, PAGE);
	window_add_range(c, 4 * PAGE, PAGE); /* behind */
	window_add_range(c, 2 * PAGE, PAGE); /* before */
	window_add_range(c, 7 * PAGE, PAGE); /* apart */
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_str_eq(window_shown(9), "ab...fg..");
	/* Nothing there is as good. */
	ck_assert_int_eq(window_unmap(20, 4), 0);
}
END_TEST

START_TEST(nothing_behind_the_end_until_it_grows)
{
	struct fuse_write_in arg = {.offset = 3 * PAGE, .size = 1};
	uint64_t id, fh;
	int err;

	window_make_pages("g", 'A', 3);
	id = window_lookup("g");
	ck_assert_int_eq(window_map(id, 0, 8, 0, READ), 0);
	ck_assert_str_eq(window_shown(8), "ABC.....");
	err = client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh);
	ck_assert_int_eq(err, 0);
	arg.fh = fh;
	/* What the guest was told, it sees. */
	ck_assert_int_eq(client_write(c, &arg, id, "D"), 1);
	ck_assert_str_eq(window_shown(4), "ABCD");
	/* From now on growth needs no message. */
	window_make_pages("g", 'A', 8);
	ck_assert_str_eq(window_shown(8), "ABCDEFGH");
}
END_TEST

START_TEST(grown_by_the_host)
{
	struct fuse_getattr_in arg = {0};
	uint64_t id;

	window_make_pages("g", 'A', 1);
	id = window_lookup("g");
	ck_assert_int_eq(window_map(id, 0, 4, 0, READ), 0);
	window_make_pages("g", 'A', 2);
	client_begin(c, FUSE_GETATTR, id);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_str_eq(window_shown(2), "AB");
	window_truncate("g", PAGE);
	ck_assert_str_eq(window_shown(4), "A000");
	window_make_pages("g", 'A', 3);
	window_lookup("g");
	ck_assert_str_eq(window_shown(3), "ABC");
}
END_TEST

START_TEST(shrunk_by_the_host)
{
	uint64_t other;

	window_make_pages("g", 'A', 8);
	other = window_lookup("g");
	ck_assert_int_eq(window_map(rig.node, 0, 8, 0, WRITE), 0);
	ck_assert_int_eq(window_map(other, 8, 8, 0, READ), 0);
	window_truncate("f", 3 * PAGE + 1);
	ck_assert_str_eq(window_shown(17), "abcd0000ABCDEFGH.");
	ck_assert_int_eq(window_peek(3, 1), 0);
	/* What a guest that knows nothing of it writes is lost. */
	ck_assert(window_poke(5, 0, 'x'));
	window_truncate("f", 8 * PAGE);
	ck_assert_str_eq(window_shown(8), "abcd0000");
	ck_assert_int_eq(window_peek(5, 0), 0);
	ck_assert(window_poke(5, 0, 'y'));
	window_truncate("f", 0);
	ck_assert_str_eq(window_shown(17), "00000000ABCDEFGH.");
	window_check_no_hole();
}
END_TEST

START_TEST(empty_files_and_files_without_names)
{
	uint64_t fh, id;
	int err;

	id = client_create(c, "empty", 0644, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(window_map(id, 0, 4, 0, READ | WRITE), 0);
	ck_assert_str_eq(window_shown(4), "....");
	ck_assert_int_eq(window_map(rig.node, 4, 4, 0, READ), 0);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, FUSE_ROOT_ID, "f", NULL),
			 0);
	ck_assert_str_eq(window_shown(8), "....abcd");
	ck_assert_int_eq(window_map(rig.node, 8, 4, 4, READ), 0);
	ck_assert_str_eq(window_shown(12), "....abcdefgh");
}
END_TEST

START_TEST(nothing_is_left_behind)
{
	int files = count_open_files();

	ck_assert_int_eq(window_map(rig.node, 0, 4, 0, READ), 0);
	ck_assert_int_gt(count_open_files(), files);
	ck_assert_int_eq(window_map(rig.node, 4, 4, 0, WRITE), 0);
	/* FORGET does not pull pages from under the guest. */
	client_forget(c, rig.node, 1);
	ck_assert_str_eq(window_shown(9), "abcdabcd.");
	ck_assert_int_eq(window_unmap(0, 8), 0);
	ck_assert_int_le(count_open_files(), files);
	rig.node = window_lookup("f");
	ck_assert_int_eq(window_map(rig.node, 0, 4, 0, READ), 0);
	fs_reset(c->fs);
	ck_assert_str_eq(window_shown(5), ".....");
	ck_assert_uint_eq(c->fs->dax.file_cnt, 0);
	ck_assert_int_le(count_open_files(), files);
	window_check_no_hole();
}
END_TEST

/* Attributes in the reply to LOOKUP; the node id goes to *@id. */
static uint32_t flags_of(const char *name, uint64_t *id)
{
	const struct fuse_entry_out *entry;

	*id = window_lookup(name);
	entry = client_reply(c, sizeof(*entry));
	return entry->attr.flags;
}

static const struct fuse_attr *attr_by_id(uint64_t id)
{
	struct fuse_getattr_in arg = {0};
	const struct fuse_attr_out *out;

	client_begin(c, FUSE_GETATTR, id);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	out = client_reply(c, sizeof(*out));
	return &out->attr;
}

START_TEST(so_many_files_are_offered_as_fit)
{
	uint64_t small, a, b, d;

	client_make_file(c, "small", "text");
	for (const char *name = "abd"; *name; name++)
		window_make_pages((char[]){*name, '\0'}, 'A', 2);
	c->fs->inodes.room = 2;
	ck_assert_uint_eq(flags_of("small", &small), 0);
	ck_assert_uint_eq(flags_of("a", &a), FUSE_ATTR_DAX);
	ck_assert_uint_eq(flags_of("b", &b), FUSE_ATTR_DAX);
	ck_assert_uint_eq(flags_of("d", &d), 0);
	/* The answer stays the same: by name, by id, whatever the size. */
	window_make_pages("small", 'A', 2);
	ck_assert_int_eq(truncate(client_path(c, "a"), 1), 0);
	ck_assert_uint_eq(flags_of("small", &small), 0);
	ck_assert_uint_eq(attr_by_id(a)->flags, FUSE_ATTR_DAX);
	ck_assert_uint_eq(attr_by_id(d)->flags, 0);
	client_forget(c, a, 1);
	ck_assert_uint_eq(flags_of("d", &d), 0);
	/* Room that was given back is somebody else's. */
	client_forget(c, d, 2);
	ck_assert_uint_eq(flags_of("d", &d), FUSE_ATTR_DAX);
	window_make_pages("a", 'A', 2);
	ck_assert_uint_eq(flags_of("a", &a), 0);
	/* A guest that does not ask for it hears nothing of it. */
	ck_assert_int_eq(client_init(c, ~FUSE_HAS_INODE_DAX), 0);
	ck_assert_uint_eq(c->fs->inodes.room, 2);
	ck_assert_uint_eq(flags_of("b", &b), 0);
	ck_assert_int_eq(client_init(c, ~(uint64_t)FUSE_MAP_ALIGNMENT), 0);
	rig.node = window_lookup("f");
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, READ), -ENOSYS);
	ck_assert_int_eq(window_unmap(0, 1), -ENOSYS);
}
END_TEST

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(c->dir_fd, name, &st, 0), 0);
	return st.st_mode & 07777;
}

/* Programs that run as their owner are not changed without a message. */
START_TEST(set_id_bits)
{
	uint64_t id;

	c->fs->inodes.room = 2;
	window_make_pages("program", 'A', 2);
	ck_assert_int_eq(fchmodat(c->dir_fd, "program", 06711, 0), 0);
	ck_assert_uint_eq(flags_of("program", &id), 0);
	/* One that is mapped all the same loses them, but not by root. */
	c->uid = 0;
	ck_assert_int_eq(window_map(id, 0, 2, 0, READ | WRITE), 0);
	ck_assert_uint_eq(mode_of("program"), 06711);
	c->uid = 1000;
	ck_assert_int_eq(window_map(id, 0, 2, 0, READ), 0);
	ck_assert_uint_eq(mode_of("program"), 06711);
	ck_assert_int_eq(window_map(id, 0, 2, 0, READ | WRITE), 0);
	ck_assert_uint_eq(mode_of("program"), 0711);
	/* Without a right to execute, the second one means something else. */
	ck_assert_int_eq(fchmodat(c->dir_fd, "program", 06701, 0), 0);
	ck_assert_int_eq(window_map(id, 0, 2, 0, WRITE), 0);
	ck_assert_uint_eq(mode_of("program"), 02701);
}
END_TEST

/* So it is with bits that the host does not know. */
START_TEST(set_id_bits_in_attributes)
{
	const char *attribute = "user.containers.override_stat";
	uint64_t id;

	c->fs->owner = FS_OWNER_XATTR;
	c->fs->inodes.room = 2;
	window_make_pages("program", 'A', 2);
	ck_assert_int_eq(setxattr(client_path(c, "program"), attribute,
				  "1:2:04711", 9, 0),
			 0);
	ck_assert_uint_eq(flags_of("program", &id), 0);
	c->uid = 1000;
	ck_assert_int_eq(window_map(id, 0, 2, 0, READ), 0);
	ck_assert_uint_eq(attr_by_id(id)->mode, S_IFREG | 04711);
	ck_assert_int_eq(window_map(id, 0, 2, 0, READ | WRITE), 0);
	ck_assert_uint_eq(attr_by_id(id)->mode, S_IFREG | 0711);
	ck_assert_uint_eq(mode_of("program"), 0711);
	/* Then it can be mapped when it is met again. */
	ck_assert_int_eq(window_unmap(0, 2), 0);
	client_forget(c, id, 1);
	ck_assert_uint_eq(flags_of("program", &id), FUSE_ATTR_DAX);
}
END_TEST

START_TEST(room_in_windows)
{
	ck_assert_uint_eq(inode_room_of(c->dir_fd, 0), 0);
	ck_assert_uint_eq(inode_room_of(c->dir_fd, 2 << 20), 0);
	ck_assert_uint_eq(inode_room_of(c->dir_fd, 1 << 30), 409);
	ck_assert_uint_eq(inode_room_of(c->dir_fd, UINT64_MAX), UINT32_MAX);
	ck_assert_uint_eq(inode_room_of(-1, 1 << 30), 0);
}
END_TEST

START_TEST(without_a_window)
{
	client_unserve(c);
	client_serve(c, &(struct fs_config){FS_DEFAULTS, .root_fd = c->dir_fd});
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	rig.node = window_lookup("f");
	ck_assert_int_eq(window_map(rig.node, 0, 1, 0, READ), -ENOSYS);
	ck_assert_int_eq(window_unmap(0, 1), -ENOSYS);
	ck_assert_uint_eq(dax_repair(&c->fs->dax), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs-dax");
	TCase *t = tcase_create("maps");

	tcase_add_checked_fixture(t, window_setup, window_teardown);
	tcase_add_test(t, a_file_is_seen_and_written);
	tcase_add_test(t, replaced_to_the_page);
	tcase_add_test(t, a_part_becomes_writable);
	tcase_add_test(t, many_ranges_in_one_request);
	tcase_add_test(t, nothing_behind_the_end_until_it_grows);
	tcase_add_test(t, grown_by_the_host);
	tcase_add_test(t, shrunk_by_the_host);
	tcase_add_test(t, empty_files_and_files_without_names);
	tcase_add_test(t, nothing_is_left_behind);
	tcase_add_test(t, so_many_files_are_offered_as_fit);
	tcase_add_test(t, set_id_bits);
	tcase_add_test(t, set_id_bits_in_attributes);
	tcase_add_test(t, room_in_windows);
	tcase_add_test(t, without_a_window);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
