/*
 * The FUSE server: begin and end. fs_serve() is in dispatch.c.
 */
#include "devices/fs/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "devices/fs/inode_room.h"
#include "devices/fs/lock_wait.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "devices/fs/stats.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* Open /proc/self/fd, or take what is given; it must be the real one. */
static int open_proc(struct fs *fs, int given_fd)
{
	struct statfs st;

	if (given_fd < 0)
		fs->proc_fd =
			open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	else
		fs->proc_fd = fcntl(given_fd, F_DUPFD_CLOEXEC, 0);
	if (fs->proc_fd < 0)
		return -errno;
	if (fstatfs(fs->proc_fd, &st) < 0)
		return -errno;
	return st.f_type == PROC_SUPER_MAGIC ? 0 : -ENOENT;
}

/* Everything but the inodes, whose limits it finds. */
static int init_tables(struct fs *fs, const struct fs_config *config,
		       struct inode_limits *limits)
{
	struct rlimit files;
	int err;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	limits->open_max = MIN(files.rlim_cur / 4, FS_MAX_OPEN);
	err = handle_table_init(&fs->handles,
				MIN(files.rlim_cur / 4, FS_MAX_HANDLES),
				&fs->inodes);
	if (!err)
		err = lock_table_init(&fs->locks,
				      MIN(files.rlim_cur / 16, FS_MAX_LOCKS));
	if (!err)
		err = dax_init(&fs->dax, config->window, config->dax_len,
			       config->dax_max, &fs->handles);
	fs->dax.versions = fs->versions;
	return err;
}

/* Can the server be what was asked for? */
static int check_owner(const struct fs *fs, const char *only)
{
	if (fs->owner == FS_OWNER_MAP)
		return 0;
	if (fs->uid.rule_cnt || fs->gid.rule_cnt)
		return -EINVAL;
	return owner_probe(fs->root_fd, only ? only : ".");
}

int fs_init(struct fs *fs, const struct fs_config *config)
{
	struct inode_limits limits = {
		.max_cnt = MIN(MAX(config->max_inodes, FS_MIN_INODES),
			       FS_MAX_INODES),
		.handles = config->handles,
		.room_min = config->dax_min,
		.versions = config->cache == FS_CACHE_SHARED ? config->versions
							     : NULL,
	};
	int root_fd;
	int err;

	*fs = (struct fs){
		.cache = config->cache,
		.versions = limits.versions,
		.read_only = config->read_only,
		.writeback = config->writeback,
		.local_locks = config->local_locks,
		.owner = config->owner,
		.uid = config->uid,
		.gid = config->gid,
		.root_fd = -1,
		.proc_fd = -1,
	};
	opened_init(&fs->opened);
	marks_init(&fs->marks, fs->versions, config->hear_own);
	pthread_mutex_init(&fs->owner_lock, NULL);
	err = ahead_init(&fs->ahead);
	if (!err)
		err = open_proc(fs, config->proc_fd);
	if (err)
		return err;
	if (config->stats)
		fs->stats = stats_create();
	if (config->stats && !fs->stats)
		return -ENOMEM;
	err = init_tables(fs, config, &limits);
	if (err)
		return err;
	fs->root_fd =
		openat(config->root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs->root_fd < 0)
		return -errno;
	marks_start(&fs->marks, fs->root_fd);
	err = check_owner(fs, config->only);
	if (err)
		return err;
	if (config->window)
		limits.room = inode_room_of(fs->root_fd, config->dax_len);
	/* The kernel makes its table of descriptors as long as this number
	 * needs: idle inodes, and as many that are in use. To extend it costs a
	 * process that has threads a grace period, in the middle of a request.
	 */
	root_fd = fcntl(fs->root_fd, F_DUPFD_CLOEXEC,
			MAX(2 * limits.open_max, 1) - 1);
	if (root_fd < 0)
		return -errno;
	return inode_table_init(&fs->inodes, &limits, root_fd);
}

int fs_start(struct fs *fs, const struct thread_entry *entry)
{
	return fs->local_locks ? 0 : lock_wait_start(&fs->locks, entry);
}

void fs_reset(struct fs *fs)
{
	atomic_store(&fs->ready, false);
	lock_table_reset(&fs->locks);
	dax_reset(&fs->dax);
	opened_reset(&fs->opened);
	handle_table_reset(&fs->handles);
	inode_table_reset(&fs->inodes);
}

void fs_destroy(struct fs *fs)
{
	lock_table_destroy(&fs->locks);
	dax_destroy(&fs->dax);
	handle_table_destroy(&fs->handles);
	inode_table_destroy(&fs->inodes);
	ahead_destroy(&fs->ahead);
	marks_destroy(&fs->marks);
	fd_close(&fs->root_fd);
	fd_close(&fs->proc_fd);
	free(fs->stats);
	fs->stats = NULL;
}

int fs_worker_init(struct fs_worker *worker)
{
	*worker = (struct fs_worker){
		.iov = malloc(FS_MAX_SEGMENTS * sizeof(*worker->iov)),
		.text = malloc(FS_TEXT_LEN),
		.data = malloc(FS_DATA_LEN),
		.names = {.data = malloc(AHEAD_LEN)},
	};
	if (!worker->iov || !worker->text || !worker->data ||
	    !worker->names.data)
		return -ENOMEM;
	return 0;
}

int fs_worker_enter(struct fs *fs, struct fs_worker *worker)
{
	return creds_enter(&worker->creds, fs->proc_fd);
}

void fs_worker_destroy(struct fs_worker *worker)
{
	free(worker->iov);
	free(worker->text);
	free(worker->data);
	free(worker->names.data);
	*worker = (struct fs_worker){0};
}
