/*
 * What tells a host file from another one that has its number before or after
 * it: the host's file handle, or the time of its birth where the file system
 * gives out no handles.
 *
 * A file can be opened by its handle, whatever its name is by now, if the
 * server may do that (CAP_DAC_READ_SEARCH). Handles never come from the guest
 * and never reach it.
 */
#ifndef DEVICES_FS_FILEID_H
#define DEVICES_FS_FILEID_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

struct statx;
struct versions;

enum {
	FILEID_MAX_LEN = MAX_HANDLE_SZ,
	FILEID_BIRTH = -1, /* type of an id that is no handle */
	FILEID_SEEN = -2,  /* the same, but whether there is one is not known */
};

/**
 * struct fileid - Identity of a host file beside device and number
 * @type:	Type of the handle, FILEID_BIRTH or FILEID_SEEN
 * @len:	Bytes in use; none if nothing at all is known
 * @bytes:	Handle, or seconds and nanoseconds
 */
struct fileid {
	int32_t type;
	uint8_t len;
	uint8_t bytes[FILEID_MAX_LEN];
};

/**
 * fileid_read() - Identity of a name in a directory, or of a descriptor
 * @id:		Filled
 * @dir_fd:	Directory; or the file itself, if @name is empty
 * @name:	One component, not followed
 * @stx:	Attributes of the file, with STATX_BTIME and STATX_MNT_ID
 *
 * If the name has got another file since @stx was read, @id may be that of the
 * other one. A name where another mount is by now has no handle.
 *
 * Return: 0 or a negative errno; that there are no handles is none
 * #syscalls(fs): name_to_handle_at
 */
int fileid_read(struct fileid *id, int dir_fd, const char *name,
		const struct statx *stx);

/** fileid_see() - What is known of a file without asking: FILEID_SEEN */
void fileid_see(struct fileid *id, const struct statx *stx);

/**
 * fileid_complete() - Make an identity of what was only seen
 * @id:		From fileid_see()
 * @fd:		The file
 * @mnt_id:	Of the mount that it was seen in
 *
 * Return: 0, or a negative errno with @id as it was: equal to no identity
 * #syscalls(fs): name_to_handle_at
 */
int fileid_complete(struct fileid *id, int fd, uint32_t mnt_id);

/** fileid_is_handle() - Can the file be opened by it? */
bool fileid_is_handle(const struct fileid *id);

/** fileid_key() - Key of a file in a table; 0 without a handle or a table */
uint64_t fileid_key(const struct fileid *id, const struct versions *v);

/**
 * fileid_open() - Open a file by its handle
 * @id:		A handle
 * @mount_fd:	Any file or directory of the same mount, open for reading
 *
 * Return: an O_PATH descriptor, -ESTALE if the file is gone, or another
 *	   negative errno
 * #syscalls(fs-handles): open_by_handle_at
 */
int fileid_open(const struct fileid *id, int mount_fd);

#endif /* DEVICES_FS_FILEID_H */
