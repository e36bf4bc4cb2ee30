/*
 * Fuzz target: a guest sends FUSE messages, sane or not, to the server of a
 * real directory.
 *
 * Build: clang -fsanitize=fuzzer,address,undefined
 *
 * The input is a byte of INPUT_ flags and then messages (fuse_forge.h); the
 * seeds in corpus/fuse are written by tests/fuzz/seeds-fuse. The directory is
 * made anew for each input, below TMPDIR or in /dev/shm. After each message,
 * the reply must be one that the protocol has for this request, nothing
 * outside of the share may have been touched or named, and whatever is not a
 * regular file or a directory must not have been opened. At the end the server
 * is reset: no descriptor and no thread may be left.
 *
 * Run it as root and as somebody else: the server differs.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "devices/fs/fuse_abi.h"
#include "devices/fs/owner.h"
#include "devices/fs/server.h"
#include "devices/fs/versions.h"
#include "tests/unit/fs_tree.h"
#include "tests/unit/fuse_forge.h"
#include "vmm/base/bits.h"

enum {
	INPUT_CACHE = 3, /* mode, modulo their number */
	INPUT_READ_ONLY = 1 << 2,
	INPUT_NO_INIT = 1 << 3, /* the input has one of its own, or not */
	INPUT_OWNERS = 1 << 4,	/* in attributes */
	INPUT_NAMES = 1 << 5,	/* files are found by names only */

	MAX_MESSAGES = 200,
	MAX_PIECES = 512,
	GUARD_LEN = 64,
	GUARD = 0xa5,

	/* Small enough that inputs meet the server's limits */
	MAX_OPEN_FILES = 160,
	/* No input fills the memory that holds the directory */
	MAX_FILE_LEN = 8 << 20,

	STATX_OUT_LEN = 288, /* <linux/fuse.h> of 7.39 */
	STATX_OUT_INO_AT = 64,
};

/** struct promise - A reply that may come later, but only where it is due */
struct promise {
	struct fs_later later;
	bool due;
	atomic_uint cnt;
};

/**
 * struct guest - One input's run
 * @fs:		Server
 * @worker:	Of the thread that runs
 * @input:	Messages and the last of them
 * @ids:	What was learned
 * @promise:	Of each message
 * @sent_cnt:	Messages that were sent
 * @reply:	Room for a reply and what must stay as it is behind it
 */
struct guest {
	struct fs fs;
	struct fs_worker worker;
	struct forge input;
	struct forge_ids ids;
	struct promise promise[MAX_MESSAGES + 1];
	unsigned int sent_cnt;
	_Alignas(uint64_t) uint8_t reply[FORGE_MAX_LEN + GUARD_LEN];
};

static struct fs_tree tree;
static struct versions versions;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void remove_all(void)
{
	tree_close(&tree);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rlimit files = {MAX_OPEN_FILES, MAX_OPEN_FILES};
	struct rlimit file_len = {MAX_FILE_LEN, MAX_FILE_LEN};
	int fd;

	(void)argc;
	(void)argv;
	tree_open(&tree);
	atexit(remove_all);
	fd = memfd_create("versions", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, VERSIONS_FILE_LEN) ||
	    versions_init(&versions, fd))
		return 1;
	close(fd);
	return setrlimit(RLIMIT_NOFILE, &files) ||
	       setrlimit(RLIMIT_FSIZE, &file_len);
}

static int count(const char *path)
{
	DIR *dir = opendir(path);
	int cnt = 0;

	assert(dir);
	while (readdir(dir))
		cnt++;
	closedir(dir);
	return cnt;
}

/* A thread that was joined may be seen for some moments more. */
static bool threads_are(int cnt)
{
	for (int i = 0; i < 1000; i++) {
		if (count("/proc/self/task") == cnt)
			return true;
		usleep(1000);
	}
	return false;
}

/* Cut a buffer into pieces, the second of which is empty. */
static unsigned int cut(struct iovec *iov, void *data, size_t len,
			size_t piece_len)
{
	unsigned int cnt = 0;
	char *at = data;

	while (len) {
		size_t n = cnt < MAX_PIECES - 2 ? MIN(len, piece_len) : len;

		iov[cnt++] = (struct iovec){at, n};
		if (cnt == 1)
			iov[cnt++] = (struct iovec){at, 0};
		at += n;
		len -= n;
	}
	return cnt;
}

static void check_ino(uint64_t ino)
{
	assert(!tree_is_outside(&tree, ino) && ino != tree.base_ino);
}

