/*
 * FUSE server: owners in attributes, as the guest makes and changes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/fs_owned.h"
#include "vmm/base/bits.h"

/* Groups in a request: <linux/fuse.h>, struct fuse_ext_header */
enum { EXT_GROUPS = 32 };

static struct client *const c = &owned_client;

static void be(uint32_t uid, uint32_t gid)
{
	c->uid = uid;
	c->gid = gid;
}

static int mkdir_in(uint64_t dir, const char *name, uint32_t mode)
{
	struct fuse_mkdir_in arg = {.mode = mode};

	client_begin(c, FUSE_MKDIR, dir);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

static int mknod_in(uint64_t dir, const char *name, uint32_t mode,
		    uint32_t group)
{
	struct fuse_mknod_in arg = {.mode = mode, .rdev = 0x103};
	const uint32_t groups[] = {16, EXT_GROUPS, 1, group};

	client_begin(c, FUSE_MKNOD, dir);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	if (group)
		client_add(c, groups, sizeof(groups));
	return client_call(c);
}

/* What the last reply, an entry, says. */
static uint64_t made(uint32_t uid, uint32_t gid, uint32_t mode)
{
	const struct fuse_entry_out *entry =
		(const void *)(c->out + sizeof(struct fuse_out_header));

	ck_assert_uint_ge(c->out_len, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.uid, uid);
	ck_assert_uint_eq(entry->attr.gid, gid);
	ck_assert_uint_eq(entry->attr.mode, mode);
	return entry->nodeid;
}

static uint64_t create(const char *name, uint32_t mode, uint64_t *fh)
{
	uint64_t id;
	int err;

	id = client_create(c, name, mode, fh, &err);
	ck_assert_int_eq(err, 0);
	return id;
}

START_TEST(what_is_made_belongs_to_its_caller)
{
	uint64_t fh, id;
	int err;

	be(1000, 1001);
	id = create("file", 04751, &fh);
	made(1000, 1001, S_IFREG | 04751);
	ck_assert_str_eq(owned_text("file"), "1000:1001:04751");
	ck_assert_uint_eq(owned_host_mode("file"), 0711);
	ck_assert_int_eq(mkdir_in(1, "dir", 01773), 0);
	made(1000, 1001, S_IFDIR | 01773);
	ck_assert_str_eq(owned_text("dir"), "1000:1001:01773");
	ck_assert_uint_eq(owned_host_mode("dir"), 0711);
	/* No type is a regular file's. */
	ck_assert_int_eq(mknod_in(1, "node", 0, 0), 0);
	made(1000, 1001, S_IFREG);
	ck_assert_str_eq(owned_text("node"), "1000:1001:00");
	ck_assert_uint_eq(owned_host_mode("node"), 0600);
	/* All of that is said again. */
	ck_assert_str_eq(owned_seen(id), "1000:1001:0104751");
	ck_assert_uint_eq(owned_lookup("file"), id);
	made(1000, 1001, S_IFREG | 04751);
	/* A file without a name keeps what it has when it gets one. */
	id = client_tmpfile(c, O_RDWR, &fh, &err);
	ck_assert_int_eq(err, 0);
	ck_assert_str_eq(owned_seen(id), "1000:1001:0100640");
	ck_assert_int_eq(client_link(c, id, "named"), 0);
	made(1000, 1001, S_IFREG | 0640);
	ck_assert_str_eq(owned_text("named"), "1000:1001:0640");
}
END_TEST

START_TEST(nobody_makes_nothing)
{
	static const uint32_t ids[][2] = {{UINT32_MAX, 0}, {0, UINT32_MAX}};
	struct stat st;
	uint64_t fh;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		be(ids[i][0], ids[i][1]);
		client_create(c, "new", 0644, &fh, &err);
		ck_assert_int_eq(err, -EINVAL);
		ck_assert_int_eq(mkdir_in(1, "new", 0755), -EINVAL);
		ck_assert_int_eq(mknod_in(1, "new", S_IFREG, 0), -EINVAL);
	}
	ck_assert_int_eq(lstat(client_path(c, "new"), &st), -1);
	/* The largest number is somebody. */
	be(UINT32_MAX - 1, UINT32_MAX - 1);
	create("new", 0644, &fh);
	made(UINT32_MAX - 1, UINT32_MAX - 1, S_IFREG | 0644);
}
END_TEST

