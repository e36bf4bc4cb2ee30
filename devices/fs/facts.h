/*
 * Facts that a guest may remember: which version each reply has, and what a
 * request changes (VERSIONS.md).
 *
 * Where no versions were agreed on, none is told, and where the server has no
 * table, nothing is changed.
 */
#ifndef DEVICES_FS_FACTS_H
#define DEVICES_FS_FACTS_H

#include <stdint.h>

#include "devices/fs/fuse_abi.h"

struct fs;
struct fs_request;
struct inode;

/**
 * struct facts - What a reply says of a name and of the file it has
 * @out:	As it is told
 * @change_cnt:	The change count before the file was looked at
 * @mark_cnt:	How many files had been marked then
 */
struct facts {
	struct fuse_versions out;
	uint64_t change_cnt;
	uint64_t mark_cnt;
};

/**
 * facts_of_name() - A name is about to be looked up
 * @req:	Request
 * @dir:	Directory, in use
 * @name:	Name there; NULL: of a file without one
 * @facts:	Filled
 */
void facts_of_name(const struct fs_request *req, struct inode *dir,
		   const char *name, struct facts *facts);

/** facts_of_file() - Attributes of an inode, in use, are about to be read */
void facts_of_file(const struct fs_request *req, struct inode *inode,
		   struct fuse_versions *out);

/**
 * facts_complete() - The name was looked up: what it is worth, and its file
 * @req:	Request
 * @facts:	From facts_of_name()
 * @entry:	What is told; gets its times. Without a node id there is no file
 *
 * A file that is new is looked at once more, for it has a mark only now.
 * #syscalls(fs): statx
 */
void facts_complete(const struct fs_request *req, struct facts *facts,
		    struct fuse_entry_out *entry);

/** facts_valid_s() - How long the guest may believe a fact of this counter */
uint32_t facts_valid_s(const struct fs_request *req, uint32_t idx);

/** facts_put() - Put versions at the end of a reply, if the guest wants them */
int facts_put(struct fs_request *req, const struct fuse_versions *out);

/* Changes that were just made */

/** facts_file_changed() - What was told of a file itself */
void facts_file_changed(const struct fs *fs, const struct inode *inode);

/** facts_file_counter() - Counter of what is told of a file itself, or 0 */
uint32_t facts_file_counter(const struct fs *fs, const struct inode *inode);

/** facts_name_changed() - A directory's name, and what is told of the directory
 */
void facts_name_changed(const struct fs *fs, const struct inode *dir,
			const char *name);

/**
 * facts_key_of() - Key of the file of a name that it is going to lose
 *
 * Return: the key; 0 if there is none, or nobody wants to know
 * #syscalls(fs): statx name_to_handle_at
 */
uint64_t facts_key_of(const struct fs *fs, const struct inode *dir,
		      const char *name);

/** facts_key_changed() - As facts_file_changed(), of the file of a key */
void facts_key_changed(const struct fs *fs, uint64_t key);

#endif /* DEVICES_FS_FACTS_H */
