/*
 * Requests that wait for a lock.
 */
#include "devices/fs/lock_wait.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "devices/fs/lock.h"
#include "devices/fs/server.h"
#include "vmm/base/bits.h"
#include "vmm/base/thread.h"

enum {
	INTERVAL_MIN_MS = 1,
	INTERVAL_MAX_MS = 32,
	MAX_CHAIN = 10, /* waiters on the way to a deadlock */
};

static_assert(sizeof(struct fuse_out_header) == FS_LATER_LEN,
	      "a reply that comes later is a header");

int lock_wait_init(struct lock_table *t)
{
	pthread_condattr_t attr;

	t->place = calloc(LOCK_MAX_WAITERS, sizeof(*t->place));
	if (!t->place)
		return -ENOMEM;
	for (unsigned int i = 0; i < LOCK_MAX_WAITERS; i++) {
		t->place[i].next = t->free;
		t->free = &t->place[i];
	}
	t->tail = &t->first;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->work, &attr);
	pthread_cond_init(&t->done, NULL);
	pthread_condattr_destroy(&attr);
	return 0;
}

void lock_wait_destroy(struct lock_table *t)
{
	pthread_mutex_lock(&t->table.lock);
	t->stopping = true;
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->table.lock);
	if (t->running)
		pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->done);
	free(t->place);
	t->place = NULL;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Sleep until there is something to do. */
static void wait_for_work(struct lock_table *t)
{
	while (!t->due && !t->stopping) {
		struct timespec until = {
			.tv_sec = t->next_ms / 1000,
			.tv_nsec = t->next_ms % 1000 * 1000000,
		};
		int64_t now;

		if (!t->first) {
			pthread_cond_wait(&t->work, &t->table.lock);
			continue;
		}
		pthread_cond_timedwait(&t->work, &t->table.lock, &until);
		now = now_ms();
		if (now < t->next_ms)
			continue;
		for (struct lock_waiter *w = t->first; w; w = w->next)
			w->due = true;
		t->due = true;
		t->interval_ms = MIN(2 * t->interval_ms, INTERVAL_MAX_MS);
		t->next_ms = now + t->interval_ms;
	}
	t->due = false;
}

static void use(struct lock_table *t, struct lock_owner *o)
{
	pthread_mutex_lock(&t->table.lock);
	o->slot.ref_cnt++;
	pthread_mutex_unlock(&t->table.lock);
}

/* Who of this server is in the way of a POSIX lock? In use, or NULL. */
static struct lock_owner *in_the_way(struct lock_table *t, struct lock_owner *o,
				     struct flock *want)
{
	if (lock_query(o, want) || want->l_type == F_UNLCK)
		return NULL;
	return lock_holder(t, o->key.node_id, want);
}

/* Find a wish of the owner of POSIX locks: who has it, in use, or NULL. */
static struct lock_owner *find_wish(struct lock_table *t, uint64_t owner,
				    struct flock *want)
{
	struct lock_owner *o = NULL;

	pthread_mutex_lock(&t->table.lock);
	for (struct lock_waiter *w = t->first; w && !o; w = w->next) {
		if (w->owner->key.owner == owner && !w->owner->key.flock) {
			o = w->owner;
			o->slot.ref_cnt++;
			*want = w->want;
		}
	}
	pthread_mutex_unlock(&t->table.lock);
	return o;
}

/* Is a waiter, in the end, in the way of itself? */
static bool deadlocked(struct lock_table *t, const struct lock_waiter *waiter)
{
	const uint64_t me = waiter->owner->key.owner;
	struct lock_owner *o = waiter->owner;
	struct flock want = waiter->want;
	bool found = false;

	use(t, o);
	for (unsigned int i = 0; i < MAX_CHAIN && o && !found; i++) {
		struct lock_owner *holder = in_the_way(t, o, &want);

		lock_put(t, o);
		o = NULL;
		if (!holder)
			break;
		found = holder->key.owner == me;
		o = find_wish(t, holder->key.owner, &want);
		lock_put(t, holder);
	}
	lock_put(t, o);
	return found;
}

/* Try for a waiter: -EAGAIN if it goes on waiting. The lock is not held. */
static int try(struct lock_table *t, struct lock_waiter *w)
{
	int err = lock_apply(t, w->owner, &w->want);

	if (err != -EAGAIN || !w->fresh)
		return err;
	w->fresh = false;
	return !w->owner->key.flock && deadlocked(t, w) ? -EDEADLK : err;
}

/* Reply to a waiter, which stays in the list meanwhile. */
static void reply(struct lock_table *t, struct lock_waiter *w, int err)
{
	const struct fuse_out_header header = {
		.len = sizeof(header),
		.error = err,
		.unique = w->unique,
	};
	size_t len = w->fate == LOCK_DROPPED ? 0 : sizeof(header);

	pthread_mutex_unlock(&t->table.lock);
	w->later->reply(w->later, &header, len);
	pthread_mutex_lock(&t->table.lock);
}

