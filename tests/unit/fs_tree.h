/*
 * A directory to share, with something of everything in it, and beside it what
 * nobody who is given the share may ever reach.
 *
 *      BASE/share/     what is served
 *      BASE/outside/   its files, and itself, must never change or be named
 */
#ifndef TESTS_UNIT_FS_TREE_H
#define TESTS_UNIT_FS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { TREE_NUM_OUTSIDE = 3 };

/**
 * struct fs_tree - Where things are
 * @path:	BASE
 * @base_fd:	BASE
 * @base_ino:	Its inode number
 * @share_fd:	BASE/share, or -1 while there is none
 * @outside_fd:	BASE/outside, and a file and a directory in there
 * @outside:	What they were like when the share was made
 */
struct fs_tree {
	char path[128];
	int base_fd;
	uint64_t base_ino;
	int share_fd;
	int outside_fd[TREE_NUM_OUTSIDE];
	struct stat outside[TREE_NUM_OUTSIDE];
};

/** tree_open() - Make BASE/outside below TMPDIR, or /dev/shm */
void tree_open(struct fs_tree *t);

/**
 * tree_fill() - Make BASE/share anew
 *
 * file (with user.a), sub/deep/leaf, empty/, hard (a second name of
 * sub/deep/leaf), fifo, null (a device, if that is allowed), and links: link to
 * file, up and abs to BASE/outside, loop to itself.
 */
void tree_fill(struct fs_tree *t);

/** tree_intact() - Is everything outside as it was, and was nothing read? */
bool tree_intact(const struct fs_tree *t);

/**
 * tree_is_outside() - Is this the inode number of something outside?
 *
 * Not of BASE itself, whose number is that of ".." in the share's root.
 */
bool tree_is_outside(const struct fs_tree *t, uint64_t ino);

/** tree_close() - Remove everything */
void tree_close(struct fs_tree *t);

#endif /* TESTS_UNIT_FS_TREE_H */
