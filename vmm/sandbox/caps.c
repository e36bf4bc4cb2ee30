/*
 * Capabilities of the monitor and of its kinds of threads.
 */
#include "vmm/sandbox/caps.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>

#include "vmm/base/bits.h"

/* What file servers may have, and why: the guest's kernel has checked what its
 * caller may do, and root does all of this on any file system. The last ones
 * count for nothing in a user namespace. With one id there is nothing to use
 * any for.
 */
static const struct {
	cap_value_t cap;
	bool on_host_only;
} fs_caps[] = {
	{CAP_CHOWN, false},	     /* chown */
	{CAP_DAC_OVERRIDE, false},   /* reach files whatever their modes */
	{CAP_FOWNER, false},	     /* chmod, utimes, ... of others' files */
	{CAP_FSETID, false},	     /* keep set-ID bits for those who may */
	{CAP_SETGID, false},	     /* make files as their caller's group */
	{CAP_SETUID, false},	     /* make files as their caller */
	{CAP_SETFCAP, false},	     /* capabilities of programs */
	{CAP_LINUX_IMMUTABLE, true}, /* chattr +i, +a */
	{CAP_SYS_ADMIN, true},	     /* trusted.*, which overlayfs needs */
	{CAP_MKNOD, true},	     /* devices: none is ever opened */
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

int caps_find(const char *name)
{
	static const char prefix[] = "CAP_";
	size_t skipped = strncasecmp(name, prefix, strlen(prefix)) ? 0 : 4;
	char full[40]; /* no name is so long */
	cap_value_t cap;

	snprintf(full, sizeof(full), "%s%s", prefix, name + skipped);
	/* libcap would take a name with more behind it. */
	if (full[strspn(full, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
			      "abcdefghijklmnopqrstuvwxyz")])
		return -EINVAL;
	return cap_from_name(full, &cap) ? -EINVAL : cap;
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

int caps_limit(enum userns_ids ids, bool handles)
{
	cap_value_t list[ARRAY_SIZE(fs_caps) + 1];
	size_t cnt = 0;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(fs_caps); i++) {
		if (ids == USERNS_HOST ||
		    (ids == USERNS_RANGE && !fs_caps[i].on_host_only))
			list[cnt++] = fs_caps[i].cap;
	}
	if (ids == USERNS_HOST && handles)
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
