/*
 * Host mounts below a share in which files can be opened by handle.
 */
#include "devices/fs/mounts.h"

#include <fcntl.h>
#include <stddef.h>

#include "devices/fs/fileid.h"
#include "vmm/base/fd.h"

unsigned int mounts_find(const struct mounts *m, uint32_t id)
{
	for (unsigned int i = 1; i < MOUNTS_MAX; i++) {
		if (m->mount[i].user_cnt && m->mount[i].id == id)
			return i;
	}
	return 0;
}

int mounts_open(int dir_fd, const struct statx *stx)
{
	struct fileid id;
	int mount_fd, fd = -1;

	if (fileid_read(&id, dir_fd, "", stx) || !fileid_is_handle(&id))
		return -1;
	mount_fd = fd_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, 0);
	if (mount_fd >= 0)
		fd = fileid_open(&id, mount_fd);
	if (fd < 0)
		fd_close(&mount_fd);
	fd_close(&fd);
	return mount_fd;
}

unsigned int mounts_add(struct mounts *m, uint32_t id, int *fd)
{
	for (unsigned int i = 1; i < MOUNTS_MAX; i++) {
		if (m->mount[i].user_cnt)
			continue;
		m->mount[i] = (struct mount){.id = id, .fd = fd_take(fd)};
		return i;
	}
	return 0;
}

void mounts_get(struct mounts *m, unsigned int place)
{
	if (place)
		m->mount[place].user_cnt++;
}

int mounts_put(struct mounts *m, unsigned int place)
{
	if (!place || --m->mount[place].user_cnt)
		return -1;
	return fd_take(&m->mount[place].fd);
}

void mounts_destroy(struct mounts *m)
{
	for (unsigned int i = 1; i < MOUNTS_MAX; i++) {
		if (m->mount[i].user_cnt)
			fd_close(&m->mount[i].fd);
	}
}
