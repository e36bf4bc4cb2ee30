/*
 * Unpacking: the compressed streams that Linux builds wrap around kernels.
 */
#ifndef BOOT_UNPACK_H
#define BOOT_UNPACK_H

#include <stddef.h>

/**
 * unpack() - Unpack a stream of which the unpacked length is known
 * @in:		gzip, xz, zstd or legacy LZ4, as its first bytes say; the
 *		length that Linux builds append to it is ignored
 * @in_len:	Bytes at @in
 * @out:	Filled
 * @out_len:	What @in must unpack to: nothing is ever written beyond
 * @why:	If the result is negative: what is wrong, for the user
 *
 * Return: 0, -EOPNOTSUPP for another kind of stream, -EBADMSG if it is corrupt
 *	   or of another length, or -ENOMEM
 */
int unpack(const void *in, size_t in_len, void *out, size_t out_len,
	   const char **why);

#endif /* BOOT_UNPACK_H */
