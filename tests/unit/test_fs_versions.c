/*
 * FUSE server: versions in replies.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/fs/cache.h"
#include "devices/fs/inode.h"
#include "devices/fs/marks.h"
#include "tests/unit/fs_versions.h"
#include "vmm/base/bits.h"

static struct client *const c = &vrig.one;
static struct client *const d = &vrig.two;

static const struct fuse_versions none;

static bool same(const struct fuse_versions *a, const struct fuse_versions *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Without the flag, replies are as they were. */
START_TEST(no_flag_no_versions)
{
	struct fuse_getattr_in arg = {0};
	const struct fuse_entry_out *entry;
	const struct fuse_init_out *out;
	uint64_t fh, id;
	uint32_t victim;
	int err;

	ck_assert_int_eq(client_init(c, ~FUSE_SHARED_VERSIONS), 0);
	out = client_reply(c, sizeof(*out));
	ck_assert_uint_eq(out->flags2 >> 31, 0);
	ck_assert(!(out->flags & FUSE_NO_OPEN_SUPPORT));
	ck_assert(c->fs->unshared);
	ck_assert(!d->fs->unshared);
	id = client_lookup(c, FUSE_ROOT_ID, "f", &err);
	entry = client_reply(c, sizeof(*entry));
	ck_assert_uint_eq(entry->entry_valid, 1);
	ck_assert_uint_eq(entry->attr_valid, 1);
	ck_assert_int_eq(told_call(FUSE_GETATTR, id, &arg, sizeof(arg), NULL),
			 0);
	client_reply(c, sizeof(struct fuse_attr_out));
	client_create(c, "new", 0644, &fh, &err);
	ck_assert_int_eq(err, 0);
	/* The other guest hears of it all the same. */
	victim = attr_of("g");
	CHANGES(client_simple(c, FUSE_UNLINK, FUSE_ROOT_ID, "g", NULL), 3,
		entry_of(".", "g"), attr_of("."), victim);
}
END_TEST

START_TEST(init_agrees)
{
	const struct fuse_init_out *out;
	struct client local;
	const struct fs_config config = {
		FS_DEFAULTS,
		.root_fd = c->dir_fd,
		.cache = FS_CACHE_SHARED,
		.versions = &vrig.table,
		.local_locks = true,
	};

	client_serve(&local, &config);
	ck_assert_int_eq(client_init(&local, ~0ULL), 0);
	out = client_reply(&local, sizeof(*out));
	ck_assert_uint_eq(out->flags2 >> 31, 1);
	ck_assert(out->flags & FUSE_AUTO_INVAL_DATA);
	ck_assert(out->flags & FUSE_DO_READDIRPLUS);
	ck_assert(out->flags & FUSE_NO_OPEN_SUPPORT);
	ck_assert(out->flags & FUSE_NO_OPENDIR_SUPPORT);
	client_unserve(&local);
}
END_TEST

START_TEST(other_modes_do_not_agree)
{
	static const enum fs_cache modes[] = {FS_CACHE_NONE, FS_CACHE_AUTO,
					      FS_CACHE_ALWAYS, FS_CACHE_SHARED};
	const struct fuse_init_out *out;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fs_config config = {
			FS_DEFAULTS,
			.root_fd = c->dir_fd,
			.cache = modes[i],
			.versions = &vrig.table,
		};
		struct client other;

		/* Nor does this one without a table. */
		if (modes[i] == FS_CACHE_SHARED)
			config.versions = NULL;
		client_serve(&other, &config);
		ck_assert_int_eq(client_init(&other, ~0ULL), 0);
		out = client_reply(&other, sizeof(*out));
		ck_assert_uint_eq(out->flags2 >> 31, 0);
		client_unserve(&other);
	}
}
END_TEST

