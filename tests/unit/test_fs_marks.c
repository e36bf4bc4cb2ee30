/*
 * FUSE server: what others change on the host makes versions old.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "devices/fs/fstype.h"
#include "devices/fs/marks.h"
#include "tests/unit/fs_versions.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static struct client *const c = &vrig.one;
static char elsewhere[] = "/tmp/wherry-marks-XXXXXX";

static void setup(void)
{
	versions_rig_setup();
	client_make_file(c, "f", "text");
	ck_assert_int_eq(mkdir(client_path(c, "sub"), 0755), 0);
	client_make_file(c, "sub/g", "text");
	strcpy(elsewhere + strlen(elsewhere) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(elsewhere));
}

static void teardown(void)
{
	versions_rig_teardown();
	ck_assert_int_eq(rmdir(elsewhere), 0);
}

/* Let another process do something in the directory, and hear of it. */
static void others(void (*change)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		if (fchdir(c->dir_fd))
			_exit(1);
		change();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	marks_read(&c->fs->marks);
}

/* In the other process: as an assertion. */
static void must(bool done)
{
	if (!done)
		_exit(1);
}

static void make_new(void)
{
	must(!mknod("new", S_IFREG | 0644, 0));
}

static void remove_f(void)
{
	must(!unlink("f"));
}

static void move_f(void)
{
	must(!rename("f", "sub/f"));
}

static void replace_f(void)
{
	must(!rename("sub/g", "f"));
}

static void write_f(void)
{
	int fd = open("f", O_WRONLY);

	must(write(fd, "x", 1) == 1);
}

static void truncate_f(void)
{
	must(!truncate("f", 1));
}

static void chmod_f(void)
{
	must(!chmod("f", 0600));
}

static void chmod_sub(void)
{
	must(!chmod("sub", 0700));
}

static void label_f(void)
{
	must(!setxattr("f", "user.x", "x", 1, 0));
}

static void link_f(void)
{
	must(!link("f", "sub/new"));
}

/* What a change makes old: name f, file f, the root, name new, sub. */
enum { NAME_F = 1, FILE_F = 2, ROOT = 4, NAME_NEW = 8, SUB = 16 };

static const struct {
	const char *name;
	void (*change)(void);
	unsigned int old;
} rows[] = {
	{"make", make_new, ROOT | NAME_NEW},
	{"remove", remove_f, NAME_F | FILE_F | ROOT},
	{"move", move_f, NAME_F | FILE_F | ROOT | SUB},
	{"replace", replace_f, NAME_F | FILE_F | ROOT | SUB},
	{"write", write_f, FILE_F},
	{"truncate", truncate_f, FILE_F},
	{"chmod", chmod_f, FILE_F},
	{"chmod of a directory", chmod_sub, SUB},
	{"setxattr", label_f, FILE_F},
	{"link", link_f, FILE_F | SUB},
};

/* Bits of what does not hold any more. */
static unsigned int old_of(const struct told *f, const struct told *sub,
			   const struct told *new,
			   const struct fuse_versions *root)
{
	return (entry_holds(&f->versions) ? 0 : NAME_F) |
	       (attr_holds(&f->versions) ? 0 : FILE_F) |
	       (attr_holds(root) ? 0 : ROOT) |
	       (entry_holds(&new->versions) ? 0 : NAME_NEW) |
	       (attr_holds(&sub->versions) ? 0 : SUB);
}

START_TEST(changes_by_others_are_heard)
{
	struct told f = told_lookup(c, FUSE_ROOT_ID, "f");
	struct told sub = told_lookup(c, FUSE_ROOT_ID, "sub");
	struct told new = told_lookup(c, FUSE_ROOT_ID, "new");
	struct told g = told_lookup(c, sub.entry.nodeid, "g");
	struct fuse_versions root = told_getattr(c, FUSE_ROOT_ID);

	ck_assert_uint_eq(old_of(&f, &sub, &new, &root), 0);
	ck_assert(attr_holds(&g.versions));
	others(rows[_i].change);
	if (old_of(&f, &sub, &new, &root) != rows[_i].old)
		ck_abort_msg("%s: %x", rows[_i].name,
			     old_of(&f, &sub, &new, &root));
	/* Asked again, the guest may believe again. */
	root = told_getattr(c, FUSE_ROOT_ID);
	ck_assert(attr_holds(&root));
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert(entry_holds(&f.versions));
	if (f.entry.nodeid)
		ck_assert(attr_holds(&f.versions));
}
END_TEST

static char other_name[64];

static void write_by_other_name(void)
{
	int fd = open(other_name, O_WRONLY);

	must(write(fd, "y", 1) == 1);
}

/* A file that has a name outside of the share, too. */
START_TEST(changes_through_other_names_are_heard)
{
	struct told f;

	snprintf(other_name, sizeof(other_name), "%s/f", elsewhere);
	ck_assert_int_eq(link(client_path(c, "f"), other_name), 0);
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert(attr_holds(&f.versions));
	others(write_by_other_name);
	ck_assert(!attr_holds(&f.versions));
	ck_assert(entry_holds(&f.versions));
	ck_assert_int_eq(unlink(other_name), 0);
}
END_TEST

