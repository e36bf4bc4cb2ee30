/*
 * A root directory that holds the shares and nothing else.
 *
 * Theory of operation: a descriptor of a directory is a way to its whole file
 * system: ".." leads up from it, whatever the root is. So what the monitor
 * keeps of the host's tree are clones of mounts, detached from all others, in
 * which the shared directory is the top: there is no ".." to go to. They are
 * made when the directories are opened, and hung into the new root when the old
 * one is left.
 */
#ifndef VMM_SANDBOX_JAIL_H
#define VMM_SANDBOX_JAIL_H

#include <stdbool.h>

/**
 * jail_begin() - Let nothing that is mounted here appear on the host
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): mount
 */
int jail_begin(void);

/**
 * jail_clone() - Clone a directory's mount, with what is mounted below it
 * @dir_fd:	Directory
 * @read_only:	Let nothing be written through the clone
 *
 * In the clone, devices cannot be opened, and set-ID bits and programs count
 * for nothing. What the host mounts there later does not appear in it, for that
 * would come without these limits; and what it unmounts stays in use.
 *
 * Return: a descriptor like O_PATH [owned by the caller] or a negative errno
 * #syscalls(setup): open_tree mount_setattr close
 */
int jail_clone(int dir_fd, bool read_only);

/**
 * jail_clone_file() - Clone a file's mount into a directory that has nothing
 *		       else
 * @file_fd:	Regular file
 * @name:	Its name there
 * @read_only:	Let nothing be written into the file
 *
 * The directory is one in memory that refuses every change. Else as
 * jail_clone().
 *
 * Return: a descriptor of the directory like O_PATH [owned by the caller] or a
 *	   negative errno
 * #syscalls(setup): open_tree mount_setattr fsopen fsconfig fsmount openat
 * #syscalls(setup): move_mount umount2 close
 */
int jail_clone_file(int file_fd, const char *name, bool read_only);

/**
 * jail_reopen_device() - Open a device once more so that it cannot be changed
 * @fd:		Descriptor of a character device; stands for the new opening if
 *		there is one
 *
 * What the device does stays the same; its mode, owner and attributes are on a
 * mount for reading only. One that cannot be opened once more, such as a
 * terminal of somebody else's, stays as it is.
 * #syscalls(setup): open_tree mount_setattr openat dup2 fcntl close
 */
void jail_reopen_device(int fd);

/**
 * jail_enter() - Make an empty, read-only directory with clones in it the root
 * @fd:		Clones, from jail_clone(); stay valid
 * @cnt:	How many
 *
 * They are called "0", "1" and so on in it. Working directory and root of the
 * whole process are the new one, nothing of the old tree is mounted any more.
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): fsopen fsconfig fsmount mkdirat move_mount mount_setattr
 * #syscalls(setup): fchdir pivot_root umount2 close
 */
int jail_enter(const int *fd, unsigned int cnt);

#endif /* VMM_SANDBOX_JAIL_H */
