/*
 * Subordinate ids: which ids besides its own a user may give to a user
 * namespace (subuid(5), subgid(5)).
 */
#ifndef VMM_SANDBOX_SUBID_H
#define VMM_SANDBOX_SUBID_H

#include <stdint.h>
#include <sys/types.h>

/**
 * struct subid_range - A range of ids of the host
 * @first:	First id; never 0
 * @count:	How many; never 0, and no id is above 4294967294
 */
struct subid_range {
	uint32_t first;
	uint32_t count;
};

/**
 * subid_find() - Find the first range of a user
 * @path:	/etc/subuid, /etc/subgid or a file like them
 * @uid:	The user; also who is asked for in subgid(5)
 * @name:	The user's login name; NULL if there is none
 * @out:	Filled if the result is 0, else untouched
 *
 * A line that is not OWNER:FIRST:COUNT is skipped, and so is a range that is
 * empty, does not end within the ids there are, or has root in it.
 *
 * Return: 0, -ENOENT if there is no range or no file, or another negative errno
 * #syscalls(setup): openat newfstatat read close
 */
int subid_find(const char *path, uid_t uid, const char *name,
	       struct subid_range *out);

#endif /* VMM_SANDBOX_SUBID_H */
