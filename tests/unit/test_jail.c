/*
 * A single file that is shared: nothing of its directory comes along.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/sandbox/jail.h"

enum { UNABLE = 77 };

static char dir[64];
static char path[96];

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_full(fd, text, strlen(text)))
		_exit(UNABLE);
	close(fd);
}

static void begin(void)
{
	char map[64];
	unsigned int uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		_exit(UNABLE);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
}

/* Only a check that fails says so: the status of a child is its last word. */
static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s (%s)\n", what, strerror(errno));
	_exit(1);
}
#define MUST(x) must((x), #x)

static int share(bool read_only)
{
	int file = open(path, O_PATH | O_CLOEXEC);
	int fd;

	MUST(file >= 0);
	MUST(jail_begin() == 0);
	fd = jail_clone_file(file, "file", read_only);
	close(file);
	errno = -fd;
	MUST(fd >= 0);
	return fd;
}

static bool is_same(int fd, const char *name, const char *other)
{
	struct stat a, b;

	return !fstatat(fd, name, &a, 0) && !stat(other, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int names(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *open_dir = fdopendir(fd);
	const struct dirent *entry;
	int cnt = 0;

	MUST(open_dir != NULL);
	while ((entry = readdir(open_dir)))
		cnt += entry->d_name[0] != '.';
	closedir(open_dir);
	return cnt;
}

static void reads_and_writes(void)
{
	int fd = share(false);
	int file = openat(fd, "file", O_RDWR | O_CLOEXEC);
	char text[16] = "";

	MUST(file >= 0);
	MUST(is_same(fd, "file", path));
	MUST(pread(file, text, sizeof(text), 0) == 6 &&
	     !strcmp(text, "shared"));
	MUST(pwrite(file, "S", 1, 0) == 1);
	MUST(ftruncate(file, 3) == 0);
	MUST(fchmod(file, 0640) == 0);
}

static void shows_nothing_else(void)
{
	static const char *const others[] = {
		"other", "../other", "..", "../..", "file/..", "/etc",
	};
	int fd = share(false);
	struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};

	MUST(names(fd) == 1);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		MUST(syscall(SYS_openat2, fd, others[i], &how, sizeof(how)) <
		     0);
	/* Even without that rule there is no way up. */
	MUST(!is_same(fd, "..", dir));
	MUST(faccessat(fd, "../other", F_OK, 0) && errno == ENOENT);
	MUST(names(openat(fd, "../../..", O_PATH)) == 1);
}

static void refuses_changes(void)
{
	int fd = share(false);
	int file = openat(fd, "file", O_PATH | O_CLOEXEC);

	MUST(openat(fd, "new", O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS);
	MUST(openat(fd, ".", O_TMPFILE | O_WRONLY, 0600) < 0 && errno == EROFS);
	MUST(mkdirat(fd, "new", 0700) && errno == EROFS);
	MUST(symlinkat("/", fd, "new") && errno == EROFS);
	MUST(mknodat(fd, "new", S_IFIFO, 0) && errno == EROFS);
	MUST(unlinkat(fd, "file", 0) && (errno == EROFS || errno == EBUSY));
	MUST(renameat(fd, "file", fd, "new") &&
	     (errno == EROFS || errno == EBUSY));
	MUST(linkat(fd, "file", fd, "new", 0));
	MUST(linkat(file, "", fd, "new", AT_EMPTY_PATH));
	MUST(linkat(fd, "file", AT_FDCWD, "new", 0));
	MUST(fchmodat(fd, ".", 0777, 0) && errno == EROFS);
	MUST(utimensat(fd, ".", NULL, 0) && errno == EROFS);
	MUST(names(fd) == 1);
}

static void read_only_is_refused(void)
{
	int fd = share(true);

	MUST(openat(fd, "file", O_RDONLY | O_CLOEXEC) >= 0);
	MUST(openat(fd, "file", O_WRONLY) < 0 && errno == EROFS);
	MUST(fchmodat(fd, "file", 0777, 0) && errno == EROFS);
}

static long mounts(void)
{
	FILE *file = fopen("/proc/self/mounts", "re");
	long cnt = 0;
	int c;

	MUST(file != NULL);
	while ((c = fgetc(file)) != EOF)
		cnt += c == '\n';
	fclose(file);
	return cnt;
}

/* Whatever else is to be opened by its path still is. */
static void leaves_no_trace(void)
{
	long before = mounts();
	struct stat root, now;

	MUST(!chdir(dir) && !stat("/", &root));
	share(false);
	share(true);
	MUST(mounts() == before);
	MUST(!access("file", F_OK) && !access("other", F_OK));
	MUST(!stat("../../../../../..", &now) && now.st_ino == root.st_ino &&
	     now.st_dev == root.st_dev);
}

/* Who replaces the file replaces it for himself. */
static void stays_with_the_file(void)
{
	int fd = share(false);
	char text[16] = "";
	int file;

	MUST(!chdir(dir) && !rename("other", "file"));
	file = openat(fd, "file", O_RDONLY | O_CLOEXEC);
	MUST(file >= 0 && read(file, text, sizeof(text)) == 6);
	MUST(!strcmp(text, "shared"));
}

static void (*const checks[])(void) = {
	reads_and_writes,     shows_nothing_else, refuses_changes,
	read_only_is_refused, leaves_no_trace,	  stays_with_the_file,
};

static int status_of(void (*check)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		begin();
		if (check)
			check();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

START_TEST(a_file_is_alone)
{
	char other[96];
	int status;

	strcpy(dir, "/tmp/wherry-jail-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	write_file(path, "shared");
	write_file(other, "secret");
	status = status_of(checks[_i]);
	unlink(path);
	unlink(other);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_failure_leaves_nothing)
{
	ck_assert_int_eq(jail_clone_file(-1, "file", false), -EBADF);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jail");
	TCase *tcase = tcase_create("jail");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	if (status_of(NULL) == UNABLE) {
		puts("no user namespaces here");
		return UNABLE;
	}
	tcase_add_loop_test(tcase, a_file_is_alone, 0, ARRAY_SIZE(checks));
	tcase_add_test(tcase, a_failure_leaves_nothing);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
