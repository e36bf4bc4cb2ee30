/*
 * fsmount: mount a directory through the FUSE server on this machine, by the
 * kernel's /dev/fuse, so that every program is a test of it.
 *
 *	fsmount [-c MODE] [-o OPTION[:...]] [-fpsv] [-t THREADS] [-u UID] SOURCE
 *		TARGET
 *
 * Runs until TARGET is unmounted. Needs root, but with -u serves as that user
 * and group, who keeps owners in attributes. -o: options of a share, as
 * wherry's --root-options takes them; -c MODE: the same as -o cache=MODE; -f:
 * the threads that serve make only the system calls that they may make in
 * wherry; -p: requests and replies are cut into odd pieces, which the server
 * must not mind;
 * -s: at the end counters as JSON on standard error; -v: one line there for
 * each request.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/fs/dispatch.h"
#include "devices/fs/server.h"
#include "devices/fs/stats.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/thread.h"
#include "vmm/sandbox/filter.h"
#include "vmm/share.h"

enum {
	MAX_THREADS = 16,
	PAGE_LEN = 4096,
	HUGE_PAGE_LEN = 2 << 20,

	/* Contents of fewer pages are copied faster. An end that is not a page
	 * long, and the header, take a place in the pipe each.
	 */
	PIPE_PAGES = 256,
	SPLICE_MIN = 4 * PAGE_LEN,
	SPLICE_MAX = (PIPE_PAGES - 2) * PAGE_LEN,

	BUFFER_LEN = FS_MAX_REQUEST + PAGE_LEN,

	/* What precedes the contents in a request to write and in a reply to
	 * read. Contents begin at a page, and other replies do not cross one:
	 * the kernel copies page by page.
	 */
	IN_HEAD_LEN =
		sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in),
	OUT_HEAD_LEN = sizeof(struct fuse_out_header),
};
static_assert(PAGE_LEN + BUFFER_LEN <= HUGE_PAGE_LEN, "fits");

struct options {
	struct fs_config config;
	int thread_cnt;
	bool filtered;
	uid_t uid;
	bool in_pieces;
	bool stats;
	bool verbose;
};

struct server {
	struct fs fs;
	struct fs_later later;
	struct thread_entry entry;
	int fuse_fd;
	bool in_pieces;
	bool splices;
	bool verbose;
};

struct thread {
	struct fs_worker worker;
	char *in;
	char *out_page;
	char *out;
	int pipe_fd[2];
};

