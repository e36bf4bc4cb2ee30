/*
 * A kernel module's file: read and unpacked (.ko, .ko.gz, .ko.xz, .ko.zst).
 */
#include "boot/kmodfile.h"

#define ZLIB_CONST /* its input is not changed */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "boot/bytes.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

/* More than xz -9 needs to unpack. */
#define XZ_MEMORY_LIMIT MIB(128)

/* Modules shrink to a quarter or so: the first guess at the unpacked size. */
enum { USUAL_RATIO = 5 };

/* How much may be written after what is there; the limit counts, not @cap. */
static size_t room(const struct bytes *out)
{
	return MIN(out->cap, KMODFILE_MAX_LEN) - out->len;
}

static int make_room(struct bytes *out, size_t guess)
{
	if (room(out))
		return 0;
	if (out->len == KMODFILE_MAX_LEN)
		return -EFBIG;
	return bytes_reserve(out, out->len ? 1 : guess);
}

static int unpack_none(struct bytes *out, const void *data, size_t len)
{
	if (len > KMODFILE_MAX_LEN)
		return -EFBIG;
	bytes_append(out, data, len);
	return out->err;
}

static int unpack_gzip(struct bytes *out, const void *data, size_t len)
{
	z_stream z = {
		.next_in = data,
		.avail_in = (uInt)len,
	};
	int result = Z_OK, err = 0;

	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		return -ENOMEM;
	while (result == Z_OK) {
		err = make_room(out, len * USUAL_RATIO);
		if (err)
			break;
		z.next_out = (Bytef *)out->data + out->len;
		z.avail_out = (uInt)room(out);
		result = inflate(&z, Z_NO_FLUSH);
		out->len = z.total_out;
	}
	inflateEnd(&z);
	if (!err && result != Z_STREAM_END)
		err = result == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
	return err;
}

static int unpack_xz(struct bytes *out, const void *data, size_t len)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_ret result = LZMA_OK;
	int err = 0;

	if (lzma_stream_decoder(&xz, XZ_MEMORY_LIMIT, 0) != LZMA_OK)
		return -ENOMEM;
	xz.next_in = data;
	xz.avail_in = len;
	while (result == LZMA_OK) {
		err = make_room(out, len * USUAL_RATIO);
		if (err)
			break;
		xz.next_out = (uint8_t *)out->data + out->len;
		xz.avail_out = room(out);
		result = lzma_code(&xz, LZMA_FINISH);
		out->len = xz.total_out;
	}
	lzma_end(&xz);
	if (!err && result != LZMA_STREAM_END)
		err = result == LZMA_MEM_ERROR ? -ENOMEM : -EINVAL;
	return err;
}

static int unpack_zstd(struct bytes *out, const void *data, size_t len)
{
	ZSTD_inBuffer in = {.src = data, .size = len};
	ZSTD_outBuffer to = {0};
	ZSTD_DStream *zstd = ZSTD_createDStream();
	size_t left = 1;
	int err = 0;

	if (!zstd)
		return -ENOMEM;
	while (left && !err) {
		err = make_room(out, len * USUAL_RATIO);
		if (err)
			break;
		to.dst = out->data;
		to.size = out->len + room(out);
		to.pos = out->len;
		left = ZSTD_decompressStream(zstd, &to, &in);
		/* It wants more, has room for it, and there is none. */
		if (ZSTD_isError(left) ||
		    (left && in.pos == in.size && to.pos < to.size))
			err = -EINVAL;
		out->len = to.pos;
	}
	ZSTD_freeDStream(zstd);
	return err;
}

static const struct {
	const char *magic;
	size_t magic_len;
	int (*unpack)(struct bytes *out, const void *data, size_t len);
} formats[] = {
	{"\177ELF", 4, unpack_none},
	{"\037\213", 2, unpack_gzip},
	{"\3757zXZ", 6, unpack_xz},
	{"\050\265\057\375", 4, unpack_zstd},
};

static bool is_elf(const struct bytes *bytes)
{
	return bytes->data && bytes->len >= 4 &&
	       !memcmp(bytes->data, "\177ELF", 4);
}

int kmodfile_unpack(struct bytes *out, const void *data, size_t len)
{
	unsigned int i;
	int err;

	assert(data);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (len < formats[i].magic_len ||
		    memcmp(data, formats[i].magic, formats[i].magic_len))
			continue;
		err = formats[i].unpack(out, data, len);
		if (err)
			return err;
		return is_elf(out) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int read_file(struct bytes *file, const char *path)
{
	struct stat st;
	autofd fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_size > KMODFILE_MAX_LEN)
		return -EFBIG;
	if (!st.st_size)
		return -EINVAL;
	if (bytes_reserve(file, (size_t)st.st_size))
		return file->err;
	file->len = (size_t)st.st_size;
	return fd_read_full(fd, file->data, file->len, 0);
}

int kmodfile_read(struct bytes *out, const char *path, struct fail *fail)
{
	struct bytes file = {0};
	int err;

	err = read_file(&file, path);
	if (!err)
		err = kmodfile_unpack(out, file.data, file.len);
	bytes_destroy(&file);
	if (err == -EINVAL)
		return fail_set(fail, err,
				"kernel module %s: not a module, or corrupt",
				path);
	if (err)
		return fail_set(fail, err, "kernel module %s: %s", path,
				strerror(-err));
	return 0;
}
