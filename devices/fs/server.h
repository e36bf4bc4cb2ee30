/*
 * The FUSE server: a host directory spoken to in FUSE messages
 * (<linux/fuse.h>), whoever carries them. It knows neither virtio nor KVM.
 *
 * Theory of operation: the guest names files by node ids (inode.h) and open
 * files by handles (handle.h). A request is taken, checked and answered by one
 * call of fs_serve() on one thread, whatever other threads do; dispatch.c has
 * the table of all operations. What the guest names is never a path: an
 * operation starts at an O_PATH descriptor and takes at most one checked
 * component from there, without following it. (A file that was closed meanwhile
 * may be found again by the names that it was seen under: place.h.)
 *
 * A request that has to wait, for a lock, is answered later (lock_wait.h).
 *
 * The guest mounts with default_permissions: its kernel has checked who may do
 * what, so the server acts as itself, save where it makes a file: that one
 * belongs to the caller (creds.h), if only in the guest's eyes (owner.h).
 */
#ifndef DEVICES_FS_SERVER_H
#define DEVICES_FS_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/fs/ahead.h"
#include "devices/fs/creds.h"
#include "devices/fs/dax.h"
#include "devices/fs/handle.h"
#include "devices/fs/idmap.h"
#include "devices/fs/inode.h"
#include "devices/fs/lock.h"
#include "devices/fs/marks.h"
#include "devices/fs/opened.h"
#include "vmm/base/iov.h"

struct stats;
struct versions;
struct thread_entry;

enum {
	FS_MAX_PAGES = 256,    /* of data in a request */
	FS_MAX_DATA = 1 << 20, /* the same in bytes */
	FS_MAX_REQUEST = 4096 + FS_MAX_DATA,
	FS_MIN_INODES = 1 << 20, /* the guest may know at least so many */
	FS_MAX_INODES = 1 << 24,
	FS_MAX_OPEN = 1 << 12, /* idle inodes: closing them takes time at end */
	FS_MAX_HANDLES = 1 << 18,
	FS_MAX_LOCKS = 1 << 14, /* owners of locks: a descriptor each */
	FS_LATER_LEN = 16,	/* of a reply that comes later */
};

/** enum fs_cache - How long the guest may believe what it was told */
enum fs_cache {
	FS_CACHE_NONE,	 /* not at all */
	FS_CACHE_AUTO,	 /* names and attributes for one second */
	FS_CACHE_ALWAYS, /* as long as it likes: nobody else changes the tree */
	FS_CACHE_SHARED, /* as long as a table says that nothing has changed */
	FS_NUM_CACHES,
};

/** enum fs_owner - Whose files are */
enum fs_owner {
	FS_OWNER_MAP,	/* the host's owners, translated */
	FS_OWNER_XATTR, /* those in an attribute of each file (owner.h) */
	FS_NUM_OWNERS,
};

/**
 * struct fs_config - What is served, and how; see FS_DEFAULTS
 * @root_fd:	The directory, O_PATH or better [borrowed until fs_init() ends]
 * @only:	Name of the only file there, which need not be of its file
 *		system [borrowed until fs_init() ends]; NULL: there are others
 * @proc_fd:	/proc/self/fd of this process, O_PATH or better, for the time
 *		when there is no /proc; -1 to open it [borrowed until fs_init()
 *		ends]
 * @cache:	Cache mode
 * @versions:	With FS_CACHE_SHARED, the table (versions.h) [borrowed, longer
 *		than the server lives]; NULL: as FS_CACHE_AUTO
 * @hear_own:	This process changes the same files not only through this server
 * @read_only:	Refuse every change with EROFS
 * @writeback:	The guest may write later, and knows sizes and times best
 * @local_locks:	Locks stay in the guest
 * @max_inodes:	Most files that the guest may know, up to FS_MAX_INODES; a
 *		smaller number than FS_MIN_INODES means that one
 * @handles:	Find files again by the host's handles: open_by_handle_at(), if
 *		the server may do that; else by their names only
 * @owner:	Whose files are
 * @uid:	Translation of user ids; none with FS_OWNER_XATTR
 * @gid:	Translation of group ids; the same
 * @stats:	Count requests and measure their times
 * @dax_len:	Bytes of the window into which files can be mapped; 0: none
 * @dax_min:	Smaller files than this many bytes are not mapped there
 * @dax_max:	Most ranges of files there at once
 * @window:	Host address of the window, a reservation of @dax_len bytes;
 *		NULL: none [borrowed, longer than the server lives]
 */
