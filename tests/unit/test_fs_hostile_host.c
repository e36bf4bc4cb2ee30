/*
 * FUSE server, hostile cases of what happens on the host meanwhile: see
 * hostile.txt.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

enum { TEXT_LEN = 8, ROUNDS = 2000 };

static struct client client;
static struct client *const c = &client;

static void setup(void)
{
	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	ck_assert_int_eq(mkdirat(c->dir_fd, "d", 0755), 0);
	client_make_file(c, "d/x", "inside");
}

static void teardown(void)
{
	client_close(c);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int make_dir(uint64_t dir_id, const char *name)
{
	struct fuse_mkdir_in arg = {.mode = 0755};

	client_begin(c, FUSE_MKDIR, dir_id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

static int rename_to(const char *from, uint64_t dir_id, const char *to)
{
	struct fuse_rename_in arg = {.newdir = dir_id};

	client_begin(c, FUSE_RENAME, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, from);
	client_add_text(c, to);
	return client_call(c);
}

static int link_to(uint64_t id, uint64_t dir_id, const char *name)
{
	struct fuse_link_in arg = {.oldnodeid = id};

	client_begin(c, FUSE_LINK, dir_id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

/* Somebody on the host swaps a directory and a link to one that is outside. */
static pid_t start_swapping(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	while (!pid)
		renameat2(c->dir_fd, "d", c->dir_fd, "out", RENAME_EXCHANGE);
	return pid;
}

START_TEST(hostile_49_symlink_race)
{
	char outside[] = "/tmp/wherry-outside-XXXXXX";
	const struct fuse_entry_out *entry;
	struct stat inside;
	uint64_t dir_id;
	int err, found = 0, dir_fd;
	pid_t pid;

	ck_assert_ptr_nonnull(mkdtemp(outside));
	dir_fd = open(outside, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mknodat(dir_fd, "x", S_IFREG | 0644, 0), 0);
	ck_assert_int_eq(symlinkat(outside, c->dir_fd, "out"), 0);
	ck_assert_int_eq(stat(client_path(c, "d/x"), &inside), 0);
	pid = start_swapping();
	for (int i = 0; i < ROUNDS; i++) {
		dir_id = client_lookup(c, FUSE_ROOT_ID, "d", &err);
		if (!dir_id)
			continue;
		err = client_simple(c, FUSE_LOOKUP, dir_id, "x", NULL);
		if (!err) {
			entry = client_reply(c, sizeof(*entry));
			ck_assert_uint_eq(entry->attr.ino, inside.st_ino);
			client_forget(c, entry->nodeid, 1);
			found++;
		}
		make_dir(dir_id, "new");
		client_simple(c, FUSE_UNLINK, dir_id, "nothing", NULL);
		client_forget(c, dir_id, 1);
	}
	stop(pid);
	ck_assert_int_gt(found, 0);
	/* Nothing was made there: it holds one file. */
	ck_assert_int_eq(unlinkat(dir_fd, "x", 0), 0);
	ck_assert_int_eq(rmdir(outside), 0);
	close(dir_fd);
}
END_TEST

/* A file system of its own at a name of the share, seen by this process. */
static void mount_at(const char *name, const char *source)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", client_path(c, name));
	ck_assert_int_eq(mkdirat(c->dir_fd, name, 0755), 0);
	if (source)
		ck_assert_int_eq(mount(client_path(c, source), path, NULL,
				       MS_BIND, NULL),
				 0);
	else
		ck_assert_int_eq(mount("none", path, "tmpfs", 0, NULL), 0);
}

/* In a user namespace of its own a user is who it is outside. */
static void map_user(const char *path, unsigned int id)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "%u %u 1", id, id);
	ck_assert_int_eq(fclose(f), 0);
}

static void deny_setgroups(void)
{
	int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(write(fd, "deny", 4), 4);
	close(fd);
}

/* Mounts of this process only; not only root may have some. */
static void setup_mounts(void)
{
	unsigned int uid = geteuid(), gid = getegid();

	ck_assert_int_eq(unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)), 0);
	if (uid) {
		deny_setgroups();
		map_user("/proc/self/uid_map", uid);
		map_user("/proc/self/gid_map", gid);
	}
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL),
			 0);
	setup();
}

static void teardown_mounts(void)
{
	umount2(client_path(c, "m"), MNT_DETACH);
	teardown();
}

START_TEST(hostile_50_mount_inside)
{
	uint64_t mounted, id;
	int err;

	mount_at("m", NULL);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	mounted = client_lookup(c, FUSE_ROOT_ID, "m", &err);
	ck_assert_uint_ne(mounted, 0);
	ck_assert_int_eq(make_dir(mounted, "here"), 0);
	ck_assert_int_eq(rename_to("f", mounted, "f"), -EXDEV);
	ck_assert_int_eq(link_to(id, mounted, "f"), -EXDEV);
	ck_assert_uint_eq(client_lookup(c, mounted, "..", &err), FUSE_ROOT_ID);
	ck_assert_int_eq(client_simple(c, FUSE_RMDIR, 1, "m", NULL), -EBUSY);
}
END_TEST

