/*
 * FUSE server: attributes and extended attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/fs_client.h"
#include "vmm/base/bits.h"

static struct client client;
static struct client *const c = &client;
static uint64_t id; /* of a file */

static void setup(void)
{
	int err;

	client_start(c, FS_CACHE_AUTO, false);
	client_make_file(c, "f", "text");
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
}

static void teardown(void)
{
	client_close(c);
}

static int call(uint32_t opcode, const void *arg, size_t arg_len)
{
	client_begin(c, opcode, id);
	client_add(c, arg, arg_len);
	return client_call(c);
}

static int setattr(const struct fuse_setattr_in *arg)
{
	return call(FUSE_SETATTR, arg, sizeof(*arg));
}

static const struct fuse_attr *attr_reply(void)
{
	const struct fuse_attr_out *out = client_reply(c, sizeof(*out));

	ck_assert_uint_eq(out->attr_valid, 1);
	return &out->attr;
}

START_TEST(getattr_tells_what_stat_tells)
{
	struct fuse_getattr_in arg = {0};
	const struct fuse_attr *attr;
	struct stat st;

	ck_assert_int_eq(call(FUSE_GETATTR, &arg, sizeof(arg)), 0);
	attr = attr_reply();
	ck_assert_int_eq(stat(client_path(c, "f"), &st), 0);
	ck_assert_uint_eq(attr->ino, st.st_ino);
	ck_assert_uint_eq(attr->size, 4);
	ck_assert_uint_eq(attr->blocks, st.st_blocks);
	ck_assert_uint_eq(attr->mode, st.st_mode);
	ck_assert_uint_eq(attr->nlink, 1);
	ck_assert_uint_eq(attr->uid, st.st_uid);
	ck_assert_uint_eq(attr->gid, st.st_gid);
	ck_assert_uint_eq(attr->mtime, st.st_mtim.tv_sec);
	ck_assert_uint_eq(attr->mtimensec, st.st_mtim.tv_nsec);
	ck_assert_uint_eq(attr->blksize, st.st_blksize);
	ck_assert_uint_eq(attr->flags, 0);
	arg.getattr_flags = FUSE_GETATTR_FH;
	arg.fh = 12345;
	ck_assert_int_eq(call(FUSE_GETATTR, &arg, sizeof(arg)), -EBADF);
}
END_TEST

START_TEST(setattr_changes)
{
	struct fuse_setattr_in arg = {
		.valid = FATTR_MODE | FATTR_SIZE | FATTR_ATIME | FATTR_MTIME,
		.mode = S_IFREG | 0640,
		.size = 10,
		.atime = 1000,
		.atimensec = 1,
		.mtime = (uint64_t)-5,
		.mtimensec = 999999999,
	};
	const struct fuse_attr *attr;
	struct stat st;

	ck_assert_int_eq(setattr(&arg), 0);
	attr = attr_reply();
	ck_assert_uint_eq(attr->mode, S_IFREG | 0640);
	ck_assert_uint_eq(attr->size, 10);
	ck_assert_uint_eq(attr->atime, 1000);
	ck_assert_uint_eq(attr->atimensec, 1);
	ck_assert_uint_eq(attr->mtime, (uint64_t)-5);
	/* one of them only, and now */
	arg = (struct fuse_setattr_in){.valid = FATTR_MTIME | FATTR_MTIME_NOW,
				       .mtimensec = 5};
	ck_assert_int_eq(setattr(&arg), 0);
	stat(client_path(c, "f"), &st);
	ck_assert_int_eq(st.st_atim.tv_sec, 1000);
	ck_assert_int_gt(st.st_mtim.tv_sec, 1000000);
	/* nothing at all */
	arg = (struct fuse_setattr_in){0};
	ck_assert_int_eq(setattr(&arg), 0);
}
END_TEST

