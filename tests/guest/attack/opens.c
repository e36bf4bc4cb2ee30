/*
 * The attack by flags of open(2): those that mean something else to the host
 * than reading and writing are not passed on.
 */
#include "tests/guest/attack/attack.h"

static void try_open_flags(uint64_t node, uint32_t flags)
{
	int err = try_open(node, flags);

	if ((flags & 3) == 3) {
		expect(err, -EINVAL);
		return;
	}
	expect(err, 0);
	close_handle(node, reply.open.fh);
}

static uint64_t try_create_flags(uint32_t opcode, const char *name,
				 uint32_t flags)
{
	struct fuse_create_in in = {.flags = flags, .mode = S_IFREG | 0600};
	struct fuse_open_out *open = (void *)(&reply.entry + 1);
	int err = attempt(&(struct attempt){opcode, FUSE_ROOT_ID, ARG(in),
					    .more = name,
					    .more_len = length_of(name) + 1});
	uint64_t node = reply.entry.nodeid;

	if ((flags & 3) == 3) {
		expect(err, -EINVAL);
		return 0;
	}
	expect(err, 0);
	expect_that((reply.entry.attr.mode & S_IFMT) == S_IFREG,
		    "not a regular file");
	close_handle(node, open->fh);
	return node;
}

/* All 32 of them, each alone and with each way of access, and all at once */
static void open_with_flags(uint64_t node)
{
	for (uint32_t access = READS; access <= READS_WRITES; access++) {
		for (uint32_t bit = 2; bit < 32; bit++)
			try_open_flags(node, access | 1U << bit);
		try_open_flags(node, access | ~3U);
	}
	for (uint32_t bit = 2; bit < 32; bit++)
		try_open_flags(node, 3 | 1U << bit);
	try_open_flags(node, ~0U);
}

static void create_with_flags(uint32_t opcode, const char *name)
{
	static const uint32_t groups[] = {
		~3U,
		020200000, /* O_TMPFILE */
		010000000, /* O_PATH */
		010200000, /* O_PATH, O_DIRECTORY */
		0400000,   /* O_NOFOLLOW */
		CREATES | EXCLUSIVE | TRUNCATES,
	};
	uint64_t node;

	for (unsigned int i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (uint32_t access = READS; access <= 3; access++) {
			/* A file without a name is there to be written. */
			if (opcode == FUSE_TMPFILE && access == READS)
				continue;
			node = try_create_flags(opcode, name,
						access | groups[i]);
			if (node && opcode == FUSE_CREATE)
				expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID,
						  name),
				       0);
		}
	}
}

void attack_opens(void)
{
	uint64_t dir = find(FUSE_ROOT_ID, "dir");

	open_with_flags(find(FUSE_ROOT_ID, "other"));
	create_with_flags(FUSE_CREATE, "made");
	create_with_flags(FUSE_TMPFILE, "/");
	for (uint32_t bit = 2; bit < 32; bit++)
		expect(try_open(dir, 1U << bit), -EISDIR);
	expect(try_open(dir, ~3U), -EISDIR);
	expect(try_open(FUSE_ROOT_ID, READS_WRITES), -EISDIR);
}
