/*
 * Where an inode's file is to be found when it is closed.
 */
#ifndef DEVICES_FS_PLACE_H
#define DEVICES_FS_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/fs/fileid.h"

struct inode;
struct inode_table;

/**
 * struct place - How to find a file again, and how to know that it is the one
 * @dir_id:	Node id of a directory that has it [constant]
 * @id_type:	Of its fileid [constant]
 * @id_len:	The same [constant]
 * @bytes:	Bytes of the fileid, then its name in that directory: empty if
 *		it has none, or is opened by its handle
 *
 * As short as can be: there is one for each file that the guest knows.
 */
struct place {
	uint64_t dir_id;
	int32_t id_type;
	uint8_t id_len;
	char bytes[];
};

/** place_new() - Make one, to be freed; NULL without memory */
struct place *place_new(const struct fileid *id, uint64_t dir_id,
			const char *name);

/** place_name() - The name that a file was seen under; "" if none is needed */
const char *place_name(const struct place *place);

/**
 * place_move() - The file has another name by now
 *
 * Without memory, nothing happens.
 */
void place_move(struct place **place, uint64_t dir_id, const char *name);

/**
 * place_complete() - The file was only seen, now its identity is known
 *
 * Without memory, nothing happens: it will not be found again.
 */
void place_complete(struct place **place, const struct fileid *id);

/** place_id() - Identity of the file */
void place_id(const struct place *place, struct fileid *id);

/** place_is_of() - Is this the place of a file with this identity? */
bool place_is_of(const struct place *place, const struct fileid *id);

/**
 * place_open() - Open the file of an inode again
 * @t:		Inodes; the lock is not held
 * @inode:	In use
 *
 * Return: an O_PATH descriptor; -ESTALE if the file is not to be found, or is
 *	   another one by now; or another negative errno
 * #syscalls(fs): openat2 statx name_to_handle_at close
 * #syscalls(fs-handles): open_by_handle_at
 */
int place_open(struct inode_table *t, struct inode *inode);

#endif /* DEVICES_FS_PLACE_H */
