/*
 * A virtio device without its transport: constant class, status machine, queues
 * and their threads, interrupts (virtio 1.2, 2 and 3).
 *
 * Theory of operation. A device is a struct virtio_class (constant: what it is)
 * and a struct virtio_dev embedded in the device's own struct (state). Three
 * kinds of threads meet here:
 *
 *   vCPU threads	write registers: features, status, queue set-up; mmio.c
 *   loop threads	serve queues; each queue has the loop it was given by
 *			virtio_dev_attach(), several may share one
 *   whoever		raises interrupts
 *
 *    guest kicks --> eventfd --> loop --> class->kick()  [queue's lock held]
 *                                           virtio_dev_pop()
 *                                           ... work ...
 *                                           virtio_dev_push()
 *                    irq eventfd <-- one interrupt if anything was pushed
 *
 * @virtio_dev.lock serializes writes of registers. Each queue has a lock that
 * is held while the queue is served. Lock order: virtio_dev.lock, then one
 * queue's lock; nobody holds the locks of two queues. Status and interrupt
 * status are atomic, so that no interrupt waits for a request.
 *
 * Reset takes DRIVER_OK away, which ends every batch after the request that it
 * is in, and then takes each queue's lock in turn: when the driver's write of 0
 * returns, no request of the old life is in flight and nothing is written to
 * guest memory any more.
 *
 * A driver that breaks a rule of the ring loses its device, nothing else:
 * NEEDS_RESET is set, the driver is told by a configuration interrupt, and no
 * queue of the device is served until reset (virtio 1.2, 2.1.2).
 *
 *	status	ACKNOWLEDGE, DRIVER	features may be chosen
 *		+ FEATURES_OK		features are fixed, queues can go on
 *		+ DRIVER_OK		queues are served
 *		+ NEEDS_RESET		queues are not served; only reset helps
 */
#ifndef DEVICES_VIRTIO_DEVICE_H
#define DEVICES_VIRTIO_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/virtio/poll.h"
#include "devices/virtio/queue.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

enum {
	VIRTIO_MAX_QUEUES = 16,
	VIRTIO_MAX_CONFIG = 64, /* bytes of configuration space */
	VIRTIO_NUM_REGS = 64,	/* before it */
	VIRTIO_MAX_BATCH =
		64, /* requests before others have a turn, or are looked for */
};

struct virtio_dev;

/**
 * struct virtio_class - What all devices of a kind have in common
 * @name:	First word of messages, e.g. "virtio-rng"
 * @id:		Device id (virtio 1.2, 5)
 * @features:	Offered beside VERSION_1, EVENT_IDX and INDIRECT_DESC
 * @queue_cnt:	Queues, up to VIRTIO_MAX_QUEUES
 * @queue_size:	Most entries of each, a power of two up to QUEUE_MAX_SIZE
 * @windows:	Buffers may be in windows: it touches no more of a request than
 *		is solid (iov.h)
 * @kick:	Queue @idx was kicked or has just become live. On its loop's
 *		thread, in virtio_dev_enter(): pop, push, or virtio_dev_serve()
 * @stop:	Queue @idx goes away: forget requests that are held. On a vCPU
 *		thread, with the queue's lock held. NULL: none are ever held
 */
struct virtio_class {
	const char *name;
	uint32_t id;
	uint64_t features;
	unsigned int queue_cnt;
	uint16_t queue_size;
	bool windows;
	void (*kick)(struct virtio_dev *dev, unsigned int idx);
	void (*stop)(struct virtio_dev *dev, unsigned int idx);
};

/**
 * struct virtio_queue - A queue of a device
 * @dev:	Whose [init]
 * @loop:	Serves it; NULL before virtio_dev_attach() [init, borrowed]
 * @source:	Kicks; its eventfd is owned [init]
 * @cfg:	What the driver writes before it enables the queue [dev->lock]
 * @enabled:	@ring is not OFF [dev->lock]
 * @alone:	Nothing else is on its loop [init]
 * @stopping:	A vCPU waits for @lock to stop it
 * @lock:	Held while the queue is served, started or stopped
 * @ring:	The queue itself [lock]
 * @poll:	Whether to look at it before its server sleeps [lock]
 * @kicked:	Somebody wants the server's attention, other than the driver
 */
