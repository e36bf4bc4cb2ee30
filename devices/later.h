/*
 * Requests of a queue that are answered later.
 *
 * Theory of operation: a request that the FUSE server keeps stays off the used
 * ring, and all that is remembered of it is its head and where its reply goes.
 * Its place is one of a fixed number and is taken before the request is served,
 * as its reply may come before fs_serve() has returned:
 *
 *	later_prepare()				reply()		later_push()
 *	    FREE ------------> TAKEN ------------> DONE ------------> FREE
 *	     loop's thread	     fs's thread, kicks	 loop's thread
 *
 * Only the thread that serves the queue writes to guest memory and to the ring.
 * When the queue stops, what the server still has becomes LOST: its reply comes
 * to nothing and cannot meet the ring's next life.
 *
 * Locks: @later_pool.lock, after the queue's; nothing comes after it.
 */
#ifndef DEVICES_LATER_H
#define DEVICES_LATER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "devices/fs/server.h"
#include "devices/virtio/queue.h"

struct virtio_dev;

/* A quarter of the largest ring: the guest can always send what ends a wait. */
enum { LATER_MAX = QUEUE_MAX_SIZE / 4 };

/** enum later_state - What a place is used for */
enum later_state {
	LATER_FREE,
	LATER_TAKEN, /* the server has it, or may keep it */
	LATER_LOST,  /* the server has it, and the queue was stopped */
	LATER_DONE,  /* the reply is there */
	LATER_NUM_STATES,
};

/**
 * struct later_req - Place of a request
 * @fs:		What the server knows of it
 * @pool:	Whose; NULL until it was used
 * @state:	[pool->lock]
 * @head:	Names the request on the ring [queue's lock]
 * @room:	Where the reply goes, FS_LATER_LEN bytes of guest memory
 *		[queue's lock]
 * @reply:	Reply, if DONE [pool->lock]
 * @reply_len:	Its length [pool->lock]
 */
struct later_req {
	struct fs_later fs;
	struct later_pool *pool;
	enum later_state state;
	uint16_t head;
	void *room;
	char reply[FS_LATER_LEN];
	uint32_t reply_len;
};

/**
 * struct later_pool - Places for requests of a queue
 * @dev:	Device [init]
 * @idx:	Queue [init]
 * @lock:	Guards the places' states
 * @spare:	TAKEN for the next request, or NULL [queue's lock]
 * @done_cnt:	Places that are DONE
 * @req:	The places [lock]
 */
struct later_pool {
	struct virtio_dev *dev;
	unsigned int idx;
	pthread_mutex_t lock;
	struct later_req *spare;
	atomic_uint done_cnt;
	struct later_req req[LATER_MAX];
};

/**
 * later_init() - Make a pool of free places for a queue
 * @pool:	Zero; places take memory when they are used
 * @dev:	Device
 * @idx:	Queue
 */
void later_init(struct later_pool *pool, struct virtio_dev *dev,
		unsigned int idx);

/** later_destroy() - Destroy it; the server has no request of it any more */
void later_destroy(struct later_pool *pool);

/**
 * later_prepare() - Get a place for a request that is about to be served
 * @pool:	Pool; its queue is entered
 * @req:	Request, just popped
 *
 * Return: what the server needs; NULL if a quarter of the ring waits already or
 *	   the room for the reply's header is cut in pieces
 */
struct fs_later *later_prepare(struct later_pool *pool,
			       const struct queue_req *req);

/** later_keep() - The server has kept the request: do not push it */
void later_keep(struct later_pool *pool);

/** later_push() - Give back what was answered; the queue is entered */
void later_push(struct later_pool *pool);

/** later_stop() - Forget all requests; the queue is locked */
void later_stop(struct later_pool *pool);

#endif /* DEVICES_LATER_H */
