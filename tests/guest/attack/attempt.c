/*
 * Requests of the attack, and what is expected of them.
 */
#include "tests/guest/attack/attack.h"

#include "tests/guest/lib/virtio.h"

union reply reply;
uint32_t replied;

static const char *const word = "CANARY";
static unsigned int cnt;
static const char *why;
static uint32_t last_opcode;

/* Errors are shown as positive numbers. */
static void fail(const char *text, int err, int wanted)
{
	if (why)
		return;
	why = text;
	print("attempt that went wrong:\n");
	print_hex("  number", cnt);
	print_hex("  opcode", last_opcode);
	print_hex("  error", -err);
	print_hex("  wanted", -wanted);
}

unsigned int attempt_cnt(void)
{
	return cnt;
}

const char *attempt_why(void)
{
	return why;
}

uint32_t length_of(const char *text)
{
	uint32_t len = 0;

	while (text[len])
		len++;
	return len;
}

bool reply_holds(const char *text)
{
	uint32_t len = length_of(text);

	for (uint32_t at = 0; at + len <= replied; at++) {
		uint32_t same = 0;

		while (same < len && reply.bytes[at + same] == text[same])
			same++;
		if (same == len)
			return true;
	}
	return false;
}

int attempt(const struct attempt *a)
{
	struct fuse_call call = {
		.opcode = a->opcode,
		.node = a->node,
		.arg = a->arg,
		.arg_len = a->arg_len,
		.more = a->more,
		.more_len = a->more_len,
		.reply = &reply,
		.room = sizeof(reply),
	};
	const char *lost = fuse_call(&call);

	cnt++;
	last_opcode = a->opcode;
	replied = call.replied;
	if (lost) {
		/* Nothing works any more. */
		fail(lost, 0, 0);
		print("FAIL no reply\n");
		power_off();
	}
	if (reply_holds(word))
		fail("what is outside was seen", call.error, 0);
	return call.error;
}

void expect(int err, int wanted)
{
	if (err != wanted)
		fail("not the error that was expected", err, wanted);
}

void expect_one_of(int err, int wanted, int or_else)
{
	if (err != or_else)
		expect(err, wanted);
}

void expect_refused(int err)
{
	if (err >= 0)
		fail("not refused", err, -1);
}

void expect_that(bool holds, const char *what)
{
	if (!holds)
		fail(what, 0, 0);
}

int try_look(uint64_t dir, const char *name)
{
	return TRY(LOOKUP, dir, .more = name, .more_len = length_of(name) + 1);
}

uint64_t look(uint64_t dir, const char *name)
{
	return try_look(dir, name) ? 0 : reply.entry.nodeid;
}

uint64_t find(uint64_t dir, const char *name)
{
	int err = try_look(dir, name);

	if (err)
		fail("a file of the share is not found", err, 0);
	return err ? 0 : reply.entry.nodeid;
}

void forget(uint64_t node, uint64_t lookup_cnt)
{
	struct fuse_forget_in in = {.nlookup = lookup_cnt};

	expect(TRY(FORGET, node, ARG(in)), FUSE_SILENT);
}

int try_open(uint64_t node, uint32_t flags)
{
	struct fuse_open_in in = {.flags = flags};

	return TRY(OPEN, node, ARG(in));
}

uint64_t open_node(uint64_t node, uint32_t flags)
{
	expect(try_open(node, flags), 0);
	return reply.open.fh;
}

void close_handle(uint64_t node, uint64_t fh)
{
	struct fuse_release_in in = {.fh = fh};

	expect(TRY(RELEASE, node, ARG(in)), 0);
}

int try_read(uint64_t node, uint64_t fh)
{
	struct fuse_read_in in = {.fh = fh, .size = REPLY_MAX};

	return TRY(READ, node, ARG(in));
}

int try_make(uint32_t opcode, uint64_t dir, const char *name)
{
	static const struct fuse_mkdir_in make_dir = {.mode = 0755};
	static const struct fuse_create_in create = {
		.flags = READS_WRITES | CREATES,
		.mode = S_IFREG | 0644,
	};
	struct attempt a = {
		.opcode = opcode,
		.node = dir,
		.more = name,
		.more_len = length_of(name) + 1,
	};

	if (opcode == FUSE_MKDIR) {
		a.arg = &make_dir;
		a.arg_len = sizeof(make_dir);
	} else {
		a.arg = &create;
		a.arg_len = sizeof(create);
	}
	return attempt(&a);
}

