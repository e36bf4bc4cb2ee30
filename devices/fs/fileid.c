/*
 * What tells a host file from another one with its number.
 */
#include "devices/fs/fileid.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "devices/fs/versions.h"

/* The kernel's struct file_handle with room for the longest handle. */
union host_handle {
	struct file_handle head;
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

void fileid_see(struct fileid *id, const struct statx *stx)
{
	id->type = FILEID_SEEN;
	id->len = 0;
	if (!(stx->stx_mask & STATX_BTIME))
		return;
	memcpy(id->bytes, &stx->stx_btime.tv_sec, sizeof(int64_t));
	memcpy(id->bytes + sizeof(int64_t), &stx->stx_btime.tv_nsec,
	       sizeof(uint32_t));
	id->len = sizeof(int64_t) + sizeof(uint32_t);
}

/* Does this error mean that there will never be a handle? */
static bool is_without(int error)
{
	return error == EOPNOTSUPP || error == EOVERFLOW || error == EPERM ||
	       error == ENOSYS;
}

/* Complete what was seen by the handle of a name, or of a descriptor. */
static int read_handle(struct fileid *id, int dir_fd, const char *name,
		       uint32_t mnt_id)
{
	union host_handle host = {.head.handle_bytes = MAX_HANDLE_SZ};
	int flags = *name ? 0 : AT_EMPTY_PATH;
	int mount_id;

	if (name_to_handle_at(dir_fd, name, &host.head, &mount_id, flags) < 0) {
		if (!is_without(errno))
			return -errno;
		id->type = FILEID_BIRTH;
		return 0;
	}
	if ((uint32_t)mount_id != mnt_id || host.head.handle_type < 0) {
		id->type = FILEID_BIRTH;
		return 0;
	}
	id->type = host.head.handle_type;
	id->len = host.head.handle_bytes;
	memcpy(id->bytes, host.head.f_handle, id->len);
	return 0;
}

int fileid_read(struct fileid *id, int dir_fd, const char *name,
		const struct statx *stx)
{
	fileid_see(id, stx);
	return read_handle(id, dir_fd, name, (uint32_t)stx->stx_mnt_id);
}

int fileid_complete(struct fileid *id, int fd, uint32_t mnt_id)
{
	return read_handle(id, fd, "", mnt_id);
}

bool fileid_is_handle(const struct fileid *id)
{
	return id->type >= 0;
}

uint64_t fileid_key(const struct fileid *id, const struct versions *v)
{
	if (!v || !fileid_is_handle(id))
		return 0;
	return versions_key(v, id->type, id->bytes, id->len);
}

int fileid_open(const struct fileid *id, int mount_fd)
{
	union host_handle host = {
		.head.handle_bytes = id->len,
		.head.handle_type = id->type,
	};
	int fd;

	memcpy(host.head.f_handle, id->bytes, id->len);
	fd = open_by_handle_at(mount_fd, &host.head,
			       O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
