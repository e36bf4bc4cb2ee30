/*
 * FUSE server: what a guest adds to requests that make files: labels and
 * groups, well formed or not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "devices/fs/fuse_abi.h"
#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

enum { GROUP = 4321, USER = 1234, EXT_MAX = 70000 };

static struct client client;
static struct client *const c = &client;
static char ext[EXT_MAX];
static size_t ext_len;

static void setup(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	ext_len = 0;
}

static void teardown(void)
{
	client_close(c);
}

static void add(const void *data, size_t len)
{
	memcpy(ext + ext_len, data, len);
	ext_len += len;
}

static void add_numbers(uint32_t first, uint32_t second)
{
	add(&first, sizeof(first));
	add(&second, sizeof(second));
}

static void pad(void)
{
	while (ext_len % 8)
		ext[ext_len++] = 0;
}

/* A label as Linux sends it. */
static void add_label(const char *name, const char *value, uint32_t value_len)
{
	size_t name_len = strlen(name) + 1;
	size_t len = 16 + name_len + value_len;

	add_numbers(FUSE_DIRENT_ALIGN(len), 1);
	add_numbers(value_len, 0);
	add(name, name_len);
	add(value, value_len);
	pad();
}

static void add_groups(uint32_t cnt, uint32_t claimed, uint32_t group)
{
	add_numbers(FUSE_DIRENT_ALIGN(12 + 4 * cnt), FUSE_EXT_GROUPS);
	add(&claimed, sizeof(claimed));
	while (cnt--)
		add(&group, sizeof(group));
	pad();
}

static int make(uint32_t opcode, const void *arg, size_t len, const char *name,
		const char *target)
{
	client_begin(c, opcode, FUSE_ROOT_ID);
	client_add(c, arg, len);
	client_add_text(c, name);
	if (target)
		client_add_text(c, target);
	client_add(c, ext, ext_len);
	return client_call(c);
}

static int make_dir(const char *name)
{
	struct fuse_mkdir_in arg = {.mode = 0755};

	return make(FUSE_MKDIR, &arg, sizeof(arg), name, NULL);
}

static int create(const char *name, uint32_t mode)
{
	struct fuse_create_in arg = {.flags = O_RDWR, .mode = mode};

	return make(FUSE_CREATE, &arg, sizeof(arg), name, NULL);
}

static void expect_label(const char *name)
{
	char value[16] = "";

	ck_assert_int_eq(lgetxattr(client_path(c, name), "security.label",
				   value, sizeof(value)),
			 5);
	ck_assert_str_eq(value, "value");
}

START_TEST(labels_of_all_kinds_of_files)
{
	struct fuse_mknod_in node = {.mode = S_IFIFO | 0600};

	if (geteuid())
		return; /* these attributes are root's */
	add_label("security.label", "value", 5);
	ck_assert_int_eq(make_dir("d"), 0);
	expect_label("d");
	ck_assert_int_eq(create("f", 0644), 0);
	expect_label("f");
	ck_assert_int_eq(make(FUSE_MKNOD, &node, sizeof(node), "p", NULL), 0);
	expect_label("p");
	ck_assert_int_eq(make(FUSE_SYMLINK, NULL, 0, "l", "target"), 0);
	expect_label("l");
}
END_TEST

START_TEST(no_label_no_file)
{
	char name[300] = "security.";
	struct stat st;

	/* longer than the host can have it */
	memset(name + strlen(name), 'n', 250);
	add_label(name, "value", 5);
	ck_assert_int_eq(make_dir("d"), -ERANGE);
	ck_assert_int_eq(make(FUSE_SYMLINK, NULL, 0, "l", "target"), -ERANGE);
	ck_assert_int_eq(create("f", 0644), -ERANGE);
	ck_assert_int_ne(lstat(client_path(c, "d"), &st), 0);
	ck_assert_int_ne(lstat(client_path(c, "l"), &st), 0);
	ck_assert_int_ne(lstat(client_path(c, "f"), &st), 0);
}
END_TEST

/* Not a way around what SETXATTR checks and translates */
START_TEST(labels_are_security_attributes)
{
	static const char *const names[] = {
		"system.posix_acl_access",
		"system.posix_acl_default",
		"trusted.label",
		"user.label",
		"security",
		"bad.namespace",
	};
	/* the version, and no entry: no list */
	static const char no_acl[] = {2, 0, 0, 0};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ext_len = 0;
		add_label(names[i], no_acl, sizeof(no_acl));
		ck_assert_int_eq(make_dir("d"), -EINVAL);
		ck_assert_int_ne(lstat(client_path(c, "d"), &st), 0);
	}
}
END_TEST

