/*
 * Who a server thread is while it does something for the guest.
 */
#include "devices/fs/creds.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_CHANGE ((uint32_t)-1)

static int set_gid(uint32_t gid)
{
	return syscall(SYS_setresgid, NO_CHANGE, gid, NO_CHANGE) ? -errno : 0;
}

static int set_uid(uint32_t uid)
{
	return syscall(SYS_setresuid, NO_CHANGE, uid, NO_CHANGE) ? -errno : 0;
}

static int set_groups(const uint32_t *group, uint32_t cnt)
{
	return syscall(SYS_setgroups, cnt, group) ? -errno : 0;
}

static struct __user_cap_header_struct this_thread(void)
{
	return (struct __user_cap_header_struct){
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
}

static int set_caps(const struct __user_cap_data_struct *caps)
{
	struct __user_cap_header_struct header = this_thread();

	return syscall(SYS_capset, &header, caps) ? -errno : 0;
}

static bool has_cap(const struct creds *creds, unsigned int cap)
{
	return creds->caps[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

int creds_enter(struct creds *creds, int proc_fd)
{
	struct __user_cap_header_struct header = this_thread();
	int err;

	if (unshare(CLONE_FS) < 0)
		return -errno;
	umask(0);
	creds->umask = 0;
	if (fchdir(proc_fd) < 0)
		return -errno;
	if (syscall(SYS_capget, &header, creds->caps) < 0)
		return -errno;
	creds->uid = geteuid();
	creds->gid = getegid();
	creds->switches = !creds->uid && has_cap(creds, CAP_SETUID) &&
			  has_cap(creds, CAP_SETGID);
	/* A user namespace may forbid it; then there is no group to lose. */
	err = creds->switches ? set_groups(NULL, 0) : 0;
	if (err && err != -EPERM)
		return err;
	creds->entered = true;
	return 0;
}

/* Lose one capability. */
static int drop_fsetid(struct creds *creds)
{
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	int err;

	memcpy(caps, creds->caps, sizeof(caps));
	caps[CAP_TO_INDEX(CAP_FSETID)].effective &= ~CAP_TO_MASK(CAP_FSETID);
	err = set_caps(caps);
	creds->changed_caps |= !err;
	return err;
}

int creds_drop_fsetid(struct creds *creds, uint32_t gid)
{
	int err = 0;

	if (creds->switches && gid) {
		err = set_gid(gid);
		creds->changed_user = !err;
	}
	if (!err)
		err = drop_fsetid(creds);
	if (err)
		creds_restore(creds);
	return err;
}

/* Change user, group and groups; what was changed is noted. */
static int change_user(struct creds *creds, const struct creds_user *user)
{
	int err = 0;

	if (user->group_cnt)
		err = set_groups(user->group, user->group_cnt);
	if (err)
		return err;
	creds->changed_groups = user->group_cnt;
	err = set_gid(user->gid);
	if (err)
		return err;
	creds->changed_user = true;
	/* The kernel takes all capabilities from the thread here ... */
	err = set_uid(user->uid);
	/* ... and this gives them back, or all but one. */
	if (!err && !user->is_root)
		err = drop_fsetid(creds);
	else if (!err && user->uid)
		err = set_caps(creds->caps);
	return err;
}

int creds_become(struct creds *creds, const struct creds_user *user)
{
	int err = 0;

	if (user->uid == NO_CHANGE || user->gid == NO_CHANGE)
		return -EINVAL;
	if (user->umask != creds->umask)
		umask(user->umask);
	creds->umask = user->umask;
	if (creds->switches && (user->uid || user->gid || !user->is_root))
		err = change_user(creds, user);
	if (err)
		creds_restore(creds);
	return err;
}

void creds_restore(struct creds *creds)
{
	int err = 0;

	/* The user first: it brings back the right to change the group. */
	if (creds->changed_user)
		err = set_uid(0) || set_gid(0);
	if (creds->changed_groups)
		err = set_groups(NULL, 0) || err;
	if (creds->changed_caps)
		err = set_caps(creds->caps) || err;
	if (err)
		abort();
	creds->changed_user = false;
	creds->changed_groups = false;
	creds->changed_caps = false;
}
