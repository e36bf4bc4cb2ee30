/*
 * What is measured, and what a right answer is.
 */
#include "tests/bench/lib/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/lib/session.h"
#include "tests/bench/lib/target.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

enum {
	PIECE = 2 << 20, /* what Linux maps at once */
	/* Words between those that are looked at: at least one in each page. */
	SPARSE = 511,
};

static const uint64_t MODE_FILE = S_IFREG | 0644;

/* The file that an operation is about: another one each time. */
static unsigned int pick_name(struct slot *slot)
{
	slot->cnt =
		session_random(slot->session, slot->session->files.name_cnt);
	return slot->cnt;
}

static void fill_lookup(struct slot *slot, const struct row *row)
{
	char name[16];

	(void)row;
	snprintf(name, sizeof(name), "f%03u", pick_name(slot));
	slot_begin(slot, FUSE_LOOKUP, slot->session->many_node);
	slot_add_text(slot, name);
	slot->room = sizeof(struct fuse_entry_out);
}

/* File number n is n bytes long. */
static int check_lookup(struct slot *slot, const struct row *row)
{
	const struct fuse_entry_out *entry = slot_reply(slot);

	(void)row;
	if (entry->nodeid != slot->session->name_node[slot->cnt] ||
	    entry->attr.size != slot->cnt)
		return -EBADMSG;
	return 0;
}

static void fill_getattr(struct slot *slot, const struct row *row)
{
	const struct fuse_getattr_in arg = {0};

	(void)row;
	slot_begin(slot, FUSE_GETATTR,
		   slot->session->name_node[pick_name(slot)]);
	slot_add(slot, &arg, sizeof(arg));
	slot->room = sizeof(struct fuse_attr_out);
}

static int check_getattr(struct slot *slot, const struct row *row)
{
	const struct fuse_attr_out *out = slot_reply(slot);

	(void)row;
	return out->attr.size == slot->cnt ? 0 : -EBADMSG;
}

static void fill_open(struct slot *slot, const struct row *row)
{
	const struct fuse_open_in arg = {.flags = O_RDONLY};

	(void)row;
	slot->node = slot->session->name_node[pick_name(slot)];
	slot_begin(slot, FUSE_OPEN, slot->node);
	slot_add(slot, &arg, sizeof(arg));
	slot->room = sizeof(struct fuse_open_out);
}

static int check_open(struct slot *slot, const struct row *row)
{
	const struct fuse_open_out *out = slot_reply(slot);

	(void)row;
	slot->fh = out->fh;
	return 0;
}

static void fill_release(struct slot *slot, const struct row *row)
{
	const struct fuse_release_in arg = {.fh = slot->fh};

	(void)row;
	slot_begin(slot, FUSE_RELEASE, slot->node);
	slot_add(slot, &arg, sizeof(arg));
}

/* A reply without anything: slot_check() has seen that. */
static int check_empty(struct slot *slot, const struct row *row)
{
	(void)slot;
	(void)row;
	return 0;
}

static void add_new_name(struct slot *slot)
{
	char name[16];

	snprintf(name, sizeof(name), "n%u", slot->idx);
	slot_add_text(slot, name);
}

static void fill_create(struct slot *slot, const struct row *row)
{
	const struct fuse_create_in arg = {
		.flags = O_RDWR | O_CREAT | O_EXCL,
		.mode = MODE_FILE,
		.umask = 022,
	};

	(void)row;
	slot_begin(slot, FUSE_CREATE, slot->session->new_node);
	slot_add(slot, &arg, sizeof(arg));
	add_new_name(slot);
	slot->room =
		sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out);
}

static int check_create(struct slot *slot, const struct row *row)
{
	const struct fuse_entry_out *entry = slot_reply(slot);
	const struct fuse_open_out *out = (const void *)(entry + 1);

	(void)row;
	slot->node = entry->nodeid;
	slot->fh = out->fh;
	return entry->nodeid && entry->attr.mode == MODE_FILE ? 0 : -EBADMSG;
}

static void fill_unlink(struct slot *slot, const struct row *row)
{
	(void)row;
	slot_begin(slot, FUSE_UNLINK, slot->session->new_node);
	add_new_name(slot);
}

/* Then Linux forgets the file at once, and waits for nothing. */
static int check_unlink(struct slot *slot, const struct row *row)
{
	(void)row;
	session_forget(slot->session, slot->node);
	return 0;
}

