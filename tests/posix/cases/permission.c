/*
 * Who may do what: the three classes of permission bits, sticky directories,
 * and what is for owners or for root only.
 *
 * Theory of operation: for each operation, each class and each of its eight
 * modes, the other classes get the opposite bits. So an answer that comes from
 * the wrong class is wrong.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { R = 4, W = 2, X = 1, ALL = 7 };

/* An operation on what prepare() made: a call's result and errno. */
struct operation {
	const char *object; /* whose mode decides */
	int need;	    /* of its bits */
	int (*run)(void);
};

static const struct {
	const char *name;
	uid_t uid;
	gid_t gid, supplementary;
	int shift; /* of the bits that count */
} classes[] = {
	{"owner", ALICE, PUBLIC, -1, 6},
	{"owner in group", ALICE, STAFF, -1, 6},
	{"group", BOB, STAFF, -1, 3},
	{"supplementary group", BOB, PUBLIC, STAFF, 3},
	{"other", BOB, PUBLIC, CREW, 0},
};

static int close_opened(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static int read_file(void)
{
	return close_opened(open("d/f", O_RDONLY));
}

static int write_file(void)
{
	return close_opened(open("d/f", O_WRONLY));
}

static int update_file(void)
{
	return close_opened(open("d/f", O_RDWR | O_APPEND));
}

static int open_truncate(void)
{
	return close_opened(open("d/f", O_RDONLY | O_TRUNC));
}

static int truncate_file(void)
{
	return truncate("d/f", 3);
}

/* Without the right, exec says so before it looks at the contents. */
static int execute_file(void)
{
	int status;
	pid_t pid = (pid_t)OK(fork());

	if (!pid) {
		execl("d/f", "f", NULL);
		_exit(errno);
	}
	OK(waitpid(pid, &status, 0));
	errno = WEXITSTATUS(status);
	return errno == ENOEXEC ? 0 : -1;
}

static int access_all(void)
{
	return faccessat(AT_FDCWD, "d/f", R_OK | W_OK | X_OK, AT_EACCESS);
}

static int get_xattr(void)
{
	char value[8];

	return getxattr("d/f", "user.name", value, sizeof(value)) < 0 ? -1 : 0;
}

static int set_xattr(void)
{
	return setxattr("d/f", "user.name", "new", 3, 0);
}

static int connect_socket(void)
{
	struct sockaddr_un address = {AF_UNIX, "d/socket"};
	int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int result = connect(fd, (void *)&address, sizeof(address));

	/* Nobody listens: then it was allowed. */
	if (result < 0 && errno == ECONNREFUSED)
		result = 0;
	close(fd);
	return result;
}

static int open_fifo(void)
{
	return close_opened(open("d/fifo", O_RDONLY | O_NONBLOCK));
}

static int list_dir(void)
{
	return close_opened(open("d", O_RDONLY | O_DIRECTORY));
}

static int enter_dir(void)
{
	return chdir("d") ? -1 : chdir("..");
}

static int look_up(void)
{
	struct stat st;

	return lstat("d/f", &st);
}

static int look_up_missing(void)
{
	struct stat st;

	return lstat("d/missing", &st) < 0 && errno == ENOENT ? 0 : -1;
}

static int read_symlink(void)
{
	char target[8];

	return readlink("d/symlink", target, sizeof(target)) < 0 ? -1 : 0;
}

static int create_file(void)
{
	return close_opened(open("d/new", O_CREAT | O_WRONLY, 0600));
}

static int create_existing(void)
{
	return close_opened(open("d/f", O_CREAT | O_WRONLY, 0600));
}

static int create_exclusive(void)
{
	return close_opened(open("d/new", O_CREAT | O_EXCL | O_WRONLY, 0600));
}

static int create_unnamed(void)
{
	return close_opened(open("d", O_TMPFILE | O_RDWR, 0600));
}

static int make_subdir(void)
{
	return mkdir("d/new", 0700);
}

static int make_fifo(void)
{
	return mkfifo("d/new", 0600);
}

static int make_symlink(void)
{
	return symlink("f", "d/new");
}

static int make_link(void)
{
	return link("mine", "d/new");
}

static int remove_file(void)
{
	return unlink("d/f");
}

static int remove_dir(void)
{
	return rmdir("d/sub");
}

static int move_in(void)
{
	return rename("mine", "d/new");
}

static int move_out(void)
{
	return rename("d/f", "new");
}

static int move_over(void)
{
	return rename("mine", "d/f");
}

static int exchange(void)
{
	return renameat2(AT_FDCWD, "mine", AT_FDCWD, "d/f", RENAME_EXCHANGE);
}

/* ".." of what moves is written. */
static int move_dir_elsewhere(void)
{
	return rename("d/sub", "new");
}

static int move_dir_here(void)
{
	return rename("d/sub", "d/new");
}

static int bind_socket(void)
{
	struct sockaddr_un address = {AF_UNIX, "d/new"};
	int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int result = bind(fd, (void *)&address, sizeof(address));

	close(fd);
	return result;
}

static void make_fifo_file(const char *path)
{
	OK(mkfifo(path, 0777));
	OK(chown(path, ALICE, STAFF));
	OK(chmod(path, 0777));
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	OK(bind(fd, (void *)&address, sizeof(address)));
	OK(chown(path, ALICE, STAFF));
	OK(chmod(path, 0777));
	close(fd);
}

/* In a fresh directory, all that an operation on such an object may want, open
 * to all.
 */
static void prepare(unsigned int number, const char *object)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	make_dir(name, 0777, 0, 0);
	OK(chdir(name));
	make_dir("d", 0777, ALICE, STAFF);
	make_dir("d/sub", 0777, ALICE, STAFF);
	make_file("d/f", 0777, ALICE, STAFF);
	put_text("d/f", "junk");
	OK(symlink("f", "d/symlink"));
	if (!strcmp(object, "d/fifo"))
		make_fifo_file(object);
	if (!strcmp(object, "d/socket"))
		make_socket(object);
	OK(setxattr("d/f", "user.name", "old", 3, 0));
	make_file("mine", 0666, 0, 0);
}

