/*
 * Owners and modes: who may change them, what a change does, what a new file
 * gets.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { MODE_BITS = 07777, NO_ID = -1 };

static mode_t mode_of(const char *path)
{
	return stat_of(path).st_mode & MODE_BITS;
}

static void chmod_all_bits(void)
{
	make_file("f", 0600, 0, 0);
	make_dir("d", 0700, 0, 0);
	for (mode_t mode = 0; mode <= MODE_BITS; mode += 0101) {
		OK(chmod("f", mode));
		IS(mode, mode_of("f"));
		OK(chmod("d", mode));
		IS(mode, mode_of("d"));
	}
}

static void chmod_is_for_owners(void)
{
	static const struct {
		uid_t uid;
		int number;
	} rows[] = {{ALICE, 0}, {BOB, EPERM}};

	make_file("f", 0666, ALICE, STAFF);
	make_dir("d", 0777, ALICE, STAFF);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		become(rows[i].uid, STAFF, -1);
		GIVES(rows[i].number, chmod("f", 0644));
		GIVES(rows[i].number, chmod("d", 0755));
	}
}

/* Setting the group's bit takes membership; else it is silently left out. */
static void chmod_setgid_needs_membership(void)
{
	make_file("f", 0644, ALICE, STAFF);
	become(ALICE, CREW, -1);
	OK(chmod("f", 02755));
	IS(0755, mode_of("f"));
	become(ALICE, CREW, STAFF);
	OK(chmod("f", 02755));
	IS(02755, mode_of("f"));
	become(ALICE, CREW, -1);
	OK(chmod("f", 06755));
	IS(04755, mode_of("f"));
	become_root();
	OK(chmod("f", 02755));
	IS(02755, mode_of("f"));
}

static void chmod_sticky(void)
{
	make_file("f", 0644, ALICE, STAFF);
	make_dir("d", 0755, ALICE, STAFF);
	become(ALICE, STAFF, -1);
	OK(chmod("d", 01777));
	IS(01777, mode_of("d"));
	OK(chmod("f", 01644));
	IS(01644, mode_of("f"));
}

static void chmod_follows_symlinks(void)
{
	make_file("f", 0644, 0, 0);
	OK(symlink("f", "s"));
	OK(chmod("s", 0600));
	IS(0600, mode_of("f"));
	IS(0777, mode_of("s"));
}

/* Owner, group, supplementary group of the caller; new ones; result */
static void chown_rules(void)
{
	static const struct {
		uid_t uid;
		gid_t gid, supplementary;
		uid_t new_uid;
		gid_t new_gid;
		int number;
	} rows[] = {
		{ALICE, STAFF, NO_ID, BOB, NO_ID, EPERM},
		{ALICE, STAFF, NO_ID, ALICE, STAFF, 0},
		{ALICE, STAFF, NO_ID, NO_ID, NO_ID, 0},
		{ALICE, STAFF, NO_ID, NO_ID, CREW, EPERM},
		{ALICE, STAFF, CREW, NO_ID, CREW, 0},
		{ALICE, CREW, NO_ID, NO_ID, CREW, 0},
		{ALICE, PUBLIC, CREW, ALICE, CREW, 0},
		{ALICE, PUBLIC, NO_ID, NO_ID, STAFF, 0},
		{BOB, STAFF, NO_ID, NO_ID, STAFF, EPERM},
		{BOB, STAFF, NO_ID, BOB, NO_ID, EPERM},
		{0, 0, NO_ID, BOB, CREW, 0},
		{0, 0, NO_ID, NO_ID, CREW, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool changed = !rows[i].number;
		struct stat st;

		make_file("f", 0666, ALICE, STAFF);
		note("row %zu", i);
		if (rows[i].uid)
			become(rows[i].uid, rows[i].gid, rows[i].supplementary);
		GIVES(rows[i].number,
		      chown("f", rows[i].new_uid, rows[i].new_gid));
		become_root();
		st = stat_of("f");
		IS(changed && rows[i].new_uid != (uid_t)NO_ID ? rows[i].new_uid
							      : ALICE,
		   st.st_uid);
		IS(changed && rows[i].new_gid != (gid_t)NO_ID ? rows[i].new_gid
							      : STAFF,
		   st.st_gid);
		OK(unlink("f"));
	}
}

static void lchown_changes_the_link(void)
{
	make_file("f", 0644, 0, 0);
	OK(symlink("f", "s"));
	OK(lchown("s", ALICE, STAFF));
	IS(0, stat_of("f").st_uid);
	IS(ALICE, stat_of("s").st_uid);
	OK(chown("s", BOB, CREW));
	IS(BOB, stat_of("f").st_uid);
	IS(ALICE, stat_of("s").st_uid);
}

/* Numbers that only 32 bits hold */
static void large_ids(void)
{
	make_file("f", 0644, 4000000000U, 4000000001U);
	IS(4000000000U, stat_of("f").st_uid);
	IS(4000000001U, stat_of("f").st_gid);
}

static void new_files_belong_to_the_caller(void)
{
	struct stat st;

	become(ALICE, STAFF, CREW);
	close(open_ok("f", O_CREAT | O_WRONLY));
	OK(mkdir("d", 0777));
	OK(symlink("f", "s"));
	OK(mkfifo("p", 0666));
	for (const char *name = "fdsp"; *name; name++) {
		st = stat_of((char[]){*name, 0});
		IS(ALICE, st.st_uid);
		IS(STAFF, st.st_gid);
	}
}

static void umask_is_obeyed(void)
{
	static const mode_t masks[] = {0, 022, 077, 0777, 0123};

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		mode_t mask = masks[i];

		note("umask %#o", mask);
		umask(mask);
		close((int)OK(open("f", O_CREAT | O_EXCL | O_WRONLY, 0777)));
		OK(mkdir("d", 0777));
		OK(mkfifo("p", 0666));
		IS(0777 & ~mask, stat_of("f").st_mode & MODE_BITS);
		IS(0777 & ~mask, stat_of("d").st_mode & MODE_BITS);
		IS(0666 & ~mask, stat_of("p").st_mode & MODE_BITS);
		OK(unlink("f"));
		OK(rmdir("d"));
		OK(unlink("p"));
	}
}