int try_node(uint64_t dir, const char *name, uint32_t mode, uint32_t device)
{
	struct fuse_mknod_in in = {.mode = mode, .rdev = device};

	return TRY(MKNOD, dir, ARG(in), .more = name,
		   .more_len = length_of(name) + 1);
}

int try_link(uint64_t node, uint64_t dir, const char *name)
{
	struct fuse_link_in in = {.oldnodeid = node};

	return TRY(LINK, dir, ARG(in), .more = name,
		   .more_len = length_of(name) + 1);
}

int try_rename(uint64_t from, const char *name, uint64_t to,
	       const char *new_name, uint32_t flags)
{
	struct fuse_rename2_in in = {.newdir = to, .flags = flags};
	char names[2 * NAME_ROOM];
	uint32_t len = length_of(name) + 1;

	memcpy(names, name, len);
	memcpy(names + len, new_name, length_of(new_name) + 1);
	return TRY(RENAME2, from, ARG(in), .more = names,
		   .more_len = len + length_of(new_name) + 1);
}

int try_remove(uint32_t opcode, uint64_t dir, const char *name)
{
	return attempt(&(struct attempt){
		.opcode = opcode,
		.node = dir,
		.more = name,
		.more_len = length_of(name) + 1,
	});
}

int try_resize(uint64_t node, uint64_t size)
{
	struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = size};

	return TRY(SETATTR, node, ARG(in));
}

int try_map(uint64_t node, uint64_t fh, uint64_t flags)
{
	struct fuse_setupmapping_in in = {
		.fh = fh,
		.len = 4096,
		.flags = flags,
	};

	return TRY(SETUPMAPPING, node, ARG(in));
}

int try_init(uint32_t flags, uint32_t upper_flags)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 39, /* the first with files that have no name */
		.max_readahead = ~0U,
		.flags = flags,
		.flags2 = upper_flags,
	};

	return TRY(INIT, 0, ARG(in));
}

volatile uint8_t *begin(unsigned int slot)
{
	volatile uint8_t *window;
	const char *lost = fuse_start(slot, &window);

	expect_that(!lost, lost);
	expect(try_init(~0U, ~0U), 0);
	return window;
}

static bool is_dots(const struct fuse_dirent *entry)
{
	return entry->name[0] == '.' &&
	       (entry->namelen == 1 ||
		(entry->namelen == 2 && entry->name[1] == '.'));
}

/* Keep the names of one reply: how many there are now; @offset moves on. */
static unsigned int keep_names(char names[NAMES_MAX][NAME_ROOM],
			       unsigned int name_cnt, uint64_t *offset)
{
	uint32_t at = 0;

	while (at < replied) {
		const struct fuse_dirent *entry = (void *)(reply.bytes + at);

		at += FUSE_DIRENT_SIZE(entry);
		*offset = entry->off;
		if (is_dots(entry))
			continue;
		expect_that(name_cnt < NAMES_MAX && entry->namelen < NAME_ROOM,
			    "more or longer names than the host gave");
		if (why)
			break;
		memcpy(names[name_cnt], entry->name, entry->namelen);
		names[name_cnt++][entry->namelen] = '\0';
	}
	return name_cnt;
}

unsigned int list_names(uint64_t dir, char names[NAMES_MAX][NAME_ROOM])
{
	struct fuse_open_in in = {0};
	struct fuse_read_in read = {.size = 4096};
	struct fuse_release_in release;
	unsigned int name_cnt = 0;

	expect(TRY(OPENDIR, dir, ARG(in)), 0);
	read.fh = reply.open.fh;
	release = (struct fuse_release_in){.fh = read.fh};
	do {
		expect(TRY(READDIR, dir, ARG(read)), 0);
		name_cnt = keep_names(names, name_cnt, &read.offset);
	} while (replied && !why);
	expect(TRY(RELEASEDIR, dir, ARG(release)), 0);
	return name_cnt;
}
