/*
 * Numbers for objects: an id that the guest holds is an index and a
 * generation, so a stale or invented one is recognised.
 *
 * Theory of operation: objects live in chunks that are allocated as the table
 * grows and never move, so a pointer stays valid for as long as the object is
 * in use. An object is *live* while the guest may name it, and *in use* while
 * it is live or somebody holds a reference. Freeing it raises the generation
 * of its place, which makes all ids handed out before wrong.
 *
 *      id = generation << 32 | index        index 0 is never used
 */
#ifndef DEVICES_FS_TABLE_H
#define DEVICES_FS_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TABLE_CHUNK = 1024 };

/**
 * struct table_slot - First member of every object in a table
 * @idx:	Its index [constant]
 * @generation:	How often its place was used before [lock]
 * @next_free:	Next free index, 0 at the end [lock]
 * @ref_cnt:	Requests that are using the object [lock]
 * @live:	The guest may name it [lock]
 */
struct table_slot {
	uint32_t idx;
	uint32_t generation;
	uint32_t next_free;
	uint32_t ref_cnt;
	bool live;
};

/**
 * struct table - Objects of one kind
 * @lock:	Guards all of the table and what the objects mark with [lock]
 * @item_len:	Bytes of an object [init]
 * @max_cnt:	Most objects that there can be [init]
 * @chunk:	Places for objects [owned]
 * @used_cnt:	Places that were ever used [lock]
 * @first_free:	Head of the list of free places [lock]
 */
struct table {
	pthread_mutex_t lock;
	size_t item_len;
	uint32_t max_cnt;
	char **chunk;
	uint32_t used_cnt;
	uint32_t first_free;
};

/**
 * table_init() - Make an empty table
 * @t:		Table, filled; to be destroyed whatever the result
 * @item_len:	Bytes of an object that begins with a struct table_slot
 * @max_cnt:	Most objects
 *
 * Return: 0 or -ENOMEM
 */
int table_init(struct table *t, size_t item_len, uint32_t max_cnt);

/** table_destroy() - Free the memory; what objects own is their owner's care */
void table_destroy(struct table *t);

/**
 * table_add() - Take a place for an object; @t->lock is held
 *
 * Return: 0 with *@item live, all zero after its slot; -ENFILE at the limit,
 *	   -ENOMEM
 * #syscalls(fs): brk mmap munmap futex
 */
int table_add(struct table *t, void **item);

/** table_find() - The live object with this id, or NULL; @t->lock is held */
void *table_find(const struct table *t, uint64_t id);

/** table_at() - The object at an index up to @t->used_cnt; @t->lock is held */
void *table_at(const struct table *t, uint32_t idx);

/** table_free() - Give an object's place back; @t->lock is held */
void table_free(struct table *t, void *item);

/** table_id() - The id of an object that is in use */
uint64_t table_id(const struct table_slot *slot);

#endif /* DEVICES_FS_TABLE_H */
