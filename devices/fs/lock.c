/*
 * File locks of the guest, held on the host: owners.
 */
#include "devices/fs/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>

#include "devices/fs/lock_wait.h"
#include "vmm/base/fd.h"

int lock_table_init(struct lock_table *t, uint32_t max_cnt)
{
	int err;

	*t = (struct lock_table){0};
	err = table_init(&t->table, sizeof(struct lock_owner), max_cnt);
	return err ? err : lock_wait_init(t);
}

void lock_table_destroy(struct lock_table *t)
{
	if (t->place) {
		lock_table_reset(t);
		lock_wait_destroy(t);
	}
	table_destroy(&t->table);
}

static uint32_t *bucket_of(struct lock_table *t, uint64_t node_id)
{
	/* Fibonacci hashing, as of inodes. */
	uint64_t h = node_id * 0x9e3779b97f4a7c15ULL;

	return &t->bucket[h >> (64 - LOCK_BUCKET_BITS)];
}

static void hash_del(struct lock_table *t, struct lock_owner *o)
{
	uint32_t *link = bucket_of(t, o->key.node_id);

	while (*link != o->slot.idx) {
		struct lock_owner *other = table_at(&t->table, *link);

		link = &other->hash_next;
	}
	*link = o->hash_next;
}

/* Find an owner and begin to use it. */
static struct lock_owner *find(struct lock_table *t, const struct lock_key *key)
{
	uint32_t idx = *bucket_of(t, key->node_id);

	while (idx) {
		struct lock_owner *o = table_at(&t->table, idx);

		if (o->key.node_id == key->node_id &&
		    o->key.owner == key->owner && o->key.flock == key->flock) {
			o->slot.ref_cnt++;
			return o;
		}
		idx = o->hash_next;
	}
	return NULL;
}

struct lock_owner *lock_get(struct lock_table *t, const struct lock_key *key,
			    uint64_t fh)
{
	struct lock_owner *o;

	pthread_mutex_lock(&t->table.lock);
	o = find(t, key);
	if (o)
		o->fh = fh;
	pthread_mutex_unlock(&t->table.lock);
	return o;
}

static struct lock_owner *add(struct lock_table *t, const struct lock_key *key,
			      int *fd)
{
	uint32_t *bucket = bucket_of(t, key->node_id);
	struct lock_owner *o;
	void *item;

	if (table_add(&t->table, &item))
		return NULL;
	o = item;
	o->key = *key;
	o->fd = fd_take(fd);
	o->slot.ref_cnt = 1;
	pthread_mutex_init(&o->lock, NULL);
	o->hash_next = *bucket;
	*bucket = o->slot.idx;
	t->cnt++;
	return o;
}

struct lock_owner *lock_add(struct lock_table *t, const struct lock_key *key,
			    uint64_t fh, int fd)
{
	struct lock_owner *o;

	pthread_mutex_lock(&t->table.lock);
	o = find(t, key);
	if (!o)
		o = add(t, key, &fd);
	if (o)
		o->fh = fh;
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
	return o;
}

/* Free an owner that nobody needs; its descriptor is returned to be closed
 * without the lock, or -1.
 */
static int reap(struct lock_table *t, struct lock_owner *o)
{
	if (o->slot.ref_cnt || (o->slot.live && o->held))
		return -1;
	if (o->slot.live)
		hash_del(t, o);
	pthread_mutex_destroy(&o->lock);
	table_free(&t->table, o);
	t->cnt--;
	return fd_take(&o->fd);
}

void lock_put(struct lock_table *t, struct lock_owner *o)
{
	int fd;

	if (!o)
		return;
	pthread_mutex_lock(&t->table.lock);
	o->slot.ref_cnt--;
	fd = reap(t, o);
	pthread_mutex_unlock(&t->table.lock);
	fd_close(&fd);
}

static int call(const struct lock_owner *o, const struct flock *want)
{
	static const int operation[] = {
		[F_RDLCK] = LOCK_SH,
		[F_WRLCK] = LOCK_EX,
		[F_UNLCK] = LOCK_UN,
	};
	struct flock range = *want;
	int r;

	range.l_pid = 0; /* or else EINVAL */
	if (o->key.flock)
		r = flock(o->fd, operation[want->l_type] | LOCK_NB);
	else
		r = fcntl(o->fd, F_OFD_SETLK, &range);
	return r < 0 ? -errno : 0;
}

int lock_apply(struct lock_table *t, struct lock_owner *o,
	       const struct flock *want)
{
	bool whole = o->key.flock || (!want->l_start && !want->l_len);
	bool lost, held;
	int err;

	pthread_mutex_lock(&o->lock);
	err = o->fd < 0 ? -EINTR : call(o, want);
	lost = o->key.flock && err == -EAGAIN;
	held = o->held;
	if (!err && want->l_type != F_UNLCK) {
		o->held = true;
		o->pid = want->l_pid;
	} else if (lost || (!err && whole)) {
		o->held = false;
	}
	pthread_mutex_unlock(&o->lock);
	/* It may have become less. */
	if (held && (lost || !err))
		lock_wait_wake(t, o->key.node_id);
	return err;
}

int lock_query(struct lock_owner *o, struct flock *range)
{
	int err = 0;

	range->l_pid = 0;
	pthread_mutex_lock(&o->lock);
	if (o->fd < 0)
		err = -EINTR;
	else if (fcntl(o->fd, F_OFD_GETLK, range) < 0)
		err = -errno;
	pthread_mutex_unlock(&o->lock);
	return err;
}

