/*
 * What is measured: operations, each one or more requests after each other.
 */
#ifndef TESTS_BENCH_LIB_ROWS_H
#define TESTS_BENCH_LIB_ROWS_H

#include <stdbool.h>
#include <stddef.h>

struct row;
struct session;
struct slot;

/**
 * struct step - A request of an operation
 * @fill:	Begins the request in a slot
 * @check:	Looks at the reply, which has no error and is long enough: 0, 1
 *		to do this step once more, or a negative errno
 */
struct step {
	void (*fill)(struct slot *slot, const struct row *row);
	int (*check)(struct slot *slot, const struct row *row);
};

/**
 * struct row - An operation
 * @name:	For tables
 * @step:	Its requests; the last one has no @fill
 * @data_len:	Bytes that it reads or writes
 * @maps:	It needs a window
 * @finish:	Looks at what @depth slots have left on the host; 0 or a
 *		negative errno. NULL: nothing
 */
struct row {
	const char *name;
	const struct step *step;
	size_t data_len;
	bool maps;
	int (*finish)(struct session *s, const struct row *row,
		      unsigned int depth);
};

/** rows - All of them, rows_cnt in number */
extern const struct row rows[];
extern const unsigned int rows_cnt;

#endif /* TESTS_BENCH_LIB_ROWS_H */
