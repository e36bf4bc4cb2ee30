/*
 * A server with a window.
 */
#include "tests/unit/fs_window.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct window_rig rig;
static struct client *const c = &rig.client;

/* Page i of a file is filled with its first letter, which goes up. */
void window_make_pages(const char *name, char first, int cnt)
{
	char page[PAGE];
	int fd = openat(c->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < cnt; i++) {
		memset(page, first + i, PAGE);
		ck_assert_int_eq(write(fd, page, PAGE), PAGE);
	}
	close(fd);
}

uint64_t window_lookup(const char *name)
{
	int err;
	uint64_t id = client_lookup(c, FUSE_ROOT_ID, name, &err);

	ck_assert_int_eq(err, 0);
	return id;
}

void window_serve(const char *path, bool read_only)
{
	struct fs_config config = {
		FS_DEFAULTS,
		.root_fd = open(path, O_PATH | O_DIRECTORY),
		.cache = FS_CACHE_AUTO,
		.read_only = read_only,
		.window = rig.window,
		.dax_len = WINDOW_LEN,
		.dax_min = PAGE,
		.dax_max = MAX_RANGES,
	};

	client_serve(c, &config);
	close(config.root_fd);
	ck_assert_int_eq(client_init(c, ~0ULL), 0);
}

void window_setup(void)
{
	client_open(c, FS_CACHE_AUTO, false);
	client_unserve(c);
	rig.window = mmap(NULL, WINDOW_LEN, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(rig.window, MAP_FAILED);
	window_serve(c->path, false);
	window_make_pages("f", 'a', 8);
	rig.node = window_lookup("f");
}

void window_teardown(void)
{
	client_close(c);
	munmap(rig.window, WINDOW_LEN);
}

int window_map_bytes(struct client *by, uint64_t id, uint64_t moffset,
		     uint64_t len, uint64_t foffset, uint64_t flags)
{
	struct fuse_setupmapping_in arg = {
		.fh = UINT64_MAX,
		.foffset = foffset,
		.len = len,
		.flags = flags,
		.moffset = moffset,
	};

	client_begin(by, FUSE_SETUPMAPPING, id);
	client_add(by, &arg, sizeof(arg));
	return client_call(by);
}

int window_map(uint64_t id, int at, int cnt, int page, uint64_t flags)
{
	return window_map_bytes(c, id, (uint64_t)at * PAGE,
				(uint64_t)cnt * PAGE, (uint64_t)page * PAGE,
				flags);
}

void window_begin_unmap(struct client *by, uint32_t cnt)
{
	struct fuse_removemapping_in arg = {.count = cnt};

	client_begin(by, FUSE_REMOVEMAPPING, FUSE_ROOT_ID);
	client_add(by, &arg, sizeof(arg));
}

void window_add_range(struct client *by, uint64_t moffset, uint64_t len)
{
	struct fuse_removemapping_one one = {.moffset = moffset, .len = len};

	client_add(by, &one, sizeof(one));
}

int window_unmap_bytes(struct client *by, uint64_t moffset, uint64_t len)
{
	window_begin_unmap(by, 1);
	window_add_range(by, moffset, len);
	return client_call(by);
}

int window_unmap(int at, int cnt)
{
	return window_unmap_bytes(c, (uint64_t)at * PAGE, (uint64_t)cnt * PAGE);
}

/* A byte as the guest would see it, or ABSENT. */
int window_peek(int page, int offset)
{
	unsigned char byte;
	struct iovec to = {&byte, 1};
	struct iovec from = {rig.window + (size_t)page * PAGE + offset, 1};

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
		return ABSENT;
	return byte;
}

bool window_poke(int page, int offset, char byte)
{
	struct iovec from = {&byte, 1};
	struct iovec to = {rig.window + (size_t)page * PAGE + offset, 1};

	return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 1;
}

/* What the pages of the window begin with: '.' nothing, '0' zeros. */
const char *window_shown(int cnt)
{
	static char text[WINDOW_PAGES + 1];

	for (int i = 0; i < cnt; i++) {
		int byte = window_peek(i, 0);

		text[i] = byte == ABSENT ? '.' : byte ? (char)byte : '0';
	}
	text[cnt] = '\0';
	return text;
}

/* The host's file changes; the server hears of it and looks. */
void window_truncate(const char *name, off_t len)
{
	struct pollfd wait = {.fd = c->fs->dax.watch_fd, .events = POLLIN};

	ck_assert_int_eq(truncate(client_path(c, name), len), 0);
	ck_assert_int_eq(poll(&wait, 1, 1000), 1);
	dax_notice(&c->fs->dax);
	wait.fd = c->fs->dax.timer_fd;
	ck_assert_int_eq(poll(&wait, 1, 1000), 1);
	dax_tick(&c->fs->dax);
}

/* Mappings of the share's files outside of the window: others, as those of an
 * allocator, come and go by themselves. */
int count_stray_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	int cnt = 0;
	char line[PATH_MAX + 128];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		ck_assert_int_eq(sscanf(line, "%lx-%lx", &start, &end), 2);
		cnt += (start < (uintptr_t)rig.window ||
			end > (uintptr_t)rig.window + WINDOW_LEN) &&
		       strstr(line, client_path(c, ""));
	}
	fclose(file);
	return cnt;
}

/* Each byte of the window is mapped: a hole could be filled by anybody. */
void window_check_no_hole(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned long start, end, at = (uintptr_t)rig.window;
	char line[512];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		ck_assert_int_eq(sscanf(line, "%lx-%lx", &start, &end), 2);
		if (start <= at && at < end)
			at = end;
	}
	fclose(file);
	ck_assert(at >= (uintptr_t)rig.window + WINDOW_LEN);
}