START_TEST(the_mode_of_the_host_lets_the_server_work)
{
	static const struct {
		uint32_t mode, file, dir;
	} rows[] = {
		{0, 0600, 0700},     {0644, 0644, 0744},  {0755, 0755, 0755},
		{0666, 0644, 0744},  {0777, 0755, 0755},  {0640, 0600, 0700},
		{01777, 0755, 0755}, {04711, 0711, 0711}, {06755, 0755, 0755},
		{02770, 0700, 0700}, {0070, 0700, 0700},  {0007, 0700, 0700},
		{0444, 0644, 0744},  {0555, 0755, 0755},
	};
	uint64_t fh, file = create("file", 0600, &fh), dir;
	struct fuse_write_in arg = {.fh = fh, .size = 4};

	ck_assert_int_eq(mkdir_in(1, "dir", 0700), 0);
	dir = owned_lookup("dir");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(owned_chmod(file, S_IFREG | rows[i].mode), 0);
		ck_assert_int_eq(owned_chmod(dir, S_IFDIR | rows[i].mode), 0);
		ck_assert_uint_eq(owned_host_mode("file"), rows[i].file);
		ck_assert_uint_eq(owned_host_mode("dir"), rows[i].dir);
		/* The guest's root needs no permission. */
		ck_assert_int_eq(
			client_open_node(c, FUSE_OPEN, file, O_RDWR, &arg.fh),
			0);
		ck_assert_int_eq(client_write(c, &arg, file, "text"), 4);
		ck_assert_int_eq(client_release(c, FUSE_RELEASE, file, arg.fh),
				 0);
		ck_assert_int_eq(mkdir_in(dir, "sub", 0), 0);
		ck_assert_int_eq(client_simple(c, FUSE_RMDIR, dir, "sub", NULL),
				 0);
	}
	ck_assert_str_eq(owned_seen(file), "0:0:0100555");
	ck_assert_str_eq(owned_seen(dir), "0:0:040555");
}
END_TEST

START_TEST(owners_change)
{
	uint64_t fh, id = create("file", 0644, &fh);

	ck_assert_int_eq(owned_chown(id, 5, 6), 0);
	ck_assert_str_eq(owned_seen(id), "5:6:0100644");
	/* One of them only. */
	ck_assert_int_eq(
		owned_setattr(id, &(struct fuse_setattr_in){.valid = FATTR_UID,
							    .uid = 7}),
		0);
	ck_assert_int_eq(
		owned_setattr(id, &(struct fuse_setattr_in){.valid = FATTR_GID,
							    .gid = 8}),
		0);
	ck_assert_str_eq(owned_text("file"), "7:8:0644");
	ck_assert_int_eq(owned_chown(id, UINT32_MAX, 0), -EINVAL);
	/* All at once, and the mode last. */
	ck_assert_int_eq(
		owned_setattr(id,
			      &(struct fuse_setattr_in){
				      .valid = FATTR_UID | FATTR_MODE |
					       FATTR_SIZE | FATTR_MTIME,
				      .uid = 9,
				      .mode = S_IFREG | 04700}),
		0);
	ck_assert_str_eq(owned_text("file"), "9:8:04700");
	ck_assert_uint_eq(owned_host_mode("file"), 0700);
	/* Both names are the file, under whichever name. */
	ck_assert_int_eq(client_link(c, id, "hard"), 0);
	made(9, 8, S_IFREG | 04700);
	ck_assert_int_eq(owned_chown(owned_lookup("hard"), 1, 2), 0);
	ck_assert_str_eq(owned_seen(id), "1:2:0100700");
}
END_TEST

