/*
 * FUSE server: which facts each request changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs_versions.h"
#include "tests/unit/fs_window.h"

static struct client *const c = &vrig.one;
static struct client *const d = &vrig.two;

START_TEST(setattr_changes_the_file)
{
	struct fuse_setattr_in arg = {.valid = FATTR_MODE, .mode = 0600};
	struct told before = told_lookup(d, FUSE_ROOT_ID, "f");
	struct fuse_versions versions;
	uint64_t id = id_of("f");

	CHANGES(told_call(FUSE_SETATTR, id, &arg, sizeof(arg), NULL), 1,
		attr_of("f"));
	versions = told_end(c, sizeof(struct fuse_attr_out));
	ck_assert(attr_holds(&versions));
	ck_assert(!attr_holds(&before.versions));
	ck_assert(entry_holds(&before.versions));
	/* One that is refused changes nothing. */
	arg.valid = ~0U;
	versions_rig_mark();
	ck_assert_int_eq(told_call(FUSE_SETATTR, id, &arg, sizeof(arg), NULL),
			 -EINVAL);
	ck_assert(changed_are(0));
}
END_TEST

START_TEST(contents_are_the_file)
{
	struct fuse_write_in arg = {.size = 3};
	struct fuse_fallocate_in more = {.length = 100};
	struct fuse_copy_file_range_in copy = {.len = 2};
	uint64_t id = id_of("f"), from = id_of("g");

	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDWR, &arg.fh),
			 0);
	versions_rig_mark();
	ck_assert_int_eq(client_write(c, &arg, id, "new"), 3);
	ck_assert(changed_are(1, attr_of("f")));
	more.fh = arg.fh;
	CHANGES(told_call(FUSE_FALLOCATE, id, &more, sizeof(more), NULL), 1,
		attr_of("f"));
	ck_assert_int_eq(
		client_open_node(c, FUSE_OPEN, from, O_RDONLY, &copy.fh_in), 0);
	copy.fh_out = arg.fh;
	copy.nodeid_out = id;
	CHANGES(told_call(FUSE_COPY_FILE_RANGE, from, &copy, sizeof(copy),
			  NULL),
		1, attr_of("f"));
	versions_rig_mark();
	ck_assert_int_eq(client_read(c, id, arg.fh, 0, 10), 10);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, arg.fh), 0);
	ck_assert(changed_are(0));
}
END_TEST

START_TEST(open_changes_what_it_truncates)
{
	uint64_t id = id_of("f"), fh;

	CHANGES(client_open_node(c, FUSE_OPEN, id, O_RDWR, &fh), 0);
	CHANGES(client_open_node(c, FUSE_OPEN, id, O_RDWR | O_TRUNC, &fh), 1,
		attr_of("f"));
}
END_TEST

START_TEST(attributes_of_users_are_the_file)
{
	struct fuse_setxattr_in arg = {.size = 5};
	struct fuse_ioctl_in flags = {.cmd = FS_IOC_SETFLAGS,
				      .in_size = sizeof(uint32_t)};
	uint64_t id = id_of("f");
	uint32_t value;

	client_begin(c, FUSE_SETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "user.x");
	client_add(c, "value", 5);
	CHANGES(client_call(c), 1, attr_of("f"));
	CHANGES(client_simple(c, FUSE_REMOVEXATTR, id, "user.x", NULL), 1,
		attr_of("f"));
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, O_RDWR, &flags.fh),
			 0);
	flags.cmd = FS_IOC_GETFLAGS;
	flags.in_size = 0;
	flags.out_size = sizeof(value);
	versions_rig_mark();
	if (told_call(FUSE_IOCTL, id, &flags, sizeof(flags), NULL))
		return; /* not on this file system */
	ck_assert(changed_are(0));
	memcpy(&value,
	       (const char *)client_reply(c, sizeof(struct fuse_ioctl_out) +
						     sizeof(value)) +
		       sizeof(struct fuse_ioctl_out),
	       sizeof(value));
	flags.cmd = FS_IOC_SETFLAGS;
	flags.in_size = sizeof(value);
	flags.out_size = 0;
	client_begin(c, FUSE_IOCTL, id);
	client_add(c, &flags, sizeof(flags));
	client_add(c, &value, sizeof(value));
	CHANGES(client_call(c), 1, attr_of("f"));
}
END_TEST

