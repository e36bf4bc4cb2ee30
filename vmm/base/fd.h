/*
 * File descriptors: ownership that shows, and whole reads and writes.
 */
#ifndef VMM_BASE_FD_H
#define VMM_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FD_NAME_LEN = 12 };

/* For locals of set-up code: closed when they leave their scope. */
#define autofd __attribute__((cleanup(fd_close))) int

/**
 * fd_close() - Close *@fd if it is open and leave -1
 *
 * #syscalls(loop vcpu fs fs-aux): close
 */
void fd_close(int *fd);

/** fd_take() - Move the descriptor out of *@fd, which becomes -1 */
int fd_take(int *fd);

/** fd_name() - Name of a descriptor below /proc/self/fd; returns @name */
const char *fd_name(char name[FD_NAME_LEN], int fd);

/**
 * fd_open() - Open a file by openat2(2)
 * @dir_fd:	Where @path begins
 * @path:	Path
 * @flags:	O_...; O_CLOEXEC comes by itself
 * @mode:	Of a file that is made; 0 without O_CREAT and O_TMPFILE
 * @resolve:	RESOLVE_...
 *
 * Return: the descriptor or a negative errno
 * #syscalls(fs): openat2
 */
int fd_open(int dir_fd, const char *path, int flags, mode_t mode,
	    uint64_t resolve);

/**
 * fd_read_full() - Read exactly @len bytes at @offset of a file
 *
 * Return: 0, -ENODATA if the file ends before, or another negative errno
 * #syscalls: pread64
 */
int fd_read_full(int fd, void *buf, size_t len, uint64_t offset);

/**
 * fd_write_full() - Write @len bytes at the file position, however many calls
 *
 * Return: 0 or a negative errno
 * #syscalls: write
 */
int fd_write_full(int fd, const void *buf, size_t len);

/**
 * fd_event() - Create an eventfd, non-blocking and close-on-exec
 *
 * Return: the descriptor or a negative errno
 * #syscalls: eventfd2
 */
int fd_event(void);

/**
 * fd_event_signal() - Wake whoever waits for an eventfd
 *
 * #syscalls(loop vcpu fs fs-aux): write
 */
void fd_event_signal(int fd);

/**
 * fd_event_clear() - Set an eventfd's counter back to zero
 *
 * #syscalls(loop fs-aux): read
 */
void fd_event_clear(int fd);

#endif /* VMM_BASE_FD_H */
