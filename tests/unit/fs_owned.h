/*
 * A server that keeps its guest's owners in attributes, as root and as an
 * ordinary user.
 */
#ifndef TESTS_UNIT_FS_OWNED_H
#define TESTS_UNIT_FS_OWNED_H

#include <stdint.h>

#include "tests/unit/fs_client.h"

#define OWNED_ATTRIBUTE "user.containers.override_stat"

/** enum owned_user - Who serves */
enum owned_user {
	OWNED_ROOT, /* whoever runs the test */
	OWNED_ORDINARY,
	OWNED_NUM_USERS,
};

/* The guest: there is one, for fixtures have no argument. */
extern struct client owned_client;

/** owned_start() - Begin to serve a new directory, as a user */
void owned_start(enum owned_user user, const struct fs_config *config);

/** owned_setup_root() - The same with attributes, by whoever runs the test */
void owned_setup_root(void);

/** owned_setup_ordinary() - By a user without any privilege */
void owned_setup_ordinary(void);

/** owned_teardown() - End that */
void owned_teardown(void);

/** owned_be_host() - Be root, if the test is run by it; or the server again */
void owned_be_host(bool host);

/** owned_add_tests() - A fixture for each user, with the same tests */
void owned_add_tests(Suite *suite, void (*add)(TCase *tc));

/** owned_lookup() - Node id of a name in the root, which must be there */
uint64_t owned_lookup(const char *name);

/** owned_seen() - "UID:GID:0MODE", the mode with its type, as the guest sees it;
 *		   static storage
 */
const char *owned_seen(uint64_t id);

/** owned_text() - The attribute that a name has on the host, or ""; the same */
const char *owned_text(const char *name);

/** owned_write() - Write it behind the server's back */
void owned_write(const char *name, const void *text, size_t len);

/** owned_host_mode() - Mode without type that a name has on the host */
unsigned int owned_host_mode(const char *name);

/** owned_setattr() - SETATTR: 0 or a negative errno */
int owned_setattr(uint64_t id, const struct fuse_setattr_in *arg);

/** owned_chmod() - SETATTR of the mode: 0 or a negative errno */
int owned_chmod(uint64_t id, uint32_t mode);

/** owned_chown() - SETATTR of user and group: 0 or a negative errno */
int owned_chown(uint64_t id, uint32_t uid, uint32_t gid);

#endif /* TESTS_UNIT_FS_OWNED_H */
