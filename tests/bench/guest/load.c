/*
 * The load of tests/bench/vm, in a guest: one row after the other, each between
 * two lines that whoever counts answers when he has counted.
 *
 * usage: load SIZE [WORD]...	run the rows whose names have one of the WORDs
 *	  load make SIZE ROOT	make the files that they use, before
 *	  as pid 1		mount the root, then run /bench/load there
 *
 * Lines: "start" once; "begin OPS NAME" and "end" for each row. All are
 * answered by one. The row "nothing" is what the lines cost.
 */
#include "tests/bench/guest/load.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *line)
{
	char answer[16];

	if (write(STDOUT_FILENO, line, strlen(line)) < 0 ||
	    read(STDIN_FILENO, answer, sizeof(answer)) <= 0)
		err(1, "nobody answers");
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (fd < 0 || write(fd, "3", 1) != 1)
		err(1, "drop_caches");
	close(fd);
}

static void run_row(const struct load_row *row, unsigned int size)
{
	char line[80];

	if (row->cold)
		drop_caches();
	if (row->prepare)
		row->prepare(row);
	snprintf(line, sizeof(line), "begin %u %s\n", row->ops * size,
		 row->name);
	say(line);
	if (row->run)
		row->run(row, row->ops * size);
	say("end\n");
	if (row->finish)
		row->finish(row);
}

static bool is_wanted(const char *name, char **words)
{
	bool wanted = !*words;

	for (; *words; words++)
		wanted |= strstr(name, *words) != NULL;
	return wanted;
}

static void run_rows(const struct load_row *row, unsigned int size,
		     char **words)
{
	for (; row->name; row++)
		if (is_wanted(row->name, words))
			run_row(row, size);
}

int main(int argc, char **argv)
{
	static const struct load_row nothing = {.name = "nothing", .ops = 1};

	if (getpid() == 1)
		init_run(argc, argv);
	if (argc == 4 && !strcmp(argv[1], "make")) {
		tree_make(argv[3], atoi(argv[2]));
		return 0;
	}
	if (argc < 2 || atoi(argv[1]) < 1)
		errx(2, "usage: load SIZE [WORD]...");
	say("start\n");
	if (chdir(LOAD_DIR))
		err(1, LOAD_DIR);
	for (int i = 0; i < 3; i++)
		run_row(&nothing, 1);
	run_rows(tree_rows, atoi(argv[1]), argv + 2);
	run_rows(io_rows, atoi(argv[1]), argv + 2);
	return 0;
}
