/*
 * What the parts of the guest's load share.
 */
#ifndef TESTS_BENCH_GUEST_LOAD_H
#define TESTS_BENCH_GUEST_LOAD_H

#include <stdbool.h>

/* Where the files are, in the guest and when they are made. */
#define LOAD_DIR "/bench"

/**
 * struct load_row - One thing to measure
 * @name:	What the table calls it
 * @ops:	Operations of one run, for a size of 1
 * @cold:	The guest's caches are dropped before
 * @variant:	For @prepare and @run
 * @prepare:	What comes before and is not measured, or NULL
 * @run:	The load: so many operations
 * @finish:	What comes after and is not measured, or NULL
 */
struct load_row {
	const char *name;
	unsigned int ops;
	bool cold;
	unsigned int variant;
	void (*prepare)(const struct load_row *row);
	void (*run)(const struct load_row *row, unsigned int ops);
	void (*finish)(const struct load_row *row);
};

/** init_run() - Be the guest's pid 1: mount the root, become the command */
void init_run(int argc, char **argv);

/** tree_make() - Make the files of all rows below LOAD_DIR of @root */
void tree_make(const char *root, unsigned int size);

/** tree_rows - Directories and small files, and the programs that use them */
extern const struct load_row tree_rows[];

/** io_make() - Make the files that io_rows read and write, in the directory */
void io_make(unsigned int size);

/** io_rows - Pages of large files; the last row has no name */
extern const struct load_row io_rows[];

#endif /* TESTS_BENCH_GUEST_LOAD_H */