static int finish_create(struct session *s, const struct row *row,
			 unsigned int depth)
{
	(void)row;
	for (unsigned int i = 0; i < depth; i++) {
		char name[24];

		snprintf(name, sizeof(name), "new/n%u", s->slot[i].idx);
		if (!faccessat(s->dir_fd, name, F_OK, 0))
			return -EEXIST;
	}
	return 0;
}

static void fill_readdirplus(struct slot *slot, const struct row *row)
{
	const struct fuse_read_in arg = {
		.fh = slot->session->many_fh[slot - slot->session->slot],
		.offset = slot->offset,
		.size = row->data_len,
	};

	slot_begin(slot, FUSE_READDIRPLUS, slot->session->many_node);
	slot_add(slot, &arg, sizeof(arg));
	slot->data_len = row->data_len;
}

/* A page of entries; an empty one is the end of all. */
static int check_readdirplus(struct slot *slot, const struct row *row)
{
	const char *page = slot_page(slot, 0);
	size_t len = slot->reply_len - sizeof(struct fuse_out_header);
	const struct fuse_direntplus *entry;

	(void)row;
	if (!len) /* with "." and ".." */
		return slot->cnt == slot->session->files.name_cnt + 2
			       ? 0
			       : -EBADMSG;
	for (size_t at = 0; at < len; at += FUSE_DIRENTPLUS_SIZE(entry)) {
		entry = (const void *)(page + at);
		if (len - at < FUSE_NAME_OFFSET_DIRENTPLUS ||
		    len - at < FUSE_DIRENTPLUS_SIZE(entry) ||
		    (entry->dirent.name[0] == 'f' && !entry->entry_out.nodeid))
			return -EBADMSG;
		slot->offset = entry->dirent.off;
		slot->cnt++;
	}
	return 1;
}

static void fill_read(struct slot *slot, const struct row *row)
{
	struct fuse_read_in arg = {
		.fh = slot->session->data_fh,
		.size = row->data_len,
	};

	slot->offset =
		session_random(slot->session,
			       slot->session->files.data_len / row->data_len) *
		row->data_len;
	arg.offset = slot->offset;
	slot_begin(slot, FUSE_READ, slot->session->data_node);
	slot_add(slot, &arg, sizeof(arg));
	slot->data_len = row->data_len;
}

/* Does @page show what "data" has at @offset? */
static bool shows(const struct session *s, const char *page, uint64_t offset)
{
	const uint64_t *word = (const void *)page;
	size_t cnt = SESSION_PAGE / sizeof(*word);
	size_t step = s->thorough ? 1 : SPARSE;

	for (size_t i = 0; i < cnt; i += step) {
		if (word[i] != session_word(offset + i * sizeof(*word)))
			return false;
	}
	return true;
}

static int check_read(struct slot *slot, const struct row *row)
{
	if (slot->reply_len != sizeof(struct fuse_out_header) + row->data_len)
		return -EBADMSG;
	for (size_t at = 0; at < row->data_len; at += SESSION_PAGE) {
		if (!shows(slot->session, slot_page(slot, at / SESSION_PAGE),
			   slot->offset + at))
			return -EBADMSG;
	}
	return 0;
}

/* Each slot has a place of its own in the file; of what it writes there the
 * first word counts, so that a write that did nothing is seen in the end.
 */
static void fill_write(struct slot *slot, const struct row *row)
{
	const struct fuse_write_in arg = {
		.fh = slot->session->out_fh,
		.offset = slot->idx * row->data_len,
		.size = row->data_len,
	};
	size_t cnt = slot->begun == 1 ? row->data_len / sizeof(uint64_t) : 0;
	const size_t in_page = SESSION_PAGE / sizeof(uint64_t);

	for (size_t i = 0; i < cnt; i++) {
		uint64_t *page = (void *)slot_page(slot, i / in_page);

		page[i % in_page] =
			session_word(arg.offset + i * sizeof(*page));
	}
	memcpy(slot_page(slot, 0), &slot->begun, sizeof(slot->begun));
	slot_begin(slot, FUSE_WRITE, slot->session->out_node);
	slot_add(slot, &arg, sizeof(arg));
	slot->room = sizeof(struct fuse_write_out);
	slot->data_len = row->data_len;
	slot->is_write = true;
}

static int check_write(struct slot *slot, const struct row *row)
{
	const struct fuse_write_out *out = slot_reply(slot);

	return out->size == row->data_len ? 0 : -EBADMSG;
}