/* What both guests have been told, and what still holds for them. */
static void made_is_told(struct told before, struct fuse_versions versions,
			 const char *name)
{
	ck_assert(!entry_holds(&before.versions));
	ck_assert(entry_holds(&versions));
	ck_assert(attr_holds(&versions));
	ck_assert_uint_eq(versions.entry_index, entry_of(".", name));
	ck_assert_uint_eq(versions.attr_index, attr_of(name));
}

START_TEST(made_files_change_name_and_directory)
{
	struct fuse_mkdir_in dir = {.mode = 0755};
	struct fuse_mknod_in node = {.mode = S_IFREG | 0644};
	struct told before = told_lookup(d, FUSE_ROOT_ID, "dir");

	CHANGES(told_call(FUSE_MKDIR, FUSE_ROOT_ID, &dir, sizeof(dir), "dir"),
		2, entry_of(".", "dir"), attr_of("."));
	made_is_told(before, told_end(c, sizeof(before.entry)), "dir");
	before = told_lookup(d, FUSE_ROOT_ID, "node");
	CHANGES(told_call(FUSE_MKNOD, FUSE_ROOT_ID, &node, sizeof(node),
			  "node"),
		2, entry_of(".", "node"), attr_of("."));
	made_is_told(before, told_end(c, sizeof(before.entry)), "node");
	before = told_lookup(d, FUSE_ROOT_ID, "link");
	CHANGES(client_simple(c, FUSE_SYMLINK, FUSE_ROOT_ID, "link", "to"), 2,
		entry_of(".", "link"), attr_of("."));
	made_is_told(before, told_end(c, sizeof(before.entry)), "link");
	versions_rig_mark();
	ck_assert_int_eq(
		told_call(FUSE_MKDIR, FUSE_ROOT_ID, &dir, sizeof(dir), "dir"),
		-EEXIST);
	ck_assert(changed_are(0));
}
END_TEST

START_TEST(create_changes_name_and_directory)
{
	struct fuse_create_in arg = {.flags = O_RDWR | O_CREAT, .mode = 0644};
	struct told before = told_lookup(d, FUSE_ROOT_ID, "new");
	size_t len = sizeof(before.entry) + sizeof(struct fuse_open_out);

	CHANGES(told_call(FUSE_CREATE, FUSE_ROOT_ID, &arg, sizeof(arg), "new"),
		2, entry_of(".", "new"), attr_of("."));
	made_is_told(before, told_end(c, len), "new");
	versions_rig_mark();
	ck_assert_int_eq(
		told_call(FUSE_CREATE, FUSE_ROOT_ID, &arg, sizeof(arg), "new"),
		-ESTALE);
	ck_assert(changed_are(0));
}
END_TEST

START_TEST(tmpfile_changes_nothing_until_it_has_a_name)
{
	struct fuse_create_in arg = {.flags = O_RDWR, .mode = 0644};
	struct fuse_link_in link = {0};
	struct fuse_entry_out entry;
	struct fuse_versions versions;

	CHANGES(told_call(FUSE_TMPFILE, FUSE_ROOT_ID, &arg, sizeof(arg), "/"),
		0);
	versions = told_end(c, sizeof(entry) + sizeof(struct fuse_open_out));
	memcpy(&entry,
	       client_reply(c, sizeof(entry) + sizeof(struct fuse_open_out) +
				       sizeof(versions)),
	       sizeof(entry));
	ck_assert_uint_eq(versions.entry_index, 0);
	ck_assert(attr_holds(&versions));
	link.oldnodeid = entry.nodeid;
	CHANGES(told_call(FUSE_LINK, FUSE_ROOT_ID, &link, sizeof(link), "new"),
		3, entry_of(".", "new"), attr_of("."), attr_of("new"));
	ck_assert(!attr_holds(&versions));
}
END_TEST

