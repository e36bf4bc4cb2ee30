/*
 * Inodes: the files and directories that the guest knows, by node id.
 *
 * Theory of operation: the guest counts how often it was told about a file
 * (lookup_cnt) and gives that back with FORGET; an inode is freed when that
 * count and the requests in flight are both zero. A guest can know a million
 * files, a process cannot have as many open. So an inode is open (an O_PATH
 * descriptor) while a request uses it and for some time after:
 *
 *	in use		open; no limit but that of the requests in flight
 *	idle, open	in the list of idle inodes, from which the one that was
 *			not used for the longest time is closed when there are
 *			more than open_max (inode_idle.h)
 *	idle, closed	costs memory only. Opened again by the host's file
 *			handle (fileid.h) or, where that cannot be, by the name
 *			that it was seen under; then its identity is checked
 *	kept		open for good: the root, and a file that lost its last
 *			name, for nothing would find that one again
 *
 * A file that is looked up need not be opened: most are never used. But when
 * one was replaced before it was used (ESTALE), the guest's kernel looks once
 * more and then gives up. So for some time files are opened then, and stay what
 * they were (inode_takes_care()).
 *
 * Two names of one file get one node id: it is found by (device, number, type,
 * mount). An open inode's number cannot be given to another file; a closed
 * one's can, so its fileid is compared. The old inode then stays, and answers
 * ESTALE, until the guest forgets it.
 *
 * Locks: the table's, which is never held across a system call or together
 * with another one.
 */
#ifndef DEVICES_FS_INODE_H
#define DEVICES_FS_INODE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

#include "devices/fs/mounts.h"
#include "devices/fs/table.h"

struct place;
struct versions;

/**
 * struct inode_hash - Inodes by device and number (inode_hash.h)
 * @bucket:	First index of each chain, 0 if it is empty [owned]
 * @bits:	Logarithm of the number of buckets
 * @cnt:	Inodes in it
 */
struct inode_hash {
	uint32_t *bucket;
	unsigned int bits;
	uint32_t cnt;
};

/**
 * struct inode - A host file that the guest knows
 * @slot:	Place in the table
 * @fd:		O_PATH descriptor, -1 while closed [owned; constant in use]
 * @dev:	Device of the host file [constant]
 * @ino:	Number on that device [constant]
 * @type:	S_IFREG and so on [constant]
 * @mnt_id:	Kernel's number of the mount that it was seen in [constant]
 * @hash_next:	Next index in the same bucket [lock]
 * @older:	Neighbour in the list of idle ones [lock]
 * @newer:	The same [lock]
 * @mark_age:	Of its mark (marks.h); 0: none is known
 * @mount:	Place in the table of mounts; 0 if it has to be found by name
 *		[constant]
 * @kept:	Is open for good [lock]
 * @written:	A handle of it was written to
 * @pieces:	Room in the window that it has [lock]
 * @lookup_cnt:	How often the guest was told the id [lock]
 * @key:	In the table of versions; 0: none [constant]
 * @place:	How to find the file again [owned, lock]
 */
struct inode {
	struct table_slot slot;
	int fd;
	dev_t dev;
	ino_t ino;
	mode_t type;
	uint32_t mnt_id;
	uint32_t hash_next;
	uint32_t older;
	uint32_t newer;
	_Atomic uint32_t mark_age;
	uint8_t mount;
	bool kept;
	atomic_bool written;
	uint32_t pieces;
	uint64_t lookup_cnt;
	uint64_t key;
	struct place *place;
};

/**
 * struct inode_limits - How much there may be
 * @max_cnt:	Inodes
 * @open_max:	Idle inodes that stay open, and half as many that are kept
 * @handles:	Files are found again by handle, where that can be
 * @room:	Pieces of the window (inode_room.h)
 * @room_min:	Bytes of the smallest file that has room there
 * @versions:	Table in which files have keys, or NULL [borrowed]
 */
struct inode_limits {
	uint32_t max_cnt;
	uint32_t open_max;
	bool handles;
	uint32_t room;
	uint64_t room_min;
	const struct versions *versions;
};

/**
 * struct inode_table - All inodes
 * @table:	struct inode by node id, and the lock
 * @limits:	[init]
 * @hash:	By device and number [lock]
 * @open_cnt:	Inodes that are open [lock]
 * @kept_cnt:	Inodes that are kept [lock]
 * @named_cnt:	Inodes that are found by name [lock]
 * @room:	Pieces of the window that nobody has [lock]
 * @care:	Files that will be opened when they are looked up
 * @oldest:	First to be closed, 0 if none is idle and open [lock]
 * @newest:	Last to be closed [lock]
 * @mounts:	In which there are files with handles [lock]
 */
struct inode_table {
	struct table table;
	struct inode_limits limits;
	struct inode_hash hash;
	uint32_t open_cnt;
	uint32_t kept_cnt;
	uint32_t named_cnt;
	uint32_t room;
	atomic_uint care;
	uint32_t oldest;
	uint32_t newest;
	struct mounts mounts;
};

