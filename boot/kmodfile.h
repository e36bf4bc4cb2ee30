/*
 * A kernel module's file: read and unpacked (.ko, .ko.gz, .ko.xz, .ko.zst).
 */
#ifndef BOOT_KMODFILE_H
#define BOOT_KMODFILE_H

#include <stddef.h>

struct bytes;
struct fail;

/* Far more than any module has: a bound for what a file may unpack to. */
enum { KMODFILE_MAX_LEN = 64 << 20 };

/**
 * kmodfile_unpack() - Unpack the bytes of a module's file
 * @out:	Empty; receives the ELF file
 * @data:	The file; its first bytes say how it is packed, not its name
 * @len:	Its length
 *
 * Return: 0, -EINVAL if it is no module or corrupt, -EFBIG if it unpacks to
 *	   more than KMODFILE_MAX_LEN, or -ENOMEM
 */
int kmodfile_unpack(struct bytes *out, const void *data, size_t len);

/**
 * kmodfile_read() - Read and unpack a module's file
 * @out:	Empty; receives the ELF file
 * @path:	The file
 * @fail:	Set on failure
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): openat newfstatat pread64 close
 */
int kmodfile_read(struct bytes *out, const char *path, struct fail *fail);

#endif /* BOOT_KMODFILE_H */
