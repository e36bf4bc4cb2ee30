/*
 * Two servers of one directory with one table of versions.
 */
#include "tests/unit/fs_versions.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/fd.h"

struct versions_rig vrig;

void versions_rig_setup(void)
{
	struct fs_config config = {
		FS_DEFAULTS,
		.cache = FS_CACHE_SHARED,
		.versions = &vrig.table,
	};
	autofd fd = memfd_create("versions", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, VERSIONS_FILE_LEN), 0);
	ck_assert_int_eq(versions_init(&vrig.table, fd), 0);
	client_open_as(&vrig.one, &config);
	config.root_fd = vrig.one.dir_fd;
	client_serve(&vrig.two, &config);
	ck_assert_int_eq(client_init(&vrig.one, ~0ULL), 0);
	ck_assert_int_eq(client_init(&vrig.two, ~0ULL), 0);
}

void versions_rig_fill(void)
{
	versions_rig_setup();
	client_make_file(&vrig.one, "f", "text");
	client_make_file(&vrig.one, "g", "text");
	ck_assert_int_eq(mkdir(client_path(&vrig.one, "sub"), 0755), 0);
}

uint64_t id_of(const char *name)
{
	return told_lookup(&vrig.one, FUSE_ROOT_ID, name).entry.nodeid;
}

int told_call(uint32_t opcode, uint64_t id, const void *arg, size_t arg_len,
	      const char *name)
{
	client_begin(&vrig.one, opcode, id);
	client_add(&vrig.one, arg, arg_len);
	if (name)
		client_add_text(&vrig.one, name);
	return client_call(&vrig.one);
}

void versions_rig_teardown(void)
{
	client_unserve(&vrig.two);
	client_close(&vrig.one);
	versions_destroy(&vrig.table);
}

struct told told_lookup(struct client *c, uint64_t dir, const char *name)
{
	struct told told;

	ck_assert_int_eq(client_simple(c, FUSE_LOOKUP, dir, name, NULL), 0);
	memcpy(&told, client_reply(c, sizeof(told)), sizeof(told));
	return told;
}

struct fuse_versions told_end(const struct client *c, size_t len)
{
	struct fuse_versions versions;
	const char *reply = client_reply(c, len + sizeof(versions));

	memcpy(&versions, reply + len, sizeof(versions));
	return versions;
}

struct fuse_versions told_getattr(struct client *c, uint64_t id)
{
	struct fuse_getattr_in arg = {0};

	client_begin(c, FUSE_GETATTR, id);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	return told_end(c, sizeof(struct fuse_attr_out));
}

static bool holds(uint32_t idx, uint64_t version)
{
	uint64_t count = vrig.table.count[idx];

	return !(count >> VERSIONS_HOT_SHIFT) &&
	       count + vrig.table.count[0] == version;
}

bool entry_holds(const struct fuse_versions *versions)
{
	return holds(versions->entry_index, versions->entry_version);
}

bool attr_holds(const struct fuse_versions *versions)
{
	return holds(versions->attr_index, versions->attr_version);
}

static uint64_t key_of(const char *path)
{
	union {
		struct file_handle head;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} host = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount_id;

	if (name_to_handle_at(vrig.one.dir_fd, path, &host.head, &mount_id, 0))
		ck_abort_msg("%s: %m", path);
	return versions_key(&vrig.table, host.head.handle_type,
			    host.head.f_handle, host.head.handle_bytes);
}

uint32_t attr_of(const char *path)
{
	return versions_attr(&vrig.table, key_of(path));
}

uint32_t entry_of(const char *dir, const char *name)
{
	return versions_entry(&vrig.table, key_of(dir), name);
}

void versions_rig_mark(void)
{
	for (uint32_t i = 0; i < VERSIONS_CNT; i++)
		vrig.before[i] = vrig.table.count[i];
}

bool changed_are(unsigned int cnt, ...)
{
	unsigned int wanted = 0, found = 0;
	uint32_t idx[8];
	va_list args;

	va_start(args, cnt);
	for (unsigned int i = 0; i < cnt; i++) {
		bool again = false;

		idx[wanted] = va_arg(args, uint32_t);
		for (unsigned int j = 0; j < wanted; j++)
			again |= idx[j] == idx[wanted];
		wanted += !again;
	}
	va_end(args);
	for (unsigned int i = 0; i < wanted; i++)
		found += vrig.table.count[idx[i]] != vrig.before[idx[i]];
	if (found != wanted)
		return false;
	for (uint32_t i = 0; i < VERSIONS_CNT; i++)
		found -= vrig.table.count[i] != vrig.before[i];
	return !found;
}
