/*
 * Owners that the host does not know, in an attribute of each file.
 */
#include "devices/fs/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "devices/fs/ext.h"
#include "devices/fs/request.h"
#include "vmm/base/fd.h"

#define ATTRIBUTE "user.containers.override_stat"

enum {
	TEXT_LEN = 64, /* two ids, a mode and a word take 34 */
	SET_ID = S_ISUID | S_ISGID,
	READ_WRITE = S_IRUSR | S_IWUSR,
	EXECUTE = S_IXUSR | S_IXGRP | S_IXOTH,
	READ_EXECUTE = S_IROTH | S_IXOTH,
};

/**
 * struct owner - What the guest believes of a file
 * @uid:	User
 * @gid:	Group
 * @mode:	Mode, with the file's type
 */
struct owner {
	uint32_t uid;
	uint32_t gid;
	mode_t mode;
};

static bool keeps_owners(const struct fs *fs)
{
	return fs->owner == FS_OWNER_XATTR;
}

static bool can_carry(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

static bool is_ours(const struct fs_request *req, const struct statx *host)
{
	return host->stx_uid == req->worker->creds.uid;
}

/* Does this error of getxattr() mean that nothing valid is there? */
static bool is_without(int error)
{
	return error == ENODATA || error == EOPNOTSUPP || error == ERANGE ||
	       error == EACCES;
}

int owner_probe(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fgetxattr(fd, ATTRIBUTE, NULL, 0) < 0 && errno != ENODATA)
		err = -errno;
	fd_close(&fd);
	return err;
}

bool owner_is_attribute(const struct fs *fs, const char *name)
{
	return keeps_owners(fs) && !strcmp(name, ATTRIBUTE);
}

bool owner_is_kept(const struct fs *fs, mode_t mode)
{
	return keeps_owners(fs) && can_carry(mode);
}

/* Take a number of digits only, up to @max. */
static bool take_number(const char **at, unsigned int base, uint32_t max,
			uint32_t *number)
{
	const char *begin = *at;
	uint64_t n = 0;

	for (; **at >= '0' && **at < '0' + (int)base; ++*at) {
		n = n * base + (uint64_t)(**at - '0');
		if (n > max)
			return false;
	}
	*number = n;
	return *at > begin;
}

static bool take_colon(const char **at)
{
	return *(*at)++ == ':';
}

/* Read the attribute of a file of this type, or find that it is not valid. */
static bool parse(const char *text, mode_t type, struct owner *owner)
{
	const char *word = S_ISDIR(type) ? ":dir" : ":file";
	uint32_t mode;

	if (!take_number(&text, 10, UINT32_MAX - 1, &owner->uid) ||
	    !take_colon(&text) ||
	    !take_number(&text, 10, UINT32_MAX - 1, &owner->gid) ||
	    !take_colon(&text) ||
	    !take_number(&text, 8, S_IFMT | FS_MODE_BITS, &mode))
		return false;
	if ((mode & S_IFMT && (mode & S_IFMT) != type) ||
	    (*text && strcmp(text, word)))
		return false;
	owner->mode = type | (mode & FS_MODE_BITS);
	return true;
}

/* What the guest is to believe of a file with these attributes on the host. */
static int read_owner(const struct fs_request *req, int fd,
		      const struct statx *host, struct owner *owner)
{
	const struct creds *creds = &req->worker->creds;
	char path[FD_NAME_LEN], text[TEXT_LEN + 1];
	struct owner said;
	ssize_t len;

	*owner = (struct owner){
		.uid = is_ours(req, host) ? 0 : IDMAP_NOBODY,
		.gid = host->stx_gid == creds->gid ? 0 : IDMAP_NOBODY,
		.mode = host->stx_mode,
	};
	if (!is_ours(req, host) || !can_carry(host->stx_mode))
		return 0;
	len = getxattr(fd_name(path, fd), ATTRIBUTE, text, TEXT_LEN);
	if (len < 0)
		return is_without(errno) ? 0 : -errno;
	text[len] = '\0';
	if (strlen(text) == (size_t)len &&
	    parse(text, host->stx_mode & S_IFMT, &said))
		*owner = said;
	return 0;
}

