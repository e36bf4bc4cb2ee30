/*
 * A guest's FUSE session on a device.
 */
#include "tests/bench/lib/session.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

/* Guest memory: the queues, FORGETs, slots. */
enum {
	FORGETS_AT = 0x80000,
	FORGET_LEN = 256,
	SLOTS_AT = 0x100000,
	DATA_AT = 0x10000, /* in a slot, which has these parts: */
	TABLE_AT = 0,
	IN_AT = 0x8000,
	OUT_AT = 0x9000,
	SLOT_LEN = DATA_AT + (1 << 20),
	MAX_DESCS = (1 << 20) / SESSION_PAGE + 4,
	/* Neither a divisor of the number of pages nor near 0. */
	PAGE_STRIDE = 97,
	SLOT_PAGES = (1 << 20) / SESSION_PAGE,
};
static_assert(SLOTS_AT + SESSION_MAX * SESSION_SLOTS * SLOT_LEN <=
		      TARGET_RAM_LEN,
	      "fits");
static_assert(MAX_DESCS * sizeof(struct vring_desc) <= IN_AT, "fits");

/* What Linux 6.12 offers and a server may want; not what would add to the
 * arguments of requests.
 */
#define OFFERED                                                         \
	(FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_ATOMIC_O_TRUNC |     \
	 FUSE_EXPORT_SUPPORT | FUSE_BIG_WRITES | FUSE_DONT_MASK |       \
	 FUSE_FLOCK_LOCKS | FUSE_HAS_IOCTL_DIR | FUSE_AUTO_INVAL_DATA | \
	 FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | \
	 FUSE_NO_OPEN_SUPPORT | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | \
	 FUSE_CACHE_SYMLINKS | FUSE_NO_OPENDIR_SUPPORT |                \
	 FUSE_HANDLE_KILLPRIV_V2 | FUSE_INIT_EXT)

uint64_t session_random(struct session *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (s->random >> 11) % below;
}

static struct fuse_in_header *header_of(const struct slot *slot)
{
	return (void *)(slot->at + IN_AT);
}

void slot_begin(struct slot *slot, uint32_t opcode, uint64_t node)
{
	*header_of(slot) = (struct fuse_in_header){
		.opcode = opcode,
		.unique = ++slot->session->unique,
		.nodeid = node,
		.uid = geteuid(),
		.gid = getegid(),
		.pid = 1,
	};
	slot->in_len = 0;
	slot->room = 0;
	slot->data_len = 0;
	slot->is_write = false;
}

void slot_add(struct slot *slot, const void *arg, size_t len)
{
	memcpy((char *)(header_of(slot) + 1) + slot->in_len, arg, len);
	slot->in_len += len;
}

void slot_add_text(struct slot *slot, const char *text)
{
	slot_add(slot, text, strlen(text) + 1);
}

char *slot_page(const struct slot *slot, size_t i)
{
	return slot->at + DATA_AT + i * PAGE_STRIDE % SLOT_PAGES * SESSION_PAGE;
}

const void *slot_reply(const struct slot *slot)
{
	return slot->at + OUT_AT + sizeof(struct fuse_out_header);
}

/** struct table - An indirect table that is being filled */
struct table {
	const char *ram;
	struct vring_desc *desc;
	unsigned int cnt;
};

static void add_desc(struct table *t, const char *at, size_t len,
		     uint16_t flags)
{
	if (!len)
		return;
	t->desc[t->cnt] = (struct vring_desc){
		.addr = at - t->ram,
		.len = len,
		.flags = flags | VRING_DESC_F_NEXT,
		.next = t->cnt + 1,
	};
	t->cnt++;
}

static void add_data(struct table *t, const struct slot *slot, uint16_t flags)
{
	for (size_t at = 0; at < slot->data_len; at += SESSION_PAGE)
		add_desc(t, slot_page(slot, at / SESSION_PAGE),
			 MIN(SESSION_PAGE, slot->data_len - at), flags);
}

static void send_table(struct target *target, enum target_queues queue,
		       uint16_t id, struct table *t)
{
	struct vq *vq = &target->vq[queue];

	t->desc[t->cnt - 1].flags &= ~VRING_DESC_F_NEXT;
	vq_add(vq, id, (char *)t->desc - t->ram, t->cnt);
	vq_kick(vq);
}

