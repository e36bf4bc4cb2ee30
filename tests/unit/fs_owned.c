/*
 * A server that keeps its guest's owners in attributes.
 */
#include "tests/unit/fs_owned.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NOBODY = 65534, TEXT_LEN = 128 };

struct client owned_client;
static struct client *const c = &owned_client;
static uid_t server;

void owned_be_host(bool host)
{
	/* To be root again is for tests only: capabilities are those of the
	 * effective user.
	 */
	if (server && !getuid())
		ck_assert_int_eq(seteuid(host ? 0 : server), 0);
}

void owned_start(enum owned_user user, const struct fs_config *config)
{
	server = user == OWNED_ORDINARY && !geteuid() ? NOBODY : geteuid();
	if (server != geteuid()) {
		ck_assert_int_eq(setgroups(0, NULL), 0);
		ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	}
	owned_be_host(false);
	ck_assert_uint_eq(geteuid(), server);
	client_open_as(c, config);
	c->uid = 0;
	c->gid = 0;
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
}

static void setup(enum owned_user user)
{
	owned_start(user, &(struct fs_config){
				  FS_DEFAULTS,
				  .cache = FS_CACHE_AUTO,
				  .owner = FS_OWNER_XATTR,
			  });
}

void owned_setup_root(void)
{
	setup(OWNED_ROOT);
}

void owned_setup_ordinary(void)
{
	setup(OWNED_ORDINARY);
}

void owned_teardown(void)
{
	owned_be_host(true);
	client_close(c);
}

void owned_add_tests(Suite *suite, void (*add)(TCase *tc))
{
	TCase *root = tcase_create("root");
	TCase *ordinary = tcase_create("ordinary");

	tcase_add_checked_fixture(root, owned_setup_root, owned_teardown);
	tcase_add_checked_fixture(ordinary, owned_setup_ordinary,
				  owned_teardown);
	add(root);
	add(ordinary);
	suite_add_tcase(suite, root);
	suite_add_tcase(suite, ordinary);
}

uint64_t owned_lookup(const char *name)
{
	int err;
	uint64_t id = client_lookup(c, FUSE_ROOT_ID, name, &err);

	ck_assert_int_eq(err, 0);
	return id;
}

const char *owned_seen(uint64_t id)
{
	static char seen[TEXT_LEN];
	struct fuse_getattr_in arg = {0};
	const struct fuse_attr_out *out;

	client_begin(c, FUSE_GETATTR, id);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	out = client_reply(c, sizeof(*out));
	snprintf(seen, sizeof(seen), "%u:%u:0%o", out->attr.uid, out->attr.gid,
		 out->attr.mode);
	return seen;
}

const char *owned_text(const char *name)
{
	static char text[TEXT_LEN];
	ssize_t len;

	owned_be_host(true);
	len = lgetxattr(client_path(c, name), OWNED_ATTRIBUTE, text,
			sizeof(text) - 1);
	owned_be_host(false);
	text[len < 0 ? 0 : len] = '\0';
	return text;
}

void owned_write(const char *name, const void *text, size_t len)
{
	int err;

	owned_be_host(true);
	err = setxattr(client_path(c, name), OWNED_ATTRIBUTE, text, len, 0);
	owned_be_host(false);
	ck_assert_int_eq(err, 0);
}

unsigned int owned_host_mode(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(client_path(c, name), &st), 0);
	ck_assert_uint_eq(st.st_uid, server);
	return st.st_mode & 07777;
}

int owned_setattr(uint64_t id, const struct fuse_setattr_in *arg)
{
	client_begin(c, FUSE_SETATTR, id);
	client_add(c, arg, sizeof(*arg));
	return client_call(c);
}

int owned_chmod(uint64_t id, uint32_t mode)
{
	return owned_setattr(id, &(struct fuse_setattr_in){.valid = FATTR_MODE,
							   .mode = mode});
}

int owned_chown(uint64_t id, uint32_t uid, uint32_t gid)
{
	return owned_setattr(id, &(struct fuse_setattr_in){
					 .valid = FATTR_UID | FATTR_GID,
					 .uid = uid,
					 .gid = gid,
				 });
}
