/*
 * What newer versions of <linux/fuse.h> have and Debian 12's (7.38) has not.
 */
#ifndef DEVICES_FS_FUSE_ABI_H
#define DEVICES_FS_FUSE_ABI_H

#include <linux/fuse.h>

/* Since 7.39: shared mappings of files that bypass the guest's cache. */
#ifndef FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_DIRECT_IO_ALLOW_MMAP (1ULL << 36)
#endif

#endif /* DEVICES_FS_FUSE_ABI_H */
