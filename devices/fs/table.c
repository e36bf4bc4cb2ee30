/*
 * Numbers for objects.
 */
#include "devices/fs/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int table_init(struct table *t, size_t item_len, uint32_t max_cnt)
{
	*t = (struct table){.item_len = item_len, .max_cnt = max_cnt};
	pthread_mutex_init(&t->lock, NULL);
	t->chunk = calloc(max_cnt / TABLE_CHUNK + 1, sizeof(*t->chunk));
	return t->chunk ? 0 : -ENOMEM;
}

void table_destroy(struct table *t)
{
	for (uint32_t i = 0; t->chunk && i <= t->max_cnt / TABLE_CHUNK; i++)
		free(t->chunk[i]);
	free(t->chunk);
	pthread_mutex_destroy(&t->lock);
	*t = (struct table){0};
}

void *table_at(const struct table *t, uint32_t idx)
{
	return t->chunk[idx / TABLE_CHUNK] + idx % TABLE_CHUNK * t->item_len;
}

/* Use a place for the first time: its index, or 0 with *err. */
static uint32_t grow(struct table *t, int *err)
{
	uint32_t idx = t->used_cnt + 1;
	char **chunk;

	*err = -ENFILE;
	if (idx > t->max_cnt)
		return 0;
	*err = -ENOMEM;
	chunk = &t->chunk[idx / TABLE_CHUNK];
	if (!*chunk)
		*chunk = calloc(TABLE_CHUNK, t->item_len);
	if (!*chunk)
		return 0;
	t->used_cnt = idx;
	return idx;
}

int table_add(struct table *t, void **item)
{
	uint32_t idx = t->first_free;
	struct table_slot *slot;
	int err;

	if (!idx) {
		idx = grow(t, &err);
		if (!idx)
			return err;
	}
	slot = table_at(t, idx);
	t->first_free = slot->next_free;
	*slot = (struct table_slot){
		.idx = idx,
		.generation = slot->generation,
		.live = true,
	};
	memset(slot + 1, 0, t->item_len - sizeof(*slot));
	*item = slot;
	return 0;
}

void *table_find(const struct table *t, uint64_t id)
{
	uint32_t idx = (uint32_t)id;
	struct table_slot *slot;

	if (!idx || idx > t->used_cnt)
		return NULL;
	slot = table_at(t, idx);
	if (!slot->live || slot->generation != id >> 32)
		return NULL;
	return slot;
}

void table_free(struct table *t, void *item)
{
	struct table_slot *slot = item;

	slot->live = false;
	slot->generation++;
	slot->next_free = t->first_free;
	t->first_free = slot->idx;
}

uint64_t table_id(const struct table_slot *slot)
{
	return (uint64_t)slot->generation << 32 | slot->idx;
}
