/*
 * The attack on a share: a hostile kernel's ways out of its directory. What
 * tests/guest/attack/host makes on the host is known here.
 *
 * Theory of operation: each part sends requests as no kernel would, and says
 * what must come back. A word that is everywhere outside of the share and
 * nowhere inside, neither in contents nor in names, is looked for in each
 * reply.
 */
#ifndef TESTS_GUEST_ATTACK_ATTACK_H
#define TESTS_GUEST_ATTACK_ATTACK_H

#include <linux/errno.h>
#include <linux/stat.h>

#include "tests/guest/lib/fuse.h"

enum {
	SHARE = FUSE_SLOT,     /* the guest may change it */
	FIXED = FUSE_SLOT + 1, /* read only */
	REPLY_MAX = 65536,
	NAME_ROOM = 32, /* the host gives no longer names */
	NAMES_MAX = 64,
};

/* As in open(2) and on x86-64 */
enum {
	READS = 0,
	WRITES = 1,
	READS_WRITES = 2,
	CREATES = 0100,
	EXCLUSIVE = 0200,
	TRUNCATES = 01000,
};

/* What the last reply held behind its header */
extern union reply {
	char bytes[REPLY_MAX];
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_open_out open;
	struct fuse_init_out init;
} reply;
extern uint32_t replied; /* bytes of it */

/**
 * struct attempt - A request
 * @opcode:	FUSE_
 * @node:	Node id
 * @arg:	Fixed argument
 * @arg_len:	Bytes of it
 * @more:	What follows it
 * @more_len:	Bytes of it
 */
struct attempt {
	uint32_t opcode;
	uint64_t node;
	const void *arg;
	uint32_t arg_len;
	const void *more;
	uint32_t more_len;
};

/* Send it, count it, look for the word: 0, a negative errno or FUSE_SILENT. */
int attempt(const struct attempt *a);

/* The same with an argument and a name of its type, or without. */
#define ARG(in) .arg = &(in), .arg_len = sizeof(in)
#define TEXT(literal) .more = (literal), .more_len = sizeof(literal)
#define TRY(op, id, ...)           \
	attempt(&(struct attempt){ \
		.opcode = FUSE_##op, .node = (id), __VA_ARGS__})

/* What must come back; the first thing that is otherwise is remembered. */
void expect(int err, int wanted);
void expect_one_of(int err, int wanted, int or_else);
void expect_refused(int err);
void expect_that(bool holds, const char *what);

/* How many there were, and what went wrong first */
unsigned int attempt_cnt(void);
const char *attempt_why(void);

uint32_t length_of(const char *text);
bool reply_holds(const char *text);

int try_look(uint64_t dir, const char *name);

/* A name's node, or 0; and that of one that must be there. */
uint64_t look(uint64_t dir, const char *name);
uint64_t find(uint64_t dir, const char *name);
void forget(uint64_t node, uint64_t lookup_cnt);

int try_open(uint64_t node, uint32_t flags);
uint64_t open_node(uint64_t node, uint32_t flags);
void close_handle(uint64_t node, uint64_t fh);
int try_read(uint64_t node, uint64_t fh);
int try_make(uint32_t opcode, uint64_t dir, const char *name);
int try_node(uint64_t dir, const char *name, uint32_t mode, uint32_t device);
int try_link(uint64_t node, uint64_t dir, const char *name);
int try_rename(uint64_t from, const char *name, uint64_t to,
	       const char *new_name, uint32_t flags);
int try_remove(uint32_t opcode, uint64_t dir, const char *name);
int try_resize(uint64_t node, uint64_t size);
int try_map(uint64_t node, uint64_t fh, uint64_t flags);

/* The names in a directory but for "." and "..": how many. */
unsigned int list_names(uint64_t dir, char names[NAMES_MAX][NAME_ROOM]);

/* Begin a session with a share and all that can be agreed on: its window. */
volatile uint8_t *begin(unsigned int slot);
int try_init(uint32_t flags, uint32_t upper_flags);

/* The parts, for the share that the session is with, unless they choose */
void attack_names(void);
void attack_parents(void);
void attack_links(void);
void attack_processes(void);
void attack_nodes(void);
void attack_ids(void);
void attack_handles(void);
void attack_opens(void);
void attack_contents(void);
void attack_attributes(void);
void attack_listings(void);
void attack_sessions(void);
void attack_rings(void);
void attack_fixed(void);
void attack_races(void);

#endif /* TESTS_GUEST_ATTACK_ATTACK_H */
