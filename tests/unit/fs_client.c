/*
 * A FUSE client for tests.
 */
#include "tests/unit/fs_client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* As ck_assert(), which sends a message to the runner even when all is well:
 * too slow for what is done for every request.
 */
#define expect(condition)                               \
	do {                                            \
		if (!(condition))                       \
			ck_abort_msg("%s", #condition); \
	} while (0)

static void make_worker(struct client *c)
{
	ck_assert_int_eq(fs_worker_init(&c->worker), 0);
	c->in = malloc(CLIENT_BUFFER_LEN);
	c->out = malloc(CLIENT_BUFFER_LEN);
	ck_assert(c->in && c->out);
}

void client_open(struct client *c, enum fs_cache cache, bool read_only)
{
	client_open_as(c, &(struct fs_config){
				  FS_DEFAULTS,
				  .cache = cache,
				  .read_only = read_only,
				  /* The default. */
				  .local_locks = cache == FS_CACHE_ALWAYS,
			  });
}

void client_open_as(struct client *c, const struct fs_config *config)
{
	struct fs_config own = *config;
	const char *tmp = getenv("TMPDIR");

	*c = (struct client){0};
	snprintf(c->path, sizeof(c->path), "%s/wherry-fs-XXXXXX",
		 tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(c->path));
	chmod(c->path, 0755);
	c->dir_fd = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(c->dir_fd, 0);
	own.root_fd = c->dir_fd;
	client_serve(c, &own);
}

void client_serve(struct client *c, const struct fs_config *config)
{
	c->piece_len = 37;
	c->room = CLIENT_BUFFER_LEN;
	c->fs = &c->own_fs;
	c->uid = geteuid();
	c->gid = getegid();
	make_worker(c);
	ck_assert_int_eq(fs_init(c->fs, config), 0);
	ck_assert_int_eq(fs_start(c->fs, NULL), 0);
}

void client_unserve(struct client *c)
{
	client_unshare(c);
	fs_destroy(c->fs);
}

void client_share(struct client *c, struct client *of)
{
	/* Only what does not change: @of may be busy on another thread. */
	*c = (struct client){
		.fs = of->fs,
		.dir_fd = of->dir_fd,
		.uid = of->uid,
		.gid = of->gid,
		.piece_len = of->piece_len,
		.room = of->room,
	};
	make_worker(c);
}

void client_unshare(struct client *c)
{
	fs_worker_destroy(&c->worker);
	free(c->in);
	free(c->out);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void client_close(struct client *c)
{
	client_unserve(c);
	fd_close(&c->dir_fd);
	nftw(c->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void client_start(struct client *c, enum fs_cache cache, bool read_only)
{
	client_open(c, cache, read_only);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
}

void client_begin(struct client *c, uint32_t opcode, uint64_t node_id)
{
	struct fuse_in_header header = {
		.opcode = opcode,
		.unique = 0x1234567890abcdef,
		.nodeid = node_id,
		.uid = c->uid,
		.gid = c->gid,
	};

	c->in_len = 0;
	client_add(c, &header, sizeof(header));
}

struct fuse_in_header *client_header(struct client *c)
{
	return (void *)c->in;
}

void client_add(struct client *c, const void *data, size_t len)
{
	expect(c->in_len + len <= CLIENT_BUFFER_LEN);
	if (len)
		memcpy(c->in + c->in_len, data, len);
	c->in_len += len;
}

void client_add_text(struct client *c, const char *text)
{
	client_add(c, text, strlen(text) + 1);
}

/* Cut a buffer into pieces, with an empty one among them. */
static unsigned int cut(const struct client *c, struct iovec *iov, char *data,
			size_t len)
{
	unsigned int cnt = 0;
	size_t piece;

	for (; len; len -= piece, data += piece) {
		/* The last one takes the rest. */
		piece = cnt < CLIENT_MAX_PIECES - 2 ? MIN(len, c->piece_len)
						    : len;
		iov[cnt++] = (struct iovec){data, piece};
		if (cnt == 2)
			iov[cnt++] = (struct iovec){data, 0};
	}
	return cnt;
}

int client_call_raw(struct client *c)
{
	static _Thread_local struct iovec in[CLIENT_MAX_PIECES];
	static _Thread_local struct iovec out[CLIENT_MAX_PIECES];
	struct iov_cursor in_at, out_at;
	struct fuse_out_header header;
	size_t len;

	iov_init(&in_at, in, cut(c, in, c->in, c->in_len));
	iov_init(&out_at, out, cut(c, out, c->out, c->room));
	len = fs_serve(c->fs, &c->worker, &in_at, &out_at);
	if (len == FS_LATER)
		return CLIENT_LATER;
	expect(len <= c->room);
	if (!len)
		return CLIENT_NO_REPLY;
	expect(len >= sizeof(header));
	memcpy(&header, c->out, sizeof(header));
	expect(header.len == len);
	expect(header.unique == client_header(c)->unique);
	expect(header.error <= 0);
	expect(header.error > -512);
	if (header.error)
		expect(len == sizeof(header));
	c->out_len = len - sizeof(header);
	return header.error;
}

int client_call(struct client *c)
{
	client_header(c)->len = c->in_len;
	return client_call_raw(c);
}

const void *client_reply(const struct client *c, size_t len)
{
	expect(c->out_len == len);
	return c->out + sizeof(struct fuse_out_header);
}

int client_simple(struct client *c, uint32_t opcode, uint64_t node_id,
		  const char *name, const char *name2)
{
	client_begin(c, opcode, node_id);
	if (name)
		client_add_text(c, name);
	if (name2)
		client_add_text(c, name2);
	return client_call(c);
}

int client_init(struct client *c, uint64_t flags)
{
	struct fuse_init_in arg = {
		.major = 7,
		.minor = 40,
		.max_readahead = 131072,
		.flags = (uint32_t)flags,
		.flags2 = flags >> 32,
	};

	client_begin(c, FUSE_INIT, 0);
	client_add(c, &arg, sizeof(arg));
	return client_call(c);
}

uint64_t client_lookup(struct client *c, uint64_t dir_id, const char *name,
		       int *err)
{
	const struct fuse_entry_out *entry;

	*err = client_simple(c, FUSE_LOOKUP, dir_id, name, NULL);
	if (*err)
		return 0;
	entry = client_reply(c, sizeof(*entry));
	/* The guest may remember that there is nothing. */
	if (!entry->nodeid) {
		expect(entry->entry_valid > 0);
		*err = -ENOENT;
	}
	return entry->nodeid;
}

void client_forget(struct client *c, uint64_t node_id, uint64_t lookup_cnt)
{
	client_begin(c, FUSE_FORGET, node_id);
	client_add(c, &lookup_cnt, sizeof(lookup_cnt));
	expect(client_call(c) == CLIENT_NO_REPLY);
}

int client_getattr(struct client *c, uint64_t node_id)
{
	const struct fuse_getattr_in arg = {0};

	client_begin(c, FUSE_GETATTR, node_id);
	client_add(c, &arg, sizeof(arg));
	return client_call(c);
}

int client_open_node(struct client *c, uint32_t opcode, uint64_t node_id,
		     uint32_t flags, uint64_t *fh)
{
	struct fuse_open_in arg = {.flags = flags};
	const struct fuse_open_out *out;
	int err;

	client_begin(c, opcode, node_id);
	client_add(c, &arg, sizeof(arg));
	err = client_call(c);
	if (err)
		return err;
	out = client_reply(c, sizeof(*out));
	*fh = out->fh;
	return 0;
}

int client_release(struct client *c, uint32_t opcode, uint64_t node_id,
		   uint64_t fh)
{
	struct fuse_release_in arg = {.fh = fh};

	client_begin(c, opcode, node_id);
	client_add(c, &arg, sizeof(arg));
	return client_call(c);
}

uint64_t client_create(struct client *c, const char *name, uint32_t mode,
		       uint64_t *fh, int *err)
{
	struct fuse_create_in arg = {
		.flags = O_RDWR | O_CREAT,
		.mode = S_IFREG | mode,
	};
	const struct fuse_entry_out *entry;
	const struct fuse_open_out *opened;

	client_begin(c, FUSE_CREATE, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	*err = client_call(c);
	if (*err)
		return 0;
	entry = client_reply(c, sizeof(*entry) + sizeof(*opened));
	opened = (const void *)(entry + 1);
	*fh = opened->fh;
	return entry->nodeid;
}

int client_link(struct client *c, uint64_t node_id, const char *name)
{
	struct fuse_link_in arg = {.oldnodeid = node_id};

	client_begin(c, FUSE_LINK, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

uint64_t client_tmpfile(struct client *c, uint32_t flags, uint64_t *fh,
			int *err)
{
	struct fuse_create_in arg = {.flags = flags, .mode = 0640};
	const struct fuse_entry_out *entry;

	client_begin(c, FUSE_TMPFILE, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "/");
	*err = client_call(c);
	if (*err)
		return 0;
	entry = client_reply(c, sizeof(*entry) + sizeof(struct fuse_open_out));
	*fh = ((const struct fuse_open_out *)(const void *)(entry + 1))->fh;
	expect(entry->attr.nlink == 0);
	return entry->nodeid;
}

long client_read(struct client *c, uint64_t node_id, uint64_t fh,
		 uint64_t offset, uint32_t size)
{
	struct fuse_read_in arg = {.fh = fh, .offset = offset, .size = size};
	int err;

	client_begin(c, FUSE_READ, node_id);
	client_add(c, &arg, sizeof(arg));
	err = client_call(c);
	return err ? err : (long)c->out_len;
}

long client_write(struct client *c, const struct fuse_write_in *arg,
		  uint64_t node_id, const char *data)
{
	const struct fuse_write_out *out;
	int err;

	client_begin(c, FUSE_WRITE, node_id);
	client_add(c, arg, sizeof(*arg));
	client_add(c, data, arg->size);
	err = client_call(c);
	if (err)
		return err;
	out = client_reply(c, sizeof(*out));
	return out->size;
}

const char *client_path(const struct client *c, const char *name)
{
	static _Thread_local char path[512];

	snprintf(path, sizeof(path), "%s/%s", c->path, name);
	return path;
}

void client_make_file(const struct client *c, const char *name,
		      const char *text)
{
	FILE *f = fopen(client_path(c, name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

void client_let_time_pass(void)
{
	struct timespec now, coarse;

	clock_gettime(CLOCK_REALTIME, &now);
	do {
		usleep(500);
		clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
	} while (coarse.tv_sec < now.tv_sec ||
		 (coarse.tv_sec == now.tv_sec && coarse.tv_nsec < now.tv_nsec));
}

int client_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed_cnt;

	srunner_run_all(runner, CK_ENV);
	failed_cnt = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed_cnt != 0;
}

int count_open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int cnt = 0;

	while (readdir(dir))
		cnt++;
	closedir(dir);
	return cnt;
}
