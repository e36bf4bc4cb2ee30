/*
 * Rows about names and small files, and of programs that use many of them.
 */
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/guest/load.h"

enum { DIRS = 8, FILES = 32, SMALL = 2048, SOURCES = 4, FUNCTIONS = 60 };

static void shell(const char *command)
{
	if (system(command))
		errx(1, "failed: %s", command);
}

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd))
		err(1, "%s", path);
}

static void make_tree(unsigned int dirs)
{
	char path[64], text[SMALL];

	memset(text, 'x', sizeof(text));
	mkdir("tree", 0755);
	for (unsigned int i = 0; i < dirs * FILES; i++) {
		if (i % FILES == 0) {
			snprintf(path, sizeof(path), "tree/d%u", i / FILES);
			mkdir(path, 0755);
		}
		snprintf(path, sizeof(path), "tree/d%u/f%u", i / FILES,
			 i % FILES);
		snprintf(text, 16, "%15u", i);
		write_file(path, text, sizeof(text));
	}
}

static void make_sources(unsigned int cnt)
{
	static const char makefile[] =
		"all: $(patsubst %.c,%.o,$(wildcard *.c))\n"
		"clean: ; rm -f *.o\n";
	char path[64];

	mkdir("sources", 0755);
	write_file("sources/Makefile", makefile, sizeof(makefile) - 1);
	for (unsigned int i = 0; i < cnt; i++) {
		FILE *out;

		snprintf(path, sizeof(path), "sources/s%u.c", i);
		out = fopen(path, "w");
		if (!out)
			err(1, "%s", path);
		fputs("#include <stdio.h>\n#include <stdlib.h>\n"
		      "#include <string.h>\n#include <unistd.h>\n",
		      out);
		for (int f = 0; f < FUNCTIONS; f++)
			fprintf(out,
				"int f%u_%d(int a)\n{\n\tfor (int i = 0; i < "
				"a; i++)\n\t\tprintf(\"%%d\", i * %d);\n"
				"\treturn a + %d;\n}\n",
				i, f, f, f);
		fclose(out);
	}
}

void tree_make(const char *root, unsigned int size)
{
	if (chroot(root) || chdir("/") || (mkdir(LOAD_DIR, 0755), 0) ||
	    chdir(LOAD_DIR))
		err(1, "%s", root);
	make_tree(DIRS * size);
	make_sources(SOURCES * size);
	io_make(size);
	shell("tar cf tree.tar tree; cp -a tree repo; cd repo; export HOME=/; "
	      "git init -q; git add .; git -c user.name=n -c user.email=e "
	      "commit -q -m all");
}

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)type;
	(void)ftw;
	return 0;
}

/* All that is looked at, or is opened and read (variant 1). */
static void run_find(const struct load_row *row, unsigned int ops)
{
	(void)row;
	(void)ops;
	if (nftw("tree", visit, 16, FTW_PHYS))
		err(1, "tree");
}

static void run_stat(const struct load_row *row, unsigned int ops)
{
	struct stat st;
	char path[64];

	(void)row;
	for (unsigned int i = 0; i < ops; i++) {
		snprintf(path, sizeof(path), "tree/d%u/f%u", i / FILES,
			 i % FILES);
		if (stat(path, &st))
			err(1, "%s", path);
	}
}

static void warm_stat(const struct load_row *row)
{
	run_stat(row, row->ops);
}

static void run_create(const struct load_row *row, unsigned int ops)
{
	static const char data[4096];
	char path[64];

	(void)row;
	for (unsigned int i = 0; i < ops; i++) {
		snprintf(path, sizeof(path), "tree/d0/new%u", i);
		write_file(path, data, sizeof(data));
		if (unlink(path))
			err(1, "%s", path);
	}
}

enum { UNTAR, GIT_STATUS, MAKE };

static const char *const commands[] = {
	[UNTAR] = "mkdir out && tar xf tree.tar -C out",
	[GIT_STATUS] = "cd repo && git status --short",
	[MAKE] = "make -s -j2 -C sources",
};

static void run_shell(const struct load_row *row, unsigned int ops)
{
	(void)ops;
	shell(commands[row->variant]);
}

static void warm_shell(const struct load_row *row)
{
	shell(commands[row->variant]);
}

static void clean(const struct load_row *row)
{
	(void)row;
	shell("rm -rf out sources/*.o");
}

#define SHELL(variant_) .variant = variant_, .run = run_shell

const struct load_row tree_rows[] = {
	{"find, cold", DIRS *(FILES + 1), true, .run = run_find},
	{"find, warm", DIRS *(FILES + 1), .run = run_find},
	{"stat, cold", DIRS *FILES, true, .run = run_stat},
	{"stat, warm", DIRS *FILES, .prepare = warm_stat, .run = run_stat},
	{"create, write, unlink", 64, .run = run_create},
	{"untar", DIRS *FILES, true, SHELL(UNTAR), .finish = clean},
	{"git status, cold", DIRS *FILES, true, SHELL(GIT_STATUS)},
	{"git status, warm", DIRS *FILES, SHELL(GIT_STATUS),
	 .prepare = warm_shell},
	{"make -j2, cold", SOURCES, true, SHELL(MAKE), .finish = clean},
	{"make -j2, warm", SOURCES, SHELL(MAKE), .finish = clean},
	{0},
};