/* A file is marked before its attributes are read, whoever tells it first. */
START_TEST(each_way_to_learn_marks)
{
	struct fuse_create_in arg = {.flags = O_RDWR | O_CREAT, .mode = 0644};
	struct fuse_versions made;

	ck_assert_int_eq(unlink(client_path(c, "f")), 0);
	client_begin(c, FUSE_CREATE, FUSE_ROOT_ID);
	client_add(c, &arg, sizeof(arg));
	client_add_text(c, "f");
	ck_assert_int_eq(client_call(c), 0);
	made = told_end(c, sizeof(struct fuse_entry_out) +
				   sizeof(struct fuse_open_out));
	ck_assert(attr_holds(&made));
	others(chmod_f);
	ck_assert(!attr_holds(&made));
}
END_TEST

START_TEST(own_changes_count_once)
{
	struct fuse_setattr_in arg = {.valid = FATTR_MODE, .mode = 0600};
	struct told f = told_lookup(c, FUSE_ROOT_ID, "f");
	uint64_t version = f.versions.attr_version;

	client_begin(c, FUSE_SETATTR, f.entry.nodeid);
	client_add(c, &arg, sizeof(arg));
	ck_assert_int_eq(client_call(c), 0);
	marks_read(&c->fs->marks);
	ck_assert_uint_eq(told_getattr(c, f.entry.nodeid).attr_version,
			  version + 1);
	/* Unless this process may have done it in another way. */
	c->fs->marks.hear_own = true;
	ck_assert_int_eq(chmod(client_path(c, "f"), 0644), 0);
	marks_read(&c->fs->marks);
	ck_assert_uint_eq(told_getattr(c, f.entry.nodeid).attr_version,
			  version + 2);
}
END_TEST

/* Without events the timeout counts, as with cache=auto. */
START_TEST(what_has_no_mark_has_no_version)
{
	struct told f, absent;

	fd_close(&c->fs->marks.fd);
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert_uint_eq(f.versions.entry_index, 0);
	ck_assert_uint_eq(f.versions.attr_index, 0);
	ck_assert_uint_eq(f.entry.entry_valid, 1);
	ck_assert_uint_eq(f.entry.attr_valid, 1);
	absent = told_lookup(c, FUSE_ROOT_ID, "absent");
	ck_assert_uint_eq(absent.versions.entry_index, 0);
	ck_assert_uint_eq(absent.entry.entry_valid, 1);
	ck_assert_uint_eq(told_getattr(c, f.entry.nodeid).attr_index, 0);
}
END_TEST

/* And where nothing can be marked, the share is as with cache=auto. */
START_TEST(without_marks_there_are_no_versions)
{
	fd_close(&c->fs->marks.fd);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	ck_assert_uint_eq(c->fs->agreed & FUSE_SHARED_VERSIONS, 0);
}
END_TEST

/* Nor has what is mounted below the share, which may be of another kind. */
START_TEST(other_file_systems_have_no_versions)
{
	struct told f;

	c->fs->marks.dev++;
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert_uint_eq(f.versions.entry_index, 0);
	ck_assert_uint_eq(f.versions.attr_index, 0);
	ck_assert_uint_eq(f.entry.attr_valid, 1);
	ck_assert_uint_eq(c->fs->marks.cnt, 0);
	/* Not even if its handle is that of a file that has a mark. */
	c->fs->marks.dev--;
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert_uint_ne(f.versions.attr_index, 0);
	client_forget(c, f.entry.nodeid, 2);
	c->fs->marks.dev++;
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert_uint_eq(f.versions.attr_index, 0);
}
END_TEST

START_TEST(types_without_versions)
{
	ck_assert(fstype_is_remote(0x6969));	  /* NFS */
	ck_assert(fstype_is_remote(0x65735546));  /* FUSE */
	ck_assert(!fstype_is_remote(0xef53));	  /* ext4 */
	ck_assert(!fstype_is_remote(0x01021994)); /* tmpfs */
	ck_assert(fstype_folds_names(0x4d44));	  /* vfat */
	ck_assert(!fstype_folds_names(0xef53));
}
END_TEST

/* Marks go all at once: then nothing is believed that was told with them. */
START_TEST(useless_marks_are_taken_off)
{
	struct told f = told_lookup(c, FUSE_ROOT_ID, "f"), sub;
	uint32_t age = c->fs->marks.age;

	c->fs->marks.cnt = 2 * MARKS_SPARE + 2;
	ck_assert(attr_holds(&f.versions));
	client_forget(c, f.entry.nodeid, 1);
	sub = told_lookup(c, FUSE_ROOT_ID, "sub");
	ck_assert_uint_eq(c->fs->marks.age, age + 1);
	ck_assert_uint_le(c->fs->marks.cnt, 2);
	ck_assert(!attr_holds(&f.versions));
	ck_assert(!entry_holds(&f.versions));
	/* It was told of a directory whose mark has gone. */
	ck_assert(!entry_holds(&sub.versions));
	ck_assert(attr_holds(&sub.versions));
	/* What was forgotten has none any more, either. */
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert(attr_holds(&f.versions));
	others(chmod_f);
	ck_assert(!attr_holds(&f.versions));
	ck_assert(attr_holds(&sub.versions));
	others(chmod_sub);
	ck_assert(!attr_holds(&sub.versions));
}
END_TEST

