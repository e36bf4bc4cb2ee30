/*
 * Inodes: the files and directories that the guest knows, by node id.
 */
#include "devices/fs/inode.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/fs/fileid.h"
#include "devices/fs/inode_hash.h"
#include "devices/fs/inode_idle.h"
#include "devices/fs/inode_room.h"
#include "devices/fs/place.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* So many files are opened after one was stale: the guest's second look is one
 * of them, whoever else looks for what meanwhile.
 */
enum { CARE = 4096 };

/* Is the file opened again by its name? */
static bool is_named(const struct inode *inode)
{
	return !inode->mount;
}

/* Free an inode that nobody needs. */
static void reap(struct inode_table *t, struct inode *inode,
		 struct leftover *left)
{
	if (inode->slot.live || inode->slot.ref_cnt)
		return;
	if (inode_is_idle(inode))
		inode_idle_del(t, inode);
	t->open_cnt -= inode->fd >= 0;
	t->kept_cnt -= inode->kept;
	t->named_cnt -= is_named(inode);
	inode_hash_del(t, inode);
	left->inode_fd = fd_take(&inode->fd);
	left->mount_fd = mounts_put(&t->mounts, inode->mount);
	inode_room_give(t, inode);
	free(inode->place);
	inode->place = NULL;
	table_free(&t->table, inode);
}

void inode_begin(struct inode_table *t, struct inode *inode)
{
	if (inode_is_idle(inode))
		inode_idle_del(t, inode);
	inode->slot.ref_cnt++;
}

/* End to use an inode; the lock is held. */
static void end(struct inode_table *t, struct inode *inode,
		struct leftover *left)
{
	inode->slot.ref_cnt--;
	if (inode_is_idle(inode))
		inode_idle_add(t, inode);
	if (inode->slot.live)
		inode_idle_shrink(t, false, left);
	else
		reap(t, inode, left);
}

static void close_leftover(struct leftover *left)
{
	fd_close(&left->inode_fd);
	fd_close(&left->mount_fd);
}

/* Close one that had to be read before, unless it is used by now. */
static void close_seen(struct inode_table *t, struct inode *inode)
{
	struct leftover left = NOTHING;

	if (!inode)
		return;
	inode_idle_complete(t, inode);
	pthread_mutex_lock(&t->table.lock);
	inode->slot.ref_cnt--;
	if (inode_is_idle(inode))
		inode_idle_add_oldest(t, inode);
	if (inode->slot.live)
		inode_idle_shrink(t, false, &left);
	else
		reap(t, inode, &left);
	pthread_mutex_unlock(&t->table.lock);
	close_leftover(&left);
}

/* One was opened: close what @left has, and then another one if there are still
 * too many, which is so after open files were closed.
 */
static void make_up(struct inode_table *t, struct leftover *left)
{
	bool closes = left->inode_fd >= 0 || left->seen;
	struct leftover more = NOTHING;

	close_leftover(left);
	close_seen(t, left->seen);
	if (!closes)
		return;
	pthread_mutex_lock(&t->table.lock);
	inode_idle_shrink(t, true, &more);
	pthread_mutex_unlock(&t->table.lock);
	close_leftover(&more);
	close_seen(t, more.seen);
}

static uint64_t count_lookup(struct inode *inode)
{
	if (inode->lookup_cnt < UINT64_MAX)
		inode->lookup_cnt++;
	inode->slot.live = true;
	return table_id(&inode->slot);
}

/* Is the file to be found where it was seen? */
static bool place_fits(const struct inode *inode, const struct sighting *seen)
{
	return !is_named(inode) ||
	       (inode->place->dir_id == seen->dir_id &&
		!strcmp(place_name(inode->place), seen->name));
}

bool inode_known(struct inode_table *t, const struct sighting *seen,
		 uint64_t *id)
{
	struct inode *inode;
	bool known;

	pthread_mutex_lock(&t->table.lock);
	inode = inode_hash_find(t, seen->stx);
	/* The number of a file that is open is nobody else's. */
	known = inode && inode->fd >= 0 && !inode->kept &&
		place_fits(inode, seen);
	if (known)
		*id = count_lookup(inode);
	pthread_mutex_unlock(&t->table.lock);
	return known;
}

/**
 * struct news - What inode_learn() found out without the lock
 * @id:		Identity of the file
 * @place:	Where it is [owned until used]
 * @mount_fd:	From mounts_open(), or -1 [owned until used]
 */
struct news {
	struct fileid id;
	struct place *place;
	int mount_fd;
};

/* Let an inode that is closed have this descriptor. */
static void take_fd(struct inode_table *t, struct inode *inode, int *fd)
{
	if (inode->fd >= 0 || *fd < 0)
		return;
	inode->fd = fd_take(fd);
	t->open_cnt++;
	if (inode_is_idle(inode))
		inode_idle_add(t, inode);
}

static unsigned int take_mount(struct inode_table *t, uint32_t mnt_id,
			       struct news *news)
{
	unsigned int place = mounts_find(&t->mounts, mnt_id);