void slot_send(struct slot *slot)
{
	struct target *target = slot->session->target;
	struct table t = {target->ram, (void *)(slot->at + TABLE_AT), 0};
	struct fuse_in_header *header = header_of(slot);
	char *out = slot->at + OUT_AT;

	header->len = sizeof(*header) + slot->in_len +
		      (slot->is_write ? slot->data_len : 0);
	memset(out, 0xff, sizeof(struct fuse_out_header));
	add_desc(&t, (char *)header, sizeof(*header), 0);
	add_desc(&t, (char *)(header + 1), slot->in_len, 0);
	if (slot->is_write)
		add_data(&t, slot, 0);
	add_desc(&t, out, sizeof(struct fuse_out_header), VRING_DESC_F_WRITE);
	add_desc(&t, out + sizeof(struct fuse_out_header), slot->room,
		 VRING_DESC_F_WRITE);
	if (!slot->is_write)
		add_data(&t, slot, VRING_DESC_F_WRITE);
	slot->session->requests++;
	send_table(target, slot->session->queue, slot->idx, &t);
}

int slot_check(const struct slot *slot)
{
	const struct fuse_out_header *out = (void *)(slot->at + OUT_AT);
	size_t max = sizeof(*out) + slot->room +
		     (slot->is_write ? 0 : slot->data_len);

	if (slot->reply_len < sizeof(*out) || slot->reply_len > max ||
	    out->len != slot->reply_len ||
	    out->unique != header_of(slot)->unique)
		return -EPROTO;
	if (out->error)
		return out->error;
	/* Only data may be shorter than there is room for. */
	return out->len < sizeof(*out) + slot->room ? -EPROTO : 0;
}

static void take_forgets(struct session *s)
{
	struct forgets *f = s->forgets;
	struct vring_used_elem elem;

	if (!f->cnt)
		return;
	pthread_mutex_lock(&f->lock);
	while (vq_pop(&s->target->vq[TARGET_HIPRIO], &elem)) {
		assert(elem.id < SESSION_FORGETS);
		f->on_way[elem.id] = false;
		f->cnt--;
	}
	pthread_mutex_unlock(&f->lock);
}

/* Ask for an interrupt for them; false: one was taken already. */
static bool want_forgets(struct session *s)
{
	struct forgets *f = s->forgets;
	bool quiet;

	if (!f->cnt)
		return true;
	pthread_mutex_lock(&f->lock);
	quiet = vq_want_irq(&s->target->vq[TARGET_HIPRIO]);
	pthread_mutex_unlock(&f->lock);
	return quiet;
}

/* Sleep, unless something has come meanwhile. */
static void wait_irq(struct session *s)
{
	bool quiet = want_forgets(s);

	if (vq_want_irq(&s->target->vq[s->queue]) && quiet)
		target_wait(s->target, s->epoll_fd);
}

struct slot *session_wait(struct session *s)
{
	struct vring_used_elem elem;
	struct slot *slot;

	for (;;) {
		if (vq_pop(&s->target->vq[s->queue], &elem)) {
			slot = s->slot + (elem.id - s->slot[0].idx);
			assert(slot >= s->slot &&
			       slot < s->slot + SESSION_SLOTS);
			slot->reply_len = elem.len;
			return slot;
		}
		take_forgets(s);
		wait_irq(s);
	}
}

/* Wait for FORGETs alone, some of which are on their way or in the used ring:
 * replies stay where they are. Where another thread may take them, there may be
 * no interrupt.
 */
static void wait_forgets(struct session *s)
{
	if (s->epoll_fd >= 0)
		sched_yield();
	else if (want_forgets(s))
		target_wait(s->target, -1);
	take_forgets(s);
}

/* Choose the descriptor of a FORGET, and hold the lock. */
static unsigned int find_forget(struct session *s)
{
	struct forgets *f = s->forgets;
	unsigned int i = 0;

	pthread_mutex_lock(&f->lock);
	while (f->on_way[i]) {
		i = (i + 1) % SESSION_FORGETS;
		if (i)
			continue;
		pthread_mutex_unlock(&f->lock);
		wait_forgets(s);
		pthread_mutex_lock(&f->lock);
	}
	return i;
}

void session_forget(struct session *s, uint64_t node)
{
	char *at = s->target->ram + FORGETS_AT;
	const struct fuse_forget_in arg = {.nlookup = 1};
	struct fuse_in_header header = {
		.len = sizeof(header) + sizeof(arg),
		.opcode = FUSE_FORGET,
		.unique = ++s->unique,
		.nodeid = node,
	};
	struct table t = {.ram = s->target->ram};
	unsigned int i = find_forget(s);

	s->forgets->on_way[i] = true;
	s->forgets->cnt++;
	at += (size_t)i * FORGET_LEN;
	t.desc = (void *)(at + FORGET_LEN / 2);
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), &arg, sizeof(arg));
	add_desc(&t, at, header.len, 0);
	s->requests++;
	send_table(s->target, TARGET_HIPRIO, i, &t);
	pthread_mutex_unlock(&s->forgets->lock);
}

void session_drain_forgets(struct session *s)
{
	while (s->forgets->cnt)
		wait_forgets(s);
}

