/*
 * FUSE messages out of arbitrary bytes.
 */
#include "tests/unit/fuse_forge.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/base/bits.h"

enum { STATX = 52 /* <linux/fuse.h> of 7.39 */ };

/* Append only: seeds name these by number. */
static const uint64_t numbers[] = {
	4096,
	4095,
	4097,
	65535,
	65536,
	65537,
	1 << 20,
	(1 << 20) + 1,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	INT64_MAX,
	1ULL << 63,
	UINT64_MAX,
	999999999,
	1000000000,
	1000,
	65534,
	100,
	128,
	255,
	256,
	512,
	16384,
	0x73c4d01a /* FUSE and INIT flags */,
	04755,
	02755,
	01777,
	/* Commands of ioctl: flags, extended flags, verity, version, FIOCLEX */
	FS_IOC_GETFLAGS,
	FS_IOC_SETFLAGS,
	FS_IOC_FSGETXATTR,
	FS_IOC_FSSETXATTR,
	FS_IOC_GETVERSION,
	0xc0046686,
	0x40806685,
	0x5451,
};

static const char *const names[] = {
	"file",
	"sub",
	"deep",
	"leaf",
	"empty",
	"hard",
	"fifo",
	"null",
	"link",
	"up",
	"abs",
	"loop",
	"new",
	"other",
	"third",
	"",
	/* 16: what must not work */
	".",
	"..",
	"../outside",
	"/",
	"/etc/passwd",
	"sub/deep",
	"new/",
	"\xff\xfe\n\x01",
	/* 24: extended attributes */
	"user.a",
	"user.b",
	"trusted.a",
	"security.capability",
	"security.selinux",
	"system.posix_acl_access",
	"system.posix_acl_default",
	"user.",
};

/**
 * struct shape - What an operation's message looks like
 * @fields:	4, 8	number of so many bytes
 *		N	id of a node that the guest knows
 *		H	handle; the header's node is that of the first one
 *		K	node id and handle
 *		m, o	32-bit mode and open flags
 *		s	string
 *		z	32-bit length of the payload, or any number
 *		P	payload
 *		x	nothing, or eight bytes
 *		B	entries of BATCH_FORGET
 *		Z	44 zeros
 *		E	extensions of a request that makes a file
 * @reply:	What a successful reply holds
 */
struct shape {
	const char *fields;
	enum forge_reply reply;
};

