/*
 * File systems that others change behind this host's back.
 */
#include "devices/fs/remote.h"

#include <linux/magic.h>
#include <stddef.h>

#include "vmm/base/bits.h"

bool remote_is_type(uint32_t type)
{
	static const uint32_t types[] = {
		NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,  CIFS_SUPER_MAGIC,
		SMB2_SUPER_MAGIC, CEPH_SUPER_MAGIC, V9FS_MAGIC,
		AFS_SUPER_MAGIC,  AFS_FS_MAGIC,	    FUSE_SUPER_MAGIC,
		CODA_SUPER_MAGIC,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}