	if (!place && news->mount_fd >= 0)
		place = mounts_add(&t->mounts, mnt_id, &news->mount_fd);
	return place;
}

static void take_place(struct inode_table *t, struct inode *inode,
		       struct news *news)
{
	if (inode->place)
		t->named_cnt -= is_named(inode);
	free(inode->place);
	inode->place = news->place;
	news->place = NULL;
	t->named_cnt += is_named(inode);
}

/* Add an inode that is not in the hash, or only as a dead one. */
static int add(struct inode_table *t, const struct statx *stx,
	       struct news *news, struct inode **inode)
{
	void *item;
	int err = table_add(&t->table, &item);

	if (err)
		return err;
	*inode = item;
	(*inode)->fd = -1;
	(*inode)->dev = inode_device(stx);
	(*inode)->ino = stx->stx_ino;
	(*inode)->type = stx->stx_mode & S_IFMT;
	(*inode)->mnt_id = (uint32_t)stx->stx_mnt_id;
	(*inode)->key = fileid_key(&news->id, t->limits.versions);
	if (fileid_is_handle(&news->id))
		(*inode)->mount = take_mount(t, (*inode)->mnt_id, news);
	mounts_get(&t->mounts, (*inode)->mount);
	take_place(t, *inode, news);
	inode_room_take(t, *inode, stx);
	inode_hash_add(t, *inode);
	return 0;
}

/* Find the inode of a file, or add it; 1 if more has to be known for that. */
static int meet(struct inode_table *t, struct sighting *seen, struct news *news,
		uint64_t *id)
{
	struct inode *inode = inode_hash_find(t, seen->stx);
	bool same = inode &&
		    (inode->fd >= 0 || place_is_of(inode->place, &news->id));
	int err = 0;

	if (inode && !same && news->id.type == FILEID_SEEN)
		return 1;
	/* Another name of a file, or another file? A descriptor shows it. */
	if (same && seen->fd < 0 && !place_fits(inode, seen))
		return 1;
	if (!same)
		inode = NULL;
	if (!inode)
		err = add(t, seen->stx, news, &inode);
	else if (seen->dir_id && !place_fits(inode, seen))
		take_place(t, inode, news);
	if (err)
		return err;
	take_fd(t, inode, &seen->fd);
	/* It has a name again. */
	if (inode->kept && seen->dir_id) {
		inode_idle_set_kept(t, inode, false);
		if (inode_is_idle(inode))
			inode_idle_add(t, inode);
	}
	*id = count_lookup(inode);
	return 0;
}

/* Find out what is needed to find the file again. */
static int find_out(struct inode_table *t, const struct sighting *seen,
		    struct news *news)
{
	bool named;
	int err;

	if (seen->fd >= 0)
		err = fileid_read(&news->id, seen->fd, "", seen->stx);
	else
		err = fileid_read(&news->id, seen->dir_fd, seen->name,
				  seen->stx);
	if (err)
		return err;
	pthread_mutex_lock(&t->table.lock);
	named = !fileid_is_handle(&news->id) ||
		!mounts_find(&t->mounts, (uint32_t)seen->stx->stx_mnt_id);
	pthread_mutex_unlock(&t->table.lock);
	if (named && seen->fd < 0)
		return -EAGAIN;
	if (named && t->limits.handles && S_ISDIR(seen->stx->stx_mode))
		news->mount_fd = mounts_open(seen->fd, seen->stx);
	news->place =
		place_new(&news->id, seen->dir_id, named ? seen->name : "");
	return news->place ? 0 : -ENOMEM;
}

/* The same, but the identity is read before the inode is closed. */
static int find_out_later(const struct sighting *seen, struct news *news)
{
	fileid_see(&news->id, seen->stx);
	news->place = place_new(&news->id, seen->dir_id, seen->name);
	return news->place ? 0 : -ENOMEM;
}

/* Returns 1 if there is an inode that is closed: is it that of this file? */
static int learn(struct inode_table *t, struct sighting *seen, bool later,
		 uint64_t *id)
{
	struct news news = {.mount_fd = -1};
	struct leftover left = NOTHING;
	int err =
		later ? find_out_later(seen, &news) : find_out(t, seen, &news);

	if (!err) {
		pthread_mutex_lock(&t->table.lock);
		err = meet(t, seen, &news, id);
		if (!err)
			inode_idle_shrink(t, true, &left);
		pthread_mutex_unlock(&t->table.lock);
	}
	make_up(t, &left);
	free(news.place);
	fd_close(&news.mount_fd);
	return err;
}

int inode_learn(struct inode_table *t, struct sighting *seen, uint64_t *id)
{
	/* Of the identity comes the key. */
	bool later = !t->limits.handles && !t->limits.versions;
	int err = learn(t, seen, later, id);

	if (err > 0)
		err = seen->fd < 0 ? -EAGAIN : learn(t, seen, false, id);
	fd_close(&seen->fd);
	return err;
}

