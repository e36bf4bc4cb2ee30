/*
 * Capabilities of the monitor and of its kinds of threads.
 */
#include "vmm/sandbox/caps.h"

#include <errno.h>
#include <stddef.h>
#include <sys/capability.h>

#include "vmm/base/bits.h"

/* What file servers may have, and why: the guest's kernel has checked what its
 * caller may do, and root's programs do all of this on any file system.
 */
static const cap_value_t fs_caps[] = {
	CAP_CHOWN,	     /* chown */
	CAP_DAC_OVERRIDE,    /* reach files whatever their modes */
	CAP_FOWNER,	     /* chmod, utimes, ... of others' files */
	CAP_FSETID,	     /* keep set-ID bits for callers that may */
	CAP_SETGID,	     /* make files as their caller's group */
	CAP_SETUID,	     /* make files as their caller */
	CAP_LINUX_IMMUTABLE, /* chattr +i, +a */
	CAP_SYS_ADMIN,	     /* trusted.* attributes, which overlayfs needs */
	CAP_MKNOD,	     /* devices, as names only: none is ever opened */
	CAP_SETFCAP,	     /* capabilities of programs */
};

bool caps_can_isolate(void)
{
	cap_flag_value_t can = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps)
		cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &can);
	cap_free(caps);
	return can == CAP_SET;
}

/* Leave of @from the capabilities of a list, as permitted and effective. */
static int keep(cap_t from, const cap_value_t *list, size_t cnt)
{
	cap_t to = cap_init();
	int err = 0;

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		cap_get_flag(from, list[i], CAP_PERMITTED, &has);
		cap_set_flag(to, CAP_PERMITTED, 1, &list[i], has);
		cap_set_flag(to, CAP_EFFECTIVE, 1, &list[i], has);
	}
	if (cap_set_proc(to))
		err = -errno;
	cap_free(to);
	return err;
}

static int keep_list(const cap_value_t *list, size_t cnt)
{
	cap_t now = cap_get_proc();
	int err = now ? keep(now, list, cnt) : -errno;

	cap_free(now);
	return err;
}

static bool is_listed(const cap_value_t *list, size_t cnt, cap_value_t cap)
{
	for (size_t i = 0; i < cnt; i++) {
		if (list[i] == cap)
			return true;
	}
	return false;
}

/* The bounding set can be changed by those only who may change theirs. */
static int bound(const cap_value_t *list, size_t cnt)
{
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (!is_listed(list, cnt, cap) && cap_drop_bound(cap))
			return -errno;
	}
	return 0;
}

int caps_limit(bool handles, bool none)
{
	cap_value_t list[ARRAY_SIZE(fs_caps) + 1];
	size_t cnt = 0;
	int err;

	for (size_t i = 0; !none && i < ARRAY_SIZE(fs_caps); i++)
		list[cnt++] = fs_caps[i];
	if (!none && handles)
		list[cnt++] = CAP_DAC_READ_SEARCH;
	err = bound(list, cnt);
	if (!err && cap_reset_ambient())
		err = -errno;
	return err ? err : keep_list(list, cnt);
}

int caps_enter(enum thread_kind kind)
{
	return kind == THREAD_FS ? 0 : keep_list(NULL, 0);
}
