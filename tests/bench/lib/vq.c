/*
 * A split virtqueue, seen from the driver (virtio 1.2, 2.7).
 */
#include "tests/bench/lib/vq.h"

#include "vmm/base/fd.h"

void vq_init(struct vq *vq, char *ram, unsigned int idx, int kick_fd)
{
	char *at = ram + (size_t)idx * VQ_LEN;

	*vq = (struct vq){
		.desc = (void *)at,
		.avail = (void *)(at + VQ_AVAIL),
		.used = (void *)(at + VQ_USED),
		.kick_fd = kick_fd,
	};
}

void vq_add(struct vq *vq, uint16_t id, uint64_t table, unsigned int cnt)
{
	vq->desc[id] = (struct vring_desc){
		.addr = table,
		.len = cnt * sizeof(struct vring_desc),
		.flags = VRING_DESC_F_INDIRECT,
	};
	vq->avail->ring[vq->next_avail % VQ_SIZE] = id;
	vq->next_avail++;
	/* Pairs with the device's acquire before it reads the request. */
	__atomic_store_n(&vq->avail->idx, vq->next_avail, __ATOMIC_RELEASE);
}

void vq_kick(struct vq *vq)
{
	uint16_t event, asked = vq->asked_avail;

	/* Full: avail idx must be visible before the device's wish is read.
	 * Pairs with the device's barrier between wishing and looking again.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n((uint16_t *)&vq->used->ring[VQ_SIZE],
				__ATOMIC_RELAXED);
	vq->asked_avail = vq->next_avail;
	if (vring_need_event(event, vq->next_avail, asked))
		fd_event_signal(vq->kick_fd);
}

bool vq_pop(struct vq *vq, struct vring_used_elem *elem)
{
	/* Acquire: pairs with the device's release after it has replied. */
	uint16_t idx = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);

	if (idx == vq->last_used)
		return false;
	*elem = vq->used->ring[vq->last_used % VQ_SIZE];
	vq->last_used++;
	return true;
}

bool vq_want_irq(struct vq *vq)
{
	__atomic_store_n(&vq->avail->ring[VQ_SIZE], vq->last_used,
			 __ATOMIC_RELAXED);
	/* Full: the wish must be visible before used idx is read. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&vq->used->idx, __ATOMIC_RELAXED) ==
	       vq->last_used;
}
