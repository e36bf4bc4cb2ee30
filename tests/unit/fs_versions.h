/*
 * Two servers of one directory with one table of versions, and what their
 * guests remember.
 */
#ifndef TESTS_UNIT_FS_VERSIONS_H
#define TESTS_UNIT_FS_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/fs/fuse_abi.h"
#include "devices/fs/versions.h"
#include "tests/unit/fs_client.h"

/**
 * struct versions_rig - Two servers and their table
 * @table:	As the servers and the guests see it
 * @one:	Made the directory
 * @two:	Serves it, too
 * @before:	Counters as they were at versions_rig_mark()
 */
struct versions_rig {
	struct versions table;
	struct client one;
	struct client two;
	uint64_t before[VERSIONS_CNT];
};

/* There is one, for setup and teardown functions have no argument. */
extern struct versions_rig vrig;

/** struct told - A reply about a name or a file */
struct told {
	struct fuse_entry_out entry;
	struct fuse_versions versions;
};

/** versions_rig_setup() - Make it; both guests have sent INIT with all flags */
void versions_rig_setup(void);

/** versions_rig_fill() - The same, with files "f" and "g" and a directory "sub"
 */
void versions_rig_fill(void);

/** versions_rig_teardown() - End it */
void versions_rig_teardown(void);

/** told_lookup() - LOOKUP, which succeeds, if only with node id 0 */
struct told told_lookup(struct client *c, uint64_t dir, const char *name);

/** id_of() - The first guest's node id of a name in the directory */
uint64_t id_of(const char *name);

/** told_call() - A request of the first guest: 0 or a negative errno */
int told_call(uint32_t opcode, uint64_t id, const void *arg, size_t arg_len,
	      const char *name);

/** told_getattr() - GETATTR: the versions */
struct fuse_versions told_getattr(struct client *c, uint64_t id);

/** told_end() - The versions at the end of a reply of so many bytes more */
struct fuse_versions told_end(const struct client *c, size_t len);

/** entry_holds() - May the guest still believe what it was told of the name? */
bool entry_holds(const struct fuse_versions *versions);

/** attr_holds() - And of the file? */
bool attr_holds(const struct fuse_versions *versions);

/** attr_of() - Counter of the file that has this name in the directory */
uint32_t attr_of(const char *path);

/** entry_of() - Counter of a name in the directory @dir, "." for the root */
uint32_t entry_of(const char *dir, const char *name);

/** versions_rig_mark() - Changes count from now on */
void versions_rig_mark(void);

/**
 * changed_are() - Are just these counters other ones than before?
 * @cnt:	How many follow; one may be there twice
 */
bool changed_are(unsigned int cnt, ...);

/* A request that succeeds and changes just these. */
#define CHANGES(request, ...)                        \
	do {                                         \
		versions_rig_mark();                 \
		ck_assert_int_eq(request, 0);        \
		ck_assert(changed_are(__VA_ARGS__)); \
	} while (0)

#endif /* TESTS_UNIT_FS_VERSIONS_H */
