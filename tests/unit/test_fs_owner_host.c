/*
 * FUSE server: owners in attributes, as they are found on the host: well formed
 * or not, on files of others, and on file systems that have none. And what it
 * costs to look.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/fs_owned.h"
#include "vmm/base/bits.h"

enum { STRANGER = 12345 };

static struct client *const c = &owned_client;
static unsigned int look_cnt;

/* In place of the C library's, for all that is linked statically. */
ssize_t getxattr(const char *path, const char *name, void *value, size_t len)
{
	look_cnt++;
	return syscall(SYS_getxattr, path, name, value, len);
}

/* Make a file or a directory with this attribute: its node id. */
static uint64_t make(const char *name, const char *text)
{
	if (!strncmp(name, "dir", 3))
		ck_assert_int_eq(mkdirat(c->dir_fd, name, 0755), 0);
	else
		client_make_file(c, name, "text");
	ck_assert_int_eq(chmod(client_path(c, name), 0755), 0);
	owned_write(name, text, strlen(text));
	return owned_lookup(name);
}

/* What the guest sees of a file that has this attribute. */
static const char *seen(const char *name, const void *text, size_t len)
{
	owned_write(name, text, len);
	return owned_seen(owned_lookup(name));
}

START_TEST(what_others_write_is_understood)
{
	static const struct {
		const char *name, *text, *seen;
	} rows[] = {
		{"file", "0:0:0644", "0:0:0100644"},
		{"file", "1000:1001:04755", "1000:1001:0104755"},
		{"file", "1000:1001:4755", "1000:1001:0104755"},
		{"file", "1:2:00", "1:2:0100000"},
		{"file", "1:2:0100640", "1:2:0100640"},
		{"file", "1:2:0640:file", "1:2:0100640"},
		{"file", "4294967294:4294967294:07777",
		 "4294967294:4294967294:0107777"},
		{"dir", "1:2:01777", "1:2:041777"},
		{"dir", "1:2:040700", "1:2:040700"},
		{"dir", "1:2:0700:dir", "1:2:040700"},
	};

	make("file", "");
	make("dir", "");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_str_eq(
			seen(rows[i].name, rows[i].text, strlen(rows[i].text)),
			rows[i].seen);
}
END_TEST

static const char *const nonsense[] = {
	"",
	":",
	"::",
	"1",
	"1:",
	"1:2",
	"1:2:",
	":2:0644",
	"1::0644",
	"-1:2:0644",
	"1:-2:0644",
	"+1:2:0644",
	" 1:2:0644",
	"1 :2:0644",
	"1:2:0644 ",
	"1:2:0644\n",
	"1:2:0644:",
	"1:2:0644:fil",
	"1:2:0644:filed",
	"1:2:0644:dir",
	"1:2:0644:char-1-3",
	"1:2:0644:file:",
	"1;2;0644",
	"a:2:0644",
	"0x1:2:0644",
	"1:2:0684",
	"1:2:0x1ff",
	"1:2:-0644",
	"1:2:u+rwx",
	"4294967295:2:0644",
	"1:4294967295:0644",
	"4294967296:2:0644",
	"18446744073709551617:2:0644",
	"1:2:0200000",
	"1:2:037777700644",
	"1:2:040755", /* a directory's */
	"1:2:0120777",
	"1:2:0020666",
};

START_TEST(nonsense_is_ignored)
{
	static const char with_nul[] = "1:2:0644\0";
	char oversized[4000];

	make("file", "");
	memset(oversized, '0', sizeof(oversized));
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++)
		ck_assert_msg(
			!strcmp(seen("file", nonsense[i], strlen(nonsense[i])),
				"0:0:0100755"),
			"%s: %s", nonsense[i],
			owned_seen(owned_lookup("file")));
	ck_assert_str_eq(seen("file", with_nul, sizeof(with_nul)),
			 "0:0:0100755");
	for (size_t len = 65; len < sizeof(oversized); len += 7) {
		memcpy(oversized + len - 8, "1:2:0644", 8);
		ck_assert_str_eq(seen("file", oversized, len), "0:0:0100755");
		memset(oversized, '0', len);
	}
	/* The first change mends it. */
	ck_assert_int_eq(owned_chown(owned_lookup("file"), 7, 8), 0);
	ck_assert_str_eq(owned_text("file"), "7:8:0755");
}
END_TEST