START_TEST(link_changes_the_file_too)
{
	struct fuse_link_in arg = {.oldnodeid = id_of("f")};
	struct told before = told_lookup(d, FUSE_ROOT_ID, "new");

	CHANGES(told_call(FUSE_LINK, FUSE_ROOT_ID, &arg, sizeof(arg), "new"), 3,
		entry_of(".", "new"), attr_of("."), attr_of("f"));
	made_is_told(before, told_end(c, sizeof(before.entry)), "new");
}
END_TEST

/* Victims are told of, whether the guest knows them or not. */
START_TEST(removed_names_change_their_files)
{
	uint32_t file = attr_of("f"), dir = attr_of("sub");
	struct told told;

	CHANGES(client_simple(c, FUSE_UNLINK, FUSE_ROOT_ID, "f", NULL), 3,
		entry_of(".", "f"), attr_of("."), file);
	CHANGES(client_simple(c, FUSE_RMDIR, FUSE_ROOT_ID, "sub", NULL), 3,
		entry_of(".", "sub"), attr_of("."), dir);
	told = told_lookup(d, FUSE_ROOT_ID, "g");
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, FUSE_ROOT_ID, "g", NULL),
			 0);
	ck_assert(!entry_holds(&told.versions));
	ck_assert(!attr_holds(&told.versions));
	versions_rig_mark();
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, FUSE_ROOT_ID, "g", NULL),
			 -ENOENT);
	ck_assert(changed_are(0));
}
END_TEST

START_TEST(rename_changes_both_sides)
{
	struct fuse_rename2_in arg = {.newdir = id_of("sub")};
	uint32_t replaced;

	client_make_file(c, "sub/old", "text");
	replaced = attr_of("sub/old");
	client_begin(c, FUSE_RENAME2, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "f");
	client_add_text(c, "old");
	CHANGES(client_call(c), 6, entry_of(".", "f"), entry_of("sub", "old"),
		attr_of("."), attr_of("sub"), attr_of("sub/old"), replaced);
	arg.flags = RENAME_EXCHANGE;
	client_begin(c, FUSE_RENAME2, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "g");
	client_add_text(c, "old");
	CHANGES(client_call(c), 6, entry_of(".", "g"), entry_of("sub", "old"),
		attr_of("."), attr_of("sub"), attr_of("sub/old"), attr_of("g"));
	versions_rig_mark();
	client_begin(c, FUSE_RENAME2, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "absent");
	client_add_text(c, "old");
	ck_assert_int_eq(client_call(c), -ENOENT);
	ck_assert(changed_are(0));
}
END_TEST

