/*
 * Names of directories that were read ahead.
 */
#include "devices/fs/ahead.h"

#include <errno.h>
#include <stdlib.h>

int ahead_init(struct ahead *a)
{
	*a = (struct ahead){0};
	pthread_mutex_init(&a->lock, NULL);
	for (unsigned int i = 0; i < AHEAD_PLACES; i++) {
		a->place[i].data = malloc(AHEAD_LEN);
		if (!a->place[i].data)
			return -ENOMEM;
	}
	return 0;
}

void ahead_destroy(struct ahead *a)
{
	for (unsigned int i = 0; i < AHEAD_PLACES; i++)
		free(a->place[i].data);
	*a = (struct ahead){0};
}

static void exchange(struct ahead_names *one, struct ahead_names *other)
{
	struct ahead_names old = *one;

	*one = *other;
	*other = old;
}

void ahead_take(struct ahead *a, struct ahead_names *names, uint64_t fh,
		uint64_t offset)
{
	struct ahead_names *place = a->place;

	pthread_mutex_lock(&a->lock);
	while (place < a->place + AHEAD_PLACES &&
	       (place->fh != fh || place->next != offset))
		place++;
	if (place < a->place + AHEAD_PLACES)
		exchange(place, names);
	pthread_mutex_unlock(&a->lock);
}

void ahead_drop(struct ahead *a, uint64_t fh)
{
	pthread_mutex_lock(&a->lock);
	for (unsigned int i = 0; i < AHEAD_PLACES; i++) {
		if (a->place[i].fh == fh)
			a->place[i].fh = 0;
	}
	pthread_mutex_unlock(&a->lock);
}

/* A place where nothing waits, or NULL. */
static struct ahead_names *free_place(struct ahead *a)
{
	for (unsigned int i = 0; i < AHEAD_PLACES; i++) {
		if (!a->place[i].fh)
			return &a->place[i];
	}
	return NULL;
}

bool ahead_is_full(struct ahead *a)
{
	bool full;

	pthread_mutex_lock(&a->lock);
	full = !free_place(a);
	pthread_mutex_unlock(&a->lock);
	return full;
}

void ahead_keep(struct ahead *a, struct ahead_names *names)
{
	struct ahead_names *place;

	if (names->at < names->len) {
		pthread_mutex_lock(&a->lock);
		place = free_place(a);
		if (!place)
			place = &a->place[a->next++ % AHEAD_PLACES];
		exchange(place, names);
		pthread_mutex_unlock(&a->lock);
	}
	*names = (struct ahead_names){.data = names->data};
}
