/*
 * INIT and DESTROY: begin and end of a session (<linux/fuse.h>, "Version
 * negotiation").
 */
#include <errno.h>

#include "devices/fs/fuse_abi.h"
#include "devices/fs/ops.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"

enum {
	MINOR_OLDEST = 31,     /* the first that virtio-fs guests speak */
	MINOR_SERVED = 39,     /* DIRECT_IO_ALLOW_MMAP */
	MAX_BACKGROUND = 1024, /* the ring is the real limit */
	MAP_ALIGNMENT = 12,    /* logarithm: pages */
};

/* What a share is like: its cache mode, and what follows from its options. */
#define NEVER_CACHED BIT(FS_CACHE_NONE)
#define SHORTLY_CACHED BIT(FS_CACHE_AUTO)
#define LONG_CACHED BIT(FS_CACHE_ALWAYS)
#define WATCHED BIT(FS_CACHE_SHARED)
#define CACHED (SHORTLY_CACHED | LONG_CACHED | WATCHED)
#define ALWAYS (NEVER_CACHED | CACHED)
enum {
	SHARES_LOCKS = 1 << FS_NUM_CACHES,
	WRITES_LATER = SHARES_LOCKS << 1,
	OPENS = WRITES_LATER << 1,
	NEVER_OPENS = OPENS << 1, /* nobody wants to know what is open */
	MAPS = NEVER_OPENS << 1,  /* has a window */
	HOST_OWNERS = MAPS << 1,  /* owners and modes are the host's */
};

/* What is wanted of the guest, for which shares, and why. What is not
 * here, the server does not do.
 */
static const struct {
	uint64_t flag;
	unsigned int shares;
} wanted[] = {
	/* Reads carry their offset: they may overtake each other. */
	{FUSE_ASYNC_READ, ALWAYS},
	/* OPEN truncates itself: one message, and no moment in between. Where
	 * no OPEN is sent, SETATTR truncates.
	 */
	{FUSE_ATOMIC_O_TRUNC, OPENS},
	/* Others see the guest's locks (lock.h). */
	{FUSE_POSIX_LOCKS, SHARES_LOCKS},
	{FUSE_FLOCK_LOCKS, SHARES_LOCKS},
	/* Asked for by the user of this share. */
	{FUSE_WRITEBACK_CACHE, WRITES_LATER},
	/* Files and directories are used without being opened: the server has
	 * handles of its own (opened.h).
	 */
	{FUSE_NO_OPEN_SUPPORT, NEVER_OPENS},
	{FUSE_NO_OPENDIR_SUPPORT, NEVER_OPENS},
	/* "." and ".." are looked up, node ids are never used again. */
	{FUSE_EXPORT_SUPPORT, ALWAYS},
	/* Ioctls of directories: flags and projects. */
	{FUSE_HAS_IOCTL_DIR, ALWAYS},
	/* Access control lists; the guest's kernel obeys them ... */
	{FUSE_POSIX_ACL, HOST_OWNERS},
	/* ... and the host's applies the umask, unless the directory has a
	 * default list. Otherwise the guest's does.
	 */
	{FUSE_DONT_MASK, HOST_OWNERS},
	/* Whether setting a list takes the set-group-ID bit. */
	{FUSE_SETXATTR_EXT, ALWAYS},
	/* A new file comes with its label and its caller's groups (ext.h). */
	{FUSE_SECURITY_CTX, ALWAYS},
	{FUSE_CREATE_SUPP_GROUP, ALWAYS},
	/* Mounts of the host are mounts in the guest: each its own device. */
	{FUSE_SUBMOUNTS, ALWAYS},
	/* Writes of more than a page. */
	{FUSE_BIG_WRITES, ALWAYS},
	/* Contents are dropped when size or mtime changed meanwhile. */
	{FUSE_AUTO_INVAL_DATA, NEVER_CACHED | SHORTLY_CACHED | WATCHED},
	/* `ls -l` in one message a page instead of one a file; useless where
	 * nothing may be kept; only where the guest sees a use.
	 */
	{FUSE_DO_READDIRPLUS, CACHED},
	{FUSE_READDIRPLUS_AUTO, CACHED},
	/* Parts of an O_DIRECT request may be in flight at once. */
	{FUSE_ASYNC_DIO, ALWAYS},
	/* Names of a directory may be looked up by many at once. */
	{FUSE_PARALLEL_DIROPS, ALWAYS},
	/* max_pages in the reply counts: requests of FS_MAX_PAGES. */
	{FUSE_MAX_PAGES, ALWAYS},
	/* A link's target never changes: another target is another inode. */
	{FUSE_CACHE_SYMLINKS, ALWAYS},
	/* The host's kernel clears set-ID bits and capabilities (creds.h); the
	 * guest then asks for none before each write.
	 */
	{FUSE_HANDLE_KILLPRIV_V2, ALWAYS},
	/* Without this, programs that map files shared fail uncached. */
	{FUSE_DIRECT_IO_ALLOW_MMAP, NEVER_CACHED | WRITES_LATER},
	/* Replies tell versions, which the guest compares with a table. */
	{FUSE_SHARED_VERSIONS, WATCHED},
	/* map_alignment in the reply counts. */
	{FUSE_MAP_ALIGNMENT, MAPS},
	/* FUSE_ATTR_DAX says which files are to be mapped. */
	{FUSE_HAS_INODE_DAX, MAPS},
	/* The flags above bit 31 count. */
	{FUSE_INIT_EXT, ALWAYS},
};

