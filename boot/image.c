/*
 * From a kernel file, whatever its format, to an ELF image that can be loaded.
 */
#include "boot/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/bzimage.h"
#include "boot/kcache.h"
#include "boot/unpack.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

/* Distribution kernels unpack to about 60 MiB, with everything built in and
 * debugging code to several times that. A file that claims more is a bomb.
 */
#define IMAGE_MAX_LEN MIB(512)

/* What a bzImage of a current kernel says, for a vmlinux that says nothing. */
static const struct setup_header elf_header = {
	.boot_flag = BZIMAGE_BOOT_FLAG,
	.header = BZIMAGE_MAGIC,
	.version = 0x20f,
	.loadflags = LOADED_HIGH,
	.initrd_addr_max = 0x7fffffff,
	.kernel_alignment = MIB(2),
	.xloadflags = XLF_KERNEL_64,
	.cmdline_size = LAYOUT_CMDLINE_MAX - 1,
};

/**
 * struct packed - A bzImage while it is unpacked
 * @fd:		File [borrowed]
 * @bz:		Its header
 * @data:	Compressed kernel [owned]
 * @map:	Unpacked kernel, shared with @map_fd [owned]
 * @map_fd:	Memory file [owned]
 */
struct packed {
	int fd;
	struct bzimage bz;
	void *data;
	void *map;
	int map_fd;
};

static int out_of_memory(int err, const char **why)
{
	*why = "not enough memory to unpack it";
	return err;
}

/* Unpack into memory that has a descriptor, cache or no cache: a full disk is
 * then a failed write, not a signal.
 */
static int unpack_payload(struct packed *p, const char **why)
{
	size_t len = p->bz.unpacked_len;
	int err;

	if (len > IMAGE_MAX_LEN || p->bz.payload_len > IMAGE_MAX_LEN) {
		*why = "corrupt: it claims to unpack to more than 512 MiB";
		return -EFBIG;
	}
	p->data = malloc(p->bz.payload_len);
	p->map_fd = memfd_create("wherry-kernel", MFD_CLOEXEC);
	if (!p->data || p->map_fd < 0 || ftruncate(p->map_fd, (off_t)len) < 0)
		return out_of_memory(-ENOMEM, why);
	p->map = mmap(NULL, MAX(len, 1), PROT_READ | PROT_WRITE, MAP_SHARED,
		      p->map_fd, 0);
	if (p->map == MAP_FAILED)
		return out_of_memory(-ENOMEM, why);
	err = fd_read_full(p->fd, p->data, p->bz.payload_len,
			   p->bz.payload_offset);
	if (err) {
		*why = "cannot be read to its end";
		return err;
	}
	return unpack(p->data, p->bz.payload_len, p->map, len, why);
}

static bool is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

/* Unpack, then give the result to the cache. Return a descriptor to it. */
static int unpack_to_cache(int fd, const struct bzimage *bz, const char *dir,
			   const struct kcache_key *key, const char **why)
{
	struct packed p = {
		.fd = fd,
		.bz = *bz,
		.map = MAP_FAILED,
		.map_fd = -1,
	};
	int result = unpack_payload(&p, why);

	if (!result) {
		result = dir ? kcache_put(dir, key, p.map, bz->unpacked_len)
			     : -ENOENT;
		/* Without a cache all is as well, only slower. A full one is
		 * the user's to mend: else every start would be slow.
		 */
		if (result < 0 && !is_full(result))
			result = fd_take(&p.map_fd);
	}
	if (p.map != MAP_FAILED)
		munmap(p.map, MAX(bz->unpacked_len, 1));
	fd_close(&p.map_fd);
	free(p.data);
	return result;
}

static int open_bzimage(struct image *image, int fd, const struct stat *st,
			const char *cache_dir, const char **why)
{
	struct bzimage bz;
	struct kcache_key key;
	uint64_t len;
	int err;

	err = bzimage_read(&bz, fd, (uint64_t)st->st_size, why);
	if (err)
		return err;
	image->hdr = bz.hdr;
	image->end = bz.end;
	kcache_key_init(&key, st);
	len = bz.unpacked_len;
	image->fd = cache_dir ? kcache_get(cache_dir, &key, &len) : -ENOENT;
	if (image->fd < 0)
		image->fd = unpack_to_cache(fd, &bz, cache_dir, &key, why);
	if (image->fd < 0)
		return image->fd;
	err = elf_read(&image->elf, image->fd, len, why);
	if (!err && image->elf.protected32) {
		*why = "a 32-bit kernel; one for x86-64 is needed";
		return -ENOEXEC;
	}
	return err;
}

/* Say why a file cannot be opened. */
static int open_failed(int err, const char *path, struct fail *fail)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		return fail_set(fail, err,
				"kernel %s: no such file; name another one "
				"with --kernel",
				path);
	case -EACCES:
		return fail_set(fail, err,
				"kernel %s: permission denied; make it "
				"readable for you, or use a copy that is",
				path);
	default:
		return fail_set(fail, err, "kernel %s: cannot be opened: %s",
				path, strerror(-err));
	}
}

/* Open a file, but no trap: a FIFO would make us wait, of a directory nothing
 * can be read.
 */
static int open_file(const char *path, struct stat *st, struct fail *fail)
{
	autofd fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const char *why = NULL;

	*st = (struct stat){0};
	if (fd < 0 || fstat(fd, st) < 0)
		return open_failed(-errno, path, fail);
	if (S_ISDIR(st->st_mode))
		why = "a directory";
	else if (!S_ISREG(st->st_mode))
		why = "not a regular file";
	else if (!st->st_size)
		why = "empty";
	if (why)
		return fail_set(fail, -EINVAL,
				"kernel %s: %s; name a vmlinuz or vmlinux file "
				"with --kernel",
				path, why);
	return fd_take(&fd);
}

int image_open(struct image *image, const char *path, const char *cache_dir,
	       struct fail *fail)
{
	struct stat st;
	const char *why = "cannot be read";
	char magic[SELFMAG];
	autofd fd = -1;
	int err;

	*image = (struct image){.fd = -1};
	fd = open_file(path, &st, fail);
	if (fd < 0)
		return fd;
	err = fd_read_full(fd, magic, sizeof(magic), 0);
	if (!err && memcmp(magic, ELFMAG, SELFMAG) == 0) {
		image->hdr = elf_header;
		image->fd = fd_take(&fd);
		err = elf_read(&image->elf, image->fd, (uint64_t)st.st_size,
			       &why);
	} else if (!err || err == -ENODATA) {
		err = open_bzimage(image, fd, &st, cache_dir, &why);
	}
	if (is_full(err))
		return fail_set(fail, err,
				"cache directory %s: no space left for the "
				"unpacked kernel; free some, or set "
				"XDG_CACHE_HOME",
				cache_dir);
	if (err)
		return fail_set(fail, err, "kernel %s: %s", path, why);
	image->end = MAX(image->end, image->elf.end);
	if (image->end > LAYOUT_GAP_START)
		return fail_set(fail, -ENOEXEC,
				"kernel %s: it wants to be loaded above 3 GiB",
				path);
	return 0;
}

void image_close(struct image *image)
{
	fd_close(&image->fd);
}
