/*
 * The attack by symbolic links that the host has made, wherever they lead: each
 * is a file of its own, which nothing goes through.
 */
#include "tests/guest/attack/attack.h"

/* Ordinary ones can be changed and renamed; those of /proc ("magic") refuse
 * that, and what else they refuse is the host's matter.
 */
static bool magic;

static void expect_link(int err, int wanted)
{
	if (!magic)
		expect(err, wanted);
	else if (wanted)
		expect_refused(err);
}

static void use_as_directory(uint64_t link)
{
	struct fuse_open_in in = {0};

	expect_link(try_look(link, "secret"), -ENOTDIR);
	expect_link(try_look(link, ".."), -ENOTDIR);
	expect_link(TRY(OPENDIR, link, ARG(in)), -ENOTDIR);
	expect_link(try_make(FUSE_CREATE, link, "made"), -ENOTDIR);
	expect_link(try_make(FUSE_TMPFILE, link, "/"), -ENOTDIR);
	expect_link(try_make(FUSE_MKDIR, link, "made"), -ENOTDIR);
	expect_link(try_node(link, "made", S_IFREG | 0644, 0), -ENOTDIR);
	expect_link(TRY(SYMLINK, link, TEXT("made\0target")), -ENOTDIR);
	expect_link(try_link(find(FUSE_ROOT_ID, "data"), link, "made"),
		    -ENOTDIR);
	expect_link(try_remove(FUSE_UNLINK, link, "secret"), -ENOTDIR);
	expect_link(try_remove(FUSE_RMDIR, link, "empty"), -ENOTDIR);
	for (uint32_t flags = 0; flags <= 2; flags++) {
		expect_link(
			try_rename(link, "secret", FUSE_ROOT_ID, "data", flags),
			-ENOTDIR);
		expect_link(
			try_rename(FUSE_ROOT_ID, "data", link, "secret", flags),
			-ENOTDIR);
	}
}

static void use_as_file(uint64_t link)
{
	struct fuse_syncfs_in in = {0};

	expect_link(try_open(link, READS), -ENXIO);
	expect_link(try_open(link, READS_WRITES | TRUNCATES), -ENXIO);
	expect_link(try_open(link, ~3U), -ENXIO);
	expect_link(try_read(link, 0), -EBADF);
	expect_link(try_resize(link, 0), -ENXIO);
	expect_link(try_map(link, ~0ULL, MAP_READ), -ENODEV);
	expect_link(try_map(link, ~0ULL, MAP_READ | MAP_WRITE), -ENODEV);
	expect_link(TRY(SYNCFS, link, ARG(in)), -ENXIO);
}

static int set_attributes(uint64_t link, uint32_t valid)
{
	struct fuse_setattr_in in = {
		.valid = valid,
		.mode = 0777,
		.uid = 1234,
		.gid = 1234,
	};

	return TRY(SETATTR, link, ARG(in));
}

/* What is asked and set is the link's own. */
static void use_attributes(uint64_t link)
{
	static const struct {
		struct fuse_setxattr_in in;
		char text[sizeof("trusted.secret") + 1];
	} set = {.in.size = 1, .text = "trusted.secret\0v"};
	struct fuse_getxattr_in room = {.size = 4096};
	struct fuse_getattr_in get = {0};
	struct fuse_statfs_out *statfs = (void *)&reply;

	expect(TRY(GETATTR, link, ARG(get)), 0);
	expect_that((reply.attr.attr.mode & S_IFMT) == S_IFLNK,
		    "attributes of something else");
	expect_refused(TRY(GETXATTR, link, ARG(room), TEXT("trusted.secret")));
	TRY(LISTXATTR, link, ARG(room));
	expect_refused(TRY(REMOVEXATTR, link, TEXT("trusted.secret")));
	TRY(SETXATTR, link, ARG(set));
	TRY(READLINK, link);
	set_attributes(link, FATTR_MODE);
	expect_link(set_attributes(link, FATTR_UID | FATTR_GID), 0);
	expect_link(set_attributes(link, FATTR_ATIME | FATTR_MTIME), 0);
	expect(TRY(STATFS, link), 0);
	expect_that(statfs->st.namelen, "no file system");
}

/* The name is taken, whatever the link leads to. */
static void use_name(uint64_t dir, const char *name)
{
	struct fuse_create_in in = {
		.flags = READS_WRITES | CREATES | EXCLUSIVE | TRUNCATES,
		.mode = S_IFREG | 0644,
	};

	expect_link(try_make(FUSE_CREATE, dir, name), -ESTALE);
	expect_link(TRY(CREATE, dir, ARG(in), .more = name,
			.more_len = length_of(name) + 1),
		    -EEXIST);
	expect_link(try_make(FUSE_MKDIR, dir, name), -EEXIST);
	expect_link(try_node(dir, name, S_IFREG | 0644, 0), -EEXIST);
	expect_link(try_link(find(FUSE_ROOT_ID, "data"), dir, name), -EEXIST);
	expect_link(try_remove(FUSE_RMDIR, dir, name), -ENOTDIR);
}

/* A second name and another one: still the link. */
static void move_link(uint64_t dir, const char *name, uint64_t link)
{
	expect(try_link(link, FUSE_ROOT_ID, "stolen"), 0);
	expect_that(find(FUSE_ROOT_ID, "stolen") == link, "not the link");
	expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID, "stolen"), 0);
	expect(try_rename(dir, name, FUSE_ROOT_ID, "stolen", 0), 0);
	expect_that(find(FUSE_ROOT_ID, "stolen") == link, "not the link");
	expect(try_rename(FUSE_ROOT_ID, "stolen", dir, name, 0), 0);
}

static void attack_link(uint64_t dir, const char *name)
{
	uint64_t link = find(dir, name);

	expect_that((reply.entry.attr.mode & S_IFMT) == S_IFLNK,
		    "a link was followed");
	expect(try_look(link, "."), 0);
	expect_that(reply.entry.nodeid == link, "not the link itself");
	use_as_directory(link);
	use_as_file(link);
	use_attributes(link);
	use_name(dir, name);
	if (!magic)
		move_link(dir, name, link);
	expect_that(find(dir, name) == link, "the link was replaced");
}

static void attack_process(uint64_t proc, const char *pid)
{
	static const char *const name[] = {"root", "cwd", "exe"};
	static const char *const number[] = {"0", "1", "2"};
	uint64_t dir = find(proc, pid);
	uint64_t fds;

	for (unsigned int i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		attack_link(dir, name[i]);
	fds = find(dir, "fd");
	for (unsigned int i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		attack_link(fds, number[i]);
}

void attack_links(void)
{
	static char names[NAMES_MAX][NAME_ROOM];
	uint64_t dir = find(FUSE_ROOT_ID, "links");
	unsigned int cnt = list_names(dir, names);

	magic = false;
	for (unsigned int i = 0; i < cnt; i++)
		attack_link(dir, names[i]);
}

/* The host's /proc is in the share, but is not shown in the sandbox. Without,
 * its processes' directories are inside, but not where those lead to.
 */
void attack_processes(void)
{
	static char names[1][NAME_ROOM];
	uint64_t proc = find(FUSE_ROOT_ID, "proc");

	if (!look(proc, "self"))
		return;
	magic = true;
	attack_link(proc, "self");
	/* Its target is the monitor. */
	expect(TRY(READLINK, find(proc, "self")), 0);
	expect_that(replied && replied < NAME_ROOM, "no process");
	memcpy(names[0], reply.bytes, replied);
	names[0][replied] = '\0';
	attack_process(proc, names[0]);
}
