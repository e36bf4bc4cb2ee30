/*
 * Files of which something is mapped: part of dax.h, whose lock is held in all
 * of this but dax_file_reap().
 */
#ifndef DEVICES_FS_DAX_FILE_H
#define DEVICES_FS_DAX_FILE_H

#include "devices/fs/dax.h"

/**
 * dax_file_get() - The file to map, open as it has to be
 * @dax:	Window
 * @node_id:	Its inode
 * @handle:	The open file, taken; NULL if it must be open already
 * @range:	What is to be mapped: whether it has to be writable
 * @file:	Filled
 * @unused:	Filled: a handle for handle_put(), when the lock is not held any
 *		more; NULL if there is none
 *
 * Return: 0; -EBADF if it is not open; -ENODEV if such a file cannot be mapped
 *	   at all; -ENFILE; or another negative errno
 * #syscalls(fs): mmap munmap fstatfs inotify_add_watch write
 */
int dax_file_get(struct dax *dax, uint64_t node_id, struct handle *handle,
		 const struct dax_range *range, struct dax_file **file,
		 struct handle **unused);

/** dax_file_count() - As extent_count_fn */
void dax_file_count(struct dax_file *file, int delta);

/**
 * dax_file_reap() - Close the files of which nothing is mapped any more
 *
 * Without the lock: a processor may be waiting for it, and close() for a
 * network.
 * #syscalls(loop vcpu fs): inotify_rm_watch close
 */
void dax_file_reap(struct dax *dax);

/** dax_file_find() - The file of an inode, or NULL */
struct dax_file *dax_file_find(struct dax *dax, uint64_t node_id);

/** dax_file_of_watch() - The file of a watch, or NULL */
struct dax_file *dax_file_of_watch(struct dax *dax, int watch);

/** dax_file_next() - The file after this one, NULL at the end or for the first
 *		      one */
struct dax_file *dax_file_next(struct dax *dax, struct dax_file *file);

#endif /* DEVICES_FS_DAX_FILE_H */
