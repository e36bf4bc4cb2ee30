/*
 * FUSE server: new files, their type, mode and owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

/* A request of an argument and up to two names. */
static int call(uint32_t opcode, uint64_t dir_id, const void *arg,
		size_t arg_len, const char *const name[2])
{
	client_begin(c, opcode, dir_id);
	client_add(c, arg, arg_len);
	for (int i = 0; i < 2 && name[i]; i++)
		client_add_text(c, name[i]);
	return client_call(c);
}

static int make_dir(uint64_t dir_id, const char *name, uint32_t mode)
{
	struct fuse_mkdir_in arg = {.mode = mode};

	return call(FUSE_MKDIR, dir_id, &arg, sizeof(arg),
		    (const char *[2]){name});
}

static int make_node(const char *name, uint32_t mode, uint32_t rdev)
{
	struct fuse_mknod_in arg = {.mode = mode, .rdev = rdev};

	return call(FUSE_MKNOD, FUSE_ROOT_ID, &arg, sizeof(arg),
		    (const char *[2]){name});
}

START_TEST(mkdir_mode_and_umask)
{
	struct fuse_mkdir_in arg = {.mode = 01777};
	struct stat st;

	/* The umask that the process has when a thread begins to serve is not
	 * used; that of the guest's caller is, if its kernel leaves it to us.
	 */
	umask(077);
	c->worker.creds.entered = false;
	ck_assert_int_eq(
		call(FUSE_MKDIR, 1, &arg, sizeof(arg), (const char *[2]){"d"}),
		0);
	stat(client_path(c, "d"), &st);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01777);
	arg.umask = 07027;
	ck_assert_int_eq(
		call(FUSE_MKDIR, 1, &arg, sizeof(arg), (const char *[2]){"e"}),
		0);
	stat(client_path(c, "e"), &st);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01750);
	ck_assert_int_eq(make_dir(1, "d", 0755), -EEXIST);
	ck_assert_int_eq(client_simple(c, FUSE_UNLINK, 1, "d", NULL), -EISDIR);
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "d", NULL), 0);
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "d", NULL), -ENOENT);
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "f", NULL), -ENOTDIR);
}
END_TEST

START_TEST(mknod_types)
{
	struct stat st;
	uint64_t id, fh;
	int err;

	ck_assert_int_eq(make_node("reg", S_IFREG | 0640, 0), 0);
	ck_assert_int_eq(make_node("none", 0640, 0), 0);
	ck_assert_int_eq(make_node("fifo", S_IFIFO | 0600, 0), 0);
	ck_assert_int_eq(make_node("sock", S_IFSOCK | 0600, 0), 0);
	ck_assert_int_eq(make_node("dir", S_IFDIR | 0600, 0), -EPERM);
	ck_assert_int_eq(make_node("lnk", S_IFLNK | 0600, 0), -EINVAL);
	ck_assert_int_eq(make_node("odd", 0150000 | 0600, 0), -EINVAL);
	stat(client_path(c, "none"), &st);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	/* Opening these would block or act on a device. */
	id = client_lookup(c, FUSE_ROOT_ID, "fifo", &err);
	for (uint32_t flags = O_RDONLY; flags <= O_RDWR; flags++)
		ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, flags, &fh),
				 -ENXIO);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, id, 0, &fh),
			 -ENOTDIR);
	id = client_lookup(c, FUSE_ROOT_ID, "sock", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, 0, &fh), -ENXIO);
}
END_TEST

START_TEST(mknod_devices)
{
	uint32_t numbers = makedev(240, 0x12345);
	struct stat st;
	uint64_t id, fh;
	int err = make_node("dev", S_IFCHR | 0600, numbers);

	/* Containers may not make devices: then the guest may not. */
	if (err == -EPERM)
		return;
	ck_assert_int_eq(err, 0);
	stat(client_path(c, "dev"), &st);
	ck_assert_uint_eq(major(st.st_rdev), 240);
	ck_assert_uint_eq(minor(st.st_rdev), 0x12345);
	id = client_lookup(c, FUSE_ROOT_ID, "dev", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPEN, id, 0, &fh), -ENXIO);
}
END_TEST