static int write_owner(int fd, const struct owner *owner)
{
	char path[FD_NAME_LEN], text[TEXT_LEN];
	int len = snprintf(text, sizeof(text), "%u:%u:0%o", owner->uid,
			   owner->gid, owner->mode & FS_MODE_BITS);

	if (setxattr(fd_name(path, fd), ATTRIBUTE, text, len, 0) < 0)
		return -errno;
	return 0;
}

/* The same of a file that is open: attributes and owner are one file's. */
static int stat_kept(const struct fs_request *req, int fd, unsigned int mask,
		     struct statx *stx)
{
	struct owner owner;
	int err;

	if (statx(fd, "", AT_EMPTY_PATH, mask, stx) < 0)
		return -errno;
	err = read_owner(req, fd, stx, &owner);
	if (err)
		return err;
	stx->stx_uid = owner.uid;
	stx->stx_gid = owner.gid;
	stx->stx_mode = owner.mode;
	return 0;
}

int owner_stat(const struct fs_request *req, int dir_fd, const char *name,
	       unsigned int mask, struct statx *stx)
{
	int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
	int fd, err;

	if (!keeps_owners(req->fs))
		return statx(dir_fd, name, flags, mask, stx) < 0 ? -errno : 0;
	if (!*name)
		return stat_kept(req, dir_fd, mask, stx);
	fd = fd_open(dir_fd, name, O_PATH | O_NOFOLLOW, 0, 0);
	if (fd < 0)
		return fd;
	err = stat_kept(req, fd, mask, stx);
	fd_close(&fd);
	return err;
}

/* The mode on the host of a regular file or directory. */
static mode_t host_mode(mode_t mode)
{
	mode_t everybody = mode & mode >> 3 & READ_EXECUTE;
	mode_t host = READ_WRITE | everybody | everybody << 3;

	return S_ISDIR(mode) || mode & EXECUTE ? host | S_IXUSR : host;
}

mode_t owner_new_mode(const struct fs *fs, mode_t mode)
{
	if (owner_is_kept(fs, mode))
		return (mode & S_IFMT) | host_mode(mode);
	return mode & (S_IFMT | FS_MODE_BITS);
}

static bool is_in_group(const struct fs_request *req, const struct fs_ext *ext,
			uint32_t gid)
{
	/* Root may set the bit in whichever group it is. */
	bool is = !req->header.uid || req->header.gid == gid;

	for (uint32_t i = 0; ext && i < ext->group_cnt; i++)
		is = is || ext->group[i] == gid;
	return is;
}

int owner_made(const struct fs_request *req, const struct fs_ext *ext, int fd,
	       mode_t mode)
{
	struct owner owner = {req->header.uid, req->header.gid, mode};
	struct statx dir;
	int err;

	if (!owner_is_kept(req->fs, mode))
		return 0;
	err = owner_stat(req, req->inode->fd, "", OWNER_STATX_MASK, &dir);
	if (err)
		return err;
	if (dir.stx_mode & S_ISGID) {
		owner.gid = dir.stx_gid;
		if (S_ISDIR(mode))
			owner.mode |= S_ISGID;
		else if (mode & S_IXGRP && !is_in_group(req, ext, owner.gid))
			owner.mode &= ~S_ISGID;
	}
	return write_owner(fd, &owner);
}

static int set_mode(const struct fs_request *req, int fd, mode_t mode)
{
	char name[FD_NAME_LEN];

	fd_name(name, fd);
	return fchmodat(req->fs->proc_fd, name, mode, 0) < 0 ? -errno : 0;
}

/* Begin to change a file, which must be our own; the lock is held. */
static int load(const struct fs_request *req, int fd, struct statx *host,
		struct owner *owner)
{
	int err = 0;

	*owner = (struct owner){0};
	if (statx(fd, "", AT_EMPTY_PATH, OWNER_STATX_MASK, host) < 0)
		return -errno;
	if (!is_ours(req, host))
		return -EPERM;
	/* Who may not use a file may not use its attributes either. */
	if (can_carry(host->stx_mode) &&
	    (host->stx_mode & READ_WRITE) != READ_WRITE)
		err = set_mode(req, fd,
			       (host->stx_mode & FS_PERMISSIONS) | READ_WRITE);
	return err ? err : read_owner(req, fd, host, owner);
}

