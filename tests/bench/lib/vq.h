/*
 * A split virtqueue, seen from the driver (virtio 1.2, 2.7), used as Linux uses
 * it: a request is one indirect descriptor, and both sides say by event indices
 * when they want to be woken.
 */
#ifndef TESTS_BENCH_LIB_VQ_H
#define TESTS_BENCH_LIB_VQ_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

enum {
	VQ_SIZE = 1024,
	VQ_LEN = 0x10000, /* of guest memory: queue n lies at n * VQ_LEN */
	VQ_AVAIL = 0x4000,
	VQ_USED = 0x8000,
};

#define VQ_FEATURES                                                     \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_EVENT_IDX | \
	 1ULL << VIRTIO_RING_F_INDIRECT_DESC)

/**
 * struct vq - The driver's side of a queue
 * @desc:	Descriptor table
 * @avail:	Available ring
 * @used:	Used ring
 * @next_avail:	Where the next request goes
 * @asked_avail: The same when it was last asked whether to kick
 * @last_used:	What was not yet taken
 * @kick_fd:	Eventfd by which the device is woken [borrowed]
 */
struct vq {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail;
	uint16_t asked_avail;
	uint16_t last_used;
	int kick_fd;
};

/** vq_init() - Use the areas of queue @idx in guest memory, which are zero */
void vq_init(struct vq *vq, char *ram, unsigned int idx, int kick_fd);

/**
 * vq_add() - Make a request available
 * @vq:		Queue
 * @id:		Descriptor to be used, below VQ_SIZE, free
 * @table:	Guest address of its indirect table
 * @cnt:	Entries of that
 */
void vq_add(struct vq *vq, uint16_t id, uint64_t table, unsigned int cnt);

/** vq_kick() - Wake the device if it wants to hear of what was added */
void vq_kick(struct vq *vq);

/** vq_pop() - Take a used request; false: there is none */
bool vq_pop(struct vq *vq, struct vring_used_elem *elem);

/**
 * vq_want_irq() - Ask for an interrupt for the next used request
 * @vq:		Queue
 *
 * Return: false if one is there already: no interrupt may come for it
 */
bool vq_want_irq(struct vq *vq);

#endif /* TESTS_BENCH_LIB_VQ_H */
