/*
 * Names of directories that were read ahead: those that did not fit into a
 * reply, for the request that goes on there, whichever thread serves it.
 *
 * Lock: the shelf's own; no other one is taken and no system call is made while
 * it is held. It is held for an exchange of pointers.
 */
#ifndef DEVICES_FS_AHEAD_H
#define DEVICES_FS_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AHEAD_LEN = 32 << 10, /* what a C library reads at once */
	AHEAD_PLACES = 32,    /* directories that are being listed */
};

/**
 * struct ahead_names - Names of a directory
 * @fh:		Id of its handle, 0 if there are none
 * @next:	Offset at which they go on
 * @at:		First byte in @data that was not told yet
 * @len:	Bytes in @data
 * @data:	struct dirent64 of the host, room for AHEAD_LEN bytes [owned]
 */
struct ahead_names {
	uint64_t fh;
	uint64_t next;
	size_t at;
	size_t len;
	char *data;
};

/**
 * struct ahead - The shelf where names wait
 * @lock:	Guards all else
 * @place:	Names, or just memory
 * @next:	Which one has to go when there are too many
 */
struct ahead {
	pthread_mutex_t lock;
	struct ahead_names place[AHEAD_PLACES];
	unsigned int next;
};

/** ahead_init() - Make an empty shelf; destroy it whatever the result: 0 or
 *		   -ENOMEM
 */
int ahead_init(struct ahead *a);

/** ahead_destroy() - Free it; accepts a half-built @a */
void ahead_destroy(struct ahead *a);

/**
 * ahead_take() - Go on with names from the shelf
 * @a:		Shelf
 * @names:	The thread's own: there are none; filled if there are some for
 * @fh:		this handle
 * @offset:	at this place
 */
void ahead_take(struct ahead *a, struct ahead_names *names, uint64_t fh,
		uint64_t offset);

/** ahead_drop() - Throw away what there is for a handle */
void ahead_drop(struct ahead *a, uint64_t fh);

/** ahead_is_full() - Would names that are kept now push others out? */
bool ahead_is_full(struct ahead *a);

/** ahead_keep() - Put what is left of a thread's names on the shelf, if any */
void ahead_keep(struct ahead *a, struct ahead_names *names);

#endif /* DEVICES_FS_AHEAD_H */