struct fs_config {
	int root_fd;
	const char *only;
	int proc_fd;
	enum fs_cache cache;
	const struct versions *versions;
	bool hear_own;
	bool read_only;
	bool writeback;
	bool local_locks;
	uint32_t max_inodes;
	bool handles;
	enum fs_owner owner;
	struct idmap uid;
	struct idmap gid;
	bool stats;
	uint64_t dax_len;
	uint64_t dax_min;
	uint32_t dax_max;
	void *window;
};

/* What is not zero in the initialiser of a plain struct fs_config. */
#define FS_DEFAULTS .proc_fd = -1, .handles = true

/**
 * struct fs - A shared directory
 * @cache:	Cache mode [init]
 * @versions:	Table of versions, NULL if nothing is shared [init, borrowed]
 * @read_only:	[init]
 * @writeback:	[init]
 * @local_locks:	[init]
 * @root_fd:	The directory, O_PATH [owned, init]
 * @owner:	Whose files are [init]
 * @owner_lock:	One thread at a time changes owners that it has read before
 * @uid:	Translation of user ids [init]
 * @gid:	Translation of group ids [init]
 * @proc_fd:	/proc/self/fd, the way from an O_PATH descriptor to one for
 *		input and output [owned, init]
 * @ready:	INIT was done: other requests are served
 * @agreed:	Flags that were agreed on with INIT
 * @unshared:	INIT was sent by a guest that cannot share versions though this
 *		server can, and nobody was told so yet
 * @minor:	Minor version of the protocol that the guest speaks
 * @inodes:	By node id
 * @handles:	By file handle
 * @opened:	Handles for a guest that sends no OPEN
 * @ahead:	Names that were read ahead
 * @locks:	Of the guest, on the host's files
 * @dax:	What the guest sees without messages
 * @marks:	On what the guest was told about
 * @stats:	Counters, NULL if nobody wants to know [owned, init]
 */
struct fs {
	enum fs_cache cache;
	const struct versions *versions;
	bool read_only;
	bool writeback;
	bool local_locks;
	int root_fd;
	enum fs_owner owner;
	pthread_mutex_t owner_lock;
	struct idmap uid;
	struct idmap gid;
	int proc_fd;
	atomic_bool ready;
	_Atomic uint64_t agreed;
	atomic_bool unshared;
	_Atomic uint32_t minor;
	struct inode_table inodes;
	struct handle_table handles;
	struct opened opened;
	struct ahead ahead;
	struct lock_table locks;
	struct dax dax;
	struct marks marks;
	struct stats *stats;
};

/* What fs_serve() returns if the reply comes later. */
#define FS_LATER SIZE_MAX

/**
 * struct fs_later - Where a reply goes that comes later; embed it
 * @reply:	Called once for each use: with a reply of FS_LATER_LEN bytes, or
 *		with @len 0 if there will be none. On another thread, maybe
 *		before fs_serve() has returned. It must not take a lock that is
 *		held while fs_serve(), fs_reset() or fs_destroy() is called
 */
struct fs_later {
	void (*reply)(struct fs_later *later, const void *data, size_t len);
};

