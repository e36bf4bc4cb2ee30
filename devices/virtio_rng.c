/*
 * virtio-rng, the entropy device (virtio 1.2, 5.4).
 *
 * Theory of operation: the driver offers empty buffers on the only queue, the
 * device fills them with random bytes and gives them back. That is all of it;
 * what there is to being a device shows here, from top to bottom:
 *
 *   fill()		does one request that queue.c has checked
 *   kick()		is called when requests wait
 *   rng_class		says what the device is
 *   virtio_rng_init()	ties it to guest memory and to the thread that serves it
 *
 * virtio_mmio_init() then gives it an address and an interrupt line.
 */
#include "devices/virtio_rng.h"

#include <linux/virtio_ids.h>
#include <sys/random.h>

#include "vmm/base/bits.h"

enum {
	RNG_QUEUE_SIZE = 8, /* Linux keeps one buffer in flight */
	/* A buffer may be filled in part (5.4.6.1). Enough for any driver, and
	 * so little that a guest cannot keep the loop busy with one request.
	 */
	RNG_MAX_LEN = 4096,
};

/* Fill the front of a buffer; what the driver sent along is not looked at. */
static uint32_t fill(struct virtio_dev *dev, unsigned int idx,
		     struct queue_req *req)
{
	struct iovec seg;
	uint32_t done = 0;
	ssize_t n;

	(void)dev;
	(void)idx;
	while (done < RNG_MAX_LEN &&
	       iov_list(&req->writable, &seg, 1, RNG_MAX_LEN - done)) {
		n = getrandom(seg.iov_base, seg.iov_len, 0);
		if (n < 0)
			break;
		iov_skip(&req->writable, n);
		done += n;
	}
	return done;
}

static void kick(struct virtio_dev *dev, unsigned int idx)
{
	struct virtio_rng *rng = CONTAINER_OF(dev, struct virtio_rng, dev);

	virtio_dev_serve(dev, idx, &rng->req, fill);
}

static const struct virtio_class rng_class = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.queue_cnt = 1,
	.queue_size = RNG_QUEUE_SIZE,
	.kick = kick,
};

int virtio_rng_init(struct virtio_rng *rng, const struct guestmem *mem,
		    struct loop *loop)
{
	int err = virtio_dev_init(&rng->dev, &rng_class, mem);

	return err ? err : virtio_dev_attach(&rng->dev, 0, loop);
}

void virtio_rng_destroy(struct virtio_rng *rng)
{
	virtio_dev_destroy(&rng->dev);
}