/* A mode that forbids what was asked for does not spoil the first open. */
static void create_with_mode_zero(void)
{
	int fd;

	become(ALICE, STAFF, -1);
	fd = (int)OK(open("f", O_CREAT | O_EXCL | O_RDWR, 0));
	OK(write(fd, "x", 1));
	FAILS(EACCES, open("f", O_RDONLY));
	IS(0, stat_fd(fd).st_mode & MODE_BITS);
}

static void setgid_dir_gives_its_group(void)
{
	make_dir("d", 02777, ALICE, CREW);
	become(BOB, STAFF, -1);
	close(open_ok("d/f", O_CREAT | O_WRONLY));
	OK(mkdir("d/d", 0755));
	OK(symlink("f", "d/s"));
	OK(mkfifo("d/p", 0600));
	IS(CREW, stat_of("d/f").st_gid);
	IS(CREW, stat_of("d/d").st_gid);
	IS(CREW, stat_of("d/s").st_gid);
	IS(CREW, stat_of("d/p").st_gid);
	IS(BOB, stat_of("d/f").st_uid);
	/* Only a directory hands the bit on. */
	IS(02755, mode_of("d/d"));
	IS(0644, mode_of("d/f"));
}

/* A set-group-ID program for a group that its maker is not in: not made. */
static void create_setgid_file(void)
{
	make_dir("d", 02777, 0, CREW);
	become(BOB, STAFF, -1);
	close((int)OK(open("d/out", O_CREAT | O_WRONLY, 02755)));
	IS(0755, mode_of("d/out"));
	close((int)OK(open("own", O_CREAT | O_WRONLY, 02755)));
	IS(02755, mode_of("own"));
	become(BOB, STAFF, CREW);
	close((int)OK(open("d/in", O_CREAT | O_WRONLY, 02755)));
	IS(02755, mode_of("d/in"));
	become(BOB, CREW, -1);
	OK(mknod("d/node", S_IFREG | 02755, 0));
	IS(02755, mode_of("d/node"));
	become_root();
	close((int)OK(open("d/root", O_CREAT | O_WRONLY, 02755)));
	IS(02755, mode_of("d/root"));
}

static void create_setuid_file(void)
{
	become(BOB, STAFF, -1);
	close((int)OK(open("f", O_CREAT | O_WRONLY, 04755)));
	IS(04755, mode_of("f"));
	OK(mkdir("d", 01755));
	IS(01755, mode_of("d"));
}

const struct test_case mode_cases[] = {
	CASE(chmod_all_bits),
	CASE(chmod_is_for_owners),
	CASE(chmod_setgid_needs_membership),
	CASE(chmod_sticky),
	CASE(chmod_follows_symlinks),
	CASE(chown_rules),
	CASE(lchown_changes_the_link),
	CASE(large_ids),
	CASE(new_files_belong_to_the_caller),
	CASE(umask_is_obeyed),
	CASE(create_with_mode_zero),
	CASE(setgid_dir_gives_its_group),
	CASE(create_setgid_file),
	CASE(create_setuid_file),
	{0},
};
