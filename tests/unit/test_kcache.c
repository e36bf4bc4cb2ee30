/*
 * The cache of unpacked kernels: entries that are good, stale, damaged or
 * written by many at once.
 */
#include "boot/kcache.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"

enum {
	IMAGE_LEN = 100000,
	PROCESSES = 8,
};

static char root[64];
static char dir[96];
static char image[IMAGE_LEN];
static struct kcache_key key = {
	.dev = 1,
	.ino = 2,
	.size = 3,
	.mtime_ns = 1600000000123456789,
	.ctime_ns = 1600000000987654321,
};

static void setup(void)
{
	/* In memory: entries are synced to disk, and here are many. */
	snprintf(root, sizeof(root), "%s/wherry-kcache-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/a/b", root);
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (char)(i * 7 + i / 256);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(void)
{
	int fd = kcache_put(dir, &key, image, sizeof(image));

	ck_assert_int_ge(fd, 0);
	close(fd);
}

/* Is there an entry, and is it right? */
static int get(void)
{
	char *got = malloc(IMAGE_LEN);
	uint64_t len = 0;
	int fd = kcache_get(dir, &key, &len);

	if (fd >= 0) {
		ck_assert_uint_eq(len, IMAGE_LEN);
		ck_assert_int_eq(pread(fd, got, IMAGE_LEN, 0), IMAGE_LEN);
		ck_assert_mem_eq(got, image, IMAGE_LEN);
		close(fd);
	}
	free(got);
	return fd < 0 ? fd : 0;
}

/* The number of files in the cache; @path is set to one of them. */
static int count_files(char path[512])
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int cnt = 0;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, 512, "%s/%s", dir, entry->d_name);
		cnt++;
	}
	closedir(d);
	return cnt;
}

static void entry_path(char path[512])
{
	ck_assert_int_eq(count_files(path), 1);
}

/* After this an entry must be refused, and the next put must repair it. */
static void check_refused(void)
{
	char path[512];

	ck_assert_int_eq(get(), -ENOENT);
	put();
	ck_assert_int_eq(get(), 0);
	entry_path(path);
}

START_TEST(put_then_get)
{
	char path[512];
	struct stat st;

	ck_assert_int_eq(get(), -ENOENT);
	put();
	ck_assert_int_eq(get(), 0);
	put();
	ck_assert_int_eq(get(), 0);
	entry_path(path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(good_entry_stays)
{
	struct stat before;
	struct stat after;
	char path[512];

	put();
	entry_path(path);
	ck_assert_int_eq(stat(path, &before), 0);
	put();
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

START_TEST(small_image)
{
	uint64_t len = 5;
	int fd = kcache_put(dir, &key, image, 1);

	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = kcache_get(dir, &key, &len);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(len, 1);
	close(fd);
}
END_TEST

START_TEST(key_decides)
{
	static const size_t fields[] = {
		offsetof(struct kcache_key, dev),
		offsetof(struct kcache_key, ino),
		offsetof(struct kcache_key, size),
		offsetof(struct kcache_key, mtime_ns),
		offsetof(struct kcache_key, ctime_ns),
	};
	uint64_t len;

	put();
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct kcache_key other = key;

		((char *)&other)[fields[i]]++;
		ck_assert_int_eq(kcache_get(dir, &other, &len), -ENOENT);
	}
}
END_TEST

START_TEST(entry_of_another_kernel)
{
	struct kcache_key other = key;
	char wrong[512];
	char right[512];
	int fd;

	put();
	entry_path(right);
	ck_assert_int_eq(unlink(right), 0);
	other.ino++;
	fd = kcache_put(dir, &other, image, 100);
	ck_assert_int_ge(fd, 0);
	close(fd);
	entry_path(wrong);
	ck_assert_int_eq(rename(wrong, right), 0);
	check_refused();
}
END_TEST

/* Set the entry's time back, as if the damage had always been there. */
static void keep_time(const char *path)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT},
		{.tv_sec = key.mtime_ns / 1000000000},
	};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A directory that others may write is as good as what they put there. */
START_TEST(entry_of_another_user)
{
	char path[512];
	struct stat st;

	if (geteuid() != 0)
		return;
	put();
	entry_path(path);
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	check_refused();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
}
END_TEST

START_TEST(truncated)
{
	static const off_t lengths[] = {
		0, 1, 71, 72, 4096, IMAGE_LEN - 1, IMAGE_LEN, IMAGE_LEN + 71};
	char path[512];

	put();
	entry_path(path);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ck_assert_int_eq(truncate(path, lengths[i]), 0);
		keep_time(path);
		check_refused();
	}
	ck_assert_int_eq(truncate(path, IMAGE_LEN + 73), 0);
	keep_time(path);
	check_refused();
}
END_TEST

static void flip(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR);
	char c;

	ck_assert_int_eq(pread(fd, &c, 1, offset), 1);
	c ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &c, 1, offset), 1);
	close(fd);
}

