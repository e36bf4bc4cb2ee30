/*
 * FUSE server: node ids and handles, their limits, and threads that share them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
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

START_TEST(dead_node_ids)
{
	static const uint64_t dead[] = {
		0,	    2,		1000,
		UINT32_MAX, 1ULL << 32, 1ULL << 32 | 1,
		1ULL << 63, UINT64_MAX, UINT64_MAX - 1,
	};
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(dead); i++) {
		client_lookup(c, dead[i], "f", &err);
		ck_assert_int_eq(err, -ESTALE);
		ck_assert_int_eq(
			client_simple(c, FUSE_STATFS, dead[i], NULL, NULL),
			-ESTALE);
		client_forget(c, dead[i], 1);
	}
}
END_TEST

START_TEST(forget_counts)
{
	int before = count_open_files(), err;
	uint64_t id = client_lookup(c, FUSE_ROOT_ID, "f", &err);

	ck_assert_uint_eq(client_lookup(c, FUSE_ROOT_ID, "f", &err), id);
	ck_assert_uint_eq(client_lookup(c, FUSE_ROOT_ID, "f", &err), id);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL), 0);
	ck_assert_int_eq(count_open_files(), before + 1);
	client_forget(c, id, 0);
	client_forget(c, id, 2);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL), 0);
	client_forget(c, id, 1);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL),
			 -ESTALE);
	ck_assert_int_eq(count_open_files(), before);
	/* Too much is as good as all; the place is used again by another id. */
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	client_forget(c, id, UINT64_MAX);
	client_forget(c, id, 1);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, id, NULL, NULL),
			 -ESTALE);
	ck_assert_uint_ne(client_lookup(c, FUSE_ROOT_ID, "f", &err), id);
}
END_TEST

START_TEST(the_root_cannot_be_forgotten)
{
	client_forget(c, FUSE_ROOT_ID, UINT64_MAX);
	client_forget(c, FUSE_ROOT_ID, 1);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
}
END_TEST

START_TEST(batch_forget_is_bounded_by_its_bytes)
{
	struct fuse_batch_forget_in arg = {.count = UINT32_MAX};
	struct fuse_forget_one one = {.nlookup = 1};
	int err;

	one.nodeid = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	client_begin(c, FUSE_BATCH_FORGET, 0);
	client_add(c, &arg, sizeof(arg));
	client_add(c, &one, sizeof(one));
	client_add(c, &one, sizeof(one) - 1);
	ck_assert_int_eq(client_call(c), CLIENT_NO_REPLY);
	ck_assert_int_eq(client_simple(c, FUSE_STATFS, one.nodeid, NULL, NULL),
			 -ESTALE);
}
END_TEST

START_TEST(flood_of_forgets)
{
	int before = count_open_files(), err;
	uint64_t id;

	for (int i = 0; i < 3000; i++) {
		id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
		client_forget(c, id, i % 3 + 1);
		client_forget(c, id + 1, 1);
	}
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

START_TEST(many_inodes_and_back)
{
	enum { CNT = 1100 };
	int before = count_open_files(), err;
	static uint64_t ids[CNT];
	char name[16];

	for (int i = 0; i < CNT; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(mknodat(c->dir_fd, name, S_IFREG | 0600, 0),
				 0);
	}
	for (int i = 0; i < CNT; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ids[i] = client_lookup(c, FUSE_ROOT_ID, name, &err);
		/* At the limit it says so. */
		ck_assert(ids[i] || err == -ENFILE);
	}
	for (int i = 0; i < CNT; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		if (ids[i])
			ck_assert_uint_eq(
				client_lookup(c, FUSE_ROOT_ID, name, &err),
				ids[i]);
		client_forget(c, ids[i], 2);
	}
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

START_TEST(limits_are_answers)
{
	char name[16];
	uint64_t fh;
	int err = 0, cnt = 0;

	c->fs->inodes.table.max_cnt = 10;
	c->fs->handles.table.max_cnt = 5;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		mknodat(c->dir_fd, name, S_IFREG | 0600, 0);
	}
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		cnt += client_lookup(c, FUSE_ROOT_ID, name, &err) != 0;
	}
	ck_assert_int_eq(cnt, 9);
	ck_assert_int_eq(err, -ENFILE);
	for (cnt = 0; !client_open_node(c, FUSE_OPENDIR, 1, 0, &fh); cnt++)
		;
	ck_assert_int_eq(cnt, 5);
	ck_assert_int_eq(client_release(c, FUSE_RELEASEDIR, 1, fh), 0);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &fh), 0);
}
END_TEST

START_TEST(handles_are_checked)
{
	uint64_t fh, dir_fh, id, other;
	int err;

	id = client_create(c, "a", 0644, &fh, &err);
	other = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(client_open_node(c, FUSE_OPENDIR, 1, 0, &dir_fh), 0);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), 0);
	/* of another inode, of another kind, invented, released */
	ck_assert_int_eq(client_read(c, other, fh, 0, 10), -EBADF);
	ck_assert_int_eq(client_read(c, 1, dir_fh, 0, 10), -EBADF);
	ck_assert_int_eq(client_read(c, id, fh + (1ULL << 32), 0, 10), -EBADF);
	ck_assert_int_eq(client_read(c, id, 0, 0, 10), -EBADF);
	ck_assert_int_eq(client_read(c, id, UINT64_MAX, 0, 10), -EBADF);
	ck_assert_int_eq(client_release(c, FUSE_RELEASEDIR, id, fh), -EBADF);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, 1, dir_fh), -EBADF);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), 0);
	ck_assert_int_eq(client_release(c, FUSE_RELEASE, id, fh), -EBADF);
	ck_assert_int_eq(client_read(c, id, fh, 0, 10), -EBADF);
}
END_TEST