/* Bits of the mode as the guest sees it. */
static unsigned long mode_of(uint64_t id)
{
	return strtoul(strrchr(owned_seen(id), ':') + 1, NULL, 8) & 07777;
}

START_TEST(a_change_of_owner_takes_set_id_bits)
{
	static const struct {
		uint32_t uid, gid, mode, left;
	} rows[] = {
		{0, 0, 06755, 0755},	   {0, 0, 06745, 02745},
		{1000, 1000, 06755, 0755}, {1000, 1000, 06745, 02745},
		{1000, 1001, 06745, 0745}, {0, 0, 01777, 01777},
	};
	uint64_t fh, id = create("file", 0644, &fh);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		be(0, 0);
		ck_assert_int_eq(owned_chown(id, 1000, 1000), 0);
		ck_assert_int_eq(owned_chmod(id, rows[i].mode), 0);
		be(rows[i].uid, rows[i].gid);
		ck_assert_int_eq(owned_chown(id, 1000, 1000), 0);
		ck_assert_uint_eq(mode_of(id), rows[i].left);
	}
	/* Not from directories. */
	be(0, 0);
	ck_assert_int_eq(mkdir_in(1, "dir", 0755), 0);
	id = owned_lookup("dir");
	ck_assert_int_eq(owned_chmod(id, 07755), 0);
	ck_assert_int_eq(owned_chown(id, 3, 4), 0);
	ck_assert_str_eq(owned_seen(id), "3:4:047755");
}
END_TEST

START_TEST(a_change_of_owner_takes_capabilities)
{
	/* cap_net_raw, version 2: <linux/capability.h> */
	static const uint32_t caps[5] = {0x02000001, 1 << 13};
	uint64_t fh, id = create("file", 0755, &fh);
	const char *path = client_path(c, "file");
	int err;

	owned_be_host(true);
	err = setxattr(path, "security.capability", caps, sizeof(caps), 0);
	owned_be_host(false);
	/* Only root can give them. */
	ck_assert(!err || geteuid());
	ck_assert_int_eq(owned_chown(id, 1000, 1000), 0);
	ck_assert_int_eq(getxattr(path, "security.capability", NULL, 0), -1);
	ck_assert_int_eq(errno, ENODATA);
}
END_TEST

/* Write to a file with all set-ID bits, as a user of a group. */
static const char *written(uint32_t mode, uint32_t gid, bool kill)
{
	static char seen[64];
	uint64_t fh, id;
	struct fuse_write_in arg = {.size = 4};

	be(0, 0);
	id = create("w", 0600, &fh);
	ck_assert_int_eq(owned_chown(id, 1000, 1000), 0);
	ck_assert_int_eq(owned_chmod(id, mode), 0);
	be(2000, gid);
	arg.fh = fh;
	arg.write_flags = kill ? FUSE_WRITE_KILL_SUIDGID : 0;
	ck_assert_int_eq(client_write(c, &arg, id, "text"), 4);
	strcpy(seen, owned_seen(id));
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "w", NULL), 0);
	return seen;
}

START_TEST(a_write_takes_set_id_bits)
{
	ck_assert_str_eq(written(06755, 2000, true), "1000:1000:0100755");
	ck_assert_str_eq(written(06755, 2000, false), "1000:1000:0106755");
	ck_assert_str_eq(written(06746, 1000, true), "1000:1000:0102746");
	ck_assert_str_eq(written(06746, 2000, true), "1000:1000:0100746");
	ck_assert_str_eq(written(0666, 2000, true), "1000:1000:0100666");
}
END_TEST

