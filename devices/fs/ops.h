/*
 * The operations: one handler for each row of the table in dispatch.c, in the
 * protocol's order of subjects.
 *
 * A handler finds its request checked (request.h), puts what follows the
 * reply's header with request_put() and returns 0, or returns a negative errno
 * that becomes the reply, or REQUEST_LATER. It runs on any server thread,
 * several at once.
 */
#ifndef DEVICES_FS_OPS_H
#define DEVICES_FS_OPS_H

struct fs_request;

/** fs_op_init() - INIT: agree on a version and flags, begin a session */
int fs_op_init(struct fs_request *req);

/** fs_op_destroy() - DESTROY: end the session */
int fs_op_destroy(struct fs_request *req);

/**
 * fs_op_lookup() - LOOKUP: a name's node id and attributes
 *
 * "." is the file itself; ".." the directory above, in the share.
 * #syscalls(fs): statx openat2 close
 */
int fs_op_lookup(struct fs_request *req);

/** fs_op_forget() - FORGET: the guest gives back counts of one node id */
int fs_op_forget(struct fs_request *req);

/** fs_op_batch_forget() - BATCH_FORGET: the same for many */
int fs_op_batch_forget(struct fs_request *req);

/**
 * fs_op_getattr() - GETATTR: attributes, of the open file if a handle is given
 *
 * #syscalls(fs): statx
 */
int fs_op_getattr(struct fs_request *req);

/** fs_op_statx() - STATX: attributes with the time of birth */
int fs_op_statx(struct fs_request *req);

/**
 * fs_op_setattr() - SETATTR: change owner, size, mode and times, in this order
 *
 * Owner and size come first because changing them clears set-ID bits, which
 * the mode may then set on purpose.
 * #syscalls(fs): fchownat ftruncate fchmodat utimensat statx
 */
int fs_op_setattr(struct fs_request *req);

/**
 * fs_op_statfs() - STATFS: space of the file system below
 *
 * #syscalls(fs): fstatfs
 */
int fs_op_statfs(struct fs_request *req);

/**
 * fs_op_readlink() - READLINK: target of a symbolic link
 *
 * #syscalls(fs): readlinkat
 */
int fs_op_readlink(struct fs_request *req);

/**
 * fs_op_symlink() - SYMLINK: make a symbolic link, owned by the caller
 *
 * #syscalls(fs): symlinkat
 */
int fs_op_symlink(struct fs_request *req);

/**
 * fs_op_mknod() - MKNOD: make a file of any type but directory and link
 *
 * A device needs CAP_MKNOD of the server, whoever asks.
 * #syscalls(fs): mknodat
 */
int fs_op_mknod(struct fs_request *req);

/**
 * fs_op_mkdir() - MKDIR: make a directory, owned by the caller
 *
 * #syscalls(fs): mkdirat
 */
int fs_op_mkdir(struct fs_request *req);

/**
 * fs_op_unlink() - UNLINK: remove a name that is not a directory's
 *
 * #syscalls(fs): unlinkat
 */
int fs_op_unlink(struct fs_request *req);

/**
 * fs_op_rmdir() - RMDIR: remove an empty directory
 *
 * #syscalls(fs): unlinkat
 */
int fs_op_rmdir(struct fs_request *req);

/**
 * fs_op_rename() - RENAME: change a name, replacing what has the new one
 *
 * #syscalls(fs): renameat2
 */
int fs_op_rename(struct fs_request *req);

/** fs_op_rename2() - RENAME2: the same with flags; unknown ones are EINVAL */
int fs_op_rename2(struct fs_request *req);

/**
 * fs_op_link() - LINK: give an inode one more name
 *
 * #syscalls(fs): linkat statx
 */
int fs_op_link(struct fs_request *req);

/** fs_op_open() - OPEN: a handle for a regular file */
int fs_op_open(struct fs_request *req);

/**
 * fs_op_create() - CREATE: make a regular file and open it
 *
 * The caller's mode does not limit this first handle. If the name exists after
 * all, nobody has checked that the caller may open that file: ESTALE makes the
 * guest's kernel look again, check and send OPEN; EEXIST answers O_EXCL.
 * #syscalls(fs): openat2 unlinkat
 */
int fs_op_create(struct fs_request *req);

/**
 * fs_op_tmpfile() - TMPFILE: make a file without a name and open it
 *
 * #syscalls(fs): openat2
 */
int fs_op_tmpfile(struct fs_request *req);

/**
 * fs_op_release() - RELEASE and RELEASEDIR: the handle is not used any more
 *
 * Nor are the locks that were set through it.
 */
int fs_op_release(struct fs_request *req);

