/*
 * ROOTFS: the host directory that becomes the guest's root.
 */
#ifndef VMM_ROOTFS_H
#define VMM_ROOTFS_H

struct fail;

/**
 * rootfs_open() - Open the directory and check that the command can run in it
 * @path:	As the user wrote it
 * @command:	First word of the command
 * @fail:	Receives one line if it cannot be a root
 *
 * Refused: what is not a readable directory, an empty one, and one whose
 * program is for another processor. Whether the command exists is for the
 * guest to find out.
 *
 * Return: an O_PATH descriptor [owned by the caller] or a negative errno
 * #syscalls: openat openat2 getdents64 pread64 close
 */
int rootfs_open(const char *path, const char *command, struct fail *fail);

#endif /* VMM_ROOTFS_H */
