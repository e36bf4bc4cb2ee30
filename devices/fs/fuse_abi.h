/*
 * What newer versions of <linux/fuse.h> have and Debian 12's (7.38) has not.
 */
#ifndef DEVICES_FS_FUSE_ABI_H
#define DEVICES_FS_FUSE_ABI_H

#include <assert.h>
#include <linux/fuse.h>

/* Ours: replies say which version of a fact they tell (VERSIONS.md). */
#define FUSE_SHARED_VERSIONS (1ULL << 63)

/**
 * struct fuse_versions - End of a reply that carries attributes
 * @entry_index:	Counter of the name; 0: none
 * @attr_index:	Counter of the file; 0: none
 * @entry_version:	What it was, with the epoch
 * @attr_version:	The same
 */
struct fuse_versions {
	uint32_t entry_index;
	uint32_t attr_index;
	uint64_t entry_version;
	uint64_t attr_version;
};

#if FUSE_KERNEL_MINOR_VERSION < 39

/* Shared mappings of files that bypass the guest's cache. */
#define FUSE_DIRECT_IO_ALLOW_MMAP (1ULL << 36)

/* A file for a set-group-ID directory comes with its caller's group. */
#define FUSE_CREATE_SUPP_GROUP (1ULL << 34)

enum { FUSE_STATX = 52, FUSE_EXT_GROUPS = 32 };

struct fuse_supp_groups {
	uint32_t nr_groups;
	uint32_t groups[];
};

struct fuse_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct fuse_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0[1];
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct fuse_sx_time atime;
	struct fuse_sx_time btime;
	struct fuse_sx_time ctime;
	struct fuse_sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

struct fuse_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct fuse_statx stat;
};

#endif

static_assert(sizeof(struct fuse_versions) == 24, "");
static_assert(sizeof(struct fuse_statx) == 256, "as the kernel's statx");
static_assert(sizeof(struct fuse_statx_in) == 24, "");
static_assert(sizeof(struct fuse_statx_out) == 288, "");

#endif /* DEVICES_FS_FUSE_ABI_H */