/* Does an owner have this lock? @range is known to be locked by somebody. */
static bool holds(struct lock_owner *o, const struct flock *range)
{
	struct flock query = *range;

	/* Since Linux 6.6: is there a lock of this very description? */
	query.l_type = F_UNLCK;
	if (!lock_query(o, &query))
		return query.l_type != F_UNLCK;
	/* Before: it is the one that nobody else is in the way of. */
	query = *range;
	query.l_type = F_WRLCK;
	return !lock_query(o, &query) && query.l_type == F_UNLCK;
}

/* Begin to use owners of POSIX locks on an inode: how many. */
static unsigned int gather(struct lock_table *t, uint64_t node_id,
			   struct lock_owner *list[LOCK_MAX_PROBES])
{
	unsigned int cnt = 0;
	uint32_t idx;

	pthread_mutex_lock(&t->table.lock);
	idx = *bucket_of(t, node_id);
	while (idx && cnt < LOCK_MAX_PROBES) {
		struct lock_owner *o = table_at(&t->table, idx);

		if (o->key.node_id == node_id && !o->key.flock) {
			o->slot.ref_cnt++;
			list[cnt++] = o;
		}
		idx = o->hash_next;
	}
	pthread_mutex_unlock(&t->table.lock);
	return cnt;
}

struct lock_owner *lock_holder(struct lock_table *t, uint64_t node_id,
			       const struct flock *range)
{
	struct lock_owner *list[LOCK_MAX_PROBES];
	struct lock_owner *holder = NULL;
	unsigned int cnt;

	if (range->l_pid != -1)
		return NULL; /* a process of the host */
	cnt = gather(t, node_id, list);
	for (unsigned int i = 0; i < cnt; i++) {
		if (!holder && holds(list[i], range))
			holder = list[i];
		else
			lock_put(t, list[i]);
	}
	return holder;
}

void lock_flush(struct lock_table *t, uint64_t node_id, uint64_t owner)
{
	const struct lock_key key = {.node_id = node_id, .owner = owner};
	const struct flock all = {.l_type = F_UNLCK};
	struct lock_owner *o;

	if (!t->cnt)
		return;
	pthread_mutex_lock(&t->table.lock);
	o = find(t, &key);
	pthread_mutex_unlock(&t->table.lock);
	if (o)
		lock_apply(t, o, &all);
	lock_put(t, o);
}

/* Take an owner's locks away. @t->table.lock is held, and not meanwhile. */
static void drop(struct lock_table *t, struct lock_owner *o)
{
	uint64_t node_id = o->key.node_id;

	hash_del(t, o);
	o->slot.live = false;
	o->slot.ref_cnt++;
	lock_wait_cancel(t, o);
	pthread_mutex_unlock(&t->table.lock);

	pthread_mutex_lock(&o->lock);
	fd_close(&o->fd);
	pthread_mutex_unlock(&o->lock);
	lock_put(t, o);
	lock_wait_wake(t, node_id);
	pthread_mutex_lock(&t->table.lock);
}

/**
 * struct selection - Owners of an inode
 * @node_id:	Which inode
 * @by_fh:	Only those that match one of the following
 * @fh:		The handle that they used
 * @flock_owner:	Who has flock() locks, or NULL
 */
struct selection {
	uint64_t node_id;
	bool by_fh;
	uint64_t fh;
	const uint64_t *flock_owner;
};

static bool selected(const struct lock_owner *o, const struct selection *s)
{
	if (o->key.node_id != s->node_id)
		return false;
	if (!s->by_fh || o->fh == s->fh)
		return true;
	return s->flock_owner && o->key.flock &&
	       o->key.owner == *s->flock_owner;
}

static struct lock_owner *find_selected(struct lock_table *t,
					const struct selection *s)
{
	uint32_t idx = *bucket_of(t, s->node_id);

	while (idx) {
		struct lock_owner *o = table_at(&t->table, idx);

		if (selected(o, s))
			return o;
		idx = o->hash_next;
	}
	return NULL;
}

static void drop_selected(struct lock_table *t, const struct selection *s)
{
	struct lock_owner *o;

	if (!t->cnt)
		return;
	pthread_mutex_lock(&t->table.lock);
	while ((o = find_selected(t, s)))
		drop(t, o);
	pthread_mutex_unlock(&t->table.lock);
}

void lock_release(struct lock_table *t, uint64_t node_id, uint64_t fh,
		  const uint64_t *flock_owner)
{
	const struct selection s = {
		.node_id = node_id,
		.by_fh = true,
		.fh = fh,
		.flock_owner = flock_owner,
	};

	drop_selected(t, &s);
}

void lock_forget(struct lock_table *t, uint64_t node_id)
{
	const struct selection s = {.node_id = node_id};

	drop_selected(t, &s);
}

void lock_table_reset(struct lock_table *t)
{
	lock_wait_drop(t);
	pthread_mutex_lock(&t->table.lock);
	for (uint32_t i = 1; i <= t->table.used_cnt; i++) {
		struct lock_owner *o = table_at(&t->table, i);

		if (o->slot.live)
			drop(t, o);
	}
	pthread_mutex_unlock(&t->table.lock);
}