/* Send a request of the only slot in use and wait for its reply. */
static int call(struct slot *slot, size_t room)
{
	slot->room = room;
	slot_send(slot);
	return slot_check(session_wait(slot->session));
}

static int look_up(struct session *s, uint64_t dir, const char *name,
		   uint64_t *node)
{
	struct slot *slot = &s->slot[0];
	const struct fuse_entry_out *entry = slot_reply(slot);
	int err;

	slot_begin(slot, FUSE_LOOKUP, dir);
	slot_add_text(slot, name);
	err = call(slot, sizeof(*entry));
	if (!err && !entry->nodeid)
		return -ENOENT;
	*node = err ? 0 : entry->nodeid;
	return err;
}

static int open_node(struct session *s, uint32_t opcode, uint64_t node,
		     uint32_t flags, uint64_t *fh)
{
	const struct fuse_open_in arg = {.flags = flags};
	struct slot *slot = &s->slot[0];
	const struct fuse_open_out *out = slot_reply(slot);
	int err;

	slot_begin(slot, opcode, node);
	slot_add(slot, &arg, sizeof(arg));
	err = call(slot, sizeof(*out));
	*fh = err ? 0 : out->fh;
	return err;
}

static int send_init(struct session *s)
{
	struct slot *slot = &s->slot[0];
	struct fuse_init_in arg = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 1 << 20,
		.flags = OFFERED,
	};
	const struct fuse_init_out *out = slot_reply(slot);
	int err;

	if (s->target->window)
		arg.flags |= FUSE_MAP_ALIGNMENT;
	slot_begin(slot, FUSE_INIT, 0);
	slot_add(slot, &arg, sizeof(arg));
	err = call(slot, sizeof(*out));
	if (!err && out->max_write < 1 << 20)
		return -EMSGSIZE;
	return err;
}

static int look_up_all(struct session *s)
{
	char name[16];
	int err = look_up(s, FUSE_ROOT_ID, "many", &s->many_node);

	if (!err)
		err = look_up(s, FUSE_ROOT_ID, "new", &s->new_node);
	if (!err)
		err = look_up(s, FUSE_ROOT_ID, "data", &s->data_node);
	if (!err)
		err = look_up(s, FUSE_ROOT_ID, "out", &s->out_node);
	for (unsigned int i = 0; !err && i < s->files.name_cnt; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		err = look_up(s, s->many_node, name, &s->name_node[i]);
	}
	return err;
}

/* Directories of its own, for they have a position. */
static int open_slots(struct session *s)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < SESSION_SLOTS; i++)
		err = open_node(s, FUSE_OPENDIR, s->many_node, O_RDONLY,
				&s->many_fh[i]);
	return err;
}

/* Slots are numbered across queues. */
static void number_slots(struct session *s)
{
	unsigned int first = (s->queue - TARGET_REQUEST) * SESSION_SLOTS;
	char *at = s->target->ram + SLOTS_AT;

	for (unsigned int i = 0; i < SESSION_SLOTS; i++) {
		s->slot[i].session = s;
		s->slot[i].idx = first + i;
		s->slot[i].at = at + (size_t)(first + i) * SLOT_LEN;
	}
}

static int report(const struct session *s, int err, struct fail *fail)
{
	if (!err)
		return 0;
	return fail_set(fail, err, "%s: no session: %s", s->target->name,
			strerror(-err));
}

int session_init(struct session *s, struct target *target, struct fail *fail)
{
	int err;

	*s = (struct session){
		.target = target,
		.queue = TARGET_REQUEST,
		.epoll_fd = -1,
		.files = s->files,
		.dir_fd = s->dir_fd,
		.random = 88172645463325252,
		.own_forgets = {.lock = PTHREAD_MUTEX_INITIALIZER},
		.forgets = &s->own_forgets,
	};
	number_slots(s);
	err = send_init(s);
	if (!err)
		err = look_up_all(s);
	if (!err)
		err = open_node(s, FUSE_OPEN, s->data_node, O_RDONLY,
				&s->data_fh);
	if (!err)
		err = open_node(s, FUSE_OPEN, s->out_node, O_RDWR, &s->out_fh);
	if (!err)
		err = open_slots(s);
	return report(s, err, fail);
}

int session_join(struct session *s, struct session *first, struct fail *fail)
{
	*s = *first;
	s->queue = TARGET_SECOND;
	s->unique |= 1ULL << 32;
	s->random++;
	s->requests = 0;
	number_slots(s);
	return report(s, open_slots(s), fail);
}

int session_share(struct session *s, bool shared)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	fd_close(&s->epoll_fd);
	if (!shared)
		return 0;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->target->irq_fd, &event)
		       ? -errno
		       : 0;
}