/**
 * struct fs_worker - What a thread needs to serve requests [that thread only]
 * @creds:	Who the thread is
 * @iov:	Segments of a read or write [owned]
 * @text:	Names of a request [owned]
 * @data:	An attribute's value, a link, ranges [owned]
 * @names:	Of the directory that it lists
 * @meets_strangers: What it looked up last was new and had to be opened, for
 *		its key: so has the next one, probably, without a look before
 * @forgets:	It serves nothing but requests without a reply (FORGET), for
 *		which it may open nothing: all others end with ENOSYS
 * @later:	For the next request: where its reply goes if it comes later;
 *		NULL if that is not possible. Set to NULL when it is used
 *		[borrowed]
 */
struct fs_worker {
	struct creds creds;
	struct iovec *iov;
	char *text;
	char *data;
	struct ahead_names names;
	bool meets_strangers;
	bool forgets;
	struct fs_later *later;
};

/**
 * fs_init() - Begin to serve a directory
 * @fs:		Server, filled; to be destroyed whatever the result
 * @config:	What and how
 *
 * The process's limit of open files decides how many the guest can have open (a
 * quarter of it; each takes two), how many others the server keeps open to be
 * fast (a quarter), and how many owners of locks there can be (a sixteenth):
 * raise it before. Without @config's proc_fd, /proc must be mounted for the
 * time of the call. It is best called before the process starts threads: it
 * makes room for the descriptors, which then takes no time. The server belongs
 * to the process that made it, not to one that it forks.
 *
 * Return: 0; -ENOTDIR; -EOPNOTSUPP if owners are to be kept in attributes and
 *	   the directory's file system has none of the user's; -EINVAL if ids
 *	   are to be translated, too; or another negative errno
 * #syscalls: openat fstatfs prlimit64 fcntl
 */
int fs_init(struct fs *fs, const struct fs_config *config);

/**
 * fs_start() - Start the thread that waits for locks, unless they are local
 * @fs:		Server, by which nothing is served yet
 * @entry:	What that thread calls first, NULL for nothing; outlives @fs
 *
 * Without it, no request for a lock may be served. fs_destroy() ends it.
 *
 * Return: 0 or a negative errno
 */
int fs_start(struct fs *fs, const struct thread_entry *entry);

/**
 * fs_destroy() - Close and free everything; accepts a half-built @fs
 *
 * No thread serves it any more.
 */
void fs_destroy(struct fs *fs);

/**
 * fs_reset() - Forget the session: handles, node ids, INIT
 *
 * Any thread; requests in flight keep what they use until they end. What they
 * still add belongs to the new session: a guest that did not wait for them.
 * Requests that wait for a lock get no reply, and it has been said so
 * (fs_later) when this returns.
 * #syscalls(loop vcpu fs): close
 */
void fs_reset(struct fs *fs);

/**
 * fs_worker_init() - Allocate what a thread needs; any thread may do it
 *
 * Return: 0 or -ENOMEM; destroy @worker whatever the result
 */
int fs_worker_init(struct fs_worker *worker);

/** fs_worker_destroy() - Free it */
void fs_worker_destroy(struct fs_worker *worker);

/**
 * fs_worker_enter() - Make the calling thread a server thread
 * @fs:		Server
 * @worker:	The calling thread's own from now on
 *
 * Working directory, umask and supplementary groups are the server's from then
 * on. A thread that has not done this does it with its first request: one whose
 * system calls are filtered would end with that.
 *
 * Return: 0 or a negative errno
 */
int fs_worker_enter(struct fs *fs, struct fs_worker *worker);

/**
 * fs_serve() - Take one request, do it, put the reply
 * @fs:		Server
 * @worker:	The calling thread's own
 * @in:		Request, at its first byte
 * @out:	Room for the reply
 *
 * Return: bytes of the reply; 0 if there is none (FORGET, or a request so
 *	   broken that none is possible); FS_LATER if @worker->later gets it:
 *	   a lock has to be waited for
 */
size_t fs_serve(struct fs *fs, struct fs_worker *worker, struct iov_cursor *in,
		struct iov_cursor *out);

#endif /* DEVICES_FS_SERVER_H */