START_TEST(files_belong_to_the_caller)
{
	const struct fuse_entry_out *entry;
	uint64_t fh;
	int err;

	if (geteuid())
		return; /* cannot become anybody */
	c->uid = 1234;
	c->gid = 5678;
	/* The directory is root's, and not writable for others: the guest's
	 * kernel has checked, with what it knows of groups and capabilities.
	 */
	ck_assert_int_eq(make_dir(1, "d", 0755), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.uid, 1234);
	ck_assert_uint_eq(entry->attr.gid, 5678);
	ck_assert_int_eq(client_simple(c, FUSE_SYMLINK, 1, "s", "t"), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.uid, 1234);
	ck_assert_int_eq(make_node("n", S_IFIFO | 0600, 0), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.gid, 5678);
	client_create(c, "c", 0444, &fh, &err);
	ck_assert_int_eq(err, 0);
	entry = client_reply(c, sizeof(*entry) + sizeof(struct fuse_open_out));
	ck_assert_uint_eq(entry->attr.uid, 1234);
	ck_assert_uint_eq(entry->attr.mode, S_IFREG | 0444);
	/* Nobody at all makes nothing. */
	c->uid = UINT32_MAX;
	ck_assert_int_eq(make_dir(1, "e", 0755), -EINVAL);
	/* And the thread is itself again. */
	c->uid = c->gid = 0;
	ck_assert_int_eq(make_dir(1, "r", 0755), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.uid, 0);
	ck_assert_uint_eq(geteuid(), 0);
}
END_TEST

/* A directory that hands down its group gives no set-group-ID program to a
 * caller who is not in that group (CVE-2022-0358).
 */
START_TEST(group_of_the_directory)
{
	const struct fuse_entry_out *entry;
	uint64_t fh;
	int err;

	if (geteuid())
		return;
	ck_assert_int_eq(chmod(c->path, 02777), 0);
	/* nor by a group that only the server is in */
	ck_assert_int_eq(setgroups(1, (const gid_t[]){getegid()}), 0);
	c->worker.creds.entered = false;
	c->uid = c->gid = 1234;
	client_create(c, "c", 02755, &fh, &err);
	ck_assert_int_eq(err, 0);
	entry = client_reply(c, sizeof(*entry) + sizeof(struct fuse_open_out));
	ck_assert_uint_eq(entry->attr.gid, 0);
	ck_assert_uint_eq(entry->attr.mode, S_IFREG | 0755);
	ck_assert_int_eq(make_dir(1, "d", 0755), 0);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->attr.mode, S_IFDIR | 02755);
}
END_TEST

START_TEST(create_is_exclusive)
{
	struct fuse_create_in arg = {.flags = O_RDWR | O_CREAT | O_EXCL,
				     .mode = 0644};
	const char *const name[2] = {"f"};
	uint64_t fh;
	int err;

	/* Somebody was faster: the guest must look again and check. */
	client_create(c, "f", 0644, &fh, &err);
	ck_assert_int_eq(err, -ESTALE);
	ck_assert_int_eq(call(FUSE_CREATE, 1, &arg, sizeof(arg), name),
			 -EEXIST);
	arg.flags = O_CREAT | O_ACCMODE;
	ck_assert_int_eq(call(FUSE_CREATE, 1, &arg, sizeof(arg), name),
			 -EINVAL);
	ck_assert_int_eq(symlink("/tmp/nowhere", client_path(c, "s")), 0);
	ck_assert_int_eq(mkfifo(client_path(c, "p"), 0600), 0);
	client_create(c, "s", 0644, &fh, &err);
	ck_assert_int_eq(err, -ESTALE);
	client_create(c, "p", 0644, &fh, &err);
	ck_assert_int_eq(err, -ESTALE);
	client_create(c, "..", 0644, &fh, &err);
	ck_assert_int_eq(err, -EINVAL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_make");
	TCase *t = tcase_create("fs_make");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, mkdir_mode_and_umask);
	tcase_add_test(t, mknod_types);
	tcase_add_test(t, mknod_devices);
	tcase_add_test(t, files_belong_to_the_caller);
	tcase_add_test(t, group_of_the_directory);
	tcase_add_test(t, create_is_exclusive);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
