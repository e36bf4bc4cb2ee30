/*
 * FUSE messages out of arbitrary bytes: mostly well formed, with ids that the
 * server gave out before, so that a fuzzer gets past the first checks.
 *
 * Theory of operation: each message takes some bytes of the input.
 *
 *      opcode   low six bits; bit 6: the message follows as it is, after its
 *               length in one byte; bit 7: 32 bits of the opcode follow
 *      node     index of an id that the guest knows; 255: eight bytes follow.
 *               For an operation on a handle: below 128 the handle's own
 *      twist    TWIST_ bits; what each needs follows the body
 *      body     by the letters of the operation's row (fuse_forge.c)
 *
 * A number is a byte: up to 63 itself, up to 127 from a list of interesting
 * ones, up to 191 a single bit, 192 raw bytes, above that a small negative one.
 * A string is a byte: up to 127 from a list of names; above that so many raw
 * bytes, with a NUL if their number is even. Where the input ends, zeros
 * follow.
 */
#ifndef TESTS_UNIT_FUSE_FORGE_H
#define TESTS_UNIT_FUSE_FORGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	FORGE_MAX_IDS = 32,
	FORGE_MAX_LEN = 64 << 10,

	/* What is odd about a message */
	TWIST_USER = 3,	      /* 0: root, 1: user 1000, 2: nobody, 3: raw */
	TWIST_LEN = 1 << 2,   /* the header's length is off by a byte's worth */
	TWIST_ROOM = 1 << 3,  /* 16 bits of room for the reply */
	TWIST_PIECE = 1 << 4, /* short segments */
	TWIST_CUT = 1 << 5,   /* the end is missing */
	TWIST_MORE = 1 << 6,  /* bytes follow the end */
};

/** enum forge_reply - What a successful reply holds */
enum forge_reply {
	FORGE_NOTHING, /* there is never a reply */
	FORGE_HEADER,
	FORGE_ANY,
	FORGE_INIT,
	FORGE_ENTRY,
	FORGE_ATTR,
	FORGE_OPEN,
	FORGE_CREATE,
	FORGE_STATX,
	FORGE_STATFS,
	FORGE_WRITE,
	FORGE_LSEEK,
	FORGE_LK,
	FORGE_DIRENTS,
	FORGE_DIRENTS_PLUS,
};

/**
 * struct forge_ids - What the guest knows
 * @node:	Node ids, the root's first
 * @type:	S_IFMT of each
 * @fh:		File handles
 * @fh_node:	Of which node
 * @node_cnt:	How many were learned, also those that are overwritten
 * @fh_cnt:	The same of file handles
 */
struct forge_ids {
	uint64_t node[FORGE_MAX_IDS];
	mode_t type[FORGE_MAX_IDS];
	uint64_t fh[FORGE_MAX_IDS];
	uint64_t fh_node[FORGE_MAX_IDS];
	unsigned int node_cnt;
	unsigned int fh_cnt;
};

/**
 * struct forge - Input that is made into messages, and the last one
 * @data:	What was not used yet
 * @left:	Its length
 * @absolute:	A path outside of the share, for names
 * @message:	Header and body
 * @len:	Its length
 * @piece_len:	Length of the segments that it is to be cut in
 * @room:	Bytes of room for a reply
 * @size_at:	Where in @message the payload's length belongs, or 0
 */
struct forge {
	const uint8_t *data;
	size_t left;
	const char *absolute;
	char message[FORGE_MAX_LEN];
	size_t len;
	size_t piece_len;
	size_t room;
	size_t size_at;
};

/** forge_byte() - The next byte of the input, 0 at its end */
uint8_t forge_byte(struct forge *f);

/** forge_message() - Make one message of the next bytes */
void forge_message(struct forge *f, const struct forge_ids *ids);

/** forge_reply() - What a reply to this operation holds */
enum forge_reply forge_reply(uint32_t opcode);

/** forge_learn_node() - The guest was told a node id */
void forge_learn_node(struct forge_ids *ids, uint64_t node, mode_t mode);

/** forge_learn_handle() - The guest was told a file handle */
void forge_learn_handle(struct forge_ids *ids, uint64_t fh, uint64_t node);

/** forge_type() - S_IFMT of a node as the guest was told, 0 if never */
mode_t forge_type(const struct forge_ids *ids, uint64_t node);

#endif /* TESTS_UNIT_FUSE_FORGE_H */