/* A server with a window, of the same directory. */
static void serve_window(struct client *w)
{
	const struct fs_config config = {
		FS_DEFAULTS,
		.root_fd = c->dir_fd,
		.cache = FS_CACHE_SHARED,
		.versions = &vrig.table,
		.window = mmap(NULL, 16 * PAGE, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		.dax_len = 16 * PAGE,
		.dax_max = 16,
	};

	client_serve(w, &config);
	ck_assert_int_eq(client_init(w, ~0ULL), 0);
}

static unsigned int hot(const char *name)
{
	return vrig.table.count[attr_of(name)] >> VERSIONS_HOT_SHIFT;
}

START_TEST(mapped_for_writing_is_hot)
{
	struct told before = told_lookup(d, FUSE_ROOT_ID, "f"), told;
	struct client w;
	uint64_t id;

	serve_window(&w);
	id = told_lookup(&w, FUSE_ROOT_ID, "f").entry.nodeid;
	ck_assert_int_eq(window_map_bytes(&w, id, 0, PAGE, 0, READ), 0);
	ck_assert_uint_eq(hot("f"), 0);
	ck_assert(attr_holds(&before.versions));
	ck_assert_int_eq(window_map_bytes(&w, id, 0, PAGE, 0, READ | WRITE), 0);
	ck_assert_int_eq(window_map_bytes(&w, id, PAGE, PAGE, 0, READ | WRITE),
			 0);
	ck_assert_uint_eq(hot("f"), 1);
	ck_assert_uint_eq(hot("g"), 0);
	/* What is told meanwhile is never good. */
	told = told_lookup(d, FUSE_ROOT_ID, "f");
	ck_assert(!attr_holds(&told.versions));
	ck_assert(entry_holds(&told.versions));
	ck_assert_int_eq(window_unmap_bytes(&w, 0, PAGE), 0);
	ck_assert_uint_eq(hot("f"), 1);
	ck_assert_int_eq(window_unmap_bytes(&w, PAGE, PAGE), 0);
	ck_assert_uint_eq(hot("f"), 0);
	ck_assert(!attr_holds(&before.versions));
	ck_assert(!attr_holds(&told.versions));
	told = told_lookup(d, FUSE_ROOT_ID, "f");
	ck_assert(attr_holds(&told.versions));
	client_unserve(&w);
}
END_TEST

START_TEST(hot_ends_with_the_session_and_the_server)
{
	struct client w;
	uint64_t id;

	serve_window(&w);
	for (int i = 0; i < 2; i++) {
		id = told_lookup(&w, FUSE_ROOT_ID, "f").entry.nodeid;
		ck_assert_int_eq(window_map_bytes(&w, id, 0, PAGE, 0, WRITE),
				 0);
		ck_assert_uint_eq(hot("f"), 1);
		if (i)
			break;
		ck_assert_int_eq(client_init(&w, ~0ULL), 0);
		ck_assert_uint_eq(hot("f"), 0);
	}
	client_unserve(&w);
	ck_assert_uint_eq(hot("f"), 0);
}
END_TEST

/* A mapping that is refused leaves nothing behind. */
START_TEST(what_is_not_mapped_is_not_hot)
{
	struct client w;
	uint64_t id;

	serve_window(&w);
	id = told_lookup(&w, FUSE_ROOT_ID, "f").entry.nodeid;
	versions_rig_mark();
	ck_assert_int_eq(window_map_bytes(&w, id, 0, 17 * PAGE, 0, WRITE),
			 -EINVAL);
	ck_assert(changed_are(0));
	ck_assert_int_ne(window_map_bytes(&w, id, 1, PAGE, 0, WRITE), 0);
	ck_assert_uint_eq(hot("f"), 0);
	client_unserve(&w);
}
END_TEST

/* Whatever is not told to change something does not. */
START_TEST(questions_change_nothing)
{
	struct fuse_getxattr_in arg = {.size = 100};
	uint64_t id = id_of("f");

	versions_rig_mark();
	told_lookup(c, FUSE_ROOT_ID, "g");
	told_getattr(c, id);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL), 0);
	ck_assert_int_eq(told_call(FUSE_LISTXATTR, id, &arg, sizeof(arg), NULL),
			 0);
	client_forget(c, id, 2);
	ck_assert(changed_are(0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_changes");
	TCase *tc = tcase_create("changes");

	tcase_add_checked_fixture(tc, versions_rig_fill, versions_rig_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, setattr_changes_the_file);
	tcase_add_test(tc, contents_are_the_file);
	tcase_add_test(tc, open_changes_what_it_truncates);
	tcase_add_test(tc, attributes_of_users_are_the_file);
	tcase_add_test(tc, made_files_change_name_and_directory);
	tcase_add_test(tc, create_changes_name_and_directory);
	tcase_add_test(tc, tmpfile_changes_nothing_until_it_has_a_name);
	tcase_add_test(tc, link_changes_the_file_too);
	tcase_add_test(tc, removed_names_change_their_files);
	tcase_add_test(tc, rename_changes_both_sides);
	tcase_add_test(tc, mapped_for_writing_is_hot);
	tcase_add_test(tc, hot_ends_with_the_session_and_the_server);
	tcase_add_test(tc, what_is_not_mapped_is_not_hot);
	tcase_add_test(tc, questions_change_nothing);
	suite_add_tcase(suite, tc);
	return client_run(suite);
}
