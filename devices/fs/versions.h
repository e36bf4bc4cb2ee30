/*
 * Shared metadata versions: the table (VERSIONS.md).
 *
 * Theory of operation: a table is a file in memory that every server of a
 * directory maps, and the guest, too, but for reading only and without the page
 * behind it:
 *
 *	0		counters, VERSIONS_LEN bytes: the epoch, then facts
 *	VERSIONS_LEN	a page of the servers': the change count, and the seed
 *			of the hash, which the first of them chooses
 *
 * A file is known by a key, the hash of its host handle; a fact has the counter
 * that the hash of key and name says. Key 0 and counter 0 mean that there is
 * none.
 *
 * Any thread, no locks: counters are only added to.
 */
#ifndef DEVICES_FS_VERSIONS_H
#define DEVICES_FS_VERSIONS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VERSIONS_CNT = 1 << 18, /* a multiple of the window's unit: 2 MiB */
	VERSIONS_LEN = VERSIONS_CNT * 8,
	VERSIONS_FILE_LEN = VERSIONS_LEN + 4096,
	VERSIONS_HOT_SHIFT = 48, /* bits below count changes */
};

/**
 * struct versions_own - The page that the guest does not see
 * @change_cnt:	Grows before any counter does
 * @seed:	Of the hash; 0: not chosen yet
 */
struct versions_own {
	_Atomic uint64_t change_cnt;
	_Atomic uint64_t seed;
};

/**
 * struct versions - A table
 * @map:	The file; NULL: there is none [init, owned]
 * @count:	Counters in it [init]
 * @own:	The page behind them [init]
 * @seed:	Of the hash [init]
 */
struct versions {
	void *map;
	_Atomic uint64_t *count;
	struct versions_own *own;
	uint64_t seed;
};

/**
 * versions_init() - Map a table
 * @v:		Filled; to be destroyed whatever the result
 * @fd:		Its file, of VERSIONS_FILE_LEN bytes, zeros at first; may be
 *		closed afterwards
 *
 * Return: 0, -EINVAL if it is shorter, or another negative errno
 * #syscalls: fstat mmap getrandom
 */
int versions_init(struct versions *v, int fd);

/**
 * versions_show() - Map what the guest sees of a table once more
 * @v:		Table
 * @at:		Address of a mapping of VERSIONS_LEN bytes, which it replaces
 *
 * Return: 0 or a negative errno
 * #syscalls: mremap mprotect
 */
int versions_show(const struct versions *v, void *at);

/** versions_destroy() - Unmap it; accepts a half-built @v */
void versions_destroy(struct versions *v);

/**
 * versions_hash() - SipHash-2-4 of some bytes
 *
 * (Aumasson and Bernstein, "SipHash: a fast short-input PRF")
 */
uint64_t versions_hash(uint64_t key0, uint64_t key1, const void *data,
		       size_t len);

/**
 * versions_key() - Key of a file
 * @v:		Table
 * @type:	Type of the host's handle of it
 * @handle:	Its bytes
 * @len:	How many
 *
 * Return: the key, not 0
 */
uint64_t versions_key(const struct versions *v, int32_t type,
		      const void *handle, size_t len);

/** versions_entry() - Counter of a directory's name; 0 if the key is */
uint32_t versions_entry(const struct versions *v, uint64_t key,
			const char *name);

/** versions_attr() - Counter of a file's attributes; 0 if the key is */
uint32_t versions_attr(const struct versions *v, uint64_t key);

/** versions_read() - Version of a fact that is going to be read; 0 for none */
uint64_t versions_read(const struct versions *v, uint32_t idx);

/** versions_changes() - The change count, before something is read */
uint64_t versions_changes(const struct versions *v);

/** versions_bump() - A fact has changed, and nobody knows yet; none: nothing */
void versions_bump(const struct versions *v, uint32_t idx);

/** versions_bump_all() - Everything may have changed */
void versions_bump_all(const struct versions *v);

/** versions_heat() - From now on a fact may change at any time */
void versions_heat(const struct versions *v, uint32_t idx);

/** versions_cool() - It may have changed, and will not do so unsaid any more */
void versions_cool(const struct versions *v, uint32_t idx);

#endif /* DEVICES_FS_VERSIONS_H */
