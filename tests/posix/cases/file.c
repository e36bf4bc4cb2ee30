/*
 * Files of a case: made, filled, compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { TEXT_LEN = 4096, NS_PER_S = 1000000000 };

void make_file(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	close((int)OK(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600)));
	OK(chown(path, uid, gid));
	OK(chmod(path, mode));
}

void make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	OK(mkdir(path, 0700));
	OK(chown(path, uid, gid));
	OK(chmod(path, mode));
}

/* Name the file that a call failed for; keeps errno. */
static long named(long result, const char *path)
{
	int number = errno;

	if (result < 0)
		note("%s", path);
	errno = number;
	return result;
}

void put_text(const char *path, const char *text)
{
	/* Not O_TRUNC: ext4 makes it as slow as fsync(). */
	int fd = open_ok(path, O_CREAT | O_WRONLY);
	size_t len = strlen(text);

	OK(named(write(fd, text, len), path));
	OK(named(ftruncate(fd, (off_t)len), path));
	OK(named(close(fd), path));
}

void expect_text(const char *path, const char *text)
{
	char got[TEXT_LEN + 1];
	int fd = open_ok(path, O_RDONLY);
	ssize_t len = OK(named(read(fd, got, TEXT_LEN), path));

	got[len] = 0;
	close(fd);
	if (strcmp(got, text))
		note("%s has \"%.60s\", not \"%.60s\"", path, got, text);
	CHECK(!strcmp(got, text));
}

int open_ok(const char *path, int flags)
{
	return (int)OK(named(open(path, flags, 0666), path));
}

static unsigned char pattern(size_t offset, unsigned int seed)
{
	return (offset * 7 + (offset >> 8) * 13 + seed * 31) % 251 + 1;
}

void fill(void *data, size_t len, size_t offset, unsigned int seed)
{
	unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		byte[i] = pattern(offset + i, seed);
}

bool filled(const void *data, size_t len, size_t offset, unsigned int seed)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++) {
		if (byte[i] != pattern(offset + i, seed))
			return false;
	}
	return true;
}

struct stat stat_of(const char *path)
{
	struct stat st;

	OK(named(lstat(path, &st), path));
	return st;
}

struct stat stat_fd(int fd)
{
	struct stat st;

	OK(fstat(fd, &st));
	return st;
}

bool exists(const char *path)
{
	struct stat st;

	if (!lstat(path, &st))
		return true;
	IS(ENOENT, errno);
	return false;
}

const char *peer_path(const char *name)
{
	static char path[sizeof(suite.peer) + 256];

	snprintf(path, sizeof(path), "%s/%s", suite.peer, name);
	return path;
}

long long ns_of(struct timespec time)
{
	return time.tv_sec * (long long)NS_PER_S + time.tv_nsec;
}
