/*
 * A FUSE client for tests: builds requests byte by byte, well formed or not,
 * and hands them to a server of a temporary directory in odd pieces.
 */
#ifndef TESTS_UNIT_FS_CLIENT_H
#define TESTS_UNIT_FS_CLIENT_H

#include <check.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/fs/server.h"

enum {
	CLIENT_BUFFER_LEN = FS_MAX_REQUEST + 8192,
	CLIENT_MAX_PIECES = 4096,
	/* What client_call() returns instead of an errno */
	CLIENT_NO_REPLY = 1,
	CLIENT_LATER = 2,
};

/**
 * struct client - A server with its only guest
 * @fs:		Server
 * @own_fs:	The same, of the client that made it
 * @worker:	Of the calling thread
 * @path:	Temporary directory that is served
 * @dir_fd:	The same, open
 * @uid:	Caller in the headers of requests
 * @gid:	The same
 * @piece_len:	Length of the segments that a request and its room are cut in
 * @room:	Bytes of room for a reply
 * @in:		Request
 * @in_len:	Its length
 * @out:	Reply, its header first
 * @out_len:	Its length without the header
 */
struct client {
	struct fs *fs;
	struct fs own_fs;
	struct fs_worker worker;
	char path[128];
	int dir_fd;
	uint32_t uid;
	uint32_t gid;
	size_t piece_len;
	size_t room;
	char *in;
	size_t in_len;
	char *out;
	size_t out_len;
};

/** client_open() - Make a directory and a server of it, without INIT */
void client_open(struct client *c, enum fs_cache cache, bool read_only);

/** client_close() - Destroy the server and remove the directory */
void client_close(struct client *c);

/** client_serve() - Serve a directory with a server of its own, without INIT */
void client_serve(struct client *c, const struct fs_config *config);

/** client_unserve() - Destroy that server */
void client_unserve(struct client *c);

/** client_share() - One more client of @of's server, for another thread */
void client_share(struct client *c, struct client *of);

/** client_unshare() - Destroy such a client */
void client_unshare(struct client *c);

/**
 * client_open_as() - The same with a configuration of one's own
 * @c:		Client
 * @config:	Anything but root_fd
 */
void client_open_as(struct client *c, const struct fs_config *config);

/** client_start() - client_open() and INIT with all flags offered */
void client_start(struct client *c, enum fs_cache cache, bool read_only);

/** client_begin() - Begin a request */
void client_begin(struct client *c, uint32_t opcode, uint64_t node_id);

/** client_header() - Header of the request that was begun, to be spoilt */
struct fuse_in_header *client_header(struct client *c);

/** client_add() - Add bytes to the request */
void client_add(struct client *c, const void *data, size_t len);

/** client_add_text() - Add a string with its NUL to the request */
void client_add_text(struct client *c, const char *text);

/** client_call() - Send the request: 0, a negative errno or CLIENT_... */
int client_call(struct client *c);

/** client_call_raw() - The same with the header's length as it is */
int client_call_raw(struct client *c);

/** client_reply() - What follows the reply's header; checks its length */
const void *client_reply(const struct client *c, size_t len);

/** client_simple() - A request with an argument and up to two strings */
int client_simple(struct client *c, uint32_t opcode, uint64_t node_id,
		  const char *name, const char *name2);

/** client_init() - INIT with these flags */
int client_init(struct client *c, uint64_t flags);

/** client_lookup() - LOOKUP: a node id, or 0 with *@err */
uint64_t client_lookup(struct client *c, uint64_t dir_id, const char *name,
		       int *err);

/** client_forget() - FORGET, which must have no reply */
void client_forget(struct client *c, uint64_t node_id, uint64_t lookup_cnt);

/** client_getattr() - GETATTR without a handle: 0 or a negative errno */
int client_getattr(struct client *c, uint64_t node_id);

/** client_open_node() - OPEN or OPENDIR: 0 with *@fh or a negative errno */
int client_open_node(struct client *c, uint32_t opcode, uint64_t node_id,
		     uint32_t flags, uint64_t *fh);

/** client_release() - RELEASE or RELEASEDIR */
int client_release(struct client *c, uint32_t opcode, uint64_t node_id,
		   uint64_t fh);

/** client_create() - CREATE: a node id with *@fh, or 0 with *@err */
uint64_t client_create(struct client *c, const char *name, uint32_t mode,
		       uint64_t *fh, int *err);

/** client_link() - LINK in the root: 0 or a negative errno */
int client_link(struct client *c, uint64_t node_id, const char *name);

/** client_tmpfile() - TMPFILE in the root: as client_create() */
uint64_t client_tmpfile(struct client *c, uint32_t flags, uint64_t *fh,
			int *err);

/** client_read() - READ: bytes in the reply or a negative errno */
long client_read(struct client *c, uint64_t node_id, uint64_t fh,
		 uint64_t offset, uint32_t size);

/** client_write() - WRITE: bytes written or a negative errno */
long client_write(struct client *c, const struct fuse_write_in *arg,
		  uint64_t node_id, const char *data);

/** client_path() - Path of a name in the served directory; static storage */
const char *client_path(const struct client *c, const char *name);

/** client_make_file() - Make a file with this text behind the server's back */
void client_make_file(const struct client *c, const char *name,
		      const char *text);

/** client_let_time_pass() - Until what the host makes gets a later time: what
 *			     was there before is opened when it is used
 */
void client_let_time_pass(void);

/** client_run() - main() of a suite: 0 if all tests passed */
int client_run(Suite *suite);

/** count_open_files() - Descriptors that this process has open */
int count_open_files(void);

#endif /* TESTS_UNIT_FS_CLIENT_H */