/* What a guest forgets and learns again has its mark: it gets no other. */
START_TEST(what_is_learned_again_is_marked)
{
	struct told f = told_lookup(c, FUSE_ROOT_ID, "f"), again;
	struct marks *marks = &c->fs->marks;
	uint64_t set_cnt = marks->set_cnt;

	client_forget(c, f.entry.nodeid, 1);
	others(write_f);
	ck_assert(!attr_holds(&f.versions));
	again = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert_uint_ne(again.entry.nodeid, f.entry.nodeid);
	ck_assert_uint_eq(marks->set_cnt, set_cnt);
	ck_assert(attr_holds(&again.versions));
	others(chmod_f);
	ck_assert(!attr_holds(&again.versions));
	/* But when others are remembered in its place, it is. */
	client_forget(c, again.entry.nodeid, 1);
	memset(marks->recent, 1, MARKS_RECENT * sizeof(*marks->recent));
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert_uint_eq(marks->set_cnt, set_cnt + 1);
	ck_assert(attr_holds(&f.versions));
}
END_TEST

/* So a guest that starts again costs the others nothing. */
START_TEST(a_new_session_keeps_marks)
{
	struct told f = told_lookup(c, FUSE_ROOT_ID, "f");

	ck_assert_int_eq(client_init(c, ~0ULL), 0);
	ck_assert(attr_holds(&f.versions));
	f = told_lookup(c, FUSE_ROOT_ID, "f");
	ck_assert(attr_holds(&f.versions));
	others(chmod_f);
	ck_assert(!attr_holds(&f.versions));
}
END_TEST

static void make_many(void)
{
	char name[16];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		must(!mknod(name, S_IFREG | 0644, 0));
		must(!unlink(name));
	}
}

START_TEST(lost_events_make_everything_old)
{
	struct told sub = told_lookup(c, FUSE_ROOT_ID, "sub");
	uint64_t epoch = vrig.table.count[0];

	ck_assert(attr_holds(&sub.versions));
	others(make_many);
	for (int i = 0; i < 1000 && vrig.table.count[0] == epoch; i++)
		marks_read(&c->fs->marks);
	ck_assert_uint_gt(vrig.table.count[0], epoch);
	ck_assert(!attr_holds(&sub.versions));
}
END_TEST

static void change_elsewhere(void)
{
	must(!chdir(elsewhere) && !mkdir("d", 0755) && !chmod("d", 0700));
	must(!mknod("x", S_IFREG | 0644, 0) && !rename("x", "d/y"));
	must(!truncate("d/y", 1) && !unlink("d/y") && !rmdir("d"));
}

static void move_in_and_out(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/x", elsewhere);
	must(!mknod(path, S_IFREG | 0644, 0) && !rename(path, "new"));
	must(!rename("new", path) && !unlink(path));
}

static void write_g(void)
{
	must(!truncate("sub/g", 1));
}

/* Nothing outside of a share changes its table, nor does what is in it and no
 * guest was told of.
 */
START_TEST(what_no_guest_knows_changes_nothing)
{
	ck_assert_int_eq(
		client_simple(c, FUSE_LOOKUP, FUSE_ROOT_ID, "..", NULL), 0);
	id_of("sub");
	told_getattr(c, FUSE_ROOT_ID);
	versions_rig_mark();
	others(change_elsewhere);
	others(write_g);
	ck_assert(changed_are(0));
	others(move_in_and_out);
	ck_assert(changed_are(2, attr_of("."), entry_of(".", "new")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_marks");
	TCase *tc = tcase_create("marks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, changes_by_others_are_heard, 0,
			    ARRAY_SIZE(rows));
	tcase_add_test(tc, changes_through_other_names_are_heard);
	tcase_add_test(tc, each_way_to_learn_marks);
	tcase_add_test(tc, own_changes_count_once);
	tcase_add_test(tc, what_has_no_mark_has_no_version);
	tcase_add_test(tc, without_marks_there_are_no_versions);
	tcase_add_test(tc, other_file_systems_have_no_versions);
	tcase_add_test(tc, types_without_versions);
	tcase_add_test(tc, useless_marks_are_taken_off);
	tcase_add_test(tc, what_is_learned_again_is_marked);
	tcase_add_test(tc, a_new_session_keeps_marks);
	tcase_add_test(tc, what_no_guest_knows_changes_nothing);
	tcase_add_test(tc, lost_events_make_everything_old);
	suite_add_tcase(suite, tc);
	return client_run(suite);
}
