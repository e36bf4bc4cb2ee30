/*
 * Tables of versions that the machines of one user have in common.
 */
#include "vmm/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

enum { TRIES = 100 }; /* each one lost to somebody who ended just then */

static void make_empty(struct table_file *table)
{
	*table = (struct table_file){.dir_fd = -1, .fd = -1};
}

/* Is it a file or directory that nobody else could have put or can change? */
static bool is_ours(int fd, mode_t type, struct stat *st)
{
	return !fstat(fd, st) && (st->st_mode & S_IFMT) == type &&
	       st->st_uid == geteuid() && !(st->st_mode & 077);
}

static int open_all(struct table_file *table, const char *all)
{
	struct stat st;

	if (mkdir(all, 0700) && errno != EEXIST)
		return -errno;
	table->dir_fd =
		open(all, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (table->dir_fd < 0)
		return -errno;
	return is_ours(table->dir_fd, S_IFDIR, &st) ? 0 : -EPERM;
}

/* Does the name still name the file that is open? */
static bool has_name(const struct table_file *table, const struct stat *st)
{
	struct stat named;

	return !fstatat(table->dir_fd, table->name, &named,
			AT_SYMLINK_NOFOLLOW) &&
	       named.st_ino == st->st_ino && named.st_dev == st->st_dev;
}

/* Nobody else has the file: what is in it was left behind. -EAGAIN: removed. */
static int make_new(const struct table_file *table, const struct stat *st)
{
	if (st->st_size) {
		if (has_name(table, st))
			unlinkat(table->dir_fd, table->name, 0);
		return -EAGAIN;
	}
	/* A page that there is no memory for later would end the monitor. */
	return fallocate(table->fd, 0, 0, VERSIONS_FILE_LEN) ? -errno : 0;
}

/* Open and lock the file that has the name: -EAGAIN if it has another one. */
static int try_to_open(struct table_file *table)
{
	struct stat st;
	int err = 0;

	table->fd = openat(table->dir_fd, table->name,
			   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (table->fd < 0)
		return -errno;
	if (!is_ours(table->fd, S_IFREG, &st))
		return -EPERM;
	if (!flock(table->fd, LOCK_EX | LOCK_NB)) {
		/* Somebody may have used it since it was opened. */
		if (!is_ours(table->fd, S_IFREG, &st))
			return -EPERM;
		err = make_new(table, &st);
	}
	if (!err && flock(table->fd, LOCK_SH))
		err = -errno;
	if (err)
		return err;
	/* Between the two locks it may have been anybody's. */
	if (!is_ours(table->fd, S_IFREG, &st))
		return -EPERM;
	if (!has_name(table, &st) || !st.st_size)
		return -EAGAIN;
	return versions_init(&table->versions, table->fd);
}

int table_open(struct table_file *table, const char *all, const char *path,
	       struct fail *fail)
{
	struct stat st;
	int err;

	make_empty(table);
	/* What is wrong with the directory is said by who opens it. */
	if (stat(path, &st))
		return 0;
	snprintf(table->name, sizeof(table->name), "%llx-%llx",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	err = open_all(table, all);
	if (err)
		return fail_set(fail, err,
				"cache=shared: %s: %s; make it a directory "
				"that only you may enter, or choose another "
				"cache=",
				all, strerror(-err));
	err = -EAGAIN;
	for (int i = 0; err == -EAGAIN && i < TRIES; i++) {
		fd_close(&table->fd);
		err = try_to_open(table);
	}
	return err ? fail_set(fail, err,
			      "cache=shared: %s/%s: %s; remove it, or choose "
			      "another cache=",
			      all, table->name, strerror(-err))
		   : 0;
}

void table_close(struct table_file *table)
{
	struct stat st;

	versions_destroy(&table->versions);
	if (table->fd >= 0 && !flock(table->fd, LOCK_EX | LOCK_NB) &&
	    !fstat(table->fd, &st) && has_name(table, &st))
		unlinkat(table->dir_fd, table->name, 0);
	fd_close(&table->fd);
	fd_close(&table->dir_fd);
}

static int open_one(struct table_file *table, struct fs_config *fs,
		    const char *path, struct fail *fail)
{
	char all[32];
	int err;

	if (fs->cache != FS_CACHE_SHARED)
		return 0;
	snprintf(all, sizeof(all), "/dev/shm/wherry-%u", geteuid());
	err = table_open(table, all, path, fail);
	if (!err && table->versions.map)
		fs->versions = &table->versions;
	return err;
}

/* Does the monitor write files that may be in a share? Its streams may be. */
static bool has_files(void)
{
	struct stat st;

	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (!fstat(fd, &st) && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

int tables_open(struct tables *t, struct config *config, struct fail *fail)
{
	unsigned int cnt = config->share_cnt + (config->command == CONFIG_RUN);
	bool hear_own = cnt > 1 || has_files();
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(t->file); i++)
		make_empty(&t->file[i]);
	if (config->command == CONFIG_RUN)
		err = open_one(&t->file[CONFIG_MAX_SHARES], &config->root,
			       config->rootfs, fail);
	config->root.hear_own = hear_own;
	for (unsigned int i = 0; !err && i < config->share_cnt; i++) {
		struct config_share *share = &config->share[i];

		share->fs.hear_own = hear_own;
		err = open_one(&t->file[i], &share->fs, share->dir, fail);
	}
	return err;
}

void tables_close(struct tables *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(t->file); i++)
		table_close(&t->file[i]);
}

void tables_forget(struct tables *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(t->file); i++) {
		fd_close(&t->file[i].fd);
		fd_close(&t->file[i].dir_fd);
	}
}
