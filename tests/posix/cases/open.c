/*
 * open(): flags, and errors that programs tell apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

static void make_all(void)
{
	put_text("f", "text");
	OK(mkdir("d", 0755));
	OK(symlink("f", "s"));
	OK(symlink("d", "ds"));
	OK(symlink("missing", "dangling"));
	OK(mkfifo("p", 0644));
}

static void results(void)
{
	static const struct {
		const char *name;
		int flags, number;
	} rows[] = {
		{"f", O_RDONLY, 0},
		{"missing", O_RDONLY, ENOENT},
		{"missing", O_RDWR, ENOENT},
		{"f", O_RDONLY | O_DIRECTORY, ENOTDIR},
		{"s", O_RDONLY | O_DIRECTORY, ENOTDIR},
		{"ds", O_RDONLY | O_DIRECTORY, 0},
		{"f/", O_RDONLY, ENOTDIR},
		{"f/x", O_RDONLY, ENOTDIR},
		{"f/x", O_CREAT | O_WRONLY, ENOTDIR},
		{"missing/x", O_CREAT | O_WRONLY, ENOENT},
		{"d", O_RDONLY, 0},
		{"d", O_WRONLY, EISDIR},
		{"d", O_RDWR, EISDIR},
		{"d", O_RDONLY | O_TRUNC, EISDIR},
		{"d", O_CREAT | O_RDONLY, EISDIR},
		{"d", O_CREAT | O_WRONLY, EISDIR},
		{"d", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
		{"new/", O_CREAT | O_WRONLY, EISDIR},
		{"f", O_CREAT | O_WRONLY, 0},
		{"f", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
		{"s", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
		{"dangling", O_CREAT | O_EXCL | O_WRONLY, EEXIST},
		{"dangling", O_RDONLY, ENOENT},
		{"s", O_RDONLY | O_NOFOLLOW, ELOOP},
		{"ds", O_RDONLY | O_NOFOLLOW, ELOOP},
		{"ds", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, ENOTDIR},
		{"dangling", O_CREAT | O_WRONLY | O_NOFOLLOW, ELOOP},
		{"f", O_RDONLY | O_NOFOLLOW, 0},
		{"s", O_PATH | O_NOFOLLOW, 0},
		{"f", O_PATH, 0},
		{"f", O_PATH | O_DIRECTORY, ENOTDIR},
		{"p", O_WRONLY | O_NONBLOCK, ENXIO},
		{"p", O_RDONLY | O_NONBLOCK, 0},
		{"p", O_RDWR, 0},
		{"p", O_CREAT | O_EXCL | O_RDWR, EEXIST},
		{"d", O_TMPFILE | O_RDONLY, EINVAL},
		{"d", O_TMPFILE | O_RDWR, 0},
		{"f", O_TMPFILE | O_RDWR, ENOTDIR},
		{"missing", O_TMPFILE | O_RDWR, ENOENT},
		{"dangling", O_CREAT | O_WRONLY, 0},
		{"missing", O_RDONLY, 0},
	};

	make_all();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd;

		note("%s, flags %#o", rows[i].name, rows[i].flags);
		fd = open(rows[i].name, rows[i].flags, 0644);
		GIVES(rows[i].number, fd);
		if (fd >= 0)
			close(fd);
	}
}

static void truncates(void)
{
	put_text("f", "text");
	close(open_ok("f", O_RDWR));
	IS(4, stat_of("f").st_size);
	close(open_ok("f", O_WRONLY | O_TRUNC));
	IS(0, stat_of("f").st_size);
	put_text("f", "text");
	close(open_ok("f", O_WRONLY | O_CREAT | O_TRUNC));
	IS(0, stat_of("f").st_size);
}

/* Each descriptor does what it was opened for, and fcntl() knows it. */
static void access_modes(void)
{
	int reads = open_ok("f", O_CREAT | O_RDONLY);
	int writes = open_ok("f", O_WRONLY);
	int both = open_ok("f", O_RDWR | O_APPEND);
	char byte;

	OK(write(writes, "text", 4));
	IS(1, read(reads, &byte, 1));
	FAILS(EBADF, read(writes, &byte, 1));
	FAILS(EBADF, write(reads, "x", 1));
	FAILS(EINVAL, ftruncate(reads, 0));
	OK(ftruncate(writes, 1));
	IS(1, pread(both, &byte, 1, 0));
	IS(O_RDWR | O_APPEND, fcntl(both, F_GETFL) & (O_ACCMODE | O_APPEND));
	FAILS(EBADF, fallocate(reads, 0, 0, 10));
	FAILS(EISDIR, read(open_ok(".", O_RDONLY), &byte, 1));
}