START_TEST(hostile_50_bind_mount_inside)
{
	uint64_t bound, id;
	int err;

	mount_at("m", "d");
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	bound = client_lookup(c, FUSE_ROOT_ID, "m", &err);
	ck_assert_uint_ne(bound, 0);
	client_lookup(c, bound, "x", &err);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(rename_to("f", bound, "f"), -EXDEV);
	ck_assert_int_eq(link_to(id, bound, "f"), -EXDEV);
}
END_TEST

START_TEST(hostile_85_remounted_and_unmounted)
{
	char path[512];
	uint64_t mounted;
	int err;

	mount_at("m", NULL);
	snprintf(path, sizeof(path), "%s", client_path(c, "m"));
	mounted = client_lookup(c, FUSE_ROOT_ID, "m", &err);
	ck_assert_int_eq(
		mount("none", path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	ck_assert_int_eq(make_dir(mounted, "new"), -EROFS);
	ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
	ck_assert_int_lt(make_dir(mounted, "new"), 0);
	/* The name is the directory's below again. */
	ck_assert_uint_ne(client_lookup(c, FUSE_ROOT_ID, "m", &err), mounted);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(make_dir(FUSE_ROOT_ID, "alive"), 0);
}
END_TEST

START_TEST(hostile_85_root_deleted)
{
	uint64_t fh;
	int err;

	unlinkat(c->dir_fd, "d/x", 0);
	unlinkat(c->dir_fd, "d", AT_REMOVEDIR);
	unlinkat(c->dir_fd, "f", 0);
	ck_assert_int_eq(rmdir(c->path), 0);
	client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert(err == -ENOENT || err == -ESTALE);
	err = make_dir(FUSE_ROOT_ID, "new");
	ck_assert(err == -ENOENT || err == -ESTALE);
	client_create(c, "new", 0644, &fh, &err);
	ck_assert(err == -ENOENT || err == -ESTALE);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
	ck_assert_int_eq(client_init(c, 0), 0);
}
END_TEST

static void write_text(const char *name, char letter, int flags)
{
	int fd = openat(c->dir_fd, name, O_WRONLY | O_CREAT | flags, 0644);
	char text[TEXT_LEN];

	memset(text, letter, sizeof(text));
	if (write(fd, text, sizeof(text)) < 0)
		_exit(1);
	close(fd);
}

/* Somebody on the host replaces a file, each time by one of other letters. */
static pid_t start_replacing(void)
{
	pid_t pid;
	int i = 0;

	write_text("f", 'a', O_TRUNC);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	while (!pid) {
		write_text("g", (char)('a' + i++ % 26), O_TRUNC);
		renameat(c->dir_fd, "g", c->dir_fd, "f");
	}
	return pid;
}

/* What a node's file holds: its letter, or a negative errno. */
static int letter_of(uint64_t id)
{
	const char *text;
	uint64_t fh;
	int err = client_open_node(c, FUSE_OPEN, id, O_RDONLY, &fh);
	int letter;

	if (err)
		return err;
	ck_assert_int_eq(client_read(c, id, fh, 0, 100), TEXT_LEN);
	text = client_reply(c, TEXT_LEN);
	letter = text[0];
	for (int i = 1; i < TEXT_LEN; i++)
		ck_assert_int_eq(text[i], letter);
	client_release(c, FUSE_RELEASE, id, fh);
	return letter;
}

START_TEST(hostile_84_replaced_under_load)
{
	pid_t pid = start_replacing();
	int err, letter, read_cnt = 0;
	uint64_t id;

	for (int i = 0; i < ROUNDS; i++) {
		id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
		/* There is always one; it may be gone by now. */
		ck_assert_int_eq(err, 0);
		letter = letter_of(id);
		ck_assert(letter > 0 || letter == -ESTALE);
		/* A node's file is the same one the second time. */
		if (letter > 0) {
			err = letter_of(id);
			ck_assert(err == letter || err == -ESTALE);
			read_cnt++;
		}
		client_forget(c, id, 1);
	}
	stop(pid);
	ck_assert_int_gt(read_cnt, 0);
}
END_TEST

START_TEST(hostile_84_inode_number_reused)
{
	enum { CNT = 26 };
	uint64_t ids[CNT];
	int err;

	for (int i = 0; i < CNT; i++) {
		unlinkat(c->dir_fd, "f", 0);
		write_text("f", (char)('a' + i), O_EXCL);
		ids[i] = client_lookup(c, FUSE_ROOT_ID, "f", &err);
		ck_assert_int_eq(letter_of(ids[i]), 'a' + i);
	}
	for (int i = 0; i < CNT; i++) {
		err = letter_of(ids[i]);
		ck_assert(err == 'a' + i || err == -ESTALE);
		for (int j = 0; j < i; j++)
			ck_assert_uint_ne(ids[i], ids[j]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_hostile_host");
	TCase *mounts = tcase_create("mounts");
	TCase *t = tcase_create("host");

	tcase_add_checked_fixture(mounts, setup_mounts, teardown_mounts);
	tcase_add_test(mounts, hostile_50_mount_inside);
	tcase_add_test(mounts, hostile_50_bind_mount_inside);
	tcase_add_test(mounts, hostile_85_remounted_and_unmounted);
	suite_add_tcase(s, mounts);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, hostile_49_symlink_race);
	tcase_add_test(t, hostile_84_replaced_under_load);
	tcase_add_test(t, hostile_84_inode_number_reused);
	tcase_add_test(t, hostile_85_root_deleted);
	suite_add_tcase(s, t);
	return client_run(s);
}