static const struct shape shapes[] = {
	[FUSE_LOOKUP] = {"s", FORGE_ENTRY},
	[FUSE_FORGET] = {"8", FORGE_NOTHING},
	[FUSE_GETATTR] = {"44H", FORGE_ATTR},
	[FUSE_SETATTR] = {"44H88888444m4444", FORGE_ATTR},
	[FUSE_READLINK] = {"", FORGE_ANY},
	[FUSE_SYMLINK] = {"ssE", FORGE_ENTRY},
	[FUSE_MKNOD] = {"m444sE", FORGE_ENTRY},
	[FUSE_MKDIR] = {"m4sE", FORGE_ENTRY},
	[FUSE_UNLINK] = {"s", FORGE_HEADER},
	[FUSE_RMDIR] = {"s", FORGE_HEADER},
	[FUSE_RENAME] = {"Nss", FORGE_HEADER},
	[FUSE_LINK] = {"Ns", FORGE_ENTRY},
	[FUSE_OPEN] = {"o4", FORGE_OPEN},
	[FUSE_READ] = {"H8448o4", FORGE_ANY},
	[FUSE_WRITE] = {"H8z48o4P", FORGE_WRITE},
	[FUSE_STATFS] = {"", FORGE_STATFS},
	[FUSE_RELEASE] = {"Ho48", FORGE_HEADER},
	[FUSE_FSYNC] = {"H44", FORGE_HEADER},
	[FUSE_SETXATTR] = {"z4xsP", FORGE_HEADER},
	[FUSE_GETXATTR] = {"44s", FORGE_ANY},
	[FUSE_LISTXATTR] = {"44", FORGE_ANY},
	[FUSE_REMOVEXATTR] = {"s", FORGE_HEADER},
	[FUSE_FLUSH] = {"H448", FORGE_HEADER},
	[FUSE_INIT] = {"44444Z", FORGE_INIT},
	[FUSE_OPENDIR] = {"o4", FORGE_OPEN},
	[FUSE_READDIR] = {"H8448o4", FORGE_DIRENTS},
	[FUSE_RELEASEDIR] = {"Ho48", FORGE_HEADER},
	[FUSE_FSYNCDIR] = {"H44", FORGE_HEADER},
	[FUSE_GETLK] = {"H8884444", FORGE_LK},
	[FUSE_SETLK] = {"H8884444", FORGE_HEADER},
	[FUSE_SETLKW] = {"H8884444", FORGE_HEADER},
	[FUSE_ACCESS] = {"44", FORGE_HEADER},
	[FUSE_CREATE] = {"om44sE", FORGE_CREATE},
	[FUSE_INTERRUPT] = {"8", FORGE_NOTHING},
	[FUSE_BMAP] = {"844", FORGE_ANY},
	[FUSE_DESTROY] = {"", FORGE_HEADER},
	[FUSE_IOCTL] = {"H448z4P", FORGE_ANY},
	[FUSE_POLL] = {"H844", FORGE_ANY},
	[FUSE_NOTIFY_REPLY] = {"8448", FORGE_HEADER},
	[FUSE_BATCH_FORGET] = {"44B", FORGE_NOTHING},
	[FUSE_FALLOCATE] = {"H8844", FORGE_HEADER},
	[FUSE_READDIRPLUS] = {"H8448o4", FORGE_DIRENTS_PLUS},
	[FUSE_RENAME2] = {"N44ss", FORGE_HEADER},
	[FUSE_LSEEK] = {"H844", FORGE_LSEEK},
	[FUSE_COPY_FILE_RANGE] = {"H8K888", FORGE_WRITE},
	[FUSE_SETUPMAPPING] = {"H8888", FORGE_HEADER},
	[FUSE_REMOVEMAPPING] = {"488", FORGE_HEADER},
	[FUSE_SYNCFS] = {"8", FORGE_HEADER},
	[FUSE_TMPFILE] = {"om44sE", FORGE_CREATE},
	[STATX] = {"44H44", FORGE_STATX},
};

uint8_t forge_byte(struct forge *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->data++;
}

static uint64_t raw_number(struct forge *f, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n |= (uint64_t)forge_byte(f) << 8 * i;
	return n;
}

static uint64_t number(struct forge *f, size_t len)
{
	uint8_t b = forge_byte(f);

	if (b < 64)
		return b;
	if (b < 128)
		return numbers[(b - 64) % ARRAY_SIZE(numbers)];
	if (b < 192)
		return BIT(b - 128);
	return b == 192 ? raw_number(f, len) : -(uint64_t)(b - 192);
}

static void put(struct forge *f, const void *data, size_t len)
{
	len = MIN(len, sizeof(f->message) - f->len);
	memcpy(f->message + f->len, data, len);
	f->len += len;
}

static void put_number(struct forge *f, uint64_t n, size_t len)
{
	put(f, &n, len);
}

static uint64_t known_node(const struct forge_ids *ids, unsigned int i)
{
	return ids->node[i % MAX(MIN(ids->node_cnt, FORGE_MAX_IDS), 1)];
}

static uint64_t node(struct forge *f, const struct forge_ids *ids)
{
	uint8_t b = forge_byte(f);

	return b == 255 ? raw_number(f, 8) : known_node(ids, b);
}

/* A handle's index, or -1 with *fh: raw. */
static int handle(struct forge *f, const struct forge_ids *ids, uint64_t *fh)
{
	uint8_t b = forge_byte(f);
	int i = (int)(b % MAX(MIN(ids->fh_cnt, FORGE_MAX_IDS), 1));

	if (b == 255) {
		*fh = raw_number(f, 8);
		return -1;
	}
	*fh = ids->fh[i];
	return i;
}