int inode_table_init(struct inode_table *t, const struct inode_limits *limits,
		     int root_fd)
{
	struct sighting root = {.fd = root_fd, .name = ""};
	struct inode *inode;
	struct statx stx;
	uint64_t id;
	int err;

	*t = (struct inode_table){.limits = *limits, .room = limits->room};
	err = table_init(&t->table, sizeof(struct inode), limits->max_cnt);
	if (err)
		goto fail;
	err = inode_hash_init(&t->hash);
	if (err)
		goto fail;
	if (statx(root_fd, "", AT_EMPTY_PATH, FS_STATX_MASK, &stx) < 0)
		err = -errno;
	else if (!S_ISDIR(stx.stx_mode))
		err = -ENOTDIR;
	if (err)
		goto fail;
	root.stx = &stx;
	err = inode_learn(t, &root, &id);
	if (err)
		return err;
	/* The first index, generation 0: what the protocol calls the root. */
	assert(id == FUSE_ROOT_ID);
	inode = table_at(&t->table, FUSE_ROOT_ID);
	inode_idle_del(t, inode);
	inode_idle_set_kept(t, inode, true);
	return 0;
fail:
	close(root_fd);
	return err;
}

/* Let the guest's count drop to zero. */
static void forget_at(struct inode_table *t, uint32_t idx)
{
	struct leftover left = NOTHING;
	struct inode *inode;

	pthread_mutex_lock(&t->table.lock);
	inode = table_at(&t->table, idx);
	if (inode->slot.live) {
		inode->slot.live = false;
		inode->lookup_cnt = 0;
		reap(t, inode, &left);
	}
	pthread_mutex_unlock(&t->table.lock);
	close_leftover(&left);
}

void inode_table_reset(struct inode_table *t)
{
	uint32_t used_cnt;

	pthread_mutex_lock(&t->table.lock);
	used_cnt = t->table.used_cnt;
	pthread_mutex_unlock(&t->table.lock);
	for (uint32_t i = FUSE_ROOT_ID + 1; i <= used_cnt; i++)
		forget_at(t, i);
}

void inode_table_destroy(struct inode_table *t)
{
	/* Nobody else is there: no lock, no list and no hash to be kept. */
	for (uint32_t i = FUSE_ROOT_ID; i <= t->table.used_cnt; i++) {
		struct inode *inode = table_at(&t->table, i);

		fd_close(&inode->fd);
		free(inode->place);
	}
	mounts_destroy(&t->mounts);
	inode_hash_destroy(&t->hash);
	table_destroy(&t->table);
}

uint64_t inode_learn_again(struct inode_table *t, struct inode *inode)
{
	uint64_t id;

	pthread_mutex_lock(&t->table.lock);
	id = count_lookup(inode);
	pthread_mutex_unlock(&t->table.lock);
	return id;
}

static bool is_open(struct inode_table *t, const struct inode *inode)
{
	bool is;

	pthread_mutex_lock(&t->table.lock);
	is = inode->fd >= 0;
	pthread_mutex_unlock(&t->table.lock);
	return is;
}

int inode_open(struct inode_table *t, struct inode *inode)
{
	struct leftover left = NOTHING;
	int fd;

	if (is_open(t, inode))
		return 0;
	fd = place_open(t, inode);
	/* Another thread may have opened it before it removed the name. */
	if (fd < 0 && is_open(t, inode))
		return 0;
	if (fd == -ESTALE)
		atomic_store(&t->care, CARE);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&t->table.lock);
	take_fd(t, inode, &fd);
	inode_idle_shrink(t, true, &left);
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
	make_up(t, &left);
	return 0;
}

int inode_get(struct inode_table *t, uint64_t id, struct inode **inode)
{
	bool ready = false;
	int err;

	pthread_mutex_lock(&t->table.lock);
	*inode = table_find(&t->table, id);
	if (*inode) {
		inode_begin(t, *inode);
		ready = (*inode)->fd >= 0;
	}
	pthread_mutex_unlock(&t->table.lock);
	if (!*inode)
		return -ESTALE;
	err = ready ? 0 : inode_open(t, *inode);
	if (err) {
		inode_put(t, *inode);
		*inode = NULL;
	}
	return err;
}

void inode_put(struct inode_table *t, struct inode *inode)
{
	struct leftover left = NOTHING;

	if (!inode)
		return;
	pthread_mutex_lock(&t->table.lock);
	end(t, inode, &left);
	pthread_mutex_unlock(&t->table.lock);
	close_leftover(&left);
}

bool inode_forget(struct inode_table *t, uint64_t id, uint64_t lookup_cnt)
{
	struct leftover left = NOTHING;
	struct inode *inode;
	bool gone = true;

	if (id == FUSE_ROOT_ID)
		return false;
	pthread_mutex_lock(&t->table.lock);
	inode = table_find(&t->table, id);
	if (inode) {
		inode->lookup_cnt -= MIN(lookup_cnt, inode->lookup_cnt);
		inode->slot.live = inode->lookup_cnt;
		gone = !inode->lookup_cnt;
		reap(t, inode, &left);
	}
	pthread_mutex_unlock(&t->table.lock);
	close_leftover(&left);
	return gone;
}
