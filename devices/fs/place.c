/*
 * Where an inode's file is to be found when it is closed.
 */
#include "devices/fs/place.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "devices/fs/inode.h"
#include "vmm/base/fd.h"

/* Longest way from a directory that is open to a file that is not. */
enum { WAY_MAX = 4 * PATH_MAX };

/* From an open directory to a file: names between slashes, from @at on. */
struct way {
	struct inode *from;
	size_t at;
	char text[WAY_MAX];
};

struct place *place_new(const struct fileid *id, uint64_t dir_id,
			const char *name)
{
	size_t name_len = strlen(name) + 1;
	struct place *place = malloc(sizeof(*place) + id->len + name_len);

	if (!place)
		return NULL;
	place->dir_id = dir_id;
	place->id_type = id->type;
	place->id_len = id->len;
	memcpy(place->bytes, id->bytes, id->len);
	memcpy(place->bytes + id->len, name, name_len);
	return place;
}

const char *place_name(const struct place *place)
{
	return place->bytes + place->id_len;
}

bool place_is_of(const struct place *place, const struct fileid *id)
{
	return place->id_type == id->type && place->id_len == id->len &&
	       !memcmp(place->bytes, id->bytes, id->len);
}

void place_id(const struct place *place, struct fileid *id)
{
	id->type = place->id_type;
	id->len = place->id_len;
	memcpy(id->bytes, place->bytes, id->len);
}

/* Put a new one in the place of @place, if there is memory for it. */
static void replace(struct place **place, struct place *new)
{
	if (!new)
		return;
	free(*place);
	*place = new;
}

void place_move(struct place **place, uint64_t dir_id, const char *name)
{
	struct fileid id;

	place_id(*place, &id);
	replace(place, place_new(&id, dir_id, name));
}

void place_complete(struct place **place, const struct fileid *id)
{
	replace(place, place_new(id, (*place)->dir_id, place_name(*place)));
}

static int open_by_handle(struct inode_table *t, const struct inode *inode)
{
	struct fileid id;
	int mount_fd = -1;

	pthread_mutex_lock(&t->table.lock);
	place_id(inode->place, &id);
	if (inode->mount)
		mount_fd = t->mounts.mount[inode->mount].fd;
	pthread_mutex_unlock(&t->table.lock);
	/* The mount is open as long as the inode is there. */
	return mount_fd < 0 ? -ESTALE : fileid_open(&id, mount_fd);
}

/* Put a name in front of the way; false if it gets too long. */
static bool prepend(struct way *way, const char *name)
{
	size_t len = strlen(name);

	if (len + 1 > way->at)
		return false;
	way->at -= len + 1;
	memcpy(way->text + way->at, name, len);
	way->text[way->at + len] = '/';
	return true;
}

/* Begin to use the nearest directory above that can be opened without another
 * one, and note the names from there on. The lock is held.
 */
static int find_way(struct inode_table *t, struct inode *inode, struct way *way)
{
	way->at = sizeof(way->text);
	do {
		if (!prepend(way, place_name(inode->place)))
			return -ESTALE;
		inode = table_find(&t->table, inode->place->dir_id);
		if (!inode)
			return -ESTALE;
	} while (inode->fd < 0 && !inode->mount);
	way->text[sizeof(way->text) - 1] = '\0';
	way->from = inode;
	inode_begin(t, inode);
	return 0;
}

static int open_beneath(int dir_fd, const char *path)
{
	return fd_open(dir_fd, path, O_PATH | O_NOFOLLOW, 0,
		       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			       RESOLVE_NO_MAGICLINKS);
}

/* Go the way, in pieces that are no longer than the kernel takes. */
static int go(int from_fd, char *path)
{
	int dir_fd = -1, fd = -1;

	while (*path) {
		size_t len = strnlen(path, PATH_MAX);
		char *end = path + len;

		if (len == PATH_MAX) {
			end = memrchr(path, '/', len);
			*end++ = '\0';
		}
		fd = open_beneath(dir_fd < 0 ? from_fd : dir_fd, path);
		fd_close(&dir_fd);
		if (fd < 0)
			return fd;
		dir_fd = fd;
		path = end;
	}
	return fd;
}

static bool is_at(struct inode_table *t, const struct inode *inode,
		  const struct fileid *id)
{
	bool is;

	pthread_mutex_lock(&t->table.lock);
	is = place_is_of(inode->place, id);
	pthread_mutex_unlock(&t->table.lock);
	return is;
}

/* Is what was found the inode's file? Under a name there can be another one by
 * now; a handle that was read by name can always have been another one's.
 */
static int check(struct inode_table *t, const struct inode *inode, bool named,
		 int fd)
{
	struct statx stx;
	struct fileid id;
	int err;

	if (statx(fd, "", AT_EMPTY_PATH, FS_STATX_MASK, &stx) < 0)
		return -errno;
	if (stx.stx_ino != inode->ino ||
	    makedev(stx.stx_dev_major, stx.stx_dev_minor) != inode->dev ||
	    (stx.stx_mode & S_IFMT) != inode->type)
		return -ESTALE;
	if (!named)
		return 0;
	/* It may not have been open before. */
	fileid_see(&id, &stx);
	if (is_at(t, inode, &id))
		return 0;
	err = fileid_read(&id, fd, "", &stx);
	if (err)
		return err;
	return is_at(t, inode, &id) ? 0 : -ESTALE;
}

static int open_by_name(struct inode_table *t, struct inode *inode)
{
	struct way way;
	int fd, err;

	pthread_mutex_lock(&t->table.lock);
	err = find_way(t, inode, &way);
	pthread_mutex_unlock(&t->table.lock);
	if (err)
		return err;
	err = inode_open(t, way.from);
	fd = err ? err : go(way.from->fd, way.text + way.at);
	inode_put(t, way.from);
	return fd;
}

int place_open(struct inode_table *t, struct inode *inode)
{
	bool named;
	int fd, err;

	pthread_mutex_lock(&t->table.lock);
	named = !inode->mount;
	pthread_mutex_unlock(&t->table.lock);
	fd = named ? open_by_name(t, inode) : open_by_handle(t, inode);
	/* Gone, or something else on the way there: the guest looks again. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
		return -ESTALE;
	if (fd < 0)
		return fd;
	err = check(t, inode, named, fd);
	if (err)
		fd_close(&fd);
	return err ? err : fd;
}
