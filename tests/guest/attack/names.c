/*
 * The attack by names: no path in place of a name, no way up.
 */
#include "tests/guest/attack/attack.h"

/* Names that are none, and long ones; @len counts the NUL, if there is one. */
#define NAME(literal) (literal), sizeof(literal)
static char long_name[4100];
static const struct bad_name {
	const char *text;
	uint32_t len;
	int wanted;
} bad_names[] = {
	{NAME(".."), -EINVAL},
	{NAME("."), -EINVAL},
	{NAME(""), -EINVAL},
	{NAME("/"), -EINVAL},
	{NAME("//"), -EINVAL},
	{NAME("data/"), -EINVAL},
	{NAME("/etc/passwd"), -EINVAL},
	{NAME("../secret"), -EINVAL},
	{NAME("./data"), -EINVAL},
	{NAME("dir/../../outside/secret"), -EINVAL},
	{NAME("dir/inner"), -EINVAL},
	{NAME("da\0ta"), -EINVAL},
	{NAME("\0data"), -EINVAL},
	{"data", 4, -EINVAL}, /* without its end */
	{"data", 0, -EINVAL},
	{long_name, 257, -ENAMETOOLONG},
	{long_name, sizeof(long_name), -ENAMETOOLONG},
};

static struct fuse_link_in link_arg;
static const struct fuse_mknod_in mknod_arg = {.mode = S_IFREG | 0644};
static const struct fuse_mkdir_in mkdir_arg = {.mode = 0755};
static const struct fuse_rename_in rename_arg = {.newdir = FUSE_ROOT_ID};
static const struct fuse_rename2_in rename2_arg = {.newdir = FUSE_ROOT_ID};
static const struct fuse_rename2_in exchange_arg = {
	.newdir = FUSE_ROOT_ID, .flags = 1 << 1, /* RENAME_EXCHANGE */
};
static const struct fuse_create_in create_arg = {
	.flags = READS_WRITES | CREATES,
	.mode = S_IFREG | 0644,
};

static const struct op {
	uint32_t opcode;
	const void *arg;
	uint32_t arg_len;
	bool two; /* names */
} ops[] = {
	{FUSE_LOOKUP, NULL, 0, false},
	{FUSE_MKNOD, &mknod_arg, sizeof(mknod_arg), false},
	{FUSE_MKDIR, &mkdir_arg, sizeof(mkdir_arg), false},
	{FUSE_UNLINK, NULL, 0, false},
	{FUSE_RMDIR, NULL, 0, false},
	{FUSE_LINK, &link_arg, sizeof(link_arg), false},
	{FUSE_CREATE, &create_arg, sizeof(create_arg), false},
	{FUSE_SYMLINK, NULL, 0, true},
	{FUSE_RENAME, &rename_arg, sizeof(rename_arg), true},
	{FUSE_RENAME2, &rename2_arg, sizeof(rename2_arg), true},
	{FUSE_RENAME2, &exchange_arg, sizeof(exchange_arg), true},
};

static int try_name(const struct op *op, const char *text, uint32_t len)
{
	return attempt(&(struct attempt){op->opcode, FUSE_ROOT_ID, op->arg,
					 op->arg_len, text, len});
}

static void fill_long_name(void)
{
	for (uint32_t i = 0; i < sizeof(long_name); i++)
		long_name[i] = 'n';
	/* The shorter one ends, the longer one does not. */
	long_name[256] = '\0';
}

/* Is it one string and its end? Others would be two names. */
static bool is_one(const struct bad_name *name)
{
	return name->len && !name->text[name->len - 1] &&
	       length_of(name->text) + 1 == name->len;
}

static void try_single(const struct op *op)
{
	for (unsigned int i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]);
	     i++) {
		const struct bad_name *name = &bad_names[i];
		bool dots = op->opcode == FUSE_LOOKUP && i < 2;

		/* Both are the root itself. */
		expect(try_name(op, name->text, name->len),
		       dots ? 0 : name->wanted);
		if (dots)
			expect_that(reply.entry.nodeid == FUSE_ROOT_ID,
				    "above the root");
	}
}