static void die(const char *what)
{
	fprintf(stderr, "fsmount: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void trace(const void *in, ssize_t in_len, const void *out,
		  size_t out_len)
{
	const struct fuse_in_header *request = in;
	const struct fuse_out_header *reply = out;
	const char *name = fs_op_name(request->opcode);

	fprintf(stderr, "%s(%u) node %#lx uid %u, %zd bytes: %d, %zu bytes\n",
		name ? name : "?", request->opcode,
		(unsigned long)request->nodeid, request->uid, in_len,
		out_len ? reply->error : 0, out_len);
}

/* One piece, or a few odd ones. */
static unsigned int cut(const struct server *s, struct iovec iov[3],
			char *buffer, size_t len)
{
	size_t first = s->in_pieces ? MIN(len, 53) : len;
	size_t second = MIN(len - first, 4099);

	iov[0] = (struct iovec){buffer, first};
	iov[1] = (struct iovec){buffer + first, second};
	iov[2] = (struct iovec){buffer + first + second, len - first - second};
	return s->in_pieces ? 3 : 1;
}

static void put_reply(const struct server *s, const void *reply, size_t len)
{
	/* ENOENT: the caller was interrupted meanwhile. */
	if (len && write(s->fuse_fd, reply, len) < 0 && errno != ENOENT)
		fprintf(stderr, "fsmount: reply: %s\n", strerror(errno));
}

/* One for all: the reply says itself what it is for. */
static void put_later(struct fs_later *later, const void *reply, size_t len)
{
	put_reply(CONTAINER_OF(later, struct server, later), reply, len);
}

/* Move the host's pages into the pipe: how many bytes, or a negative errno. */
static ssize_t fill_pipe(int from_fd, int pipe_fd,
			 const struct fuse_read_in *arg)
{
	off_t offset = (off_t)arg->offset;
	size_t done = 0;
	ssize_t n = 1;

	while (done < arg->size && n > 0) {
		n = splice(from_fd, &offset, pipe_fd, NULL, arg->size - done,
			   0);
		if (n > 0)
			done += n;
	}
	return n < 0 && !done ? -errno : (ssize_t)done;
}

/* Put the reply to a large READ into the pipe without the server. In a guest,
 * the server reads into the pages that the guest's program waits for. Here that
 * would be our buffer, and the kernel would have to copy everything once more.
 *
 * Return: bytes of the reply, 0 if the server has to do it
 */
static size_t splice_read(struct server *s, const struct thread *t)
{
	const struct fuse_in_header *header = (const void *)t->in;
	const struct fuse_read_in *arg = (const void *)(header + 1);
	struct fuse_out_header *reply = (void *)t->out;
	struct iovec head = {reply, OUT_HEAD_LEN};
	struct handle *handle;
	ssize_t n;

	if (!s->splices || header->opcode != FUSE_READ ||
	    arg->size < SPLICE_MIN || arg->size > SPLICE_MAX ||
	    arg->offset > INT64_MAX - SPLICE_MAX)
		return 0;
	handle = handle_get(&s->fs.handles, arg->fh, HANDLE_FILE,
			    header->nodeid);
	if (!handle)
		return 0;
	/* The pipe refers to the header: what it says comes after this. */
	if (vmsplice(t->pipe_fd[1], &head, 1, 0) != (ssize_t)OUT_HEAD_LEN)
		die("pipe");
	n = fill_pipe(handle->fd, t->pipe_fd[1], arg);
	handle_put(&s->fs.handles, handle);
	*reply = (struct fuse_out_header){
		.len = OUT_HEAD_LEN + (n < 0 ? 0 : n),
		.error = n < 0 ? (int)n : 0,
		.unique = header->unique,
	};
	return reply->len;
}

static void put_piped(const struct server *s, const struct thread *t,
		      size_t len)
{
	if (splice(t->pipe_fd[0], NULL, s->fuse_fd, NULL, len, 0) < 0 &&
	    errno != ENOENT)
		fprintf(stderr, "fsmount: piped reply: %s\n", strerror(errno));
}

static size_t serve_one(struct server *s, struct thread *t, size_t len)
{
	struct iovec in_iov[3], out_iov[3];
	struct iov_cursor in_at, out_at;
	size_t reply_len;

	iov_init(&in_at, in_iov, cut(s, in_iov, t->in, len));
	iov_init(&out_at, out_iov, cut(s, out_iov, t->out, BUFFER_LEN));
	t->worker.later = &s->later;
	reply_len = fs_serve(&s->fs, &t->worker, &in_at, &out_at);
	return reply_len == FS_LATER ? 0 : reply_len;
}

static char *place_reply(const struct thread *t)
{
	const struct fuse_in_header *header = (const void *)t->in;

	return header->opcode == FUSE_READ
		       ? t->out_page + PAGE_LEN - OUT_HEAD_LEN
		       : t->out_page;
}

static void serve(struct server *s, struct thread *t)
{
	/* By a call that the server's filter allows. */
	const struct iovec in = {t->in, BUFFER_LEN};
	size_t piped_len, reply_len;
	ssize_t len;

	for (;;) {
		len = preadv2(s->fuse_fd, &in, 1, -1, 0);
		if (len < 0 &&
		    (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (len < 0)
			return; /* ENODEV: unmounted */
		t->out = place_reply(t);
		piped_len = splice_read(s, t);
		reply_len = piped_len ? piped_len : serve_one(s, t, len);
		if (s->verbose)
			trace(t->in, len, t->out, reply_len);
		if (piped_len)
			put_piped(s, t, piped_len);
		else
			put_reply(s, t->out, reply_len);
	}
}

/* A buffer that is there when the first request comes, in one page if the
 * kernel has one: for each page of a request, it looks up one of the buffer.
 */
static char *make_buffer(void)
{
	char *buffer = aligned_alloc(HUGE_PAGE_LEN, HUGE_PAGE_LEN);

	if (buffer) {
		madvise(buffer, HUGE_PAGE_LEN, MADV_HUGEPAGE);
		memset(buffer, 0, HUGE_PAGE_LEN);
	}
	return buffer;
}

static void *run(void *arg)
{
	struct server *s = arg;
	char *in = make_buffer();
	char *out = make_buffer();
	struct thread t;

	if (!in || !out || fs_worker_init(&t.worker))
		die("worker");
	if (pipe2(t.pipe_fd, O_CLOEXEC) < 0 ||
	    fcntl(t.pipe_fd[0], F_SETPIPE_SZ, PIPE_PAGES * PAGE_LEN) < 0)
		die("pipe");
	t.in = in + PAGE_LEN - IN_HEAD_LEN;
	t.out_page = out;
	if (fs_worker_enter(&s->fs, &t.worker))
		die("worker");
	thread_enter(&s->entry, THREAD_FS);
	serve(s, &t);
	close(t.pipe_fd[0]);
	close(t.pipe_fd[1]);
	fs_worker_destroy(&t.worker);
	free(in);
	free(out);
	return NULL;
}

/* Every thread's beginning, that of the server's own thread as well. */
static void enter(void *opaque, enum thread_kind kind)
{
	const struct options *o = opaque;
	int err = 0;

	if (o->filtered)
		err = filter_install(kind == THREAD_FS_AUX ? FILTER_FS_AUX
				     : o->config.handles   ? FILTER_FS_HANDLES
							   : FILTER_FS);
	errno = -err;
	if (err)
		die("filter");
}

static void mount_fuse(struct server *s, const char *target)
{
	char data[128];

	s->fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s->fuse_fd < 0)
		die("/dev/fuse");
	snprintf(data, sizeof(data),
		 "fd=%d,rootmode=%o,user_id=0,group_id=0,"
		 "default_permissions,allow_other",
		 s->fuse_fd, S_IFDIR);
	if (mount("wherry", target, "fuse.wherry", 0, data) < 0)
		die(target);
}

static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		die("limit");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		die("limit");
}

/* Be somebody without any privilege from now on. */
static void drop_privileges(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		die("user");
}

static void parse_share(struct options *o, char *text)
{
	struct fail fail;

	if (share_parse_options(&o->config, "fsmount -o", text, &fail)) {
		fprintf(stderr, "fsmount: %s\n", fail.text);
		exit(2);
	}
}

static void parse(struct options *o, int argc, char **argv)
{
	char cache[32];
	int c;

	while ((c = getopt(argc, argv, "c:fo:pst:u:v")) != -1) {
		switch (c) {
		case 'c':
			snprintf(cache, sizeof(cache), "cache=%s", optarg);
			parse_share(o, cache);
			break;
		case 'f':
			o->filtered = true;
			break;
		case 'o':
			parse_share(o, optarg);
			break;
		case 'p':
			o->in_pieces = true;
			break;
		case 's':
			o->stats = true;
			break;
		case 't':
			o->thread_cnt = MIN(MAX(atoi(optarg), 1), MAX_THREADS);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'u':
			o->uid = atoi(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr,
			"usage: fsmount [-c MODE] [-o OPTION[:...]] [-fpsv] "
			"[-t THREADS] [-u UID] SOURCE TARGET\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = {.config = SHARE_DEFAULTS, .thread_cnt = 2};
	pthread_t threads[MAX_THREADS];
	struct server s;
	int err;

	parse(&o, argc, argv);
	o.config.stats = o.stats;
	if (o.uid)
		o.config.owner = FS_OWNER_XATTR;
	raise_file_limit();
	o.config.root_fd = open(argv[optind], O_PATH | O_CLOEXEC);
	if (o.config.root_fd < 0)
		die(argv[optind]);
	s.in_pieces = o.in_pieces;
	/* Nor is a spliced request counted, nor done by calls of the server. */
	s.splices = !o.in_pieces && !o.stats && !o.filtered;
	s.verbose = o.verbose;
	s.later.reply = put_later;
	s.entry = (struct thread_entry){enter, &o};
	err = filter_catch();
	/* Until then nobody waits for an answer. */
	mount_fuse(&s, argv[optind + 1]);
	if (o.uid)
		drop_privileges(o.uid);
	if (!err)
		err = fs_init(&s.fs, &o.config);
	close(o.config.root_fd);
	if (!err)
		err = fs_start(&s.fs, &s.entry);
	errno = -err;
	if (err)
		die(argv[optind]);
	for (int i = 0; i < o.thread_cnt; i++) {
		if (pthread_create(&threads[i], NULL, run, &s))
			die("thread");
	}
	for (int i = 0; i < o.thread_cnt; i++)
		pthread_join(threads[i], NULL);
	if (o.stats) {
		stats_print(&s.fs, argv[optind + 1], stderr);
		fputc('\n', stderr);
	}
	fs_destroy(&s.fs); /* may reply */
	close(s.fuse_fd);
	return 0;
}
