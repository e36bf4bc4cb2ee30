/*
 * System calls that fail when they are told to.
 *
 * This defines the C library's functions anew, for the one file of a program
 * that includes it: whatever is linked statically calls these. They do what
 * they should, but while a thread is armed the k-th one fails with the errno
 * that is wanted (close() closes all the same).
 */
#ifndef TESTS_UNIT_INJECT_H
#define TESTS_UNIT_INJECT_H

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/**
 * struct injection - Which call of this thread fails
 * @armed:	Calls are counted
 * @left:	Calls to go until then
 * @error:	Its errno
 * @hit:	Number of the call that failed, -1 if none has
 */
static _Thread_local struct {
	bool armed;
	int left;
	int error;
	long hit;
} injection;

static long raw(long number, const long arg[6])
{
	/* A sanitizer's calls for what is read must not come in between. */
	long a = arg[0], b = arg[1], c = arg[2];
	long d = arg[3], e = arg[4], f = arg[5];
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (ret < 0 && ret > -4096) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

/* The way back from a change of identity cannot fail: the server would end; nor
 * can the question how a descriptor is open, or giving up what is mapped.
 */
static bool can_fail(long number, const long arg[6])
{
	const struct __user_cap_data_struct *caps = (const void *)arg[1];

	switch (number) {
	case SYS_setresuid:
	case SYS_setresgid:
		return arg[1] != 0;
	case SYS_setgroups:
		return arg[0] != 0;
	case SYS_capset:
		return !geteuid() &&
		       !(caps[CAP_TO_INDEX(CAP_FSETID)].effective &
			 CAP_TO_MASK(CAP_FSETID));
	case SYS_fcntl:
		return arg[1] != F_GETFL;
	case SYS_futex:
		return false;
	/* Of reserved memory, and the allocator's. */
	case SYS_mmap:
		return !(arg[3] & MAP_ANONYMOUS);
	default:
		return true;
	}
}

static long call(long number, const long arg[6])
{
	if (!injection.armed || !can_fail(number, arg) || --injection.left)
		return raw(number, arg);
	injection.hit = number;
	if (number == SYS_close)
		raw(number, arg);
	errno = injection.error;
	return -1;
}

/* The calls: result, name, number, and each parameter's type. */
#define ARG(x) ((long)(x))
#define CALL1(type, name, A)                                      \
	type name(A a)                                            \
	{                                                         \
		return (type)call(SYS_##name, (long[6]){ARG(a)}); \
	}
#define CALL2(type, name, A, B)                                           \
	type name(A a, B b)                                               \
	{                                                                 \
		return (type)call(SYS_##name, (long[6]){ARG(a), ARG(b)}); \
	}
#define CALL3(type, name, A, B, C)                                    \
	type name(A a, B b, C c)                                      \
	{                                                             \
		return (type)call(SYS_##name,                         \
				  (long[6]){ARG(a), ARG(b), ARG(c)}); \
	}
#define CALL4(type, name, A, B, C, D)                                         \
	type name(A a, B b, C c, D d)                                         \
	{                                                                     \
		return (type)call(SYS_##name,                                 \
				  (long[6]){ARG(a), ARG(b), ARG(c), ARG(d)}); \
	}
#define CALL5(type, name, A, B, C, D, E)                                    \
	type name(A a, B b, C c, D d, E e)                                  \
	{                                                                   \
		return (type)call(                                          \
			SYS_##name,                                         \
			(long[6]){ARG(a), ARG(b), ARG(c), ARG(d), ARG(e)}); \
	}
#define TEXT const char *
#define HANDLE struct file_handle *

/* clang-format off */
CALL1(int, close, int)
CALL1(int, fchdir, int)
CALL1(int, fdatasync, int)
CALL1(int, fsync, int)
CALL1(int, syncfs, int)
CALL1(int, unshare, int)
CALL2(int, fchmod, int, mode_t)
CALL2(int, flock, int, int)
CALL2(int, fremovexattr, int, TEXT)
CALL2(int, fstat, int, struct stat *)
CALL2(int, fstatfs, int, struct statfs *)
CALL2(int, ftruncate, int, off_t)
CALL2(int, lremovexattr, TEXT, TEXT)
CALL2(int, removexattr, TEXT, TEXT)
CALL2(int, statfs, TEXT, struct statfs *)
CALL3(int, inotify_add_watch, int, TEXT, uint32_t)
CALL3(int, fchown, int, uid_t, gid_t)
CALL3(int, mkdirat, int, TEXT, mode_t)
CALL3(int, open_by_handle_at, int, HANDLE, int)
CALL3(int, symlinkat, TEXT, int, TEXT)
CALL3(int, unlinkat, int, TEXT, int)
CALL3(off_t, lseek, int, off_t, int)
CALL3(ssize_t, flistxattr, int, char *, size_t)
CALL3(ssize_t, getdents64, int, void *, size_t)
CALL3(ssize_t, listxattr, TEXT, char *, size_t)
CALL3(ssize_t, llistxattr, TEXT, char *, size_t)
CALL3(ssize_t, readv, int, const struct iovec *, int)
CALL3(ssize_t, writev, int, const struct iovec *, int)
CALL4(int, fallocate, int, int, off_t, off_t)
CALL4(int, mknodat, int, TEXT, mode_t, dev_t)
CALL4(int, renameat, int, TEXT, int, TEXT)
CALL4(ssize_t, fgetxattr, int, TEXT, void *, size_t)
CALL4(ssize_t, getxattr, TEXT, TEXT, void *, size_t)
CALL4(ssize_t, preadv, int, const struct iovec *, int, off_t)
CALL4(ssize_t, pwritev, int, const struct iovec *, int, off_t)
CALL4(ssize_t, readlinkat, int, TEXT, char *, size_t)
CALL5(int, fchownat, int, TEXT, uid_t, gid_t, int)
CALL5(int, fsetxattr, int, TEXT, const void *, size_t, int)
CALL5(int, linkat, int, TEXT, int, TEXT, int)
CALL5(int, lsetxattr, TEXT, TEXT, const void *, size_t, int)
CALL5(int, name_to_handle_at, int, TEXT, HANDLE, int *, int)
CALL5(int, renameat2, int, TEXT, int, TEXT, unsigned int)
CALL5(int, setxattr, TEXT, TEXT, const void *, size_t, int)
CALL5(int, statx, int, TEXT, int, unsigned int, struct statx *)
/* clang-format on */

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	/* MAP_FAILED is -1, too. */
	return (void *)call(SYS_mmap, (long[6]){ARG(at), ARG(len), prot, flags,
						fd, offset});
}

int utimensat(int dir_fd, const char *name, const struct timespec times[2],
	      int flags)
{
	return (int)call(SYS_utimensat,
			 (long[6]){dir_fd, ARG(name), ARG(times), flags});
}

int fstatat(int dir_fd, const char *name, struct stat *st, int flags)
{
	return (int)call(SYS_newfstatat,
			 (long[6]){dir_fd, ARG(name), ARG(st), flags});
}

int fchmodat(int dir_fd, const char *name, mode_t mode, int flags)
{
	assert(!flags);
	return (int)call(SYS_fchmodat, (long[6]){dir_fd, ARG(name), mode});
}

int openat(int dir_fd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list rest;

	va_start(rest, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(rest, mode_t);
	va_end(rest);
	return (int)call(SYS_openat, (long[6]){dir_fd, ARG(name), flags, mode});
}

int open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list rest;

	va_start(rest, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(rest, mode_t);
	va_end(rest);
	return openat(AT_FDCWD, name, flags, mode);
}

int fcntl(int fd, int cmd, ...)
{
	va_list rest;
	long arg;

	va_start(rest, cmd);
	arg = va_arg(rest, long);
	va_end(rest);
	return (int)call(SYS_fcntl, (long[6]){fd, cmd, arg});
}

int ioctl(int fd, unsigned long cmd, ...)
{
	va_list rest;
	long arg;

	va_start(rest, cmd);
	arg = va_arg(rest, long);
	va_end(rest);
	return (int)call(SYS_ioctl, (long[6]){fd, (long)cmd, arg});
}

ssize_t preadv2(int fd, const struct iovec *iov, int cnt, off_t offset,
		int flags)
{
	return call(SYS_preadv2,
		    (long[6]){fd, ARG(iov), cnt, offset, 0, flags});
}

ssize_t pwritev2(int fd, const struct iovec *iov, int cnt, off_t offset,
		 int flags)
{
	return call(SYS_pwritev2,
		    (long[6]){fd, ARG(iov), cnt, offset, 0, flags});
}

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at,
			size_t len, unsigned int flags)
{
	return call(
		SYS_copy_file_range,
		(long[6]){in, ARG(in_at), out, ARG(out_at), (long)len, flags});
}

/* Whatever is there in place of arguments that were not given. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
	long arg[6];
	va_list rest;

	va_start(rest, number);
	for (size_t i = 0; i < 6; i++)
		arg[i] = va_arg(rest, long);
	va_end(rest);
	return call(number, arg);
}

/* Let the k-th call from now on fail. */
static inline void inject_arm(int k, int error)
{
	injection.armed = true;
	injection.left = k;
	injection.error = error;
	injection.hit = -1;
}

/* Let no call fail: the number of the one that did, -1 if none has. */
static inline long inject_disarm(void)
{
	injection.armed = false;
	return injection.hit;
}

#endif /* TESTS_UNIT_INJECT_H */
