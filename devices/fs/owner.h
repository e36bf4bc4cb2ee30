/*
 * Owners that the host does not know: what the guest believes of a file's
 * user, group and mode, kept in an attribute of the file (FS_OWNER_XATTR).
 *
 * Theory of operation: a server without privilege can neither give files away
 * nor make them as somebody else. On the host all that it makes is its own; who
 * it belongs to in the guest is written into user.containers.override_stat:
 *
 *	UID:GID:0MODE[:TYPE]		decimal, decimal, octal; "file", "dir"
 *
 * That is what containers/storage, fuse-overlayfs and libkrun read and write.
 * (Here no type is written; others write it as a word, or as bits of the mode:
 * it must be the file's.) The guest does not see the attribute.
 *
 * Without a valid one, a file of the server's user is root's, one of its group
 * is root's group's, all else is nobody's; the mode is the host's. Attributes
 * count in the server's own files only: who owns a file on the host can write
 * there what he likes, such as a set-user-ID bit beside user 0.
 *
 * The host's mode lets the server use the file whatever the guest's says: its
 * owner may read and write it, and search a directory. Others may read and
 * execute what everybody may in the guest, for the groups of the guest are not
 * the host's. Nobody else may write, on whom the attribute would depend, and
 * set-ID and sticky bits are never set.
 *
 * Symbolic links, FIFOs and sockets cannot have user attributes, only regular
 * files and directories can. They have the default owner, and to change it
 * succeeds without effect: what unpacks an archive as root is to go on. Files
 * of other users of the host cannot be changed at all (EPERM).
 *
 * A new file gets its attribute before the guest hears of it. If the server
 * ends in between, or another guest looks there, the file is root's, and
 * nobody else may write to it.
 */
#ifndef DEVICES_FS_OWNER_H
#define DEVICES_FS_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct fs;
struct fs_ext;
struct fs_request;

/* What struct statx must have for owner_drop_set_id(). */
#define OWNER_STATX_MASK (STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID)

/**
 * owner_probe() - Can the files of a directory have owners of ours?
 * @dir_fd:	Directory
 * @name:	Name of what is in it and stands for them all, or "."
 *
 * Return: 0; -EOPNOTSUPP if its file system has no user attributes; or another
 *	   negative errno
 * #syscalls: openat fgetxattr close
 */
int owner_probe(int dir_fd, const char *name);

/** owner_is_attribute() - Is this attribute kept from the guest? */
bool owner_is_attribute(const struct fs *fs, const char *name);

/** owner_is_kept() - Has a new file with this type an attribute of ours? */
bool owner_is_kept(const struct fs *fs, mode_t mode);

/**
 * owner_stat() - Attributes of a file, those of its owner as the guest's
 * @req:	Request
 * @dir_fd:	Directory; or the file itself, if @name is empty
 * @name:	One component, not followed
 * @mask:	As statx() takes it
 * @stx:	Filled
 *
 * With FS_OWNER_MAP this is statx(): user and group are still to be translated.
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx openat2 getxattr close
 */
int owner_stat(const struct fs_request *req, int dir_fd, const char *name,
	       unsigned int mask, struct statx *stx);

/** owner_new_mode() - Mode, with its type, to make a file with on the host */
mode_t owner_new_mode(const struct fs *fs, mode_t mode);

/**
 * owner_made() - A file was made: it belongs to its caller
 * @req:	Request, its inode the directory
 * @ext:	Its extensions
 * @fd:		The new file, O_PATH will do
 * @mode:	Its mode in the guest, with its type
 *
 * Group and set-group-ID bit follow from the directory's, as on any file
 * system. Does nothing if owner_is_kept() says so.
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx getxattr setxattr
 */
int owner_made(const struct fs_request *req, const struct fs_ext *ext, int fd,
	       mode_t mode);

/**
 * owner_chown() - Change user and group of the request's file
 * @req:	Request
 * @uid:	User, or 2^32 - 1 to leave it as it is
 * @gid:	Group, or the same
 *
 * It loses set-ID bits and capabilities, as by any change of its owner.
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx fchownat getxattr fchmodat setxattr
 */
int owner_chown(const struct fs_request *req, uint32_t uid, uint32_t gid);

/**
 * owner_chmod() - Change the mode of the request's file
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): statx getxattr fchmodat setxattr
 */
int owner_chmod(const struct fs_request *req, mode_t mode);

/**
 * owner_drop_set_id() - A caller without CAP_FSETID writes: take set-ID bits
 * @req:	Request
 * @fd:		The file
 * @host:	Attributes that the host has of it: OWNER_STATX_MASK
 *
 * Does nothing with FS_OWNER_MAP, nor to others' files.
 *
 * Return: 0 or a negative errno
 * #syscalls(fs): getxattr statx fchmodat setxattr
 */
int owner_drop_set_id(const struct fs_request *req, int fd,
		      const struct statx *host);

/**
 * owner_mend() - The host refused something: let the server use its own file
 * @req:	Request; its file, or directory
 *
 * Files that were not made by a guest may have a mode on the host that keeps
 * their owner, the server, out. The guest's root may use them all the same, and
 * others were asked by the guest's kernel.
 *
 * Return: true if something was changed and the request is worth another try
 * #syscalls(fs): statx getxattr fchmodat setxattr
 */
bool owner_mend(const struct fs_request *req);

#endif /* DEVICES_FS_OWNER_H */