START_TEST(setattr_refuses)
{
	static const struct {
		struct fuse_setattr_in arg;
		int want;
	} rows[] = {
		{{.valid = FATTR_UID, .uid = UINT32_MAX}, -EINVAL},
		{{.valid = FATTR_GID, .gid = UINT32_MAX}, -EINVAL},
		{{.valid = FATTR_SIZE, .size = 1ULL << 63}, -EFBIG},
		{{.valid = FATTR_SIZE, .size = UINT64_MAX}, -EFBIG},
		{{.valid = FATTR_SIZE, .size = INT64_MAX}, -EFBIG},
		{{.valid = FATTR_ATIME, .atimensec = 1000000000}, -EINVAL},
		{{.valid = FATTR_MTIME, .mtimensec = UTIME_OMIT}, -EINVAL},
		{{.valid = FATTR_MTIME, .mtimensec = UINT32_MAX}, -EINVAL},
		{{.valid = FATTR_FH | FATTR_SIZE, .fh = 77}, -EBADF},
		{{.valid = 1U << 12}, -EINVAL},
		{{.valid = UINT32_MAX}, -EINVAL},
	};
	struct fuse_setattr_in arg;
	struct stat before, after;

	stat(client_path(c, "f"), &before);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		arg = rows[i].arg;
		ck_assert_int_eq(setattr(&arg), rows[i].want);
	}
	stat(client_path(c, "f"), &after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

START_TEST(setattr_owner_then_mode)
{
	struct fuse_setattr_in arg = {.valid = FATTR_UID | FATTR_GID |
					       FATTR_MODE,
				      .uid = 1234,
				      .gid = 5678,
				      .mode = 06755};
	const struct fuse_attr *attr;

	if (geteuid())
		return; /* chown is root's */
	ck_assert_int_eq(setattr(&arg), 0);
	attr = attr_reply();
	ck_assert_uint_eq(attr->uid, 1234);
	ck_assert_uint_eq(attr->gid, 5678);
	ck_assert_uint_eq(attr->mode, S_IFREG | 06755);
	arg.valid = FATTR_GID;
	arg.gid = 0;
	ck_assert_int_eq(setattr(&arg), 0);
	attr = attr_reply();
	ck_assert_uint_eq(attr->uid, 1234);
	ck_assert_uint_eq(attr->mode, S_IFREG | 0755);
}
END_TEST

START_TEST(setattr_size_kills_set_id_bits_when_asked)
{
	struct fuse_setattr_in arg = {.valid = FATTR_SIZE, .size = 1};

	if (geteuid())
		return;
	chmod(client_path(c, "f"), 04755);
	ck_assert_int_eq(setattr(&arg), 0);
	ck_assert_uint_eq(attr_reply()->mode, S_IFREG | 04755);
	arg.valid |= FATTR_KILL_SUIDGID;
	arg.size = 0;
	ck_assert_int_eq(setattr(&arg), 0);
	ck_assert_uint_eq(attr_reply()->mode, S_IFREG | 0755);
}
END_TEST

START_TEST(setattr_of_links_and_special_files)
{
	struct fuse_setattr_in arg = {
		.valid = FATTR_ATIME | FATTR_MTIME, .atime = 5, .mtime = 6};
	struct stat st;
	int err;

	ck_assert_int_eq(symlink("f", client_path(c, "s")), 0);
	id = client_lookup(c, FUSE_ROOT_ID, "s", &err);
	ck_assert_int_eq(setattr(&arg), 0);
	lstat(client_path(c, "s"), &st);
	ck_assert_int_eq(st.st_mtim.tv_sec, 6);
	stat(client_path(c, "f"), &st);
	ck_assert_int_ne(st.st_mtim.tv_sec, 6);
	arg.valid = FATTR_SIZE;
	ck_assert_int_eq(setattr(&arg), -ENXIO);
	ck_assert_int_eq(mkfifo(client_path(c, "p"), 0600), 0);
	id = client_lookup(c, FUSE_ROOT_ID, "p", &err);
	ck_assert_int_eq(setattr(&arg), -ENXIO);
	id = FUSE_ROOT_ID;
	ck_assert_int_eq(setattr(&arg), -EISDIR);
}
END_TEST

START_TEST(statfs_tells_what_the_host_tells)
{
	const struct fuse_statfs_out *out;
	struct statfs st;

	ck_assert_int_eq(client_simple(c, FUSE_STATFS, 1, NULL, NULL), 0);
	out = client_reply(c, sizeof(*out));
	statfs(c->path, &st);
	ck_assert_uint_eq(out->st.blocks, st.f_blocks);
	ck_assert_uint_eq(out->st.bsize, st.f_bsize);
	ck_assert_uint_eq(out->st.namelen, st.f_namelen);
}
END_TEST

/* The form of SETXATTR that is negotiated has two numbers. */
static int setxattr_call(const char *name, const char *value, uint32_t size,
			 uint32_t flags)
{
	struct fuse_setxattr_in arg = {.size = size, .flags = flags};

	client_begin(c, FUSE_SETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	client_add(c, value, strlen(value));
	return client_call(c);
}

static int getxattr_call(const char *name, uint32_t size)
{
	struct fuse_getxattr_in arg = {.size = size};

	client_begin(c, FUSE_GETXATTR, id);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, name);
	return client_call(c);
}

static int listxattr_call(uint32_t size)
{
	struct fuse_getxattr_in arg = {.size = size};

	return call(FUSE_LISTXATTR, &arg, sizeof(arg));
}

START_TEST(xattr_values)
{
	const struct fuse_getxattr_out *out;

	ck_assert_int_eq(setxattr_call("user.a", "value", 5, 0), 0);
	ck_assert_int_eq(getxattr_call("user.a", 0), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->size, 5);
	ck_assert_int_eq(getxattr_call("user.a", 100), 0);
	ck_assert_mem_eq(client_reply(c, 5), "value", 5);
	ck_assert_int_eq(getxattr_call("user.a", UINT32_MAX), 0);
	ck_assert_int_eq(getxattr_call("user.a", 4), -ERANGE);
	ck_assert_int_eq(getxattr_call("user.b", 100), -ENODATA);
	ck_assert_int_eq(setxattr_call("user.a", "v", 1, XATTR_CREATE),
			 -EEXIST);
	ck_assert_int_eq(setxattr_call("user.b", "v", 1, XATTR_REPLACE),
			 -ENODATA);
	ck_assert_int_eq(setxattr_call("user.empty", "", 0, 0), 0);
	ck_assert_int_eq(listxattr_call(0), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->size, sizeof("user.a") + sizeof("user.empty"));
	ck_assert_int_eq(listxattr_call(1000), 0);
	ck_assert_uint_eq(c->out_len, sizeof("user.a") + sizeof("user.empty"));
	ck_assert_int_eq(listxattr_call(5), -ERANGE);
	ck_assert_int_eq(client_simple(c, FUSE_REMOVEXATTR, id, "user.a", NULL),
			 0);
	ck_assert_int_eq(client_simple(c, FUSE_REMOVEXATTR, id, "user.a", NULL),
			 -ENODATA);
}
END_TEST

START_TEST(xattr_refuses)
{
	static char name[300];

	/* size and bytes differ */
	ck_assert_int_eq(setxattr_call("user.a", "value", 4, 0), -EINVAL);
	ck_assert_int_eq(setxattr_call("user.a", "value", 6, 0), -EINVAL);
	ck_assert_int_eq(setxattr_call("user.a", "v", UINT32_MAX, 0), -E2BIG);
	ck_assert_int_eq(setxattr_call("user.a", "v", 65537, 0), -E2BIG);
	ck_assert_int_eq(setxattr_call("user.a", "v", 1, 99), -EINVAL);
	ck_assert_int_eq(setxattr_call("", "v", 1, 0), -EINVAL);
	memset(name, 'n', 256);
	ck_assert_int_eq(setxattr_call(name, "v", 1, 0), -ERANGE);
	ck_assert_int_eq(getxattr_call(name, 0), -ERANGE);
	/* Names are not paths: anything goes to the host, which refuses. */
	ck_assert_int_eq(setxattr_call("../etc", "v", 1, 0), -EOPNOTSUPP);
	/* Access lists are the host kernel's to check. */
	ck_assert_int_eq(setxattr_call("system.posix_acl_access", "v", 1, 0),
			 -EINVAL);
	ck_assert_int_eq(getxattr_call("system.posix_acl_default", 0),
			 -ENODATA);
	c->room = 16;
	ck_assert_int_eq(setxattr_call("user.a", "value", 5, 0), 0);
	ck_assert_int_eq(getxattr_call("user.a", 100), -ERANGE);
	ck_assert_int_eq(getxattr_call("user.a", 0), -ERANGE);
	ck_assert_int_eq(listxattr_call(100), -ERANGE);
}
END_TEST

START_TEST(xattr_access_lists_are_for_who_obeys_them)
{
	/* version 2; user rwx, group r-x, mask r-x, other r-x, user 1 rwx */
	static const uint8_t acl[] = {
		2,   0,	  0,   0,   1,	 0,   7,  0,   255, 255, 255,
		255, 2,	  0,   7,   0,	 1,   0,  0,   0,   4,	 0,
		5,   0,	  255, 255, 255, 255, 16, 0,   5,   0,	 255,
		255, 255, 255, 32,  0,	 5,   0,  255, 255, 255, 255,
	};
	static const uint32_t short_arg[2] = {5, 0};
	int err;

	if (setxattr(client_path(c, "f"), "system.posix_acl_access", acl,
		     sizeof(acl), 0))
		return; /* a file system without */
	ck_assert_int_eq(getxattr_call("system.posix_acl_access", 100), 0);
	ck_assert_mem_eq(client_reply(c, sizeof(acl)), acl, sizeof(acl));
	/* from here on without FUSE_POSIX_ACL and FUSE_SETXATTR_EXT */
	ck_assert_int_eq(client_init(c, 0), 0);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	ck_assert_int_eq(getxattr_call("system.posix_acl_access", 100),
			 -EOPNOTSUPP);
	ck_assert_int_eq(client_simple(c, FUSE_REMOVEXATTR, id,
				       "system.posix_acl_access", NULL),
			 -EOPNOTSUPP);
	ck_assert_int_eq(setxattr(client_path(c, "f"), "user.a", "v", 1, 0), 0);
	ck_assert_int_eq(listxattr_call(1000), 0);
	ck_assert_mem_eq(client_reply(c, sizeof("user.a")), "user.a",
			 sizeof("user.a"));
	client_begin(c, FUSE_SETXATTR, id);
	client_add(c, short_arg, sizeof(short_arg));
	client_add_text(c, "user.b");
	client_add(c, "value", 5);
	ck_assert_int_eq(client_call(c), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fs_attr");
	TCase *t = tcase_create("fs_attr");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, getattr_tells_what_stat_tells);
	tcase_add_test(t, setattr_changes);
	tcase_add_test(t, setattr_refuses);
	tcase_add_test(t, setattr_owner_then_mode);
	tcase_add_test(t, setattr_size_kills_set_id_bits_when_asked);
	tcase_add_test(t, setattr_of_links_and_special_files);
	tcase_add_test(t, statfs_tells_what_the_host_tells);
	tcase_add_test(t, xattr_values);
	tcase_add_test(t, xattr_refuses);
	tcase_add_test(t, xattr_access_lists_are_for_who_obeys_them);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return client_run(suite());
}
