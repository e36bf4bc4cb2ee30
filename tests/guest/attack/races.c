/*
 * The attack while the host changes the directory: for ever it exchanges swap,
 * a directory, with a link to one outside, and file with a link to a file
 * outside, and moves roam out of the share and in again.
 */
#include "tests/guest/attack/attack.h"

enum { ROUNDS = 600 };

/* What the guest has met, so that it is known that there was a race */
static struct {
	unsigned int directory;
	unsigned int directory_link;
	unsigned int file;
	unsigned int file_link;
	unsigned int in;
	unsigned int out;
} met;

static uint64_t race;

/* Read a file that may be there; what is in the share begins like this. */
static void read_whatever(uint64_t node)
{
	uint64_t fh = try_open(node, READS) ? ~0ULL : reply.open.fh;
	struct fuse_release_in in = {.fh = fh};

	if (!try_read(node, fh))
		expect_that(!replied || reply_holds("harmless"),
			    "contents of another file");
	TRY(RELEASE, node, ARG(in));
}

/* Make a file and let it go again. */
static void make_whatever(uint64_t dir, const char *name)
{
	struct fuse_open_out *open = (void *)(&reply.entry + 1);
	int err = try_make(FUSE_CREATE, dir, name);
	struct fuse_release_in in = {.fh = err ? ~0ULL : open->fh};

	TRY(RELEASE, err ? 0 : reply.entry.nodeid, ARG(in));
}

/* Through a name that is a directory now, and a link the moment after */
static void race_for_directory(void)
{
	uint64_t dir = find(race, "swap");
	bool real = (reply.entry.attr.mode & S_IFMT) == S_IFDIR;
	uint64_t node;

	met.directory += real;
	met.directory_link += !real;
	node = look(dir, "secret");
	expect_that(real || !node, "a link was followed");
	read_whatever(node);
	try_resize(node, 16);
	make_whatever(dir, "made");
	try_make(FUSE_MKDIR, dir, "made-dir");
	try_remove(FUSE_RMDIR, dir, "made-dir");
	try_rename(dir, "made", dir, "prey", 0);
	try_remove(FUSE_UNLINK, dir, "prey");
	try_rename(race, "token", dir, "token", 0);
	try_rename(dir, "token", race, "token", 0);
	try_link(find(FUSE_ROOT_ID, "data"), dir, "hard");
	try_remove(FUSE_UNLINK, dir, "hard");
	read_whatever(look(dir, "secret"));
	forget(node, ~0ULL);
	forget(dir, ~0ULL);
}

/* The same with a file, which would be made shorter */
static void race_for_file(void)
{
	uint64_t node = find(race, "file");
	bool real = (reply.entry.attr.mode & S_IFMT) == S_IFREG;

	met.file += real;
	met.file_link += !real;
	read_whatever(node);
	try_resize(node, 8);
	try_map(node, ~0ULL, MAP_READ | MAP_WRITE);
	make_whatever(race, "file");
	forget(node, ~0ULL);
}

/* Up from a directory that was moved out, or is out and comes in: to the top of
 * the share or nowhere.
 */
static void race_upwards(void)
{
	uint64_t dir = look(race, "roam");
	uint64_t node = look(dir, "deep");

	met.in += dir != 0;
	met.out += !dir;
	for (unsigned int i = 0; i < 6; i++) {
		expect_that(!look(node, "outer"), "a directory outside");
		node = look(node, "..");
	}
	expect_that(!node || node == FUSE_ROOT_ID, "neither top nor nothing");
	make_whatever(dir, "made");
	try_remove(FUSE_UNLINK, dir, "made");
	try_rename(race, "token", dir, "token", 0);
	try_rename(dir, "token", race, "token", 0);
	forget(dir, ~0ULL);
}

void attack_races(void)
{
	begin(SHARE);
	race = find(FUSE_ROOT_ID, "race");
	for (unsigned int i = 0; i < ROUNDS; i++) {
		race_for_directory();
		race_for_file();
		race_upwards();
	}
	expect_that(met.directory && met.directory_link && met.file &&
			    met.file_link && met.in && met.out,
		    "nothing was exchanged or moved meanwhile");
}