START_TEST(damaged_headers)
{
	char path[512];

	put();
	entry_path(path);
	for (off_t i = 0; i < 4096; i += 211) {
		flip(path, i);
		keep_time(path);
		check_refused();
	}
	for (off_t i = 0; i < 72; i++) {
		flip(path, IMAGE_LEN + i);
		keep_time(path);
		check_refused();
	}
}
END_TEST

/* Whoever writes into the kernel itself shows by the file's time. */
START_TEST(damaged_contents)
{
	char path[512];

	put();
	entry_path(path);
	flip(path, IMAGE_LEN / 2);
	check_refused();
}
END_TEST

START_TEST(things_in_the_way)
{
	char path[512];

	put();
	entry_path(path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
	ck_assert_int_ne(get(), 0);
	put();
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	check_refused();
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(get(), -ENOENT);
	ck_assert_int_lt(kcache_put(dir, &key, image, IMAGE_LEN), 0);
}
END_TEST

START_TEST(directory_is_a_file)
{
	char path[512];
	uint64_t len;
	int fd;

	fd = open(strcat(strcpy(path, root), "/a"), O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_int_eq(kcache_get(path, &key, &len), -ENOTDIR);
	ck_assert_int_eq(kcache_put(path, &key, image, IMAGE_LEN), -ENOTDIR);
	ck_assert_int_eq(kcache_get(dir, &key, &len), -ENOTDIR);
	ck_assert_int_eq(kcache_put(dir, &key, image, IMAGE_LEN), -ENOTDIR);
	ck_assert_int_eq(kcache_put("", &key, image, IMAGE_LEN), -ENOENT);
}
END_TEST

START_TEST(path_too_long)
{
	char path[5000];
	uint64_t len;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(kcache_get(path, &key, &len), -ENAMETOOLONG);
	ck_assert_int_eq(kcache_put(path, &key, image, IMAGE_LEN),
			 -ENAMETOOLONG);
}
END_TEST

/* Run @work in several processes at once; all must succeed. */
static void run_all(int (*work)(void))
{
	pid_t pids[PROCESSES];
	int status;

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (!pids[i])
			_exit(work());
	}
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
	}
}

static int put_and_look(void)
{
	for (int i = 0; i < 20; i++) {
		char *got = malloc(IMAGE_LEN);
		int fd = kcache_put(dir, &key, image, IMAGE_LEN);

		if (fd < 0 || pread(fd, got, IMAGE_LEN, 0) != IMAGE_LEN ||
		    memcmp(got, image, IMAGE_LEN) != 0)
			return 1;
		close(fd);
		fd = kcache_get(dir, &key, &(uint64_t){0});
		if (fd < 0)
			return 2;
		close(fd);
		free(got);
	}
	return 0;
}

/* The same, with entries that break all the time: whatever is found is good. */
static int put_and_break(void)
{
	for (int i = 0; i < 20; i++) {
		char *got = malloc(IMAGE_LEN);
		uint64_t len;
		int fd = kcache_put(dir, &key, image, IMAGE_LEN);

		/* EEXIST: others were always faster */
		if (fd < 0 && fd != -EEXIST)
			return 1;
		if (fd >= 0) {
			futimens(fd, NULL);
			close(fd);
		}
		fd = kcache_get(dir, &key, &len);
		if (fd >= 0) {
			if (len != IMAGE_LEN ||
			    pread(fd, got, IMAGE_LEN, 0) != IMAGE_LEN ||
			    memcmp(got, image, IMAGE_LEN) != 0)
				return 2;
			close(fd);
		}
		free(got);
	}
	return 0;
}

START_TEST(concurrent)
{
	char path[512];

	run_all(put_and_look);
	ck_assert_int_eq(get(), 0);
	entry_path(path);
}
END_TEST

START_TEST(concurrent_damage)
{
	char path[512];

	run_all(put_and_break);
	put();
	ck_assert_int_eq(get(), 0);
	entry_path(path);
}
END_TEST

START_TEST(killed)
{
	char path[512];
	pid_t pid;

	ck_assert_int_eq(get(), -ENOENT);
	put();
	for (int i = 0; i < 20; i++) {
		entry_path(path);
		ck_assert_int_eq(unlink(path), 0);
		pid = fork();
		if (!pid) {
			kcache_put(dir, &key, image, IMAGE_LEN);
			_exit(0);
		}
		usleep((useconds_t)i * 20);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		ck_assert_int_le(count_files(path), 1);
		put();
		ck_assert_int_eq(get(), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kcache");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, put_then_get);
	tcase_add_test(tc, good_entry_stays);
	tcase_add_test(tc, small_image);
	tcase_add_test(tc, key_decides);
	tcase_add_test(tc, entry_of_another_kernel);
	tcase_add_test(tc, entry_of_another_user);
	tcase_add_test(tc, truncated);
	tcase_add_test(tc, damaged_headers);
	tcase_add_test(tc, damaged_contents);
	tcase_add_test(tc, things_in_the_way);
	tcase_add_test(tc, directory_is_a_file);
	tcase_add_test(tc, path_too_long);
	tcase_add_test(tc, concurrent);
	tcase_add_test(tc, concurrent_damage);
	tcase_add_test(tc, killed);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
