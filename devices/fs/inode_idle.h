/*
 * Inodes that are open though no request uses them: a list by age, from which
 * the oldest is closed when more are open than should be.
 *
 * Theory of operation: a file that is closed must be known again when it is
 * opened by its name, so its identity has to be read (fileid.h). As long as it
 * is open its number is nobody else's. So if names are all that files are found
 * by, the identity is read when a file is about to be closed, which most are
 * not before the guest forgets them. It takes a system call, across which the
 * table's lock is not held: the inode is in use meanwhile. Only who has opened
 * one more does that. Others, among them threads that may not make the call,
 * let such an inode be.
 *
 * The inode table's lock is held, unless a function says otherwise.
 */
#ifndef DEVICES_FS_INODE_IDLE_H
#define DEVICES_FS_INODE_IDLE_H

#include <stdbool.h>

struct inode;
struct inode_table;

/**
 * struct leftover - What is to be done when the lock is not held any more
 * @inode_fd:	To be closed, or -1 [owned]
 * @mount_fd:	The same [owned]
 * @seen:	To be closed when its identity was read; in use. Or NULL
 */
struct leftover {
	int inode_fd;
	int mount_fd;
	struct inode *seen;
};

#define NOTHING ((struct leftover){-1, -1, NULL})

/** inode_is_idle() - Is the inode open, and does nobody use or keep it? */
bool inode_is_idle(const struct inode *inode);

/** inode_idle_add() - An inode has become idle: it is the youngest */
void inode_idle_add(struct inode_table *t, struct inode *inode);

/** inode_idle_add_oldest() - The same of the next one to be closed */
void inode_idle_add_oldest(struct inode_table *t, struct inode *inode);

/** inode_idle_set_kept() - Is it kept? The list is the caller's care */
void inode_idle_set_kept(struct inode_table *t, struct inode *inode, bool kept);

/** inode_idle_del() - An inode is idle no more */
void inode_idle_del(struct inode_table *t, struct inode *inode);

/**
 * inode_idle_shrink() - Close the oldest one, if too many are open
 * @t:		Inodes
 * @reads:	If it was only seen, the caller reads its identity
 * @left:	Added to: what is to be closed
 */
void inode_idle_shrink(struct inode_table *t, bool reads,
		       struct leftover *left);

/**
 * inode_idle_complete() - Read the identity of an inode that was only seen
 * @t:		Inodes; the lock is not held
 * @inode:	In use and open
 *
 * If that fails, the file will not be found again.
 * #syscalls(fs): name_to_handle_at
 */
void inode_idle_complete(struct inode_table *t, struct inode *inode);

#endif /* DEVICES_FS_INODE_IDLE_H */