static void put_handle(struct forge *f, const struct forge_ids *ids,
		       bool with_node, bool own_node)
{
	struct fuse_in_header *header = (void *)f->message;
	uint64_t fh;
	int i = handle(f, ids, &fh);

	if (with_node)
		put_number(f, i < 0 ? FUSE_ROOT_ID : ids->fh_node[i], 8);
	else if (own_node && i >= 0)
		header->nodeid = ids->fh_node[i];
	put_number(f, fh, 8);
}

static void put_mode(struct forge *f)
{
	static const uint32_t types[] = {S_IFREG,  S_IFDIR, S_IFLNK, S_IFIFO,
					 S_IFSOCK, S_IFCHR, S_IFBLK, 0};
	static const uint32_t modes[] = {0644, 0755,  0,     07777,
					 0444, 04755, 02755, 01777};
	uint8_t b = forge_byte(f);

	put_number(f, types[b % 8] | modes[b / 8 % 8] | (b & 0x40) << 10, 4);
}

static void put_flags(struct forge *f)
{
	uint8_t b = forge_byte(f);
	uint32_t flags = b & O_ACCMODE;

	flags |= (b & 4 ? O_TRUNC : 0) | (b & 8 ? O_APPEND : 0);
	flags |= (b & 16 ? O_DIRECT : 0) | (b & 32 ? O_EXCL : 0);
	flags |= b & 64 ? O_DIRECTORY : 0;
	put_number(f, b & 128 ? raw_number(f, 4) : flags, 4);
}

static void put_raw(struct forge *f, size_t len)
{
	for (; len; len--)
		put_number(f, forge_byte(f), 1);
}

static void put_string(struct forge *f)
{
	uint8_t b = forge_byte(f);
	const char *text;

	if (b >= 128) {
		put_raw(f, b - 128);
		put(f, "", b % 2 ? 0 : 1);
		return;
	}
	/* 126, 127: the longest name, and one that is longer */
	if (b >= 126) {
		for (int i = 0; i < NAME_MAX + b - 126; i++)
			put(f, "n", 1);
		put(f, "", 1);
		return;
	}
	text = b == 125 ? f->absolute : names[b % ARRAY_SIZE(names)];
	put(f, text, strlen(text) + 1);
}

/* So many bytes of the input; 255: a page and a half of the same. */
static void put_payload(struct forge *f)
{
	size_t start = f->len;
	uint8_t len = forge_byte(f);
	uint8_t fill;

	if (len < 255) {
		put_raw(f, len);
	} else {
		fill = forge_byte(f);
		for (int i = 0; i < 6144; i++)
			put_number(f, fill, 1);
	}
	if (f->size_at) {
		uint32_t size = f->len - start;

		memcpy(f->message + f->size_at, &size, sizeof(size));
	}
}

static void put_size(struct forge *f)
{
	uint8_t b = forge_byte(f);

	f->size_at = b ? 0 : f->len;
	put_number(f, b ? number(f, 4) : 0, 4);
}

static void put_forgets(struct forge *f, const struct forge_ids *ids)
{
	for (uint8_t cnt = forge_byte(f); cnt; cnt--) {
		put_number(f, node(f, ids), 8);
		put_number(f, number(f, 8), 8);
	}
}

/* Security contexts, supplementary groups, or bytes. */
static void put_extensions(struct forge *f)
{
	struct fuse_in_header *header = (void *)f->message;
	uint8_t kind = forge_byte(f);
	size_t start = f->len;

	if (!kind)
		return;
	for (uint8_t i = 0; i < kind % 8; i++)
		put_number(f, number(f, 4), 4);
	if (kind & 8)
		put_string(f);
	if (kind & 16)
		put_payload(f);
	while ((f->len - start) % 8)
		put(f, "", 1);
	header->total_extlen = (f->len - start) / 8;
	if (kind & 32)
		header->total_extlen = forge_byte(f);
}