START_TEST(nothing_is_left_open)
{
	int before = count_open_files(), err;
	struct client k;
	uint64_t fh;

	client_start(&k, FS_CACHE_AUTO, false);
	client_make_file(&k, "g", "text");
	client_create(&k, "f", 0644, &fh, &err);
	client_lookup(&k, FUSE_ROOT_ID, "g", &err);
	client_open_node(&k, FUSE_OPENDIR, FUSE_ROOT_ID, 0, &fh);
	client_close(&k);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

START_TEST(a_failed_start_leaves_nothing)
{
	int before = count_open_files();
	struct fs_config config = {FS_DEFAULTS};
	struct fs fs;

	client_make_file(c, "file", "text");
	config.root_fd = open(client_path(c, "file"), O_PATH);
	ck_assert_int_eq(fs_init(&fs, &config), -ENOTDIR);
	fs_destroy(&fs);
	close(config.root_fd);
	config.root_fd = -1;
	ck_assert_int_eq(fs_init(&fs, &config), -EBADF);
	fs_destroy(&fs);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

enum { THREADS = 4, ROUNDS = 150 };

/* Make, find, write, list and remove in one directory with all the others. */
static void one_round(struct client *k, const char *name)
{
	struct fuse_write_in arg = {.size = 5};
	struct fuse_read_in all = {.size = 4096};
	uint64_t id, fh;
	int err;

	id = client_create(k, name, 0644, &fh, &err);
	if (!err) {
		arg.fh = fh;
		ck_assert_int_eq(client_write(k, &arg, id, "hello"), 5);
		ck_assert_int_eq(client_release(k, FUSE_RELEASE, id, fh), 0);
		client_forget(k, id, 1);
	}
	id = client_lookup(k, FUSE_ROOT_ID, name, &err);
	client_forget(k, id, 1);
	err = client_open_node(k, FUSE_OPENDIR, FUSE_ROOT_ID, 0, &fh);
	ck_assert_int_eq(err, 0);
	all.fh = fh;
	client_begin(k, FUSE_READDIR, FUSE_ROOT_ID);
	client_add(k, &all, sizeof(all));
	ck_assert_int_eq(client_call(k), 0);
	client_release(k, FUSE_RELEASEDIR, FUSE_ROOT_ID, fh);
	err = client_simple(k, FUSE_UNLINK, FUSE_ROOT_ID, name, NULL);
	ck_assert(!err || err == -ENOENT);
}

static void *hammer(void *arg)
{
	unsigned int number = *(unsigned int *)arg;
	struct client k;
	char name[16];

	client_share(&k, c);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "t%u", (i * (number + 1)) % 5);
		one_round(&k, name);
	}
	client_unshare(&k);
	return NULL;
}

START_TEST(threads_share_a_server)
{
	unsigned int number[THREADS];
	pthread_t thread[THREADS];
	int before;

	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
	before = count_open_files();
	for (unsigned int i = 0; i < THREADS; i++) {
		number[i] = i;
		pthread_create(&thread[i], NULL, hammer, &number[i]);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(count_open_files(), before);
}
END_TEST

static void *restart(void *arg)
{
	struct client k;

	(void)arg;
	client_share(&k, c);
	for (int i = 0; i < ROUNDS; i++)
		ck_assert_int_eq(client_init(&k, 0), 0);
	client_unshare(&k);
	return NULL;
}

/* Look up and open while other threads end the session again and again. */
START_TEST(init_while_requests_are_in_flight)
{
	pthread_t thread;
	uint64_t id, fh;
	int err;

	pthread_create(&thread, NULL, restart, NULL);
	for (int i = 0; i < 3 * ROUNDS; i++) {
		id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
		ck_assert(!err || err == -EIO);
		err = client_open_node(c, FUSE_OPEN, id, O_RDONLY, &fh);
		ck_assert(!err || err == -EIO || err == -ESTALE);
		if (!err)
			ck_assert_int_le(client_read(c, id, fh, 0, 4), 4);
	}
	pthread_join(thread, NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_ids");
	TCase *t = tcase_create("fs_ids");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, dead_node_ids);
	tcase_add_test(t, forget_counts);
	tcase_add_test(t, the_root_cannot_be_forgotten);
	tcase_add_test(t, batch_forget_is_bounded_by_its_bytes);
	tcase_add_test(t, flood_of_forgets);
	tcase_add_test(t, many_inodes_and_back);
	tcase_add_test(t, limits_are_answers);
	tcase_add_test(t, handles_are_checked);
	tcase_add_test(t, nothing_is_left_open);
	tcase_add_test(t, a_failed_start_leaves_nothing);
	tcase_add_test(t, threads_share_a_server);
	tcase_add_test(t, init_while_requests_are_in_flight);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