START_TEST(without_attribute_the_server_is_root)
{
	uint64_t id = make("file", "");

	ck_assert_int_eq(removexattr(client_path(c, "file"), OWNED_ATTRIBUTE),
			 0);
	ck_assert_int_eq(chmod(client_path(c, "file"), 04751), 0);
	ck_assert_str_eq(owned_seen(id), "0:0:0104751");
	/* What it had on the host, it has afterwards in the guest only. */
	ck_assert_int_eq(
		owned_setattr(id, &(struct fuse_setattr_in){.valid = FATTR_GID,
							    .gid = 5}),
		0);
	ck_assert_str_eq(owned_text("file"), "0:5:0751");
	ck_assert_uint_eq(owned_host_mode("file"), 0711);
	/* So it is if somebody writes who may not keep such bits. */
	ck_assert_int_eq(chmod(client_path(c, "file"), 06711), 0);
	ck_assert_int_eq(owned_setattr(id,
				       &(struct fuse_setattr_in){
					       .valid = FATTR_SIZE |
							FATTR_KILL_SUIDGID}),
			 0);
	ck_assert_str_eq(owned_text("file"), "0:5:0751");
	ck_assert_uint_eq(owned_host_mode("file"), 0711);
}
END_TEST

START_TEST(what_the_server_may_not_use_can_be_mended)
{
	static const uint32_t modes[] = {0, 0111, 0200, 0400, 0444, 0555};
	uint64_t file = make("file", ""), dir = make("dir", "");

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		owned_write("file", "5:6:0", 5);
		ck_assert_int_eq(chmod(client_path(c, "file"), modes[i]), 0);
		ck_assert_int_eq(chmod(client_path(c, "dir"), modes[i]), 0);
		ck_assert_int_eq(owned_chmod(file, S_IFREG | 0640), 0);
		ck_assert_int_eq(owned_chmod(dir, S_IFDIR | 0750), 0);
		ck_assert_str_eq(owned_text("file"), "5:6:0640");
		ck_assert_str_eq(owned_text("dir"), "0:0:0750");
		ck_assert_uint_eq(owned_host_mode("file"), 0600);
		ck_assert_uint_eq(owned_host_mode("dir"), 0700);
	}
}
END_TEST

/* Give a file away; false if that cannot be done here. */
static bool give_away(const char *name, gid_t gid)
{
	int err;

	owned_be_host(true);
	err = chown(client_path(c, name), STRANGER, gid);
	owned_be_host(false);
	return !err;
}

static int open_file(uint64_t id, uint32_t flags)
{
	uint64_t fh;
	int err = client_open_node(c, FUSE_OPEN, id, flags, &fh);

	if (!err)
		ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	return err;
}

/* Make a program that runs as its group, by a member: struct fuse_ext_header */
static int make_program(uint64_t dir, const char *name)
{
	static const uint32_t groups[] = {16, 32, 1, 7};
	struct fuse_mknod_in arg = {.mode = S_IFREG | 02711};

	client_begin(c, FUSE_MKNOD, dir);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	client_add(c, groups, sizeof(groups));
	return client_call(c);
}

START_TEST(what_the_server_may_not_use_is_mended)
{
	uint64_t file = make("file", "5:6:0644"), dir = make("dir", "5:6:0755");
	unsigned int mode;

	c->uid = 1000;
	ck_assert_int_eq(chmod(client_path(c, "file"), 0444), 0);
	ck_assert_int_eq(open_file(file, O_RDONLY), 0);
	ck_assert_uint_eq(owned_host_mode("file"), 0444);
	ck_assert_int_eq(open_file(file, O_WRONLY), 0);
	/* Where the server is root there was nothing to mend. */
	mode = geteuid() ? 0644 : 0444;
	ck_assert_uint_eq(owned_host_mode("file"), mode);
	ck_assert_str_eq(owned_text("file"), "5:6:0644");
	/* A request is taken anew with all that it has. */
	owned_write("dir", "5:7:02755", 9);
	ck_assert_int_eq(chmod(client_path(c, "dir"), 0555), 0);
	ck_assert_int_eq(make_program(dir, "new"), 0);
	ck_assert_str_eq(owned_text("dir/new"), "1000:7:02711");
	ck_assert_int_eq(chmod(client_path(c, "dir"), 0), 0);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, dir, "new", NULL), 0);
	mode = geteuid() ? 0755 : 0;
	ck_assert_uint_eq(owned_host_mode("dir"), mode);
	ck_assert_str_eq(owned_text("dir"), "5:7:02755");
}
END_TEST