struct virtio_queue {
	struct virtio_dev *dev;
	struct loop *loop;
	struct loop_source source;
	struct queue_config cfg;
	bool enabled;
	bool alone;
	atomic_bool stopping;
	pthread_mutex_t lock;
	struct queue ring;
	struct queue_poll poll;
	_Atomic bool kicked;
};

enum { VIRTIO_MAX_SHM = 2 }; /* regions of a device */

/**
 * struct virtio_shm - Memory that a device and its driver share (virtio 1.2,
 *		       2.10)
 * @base:	Guest physical address
 * @len:	Bytes; 0: there is none
 */
struct virtio_shm {
	gpa_t base;
	uint64_t len;
};

/**
 * struct virtio_regs - What a driver reads of a device (virtio 1.2, 4.2.2)
 * @reg:	Registers, by their offsets / 4
 * @config:	Configuration space
 *
 * It is in memory that the guest can read (guestmem.h), so it is as new at any
 * time as if each read were an exit. STATUS has NEEDS_RESET set by whoever
 * finds the driver in the wrong, all else with the device's lock held.
 *
 * INTERRUPT_STATUS has its bit for used buffers set by the first interrupt and
 * keeps it until reset: KVM takes the driver's acknowledgement, and that there
 * may be nothing new is what a driver has to expect of an interrupt. The bit
 * for changes of configuration, and of NEEDS_RESET, goes when acknowledged.
 */
struct virtio_regs {
	_Atomic uint32_t reg[VIRTIO_NUM_REGS];
	unsigned char config[VIRTIO_MAX_CONFIG];
};

/**
 * struct virtio_dev - State of a device; embed it
 * @class:	Constant part [init, borrowed]
 * @mem:	Guest memory [init, borrowed]
 * @shm:	Shared memory regions, by id [init]
 * @irq_fd:	Eventfd that raises the device's line [init, owned]
 * @queue:	@class->queue_cnt of them are in use
 * @lock:	Serializes the registers
 * @features:	Chosen by the driver; constant from FEATURES_OK on [lock]
 * @regs:	What the driver reads [init]; INTERRUPT_STATUS and STATUS change
 *		at any time, others with @lock held
 * @own_regs:	That, before there is a transport
 * @ack_fd:	Eventfd that nobody waits for [init, owned]
 * @refusals:	Budget for lines about refused queues [lock]
 * @breaks:	Budget for lines about NEEDS_RESET [whoever sets the bit]
 */
struct virtio_dev {
	const struct virtio_class *class;
	const struct guestmem *mem;
	struct virtio_shm shm[VIRTIO_MAX_SHM];
	int irq_fd;
	struct virtio_queue queue[VIRTIO_MAX_QUEUES];
	pthread_mutex_t lock;
	uint64_t features;
	struct virtio_regs *regs;
	struct virtio_regs own_regs;
	int ack_fd;
	struct log_limit refusals;
	struct log_limit breaks;
};

/** virtio_dev_reg() - A register as the driver reads it, by its offset */
static inline _Atomic uint32_t *virtio_dev_reg(const struct virtio_dev *dev,
					       unsigned int offset)
{
	return &dev->regs->reg[offset / 4];
}

/* Set-up, by the device */

/**
 * virtio_dev_init() - Make a device that was just reset
 * @dev:	Filled; to be destroyed whatever the result
 * @class:	Constant part
 * @mem:	Guest memory
 *
 * Return: 0 or a negative errno
 * #syscalls: eventfd2
 */
int virtio_dev_init(struct virtio_dev *dev, const struct virtio_class *class,
		    const struct guestmem *mem);

/**
 * virtio_dev_destroy() - Release a device that was initialised, even half
 *
 * Its loops do not run any more, but still exist.
 */
void virtio_dev_destroy(struct virtio_dev *dev);