static void learn_entry(struct guest *g, const struct fuse_entry_out *entry)
{
	/* 0: there is no such file */
	if (!entry->nodeid)
		return;
	check_ino(entry->attr.ino);
	assert(entry->attr.mode & S_IFMT);
	forge_learn_node(&g->ids, entry->nodeid, entry->attr.mode);
}

/* Nothing but regular files and directories is opened, each as what it is. */
static void learn_open(struct guest *g, const struct fuse_open_out *out,
		       uint64_t node, mode_t type)
{
	mode_t known = forge_type(&g->ids, node);

	assert(!known || known == type);
	forge_learn_handle(&g->ids, out->fh, node);
}

/* What ends each reply about a file, if that was agreed on. */
static size_t versions_len(const struct guest *g)
{
	return g->fs.agreed & FUSE_SHARED_VERSIONS
		       ? sizeof(struct fuse_versions)
		       : 0;
}

/* Names of a directory, with what is known about each. */
static void learn_names(struct guest *g, const uint8_t *at, size_t len,
			bool plus)
{
	size_t entry_len;

	for (; len; at += entry_len, len -= entry_len) {
		const struct fuse_dirent *dirent = (const void *)at;

		if (plus) {
			assert(len >= FUSE_NAME_OFFSET_DIRENTPLUS);
			learn_entry(g, (const void *)at);
			dirent = &((const struct fuse_direntplus *)at)->dirent;
		}
		assert(len >= FUSE_NAME_OFFSET);
		assert(!tree_is_outside(&tree, dirent->ino));
		assert(dirent->namelen && dirent->namelen <= NAME_MAX);
		assert(!memchr(dirent->name, '/', dirent->namelen));
		entry_len =
			plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;
		entry_len = FUSE_DIRENT_ALIGN(entry_len + dirent->namelen);
		if (plus)
			entry_len += versions_len(g);
		assert(entry_len <= len);
	}
}

static void check_len(size_t len, size_t expected)
{
	assert(len == expected);
}

/* A successful reply: its length, and what the guest learns from it. */
static void take_reply(struct guest *g, const struct fuse_in_header *header,
		       const uint8_t *body, size_t len)
{
	const struct fuse_entry_out *entry = (const void *)body;
	mode_t type = header->opcode == FUSE_OPENDIR ? S_IFDIR : S_IFREG;

	switch (forge_reply(header->opcode)) {
	case FORGE_NOTHING:
	case FORGE_HEADER:
		return check_len(len, 0);
	case FORGE_ANY:
		return;
	case FORGE_INIT:
		return check_len(len, sizeof(struct fuse_init_out));
	case FORGE_ENTRY:
		check_len(len, sizeof(*entry) + versions_len(g));
		return learn_entry(g, entry);
	case FORGE_ATTR:
		check_len(len, sizeof(struct fuse_attr_out) + versions_len(g));
		return check_ino(
			((const struct fuse_attr_out *)body)->attr.ino);
	case FORGE_OPEN:
		check_len(len, sizeof(struct fuse_open_out));
		return learn_open(g, (const void *)body, header->nodeid, type);
	case FORGE_CREATE:
		check_len(len, sizeof(*entry) + sizeof(struct fuse_open_out) +
				       versions_len(g));
		learn_entry(g, entry);
		return learn_open(g, (const void *)(entry + 1), entry->nodeid,
				  S_IFREG);
	case FORGE_STATX:
		check_len(len, STATX_OUT_LEN + versions_len(g));
		return check_ino(*(const uint64_t *)(body + STATX_OUT_INO_AT));
	case FORGE_STATFS:
		return check_len(len, sizeof(struct fuse_statfs_out));
	case FORGE_WRITE:
		return check_len(len, sizeof(struct fuse_write_out));
	case FORGE_LSEEK:
		return check_len(len, sizeof(struct fuse_lseek_out));
	case FORGE_LK:
		return check_len(len, sizeof(struct fuse_lk_out));
	case FORGE_DIRENTS:
	case FORGE_DIRENTS_PLUS:
		return learn_names(g, body, len,
				   header->opcode == FUSE_READDIRPLUS);
	}
}

static void check_reply(struct guest *g, size_t len)
{
	struct fuse_in_header header;
	struct fuse_out_header out;

	memcpy(&header, g->input.message, sizeof(header));
	if (g->input.len < sizeof(header) || g->input.room < sizeof(out) ||
	    forge_reply(header.opcode) == FORGE_NOTHING) {
		assert(!len);
		return;
	}
	assert(len >= sizeof(out) && len <= g->input.room);
	memcpy(&out, g->reply, sizeof(out));
	assert(out.len == len);
	assert(out.unique == header.unique);
	assert(out.error <= 0 && out.error >= -EHWPOISON);
	if (out.error)
		assert(len == sizeof(out));
	else
		take_reply(g, &header, g->reply + sizeof(out),
			   len - sizeof(out));
}

