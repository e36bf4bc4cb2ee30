/*
 * Cursors over scattered memory: whatever a guest sends is taken, whatever it
 * receives is put, and neither can pass the end.
 *
 * Theory of operation: a request's buffers are a list of (address, length)
 * pairs in guest memory. Nobody outside this file walks that list. A cursor
 * remembers how far it was consumed; each operation either moves it by exactly
 * what was asked for or leaves it where it was and says so.
 *
 *      iov[0]        iov[1]              iov[2]
 *   [##########] [######......] [..................]
 *    consumed -----------^ off   <----- left ------>
 *
 * Some of that memory may be in a window (guestmem.h), where only system calls
 * may go. What is copied here lies at the front of a request, before the first
 * such segment: as far as memory is solid.
 */
#ifndef VMM_BASE_IOV_H
#define VMM_BASE_IOV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/**
 * struct iov_cursor - Position in a list of segments
 * @iov:	Current segment; borrowed from the request
 * @cnt:	Segments from @iov on
 * @off:	Bytes of @iov[0] that are consumed, up to all of them
 * @left:	Bytes between the position and the end
 * @solid:	How many of them, from the position on, may be copied by
 *		iov_take() and iov_put(); at most @left
 */
struct iov_cursor {
	const struct iovec *iov;
	unsigned int cnt;
	size_t off;
	size_t left;
	size_t solid;
};

/**
 * iov_init() - Start at the first byte of a list of segments
 * @c:		Cursor, filled
 * @iov:	Segments; their sum fits size_t; must outlive @c
 * @cnt:	Number of segments
 */
void iov_init(struct iov_cursor *c, const struct iovec *iov, unsigned int cnt);

/** iov_limit_solid() - Say that only the next @len bytes may be copied */
void iov_limit_solid(struct iov_cursor *c, size_t len);

/**
 * iov_take() - Copy @len bytes out of the segments and move on
 *
 * Return: false, with nothing copied, if fewer than @len bytes are solid
 */
bool iov_take(struct iov_cursor *c, void *dst, size_t len);

/**
 * iov_put() - Copy @len bytes into the segments and move on
 *
 * Return: false, with nothing copied, if fewer than @len bytes are solid
 */
bool iov_put(struct iov_cursor *c, const void *src, size_t len);

/**
 * iov_skip() - Move on by @len bytes without looking at them
 *
 * Return: false, without moving, if fewer than @len bytes are left
 */
bool iov_skip(struct iov_cursor *c, size_t len);

/**
 * iov_cut() - Forget what lies more than @len bytes ahead
 */
void iov_cut(struct iov_cursor *c, size_t len);

/**
 * iov_list() - Write the next bytes as a list of segments, for readv() and kin
 * @c:		Cursor; not moved
 * @iov:	Filled with at most @cnt segments
 * @cnt:	Room in @iov
 * @len:	Most bytes to cover
 *
 * Return: number of segments filled in; they cover MIN(@len, @c->left) bytes,
 *	   or less if @cnt did not suffice
 */
unsigned int iov_list(const struct iov_cursor *c, struct iovec *iov,
		      unsigned int cnt, size_t len);

#endif /* VMM_BASE_IOV_H */