/* End it: attribute and mode. The lock is held. */
static int store(const struct fs_request *req, int fd, const struct statx *host,
		 const struct owner *owner)
{
	mode_t mode = host_mode(owner->mode);
	int err = write_owner(fd, owner);

	/* Whatever load() made of it. */
	if (!err && mode != (host->stx_mode & FS_MODE_BITS))
		err = set_mode(req, fd, mode);
	return err;
}

/* The mode that is left when the file is changed by the request's caller. */
static mode_t without_set_id(const struct fs_request *req,
			     const struct owner *owner)
{
	mode_t mode = owner->mode & ~S_ISUID;

	if (mode & S_IXGRP || !is_in_group(req, NULL, owner->gid))
		mode &= ~S_ISGID;
	return mode;
}

/* The lock is held. */
static int change_owner(const struct fs_request *req, uint32_t uid,
			uint32_t gid)
{
	int fd = req->inode->fd;
	struct owner owner;
	struct statx host;
	int err = load(req, fd, &host, &owner);

	if (err)
		return err;
	/* Nobody's change of owner, but capabilities go, as by any. */
	if (fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return -errno;
	if (!can_carry(host.stx_mode))
		return 0;
	if (!S_ISDIR(owner.mode))
		owner.mode = without_set_id(req, &owner);
	if (uid != UINT32_MAX)
		owner.uid = uid;
	if (gid != UINT32_MAX)
		owner.gid = gid;
	return store(req, fd, &host, &owner);
}

/* The lock is held. */
static int change_mode(const struct fs_request *req, mode_t mode)
{
	int fd = req->inode->fd;
	struct owner owner;
	struct statx host;
	int err = load(req, fd, &host, &owner);

	if (err)
		return err;
	if (!can_carry(host.stx_mode))
		return set_mode(req, fd, mode & FS_MODE_BITS & ~SET_ID);
	owner.mode = (owner.mode & S_IFMT) | (mode & FS_MODE_BITS);
	return store(req, fd, &host, &owner);
}

/* The lock is held. */
static int clear_set_id(const struct fs_request *req, int fd)
{
	struct owner owner;
	struct statx host;
	int err = load(req, fd, &host, &owner);

	if (err)
		return err;
	owner.mode = without_set_id(req, &owner);
	return store(req, fd, &host, &owner);
}

int owner_chown(const struct fs_request *req, uint32_t uid, uint32_t gid)
{
	int err;

	pthread_mutex_lock(&req->fs->owner_lock);
	err = change_owner(req, uid, gid);
	pthread_mutex_unlock(&req->fs->owner_lock);
	return err;
}

int owner_chmod(const struct fs_request *req, mode_t mode)
{
	int err;

	pthread_mutex_lock(&req->fs->owner_lock);
	err = change_mode(req, mode);
	pthread_mutex_unlock(&req->fs->owner_lock);
	return err;
}

int owner_drop_set_id(const struct fs_request *req, int fd,
		      const struct statx *host)
{
	struct owner owner;
	int err;

	if (!owner_is_kept(req->fs, host->stx_mode) || !is_ours(req, host))
		return 0;
	err = read_owner(req, fd, host, &owner);
	if (err || (without_set_id(req, &owner) == owner.mode &&
		    !(host->stx_mode & SET_ID)))
		return err;
	pthread_mutex_lock(&req->fs->owner_lock);
	err = clear_set_id(req, fd);
	pthread_mutex_unlock(&req->fs->owner_lock);
	return err;
}

/* The lock is held. */
static bool mend(const struct fs_request *req, int fd)
{
	struct owner owner;
	struct statx host;

	if (load(req, fd, &host, &owner) || !can_carry(host.stx_mode))
		return false;
	/* Else it was something else that was refused. */
	if (!(host_mode(owner.mode) & ~host.stx_mode & S_IRWXU))
		return false;
	return store(req, fd, &host, &owner) == 0;
}

bool owner_mend(const struct fs_request *req)
{
	bool mended;

	if (!keeps_owners(req->fs) || req->fs->read_only)
		return false;
	pthread_mutex_lock(&req->fs->owner_lock);
	mended = mend(req, req->inode->fd);
	pthread_mutex_unlock(&req->fs->owner_lock);
	return mended;
}
