/*
 * ROOTFS: the host directory that becomes the guest's root.
 */
#include "vmm/rootfs.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

/* Processors that people may have roots for, by their ELF numbers. */
static const struct {
	int machine;
	const char *name;
} machines[] = {
	{EM_AARCH64, "arm64"},	   {EM_ARM, "arm"},    {EM_RISCV, "riscv64"},
	{EM_PPC64, "ppc64"},	   {EM_S390, "s390x"}, {EM_MIPS, "mips"},
	{EM_LOONGARCH, "loong64"},
};

/* The name of the foreign processor a program is for, or NULL if it is not
 * known to be for one.
 */
static const char *foreign_machine(int fd)
{
	Elf64_Ehdr head;

	if (fd_read_full(fd, &head, sizeof(head), 0) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_machine == EM_X86_64 || head.e_machine == EM_386)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (machines[i].machine == head.e_machine)
			return machines[i].name;
	}
	return "another processor";
}

/* Open a regular file as the guest would find it: links end in the root. */
static int open_in_root(int root_fd, const char *path)
{
	return fd_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
		       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static int check_machine(int root_fd, const char *root, const char *program,
			 struct fail *fail)
{
	autofd fd = open_in_root(root_fd, program);
	const char *name;

	if (fd < 0)
		return 0;
	name = foreign_machine(fd);
	if (!name)
		return 0;
	return fail_set(fail, -ENOEXEC,
			"ROOTFS %s: %s is built for %s; use a root directory "
			"for amd64",
			root, program, name);
}

static bool is_empty(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int names = 0;
	DIR *dir;

	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return false;
	}
	while (names < 3 && readdir(dir))
		names++;
	closedir(dir);
	return names < 3; /* "." and ".." only */
}

static int open_directory(const char *path, struct fail *fail)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (err == -ENOTDIR)
		return fail_set(fail, err,
				"ROOTFS %s: not a directory; give one that "
				"holds a Linux root file system",
				path);
	if (err)
		return fail_set(fail, err,
				"ROOTFS %s: %s; give a directory that holds a "
				"Linux root file system",
				path, strerror(-err));
	if (faccessat(fd, ".", R_OK | X_OK, AT_EACCESS) < 0) {
		err = -errno;
		fd_close(&fd);
		return fail_set(fail, err,
				"ROOTFS %s: %s; you need to be able "
				"to read it",
				path, strerror(-err));
	}
	return fd;
}

int rootfs_open(const char *path, const char *command, struct fail *fail)
{
	const char *program = strchr(command, '/') ? command : "/bin/sh";
	int fd = open_directory(path, fail);
	int err = 0;

	if (fd < 0)
		return fd;
	if (is_empty(fd))
		err = fail_set(fail, -ENOENT,
			       "ROOTFS %s: empty; fill it, e.g. with "
			       "mmdebstrap bookworm %s",
			       path, path);
	if (!err)
		err = check_machine(fd, path, program, fail);
	if (err)
		fd_close(&fd);
	return err ? err : fd;
}
