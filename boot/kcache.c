/*
 * The cache of unpacked kernels: one file for each kernel file that was seen.
 */
#include "boot/kcache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
	KCACHE_VERSION = 2,
	KCACHE_NAME_LEN = 144,
	/* Of the image, what the checksum covers: its headers */
	KCACHE_HEAD_LEN = 4096,
	/* Others may put and remove entries at the same time, not for ever. */
	KCACHE_LINK_TRIES = 4,
};

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

/**
 * struct trailer - What comes after the image in an entry
 * @magic:	trailer_magic
 * @version:	KCACHE_VERSION
 * @zero:	0
 * @key:	The kernel again: the name may be wrong
 * @image_len:	Bytes before the trailer; the file ends after it
 * @sum:	FNV-1a of the image's first bytes, then of the trailer so far
 */
struct trailer {
	char magic[8];
	uint32_t version;
	uint32_t zero;
	struct kcache_key key;
	uint64_t image_len;
	uint64_t sum;
};
static_assert(sizeof(struct trailer) == 80, "written to disk");

static const char trailer_magic[8] = "WherryK";

static uint64_t fnv1a(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	return hash;
}

static uint64_t checksum(const void *head, uint64_t image_len,
			 const struct trailer *t)
{
	uint64_t hash = fnv1a(FNV_BASIS, head, MIN(image_len, KCACHE_HEAD_LEN));

	return fnv1a(hash, t, offsetof(struct trailer, sum));
}

static int64_t to_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void kcache_key_init(struct kcache_key *key, const struct stat *st)
{
	*key = (struct kcache_key){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = to_ns(st->st_mtim),
		.ctime_ns = to_ns(st->st_ctim),
	};
}

void kcache_key_add(struct kcache_key *key, const char *text)
{
	key->what = fnv1a(key->what ? key->what : FNV_BASIS, text,
			  strlen(text) + 1);
}

static void entry_name(char name[KCACHE_NAME_LEN], const struct kcache_key *key)
{
	snprintf(name, KCACHE_NAME_LEN,
		 "%s-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64
		 "-%" PRIx64,
		 key->what ? "modules" : "vmlinux", key->dev, key->ino,
		 key->size, (uint64_t)key->mtime_ns, (uint64_t)key->ctime_ns,
		 key->what);
}

/* The modification time of an entry: whole seconds, which every file system
 * can keep.
 */
static time_t entry_mtime(const struct kcache_key *key)
{
	return (time_t)(key->mtime_ns / NS_PER_S);
}

/* Is this the entry of @key, complete and as this user has written it? */
static int check_entry(int fd, const struct kcache_key *key,
		       uint64_t *image_len)
{
	char head[KCACHE_HEAD_LEN];
	struct trailer t;
	struct stat st;
	uint64_t len;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_size < (off_t)sizeof(t) ||
	    st.st_mtim.tv_sec != entry_mtime(key) || st.st_mtim.tv_nsec)
		return -ENOENT;
	len = (uint64_t)st.st_size - sizeof(t);
	err = fd_read_full(fd, &t, sizeof(t), len);
	if (!err)
		err = fd_read_full(fd, head, MIN(len, sizeof(head)), 0);
	if (err)
		return err;
	if (memcmp(t.magic, trailer_magic, sizeof(t.magic)) != 0 ||
	    t.version != KCACHE_VERSION || t.image_len != len ||
	    memcmp(&t.key, key, sizeof(*key)) != 0 ||
	    t.sum != checksum(head, len, &t))
		return -ENOENT;
	*image_len = len;
	return 0;
}

static int get_at(int dir_fd, const struct kcache_key *key, uint64_t *image_len)
{
	char name[KCACHE_NAME_LEN];
	int err;
	int fd;

	entry_name(name, key);
	/* Whatever lies there, opening it must not wait. */
	fd = openat(dir_fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = check_entry(fd, key, image_len);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int kcache_get(const char *dir, const struct kcache_key *key,
	       uint64_t *image_len)
{
	autofd dir_fd = open_dir(dir);

	return dir_fd < 0 ? dir_fd : get_at(dir_fd, key, image_len);
}

/* Make a directory and those above it; the last open tells of failures. */
static int make_dir(const char *dir)
{
	char path[PATH_MAX];
	size_t len = strlen(dir);

	if (len >= sizeof(path))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (dir[i] != '/' && dir[i])
			continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		mkdir(path, 0700);
	}
	return open_dir(dir);
}

static int write_entry(int fd, const struct kcache_key *key, const void *image,
		       size_t image_len)
{
	struct trailer t = {
		.version = KCACHE_VERSION,
		.key = *key,
		.image_len = image_len,
	};
	struct timespec times[2] = {
		{.tv_nsec = UTIME_NOW},
		{.tv_sec = entry_mtime(key)},
	};
	int err;

	memcpy(t.magic, trailer_magic, sizeof(t.magic));
	t.sum = checksum(image, image_len, &t);
	err = fd_write_full(fd, image, image_len);
	if (!err)
		err = fd_write_full(fd, &t, sizeof(t));
	if (err)
		return err;
	/* A name that outlives a crash must not lead to lost contents. */
	if (futimens(fd, times) < 0 || fdatasync(fd) < 0)
		return -errno;
	return 0;
}

/* Give the file its name. If a good entry has it already, that one is better:
 * the host has its pages in memory.
 */
static int link_entry(int dir_fd, int fd, const struct kcache_key *key)
{
	char name[KCACHE_NAME_LEN];
	char path[32];
	uint64_t len;

	entry_name(name, key);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < KCACHE_LINK_TRIES; i++) {
		int other;

		if (linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) ==
		    0)
			return fd;
		if (errno != EEXIST)
			return -errno;
		other = get_at(dir_fd, key, &len);
		if (other >= 0) {
			close(fd);
			return other;
		}
		if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return -EEXIST;
}

int kcache_put(const char *dir, const struct kcache_key *key, const void *image,
	       size_t image_len)
{
	autofd dir_fd = make_dir(dir);
	int result;
	int fd;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	result = write_entry(fd, key, image, image_len);
	if (!result)
		result = link_entry(dir_fd, fd, key);
	if (result < 0)
		close(fd);
	return result;
}
