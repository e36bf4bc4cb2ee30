/*
 * File systems that are interfaces of the host's kernel.
 */
#include "vmm/sandbox/kernelfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "vmm/base/bits.h"
#include "vmm/sandbox/mountinfo.h"

static const char *const types[] = {
	"autofs",   "binfmt_misc", "bpf",	 "cgroup",    "cgroup2",
	"configfs", "debugfs",	   "devpts",	 "devtmpfs",  "efivarfs",
	"fusectl",  "mqueue",	   "nfsd",	 "proc",      "pstore",
	"resctrl",  "rpc_pipefs",  "securityfs", "selinuxfs", "smackfs",
	"sysfs",    "tracefs",	   "xenfs",
};

/* Its name in the table, or NULL: it is no interface. */
static const char *find_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!strcmp(type, types[i]))
			return types[i];
	}
	return NULL;
}

/* What of a path is below a directory, with its slash; NULL: it is not. */
static const char *below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!strcmp(dir, "/"))
		return strcmp(path, "/") ? path : NULL;
	return !strncmp(path, dir, len) && path[len] == '/' ? path + len : NULL;
}

static int add(struct kernelfs *k, const char *at, const char *rest)
{
	if (k->cnt == KERNELFS_MAX)
		return -E2BIG;
	if (asprintf(&k->path[k->cnt], "%s%s", at, rest) < 0)
		return -ENOMEM;
	k->cnt++;
	return 0;
}

static int look_at(struct kernelfs *k, char *line, const char *dir,
		   const char *at)
{
	struct mountinfo m;
	const char *rest;

	if (!mountinfo_parse(&m, line))
		return 0;
	rest = below(m.point, dir);
	return rest && find_type(m.type) ? add(k, at, rest) : 0;
}

int kernelfs_find(struct kernelfs *k, const char *mountinfo, const char *dir,
		  const char *at)
{
	FILE *file = fopen(mountinfo, "re");
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	if (!file)
		return -errno;
	while (!err && getline(&line, &room, file) >= 0)
		err = look_at(k, line, dir, at);
	free(line);
	fclose(file);
	return err;
}

int kernelfs_holds(const char *mountinfo, int fd, const char **type)
{
	char *line = NULL;
	struct mountinfo m;
	struct statx stx;
	size_t room = 0;
	FILE *file;

	*type = NULL;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx))
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -ENOTSUP;
	file = fopen(mountinfo, "re");
	if (!file)
		return -errno;
	while (!*type && getline(&line, &room, file) >= 0) {
		if (mountinfo_parse(&m, line) &&
		    strtoull(m.id, NULL, 10) == stx.stx_mnt_id)
			*type = find_type(m.type);
	}
	free(line);
	fclose(file);
	return 0;
}

/* One may have gone with another that it was below, or been mounted over. */
int kernelfs_hide(const struct kernelfs *k)
{
	for (unsigned int i = k->cnt; i > 0; i--) {
		if (umount2(k->path[i - 1], MNT_DETACH | UMOUNT_NOFOLLOW) &&
		    errno != EINVAL && errno != ENOENT)
			return -errno;
	}
	return 0;
}

void kernelfs_destroy(struct kernelfs *k)
{
	while (k->cnt)
		free(k->path[--k->cnt]);
}
