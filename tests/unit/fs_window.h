/*
 * A server with a window, one page of which is a letter of a test's
 * expectation.
 */
#ifndef TESTS_UNIT_FS_WINDOW_H
#define TESTS_UNIT_FS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/unit/fs_client.h"

enum {
	PAGE = 4096,
	WINDOW_PAGES = 64,
	WINDOW_LEN = WINDOW_PAGES * PAGE,
	MAX_RANGES = 32,
	ABSENT = -1,
	READ = FUSE_SETUPMAPPING_FLAG_READ,
	WRITE = FUSE_SETUPMAPPING_FLAG_WRITE,
};

/**
 * struct window_rig - A server with its guest, and a file
 * @client:	The guest
 * @window:	Where files are mapped
 * @node:	Node id of "f": eight pages, "abcdefgh"
 */
struct window_rig {
	struct client client;
	char *window;
	uint64_t node;
};

/* There is one, for setup and teardown functions have no argument. */
extern struct window_rig rig;

/** window_setup() - Make the window, and a server of a new directory */
void window_setup(void);

/** window_teardown() - End all that */
void window_teardown(void);

/** window_serve() - Serve a directory, after client_unserve() */
void window_serve(const char *path, bool read_only);

/** window_make_pages() - Make a file: page @i is filled with @first + @i */
void window_make_pages(const char *name, char first, int cnt);

/** window_lookup() - Node id of a name in the root */
uint64_t window_lookup(const char *name);

/** window_map_bytes() - SETUPMAPPING: 0 or a negative errno */
int window_map_bytes(struct client *by, uint64_t id, uint64_t moffset,
		     uint64_t len, uint64_t foffset, uint64_t flags);

/** window_map() - The same in pages, by the rig's guest */
int window_map(uint64_t id, int at, int cnt, int page, uint64_t flags);

/** window_begin_unmap() - Begin a REMOVEMAPPING of so many ranges */
void window_begin_unmap(struct client *by, uint32_t cnt);

/** window_add_range() - Add one of them */
void window_add_range(struct client *by, uint64_t moffset, uint64_t len);

/** window_unmap_bytes() - REMOVEMAPPING of one range */
int window_unmap_bytes(struct client *by, uint64_t moffset, uint64_t len);

/** window_unmap() - The same in pages, by the rig's guest */
int window_unmap(int at, int cnt);

/** window_peek() - A byte as the guest would see it, or ABSENT */
int window_peek(int page, int offset);

/** window_poke() - Write a byte as the guest would; false: it cannot */
bool window_poke(int page, int offset, char byte);

/** window_shown() - What the first pages begin with: '.' nothing, '0' zeros */
const char *window_shown(int cnt);

/** window_truncate() - The host changes a file's size, and the server hears of
 *			it */
void window_truncate(const char *name, off_t len);

/** count_stray_maps() - Mappings of the share's files outside of the window */
int count_stray_maps(void);

/** window_check_no_hole() - Each byte of the window is mapped: a hole could be
 *			     filled by anybody */
void window_check_no_hole(void);

#endif /* TESTS_UNIT_FS_WINDOW_H */