START_TEST(whatever_changes_a_file_takes_set_id_bits)
{
	struct fuse_fallocate_in allocate = {.length = 4096};
	struct fuse_setattr_in cut = {.valid = FATTR_SIZE | FATTR_KILL_SUIDGID};
	struct fuse_open_in open = {.flags = O_WRONLY | O_TRUNC,
				    .open_flags = FUSE_OPEN_KILL_SUIDGID};
	uint64_t fh, id = create("file", 06755, &fh);

	be(2000, 2000);
	ck_assert_int_eq(owned_setattr(id, &cut), 0);
	ck_assert_str_eq(owned_seen(id), "0:0:0100755");
	ck_assert_int_eq(owned_chmod(id, 06755), 0);
	allocate.fh = fh;
	client_begin(c, FUSE_FALLOCATE, id);
	client_add(c, &allocate, sizeof(allocate));
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_str_eq(owned_seen(id), "0:0:0100755");
	ck_assert_int_eq(owned_chmod(id, 06755), 0);
	client_begin(c, FUSE_OPEN, id);
	client_add(c, &open, sizeof(open));
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_str_eq(owned_seen(id), "0:0:0100755");
}
END_TEST

START_TEST(directories_hand_down_their_group)
{
	uint64_t dir;

	ck_assert_int_eq(mkdir_in(1, "dir", 0777), 0);
	dir = owned_lookup("dir");
	ck_assert_int_eq(owned_chown(dir, 0, 500), 0);
	ck_assert_int_eq(owned_chmod(dir, 02777), 0);
	be(1000, 1000);
	ck_assert_int_eq(mkdir_in(dir, "sub", 0755), 0);
	made(1000, 500, S_IFDIR | 02755);
	ck_assert_int_eq(mknod_in(dir, "a", S_IFREG | 0644, 0), 0);
	made(1000, 500, S_IFREG | 0644);
	/* Who is not in the group makes no program that runs as it ... */
	ck_assert_int_eq(mknod_in(dir, "b", S_IFREG | 02755, 0), 0);
	made(1000, 500, S_IFREG | 0755);
	ck_assert_int_eq(mknod_in(dir, "c", S_IFREG | 02755, 501), 0);
	made(1000, 500, S_IFREG | 0755);
	ck_assert_int_eq(mknod_in(dir, "d", S_IFREG | 02745, 0), 0);
	made(1000, 500, S_IFREG | 02745);
	/* ... but a member does, and root. */
	ck_assert_int_eq(mknod_in(dir, "e", S_IFREG | 02755, 500), 0);
	made(1000, 500, S_IFREG | 02755);
	be(1000, 500);
	ck_assert_int_eq(mknod_in(dir, "f", S_IFREG | 02755, 0), 0);
	made(1000, 500, S_IFREG | 02755);
	be(0, 0);
	ck_assert_int_eq(mknod_in(dir, "g", S_IFREG | 02755, 0), 0);
	made(0, 500, S_IFREG | 02755);
	ck_assert_uint_eq(owned_host_mode("dir/g"), 0755);
	ck_assert_uint_eq(owned_host_mode("dir/sub"), 0755);
}
END_TEST

START_TEST(what_has_no_attributes_stays_roots)
{
	static const char *const names[] = {"link", "fifo", "socket"};
	uint64_t id;

	be(1000, 1000);
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "link", "nowhere"),
			 0);
	made(0, 0, S_IFLNK | 0777);
	ck_assert_int_eq(mknod_in(1, "fifo", S_IFIFO | 0666, 0), 0);
	made(0, 0, S_IFIFO | 0666);
	ck_assert_int_eq(mknod_in(1, "socket", S_IFSOCK | 0755, 0), 0);
	made(0, 0, S_IFSOCK | 0755);
	be(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		id = owned_lookup(names[i]);
		ck_assert_int_eq(owned_chown(id, 1000, 1000), 0);
		ck_assert_str_eq(owned_text(names[i]), "");
		ck_assert(!strncmp(owned_seen(id), "0:0:", 4));
	}
	ck_assert_int_eq(owned_chmod(owned_lookup("fifo"), 06620), 0);
	ck_assert_uint_eq(owned_host_mode("fifo"), 0620);
	/* Devices are not for ordinary users. */
	if (geteuid()) {
		ck_assert_int_eq(mknod_in(1, "c", S_IFCHR | 0666, 0), -EPERM);
		ck_assert_int_eq(mknod_in(1, "b", S_IFBLK | 0666, 0), -EPERM);
	}
}
END_TEST

