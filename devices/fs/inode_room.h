/*
 * Room in the window: which files the guest is told to use there.
 *
 * Theory of operation: Linux maps files in pieces of 2 MiB and takes pieces
 * away from other files when it has none left, at the price of two messages for
 * what had been one. So only so many files are offered as fit, for as long as
 * the guest knows them: all others are read as without a window. The decision
 * is made once for each inode, since Linux drops one whose answer changes.
 */
#ifndef DEVICES_FS_INODE_ROOM_H
#define DEVICES_FS_INODE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct inode;
struct inode_table;
struct statx;

enum {
	ROOM_PIECE = 2 << 20, /* FUSE_DAX_SZ of Linux */
};

/**
 * inode_room_of() - How much room there is for files of a directory
 * @dir_fd:	The directory, O_PATH or better
 * @len:	Bytes of the window
 *
 * Linux begins to take pieces away when four fifths are in use. Where it is not
 * known that files can be mapped, there is no room: a guest that was told to
 * map one does not read it in another way.
 *
 * Return: pieces
 * #syscalls: fstatfs
 */
uint32_t inode_room_of(int dir_fd, uint64_t len);

/** inode_room_take() - Decide for a new inode; the table's lock is held */
void inode_room_take(struct inode_table *t, struct inode *inode,
		     const struct statx *stx);

/** inode_room_give() - The inode goes; the table's lock is held */
void inode_room_give(struct inode_table *t, struct inode *inode);

/** inode_has_room() - Is the guest to use the file of this id in the window? */
bool inode_has_room(struct inode_table *t, uint64_t id);

#endif /* DEVICES_FS_INODE_ROOM_H */
