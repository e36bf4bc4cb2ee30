/*
 * A growing array of bytes, for what is written piece by piece.
 */
#ifndef BOOT_BYTES_H
#define BOOT_BYTES_H

#include <stddef.h>

/**
 * struct bytes - A growing array; all zero is an empty one
 * @data:	Content [owned; borrowed if @cap is 0, then nothing is appended]
 * @len:	Bytes in use
 * @cap:	Bytes allocated
 * @err:	First error of an append, 0 if there was none
 */
struct bytes {
	char *data;
	size_t len;
	size_t cap;
	int err;
};

/** bytes_destroy() - Release the content; @bytes is empty afterwards */
void bytes_destroy(struct bytes *bytes);

/**
 * bytes_reserve() - Make room for @len more bytes
 *
 * Return: 0 or -ENOMEM, also left in @bytes->err
 */
int bytes_reserve(struct bytes *bytes, size_t len);

/**
 * bytes_append() - Add bytes at the end
 * @bytes:	Does nothing if an earlier append has failed
 * @src:	What to copy; NULL for zeros
 * @len:	How many
 *
 * A writer of many pieces looks at @bytes->err once, after the last.
 */
void bytes_append(struct bytes *bytes, const void *src, size_t len);

#endif /* BOOT_BYTES_H */