static void put_field(struct forge *f, const struct forge_ids *ids, char field,
		      bool own_node)
{
	static const char zeros[44];

	switch (field) {
	case '4':
		return put_number(f, number(f, 4), 4);
	case '8':
		return put_number(f, number(f, 8), 8);
	case 'N':
		return put_number(f, node(f, ids), 8);
	case 'H':
		return put_handle(f, ids, false, own_node);
	case 'K':
		return put_handle(f, ids, true, false);
	case 'm':
		return put_mode(f);
	case 'o':
		return put_flags(f);
	case 's':
		return put_string(f);
	case 'z':
		return put_size(f);
	case 'P':
		return put_payload(f);
	case 'x':
		return put(f, zeros, forge_byte(f) % 2 ? 8 : 0);
	case 'B':
		return put_forgets(f, ids);
	case 'Z':
		return put(f, zeros, sizeof(zeros));
	case 'E':
		return put_extensions(f);
	default:
		__builtin_trap();
	}
}

static void set_user(struct forge *f, uint8_t twist)
{
	struct fuse_in_header *header = (void *)f->message;
	static const uint32_t users[] = {0, 1000, 65534};

	if ((twist & TWIST_USER) < 3) {
		header->uid = users[twist & TWIST_USER];
		header->gid = header->uid;
		return;
	}
	header->uid = raw_number(f, 4);
	header->gid = raw_number(f, 4);
}

static void twist_end(struct forge *f, uint8_t twist)
{
	struct fuse_in_header *header = (void *)f->message;
	size_t missing;

	header->len = f->len;
	if (twist & TWIST_LEN)
		header->len += (int8_t)forge_byte(f);
	if (twist & TWIST_ROOM)
		f->room = raw_number(f, 2);
	if (twist & TWIST_PIECE)
		f->piece_len = forge_byte(f) + 1;
	missing = twist & TWIST_CUT ? forge_byte(f) : 0;
	f->len -= MIN(f->len, missing);
	if (twist & TWIST_MORE)
		put_raw(f, forge_byte(f));
}

void forge_message(struct forge *f, const struct forge_ids *ids)
{
	uint8_t op = forge_byte(f);
	struct fuse_in_header header = {.unique = op};
	const char *fields = "";
	uint8_t at, twist;

	f->len = 0;
	f->piece_len = FORGE_MAX_LEN;
	f->room = FORGE_MAX_LEN;
	f->size_at = 0;
	if (op & 64) {
		put_raw(f, forge_byte(f));
		return;
	}
	header.opcode = op & 128 ? raw_number(f, 4) : op & 63;
	at = forge_byte(f);
	header.nodeid = at == 255 ? raw_number(f, 8) : known_node(ids, at);
	twist = forge_byte(f);
	put(f, &header, sizeof(header));
	set_user(f, twist);
	if (header.opcode < ARRAY_SIZE(shapes) && shapes[header.opcode].fields)
		fields = shapes[header.opcode].fields;
	for (; *fields; fields++)
		put_field(f, ids, *fields, at < 128);
	twist_end(f, twist);
}

enum forge_reply forge_reply(uint32_t opcode)
{
	if (opcode < ARRAY_SIZE(shapes) && shapes[opcode].fields)
		return shapes[opcode].reply;
	return FORGE_ANY;
}

void forge_learn_node(struct forge_ids *ids, uint64_t node_id, mode_t mode)
{
	unsigned int i = ids->node_cnt;

	/* The first stays the root. */
	if (i >= FORGE_MAX_IDS)
		i = 1 + i % (FORGE_MAX_IDS - 1);
	ids->node[i] = node_id;
	ids->type[i] = mode & S_IFMT;
	ids->node_cnt++;
}

void forge_learn_handle(struct forge_ids *ids, uint64_t fh, uint64_t node_id)
{
	unsigned int i = ids->fh_cnt++ % FORGE_MAX_IDS;

	ids->fh[i] = fh;
	ids->fh_node[i] = node_id;
}

mode_t forge_type(const struct forge_ids *ids, uint64_t node_id)
{
	for (int i = 0; i < FORGE_MAX_IDS; i++) {
		if (ids->node[i] == node_id)
			return ids->type[i];
	}
	return 0;
}
