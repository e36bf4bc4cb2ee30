/*
 * A virtio-fs driver for bare guests.
 */
#include "tests/guest/lib/fuse.h"

#include <linux/virtio_fs.h>

#include "tests/guest/lib/paging.h"
#include "tests/guest/lib/virtio.h"

enum {
	OPEN_TO_READ = 0, /* as in open(2) */
};

/* Add a piece to the chain, if there is any of it: the next index. */
static unsigned int add_piece(unsigned int idx, const volatile void *addr,
			      uint32_t len, uint16_t flags)
{
	if (!len)
		return idx;
	virtio_desc(idx, addr, len, flags | VRING_DESC_F_NEXT, idx + 1);
	return idx + 1;
}

/* The rings were empty before. */
const char *fuse_call(struct fuse_call *call)
{
	static volatile struct fuse_in_header in;
	static volatile struct fuse_out_header out;
	uint16_t done = rings.used.idx + 1;
	unsigned int cnt;

	in.len = sizeof(in) + call->arg_len + call->more_len;
	in.opcode = call->opcode;
	in.unique = 2 * done;
	in.nodeid = call->node;
	out.len = sizeof(out);
	out.error = FUSE_SILENT;
	cnt = add_piece(0, &in, sizeof(in), 0);
	cnt = add_piece(cnt, call->arg, call->arg_len, 0);
	cnt = add_piece(cnt, call->more, call->more_len, 0);
	cnt = add_piece(cnt, &out, sizeof(out), VRING_DESC_F_WRITE);
	cnt = add_piece(cnt, call->reply, call->room, VRING_DESC_F_WRITE);
	rings.desc[cnt - 1].flags &= ~VRING_DESC_F_NEXT;
	virtio_offer(0);
	if (!virtio_wait_used(done))
		return with_hex("no reply to message", call->opcode);
	barrier();
	call->error = out.error;
	call->replied = out.len - sizeof(out);
	return NULL;
}

/* A message whose reply is known to be without error and of this length */
static const char *exchange(struct fuse_call *call)
{
	const char *why = fuse_call(call);

	if (why)
		return why;
	if (call->error)
		return with_hex("message << 16 | error",
				call->opcode << 16 | (uint16_t)-call->error);
	if (call->replied != call->room)
		return with_hex("wrong length of reply to message",
				call->opcode);
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
	struct fuse_call call = {FUSE_INIT,	0,
				 &in,		sizeof(in),
				 .reply = &out, .room = sizeof(out)};
	const char *why = exchange(&call);

	if (!why && !(out.flags & FUSE_MAP_ALIGNMENT))
		why = "files cannot be mapped";
	return why;
}

const char *fuse_start(unsigned int slot, volatile uint8_t **window)
{
	const char *why;
	uint64_t gpa;

	virtio_choose(slot, FUSE_QUEUE);
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
	why = exchange(&(struct fuse_call){FUSE_LOOKUP, FUSE_ROOT_ID, name, len,
					   .reply = &entry,
					   .room = sizeof(entry)});
	if (!why)
		why = exchange(&(struct fuse_call){FUSE_OPEN, entry.nodeid, &in,
						   sizeof(in), .reply = &out,
						   .room = sizeof(out)});
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

	return exchange(&(struct fuse_call){.opcode = FUSE_SETUPMAPPING,
					    .node = file->node,
					    .arg = &in,
					    .arg_len = sizeof(in)});
}

const char *fuse_resize(const struct fuse_file *file, uint32_t size)
{
	struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = size};
	struct fuse_attr_out out;

	return exchange(&(struct fuse_call){FUSE_SETATTR, file->node, &in,
					    sizeof(in), .reply = &out,
					    .room = sizeof(out)});
}

const char *fuse_read(const struct fuse_file *file, uint32_t offset,
		      uint8_t *byte)
{
	struct fuse_read_in in = {.fh = file->fh, .offset = offset, .size = 1};

	return exchange(&(struct fuse_call){FUSE_READ, file->node, &in,
					    sizeof(in), .reply = byte,
					    .room = 1});
}
