/*
 * What is to be known of a file system by its type.
 */
#include "devices/fs/fstype.h"

#include <linux/magic.h>
#include <stddef.h>

#include "vmm/base/bits.h"

/* Which <linux/magic.h> has not. */
enum { NTFS_SB_MAGIC = 0x5346544e, NTFS3_SUPER_MAGIC = 0x7366746e };

static bool is_among(const uint32_t *types, size_t cnt, uint32_t type)
{
	for (size_t i = 0; i < cnt; i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

bool fstype_is_remote(uint32_t type)
{
	static const uint32_t types[] = {
		NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,  CIFS_SUPER_MAGIC,
		SMB2_SUPER_MAGIC, CEPH_SUPER_MAGIC, V9FS_MAGIC,
		AFS_SUPER_MAGIC,  AFS_FS_MAGIC,	    FUSE_SUPER_MAGIC,
		CODA_SUPER_MAGIC,
	};

	return is_among(types, ARRAY_SIZE(types), type);
}

bool fstype_is_strange(uint32_t type)
{
	static const uint32_t types[] = {
		HUGETLBFS_MAGIC,    SYSFS_MAGIC,	 PROC_SUPER_MAGIC,
		DEBUGFS_MAGIC,	    TRACEFS_MAGIC,	 SECURITYFS_MAGIC,
		CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
	};

	return is_among(types, ARRAY_SIZE(types), type);
}

bool fstype_folds_names(uint32_t type)
{
	static const uint32_t types[] = {
		MSDOS_SUPER_MAGIC,
		EXFAT_SUPER_MAGIC,
		NTFS_SB_MAGIC,
		NTFS3_SUPER_MAGIC,
	};

	return is_among(types, ARRAY_SIZE(types), type);
}
