/*
 * Directories as programs read them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { MANY = 10000, SOME = 500 };

static void make_files(const char *dir, int count)
{
	int dir_fd = open_ok(dir, O_RDONLY | O_DIRECTORY);
	char name[64];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "file-with-a-longer-name-%d", i);
		OK(mknodat(dir_fd, name, S_IFREG | 0644, 0));
	}
	close(dir_fd);
}

static DIR *open_dir(const char *path)
{
	DIR *dir = opendir(path);

	note("%s", path);
	CHECK(dir);
	note("%s", "");
	return dir;
}

/* The number of one of make_files(), or -1. */
static int number_of(const struct dirent *entry)
{
	int number;

	if (sscanf(entry->d_name, "file-with-a-longer-name-%d", &number) != 1)
		return -1;
	return number;
}

/* Count the rest of a directory; each name of it may come once. */
static int count_rest(DIR *dir, unsigned char *seen)
{
	struct dirent *entry;
	int number, count = 0;

	errno = 0;
	while ((entry = readdir(dir))) {
		number = number_of(entry);
		if (number < 0)
			continue;
		note("%s", entry->d_name);
		CHECK(!seen[number]++);
		note("%s", "");
		count++;
	}
	IS(0, errno);
	return count;
}

static void remove_files(const char *dir, int count)
{
	int dir_fd = open_ok(dir, O_RDONLY | O_DIRECTORY);
	char name[64];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "file-with-a-longer-name-%d", i);
		OK(unlinkat(dir_fd, name, 0));
	}
	close(dir_fd);
}

/* They are made and removed on the other side, if there is one: it is quicker
 * by far, and only their names matter.
 */
static void many_each_once(void)
{
	static unsigned char seen[MANY];
	DIR *dir;

	OK(mkdir("d", 0755));
	make_files(*suite.peer ? peer_path("d") : "d", MANY);
	dir = open_dir("d");
	IS(MANY, count_rest(dir, seen));
	rewinddir(dir);
	memset(seen, 0, sizeof(seen));
	IS(MANY, count_rest(dir, seen));
	closedir(dir);
	remove_files(*suite.peer ? peer_path("d") : "d", MANY);
}

/* A small buffer takes many calls, and loses nothing between them. */
static void in_small_pieces(void)
{
	static unsigned char seen[SOME];
	char data[280] __attribute__((aligned(8)));
	int fd, number, count = 0;
	ssize_t len;

	OK(mkdir("d", 0755));
	make_files("d", SOME);
	fd = open_ok("d", O_RDONLY | O_DIRECTORY);
	while ((len = OK(getdents64(fd, data, sizeof(data))))) {
		for (ssize_t at = 0; at < len;) {
			const struct dirent *entry = (void *)(data + at);

			number = number_of(entry);
			if (number >= 0) {
				CHECK(!seen[number]++);
				count++;
			}
			at += entry->d_reclen;
		}
	}
	IS(SOME, count);
	IS(0, getdents64(fd, data, sizeof(data)));
	OK(lseek(fd, 0, SEEK_SET));
	FAILS(EINVAL, getdents64(fd, data, 8));
	CHECK(OK(getdents64(fd, data, sizeof(data))) > 0);
}

/* Any place that was told can be gone back to. */
static void tell_and_seek(void)
{
	static unsigned char seen[SOME];
	static long places[SOME + 8];
	static char names[SOME + 8][64];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	make_files("d", SOME);
	dir = open_dir("d");
	for (;; count++) {
		places[count] = telldir(dir);
		entry = readdir(dir);
		if (!entry)
			break;
		snprintf(names[count], sizeof(names[count]), "%.63s",
			 entry->d_name);
	}
	IS(SOME + 2, count);
	for (int i = count - 1; i >= 0; i -= 7) {
		seekdir(dir, places[i]);
		entry = readdir(dir);
		CHECK(entry);
		note("place %d: %s, not %s", i, entry->d_name, names[i]);
		CHECK(!strcmp(entry->d_name, names[i]));
		note("%s", "");
	}
	seekdir(dir, places[count]);
	CHECK(!readdir(dir));
	rewinddir(dir);
	IS(SOME, count_rest(dir, seen));
	closedir(dir);
}

/* What stays is seen once, whatever goes meanwhile. */
static void while_deleting(void)
{
	static unsigned char seen[SOME];
	struct dirent *entry;
	int number, count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	make_files("d", SOME);
	dir = open_dir("d");
	while ((entry = readdir(dir))) {
		number = number_of(entry);
		if (number < 0)
			continue;
		CHECK(!seen[number]++);
		OK(unlinkat(dirfd(dir), entry->d_name, 0));
		count++;
	}
	IS(SOME, count);
	closedir(dir);
	OK(rmdir("d"));
}

