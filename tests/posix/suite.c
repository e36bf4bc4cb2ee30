/*
 * suite: what POSIX and Linux promise of a file system, tried on a directory.
 *
 *	suite [-l] [-m MODE] [-p PEERDIR] [-r] DIR [REGEX]
 *
 * Runs each case whose name has a match of REGEX in a fresh sub directory of
 * DIR. -l: list the names only. -m: the cache mode of what is mounted there:
 * none, auto or always. -p: the same directory from another side, e.g. the
 * host's. -r: DIR is mounted read-only; PEERDIR is not. Needs root. Cases that
 * say nothing about a directory so mounted are left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

enum { CASE_TIMEOUT_S = 30, NAME_LEN = 128, TREE_FDS = 16 };

struct suite suite = {.mode = ""};

static const struct {
	const char *name;
	const struct test_case *cases; /* ends with one without a name */
} groups[] = {
	{"permission", permission_cases},
	{"mode", mode_cases},
	{"privilege", privilege_cases},
	{"rename", rename_cases},
	{"link", link_cases},
	{"name", name_cases},
	{"time", time_cases},
	{"open", open_cases},
	{"unlinked", unlinked_cases},
	{"append", append_cases},
	{"direct", direct_cases},
	{"hole", hole_cases},
	{"xattr", xattr_cases},
	{"acl", acl_cases},
	{"lock", lock_cases},
	{"ofd", ofd_cases},
	{"directory", directory_cases},
	{"node", node_cases},
	{"flags", flags_cases},
	{"stat", stat_cases},
	{"peer", peer_cases},
	{"readonly", readonly_cases},
};

static struct options {
	bool list_only, read_only;
	const char *dir, *peer;
	regex_t regex;
} options;

static struct {
	int passed, failed, skipped;
} total;

static void usage(void)
{
	fputs("usage: suite [-l] [-m none|auto|always] [-p PEERDIR] [-r] DIR "
	      "[REGEX]\n",
	      stderr);
	exit(2);
}

static void die(const char *what)
{
	fprintf(stderr, "suite: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Remove a name, even if it cannot be changed. */
static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	int none = 0;
	int fd;

	(void)type;
	(void)at;
	if (!remove(path))
		return 0;
	if (errno == EPERM && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))) {
		fd = open(path, O_RDONLY | O_NOFOLLOW);
		ioctl(fd, FS_IOC_SETFLAGS, &none);
		close(fd);
	}
	remove(path);
	return 0;
}

static int thaw_one(const char *path, const struct stat *st, int type,
		    struct FTW *at)
{
	int none = 0;
	int fd;

	(void)st;
	(void)at;
	if (type == FTW_D) {
		fd = open(path, O_RDONLY | O_DIRECTORY);
		ioctl(fd, FS_IOC_SETFLAGS, &none);
		close(fd);
	}
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, TREE_FDS, FTW_PHYS | FTW_DEPTH);
	if (access(path, F_OK))
		return;
	nftw(path, thaw_one, TREE_FDS, FTW_PHYS);
	nftw(path, remove_one, TREE_FDS, FTW_PHYS | FTW_DEPTH);
}

/* In the case's own process: run it, and never come back. */
static void run_here(const struct test_case *c, const char *dir)
{
	alarm(CASE_TIMEOUT_S);
	setpgid(0, 0);
	umask(022);
	if (chdir(dir) < 0)
		die(dir);
	suite.now = c;
	c->run();
	_exit(0);
}

static const char *end_of(int status)
{
	static char text[64];

	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? "exited without a word" : NULL;
	if (WTERMSIG(status) == SIGALRM)
		return "timed out";
	snprintf(text, sizeof(text), "killed by signal %d", WTERMSIG(status));
	return text;
}

static void tell(const char *name, int status)
{
	const char *why = check_message();

	if (status && !*why)
		why = end_of(status);
	if (!status && !*why) {
		total.passed++;
		printf("ok %s\n", name);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIPPED) {
		total.skipped++;
		printf("skip %s: %s\n", name, why);
	} else {
		total.failed++;
		printf("not ok %s: %s\n", name, why);
	}
	fflush(stdout);
}

/* What the case needs and has not got, or NULL. */
static const char *missing(const struct test_case *c)
{
	if (c->needs & (NEEDS_PEER | NEEDS_FRESH) && !options.peer)
		return "needs -p";
	return NULL;
}

static void run_case(const struct test_case *c, const char *name)
{
	const char *why = missing(c);
	char dir[sizeof(suite.peer)];
	int status;
	pid_t pid;

	*check_message() = 0;
	if (why) {
		snprintf(check_message(), MESSAGE_LEN, "%s", why);
		tell(name, STATUS_SKIPPED << 8);
		return;
	}
	snprintf(dir, sizeof(dir), "%s/%s", options.dir, name);
	if (options.peer)
		snprintf(suite.peer, sizeof(suite.peer), "%s/%s", options.peer,
			 name);
	if (mkdir(options.read_only ? suite.peer : dir, 0777) < 0 ||
	    chmod(options.read_only ? suite.peer : dir, 0777) < 0)
		die(dir);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		run_here(c, dir);
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	tell(name, status);
	remove_tree(options.read_only ? suite.peer : dir);
}

/* Does it say anything about a directory that is mounted so? */
static bool applies(const struct test_case *c)
{
	if (c->needs & NEEDS_FRESH && !strcmp(suite.mode, "always"))
		return false;
	return !(c->needs & NEEDS_READ_ONLY) == !options.read_only;
}

static void visit(const char *group, const struct test_case *c)
{
	char name[NAME_LEN];

	snprintf(name, sizeof(name), "%s-%s", group, c->name);
	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : *at;
	if (!applies(c) || regexec(&options.regex, name, 0, NULL, 0))
		return;
	if (options.list_only)
		puts(name);
	else
		run_case(c, name);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "lm:p:r")) != -1) {
		if (c == 'l')
			options.list_only = true;
		else if (c == 'm')
			suite.mode = optarg;
		else if (c == 'p')
			options.peer = realpath(optarg, NULL);
		else if (c == 'r')
			options.read_only = true;
		else
			usage();
		if (c == 'p' && !options.peer)
			die(optarg);
	}
	if (argc - optind > 2 || (argc - optind < 1 && !options.list_only) ||
	    (options.read_only && !options.peer))
		usage();
	if (optind < argc)
		options.dir = realpath(argv[optind], NULL);
	if (!options.dir && !options.list_only)
		die(argv[optind]);
	if (regcomp(&options.regex, argc - optind == 2 ? argv[optind + 1] : "",
		    REG_EXTENDED | REG_NOSUB))
		usage();
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (!options.list_only && geteuid()) {
		fputs("suite: needs root\n", stderr);
		return 2;
	}
	if (check_message() == (void *)-1)
		die("memory");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		for (const struct test_case *c = groups[i].cases; c->name; c++)
			visit(groups[i].name, c);
	}
	if (options.list_only)
		return 0;
	printf("# suite: %d passed, %d failed, %d skipped\n", total.passed,
	       total.failed, total.skipped);
	return total.failed > 0;
}