START_TEST(an_empty_list_of_labels)
{
	add_numbers(8, 0);
	ck_assert_int_eq(make_dir("d"), 0);
}
END_TEST

/* A set-group-ID bit is the caller's to give if the group is one of theirs. */
START_TEST(groups_decide_about_set_group_id)
{
	struct stat st;

	if (geteuid())
		return;
	chown(c->path, USER, GROUP);
	chmod(c->path, 02777);
	c->uid = USER;
	c->gid = USER;
	ck_assert_int_eq(create("without", 02755), 0);
	stat(client_path(c, "without"), &st);
	ck_assert_uint_eq(st.st_gid, GROUP);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
	add_groups(1, 1, GROUP);
	ck_assert_int_eq(create("with", 02755), 0);
	stat(client_path(c, "with"), &st);
	ck_assert_uint_eq(st.st_gid, GROUP);
	ck_assert_uint_eq(st.st_uid, USER);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 02755);
	/* The next request has no groups again. */
	ck_assert_int_eq(getgroups(0, NULL), 0);
	ext_len = 0;
	ck_assert_int_eq(create("again", 02755), 0);
	stat(client_path(c, "again"), &st);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
}
END_TEST

/* Numbers, and then as many bytes of nothing. */
static int with_numbers(uint32_t size, uint32_t type, uint32_t third,
			size_t more)
{
	ext_len = 0;
	add_numbers(size, type);
	add(&third, sizeof(third));
	memset(ext + ext_len, 0, more);
	ext_len += more;
	return make_dir("d");
}

START_TEST(malformed_extensions)
{
	static const struct {
		uint32_t size, type, third;
		size_t more;
	} rows[] = {
		{0, 0, 0, 4},		     /* no progress */
		{7, 0, 0, 4},		     /* shorter than its header */
		{12, 0, 0, 0},		     /* no multiple of eight */
		{24, 0, 0, 4},		     /* longer than the request */
		{UINT32_MAX, 1, 0, 4},	     /* much longer */
		{8, 0, 0, 1},		     /* something after the last */
		{16, 1, 0, 4},		     /* a label without name */
		{32, 1, 8, 20},		     /* an empty name */
		{32, 2, 1, 20},		     /* two labels */
		{16, 31, 1, 4},		     /* many */
		{16, 33, 1, 4},		     /* an unknown type */
		{16, UINT32_MAX, 1, 4},	     /* the same */
		{16, FUSE_EXT_GROUPS, 2, 4}, /* fewer groups than it says */
		{16, FUSE_EXT_GROUPS, UINT32_MAX, 4},
		{8, FUSE_EXT_GROUPS, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = with_numbers(rows[i].size, rows[i].type,
				       rows[i].third, rows[i].more);

		ck_assert_msg(err == -EINVAL, "row %zu: %d", i, err);
	}
}
END_TEST

START_TEST(too_much_of_everything)
{
	/* twice */
	add_groups(1, 1, GROUP);
	add_groups(1, 1, GROUP);
	ck_assert_int_eq(make_dir("d"), -EINVAL);
	ext_len = 0;
	add_label("security.a", "v", 1);
	add_label("security.b", "v", 1);
	ck_assert_int_eq(make_dir("d"), -EINVAL);
	/* more groups than the kernel would take */
	ext_len = 0;
	add_groups(1000, 1000, GROUP);
	ck_assert_int_eq(make_dir("d"), -EINVAL);
	/* a value that is longer than what is there */
	ext_len = 0;
	add_label("security.a", "v", 1);
	ext[8] = 100;
	ck_assert_int_eq(make_dir("d"), -EINVAL);
	/* or shorter */
	ext_len = 0;
	add_label("security.a", "0123456789abcdef", 16);
	ext[8] = 1;
	ck_assert_int_eq(make_dir("d"), -EINVAL);
	ext_len = EXT_MAX;
	ck_assert_int_eq(make_dir("d"), -EINVAL);
	/* a group that nobody can have */
	if (!geteuid()) {
		c->uid = USER;
		ext_len = 0;
		add_groups(1, 1, UINT32_MAX);
		ck_assert_int_eq(make_dir("d"), -EINVAL);
	}
	ext_len = 0;
	c->uid = geteuid();
	ck_assert_int_eq(make_dir("d"), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_ext");
	TCase *t = tcase_create("fs_ext");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, labels_of_all_kinds_of_files);
	tcase_add_test(t, no_label_no_file);
	tcase_add_test(t, labels_are_security_attributes);
	tcase_add_test(t, an_empty_list_of_labels);
	tcase_add_test(t, groups_decide_about_set_group_id);
	tcase_add_test(t, malformed_extensions);
	tcase_add_test(t, too_much_of_everything);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