static int check_written(const struct slot *slot, const struct row *row, int fd,
			 size_t at)
{
	uint64_t offset = slot->idx * row->data_len + at;
	uint64_t page[SESSION_PAGE / sizeof(uint64_t)];

	if (fd_read_full(fd, page, sizeof(page), offset))
		return -EIO;
	if (!at && page[0] != slot->begun)
		return -EBADMSG;
	if (!at)
		page[0] = session_word(offset);
	return shows(slot->session, (char *)page, offset) ? 0 : -EBADMSG;
}

static int finish_write(struct session *s, const struct row *row,
			unsigned int depth)
{
	size_t step = s->thorough ? SESSION_PAGE
				  : MAX(row->data_len / 2, SESSION_PAGE);
	autofd fd = openat(s->dir_fd, "out", O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	for (unsigned int i = 0; i < depth; i++) {
		size_t at = 0;

		for (; !err && s->slot[i].begun && at < row->data_len;
		     at += step)
			err = check_written(&s->slot[i], row, fd, at);
	}
	return err;
}

static void fill_map(struct slot *slot, const struct row *row)
{
	struct fuse_setupmapping_in arg = {
		.fh = UINT64_MAX,
		.len = PIECE,
		.flags = FUSE_SETUPMAPPING_FLAG_READ,
		.moffset = (uint64_t)slot->idx * PIECE,
	};

	(void)row;
	slot->offset = session_random(slot->session,
				      slot->session->files.data_len / PIECE) *
		       PIECE;
	arg.foffset = slot->offset;
	slot_begin(slot, FUSE_SETUPMAPPING, slot->session->data_node);
	slot_add(slot, &arg, sizeof(arg));
}

/* A look at the window is a page fault, which is not to be measured. */
static int check_map(struct slot *slot, const struct row *row)
{
	const struct session *s = slot->session;
	const char *at = s->target->window + (size_t)slot->idx * PIECE;

	(void)row;
	for (size_t page = 0; s->thorough && page < PIECE;
	     page += SESSION_PAGE) {
		if (!shows(s, at + page, slot->offset + page))
			return -EBADMSG;
	}
	return 0;
}

static void fill_unmap(struct slot *slot, const struct row *row)
{
	const struct fuse_removemapping_in arg = {.count = 1};
	const struct fuse_removemapping_one one = {
		.moffset = (uint64_t)slot->idx * PIECE,
		.len = PIECE,
	};

	(void)row;
	slot_begin(slot, FUSE_REMOVEMAPPING, slot->session->data_node);
	slot_add(slot, &arg, sizeof(arg));
	slot_add(slot, &one, sizeof(one));
}

static const struct step lookup[] = {{fill_lookup, check_lookup}, {0}};
static const struct step getattr[] = {{fill_getattr, check_getattr}, {0}};
static const struct step open_release[] = {
	{fill_open, check_open}, {fill_release, check_empty}, {0}};
static const struct step create_unlink[] = {{fill_create, check_create},
					    {fill_release, check_empty},
					    {fill_unlink, check_unlink},
					    {0}};
static const struct step readdirplus[] = {{fill_readdirplus, check_readdirplus},
					  {0}};
static const struct step read_data[] = {{fill_read, check_read}, {0}};
static const struct step write_data[] = {{fill_write, check_write}, {0}};
static const struct step map_unmap[] = {
	{fill_map, check_map}, {fill_unmap, check_empty}, {0}};

const struct row rows[] = {
	{.name = "LOOKUP", .step = lookup},
	{.name = "GETATTR", .step = getattr},
	{.name = "OPEN+RELEASE", .step = open_release},
	{.name = "CREATE+UNLINK",
	 .step = create_unlink,
	 .finish = finish_create},
	/* What Linux before 6.13 asks for at once. */
	{.name = "READDIRPLUS of all",
	 .step = readdirplus,
	 .data_len = SESSION_PAGE},
	{.name = "READ 4K", .step = read_data, .data_len = KIB(4)},
	{.name = "READ 128K", .step = read_data, .data_len = KIB(128)},
	{.name = "READ 1M", .step = read_data, .data_len = MIB(1)},
	{.name = "WRITE 4K",
	 .step = write_data,
	 .data_len = KIB(4),
	 .finish = finish_write},
	{.name = "WRITE 128K",
	 .step = write_data,
	 .data_len = KIB(128),
	 .finish = finish_write},
	{.name = "WRITE 1M",
	 .step = write_data,
	 .data_len = MIB(1),
	 .finish = finish_write},
	{.name = "SETUPMAPPING+REMOVEMAPPING", .step = map_unmap, .maps = true},
};
const unsigned int rows_cnt = ARRAY_SIZE(rows);
