/*
 * The files that a session uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/lib/session.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* A file with the pattern, which both sides know. */
static int make_data(int dir_fd, uint64_t len)
{
	static uint64_t words[8192];
	autofd fd =
		openat(dir_fd, "data", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	int err = fd < 0 ? -errno : 0;

	for (uint64_t at = 0; !err && at < len; at += sizeof(words)) {
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = session_word(at + i * sizeof(*words));
		err = fd_write_full(fd, words, sizeof(words));
	}
	return err;
}

static int make_sized(int dir_fd, const char *name, off_t len)
{
	autofd fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 || ftruncate(fd, len) < 0 ? -errno : 0;
}

int session_make_files(int dir_fd, const struct session_files *files)
{
	char name[24];
	int err = 0;

	if (mkdirat(dir_fd, "many", 0755) < 0 ||
	    mkdirat(dir_fd, "new", 0755) < 0)
		return -errno;
	for (unsigned int i = 0; !err && i < files->name_cnt; i++) {
		snprintf(name, sizeof(name), "many/f%03u", i);
		err = make_sized(dir_fd, name, i);
	}
	if (!err)
		err = make_sized(dir_fd, "out", 0);
	return err ? err : make_data(dir_fd, files->data_len);
}
