/*
 * witness: does with files what it is told, one command a line, and says how it
 * went, one line each. Two of them, in a guest and on its host or in two
 * guests, show what each sees of the other (tests/vm/cases).
 *
 * Files, each with one mapping, have numbers N of the teller's choice.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MAX_FILES = 10, MAX_WORDS = 8, MAP_LEN = 65536, VERSION_LEN = 4096 };

struct file {
	int fd;
	char *map; /* MAP_LEN bytes */
};

static struct file files[MAX_FILES];

static struct file *file_at(const char *number)
{
	return &files[number[0] % MAX_FILES];
}

static void say_result(bool good)
{
	puts(good ? "ok" : strerrorname_np(errno));
}

/* FLAGS: letters, r w b(oth) c(reate) t(runcate) a(ppend) n(onblock) d(irect)
 */
static int parse_flags(const char *letters)
{
	static const struct {
		char letter;
		int flag;
	} known[] = {
		{'r', O_RDONLY}, {'w', O_WRONLY},   {'b', O_RDWR},
		{'c', O_CREAT},	 {'t', O_TRUNC},    {'a', O_APPEND},
		{'d', O_DIRECT}, {'n', O_NONBLOCK},
	};
	int flags = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strchr(letters, known[i].letter))
			flags |= known[i].flag;
	}
	return flags;
}

static void do_open(char **word)
{
	struct file *f = file_at(word[0]);

	f->fd = open(word[1], parse_flags(word[2]) | O_CLOEXEC, 0644);
	say_result(f->fd >= 0);
}

static void do_close(char **word)
{
	struct file *f = file_at(word[0]);

	if (f->map)
		munmap(f->map, MAP_LEN);
	f->map = NULL;
	say_result(!close(f->fd));
}

static void say_text(const char *text, ssize_t len)
{
	if (len < 0)
		say_result(false);
	else
		printf("'%.*s'\n", (int)len, text);
}

/* read N OFFSET LEN; take N LEN from where the file or pipe is */
static void do_read(char **word)
{
	char text[4096];
	size_t len = strtoul(word[2], NULL, 0) % sizeof(text);

	say_text(text, pread(file_at(word[0])->fd, text, len, atol(word[1])));
}

static void do_take(char **word)
{
	char text[4096];
	size_t len = strtoul(word[1], NULL, 0) % sizeof(text);

	say_text(text, read(file_at(word[0])->fd, text, len));
}

/* write N OFFSET TEXT, append N TEXT, truncate N LEN */

static void do_write(char **word)
{
	size_t len = strlen(word[2]);

	say_result(pwrite(file_at(word[0])->fd, word[2], len, atol(word[1])) ==
		   (ssize_t)len);
}

static void do_append(char **word)
{
	size_t len = strlen(word[1]);

	say_result(write(file_at(word[0])->fd, word[1], len) == (ssize_t)len);
}

static void do_truncate(char **word)
{
	say_result(!ftruncate(file_at(word[0])->fd, atol(word[1])));
}

/* map N, peek N OFFSET LEN, poke N OFFSET TEXT, msync N */
static void do_map(char **word)
{
	struct file *f = file_at(word[0]);
	void *map = mmap(NULL, MAP_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
			 f->fd, 0);

	f->map = map == MAP_FAILED ? NULL : map;
	say_result(f->map);
}

static void do_peek(char **word)
{
	say_text(file_at(word[0])->map + atol(word[1]), atoi(word[2]));
}

static void do_poke(char **word)
{
	memcpy(file_at(word[0])->map + atol(word[1]), word[2], strlen(word[2]));
	say_result(true);
}

static void do_msync(char **word)
{
	say_result(!msync(file_at(word[0])->map, MAP_LEN, MS_SYNC));
}

/* lock N posix|flock sh|ex|un try|wait; posix: the first ten bytes */
static int lock_posix(int fd, const char *kind, bool wait)
{
	struct flock lock = {.l_type = F_UNLCK, .l_len = 10};

	if (!strcmp(kind, "sh"))
		lock.l_type = F_RDLCK;
	else if (!strcmp(kind, "ex"))
		lock.l_type = F_WRLCK;
	return fcntl(fd, wait ? F_SETLKW : F_SETLK, &lock);
}

static int lock_flock(int fd, const char *kind, bool wait)
{
	int how = LOCK_UN;

	if (!strcmp(kind, "sh"))
		how = LOCK_SH;
	else if (!strcmp(kind, "ex"))
		how = LOCK_EX;
	return flock(fd, wait ? how : how | LOCK_NB);
}

static void do_lock(char **word)
{
	int fd = file_at(word[0])->fd;
	bool wait = !strcmp(word[3], "wait");

	if (!strcmp(word[1], "posix"))
		say_result(!lock_posix(fd, word[2], wait));
	else
		say_result(!lock_flock(fd, word[2], wait));
}

/* Who, in the kernel's opinion, would be in the way of a lock. */
static void do_getlk(char **word)
{
	struct flock lock = {.l_type = F_WRLCK, .l_len = 10};

	if (fcntl(file_at(word[0])->fd, F_GETLK, &lock) < 0)
		say_result(false);
	else if (lock.l_type == F_UNLCK)
		puts("free");
	else
		puts(lock.l_type == F_WRLCK ? "ex" : "sh");
}