START_TEST(lookup_tells_both)
{
	struct told told = told_lookup(c, FUSE_ROOT_ID, "f");
	struct told again = told_lookup(c, FUSE_ROOT_ID, "f");
	struct told other = told_lookup(d, FUSE_ROOT_ID, "f");

	ck_assert_uint_eq(told.versions.entry_index, entry_of(".", "f"));
	ck_assert_uint_eq(told.versions.attr_index, attr_of("f"));
	ck_assert(entry_holds(&told.versions));
	ck_assert(attr_holds(&told.versions));
	ck_assert_uint_eq(told.entry.entry_valid, CACHE_LONG_S);
	ck_assert_uint_eq(told.entry.attr_valid, CACHE_LONG_S);
	ck_assert(same(&told.versions, &again.versions));
	ck_assert(same(&told.versions, &other.versions));
}
END_TEST

START_TEST(lookup_tells_that_there_is_nothing)
{
	struct told told = told_lookup(c, FUSE_ROOT_ID, "absent");

	ck_assert_uint_eq(told.entry.nodeid, 0);
	ck_assert_uint_eq(told.entry.entry_valid, CACHE_LONG_S);
	ck_assert_uint_eq(told.versions.entry_index, entry_of(".", "absent"));
	ck_assert_uint_eq(told.versions.attr_index, 0);
	ck_assert(entry_holds(&told.versions));
	ck_assert_int_eq(
		client_simple(c, FUSE_LOOKUP, FUSE_ROOT_ID, "f/x", NULL),
		-EINVAL);
	ck_assert_int_eq(client_simple(c, FUSE_LOOKUP, id_of("f"), "x", NULL),
			 -ENOTDIR);
}
END_TEST

START_TEST(dots_are_no_names)
{
	struct told told = told_lookup(c, FUSE_ROOT_ID, ".");

	ck_assert_uint_eq(told.versions.entry_index, 0);
	ck_assert_uint_eq(told.entry.entry_valid, 1);
	ck_assert_uint_eq(told.versions.attr_index, attr_of("."));
	told = told_lookup(c, id_of("sub"), "..");
	ck_assert_uint_eq(told.versions.entry_index, 0);
	ck_assert_uint_eq(told.versions.attr_index, attr_of("."));
	ck_assert(attr_holds(&told.versions));
}
END_TEST

START_TEST(getattr_and_statx_tell_the_file)
{
	const struct fuse_statx_in arg = {0};
	uint64_t id = id_of("f");
	struct fuse_versions attr = told_getattr(c, id), statx;

	ck_assert_uint_eq(attr.entry_index, 0);
	ck_assert_uint_eq(attr.attr_index, attr_of("f"));
	ck_assert(attr_holds(&attr));
	ck_assert_int_eq(told_call(FUSE_STATX, id, &arg, sizeof(arg), NULL), 0);
	statx = told_end(c, sizeof(struct fuse_statx_out));
	ck_assert(same(&statx, &attr));
}
END_TEST

/* Room for all of a reply, or no request. */
START_TEST(a_reply_without_room_has_no_effect)
{
	struct fuse_mkdir_in arg = {.mode = 0755};

	c->room = sizeof(struct fuse_out_header) +
		  sizeof(struct fuse_entry_out) + sizeof(struct fuse_versions) -
		  1;
	versions_rig_mark();
	ck_assert_int_eq(
		told_call(FUSE_MKDIR, FUSE_ROOT_ID, &arg, sizeof(arg), "new"),
		-EINVAL);
	ck_assert_int_eq(access(client_path(c, "new"), F_OK), -1);
	ck_assert(changed_are(0));
	c->room++;
	ck_assert_int_eq(
		told_call(FUSE_MKDIR, FUSE_ROOT_ID, &arg, sizeof(arg), "new"),
		0);
}
END_TEST