/* Without a table that both see, or events, a share is as with cache=auto. */
static enum fs_cache choose_cache(const struct fs *fs, uint64_t offered)
{
	if (fs->cache != FS_CACHE_SHARED)
		return fs->cache;
	return fs->marks.fd >= 0 && offered & FUSE_SHARED_VERSIONS
		       ? FS_CACHE_SHARED
		       : FS_CACHE_AUTO;
}

static uint64_t choose_flags(const struct fs *fs, uint64_t offered)
{
	enum fs_cache cache = choose_cache(fs, offered);
	bool opens =
		!(BIT(cache) & (LONG_CACHED | WATCHED)) || !fs->local_locks;
	unsigned int share = BIT(cache) | (opens ? OPENS : NEVER_OPENS);
	uint64_t flags = 0;

	if (!fs->local_locks)
		share |= SHARES_LOCKS;
	if (fs->owner == FS_OWNER_MAP)
		share |= HOST_OWNERS;
	if (fs->dax.window)
		share |= MAPS;
	if (fs->writeback)
		share |= WRITES_LATER;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (wanted[i].shares & share)
			flags |= wanted[i].flag;
	}
	return flags & offered;
}

/* The flags that the guest offers, with the upper half if it sent one. */
static uint64_t offered_flags(struct fs_request *req,
			      const struct fuse_init_in *arg)
{
	uint32_t upper = 0;

	if (arg->flags & FUSE_INIT_EXT)
		iov_take(req->in, &upper, sizeof(upper));
	return (uint64_t)upper << 32 | arg->flags;
}

int fs_op_init(struct fs_request *req)
{
	const struct fuse_init_in *arg = req->arg;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = MINOR_SERVED,
	};
	uint64_t flags;

	/* The guest will send another INIT, with our version. */
	if (arg->major > FUSE_KERNEL_VERSION)
		return request_put(req, &out, sizeof(out));
	if (arg->major < FUSE_KERNEL_VERSION || arg->minor < MINOR_OLDEST)
		return -EPROTO;
	fs_reset(req->fs);
	flags = choose_flags(req->fs, offered_flags(req, arg));
	out.flags = (uint32_t)flags;
	out.flags2 = flags >> 32;
	out.max_readahead = MIN(arg->max_readahead, FS_MAX_DATA);
	out.max_background = MAX_BACKGROUND;
	out.congestion_threshold = MAX_BACKGROUND / 4 * 3;
	out.max_write = FS_MAX_DATA;
	out.max_pages = FS_MAX_PAGES;
	out.time_gran = 1;
	out.map_alignment = flags & FUSE_MAP_ALIGNMENT ? MAP_ALIGNMENT : 0;
	atomic_store(&req->fs->agreed, flags);
	atomic_store(&req->fs->unshared,
		     req->fs->versions && !(flags & FUSE_SHARED_VERSIONS));
	atomic_store(&req->fs->minor, arg->minor);
	atomic_store(&req->fs->ready, true);
	return request_put(req, &out, sizeof(out));
}

int fs_op_destroy(struct fs_request *req)
{
	fs_reset(req->fs);
	return 0;
}
