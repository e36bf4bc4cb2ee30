/*
 * virtio-balloon, the memory balloon device (virtio 1.2, 5.5): free page
 * reporting.
 *
 * Theory of operation: the driver reports memory that nobody in the guest uses,
 * as buffers of a request; the device gives the host's pages below them back.
 * When it has answered, the guest may use the memory again, without a word: the
 * first access then finds a new page of the host's, full of zeros.
 *
 * That may go on while processors and servers use the same memory. A page that
 * is given back is not a hole: an access that comes later makes one, by KVM or
 * by the host's page tables, and one that came earlier went to a page that
 * nobody sees any more. So a guest that reports what it uses, rings and
 * requests in flight included, reads zeros there, and that is all.
 * Only RAM is in a request (queue.h), so windows and registers cannot be given
 * back; and only whole pages of it are.
 *
 * A request has at most as many buffers as the queue has entries, and takes
 * time for pages that are there, which took the guest longer to make. So there
 * is no other limit.
 *
 * The balloon itself stays empty: num_pages, which the driver reads, is 0. Who
 * offers pages all the same is told that they were taken (they may be, which
 * does not oblige), and keeps them.
 */
#include "devices/virtio_balloon.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stdint.h>
#include <sys/mman.h>

#include "vmm/base/bits.h"

/* Queues by their numbers in 5.5.2. Of those between, neither feature is
 * offered, and Linux does not leave out numbers for queues that it does not
 * use: what it calls 2 is its reporting queue.
 */
enum {
	BALLOON_INFLATEQ,
	BALLOON_DEFLATEQ,
	BALLOON_STATSQ,
	BALLOON_FREE_PAGE_VQ,
	BALLOON_REPORTING_VQ,
	BALLOON_NUM_QUEUES,
};

enum {
	BALLOON_QUEUE_SIZE = 32, /* what Linux reports at once */
	HOST_PAGE = 4096,
};

/* Only pages that are reported as a whole are free. */
static void discard(const struct iovec *seg)
{
	char *base = seg->iov_base;
	size_t head = -(uintptr_t)base & (HOST_PAGE - 1);
	size_t len = seg->iov_len;

	if (len < head)
		return;
	len = align_down(len - head, HOST_PAGE);
	/* A host that keeps them has them; there is nothing to be told. */
	if (len)
		madvise(base + head, len, MADV_DONTNEED);
}

/* Nothing is said to be written: who reads it again may not rely on zeros. */
static uint32_t report(struct virtio_dev *dev, unsigned int idx,
		       struct queue_req *req)
{
	struct iovec seg;

	if (idx < BALLOON_STATSQ ||
	    !virtio_dev_has(dev, VIRTIO_BALLOON_F_REPORTING))
		return 0;
	while (iov_list(&req->writable, &seg, 1, req->writable.left)) {
		discard(&seg);
		iov_skip(&req->writable, seg.iov_len);
	}
	return 0;
}

static void kick(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_balloon *balloon =
		CONTAINER_OF(dev, struct virtio_balloon, dev);

	virtio_dev_serve(dev, idx, &balloon->req, report);
}

static const struct virtio_class balloon_class = {
	.name = "virtio-balloon",
	.id = VIRTIO_ID_BALLOON,
	.features = BIT(VIRTIO_BALLOON_F_REPORTING),
	.queue_cnt = BALLOON_NUM_QUEUES,
	.queue_size = BALLOON_QUEUE_SIZE,
	.kick = kick,
};

int virtio_balloon_init(struct virtio_balloon *balloon,
			const struct guestmem *mem, struct loop *loop)
{
	int err = virtio_dev_init(&balloon->dev, &balloon_class, mem);

	for (unsigned int i = 0; !err && i < BALLOON_NUM_QUEUES; i++)
		err = virtio_dev_attach(&balloon->dev, i, loop);
	return err;
}

void virtio_balloon_destroy(struct virtio_balloon *balloon)
{
	virtio_dev_destroy(&balloon->dev);
}