/* Each entry ends with its versions; the two dots have none. */
START_TEST(readdirplus_tells_each_name)
{
	struct fuse_read_in arg = {.size = 4096};
	unsigned int cnt = 0;
	size_t len;

	ck_assert_int_eq(
		client_open_node(c, FUSE_OPENDIR, FUSE_ROOT_ID, 0, &arg.fh), 0);
	ck_assert_int_eq(told_call(FUSE_READDIRPLUS, FUSE_ROOT_ID, &arg,
				   sizeof(arg), NULL),
			 0);
	for (size_t at = 0; at < c->out_len; at += len, cnt++) {
		const char *reply = client_reply(c, c->out_len);
		const struct fuse_direntplus *plus = (const void *)(reply + at);
		char name[16] = "";
		struct fuse_versions versions;

		len = FUSE_DIRENTPLUS_SIZE(plus) + sizeof(versions);
		ck_assert_uint_le(at + len, c->out_len);
		memcpy(&versions, reply + at + len - sizeof(versions),
		       sizeof(versions));
		memcpy(name, plus->dirent.name, plus->dirent.namelen);
		if (!plus->entry_out.nodeid) {
			ck_assert(name[0] == '.');
			ck_assert(same(&versions, &none));
			continue;
		}
		ck_assert_uint_eq(versions.entry_index, entry_of(".", name));
		ck_assert_uint_eq(versions.attr_index, attr_of(name));
		ck_assert(entry_holds(&versions));
		ck_assert(attr_holds(&versions));
	}
	ck_assert_uint_eq(cnt, 5);
	/* Room for all but the last byte of an entry is room for none. */
	arg.size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + 1) +
		   sizeof(struct fuse_versions) - 1;
	ck_assert_int_eq(told_call(FUSE_READDIRPLUS, FUSE_ROOT_ID, &arg,
				   sizeof(arg), NULL),
			 -EINVAL);
}
END_TEST

/* Bytes of the heap that it takes to tell a guest of so many files. */
static size_t heap_of_files(struct client *guest, int cnt)
{
	size_t before = mallinfo2().uordblks;
	char name[16];

	for (int i = 0; i < cnt; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		ck_assert_int_eq(client_simple(guest, FUSE_LOOKUP, FUSE_ROOT_ID,
					       name, NULL),
				 0);
	}
	return mallinfo2().uordblks - before;
}

/* The table, what inodes have for it, and what more there may be. */
START_TEST(a_million_files_cost_16_mib)
{
	enum { FILES = 2000, MILLION = 1000000 };
	struct fs_config config = {
		FS_DEFAULTS,
		.root_fd = c->dir_fd,
	};
	const struct inode *inode = NULL;
	size_t with, without;
	struct client plain;
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		client_make_file(c, name, "");
	}
	client_serve(&plain, &config);
	ck_assert_int_eq(client_init(&plain, ~0ULL), 0);
	without = heap_of_files(&plain, FILES);
	with = heap_of_files(c, FILES);
	ck_assert_uint_eq(c->fs->marks.cnt, FILES + 1);
	/* A sanitizer's heap counts nothing. */
	ck_assert(!without || without > FILES * sizeof(*inode));
	ck_assert_uint_le(
		VERSIONS_FILE_LEN + MARKS_RECENT * sizeof(uint64_t) +
			(sizeof(inode->key) + sizeof(inode->mark_age)) *
				MILLION +
			(MAX(with, without) - without) * (MILLION / FILES),
		16 << 20);
	client_unserve(&plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_versions");
	TCase *tc = tcase_create("replies");

	tcase_add_checked_fixture(tc, versions_rig_fill, versions_rig_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, no_flag_no_versions);
	tcase_add_test(tc, init_agrees);
	tcase_add_test(tc, other_modes_do_not_agree);
	tcase_add_test(tc, lookup_tells_both);
	tcase_add_test(tc, lookup_tells_that_there_is_nothing);
	tcase_add_test(tc, dots_are_no_names);
	tcase_add_test(tc, getattr_and_statx_tell_the_file);
	tcase_add_test(tc, a_reply_without_room_has_no_effect);
	tcase_add_test(tc, readdirplus_tells_each_name);
	tcase_add_test(tc, a_million_files_cost_16_mib);
	suite_add_tcase(suite, tc);
	return client_run(suite);
}