START_TEST(nothing_else_is_mended)
{
	uint64_t file = make("file", "5:6:0644"), dir = make("dir", "5:6:0755");

	if (!geteuid())
		return;
	/* Not in a share that is read-only. */
	c->fs->read_only = true;
	ck_assert_int_eq(chmod(client_path(c, "file"), 0), 0);
	ck_assert_int_eq(open_file(file, O_RDONLY), -EACCES);
	ck_assert_uint_eq(owned_host_mode("file"), 0);
	c->fs->read_only = false;
	/* Nor what belongs to others. */
	ck_assert_int_eq(chmod(client_path(c, "dir"), 0), 0);
	if (!give_away("dir", STRANGER) || !give_away("file", STRANGER))
		return;
	ck_assert_int_eq(make_program(dir, "new"), -EACCES);
	ck_assert_int_eq(open_file(file, O_RDONLY), -EACCES);
}
END_TEST

START_TEST(files_of_others_are_nobodys)
{
	struct fuse_setattr_in arg = {.valid = FATTR_UID, .uid = 0};
	uint64_t id = make("file", "0:0:04755");
	struct stat st;

	if (!give_away("file", STRANGER))
		return;
	ck_assert_str_eq(owned_seen(id), "65534:65534:0100755");
	ck_assert_int_eq(owned_setattr(id, &arg), -EPERM);
	ck_assert_int_eq(owned_chown(id, 65534, 65534), -EPERM);
	ck_assert_int_eq(owned_chmod(id, 0777), -EPERM);
	ck_assert_str_eq(owned_text("file"), "0:0:04755");
	ck_assert_int_eq(lstat(client_path(c, "file"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
	ck_assert_uint_eq(st.st_uid, STRANGER);
	/* Nor are their links and FIFOs. */
	ck_assert_int_eq(mknodat(c->dir_fd, "fifo", S_IFIFO | 0644, 0), 0);
	give_away("fifo", getegid());
	id = owned_lookup("fifo");
	ck_assert(!strncmp(owned_seen(id), "65534:0:", 8));
	ck_assert_int_eq(owned_chown(id, 1, 1), -EPERM);
	ck_assert_int_eq(owned_chmod(id, 0777), -EPERM);
}
END_TEST

/* A name is a link to what has an attribute: it is not followed. */
START_TEST(links_are_not_followed)
{
	uint64_t id;

	make("file", "5:6:0644");
	ck_assert_int_eq(symlinkat("file", c->dir_fd, "link"), 0);
	id = owned_lookup("link");
	ck_assert_str_eq(owned_seen(id), "0:0:0120777");
	ck_assert_int_eq(owned_chown(id, 1, 1), 0);
	ck_assert_str_eq(owned_text("file"), "5:6:0644");
}
END_TEST

/* Looks of a READDIRPLUS of the root. */
static unsigned int list(void)
{
	struct fuse_read_in arg = {.size = 8192};
	int err;

	err = client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID, 0, &arg.fh);
	ck_assert_int_eq(err, 0);
	look_cnt = 0;
	client_begin(c, FUSE_READDIRPLUS, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	return look_cnt;
}

START_TEST(one_look_for_each_reply)
{
	uint64_t id = make("file", "5:6:0644");

	make("other", "5:6:0644");
	make("dir", "5:6:0755");
	ck_assert_int_eq(symlinkat("file", c->dir_fd, "link"), 0);
	owned_seen(id);
	look_cnt = 0;
	owned_seen(id);
	ck_assert_uint_eq(look_cnt, 1);
	owned_lookup("file");
	ck_assert_uint_eq(look_cnt, 2);
	list();
	ck_assert_uint_eq(list(), 3);
}
END_TEST

START_TEST(no_look_where_owners_are_the_hosts)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};
	uint64_t id;

	owned_start(OWNED_ROOT, &config);
	id = make("file", "5:6:0644");
	look_cnt = 0;
	owned_seen(id);
	owned_lookup("file");
	list();
	ck_assert_int_eq(owned_chmod(id, 0600), 0);
	ck_assert_uint_eq(look_cnt, 0);
	owned_teardown();
}
END_TEST

START_TEST(a_host_without_attributes_is_refused)
{
	struct fs_config config = {FS_DEFAULTS, .owner = FS_OWNER_XATTR};
	int before = count_open_files();
	struct fs fs;

	config.root_fd = open("/proc", O_PATH | O_CLOEXEC);
	ck_assert_int_eq(fs_init(&fs, &config), -EOPNOTSUPP);
	fs_destroy(&fs);
	config.owner = FS_OWNER_MAP;
	ck_assert_int_eq(fs_init(&fs, &config), 0);
	fs_destroy(&fs);
	close(config.root_fd);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

START_TEST(ids_are_not_translated_too)
{
	struct idmap_rule rule = {IDMAP_FORBID, 0, 0, 1};
	struct fs_config config = {FS_DEFAULTS, .owner = FS_OWNER_XATTR};
	struct fs fs;

	config.root_fd = open("/tmp", O_PATH | O_CLOEXEC);
	ck_assert_int_eq(idmap_add(&config.gid, &rule), 0);
	ck_assert_int_eq(fs_init(&fs, &config), -EINVAL);
	fs_destroy(&fs);
	close(config.root_fd);
}
END_TEST

START_TEST(the_guest_applies_its_umask)
{
	const struct fuse_init_out *out;

	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->flags & (FUSE_POSIX_ACL | FUSE_DONT_MASK), 0);
}
END_TEST

/* Rules by which all of the guest's users are the server, who looks like root:
 * owners are nobody's business then.
 */
START_TEST(all_can_be_squashed_into_one)
{
	struct fs_config config = {FS_DEFAULTS, .cache = FS_CACHE_AUTO};
	uint32_t uid = geteuid() ? geteuid() : 65534;
	uint32_t gid = geteuid() ? getegid() : 65534;
	uint64_t id, fh;
	int err;

	ck_assert_int_eq(
		idmap_add(&config.uid, &(struct idmap_rule){IDMAP_SQUASH, 0,
							    uid, UINT32_MAX}),
		0);
	ck_assert_int_eq(idmap_add(&config.uid,
				   &(struct idmap_rule){IDMAP_SHOW, 0, uid, 1}),
			 0);
	ck_assert_int_eq(
		idmap_add(&config.gid, &(struct idmap_rule){IDMAP_SQUASH, 0,
							    gid, UINT32_MAX}),
		0);
	ck_assert_int_eq(idmap_add(&config.gid,
				   &(struct idmap_rule){IDMAP_SHOW, 0, gid, 1}),
			 0);
	owned_start(OWNED_ORDINARY, &config);
	c->uid = 1000;
	c->gid = UINT32_MAX - 1;
	id = client_create(c, "file", 0644, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_str_eq(owned_seen(id), "0:0:0100644");
	ck_assert_int_eq(owned_chown(id, 5, 6), 0);
	ck_assert_int_eq(owned_chown(id, UINT32_MAX - 1, 0), 0);
	ck_assert_str_eq(owned_seen(id), "0:0:0100644");
	ck_assert_int_eq(owned_chmod(id, 04750), 0);
	ck_assert_uint_eq(owned_host_mode("file"), 04750);
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "link", "file"), 0);
	ck_assert_int_eq(owned_chown(owned_lookup("link"), 7, 7), 0);
	if (give_away("file", STRANGER))
		ck_assert_int_eq(owned_chown(id, 5, 6), -EPERM);
	ck_assert_str_eq(owned_text("file"), "");
	owned_teardown();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, what_others_write_is_understood);
	tcase_add_test(tc, nonsense_is_ignored);
	tcase_add_test(tc, without_attribute_the_server_is_root);
	tcase_add_test(tc, what_the_server_may_not_use_can_be_mended);
	tcase_add_test(tc, what_the_server_may_not_use_is_mended);
	tcase_add_test(tc, nothing_else_is_mended);
	tcase_add_test(tc, files_of_others_are_nobodys);
	tcase_add_test(tc, links_are_not_followed);
	tcase_add_test(tc, one_look_for_each_reply);
	tcase_add_test(tc, the_guest_applies_its_umask);
}

int main(void)
{
	Suite *s = suite_create("fs_owner_host");
	TCase *tc = tcase_create("start");

	owned_add_tests(s, add);
	tcase_add_test(tc, no_look_where_owners_are_the_hosts);
	tcase_add_test(tc, a_host_without_attributes_is_refused);
	tcase_add_test(tc, ids_are_not_translated_too);
	tcase_add_test(tc, all_can_be_squashed_into_one);
	suite_add_tcase(s, tc);
	return client_run(s);
}
