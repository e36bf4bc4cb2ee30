/*
 * Landlock: rules that a process makes for itself.
 */
#include "vmm/sandbox/landlock.h"

#include <assert.h>
#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
	ABI_REFER = 2,	  /* since 5.19: renames between directories */
	ABI_TRUNCATE = 3, /* since 6.2 */
	ABI_NET = 4,	  /* since 6.7: TCP */
	ABI_IOCTL = 5,	  /* since 6.10: of devices */
	ABI_SCOPE = 6,	  /* since 6.12: abstract sockets, signals */
};

/* struct landlock_ruleset_attr of ABI 6; older headers lack its end. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};
static_assert(sizeof(struct ruleset) == 24, "as the kernel has it");

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_ABI_2 (BIT(14) - 1)
#define FS_TRUNCATE BIT(14)
#define FS_IOCTL_DEV BIT(15)
#define NET_ALL (BIT(0) | BIT(1))   /* bind, connect */
#define SCOPE_ALL (BIT(0) | BIT(1)) /* abstract sockets, signals */

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -errno : (int)abi;
}

static struct ruleset know_all(int abi, bool paths)
{
	struct ruleset all = {0};

	if (paths)
		all.fs = FS_ABI_2 | (abi >= ABI_TRUNCATE ? FS_TRUNCATE : 0) |
			 (abi >= ABI_IOCTL ? FS_IOCTL_DEV : 0);
	if (abi >= ABI_NET)
		all.net = NET_ALL;
	if (abi >= ABI_SCOPE)
		all.scoped = SCOPE_ALL;
	return all;
}

static size_t ruleset_len(int abi)
{
	if (abi >= ABI_SCOPE)
		return sizeof(struct ruleset);
	return abi >= ABI_NET ? offsetof(struct ruleset, scoped)
			      : offsetof(struct ruleset, net);
}

static int allow(int ruleset_fd, uint64_t all, const struct landlock_dir *dir)
{
	const struct landlock_path_beneath_attr rule = {
		.parent_fd = dir->fd,
		.allowed_access = dir->read_only
					  ? FS_READ
					  : all & ~(LANDLOCK_ACCESS_FS_EXECUTE |
						    FS_IOCTL_DEV),
	};

	return syscall(SYS_landlock_add_rule, ruleset_fd,
		       LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
		       ? -errno
		       : 0;
}

int landlock_enter(const struct landlock_dir *dir, unsigned int cnt)
{
	int abi = landlock_abi();
	struct ruleset all = know_all(abi, cnt > 0);
	autofd fd = -1;
	int err = 0;

	if (abi < ABI_REFER || !(all.fs | all.net | all.scoped))
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, ruleset_len(abi),
			  0);
	if (fd < 0)
		return -errno;
	for (unsigned int i = 0; !err && i < cnt; i++)
		err = allow(fd, all.fs, &dir[i]);
	if (!err && syscall(SYS_landlock_restrict_self, fd, 0))
		err = -errno;
	return err;
}
