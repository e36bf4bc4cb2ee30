/*
 * Which kernel of the host a guest gets, and where its modules are.
 */
#include "vmm/hostkernel.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

/* bzImage (boot.rst): "HdrS" at 0x202; 0x20e points to the version text. */
enum {
	HEADER_MAGIC_OFFSET = 0x202,
	HEADER_VERSION_OFFSET = 0x20e,
	HEADER_VERSION_BASE = 0x200,
	VERSION_LEN = 128,
};

/* Without this file no module can be found. */
static bool has_modules(const char *dir)
{
	char index[PATH_MAX];

	return snprintf(index, sizeof(index), "%s/modules.dep.bin", dir) <
		       (int)sizeof(index) &&
	       access(index, R_OK) == 0;
}

/* Newest first. */
static int compare_versions(const struct dirent **a, const struct dirent **b)
{
	return -strverscmp((*a)->d_name, (*b)->d_name);
}

static int is_version(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Look for the kernel of found->modules where distributions put it. Return 0,
 * or why the first of these places is none.
 */
static int find_kernel(struct hostkernel *found, const char *boot_dir,
		       const char *version)
{
	int len = snprintf(found->kernel, sizeof(found->kernel),
			   "%s/vmlinuz-%s", boot_dir, version);
	char beside[PATH_MAX];
	int err;

	if (len >= (int)sizeof(found->kernel))
		return -ENAMETOOLONG;
	if (access(found->kernel, R_OK) == 0)
		return 0;
	err = -errno;
	len = snprintf(beside, sizeof(beside), "%s/vmlinuz", found->modules);
	if (len >= (int)sizeof(beside) || access(beside, R_OK) < 0)
		return err;
	memcpy(found->kernel, beside, sizeof(beside));
	return 0;
}

/* Take a version if its kernel and modules can be read. @denied tells of the
 * first one that has modules and a kernel that may not be read.
 */
static bool take_version(struct hostkernel *found, const char *boot_dir,
			 const char *modules_dir, const char *version,
			 struct fail *denied)
{
	int err;

	if (snprintf(found->modules, sizeof(found->modules), "%s/%s",
		     modules_dir, version) >= (int)sizeof(found->modules) ||
	    !has_modules(found->modules))
		return false;
	err = find_kernel(found, boot_dir, version);
	if (err == -EACCES && !denied->text[0])
		fail_set(denied, err,
			 "kernel %s: permission denied; run sudo chmod a+rX "
			 "%s, or give --kernel FILE",
			 found->kernel,
			 access(boot_dir, X_OK) < 0 ? boot_dir : found->kernel);
	return !err;
}

int hostkernel_find_newest(struct hostkernel *found, const char *boot_dir,
			   const char *modules_dir, struct fail *fail)
{
	struct dirent **names = NULL;
	int cnt = scandir(modules_dir, &names, is_version, compare_versions);
	struct fail denied = {0};
	bool done = false;

	for (int i = 0; i < cnt; i++) {
		done = done || take_version(found, boot_dir, modules_dir,
					    names[i]->d_name, &denied);
		free(names[i]);
	}
	free(names);
	if (done)
		return 0;
	if (denied.text[0])
		return fail_set(fail, -EACCES, "%s", denied.text);
	return fail_set(fail, -ENOENT,
			"kernel: no %s/vmlinuz-* with modules in %s that you "
			"can read; install linux-image-cloud-amd64 or give "
			"--kernel FILE",
			boot_dir, modules_dir);
}

/* The line in which a bzImage says what it is, all VERSION_LEN bytes of it. */
static bool text_of_bzimage(const char *path, char *text)
{
	autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint16_t offset;
	char magic[4];

	if (fd < 0 ||
	    fd_read_full(fd, magic, sizeof(magic), HEADER_MAGIC_OFFSET) ||
	    memcmp(magic, "HdrS", sizeof(magic)) != 0 ||
	    fd_read_full(fd, &offset, sizeof(offset), HEADER_VERSION_OFFSET) ||
	    !offset ||
	    fd_read_full(fd, text, VERSION_LEN, HEADER_VERSION_BASE + offset))
		return false;
	text[VERSION_LEN - 1] = '\0';
	return true;
}

/* The version that a bzImage carries: its text up to the first space. */
static bool version_of_bzimage(const char *path, char *version)
{
	if (!text_of_bzimage(path, version))
		return false;
	version[strcspn(version, " \n")] = '\0';
	return version[0] && !strchr(version, '/');
}

/* The version in a name like vmlinux-6.1.0-18-amd64. */
static bool version_of_name(const char *path, char *version)
{
	const char *slash = strrchr(path, '/');
	const char *dash = strchr(slash ? slash : path, '-');

	if (!dash || !dash[1])
		return false;
	return snprintf(version, VERSION_LEN, "%s", dash + 1) < VERSION_LEN;
}

/* A kernel may be among its modules, and DIR/boot/vmlinuz and DIR/lib/modules
 * belong together; else /lib/modules.
 */
static bool find_modules(struct hostkernel *found, const char *version)
{
	char *slash = strrchr(found->kernel, '/');
	int dir_len = slash ? (int)(slash - found->kernel) : 1;
	const char *dir = slash ? found->kernel : ".";

	snprintf(found->modules, sizeof(found->modules), "%.*s", dir_len, dir);
	if (has_modules(found->modules))
		return true;
	snprintf(found->modules, sizeof(found->modules),
		 "%.*s/../lib/modules/%s", dir_len, dir, version);
	if (has_modules(found->modules))
		return true;
	snprintf(found->modules, sizeof(found->modules), "/lib/modules/%s",
		 version);
	return has_modules(found->modules);
}

static int copy_path(char *to, const char *path, const char *noun,
		     struct fail *fail)
{
	if (snprintf(to, PATH_MAX, "%s", path) < PATH_MAX)
		return 0;
	return fail_set(fail, -ENAMETOOLONG, "%s: path too long", noun);
}

int hostkernel_find(struct hostkernel *found, const char *kernel,
		    const char *modules, struct fail *fail)
{
	char version[VERSION_LEN];
	int err = 0;

	if (kernel)
		err = copy_path(found->kernel, kernel, "--kernel", fail);
	else
		err = hostkernel_find_newest(found, "/boot", "/lib/modules",
					     fail);
	if (err)
		return err;
	if (access(found->kernel, R_OK) < 0)
		return fail_set(fail, -errno,
				"kernel %s: %s; name one that you can read "
				"with --kernel",
				found->kernel, strerror(errno));
	if (modules)
		return copy_path(found->modules, modules, "--modules", fail);
	if (!kernel)
		return 0;
	if (!version_of_bzimage(kernel, version) &&
	    !version_of_name(kernel, version))
		return fail_set(fail, -ENOENT,
				"kernel %s: its version is unknown; give "
				"--modules DIR",
				kernel);
	if (find_modules(found, version))
		return 0;
	return fail_set(fail, -ENOENT,
			"kernel %s: no modules in %s; install its package or "
			"give --modules DIR",
			kernel, found->modules);
}

/* The first three numbers of a version: false if there are fewer. */
static bool read_version(const char *text, unsigned long number[3])
{
	char *end;

	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)*text))
			return false;
		number[i] = strtoul(text, &end, 10);
		text = *end == '.' ? end + 1 : end;
	}
	return true;
}

bool hostkernel_stalls(const char *kernel, char *version)
{
	/* Of some series, the version that is mended is not known. */
	static const struct {
		unsigned int major, minor, first, fixed;
	} rows[] = {
		{6, 1, 158, 177},     {6, 6, 113, UINT_MAX},
		{6, 12, 54, 95},      {6, 17, 4, UINT_MAX},
		{6, 18, 0, UINT_MAX}, {6, 19, 0, UINT_MAX},
		{7, 0, 0, UINT_MAX},  {7, 1, 0, 2},
	};
	static const char debian[] = " Debian ";
	char text[VERSION_LEN];
	unsigned long number[3];
	const char *at;

	if (!text_of_bzimage(kernel, text))
		return false;
	/* Debian's release is "6.1.0-N" whatever it is made of. */
	at = strstr(text, debian);
	if (!read_version(at ? at + strlen(debian) : text, number))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (number[0] != rows[i].major || number[1] != rows[i].minor ||
		    number[2] < rows[i].first || number[2] >= rows[i].fixed)
			continue;
		snprintf(version, VERSION_TEXT_LEN, "%lu.%lu.%lu", number[0],
			 number[1], number[2]);
		return true;
	}
	return false;
}