/* Attend to a waiter: true if it is done with. */
static bool attend(struct lock_table *t, struct lock_waiter *w)
{
	int err = -EAGAIN;

	w->due = false;
	if (w->fate == LOCK_WAITS) {
		pthread_mutex_unlock(&t->table.lock);
		err = try(t, w);
		pthread_mutex_lock(&t->table.lock);
	}
	/* Cancelled too late, it has got the lock and must know. */
	if (err == -EAGAIN && w->fate == LOCK_WAITS)
		return false;
	reply(t, w, err == -EAGAIN ? -EINTR : err);
	return true;
}

/* Forget a waiter that is not in the list any more. */
static void finish(struct lock_table *t, struct lock_waiter *w)
{
	pthread_mutex_unlock(&t->table.lock);
	lock_put(t, w->owner);
	pthread_mutex_lock(&t->table.lock);
	if (w->fate == LOCK_DROPPED && !--t->dropped_cnt)
		pthread_cond_broadcast(&t->done);
	w->next = t->free;
	t->free = w;
}

/* New waiters come at the end meanwhile, and nobody else takes any out. */
static void attend_all(struct lock_table *t)
{
	struct lock_waiter **link = &t->first;
	struct lock_waiter *w;

	while ((w = *link)) {
		if ((!w->due && w->fate == LOCK_WAITS) || !attend(t, w)) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		if (!w->next)
			t->tail = link;
		finish(t, w);
	}
}

static void *run(void *arg)
{
	struct lock_table *t = arg;

	pthread_setname_np(pthread_self(), "fs-locks");
	thread_enter(t->entry, THREAD_FS_AUX);
	pthread_mutex_lock(&t->table.lock);
	while (!t->stopping) {
		wait_for_work(t);
		attend_all(t);
	}
	pthread_mutex_unlock(&t->table.lock);
	return NULL;
}

int lock_wait_start(struct lock_table *t, const struct thread_entry *entry)
{
	int err;

	t->entry = entry;
	err = thread_start(&t->thread, 0, run, t);
	t->running = !err;
	return err;
}

/* Was a request interrupted before it could wait? */
static bool interrupted(struct lock_table *t, uint64_t unique)
{
	for (unsigned int i = 0; i < LOCK_MAX_EARLY; i++) {
		if (t->early[i] == unique) {
			t->early[i] = 0;
			return unique != 0;
		}
	}
	return false;
}

static int add(struct lock_table *t, struct lock_owner *o,
	       const struct flock *want, uint64_t unique,
	       struct fs_later *later)
{
	struct lock_waiter *w = t->free;

	assert(t->running);
	if (interrupted(t, unique))
		return -EINTR;
	if (!w)
		return -ENOLCK;
	t->free = w->next;
	*w = (struct lock_waiter){
		.owner = o,
		.want = *want,
		.unique = unique,
		.later = later,
		.due = true,
		.fresh = true,
	};
	*t->tail = w;
	t->tail = &w->next;
	t->due = true;
	t->interval_ms = INTERVAL_MIN_MS;
	t->next_ms = now_ms() + INTERVAL_MIN_MS;
	pthread_cond_signal(&t->work);
	return 0;
}

int lock_wait_add(struct lock_table *t, struct lock_owner *o,
		  const struct flock *want, uint64_t unique,
		  struct fs_later *later)
{
	int err;

	pthread_mutex_lock(&t->table.lock);
	err = add(t, o, want, unique, later);
	pthread_mutex_unlock(&t->table.lock);
	return err;
}

void lock_wait_wake(struct lock_table *t, uint64_t node_id)
{
	pthread_mutex_lock(&t->table.lock);
	for (struct lock_waiter *w = t->first; w; w = w->next) {
		if (w->owner->key.node_id == node_id) {
			w->due = true;
			t->due = true;
		}
	}
	if (t->due)
		pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->table.lock);
}

/* Decide on a waiter that has no other fate yet. */
static void decide(struct lock_table *t, struct lock_waiter *w,
		   enum lock_fate fate)
{
	if (w->fate != LOCK_DROPPED)
		w->fate = fate;
	t->due = true;
	pthread_cond_signal(&t->work);
}

void lock_wait_cancel(struct lock_table *t, const struct lock_owner *o)
{
	for (struct lock_waiter *w = t->first; w; w = w->next) {
		if (w->owner == o)
			decide(t, w, LOCK_CANCELLED);
	}
}

void lock_wait_interrupt(struct lock_table *t, uint64_t unique)
{
	bool found = false;

	pthread_mutex_lock(&t->table.lock);
	for (struct lock_waiter *w = t->first; w; w = w->next) {
		if (w->unique == unique) {
			decide(t, w, LOCK_CANCELLED);
			found = true;
		}
	}
	if (!found)
		t->early[t->early_idx++ % LOCK_MAX_EARLY] = unique;
	pthread_mutex_unlock(&t->table.lock);
}

void lock_wait_drop(struct lock_table *t)
{
	pthread_mutex_lock(&t->table.lock);
	for (struct lock_waiter *w = t->first; w; w = w->next) {
		t->dropped_cnt += w->fate != LOCK_DROPPED;
		decide(t, w, LOCK_DROPPED);
	}
	while (t->dropped_cnt)
		pthread_cond_wait(&t->done, &t->table.lock);
	memset(t->early, 0, sizeof(t->early));
	pthread_mutex_unlock(&t->table.lock);
}