static void count_reply(struct fs_later *later, const void *data, size_t len)
{
	struct promise *p = CONTAINER_OF(later, struct promise, later);

	assert(!len || (data && len == FS_LATER_LEN));
	p->cnt++;
}

static void check_promises(const struct guest *g)
{
	for (unsigned int i = 0; i < g->sent_cnt; i++)
		assert(g->promise[i].cnt == g->promise[i].due);
}

/* Send the message that was forged. */
static void send_message(struct guest *g)
{
	struct iovec in[MAX_PIECES], out[MAX_PIECES];
	struct promise *promise = &g->promise[g->sent_cnt++];
	struct forge *f = &g->input;
	struct iov_cursor in_at, out_at;
	size_t len;

	memset(g->reply + f->room, GUARD, GUARD_LEN);
	iov_init(&in_at, in, cut(in, f->message, f->len, f->piece_len));
	iov_init(&out_at, out, cut(out, g->reply, f->room, f->piece_len));
	*promise = (struct promise){.later = {count_reply}};
	g->worker.later = &promise->later;
	len = fs_serve(&g->fs, &g->worker, &in_at, &out_at);
	for (int i = 0; i < GUARD_LEN; i++)
		assert(g->reply[f->room + i] == GUARD);
	if (len == FS_LATER)
		promise->due = true;
	else
		check_reply(g, len);
	assert(tree_intact(&tree));
}

static void send_init(struct guest *g)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in arg;
	} init = {
		.header = {.opcode = FUSE_INIT, .len = sizeof(init)},
		.arg = {7, 39, 1 << 17, ~0U, ~0U, {0}},
	};

	memcpy(g->input.message, &init, sizeof(init));
	g->input.len = sizeof(init);
	g->input.room = FORGE_MAX_LEN;
	g->input.piece_len = FORGE_MAX_LEN;
	send_message(g);
}

/* A server thread: it changes its directory, its umask, its user. */
static void *run(void *arg)
{
	struct guest *g = arg;
	uint8_t flags = forge_byte(&g->input);

	forge_learn_node(&g->ids, FUSE_ROOT_ID, S_IFDIR);
	if (!(flags & INPUT_NO_INIT))
		send_init(g);
	for (int i = 0; i < MAX_MESSAGES && g->input.left; i++) {
		forge_message(&g->input, &g->ids);
		send_message(g);
	}
	return NULL;
}

static void serve(struct guest *g, const struct fs_config *config)
{
	pthread_t thread;
	int open_cnt;

	assert(fs_init(&g->fs, config) == 0);
	assert(fs_start(&g->fs, NULL) == 0);
	assert(fs_worker_init(&g->worker) == 0);
	open_cnt = count("/proc/self/fd");
	assert(pthread_create(&thread, NULL, run, g) == 0);
	assert(pthread_join(thread, NULL) == 0);
	fs_reset(&g->fs);
	check_promises(g);
	assert(count("/proc/self/fd") == open_cnt);
	fs_worker_destroy(&g->worker);
	fs_destroy(&g->fs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct guest guest;
	char outside[160];
	struct fs_config config = {FS_DEFAULTS};
	int open_cnt, thread_cnt;

	if (!len)
		return 0;
	/* libFuzzer would take a file's largest size for its end. */
	signal(SIGXFSZ, SIG_IGN);
	tree_fill(&tree);
	open_cnt = count("/proc/self/fd");
	thread_cnt = count("/proc/self/task");
	snprintf(outside, sizeof(outside), "%s/outside/canary", tree.path);
	config.root_fd = tree.share_fd;
	config.cache = (data[0] & INPUT_CACHE) % FS_NUM_CACHES;
	config.versions = &versions;
	config.read_only = data[0] & INPUT_READ_ONLY;
	config.handles = !(data[0] & INPUT_NAMES);
	/* No attributes: tmpfs before Linux 6.6. */
	if (data[0] & INPUT_OWNERS && owner_probe(tree.share_fd, ".") == 0)
		config.owner = FS_OWNER_XATTR;
	guest.ids = (struct forge_ids){0};
	guest.sent_cnt = 0;
	guest.input.data = data;
	guest.input.left = len;
	guest.input.absolute = outside;
	serve(&guest, &config);
	assert(count("/proc/self/fd") == open_cnt);
	assert(threads_are(thread_cnt));
	return 0;
}
