/*
 * The attack by sessions: begun again, ended, cut off; and two devices that
 * share one ring.
 */
#include "tests/guest/attack/attack.h"
#include "tests/guest/lib/virtio.h"

static int try_version(uint32_t major, uint32_t minor)
{
	struct fuse_init_in in = {.major = major, .minor = minor};

	return TRY(INIT, 0, ARG(in));
}

/* What a session knew is nothing in the next one. */
static void expect_forgotten(uint64_t node, uint64_t fh)
{
	expect(try_read(node, fh), -EBADF);
	expect(try_open(node, READS), -ESTALE);
	expect(try_look(node, ".."), -ESTALE);
	expect_that(find(FUSE_ROOT_ID, "..") == FUSE_ROOT_ID, "no root");
}

static void begin_again(void)
{
	static const uint32_t flags[] = {0, 1, FUSE_INIT_EXT, ~0U};
	uint64_t node, fh;

	for (unsigned int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		node = find(FUSE_ROOT_ID, "data");
		fh = open_node(node, READS);
		expect(try_init(flags[i], flags[i]), 0);
		expect_forgotten(node, fh);
	}
	for (uint32_t major = 0; major < 7; major++)
		expect(try_version(major, 31), -EPROTO);
	for (uint32_t minor = 0; minor < 31; minor++)
		expect(try_version(FUSE_KERNEL_VERSION, minor), -EPROTO);
	expect(try_version(~0U, ~0U), 0);
	expect(try_version(FUSE_KERNEL_VERSION, ~0U), 0);
	expect_that(find(FUSE_ROOT_ID, "data"), "no session");
}

static void end_and_go_on(void)
{
	uint64_t node = find(FUSE_ROOT_ID, "data");
	uint64_t fh = open_node(node, READS);

	expect(TRY(DESTROY, 0), 0);
	expect(try_look(FUSE_ROOT_ID, "data"), -EIO);
	expect(try_read(node, fh), -EIO);
	expect(try_make(FUSE_MKDIR, FUSE_ROOT_ID, "made"), -EIO);
	expect(TRY(DESTROY, 0), -EIO);
	expect(try_init(~0U, ~0U), 0);
	expect_forgotten(node, fh);
}

/* Requests, as many as the ring has pairs of descriptors, none waited for */
static void offer_many(uint32_t opcode, const char *name)
{
	static struct {
		struct fuse_in_header header;
		char name[NAME_ROOM];
	} request;
	static char replies[RING_SIZE / 2][4096];

	request.header = (struct fuse_in_header){
		.len = sizeof(request.header) + length_of(name) + 1,
		.opcode = opcode,
		.nodeid = FUSE_ROOT_ID,
	};
	memcpy(request.name, name, length_of(name) + 1);
	for (uint16_t i = 0; i < RING_SIZE / 2; i++) {
		virtio_desc(2 * i, &request, request.header.len,
			    VRING_DESC_F_NEXT, 2 * i + 1);
		virtio_desc(2 * i + 1, replies[i], sizeof(replies[i]),
			    VRING_DESC_F_WRITE, 0);
		virtio_offer(2 * i);
	}
}

static void cut_off(void)
{
	for (unsigned int i = 0; i < 50; i++) {
		uint64_t node = find(FUSE_ROOT_ID, "data");
		uint64_t fh = open_node(node, READS);

		offer_many(i % 2 ? FUSE_LOOKUP : FUSE_UNLINK, "..");
		begin(SHARE);
		expect_forgotten(node, fh);
	}
}

void attack_sessions(void)
{
	begin_again();
	end_and_go_on();
	cut_off();
}

/* Both devices have been told of the same descriptors and rings. */
static void start_both(void)
{
	begin(SHARE);
	expect_that(!virtio_start(0), "the first device does not start");
	virtio_base = slot_base(FIXED);
	expect_that(!virtio_start(0), "the second device does not start");
}

static void kick(unsigned int slot)
{
	virtio_base = slot_base(slot);
	virtio_write(QUEUE_NOTIFY, FUSE_QUEUE);
}

/* What is offered to one is served by both, each as its own share: a name is
 * made in one of them only. Their replies are garbage, and so may be the ring.
 */
void attack_rings(void)
{
	enum { ROUNDS = 20 };

	for (unsigned int i = 0; i < ROUNDS; i++) {
		start_both();
		try_init(~0U, ~0U);
		kick(SHARE);
		virtio_base = slot_base(FIXED);
		offer_many(i % 2 ? FUSE_RMDIR : FUSE_UNLINK,
			   i % 2 ? "empty" : "other");
		kick(SHARE);
		kick(FIXED);
		virtio_write(STATUS, 0);
		virtio_base = slot_base(SHARE);
	}
	begin(SHARE);
	expect_that(find(FUSE_ROOT_ID, "data"), "the first share is gone");
	begin(FIXED);
	expect_that(find(FUSE_ROOT_ID, "other"), "the second share is gone");
	expect_that(find(FUSE_ROOT_ID, "empty"), "the second share is gone");
}
