/*
 * Tables of versions (devices/fs/versions.h) that the machines of one user have
 * in common: one for each directory that is shared with cache=shared.
 *
 * Theory of operation: a table is a file /dev/shm/wherry-UID/DEV-INO, named by
 * the directory. Always there, whatever the environment says, for machines
 * with different tables would not hear of each other. Who uses it holds a
 * shared lock (flock(2)); who could have it alone is the last one, and removes
 * it.
 * What was left by who could not remove it is made anew: nobody counts on it.
 * A name may get another file between opening and locking: then once more. Who
 * gives the directory's name to another one while a machine starts has a
 * machine that hears of others by the host's events only.
 *
 * Tables are opened and removed by the keeper's process; the monitor inherits
 * their mappings, and nothing else of them.
 */
#ifndef VMM_TABLES_H
#define VMM_TABLES_H

#include "devices/fs/versions.h"
#include "vmm/config.h"

struct fail;

/**
 * struct table_file - A table in use
 * @versions:	Mapped; all zero: there is none
 * @dir_fd:	Directory of all [owned]
 * @fd:		File, locked [owned]
 * @name:	Of the file
 */
struct table_file {
	struct versions versions;
	int dir_fd;
	int fd;
	char name[48];
};

/**
 * struct tables - Those of a machine
 * @file:	By share; the last one is the root's
 */
struct tables {
	struct table_file file[CONFIG_MAX_SHARES + 1];
};

/**
 * table_open() - Use the table of a directory
 * @table:	Filled; to be closed whatever the result
 * @all:	Directory of all tables, made if it is not there
 * @path:	The directory
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(setup): openat mkdir newfstatat fstat flock fallocate unlinkat
 */
int table_open(struct table_file *table, const char *all, const char *path,
	       struct fail *fail);

/** table_close() - Use it no more; accepts a half-built @table */
void table_close(struct table_file *table);

/**
 * tables_open() - Use the tables that a configuration asks for
 * @t:		Filled; to be closed whatever the result
 * @config:	Its shares get their tables
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int tables_open(struct tables *t, struct config *config, struct fail *fail);

/** tables_close() - Use them no more, and remove them if nobody else does */
void tables_close(struct tables *t);

/** tables_forget() - In the monitor: keep the mappings only */
void tables_forget(struct tables *t);

#endif /* VMM_TABLES_H */