/* The mode that gives these bits to one class, and their opposite to others. */
static mode_t mode_for(size_t class, unsigned int bits)
{
	unsigned int shift = classes[class].shift;

	return ((ALL - bits) * 0111 & ~(ALL << shift)) | bits << shift;
}

/* Whether it succeeded: then there is something else now. */
static bool try_mode(const struct operation *op, size_t class,
		     unsigned int bits)
{
	mode_t mode = mode_for(class, bits);
	bool allowed = (bits & op->need) == (unsigned int)op->need;

	OK(chown("mine", classes[class].uid, classes[class].gid));
	OK(chmod(op->object, mode));
	note("%s, %s %#o", classes[class].name, op->object, mode);
	become(classes[class].uid, classes[class].gid,
	       classes[class].supplementary);
	GIVES(allowed ? 0 : EACCES, op->run());
	become_root();
	note("%s", "");
	return allowed;
}

static void by_class(void)
{
	const struct operation *op = suite.now->arg;
	unsigned int number = 0;

	prepare(number++, op->object);
	for (size_t class = 0; class < ARRAY_SIZE(classes); class ++) {
		for (unsigned int bits = 0; bits <= ALL; bits++) {
			if (!try_mode(op, class, bits))
				continue;
			OK(chdir(".."));
			prepare(number++, op->object);
		}
	}
	/* Root needs none; but a file that nobody may execute is no program. */
	OK(chmod(op->object, 0));
	note("root, %s 0", op->object);
	if (!strcmp(op->object, "d/f") && op->need & X)
		FAILS(EACCES, op->run());
	else
		OK(op->run());
}

/* Sticky: only the owners of the file and of the directory, and root. */
static void sticky(void)
{
	static int (*const runs[])(void) = {remove_file, remove_dir,
					    move_out,	 move_over,
					    exchange,	 move_dir_elsewhere};
	static const uid_t users[] = {0, ALICE, BOB, CAROL};
	unsigned int number = 0;

	for (size_t i = 0; i < ARRAY_SIZE(runs) * ARRAY_SIZE(users); i++) {
		uid_t uid = users[i % ARRAY_SIZE(users)];

		prepare(number++, "d");
		OK(chown("d/f", BOB, CREW));
		OK(chown("d/sub", BOB, CREW));
		OK(chmod("d", 01777));
		OK(chown("mine", uid, STAFF));
		note("operation %zu as %u", i / ARRAY_SIZE(users), uid);
		if (uid)
			become(uid, STAFF, -1);
		GIVES(uid == CAROL ? EPERM : 0, runs[i / ARRAY_SIZE(users)]());
		become_root();
		OK(chdir(".."));
	}
}

