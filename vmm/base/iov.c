/*
 * Cursors over scattered memory.
 */
#include "vmm/base/iov.h"

#include <string.h>

#include "vmm/base/bits.h"

void iov_init(struct iov_cursor *c, const struct iovec *iov, unsigned int cnt)
{
	*c = (struct iov_cursor){.iov = iov, .cnt = cnt};
	for (unsigned int i = 0; i < cnt; i++)
		c->left += iov[i].iov_len;
	c->solid = c->left;
}

void iov_limit_solid(struct iov_cursor *c, size_t len)
{
	c->solid = MIN(c->solid, len);
}

/* The longest run of bytes at the position that lie in one segment: its
 * address, and in *len its length, at most as much as *len asks for. Moves on.
 */
static char *next_run(struct iov_cursor *c, size_t *len)
{
	char *at;

	while (c->off == c->iov->iov_len) {
		c->iov++;
		c->cnt--;
		c->off = 0;
	}
	at = (char *)c->iov->iov_base + c->off;
	*len = MIN(*len, c->iov->iov_len - c->off);
	c->off += *len;
	c->left -= *len;
	c->solid -= MIN(c->solid, *len);
	return at;
}

bool iov_take(struct iov_cursor *c, void *dst, size_t len)
{
	char *to = dst;
	const char *from;
	size_t run;

	if (len > c->solid)
		return false;
	for (; len; len -= run, to += run) {
		run = len;
		from = next_run(c, &run);
		memcpy(to, from, run);
	}
	return true;
}

bool iov_put(struct iov_cursor *c, const void *src, size_t len)
{
	const char *from = src;
	char *to;
	size_t run;

	if (len > c->solid)
		return false;
	for (; len; len -= run, from += run) {
		run = len;
		to = next_run(c, &run);
		memcpy(to, from, run);
	}
	return true;
}

bool iov_skip(struct iov_cursor *c, size_t len)
{
	size_t run;

	if (len > c->left)
		return false;
	for (; len; len -= run) {
		run = len;
		next_run(c, &run);
	}
	return true;
}

void iov_cut(struct iov_cursor *c, size_t len)
{
	c->left = MIN(c->left, len);
	c->solid = MIN(c->solid, len);
}

unsigned int iov_list(const struct iov_cursor *c, struct iovec *iov,
		      unsigned int cnt, size_t len)
{
	struct iov_cursor at = *c;
	unsigned int used = 0;
	size_t run;

	for (len = MIN(len, at.left); len && used < cnt; len -= run, used++) {
		run = len;
		iov[used].iov_base = next_run(&at, &run);
		iov[used].iov_len = run;
	}
	return used;
}
