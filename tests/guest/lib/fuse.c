/*
 * A virtio-fs driver for bare guests.
 */
#include "tests/guest/lib/fuse.h"

#include <linux/virtio_fs.h>

#include "tests/guest/lib/paging.h"
#include "tests/guest/lib/virtio.h"

enum {
	REQUEST_QUEUE = 1, /* behind that of urgent messages */
	OPEN_TO_READ = 0,  /* as in open(2) */
};

/**
 * struct message - What is sent, and room for what is replied
 */
struct message {
	uint32_t opcode;
	uint64_t node;
	const void *arg;
	uint32_t arg_len;
	void *reply;
	uint32_t reply_len;
};

/* The rings were empty before. */
static const char *exchange(const struct message *m)
{
	static volatile struct fuse_in_header in;
	static volatile struct fuse_out_header out;
	uint16_t done = rings.used.idx + 1;

	in.len = sizeof(in) + m->arg_len;
	in.opcode = m->opcode;
	in.unique = 2 * done;
	in.nodeid = m->node;
	out.error = 1; /* no server's */
	virtio_desc(0, &in, sizeof(in), VRING_DESC_F_NEXT, 1);
	virtio_desc(1, m->arg, m->arg_len, VRING_DESC_F_NEXT, 2);
	virtio_desc(2, &out, sizeof(out),
		    VRING_DESC_F_WRITE | (m->reply ? VRING_DESC_F_NEXT : 0), 3);
	virtio_desc(3, m->reply, m->reply_len, VRING_DESC_F_WRITE, 0);
	virtio_offer(0);
	if (!virtio_wait_used(done))
		return with_hex("no reply to message", m->opcode);
	barrier();
	if (out.error)
		return with_hex("message << 16 | error",
				m->opcode << 16 | (uint16_t)-out.error);
	if (out.len != sizeof(out) + m->reply_len)
		return with_hex("wrong length of reply to message", m->opcode);
	return NULL;
}

static const char *init(void)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.flags = FUSE_INIT_EXT | FUSE_MAP_ALIGNMENT,
	};
	struct fuse_init_out out;
	const char *why = exchange(&(struct message){
		FUSE_INIT, 0, &in, sizeof(in), &out, sizeof(out)});

	if (!why && !(out.flags & FUSE_MAP_ALIGNMENT))
		why = "files cannot be mapped";
	return why;
}

const char *fuse_start(unsigned int slot, volatile uint8_t **window)
{
	const char *why;
	uint64_t gpa;

	virtio_choose(slot, REQUEST_QUEUE);
	why = virtio_start(0);
	rings.avail.flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtio_write(SHM_SEL, VIRTIO_FS_SHMCAP_ID_CACHE);
	if (!why && virtio_read(SHM_LEN_LOW) != PAGING_LARGE)
		why = with_hex("length of window", virtio_read(SHM_LEN_LOW));
	gpa = (uint64_t)virtio_read(SHM_BASE_HIGH) << 32;
	*window = paging_show(gpa | virtio_read(SHM_BASE_LOW));
	return why ? why : init();
}

const char *fuse_open(const char *name, struct fuse_file *file)
{
	struct fuse_open_in in = {.flags = OPEN_TO_READ};
	struct fuse_entry_out entry;
	struct fuse_open_out out;
	uint32_t len = 1;
	const char *why;

	while (name[len - 1])
		len++;
	why = exchange(&(struct message){FUSE_LOOKUP, FUSE_ROOT_ID, name, len,
					 &entry, sizeof(entry)});
	if (!why)
		why = exchange(&(struct message){FUSE_OPEN, entry.nodeid, &in,
						 sizeof(in), &out,
						 sizeof(out)});
	*file = (struct fuse_file){entry.nodeid, out.fh};
	return why;
}

const char *fuse_map(const struct fuse_file *file, uint32_t at, uint32_t len,
		     uint32_t flags)
{
	struct fuse_setupmapping_in in = {
		.fh = file->fh,
		.len = len,
		.flags = flags,
		.moffset = at,
	};

	return exchange(&(struct message){FUSE_SETUPMAPPING, file->node, &in,
					  sizeof(in), NULL, 0});
}

const char *fuse_resize(const struct fuse_file *file, uint32_t size)
{
	struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = size};
	struct fuse_attr_out out;

	return exchange(&(struct message){FUSE_SETATTR, file->node, &in,
					  sizeof(in), &out, sizeof(out)});
}

const char *fuse_read(const struct fuse_file *file, uint32_t offset,
		      uint8_t *byte)
{
	struct fuse_read_in in = {.fh = file->fh, .offset = offset, .size = 1};

	return exchange(&(struct message){FUSE_READ, file->node, &in,
					  sizeof(in), byte, 1});
}