static void sticky_still_creates(void)
{
	make_dir("d", 01777, ALICE, STAFF);
	become(BOB, CREW, -1);
	OK(mkdir("d/a", 0755));
	OK(rename("d/a", "d/b"));
	OK(rmdir("d/b"));
}

/* A path is searched on each of its steps. */
static void search_of_ancestors(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("a/b", 0755));
	make_file("a/b/f", 0666, 0, 0);
	become(BOB, CREW, -1);
	OK(access("a/b/f", R_OK));
	become_root();
	OK(chmod("a", 0700));
	become(BOB, CREW, -1);
	FAILS(EACCES, open("a/b/f", O_RDONLY));
	FAILS(EACCES, open("a/b/missing", O_RDONLY));
	become_root();
	OK(open("a/b/f", O_RDONLY));
}

/* What was opened stays open, whatever happens to the mode. */
static void open_file_keeps_rights(void)
{
	char byte = 'x';
	int fd;

	make_file("f", 0666, ALICE, STAFF);
	become(BOB, CREW, -1);
	fd = open_ok("f", O_RDWR);
	become_root();
	OK(chmod("f", 0));
	become(BOB, CREW, -1);
	OK(pwrite(fd, &byte, 1, 0));
	OK(pread(fd, &byte, 1, 0));
	FAILS(EACCES, open("f", O_RDONLY));
}

/* A handle that is passed on works for one who may not open. */
static void handle_is_the_right(void)
{
	int fd = open_ok("f", O_RDWR | O_CREAT);

	OK(fchmod(fd, 0600));
	become(BOB, CREW, -1);
	OK(pwrite(fd, "x", 1, 0));
	OK(fsync(fd));
	FAILS(EPERM, fchmod(fd, 0666));
	FAILS(EPERM, fchown(fd, BOB, CREW));
}

#define BY_CLASS(function, object, need)                                  \
	{                                                                 \
		.name = #function, .run = by_class,                       \
		.arg = &(const struct operation){object, need, function}, \
	}

const struct test_case permission_cases[] = {
	BY_CLASS(read_file, "d/f", R),
	BY_CLASS(write_file, "d/f", W),
	BY_CLASS(update_file, "d/f", R | W),
	BY_CLASS(open_truncate, "d/f", R | W),
	BY_CLASS(truncate_file, "d/f", W),
	BY_CLASS(execute_file, "d/f", X),
	BY_CLASS(access_all, "d/f", R | W | X),
	BY_CLASS(get_xattr, "d/f", R),
	BY_CLASS(set_xattr, "d/f", W),
	BY_CLASS(create_existing, "d/f", W),
	BY_CLASS(connect_socket, "d/socket", W),
	BY_CLASS(open_fifo, "d/fifo", R),
	BY_CLASS(list_dir, "d", R),
	BY_CLASS(enter_dir, "d", X),
	BY_CLASS(look_up, "d", X),
	BY_CLASS(look_up_missing, "d", X),
	BY_CLASS(read_symlink, "d", X),
	BY_CLASS(create_file, "d", W | X),
	BY_CLASS(create_exclusive, "d", W | X),
	BY_CLASS(create_unnamed, "d", W | X),
	BY_CLASS(make_subdir, "d", W | X),
	BY_CLASS(make_fifo, "d", W | X),
	BY_CLASS(make_symlink, "d", W | X),
	BY_CLASS(make_link, "d", W | X),
	BY_CLASS(bind_socket, "d", W | X),
	BY_CLASS(remove_file, "d", W | X),
	BY_CLASS(remove_dir, "d", W | X),
	BY_CLASS(move_in, "d", W | X),
	BY_CLASS(move_out, "d", W | X),
	BY_CLASS(move_over, "d", W | X),
	BY_CLASS(exchange, "d", W | X),
	BY_CLASS(move_dir_here, "d", W | X),
	BY_CLASS(move_dir_elsewhere, "d/sub", W),
	CASE(sticky),
	CASE(sticky_still_creates),
	CASE(search_of_ancestors),
	CASE(open_file_keeps_rights),
	CASE(handle_is_the_right),
	{0},
};