/**
 * struct sighting - A file that was just seen
 * @stx:	Its attributes: FS_STATX_MASK
 * @fd:		O_PATH descriptor, or -1; inode_learn() takes it
 * @dir_id:	Node id of the directory, 0 if it is not known
 * @dir_fd:	The directory
 * @name:	Name there
 */
struct sighting {
	const struct statx *stx;
	int fd;
	uint64_t dir_id;
	int dir_fd;
	const char *name;
};

/* What struct sighting wants to know. */
#define FS_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

/**
 * inode_table_init() - Make a table that knows the root
 * @t:		Table; to be destroyed whatever the result
 * @limits:	How much there may be
 * @root_fd:	O_PATH descriptor of a directory; taken, also on failure
 *
 * Return: 0, -ENOTDIR, or another negative errno
 * #syscalls: statx close openat name_to_handle_at open_by_handle_at
 */
int inode_table_init(struct inode_table *t, const struct inode_limits *limits,
		     int root_fd);

/**
 * inode_table_reset() - Forget all but the root, whatever the counts say
 *
 * An inode that another thread is using is freed when that thread is done.
 * #syscalls(loop vcpu fs): close brk
 */
void inode_table_reset(struct inode_table *t);

/** inode_table_destroy() - Forget everything; accepts a half-built @t */
void inode_table_destroy(struct inode_table *t);

/** inode_cnt() - How many there are */
uint32_t inode_cnt(struct inode_table *t);

/**
 * inode_known() - Tell the guest once more about a file that is open already
 * @t:		Inodes
 * @seen:	The file; its descriptor is not looked at
 * @id:		Node id, filled; lookup_cnt was raised by one
 *
 * Return: false if inode_learn() is needed
 */
bool inode_known(struct inode_table *t, const struct sighting *seen,
		 uint64_t *id);

/**
 * inode_learn() - The guest is told about a file once more
 * @t:		Inodes
 * @seen:	The file; its descriptor is taken, also on failure
 * @id:		Node id, filled; lookup_cnt was raised by one
 *
 * Return: 0; -EAGAIN if it has to be seen with a descriptor; -ENFILE at the
 *	   limit; -ENOMEM
 * #syscalls(fs): close openat2 name_to_handle_at
 */
int inode_learn(struct inode_table *t, struct sighting *seen, uint64_t *id);

/** inode_takes_care() - Has the next file that is looked up to be opened? */
bool inode_takes_care(struct inode_table *t);

/** inode_learn_again() - The guest is told about @inode once more: its id */
uint64_t inode_learn_again(struct inode_table *t, struct inode *inode);

/**
 * inode_get() - Begin to use the inode with this id: it is open until
 *		 inode_put()
 * @t:		Inodes
 * @id:		Node id, from the guest
 * @inode:	Filled; NULL on failure
 *
 * Return: 0 with *@inode set; -ESTALE if there is none or its file cannot be
 *	   found any more; or another negative errno
 * #syscalls(fs): openat2 statx name_to_handle_at close
 */
int inode_get(struct inode_table *t, uint64_t id, struct inode **inode);

/**
 * inode_begin() - Begin to use an inode that may be closed; the lock is held
 *
 * inode_open() must succeed before its descriptor is used.
 */
void inode_begin(struct inode_table *t, struct inode *inode);

/** inode_use() - One more user of an inode that is in use and open */
void inode_use(struct inode_table *t, struct inode *inode);

/**
 * inode_open() - Open an inode that is in use, unless it is open
 *
 * Return: 0 or a negative errno, as inode_get()
 * #syscalls(fs): close name_to_handle_at
 */
int inode_open(struct inode_table *t, struct inode *inode);

/**
 * inode_put() - End to use an inode; NULL is ignored
 *
 * #syscalls(fs fs-aux): close
 */
void inode_put(struct inode_table *t, struct inode *inode);

/**
 * inode_forget() - The guest gives back @lookup_cnt of its count
 *
 * An unknown id, the root, and more than there is to give back are harmless.
 *
 * Return: true if there is no such node any more
 * #syscalls(fs fs-aux): close brk
 */
bool inode_forget(struct inode_table *t, uint64_t id, uint64_t lookup_cnt);

/**
 * inode_find() - Begin to use the inode of a file that may lose this name
 * @t:		Inodes
 * @dir_fd:	Directory
 * @name:	Name there
 *
 * Return: the inode, open, if the guest knows it; NULL otherwise
 * #syscalls(fs): statx openat2 close
 */
struct inode *inode_find(struct inode_table *t, int dir_fd, const char *name);

/**
 * inode_keep() - A file in use lost a name: keep it open if need be
 *
 * Only so many files can be kept: beyond, they are gone when they are closed.
 * #syscalls(fs): statx
 */
void inode_keep(struct inode_table *t, struct inode *inode);

/**
 * inode_moved() - A file was given a new name: note it, if it is found by name
 * @t:		Inodes
 * @dir_id:	Node id of the directory
 * @dir_fd:	The directory
 * @name:	Name there
 *
 * #syscalls(fs): statx
 */
void inode_moved(struct inode_table *t, uint64_t dir_id, int dir_fd,
		 const char *name);

#endif /* DEVICES_FS_INODE_H */