static int xattr(uint32_t opcode, uint64_t id, const char *name)
{
	struct fuse_setxattr_in set = {.size = 4};
	struct fuse_getxattr_in get = {.size = 256};

	client_begin(c, opcode, id);
	if (opcode == FUSE_SETXATTR)
		client_add(c, &set, sizeof(set));
	else if (opcode != FUSE_REMOVEXATTR)
		client_add(c, &get, sizeof(get));
	if (name)
		client_add_text(c, name);
	if (opcode == FUSE_SETXATTR)
		client_add(c, "text", 4);
	return client_call(c);
}

START_TEST(the_attribute_is_not_the_guests)
{
	uint64_t fh, id = create("file", 0640, &fh);
	const char *names = c->out + sizeof(struct fuse_out_header);

	ck_assert_int_eq(xattr(FUSE_GETXATTR, id, OWNED_ATTRIBUTE), -ENODATA);
	ck_assert_int_eq(xattr(FUSE_SETXATTR, id, OWNED_ATTRIBUTE), -EPERM);
	ck_assert_int_eq(xattr(FUSE_REMOVEXATTR, id, OWNED_ATTRIBUTE), -EPERM);
	ck_assert_int_eq(xattr(FUSE_LISTXATTR, id, NULL), 0);
	ck_assert_uint_eq(c->out_len, 0);
	/* Others are, whatever they are called. */
	ck_assert_int_eq(xattr(FUSE_SETXATTR, id, OWNED_ATTRIBUTE "s"), 0);
	ck_assert_int_eq(xattr(FUSE_LISTXATTR, id, NULL), 0);
	ck_assert_uint_eq(c->out_len, sizeof(OWNED_ATTRIBUTE "s"));
	ck_assert_str_eq(names, OWNED_ATTRIBUTE "s");
	/* Lists of the host say nothing about the guest's users. */
	ck_assert_int_eq(xattr(FUSE_SETXATTR, id, "system.posix_acl_access"),
			 -EOPNOTSUPP);
	ck_assert_str_eq(owned_text("file"), "0:0:0640");
}
END_TEST

START_TEST(owners_move_along)
{
	struct fuse_rename_in arg = {.newdir = FUSE_ROOT_ID};
	uint64_t fh, id;

	be(1000, 1001);
	id = create("a", 04640, &fh);
	client_begin(c, FUSE_RENAME, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "a");
	client_add_text(c, "b");
	ck_assert_int_eq(client_call(c), 0);
	ck_assert_uint_eq(owned_lookup("b"), id);
	made(1000, 1001, S_IFREG | 04640);
	ck_assert_str_eq(owned_text("b"), "1000:1001:04640");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, what_is_made_belongs_to_its_caller);
	tcase_add_test(tc, nobody_makes_nothing);
	tcase_add_test(tc, the_mode_of_the_host_lets_the_server_work);
	tcase_add_test(tc, owners_change);
	tcase_add_test(tc, a_change_of_owner_takes_set_id_bits);
	tcase_add_test(tc, a_change_of_owner_takes_capabilities);
	tcase_add_test(tc, a_write_takes_set_id_bits);
	tcase_add_test(tc, whatever_changes_a_file_takes_set_id_bits);
	tcase_add_test(tc, directories_hand_down_their_group);
	tcase_add_test(tc, what_has_no_attributes_stays_roots);
	tcase_add_test(tc, the_attribute_is_not_the_guests);
	tcase_add_test(tc, owners_move_along);
}

int main(void)
{
	Suite *s = suite_create("fs_owner");

	owned_add_tests(s, add);
	return client_run(s);
}
