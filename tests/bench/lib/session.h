/*
 * A guest's FUSE session on a device: its requests in guest memory, as Linux
 * lays them out, and the files that the benchmark uses.
 *
 * A request is a header, its arguments in one piece, and pages of data that do
 * not follow each other; so is a reply. Each slot has room for one request at a
 * time, so that up to SESSION_SLOTS are in flight.
 *
 * What is called a session here is one processor's part of it: its queue, its
 * slots, its thread. Only FORGETs are sent by the same queue by all.
 */
#ifndef TESTS_BENCH_LIB_SESSION_H
#define TESTS_BENCH_LIB_SESSION_H

#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/lib/target.h"

struct fail;
struct session;

enum {
	SESSION_MAX = 2, /* of a device: one by queue */
	SESSION_SLOTS = 64,
	SESSION_FORGETS = 64, /* on their way at once */
	SESSION_MAX_NAMES = 1000,
	SESSION_PAGE = 4096,
};

/**
 * struct session_files - What a session uses
 * @name_cnt:	Files in the directory "many": "f000" and so on; number n is n
 *		bytes long
 * @data_len:	Length of the file "data", a multiple of 2 MiB; it contains
 *		session_word()
 */
struct session_files {
	unsigned int name_cnt;
	uint64_t data_len;
};

/**
 * struct slot - A request and what its operation remembers
 * @session:	Whose
 * @idx:	Number, another one in each session of a device
 * @at:		Its piece of guest memory
 * @in_len:	Bytes of the request's arguments, without header
 * @room:	Bytes of room for the reply, without header and data
 * @data_len:	Bytes of data
 * @is_write:	Data go to the server
 * @reply_len:	Bytes of the reply, as the device says
 * @step:	Where in its operation it is
 * @begun:	Operations so far
 * @start_ns:	When this one began
 * @node:	Node id of a file that it has made
 * @fh:		Handle that it has opened
 * @offset:	Where in a file it is
 * @cnt:	What it has counted
 */
struct slot {
	struct session *session;
	unsigned int idx;
	char *at;
	size_t in_len;
	size_t room;
	size_t data_len;
	bool is_write;
	uint32_t reply_len;
	unsigned int step;
	uint64_t begun;
	uint64_t start_ns;
	uint64_t node;
	uint64_t fh;
	uint64_t offset;
	unsigned int cnt;
};

/**
 * struct forgets - FORGETs that are on their way
 * @lock:	Guards the queue for them
 * @cnt:	How many
 * @on_way:	By descriptor
 */
struct forgets {
	pthread_mutex_t lock;
	atomic_uint cnt;
	atomic_bool on_way[SESSION_FORGETS];
};

/**
 * struct session - A session
 * @target:	Device [borrowed]
 * @queue:	Where requests go
 * @epoll_fd:	See target_wait(); -1 while no other thread waits
 * @files:	What is there
 * @dir_fd:	What is served, as the host sees it [borrowed]
 * @unique:	Of the last request
 * @many_node:	Directory "many"
 * @new_node:	Empty directory, to make files in
 * @name_node:	Files of "many"
 * @data_node:	File "data"
 * @data_fh:	The same file, open to read
 * @out_fh:	File to write, open
 * @out_node:	The same
 * @many_fh:	Of each slot: @many_node, open
 * @random:	State of session_random()
 * @thorough:	Check each byte of data
 * @requests:	Sent so far
 * @own_forgets: Those of a device's first session
 * @forgets:	Those of the device
 * @slot:	Requests
 */
struct session {
	struct target *target;
	enum target_queues queue;
	int epoll_fd;
	struct session_files files;
	int dir_fd;
	uint64_t unique;
	uint64_t many_node;
	uint64_t new_node;
	uint64_t name_node[SESSION_MAX_NAMES];
	uint64_t data_node;
	uint64_t data_fh;
	uint64_t out_fh;
	uint64_t out_node;
	uint64_t many_fh[SESSION_SLOTS];
	uint64_t random;
	bool thorough;
	uint64_t requests;
	struct forgets own_forgets;
	struct forgets *forgets;
	struct slot slot[SESSION_SLOTS];
};

/** session_make_files() - Make them in an empty directory; 0 or -errno */
int session_make_files(int dir_fd, const struct session_files *files);

/**
 * session_init() - INIT, and learn to know the files
 * @s:		Filled; @files and @dir_fd are given
 * @target:	Device that nobody has used yet
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int session_init(struct session *s, struct target *target, struct fail *fail);

/**
 * session_join() - The same on a device's other queue
 * @s:		Filled
 * @first:	That of TARGET_REQUEST
 * @fail:	As above
 *
 * Return: 0 or a negative errno with @fail set
 */
int session_join(struct session *s, struct session *first, struct fail *fail);

/** session_share() - Other threads wait for interrupts, too, or do no more: 0
 *		      or a negative errno
 */
int session_share(struct session *s, bool shared);

/** slot_begin() - Begin a request without data */
void slot_begin(struct slot *slot, uint32_t opcode, uint64_t node);

/** slot_add() - Add an argument to it */
void slot_add(struct slot *slot, const void *arg, size_t len);

/** slot_add_text() - Add a string with its NUL to it */
void slot_add_text(struct slot *slot, const char *text);

/** slot_send() - Make it available and kick the device if it wants that */
void slot_send(struct slot *slot);

/** slot_check() - Is there a reply without an error? 0 or a negative errno */
int slot_check(const struct slot *slot);

/** slot_reply() - What follows the header in the reply, without data */
const void *slot_reply(const struct slot *slot);

/** slot_page() - Page @i of the data */
char *slot_page(const struct slot *slot, size_t i);

/** session_wait() - The next slot whose request was replied to */
struct slot *session_wait(struct session *s);

/** session_forget() - Send a FORGET of one lookup, on the queue for those */
void session_forget(struct session *s, uint64_t node);

/** session_drain_forgets() - Wait until all of them were taken; one thread */
void session_drain_forgets(struct session *s);

/** session_random() - A number below @below */
uint64_t session_random(struct session *s, uint64_t below);

/** session_word() - What "data" has at an offset, a multiple of 8 */
static inline uint64_t session_word(uint64_t offset)
{
	return (offset + 1) * 0x9e3779b97f4a7c15;
}

#endif /* TESTS_BENCH_LIB_SESSION_H */
