/*
 * Requests of a queue that are answered later.
 */
#include "devices/later.h"

#include <assert.h>
#include <string.h>

#include "devices/virtio/device.h"
#include "vmm/base/bits.h"

/* The server has an answer, or will have none. On its thread. */
static void reply(struct fs_later *later, const void *data, size_t len)
{
	struct later_req *req = CONTAINER_OF(later, struct later_req, fs);
	struct later_pool *pool = req->pool;
	bool lost;

	assert(len <= sizeof(req->reply));
	pthread_mutex_lock(&pool->lock);
	lost = req->state == LATER_LOST;
	req->state = lost ? LATER_FREE : LATER_DONE;
	if (len)
		memcpy(req->reply, data, len);
	req->reply_len = len;
	pool->done_cnt += !lost;
	pthread_mutex_unlock(&pool->lock);
	if (!lost)
		virtio_dev_kick(pool->dev, pool->idx);
}

void later_init(struct later_pool *pool, struct virtio_dev *dev,
		unsigned int idx)
{
	pool->dev = dev;
	pool->idx = idx;
	pthread_mutex_init(&pool->lock, NULL);
}

void later_destroy(struct later_pool *pool)
{
	pthread_mutex_destroy(&pool->lock);
}

/* Take the first free place of those that the size of the ring allows. */
static struct later_req *take_spare(struct later_pool *pool)
{
	unsigned int max = pool->dev->queue[pool->idx].ring.size / 4;
	struct later_req *spare = NULL;

	pthread_mutex_lock(&pool->lock);
	for (unsigned int i = 0; i < max && !spare; i++) {
		if (pool->req[i].state == LATER_FREE)
			spare = &pool->req[i];
	}
	if (spare) {
		spare->fs.reply = reply;
		spare->pool = pool;
		spare->state = LATER_TAKEN;
	}
	pthread_mutex_unlock(&pool->lock);
	return spare;
}

struct fs_later *later_prepare(struct later_pool *pool,
			       const struct queue_req *req)
{
	struct iovec room;

	if (req->writable.solid < FS_LATER_LEN ||
	    !iov_list(&req->writable, &room, 1, FS_LATER_LEN) ||
	    room.iov_len < FS_LATER_LEN)
		return NULL;
	if (!pool->spare)
		pool->spare = take_spare(pool);
	if (!pool->spare)
		return NULL;
	pool->spare->head = req->head;
	pool->spare->room = room.iov_base;
	return &pool->spare->fs;
}

void later_keep(struct later_pool *pool)
{
	pool->spare = NULL;
}

/* Write the reply to guest memory and the request to the used ring. */
static void push(struct later_pool *pool, struct later_req *req)
{
	struct virtio_dev *dev = pool->dev;

	memcpy(req->room, req->reply, req->reply_len);
	virtio_dev_push_head(dev, pool->idx, req->head, req->reply_len);
	req->state = LATER_FREE;
}

void later_push(struct later_pool *pool)
{
	if (!pool->done_cnt)
		return;
	pthread_mutex_lock(&pool->lock);
	for (unsigned int i = 0; i < LATER_MAX; i++) {
		if (pool->req[i].state == LATER_DONE)
			push(pool, &pool->req[i]);
	}
	pool->done_cnt = 0;
	pthread_mutex_unlock(&pool->lock);
}

void later_stop(struct later_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	for (unsigned int i = 0; i < LATER_MAX; i++) {
		struct later_req *req = &pool->req[i];

		if (req->state == LATER_DONE)
			req->state = LATER_FREE;
		else if (req->state == LATER_TAKEN && req != pool->spare)
			req->state = LATER_LOST;
	}
	pool->done_cnt = 0;
	pthread_mutex_unlock(&pool->lock);
}