static void path_descriptor(void)
{
	char byte;
	int fd;

	put_text("f", "text");
	OK(chmod("f", 0));
	become(ALICE, STAFF, -1);
	fd = open_ok("f", O_PATH);
	FAILS(EBADF, read(fd, &byte, 1));
	FAILS(EBADF, fchmod(fd, 0644));
	FAILS(EBADF, fsync(fd));
	IS(4, stat_fd(fd).st_size);
	become_root();
	OK(rename("f", "g"));
	OK(chmod("g", 0640));
	IS(0100640, stat_fd(fd).st_mode);
}

static void noatime_is_for_owners(void)
{
	make_file("f", 0666, ALICE, STAFF);
	become(BOB, CREW, -1);
	FAILS(EPERM, open("f", O_RDONLY | O_NOATIME));
	FAILS(EPERM, fcntl(open_ok("f", O_RDONLY), F_SETFL, O_NOATIME));
	become(ALICE, STAFF, -1);
	close(open_ok("f", O_RDONLY | O_NOATIME));
	become_root();
	close(open_ok("f", O_RDONLY | O_NOATIME));
}

/* One of many that create a name at once has made it. */
static void exclusive_has_one_winner(void)
{
	enum { RACERS = 8, ROUNDS = 20 };
	int won[2], count;
	char byte = 0;

	for (int round = 0; round < ROUNDS; round++) {
		pid_t pids[RACERS];

		OK(pipe(won));
		for (int i = 0; i < RACERS; i++) {
			pids[i] = fork_child();
			if (pids[i])
				continue;
			if (open("f", O_CREAT | O_EXCL | O_WRONLY, 0644) >= 0)
				OK(write(won[1], &byte, 1));
			else
				IS(EEXIST, errno);
			child_end();
		}
		close(won[1]);
		for (int i = 0; i < RACERS; i++)
			reap(pids[i]);
		for (count = 0; read(won[0], &byte, 1) == 1;)
			count++;
		IS(1, count);
		close(won[0]);
		OK(unlink("f"));
	}
}

static void copy_program(const char *from, const char *to)
{
	int out = (int)OK(open(to, O_CREAT | O_WRONLY, 0755));
	int in = open_ok(from, O_RDONLY);
	char data[65536];
	ssize_t len;

	while ((len = OK(read(in, data, sizeof(data)))))
		IS(len, write(out, data, len));
	close(out);
	close(in);
}