/**
 * fs_op_flush() - FLUSH: drop locks, report what close() on the host would
 *
 * #syscalls(fs): fcntl(F_DUPFD_CLOEXEC) close
 */
int fs_op_flush(struct fs_request *req);

/**
 * fs_op_fsync() - FSYNC and FSYNCDIR
 *
 * #syscalls(fs): fsync fdatasync
 */
int fs_op_fsync(struct fs_request *req);

/**
 * fs_op_syncfs() - SYNCFS: write all of the host's file system back
 *
 * #syscalls(fs): syncfs
 */
int fs_op_syncfs(struct fs_request *req);

/**
 * fs_op_fallocate() - FALLOCATE
 *
 * #syscalls(fs): fallocate
 */
int fs_op_fallocate(struct fs_request *req);

/**
 * fs_op_lseek() - LSEEK: the next data or hole; the guest does the rest itself
 *
 * #syscalls(fs): lseek
 */
int fs_op_lseek(struct fs_request *req);

/**
 * fs_op_copy_file_range() - COPY_FILE_RANGE between two handles
 *
 * At most COPY_MAX bytes at once; the guest's caller goes on from there.
 * #syscalls(fs): copy_file_range
 */
int fs_op_copy_file_range(struct fs_request *req);

/**
 * fs_op_read() - READ: file contents straight into the guest's memory
 *
 * #syscalls(fs): preadv2
 */
int fs_op_read(struct fs_request *req);

/**
 * fs_op_write() - WRITE: file contents straight out of the guest's memory
 *
 * #syscalls(fs): pwritev2
 */
int fs_op_write(struct fs_request *req);

/** fs_op_opendir() - OPENDIR: a handle for a directory */
int fs_op_opendir(struct fs_request *req);

/**
 * fs_op_readdir() - READDIR: names from an offset on
 *
 * #syscalls(fs): lseek getdents64
 */
int fs_op_readdir(struct fs_request *req);

/** fs_op_readdirplus() - READDIRPLUS: the same, each name looked up as well */
int fs_op_readdirplus(struct fs_request *req);

/**
 * fs_op_setxattr() - SETXATTR: set an extended attribute
 *
 * #syscalls(fs): setxattr
 */
int fs_op_setxattr(struct fs_request *req);

/**
 * fs_op_getxattr() - GETXATTR: value of an extended attribute, or its length
 *
 * #syscalls(fs): getxattr
 */
int fs_op_getxattr(struct fs_request *req);

/**
 * fs_op_listxattr() - LISTXATTR: names of extended attributes, or their length
 *
 * #syscalls(fs): listxattr
 */
int fs_op_listxattr(struct fs_request *req);

/**
 * fs_op_removexattr() - REMOVEXATTR: remove an extended attribute
 *
 * #syscalls(fs): removexattr
 */
int fs_op_removexattr(struct fs_request *req);

/**
 * fs_op_ioctl() - IOCTL: those that act on a file of the host; others ENOTTY
 *
 * #syscalls(fs): ioctl(FS_IOC_GETFLAGS) ioctl(FS_IOC_SETFLAGS)
 * #syscalls(fs): ioctl(FS_IOC_FSGETXATTR) ioctl(FS_IOC_FSSETXATTR)
 * #syscalls(fs): ioctl(FS_IOC_MEASURE_VERITY)
 */
int fs_op_ioctl(struct fs_request *req);

/**
 * fs_op_getlk() - GETLK: who would be in the way of a POSIX lock
 *
 * Processes of the host, and guests of other servers, have no number here: 0.
 * #syscalls(fs): fcntl(F_OFD_GETLK)
 */
int fs_op_getlk(struct fs_request *req);

/**
 * fs_op_setlk() - SETLK and SETLKW: lock or unlock; SETLKW waits
 *
 * #syscalls(fs): fcntl(F_GETFL) fcntl(F_OFD_SETLK) flock
 */
int fs_op_setlk(struct fs_request *req);

/**
 * fs_op_setupmapping() - SETUPMAPPING: show a range of a file in the window
 *
 * The handle that it names is not looked at: Linux sends -1.
 * #syscalls(fs): openat2 statx fchmodat
 */
int fs_op_setupmapping(struct fs_request *req);

/** fs_op_removemapping() - REMOVEMAPPING: show nothing in ranges; all or none
 *			    of them is wrong
 */
int fs_op_removemapping(struct fs_request *req);

/** fs_op_interrupt() - INTERRUPT: a request needs not wait for a lock longer */
int fs_op_interrupt(struct fs_request *req);

#endif /* DEVICES_FS_OPS_H */