/* stat PATH: size, kind and permissions, device */
static void do_stat(char **word)
{
	struct stat st;

	if (lstat(word[0], &st) < 0)
		say_result(false);
	else
		printf("%ld %o %u:%u\n", (long)st.st_size, st.st_mode,
		       major(st.st_dev), minor(st.st_dev));
}

static bool told_more(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0) > 0;
}

/* A file whose bytes are all the same: nobody may see two kinds at once. */
static bool write_version(const char *path, int version)
{
	char text[VERSION_LEN];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t len;

	if (fd < 0)
		return false;
	memset(text, 'a' + version % 26, sizeof(text));
	len = write(fd, text, sizeof(text));
	return !close(fd) && len == sizeof(text);
}

/* replace PATH: new files take its place until the next command comes */
static void do_replace(char **word)
{
	char fresh[4096];
	long done = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", word[0]);
	puts("ok");
	fflush(stdout);
	do {
		if (!write_version(fresh, done) || rename(fresh, word[0])) {
			say_result(false);
			return;
		}
		done++;
	} while (!told_more());
	printf("%ld replaced\n", done);
}

/* One look at a file: 0, an errno, or -1 if it was not of one version. */
static int look(const char *path, char *version)
{
	char text[VERSION_LEN + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return errno;
	len = read(fd, text, sizeof(text));
	if (len < 0) {
		len = errno;
		close(fd);
		return (int)len;
	}
	if (close(fd))
		return errno;
	*version = text[0];
	text[sizeof(text) - 1] = 0;
	return len == VERSION_LEN && !memcmp(text, text + 1, VERSION_LEN - 1)
		       ? 0
		       : -1;
}

/* watch PATH COUNT: open and read it so often, by its name */
static void do_watch(char **word)
{
	long count = atol(word[1]), errors = 0, changes = 0;
	char version = 0, last = 0;
	int first_error = 0;

	for (long i = 0; i < count; i++) {
		int err = look(word[0], &version);

		errors += err != 0;
		if (err && !first_error)
			first_error = err;
		changes += version != last;
		last = version;
	}
	printf("%ld errors %s, %s\n", errors,
	       first_error < 0 ? "torn"
	       : first_error   ? strerrorname_np(first_error)
			       : "-",
	       changes > 1 ? "changes" : "no changes");
}

/* fill DIR COUNT: makes so many files, 1000 in a directory below DIR */
static void do_fill(char **word)
{
	long count = atol(word[1]);
	char path[4096];
	int fd;

	for (long i = 0; i < count; i++) {
		if (i % 1000 == 0) {
			snprintf(path, sizeof(path), "%s/%ld", word[0],
				 i / 1000);
			if (mkdir(path, 0755))
				break;
		}
		snprintf(path, sizeof(path), "%s/%ld/%ld", word[0], i / 1000,
			 i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			break;
		close(fd);
	}
	say_result(access(path, F_OK) == 0);
}

static void do_pause(char **word)
{
	say_result(!usleep((useconds_t)atol(word[0]) * 1000));
}

static const struct {
	const char *name;
	int word_cnt;
	void (*function)(char **word);
} commands[] = {
	{"open", 3, do_open},	  {"close", 1, do_close},
	{"read", 3, do_read},	  {"write", 3, do_write},
	{"append", 2, do_append}, {"truncate", 2, do_truncate},
	{"map", 1, do_map},	  {"peek", 3, do_peek},
	{"poke", 3, do_poke},	  {"msync", 1, do_msync},
	{"lock", 4, do_lock},	  {"getlk", 1, do_getlk},
	{"stat", 1, do_stat},	  {"replace", 1, do_replace},
	{"watch", 2, do_watch},	  {"fill", 2, do_fill},
	{"pause", 1, do_pause},	  {"take", 2, do_take},
};

static int split(char *line, char **word)
{
	int word_cnt = 0;

	for (char *at = strtok(line, " \n"); at && word_cnt < MAX_WORDS;
	     at = strtok(NULL, " \n"))
		word[word_cnt++] = at;
	return word_cnt;
}

static void obey(char *line)
{
	char *word[MAX_WORDS];
	int word_cnt = split(line, word);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (word_cnt && !strcmp(commands[i].name, word[0]) &&
		    commands[i].word_cnt == word_cnt - 1) {
			commands[i].function(word + 1);
			return;
		}
	}
	puts("what?");
}

/* How the shell's command ended; what it says goes to standard error. */
static void obey_shell(const char *command)
{
	char line[4200];
	int status;

	snprintf(line, sizeof(line), "exec </dev/null >&2; %s", command);
	status = system(line);
	printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int main(void)
{
	char line[4096];

	for (int i = 0; i < MAX_FILES; i++)
		files[i].fd = -1;
	/* No buffer: told_more() must see what is still to be read. */
	setvbuf(stdin, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "sh ", 3))
			obey_shell(line + 3);
		else
			obey(line);
		fflush(stdout);
	}
	return 0;
}