/**
 * virtio_dev_attach() - Choose the loop that serves a queue
 * @dev:	Device
 * @idx:	Queue, not yet attached
 * @loop:	Does not run yet; outlives @dev
 *
 * Return: 0 or a negative errno
 * #syscalls: epoll_ctl
 */
int virtio_dev_attach(struct virtio_dev *dev, unsigned int idx,
		      struct loop *loop);

/**
 * virtio_dev_set_alone() - A queue has its loop to itself
 * @dev:	Device
 * @idx:	Queue, attached
 *
 * Then virtio_dev_serve() goes on for as long as there are requests, and its
 * server looks on before it sleeps, unless queues up to this one could keep all
 * processors busy with that which this thread may use (poll.h): the guest needs
 * one.
 * #syscalls: sched_getaffinity
 */
void virtio_dev_set_alone(struct virtio_dev *dev, unsigned int idx);

/**
 * virtio_dev_set_config() - Fill or change the configuration space
 * @dev:	Device; no queue's lock is held
 * @config:	Copied
 * @len:	Bytes, up to VIRTIO_MAX_CONFIG; the same at each call
 *
 * Any thread. A driver that runs gets a configuration interrupt.
 * #syscalls: write
 */
void virtio_dev_set_config(struct virtio_dev *dev, const void *config,
			   size_t len);

/**
 * virtio_dev_set_shm() - Give the device a shared memory region
 * @dev:	Device that no driver has seen yet
 * @id:		Below VIRTIO_MAX_SHM
 * @base:	Guest physical address
 * @len:	Bytes
 */
void virtio_dev_set_shm(struct virtio_dev *dev, unsigned int id, gpa_t base,
			uint64_t len);

/** virtio_dev_has() - Did the driver choose feature bit @bit? In kick() only */
bool virtio_dev_has(const struct virtio_dev *dev, unsigned int bit);

/* Serving, by the device, on the loop of the queue */

/**
 * virtio_dev_enter() - Begin to use a queue outside of class->kick()
 * @dev:	Device
 * @idx:	Queue
 *
 * For a device that has something to say of its own accord: pop and push only
 * work between this and virtio_dev_leave(). class->kick() is called in between
 * already.
 *
 * Return: true with the queue's lock held; false, without, if the queue is not
 *	   live: no DRIVER_OK, not enabled, or NEEDS_RESET
 */
bool virtio_dev_enter(struct virtio_dev *dev, unsigned int idx);

/**
 * virtio_dev_leave() - End what virtio_dev_enter() began
 *
 * Interrupts once if requests were pushed and the driver wants to hear of it.
 * #syscalls(loop fs fs-aux): write
 */
void virtio_dev_leave(struct virtio_dev *dev, unsigned int idx);

/**
 * virtio_dev_pop() - Take a request, if the queue is live and has one
 * @dev:	Device
 * @idx:	Queue, entered
 * @req:	Filled, see queue_pop()
 *
 * A broken ring breaks the device here.
 *
 * Return: true with @req set
 * #syscalls(loop fs fs-aux): write
 */
bool virtio_dev_pop(struct virtio_dev *dev, unsigned int idx,
		    struct queue_req *req);

/** virtio_dev_push() - Give a request of an entered queue back: queue_push() */
void virtio_dev_push(struct virtio_dev *dev, unsigned int idx,
		     const struct queue_req *req, uint32_t written_len);

/**
 * virtio_dev_push_head() - Give a request back of which only the head was kept
 * @dev:	Device
 * @idx:	Queue, entered
 * @head:	From its struct queue_req; popped since the queue was started
 * @written_len: Bytes written to the front of what was writable
 */
void virtio_dev_push_head(struct virtio_dev *dev, unsigned int idx,
			  uint16_t head, uint32_t written_len);

/* What a virtio_handle_fn returns if the device gives the request back itself,
 * when it is done.
 */
#define VIRTIO_LATER UINT32_MAX

/**
 * typedef virtio_handle_fn - Do one request
 * @dev:	Device
 * @idx:	Queue, entered
 * @req:	Request
 *
 * Return: bytes written to the front of @req->writable, or VIRTIO_LATER
 */