/* The result of a program: its status, or errno if it did not start. */
static int run_program(const char *path, bool by_fd)
{
	char *argv[] = {(char[]){"suite"}, (char[]){"-l"},
			(char[]){"open-runs-programs"}, NULL};
	int fd = by_fd ? open_ok(path, O_RDONLY | O_CLOEXEC) : -1;
	pid_t pid = (pid_t)OK(fork());
	int status;

	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), 1);
		if (by_fd)
			fexecve(fd, argv, environ);
		else
			execv(path, argv);
		_exit(errno);
	}
	close(fd);
	OK(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

static void runs_programs(void)
{
	int fd;

	copy_program("/proc/self/exe", "program");
	IS(0, run_program("program", false));
	IS(0, run_program("program", true));
	OK(unlink("program"));
	put_text("script", "#!/bin/sh\nexit 42\n");
	IS(EACCES, run_program("script", false));
	OK(chmod("script", 0755));
	IS(42, run_program("script", false));
	fd = open_ok("script", O_WRONLY);
	IS(ETXTBSY, run_program("script", false));
	close(fd);
	IS(42, run_program("script", false));
}

static void run_forever(const void *path)
{
	char *argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
	int started[2];
	char byte;

	OK(pipe2(started, O_CLOEXEC));
	if (!fork_child()) {
		execv(path, argv);
		_exit(errno);
	}
	close(started[1]);
	/* The other end is closed by exec. */
	IS(0, read(started[0], &byte, 1));
}

/* A program that runs is not written. */
static void running_program_is_busy(void)
{
	pid_t pid;

	if (access("/bin/sleep", X_OK))
		skip("no /bin/sleep");
	copy_program("/bin/sleep", "sleep");
	pid = start(run_forever, "sleep");
	FAILS(ETXTBSY, open("sleep", O_WRONLY));
	FAILS(ETXTBSY, truncate("sleep", 0));
	close(open_ok("sleep", O_RDONLY));
	OK(unlink("sleep"));
	stop(pid);
}

/* Nor cut by one that opens it for reading only. */
static void running_program_is_not_cut(void)
{
	off_t size;

	if (access("/bin/sleep", X_OK))
		skip("no /bin/sleep");
	copy_program("/bin/sleep", "sleep");
	size = stat_of("sleep").st_size;
	start(run_forever, "sleep");
	FAILS(ETXTBSY, open("sleep", O_RDONLY | O_TRUNC));
	IS(size, stat_of("sleep").st_size);
}

static void cwd_removed(void)
{
	struct stat st;
	char path[64];

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	OK(rmdir("../d"));
	OK(lstat(".", &st));
	IS(0, st.st_nlink);
	FAILS(ENOENT, open("f", O_CREAT | O_WRONLY, 0644));
	FAILS(ENOENT, mkdir("x", 0755));
	FAILS(ENOENT, symlink("x", "y"));
	FAILS(ENOENT, lstat("f", &st));
	FAILS(ENOENT, getcwd(path, sizeof(path)) ? 0 : -1);
	OK(chdir(".."));
	FAILS(ENOENT, chdir("d"));
}

static void stays_at_its_place(void)
{
	int fd;

	OK(mkdir("d", 0755));
	fd = open_ok("d", O_RDONLY | O_DIRECTORY);
	OK(rename("d", "e"));
	close((int)OK(openat(fd, "f", O_CREAT | O_WRONLY, 0644)));
	CHECK(exists("e/f"));
	OK(mkdirat(fd, "x", 0755));
	OK(unlinkat(fd, "x", AT_REMOVEDIR));
	OK(renameat(fd, "f", AT_FDCWD, "g"));
	OK(rmdir("e"));
	FAILS(ENOENT, openat(fd, "f", O_CREAT | O_WRONLY, 0644));
}

static void offsets_are_shared_by_dup(void)
{
	int fd = open_ok("f", O_CREAT | O_RDWR);
	int copy = dup(fd), other = open_ok("f", O_RDWR);

	OK(write(fd, "abcdef", 6));
	IS(6, lseek(copy, 0, SEEK_CUR));
	IS(0, lseek(other, 0, SEEK_CUR));
	IS(6, lseek(other, 0, SEEK_END));
	FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
	FAILS(EINVAL, lseek(fd, 0, 77));
	IS(100, lseek(fd, 100, SEEK_SET));
	IS(6, stat_of("f").st_size);
}

/* Many at once, each on its own */
static void a_thousand_files(void)
{
	enum { FILES = 900 };
	int fds[FILES];
	char name[16];
	char byte;

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fds[i] = open_ok(name, O_CREAT | O_RDWR);
		OK(write(fds[i], name, 1));
	}
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		IS(1, pread(fds[i], &byte, 1, 0));
		IS(name[0], byte);
		OK(close(fds[i]));
		OK(unlink(name));
	}
}

const struct test_case open_cases[] = {
	CASE(results),
	CASE(truncates),
	CASE(access_modes),
	CASE(path_descriptor),
	CASE(noatime_is_for_owners),
	CASE(exclusive_has_one_winner),
	CASE(runs_programs),
	CASE(running_program_is_busy),
	CASE(running_program_is_not_cut),
	CASE(cwd_removed),
	CASE(stays_at_its_place),
	CASE(offsets_are_shared_by_dup),
	CASE(a_thousand_files),
	{0},
};