/* A bad name before and after a good one; a target of a link may be any. */
static void try_pair(const struct op *op)
{
	static char both[8192];
	uint32_t len;

	for (unsigned int i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]);
	     i++) {
		const struct bad_name *name = &bad_names[i];

		memcpy(both, name->text, name->len);
		memcpy(both + name->len, "none", sizeof("none"));
		len = name->len + sizeof("none");
		if (is_one(name))
			expect(try_name(op, both, len), name->wanted);
		if (op->opcode == FUSE_SYMLINK)
			continue;
		memcpy(both, "data", sizeof("data"));
		memcpy(both + sizeof("data"), name->text, name->len);
		expect(try_name(op, both, name->len + sizeof("data")),
		       name->wanted);
	}
}

/* Flags of RENAME2 that do not exist, exclude each other, or do nothing */
static void try_rename_flags(void)
{
	enum { NOREPLACE = 1, EXCHANGE = 2, WHITEOUT = 4 };

	for (unsigned int bit = 0; bit < 32; bit++)
		expect(try_rename(FUSE_ROOT_ID, "none", FUSE_ROOT_ID, "none2",
				  1U << bit),
		       bit < 3 ? -ENOENT : -EINVAL);
	expect(try_rename(FUSE_ROOT_ID, "data", FUSE_ROOT_ID, "dir", ~0U),
	       -EINVAL);
	expect(try_rename(FUSE_ROOT_ID, "data", FUSE_ROOT_ID, "dir",
			  NOREPLACE | EXCHANGE),
	       -EINVAL);
	expect(try_rename(FUSE_ROOT_ID, "data", FUSE_ROOT_ID, "dir",
			  EXCHANGE | WHITEOUT),
	       -EINVAL);
	expect(try_rename(FUSE_ROOT_ID, "data", FUSE_ROOT_ID, "dir", NOREPLACE),
	       -EEXIST);
}

/* A directory into itself, a file in place of a directory, and no directory */
static void try_wrong_directories(void)
{
	uint64_t data = find(FUSE_ROOT_ID, "data");
	uint64_t dir = find(FUSE_ROOT_ID, "dir");

	expect(try_rename(FUSE_ROOT_ID, "dir", dir, "dir", 0), -EINVAL);
	expect(try_rename(FUSE_ROOT_ID, "data", data, "data", 0), -ENOTDIR);
	expect(try_rename(data, "data", FUSE_ROOT_ID, "data", 0), -ENOTDIR);
	expect(try_link(dir, FUSE_ROOT_ID, "none"), -EPERM);
	expect(try_link(FUSE_ROOT_ID, dir, "none"), -EPERM);
	expect(try_link(data, data, "none"), -ENOTDIR);
	expect(try_remove(FUSE_UNLINK, FUSE_ROOT_ID, "dir"), -EISDIR);
	expect(try_remove(FUSE_RMDIR, FUSE_ROOT_ID, "data"), -ENOTDIR);
}

void attack_names(void)
{
	fill_long_name();
	link_arg.oldnodeid = find(FUSE_ROOT_ID, "data");
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (ops[i].two)
			try_pair(&ops[i]);
		else
			try_single(&ops[i]);
	}
	try_rename_flags();
	try_wrong_directories();
	expect(try_look(FUSE_ROOT_ID, "none"), 0);
	expect_that(!reply.entry.nodeid, "something was made");
}

/* Is this the top directory, and nothing above it? */
static void expect_root(uint64_t node)
{
	static char names[NAMES_MAX][NAME_ROOM];

	expect_that(node == FUSE_ROOT_ID, "not the root");
	expect_that(look(node, "data"), "not the share's top directory");
	expect_that(!look(node, "share"), "the share's parent");
	expect_that(list_names(node, names) > 3, "the share is empty");
}

/* "..", from the top and from below, more often than there are parents. */
void attack_parents(void)
{
	uint64_t node = find(find(FUSE_ROOT_ID, "dir"), "deep");

	node = find(node, "deeper");
	for (unsigned int i = 0; i < 20; i++)
		node = find(node, "..");
	expect_root(node);
	node = FUSE_ROOT_ID;
	for (unsigned int i = 0; i < 20; i++)
		node = find(node, i % 3 ? ".." : ".");
	expect_root(node);
	expect(try_look(find(FUSE_ROOT_ID, "data"), ".."), -ENOTDIR);
}