/* Others come and go: those that were there all the time are seen once. */
static void while_changing(void)
{
	static unsigned char seen[SOME];
	struct dirent *entry;
	int number, count = 0;
	char name[64];
	DIR *dir;

	OK(mkdir("d", 0755));
	make_files("d", SOME);
	dir = open_dir("d");
	for (int i = 0; (entry = readdir(dir)); i++) {
		number = number_of(entry);
		if (number >= 0) {
			CHECK(!seen[number]++);
			count++;
		}
		snprintf(name, sizeof(name), "d/new%d", i % 50);
		if (i % 100 < 50)
			OK(mkdir(name, 0755));
		else
			OK(rmdir(name));
	}
	IS(SOME, count);
	closedir(dir);
}

/* A new reader sees what is new. */
static void changes_are_seen(void)
{
	static unsigned char seen[SOME];
	DIR *dir;

	OK(mkdir("d", 0755));
	for (int i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "d/file-with-a-longer-name-%d", i);
		put_text(name, "text");
		dir = open_dir("d");
		memset(seen, 0, sizeof(seen));
		IS(i + 1, count_rest(dir, seen));
		closedir(dir);
	}
	dir = open_dir("d");
	memset(seen, 0, sizeof(seen));
	IS(20, count_rest(dir, seen));
	OK(unlink("d/file-with-a-longer-name-7"));
	rewinddir(dir);
	memset(seen, 0, sizeof(seen));
	IS(19, count_rest(dir, seen));
	closedir(dir);
}

static void types_and_numbers(void)
{
	struct dirent *entry;
	struct stat st;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	OK(mkdir("d/dir", 0755));
	put_text("d/file", "text");
	OK(symlink("file", "d/symlink"));
	OK(mkfifo("d/fifo", 0644));
	OK(mknod("d/socket", S_IFSOCK | 0644, 0));
	OK(mknod("d/char", S_IFCHR | 0644, makedev(1, 3)));
	OK(mknod("d/block", S_IFBLK | 0644, makedev(7, 200)));
	dir = open_dir("d");
	while ((entry = readdir(dir))) {
		note("%s", entry->d_name);
		OK(fstatat(dirfd(dir), entry->d_name, &st,
			   AT_SYMLINK_NOFOLLOW));
		IS(IFTODT(st.st_mode), entry->d_type);
		IS(st.st_ino, entry->d_ino);
		count++;
	}
	IS(9, count);
	closedir(dir);
}

static void dot_and_dotdot(void)
{
	struct dirent *entry;
	int found = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	dir = open_dir("d/e");
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, "."))
			IS(stat_of("d/e").st_ino, entry->d_ino);
		else if (!strcmp(entry->d_name, ".."))
			IS(stat_of("d").st_ino, entry->d_ino);
		else
			CHECK(!"an empty directory");
		IS(DT_DIR, entry->d_type);
		found++;
	}
	IS(2, found);
	closedir(dir);
	IS(stat_of("d").st_ino, stat_of("d/e/..").st_ino);
	IS(stat_of(".").st_ino, stat_of("d/..").st_ino);
}

/* It has been removed: it is empty, and still a directory. */
static void removed(void)
{
	struct dirent *entry;
	DIR *dir;

	OK(mkdir("d", 0755));
	dir = open_dir("d");
	OK(rmdir("d"));
	errno = 0;
	while ((entry = readdir(dir)))
		CHECK(entry->d_name[0] == '.');
	IS(0, stat_fd(dirfd(dir)).st_nlink);
	closedir(dir);
}

static void longest_names(void)
{
	char name[256];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	memset(name, 'x', 255);
	name[255] = 0;
	for (int i = 0; i < 26; i++) {
		name[0] = (char)('a' + i);
		put_text(name, "");
	}
	dir = open_dir(".");
	while ((entry = readdir(dir)))
		count += strlen(entry->d_name) == 255;
	IS(26, count);
	closedir(dir);
}

/* Two readers do not disturb each other. */
static void two_readers(void)
{
	static unsigned char seen[2][SOME];
	struct dirent *entry;
	DIR *a, *b;

	OK(mkdir("d", 0755));
	make_files("d", SOME);
	a = open_dir("d");
	b = open_dir("d");
	for (int i = 0; i < 100 && (entry = readdir(a)); i++) {
		if (number_of(entry) >= 0)
			seen[0][number_of(entry)]++;
	}
	IS(SOME, count_rest(b, seen[1]));
	count_rest(a, seen[0]);
	for (int i = 0; i < SOME; i++)
		CHECK(seen[0][i] == 1);
	closedir(a);
	closedir(b);
}

const struct test_case directory_cases[] = {
	CASE(many_each_once),	 CASE(in_small_pieces), CASE(tell_and_seek),
	CASE(while_deleting),	 CASE(while_changing),	CASE(changes_are_seen),
	CASE(types_and_numbers), CASE(dot_and_dotdot),	CASE(removed),
	CASE(longest_names),	 CASE(two_readers),	{0},
};
