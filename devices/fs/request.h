/*
 * A request on its way through the server, as handlers see it: checked.
 */
#ifndef DEVICES_FS_REQUEST_H
#define DEVICES_FS_REQUEST_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "devices/fs/server.h"

struct fs_ext;

enum {
	FS_MAX_STRINGS = 2,
	FS_TEXT_LEN = 2 * 4096, /* two strings of PATH_MAX */
	FS_DATA_LEN = 64 << 10, /* XATTR_SIZE_MAX, XATTR_LIST_MAX */
	FS_MAX_SEGMENTS = 1024, /* UIO_MAXIOV: the most of one system call */
	FS_PERMISSIONS = 0777,
	FS_MODE_BITS = 07777,
	REQUEST_LATER = 1, /* what a handler returns if the reply comes later */
};

/**
 * struct fs_request - A checked request
 * @fs:		Server
 * @worker:	Of this thread
 * @header:	Copy
 * @agreed:	Flags of INIT, which hold to its end, whatever a queue brings
 * @arg:	Copy of the fixed argument that the operation's row names
 * @name:	The strings that the row names, in the worker's memory
 * @inode:	Inode of header.nodeid, if the row asks for it
 * @handle:	Handle that @arg begins with, if the row asks for it
 * @in:		What follows argument and strings
 * @out:	Room for what follows the reply's header
 * @reply_len:	Bytes put there
 */
struct fs_request {
	struct fs *fs;
	struct fs_worker *worker;
	struct fuse_in_header header;
	uint64_t agreed;
	const void *arg;
	const char *name[FS_MAX_STRINGS];
	struct inode *inode;
	struct handle *handle;
	struct iov_cursor *in;
	struct iov_cursor *out;
	size_t reply_len;
};

/**
 * request_put() - Add bytes to the reply
 *
 * Return: 0, or -ERANGE if they do not fit (fixed replies always do:
 *	   dispatch has looked)
 */
int request_put(struct fs_request *req, const void *data, size_t len);

/** request_agreed() - Was this flag of INIT agreed on? */
bool request_agreed(const struct fs_request *req, uint64_t flag);

/**
 * request_become_caller() - Make files as the caller until creds_restore()
 * @req:	Request
 * @ext:	Its extensions
 * @umask:	The caller's umask as the request has it
 *
 * Return: 0, -EPERM if the share forbids this caller, or another negative errno
 */
int request_become_caller(const struct fs_request *req,
			  const struct fs_ext *ext, uint32_t umask);

/**
 * request_kill_set_id() - Be unable to keep a file's set-ID bits while it is
 *			   changed, until creds_restore()
 * @req:	Request of a caller without CAP_FSETID
 * @fd:		The file. Without such bits nothing happens
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx
 */
int request_kill_set_id(const struct fs_request *req, int fd);

/**
 * request_open_inode() - Open a host file, for input and output
 * @req:	Request
 * @fd:		O_PATH descriptor of the file
 * @type:	Its S_IFMT: anything but S_IFREG and S_IFDIR is refused, for
 *		opening it might block or act on a device
 * @flags:	O_ACCMODE, O_TRUNC and so on; O_CLOEXEC is added
 *
 * Reading in a read-only share leaves access times alone where it may.
 *
 * Return: the descriptor, or a negative errno
 * #syscalls(fs): openat2
 */
int request_open_inode(const struct fs_request *req, int fd, mode_t type,
		       int flags);

/**
 * request_lookup() - Tell the guest about the file of a name
 * @req:	Request
 * @dir:	Directory, in use
 * @name:	One component, neither "." nor ".."
 * @entry:	Filled; carries one count of the node id
 *
 * The file is open afterwards: whatever happens to its name, a request that
 * follows finds it.
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx openat2
 */
int request_lookup(const struct fs_request *req, struct inode *dir,
		   const char *name, struct fuse_entry_out *entry);

/**
 * request_glance() - The same without opening the file, if that can be
 *
 * For files that are likely not to be used after all.
 */
int request_glance(const struct fs_request *req, struct inode *dir,
		   const char *name, struct fuse_entry_out *entry);

/**
 * request_learn() - Tell the guest about a file that is open
 * @req:	Request
 * @dir:	Directory that it was made in
 * @name:	Its name there; NULL if it has none
 * @fd:		O_PATH descriptor; taken, also on failure
 * @entry:	Filled; carries one count of the node id
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx close
 */
int request_learn(const struct fs_request *req, struct inode *dir,
		  const char *name, int fd, struct fuse_entry_out *entry);

/**
 * request_fill_entry() - What the guest is told about a file, but its id
 * @req:	Request
 * @dir:	Directory, to see where a mount begins; or NULL
 * @stx:	Attributes
 * @entry:	Filled
 */
void request_fill_entry(const struct fs_request *req, const struct inode *dir,
			const struct statx *stx, struct fuse_entry_out *entry);

/**
 * request_told() - The guest is about to be told these attributes
 * @req:	Request
 * @node_id:	Of which inode
 * @attr:	Attributes; gets what follows from its place in the window
 */
void request_told(const struct fs_request *req, uint64_t node_id,
		  struct fuse_attr *attr);

/** request_fill_attr() - A file's attributes as the protocol writes them */
void request_fill_attr(const struct fs_request *req, const struct statx *stx,
		       struct fuse_attr *attr);

#endif /* DEVICES_FS_REQUEST_H */