typedef uint32_t virtio_handle_fn(struct virtio_dev *dev, unsigned int idx,
				  struct queue_req *req);

/**
 * virtio_dev_serve() - Do requests until there are no more
 * @dev:	Device
 * @idx:	Queue, entered
 * @req:	Storage for one request at a time
 * @handle:	Does one request, or keeps it for later
 *
 * What a kick() consists of if no request waits for another. Kicks are off
 * meanwhile. After VIRTIO_MAX_BATCH requests the queue kicks itself and
 * returns, so that a guest which floods one queue cannot keep a loop for
 * itself. A queue that has one (virtio_dev_set_alone()) does that only if
 * somebody wants its attention; else it interrupts and goes on, and waits for
 * the next request for up to QUEUE_POLL_NS, after an interrupt, too.
 * #syscalls(loop fs fs-aux): write clock_gettime
 */
void virtio_dev_serve(struct virtio_dev *dev, unsigned int idx,
		      struct queue_req *req, virtio_handle_fn *handle);

/**
 * virtio_dev_want_kick() - Ask for a kick when the driver adds a request
 * @dev:	Device
 * @idx:	Queue, entered
 *
 * For a device that stopped popping by itself. virtio_dev_serve() does it.
 *
 * Return: true if a request is there already: no kick will come for it
 */
bool virtio_dev_want_kick(struct virtio_dev *dev, unsigned int idx);

/**
 * virtio_dev_break() - Give the device up until it is reset
 * @dev:	Device
 * @idx:	Queue, entered
 * @why:	The rule that the driver broke, for the log
 *
 * Sets NEEDS_RESET, tells the driver, prints one line.
 * #syscalls(loop fs fs-aux): write
 */
void virtio_dev_break(struct virtio_dev *dev, unsigned int idx,
		      const char *why);

/* Registers, by the transport, on vCPU threads with @dev->lock held */

/** virtio_dev_offered() - All features that the driver may choose */
uint64_t virtio_dev_offered(const struct virtio_dev *dev);

/**
 * virtio_dev_choose() - Take a half of the driver's features
 * @dev:	Device; from FEATURES_OK on nothing happens
 * @half:	0: bits 0 to 31, 1: bits 32 to 63, otherwise nothing happens
 * @bits:	Unchecked; looked at when the driver sets FEATURES_OK
 */
void virtio_dev_choose(struct virtio_dev *dev, uint32_t half, uint32_t bits);

/**
 * virtio_dev_set_status() - The driver writes the status (virtio 1.2, 3.1.1)
 * @dev:	Device
 * @status:	0 resets, see above. Else bits are added, never removed, and
 *		those whose time has not come are left out: FEATURES_OK with
 *		features that were not offered or without VERSION_1, DRIVER_OK
 *		without FEATURES_OK
 *
 * #syscalls(vcpu): write
 */
void virtio_dev_set_status(struct virtio_dev *dev, uint32_t status);

/**
 * virtio_dev_enable() - The driver enables or disables a queue
 * @dev:	Device
 * @idx:	Queue, less than the number of queues
 * @on:		Start it as its @cfg says, or stop it
 *
 * A queue that cannot be started, or not yet, stays off.
 * #syscalls(vcpu): write
 */
void virtio_dev_enable(struct virtio_dev *dev, unsigned int idx, bool on);

/* Notifications: any thread, no lock needed */

/**
 * virtio_dev_kick() - Wake whoever serves queue @idx; ignored if there is none
 *
 * #syscalls(loop vcpu fs fs-aux): write
 */
void virtio_dev_kick(struct virtio_dev *dev, uint32_t idx);

/**
 * virtio_dev_irq() - Interrupt the driver
 * @dev:	Device
 * @config:	Configuration (or status) changed; otherwise: a used ring did
 *
 * #syscalls(loop vcpu fs fs-aux): write
 */
void virtio_dev_irq(struct virtio_dev *dev, bool config);

#endif /* DEVICES_VIRTIO_DEVICE_H */
