/*
 * A growing array of bytes, for what is written piece by piece.
 */
#include "boot/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"

void bytes_destroy(struct bytes *bytes)
{
	if (bytes->cap)
		free(bytes->data);
	*bytes = (struct bytes){0};
}

int bytes_reserve(struct bytes *bytes, size_t len)
{
	size_t need, cap;
	char *data;

	if (bytes->err)
		return bytes->err;
	if (!add_ok(bytes->len, len, &need))
		return bytes->err = -ENOMEM;
	if (need <= bytes->cap)
		return 0;
	/* Twice as much, so that n appends copy O(n) bytes. */
	if (!mul_ok(bytes->cap, 2, &cap))
		return bytes->err = -ENOMEM;
	cap = MAX(cap, need);
	data = realloc(bytes->data, cap);
	if (!data)
		return bytes->err = -ENOMEM;
	bytes->data = data;
	bytes->cap = cap;
	return 0;
}

void bytes_append(struct bytes *bytes, const void *src, size_t len)
{
	if (!len || bytes_reserve(bytes, len))
		return;
	if (src)
		memcpy(bytes->data + bytes->len, src, len);
	else
		memset(bytes->data + bytes->len, 0, len);
	bytes->len += len;
}
