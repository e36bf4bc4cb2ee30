/*
 * What one side of a stream has received and not yet passed on: as much as it
 * has promised to take, and no more.
 */
#ifndef BOOT_GUEST_FIFO_H
#define BOOT_GUEST_FIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "vmm/base/bits.h"

enum { FIFO_LEN = 64 << 10 };

/**
 * struct fifo - Bytes, first in, first out; zeroed memory is an empty one
 * @at:		The first of them in @data
 * @len:	How many
 * @data:	A ring
 */
struct fifo {
	size_t at;
	size_t len;
	char data[FIFO_LEN];
};

/** fifo_put() - Append bytes; false, with nothing done, if there is no room */
static inline bool fifo_put(struct fifo *fifo, const char *bytes, size_t len)
{
	size_t end = (fifo->at + fifo->len) % FIFO_LEN;
	size_t first = MIN(len, FIFO_LEN - end);

	if (len > FIFO_LEN - fifo->len)
		return false;
	memcpy(fifo->data + end, bytes, first);
	memcpy(fifo->data, bytes + first, len - first);
	fifo->len += len;
	return true;
}

/** fifo_peek() - The first bytes, as far as they are in one piece */
static inline const char *fifo_peek(const struct fifo *fifo, size_t *len)
{
	*len = MIN(fifo->len, FIFO_LEN - fifo->at);
	return fifo->data + fifo->at;
}

/** fifo_skip() - Remove the first bytes; no more than there are */
static inline void fifo_skip(struct fifo *fifo, size_t len)
{
	fifo->at = (fifo->at + len) % FIFO_LEN;
	fifo->len -= len;
}

/** fifo_take() - Move at most @len of the first bytes out; how many it were */
static inline size_t fifo_take(struct fifo *fifo, char *bytes, size_t len)
{
	size_t done = 0, n;

	while (done < len && fifo->len) {
		const char *from = fifo_peek(fifo, &n);

		n = MIN(n, len - done);
		memcpy(bytes + done, from, n);
		fifo_skip(fifo, n);
		done += n;
	}
	return done;
}

#endif /* BOOT_GUEST_FIFO_H */
