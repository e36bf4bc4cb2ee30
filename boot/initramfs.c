/*
 * The guest's first root: a cpio archive, written in memory (format "newc",
 * Linux Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#include "boot/initramfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/guest/abi.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"

/* The guest's pid 1 (guest_init.S). */
extern const char guest_init[];
extern const uint64_t guest_init_len;

enum {
	NEWC_HEADER_LEN = 110,
	NEWC_ALIGN = 4,
	ARCHIVE_ALIGN = 512,
};

/**
 * struct entry - What a header says, as far as ours differ
 * @path:	Name in the archive
 * @mode:	Type and permissions
 * @dev_major:	Of a device node
 * @dev_minor:	Of a device node
 * @data:	Content of a regular file
 * @len:	Its length
 */
struct entry {
	const char *path;
	uint32_t mode;
	uint32_t dev_major;
	uint32_t dev_minor;
	const void *data;
	size_t len;
};

static void pad(struct bytes *bytes, size_t align)
{
	bytes_append(bytes, NULL, align_up(bytes->len, align) - bytes->len);
}

static void add(struct initramfs *fs, const struct entry *entry)
{
	size_t name_len = strlen(entry->path) + 1;
	uint32_t ino = ++fs->entry_cnt;
	uint32_t link_cnt = S_ISDIR(entry->mode) ? 2 : 1;
	char header[NEWC_HEADER_LEN + 1];

	if (entry->len > UINT32_MAX) {
		fs->bytes.err = -EFBIG;
		return;
	}
	snprintf(header, sizeof(header),
		 "070701"	    /* magic */
		 "%08x%08x"	    /* inode, mode */
		 "%08x%08x"	    /* uid, gid */
		 "%08x%08x"	    /* links, mtime */
		 "%08x"		    /* size */
		 "%08x%08x%08x%08x" /* device it is on, device it is */
		 "%08x%08x",	    /* name with its NUL, no checksum */
		 ino, entry->mode, 0, 0, link_cnt, 0, (uint32_t)entry->len, 0,
		 0, entry->dev_major, entry->dev_minor, (uint32_t)name_len, 0);
	bytes_append(&fs->bytes, header, NEWC_HEADER_LEN);
	bytes_append(&fs->bytes, entry->path, name_len);
	pad(&fs->bytes, NEWC_ALIGN);
	bytes_append(&fs->bytes, entry->data, entry->len);
	pad(&fs->bytes, NEWC_ALIGN);
}

void initramfs_add_dir(struct initramfs *fs, const char *path)
{
	add(fs, &(struct entry){.path = path, .mode = S_IFDIR | 0755});
}

void initramfs_add_file(struct initramfs *fs, const char *path, uint32_t mode,
			const void *data, size_t len)
{
	add(fs, &(struct entry){
			.path = path,
			.mode = S_IFREG | mode,
			.data = data,
			.len = len,
		});
}

void initramfs_add_char(struct initramfs *fs, const char *path,
			uint32_t dev_major, uint32_t dev_minor)
{
	add(fs, &(struct entry){
			.path = path,
			.mode = S_IFCHR | 0600,
			.dev_major = dev_major,
			.dev_minor = dev_minor,
		});
}

int initramfs_finish(struct initramfs *fs)
{
	add(fs, &(struct entry){.path = "TRAILER!!!"});
	pad(&fs->bytes, ARCHIVE_ALIGN);
	return fs->bytes.err;
}

static void add_modules(struct initramfs *fs, const struct modules *modules)
{
	char path[sizeof(GUEST_MODULE_DIR "/.ko") + MODULES_NAME_LEN];
	const struct module *module;
	unsigned int i;

	for (i = 0; i < modules->cnt; i++) {
		module = &modules->module[i];
		snprintf(path, sizeof(path), GUEST_MODULE_DIR "/%s.ko",
			 module->name);
		initramfs_add_file(fs, path, 0644, module->elf.data,
				   module->elf.len);
	}
}

/* Headers and names apart: what they need is found by doubling. */
static size_t content_len(const struct bytes *spec,
			  const struct modules *modules)
{
	size_t len = guest_init_len + spec->len;
	unsigned int i;

	for (i = 0; i < modules->cnt; i++)
		len += modules->module[i].elf.len;
	return len + KIB(16);
}

int initramfs_build(struct initramfs *fs, const struct guest_spec *spec,
		    const struct modules *modules)
{
	static const char *const dirs[] = {"dev", "sys", "newroot",
					   GUEST_MODULE_DIR};
	struct bytes spec_file = {0};
	unsigned int i;
	int err;

	*fs = (struct initramfs){0};
	err = spec_encode(&spec_file, spec, modules);
	if (!err)
		err = bytes_reserve(&fs->bytes,
				    content_len(&spec_file, modules));
	if (err)
		goto out;
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		initramfs_add_dir(fs, dirs[i]);
	/* The kernel opens it as pid 1's stdin, stdout and stderr. */
	initramfs_add_char(fs, "dev/console", 5, 1);
	initramfs_add_file(fs, "init", 0755, guest_init, guest_init_len);
	initramfs_add_file(fs, GUEST_SPEC_FILE, 0600, spec_file.data,
			   spec_file.len);
	add_modules(fs, modules);
	err = initramfs_finish(fs);
out:
	bytes_destroy(&spec_file);
	return err;
}

void initramfs_destroy(struct initramfs *fs)
{
	bytes_destroy(&fs->bytes);
	fs->entry_cnt = 0;
}
