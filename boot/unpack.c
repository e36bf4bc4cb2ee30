/*
 * Unpacking: the compressed streams that Linux builds wrap around kernels
 * (scripts/Makefile.lib there makes them), by the libraries that know them.
 */
#include "boot/unpack.h"

/* z_stream.next_in points to const */
#define ZLIB_CONST

#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/base/bits.h"

/* Kernels are packed with dictionaries of up to 128 MiB. */
#define XZ_MEMORY_LIMIT MIB(192)

/* LZ4 legacy frame: a magic, then blocks, each after its packed length. All
 * but the last unpack to 8 MiB (lz4_Frame_format.md, "Legacy frame").
 */
#define LZ4_LEGACY_MAGIC 0x184c2102
#define LZ4_LEGACY_BLOCK MIB(8)

enum { MAX_MAGIC_LEN = 6 };

static int unpack_gzip(const uint8_t *in, size_t in_len, uint8_t *out,
		       size_t out_len)
{
	z_stream z = {
		.next_in = in,
		.avail_in = (uInt)in_len,
		.next_out = out,
		.avail_out = (uInt)out_len,
	};
	int result;

	if (in_len > UINT32_MAX || out_len > UINT32_MAX)
		return -EBADMSG;
	/* 16: with a gzip header */
	result = inflateInit2(&z, 16 + MAX_WBITS);
	if (result != Z_OK)
		return -ENOMEM;
	result = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (result == Z_MEM_ERROR)
		return -ENOMEM;
	return result == Z_STREAM_END && !z.avail_out ? 0 : -EBADMSG;
}

static int unpack_xz(const uint8_t *in, size_t in_len, uint8_t *out,
		     size_t out_len)
{
	uint64_t limit = XZ_MEMORY_LIMIT;
	size_t in_pos = 0;
	size_t out_pos = 0;
	lzma_ret result;

	result = lzma_stream_buffer_decode(&limit, 0, NULL, in, &in_pos, in_len,
					   out, &out_pos, out_len);
	if (result == LZMA_MEM_ERROR)
		return -ENOMEM;
	return result == LZMA_OK && out_pos == out_len ? 0 : -EBADMSG;
}

static int unpack_zstd(const uint8_t *in, size_t in_len, uint8_t *out,
		       size_t out_len)
{
	size_t frame_len = ZSTD_findFrameCompressedSize(in, in_len);
	size_t n;

	if (ZSTD_isError(frame_len))
		return -EBADMSG;
	n = ZSTD_decompress(out, out_len, in, frame_len);
	return n == out_len ? 0 : -EBADMSG;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static int unpack_lz4(const uint8_t *in, size_t in_len, uint8_t *out,
		      size_t out_len)
{
	const uint8_t *end = in + in_len;

	while (out_len && end - in >= 4) {
		uint32_t len = le32(in);
		int n;

		in += 4;
		/* Packing in several runs repeats the magic. */
		if (len == LZ4_LEGACY_MAGIC)
			continue;
		if (len > end - in || len > INT32_MAX)
			return -EBADMSG;
		n = LZ4_decompress_safe((const char *)in, (char *)out, (int)len,
					(int)MIN(out_len, LZ4_LEGACY_BLOCK));
		if (n <= 0)
			return -EBADMSG;
		in += len;
		out += n;
		out_len -= (size_t)n;
	}
	/* Nothing marks the end, but more than a length field is no end. */
	return out_len || end - in > 4 ? -EBADMSG : 0;
}

/**
 * struct format - A kind of stream
 * @magic:	Its first bytes
 * @magic_len:	How many
 * @unpack:	NULL if it is only known by name
 * @why:	Said if it cannot be unpacked
 */
struct format {
	uint8_t magic[MAX_MAGIC_LEN];
	uint8_t magic_len;
	int (*unpack)(const uint8_t *in, size_t in_len, uint8_t *out,
		      size_t out_len);
	const char *why;
};

#define CORRUPT(name) \
	"corrupt: its " name " data do not unpack; install it again"
#define UNKNOWN(name) \
	"compressed with " name "; gzip, xz, zstd and LZ4 are supported"

static const struct format formats[] = {
	{{0x1f, 0x8b, 0x08}, 3, unpack_gzip, CORRUPT("gzip")},
	{{0xfd, '7', 'z', 'X', 'Z', 0}, 6, unpack_xz, CORRUPT("xz")},
	{{0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zstd, CORRUPT("zstd")},
	{{0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4, CORRUPT("LZ4")},
	{{'B', 'Z', 'h'}, 3, NULL, UNKNOWN("bzip2")},
	{{0x5d, 0, 0}, 3, NULL, UNKNOWN("LZMA")},
	{{0x89, 'L', 'Z', 'O', 0, 0x0d}, 6, NULL, UNKNOWN("LZO")},
	{{0}, 0, NULL, UNKNOWN("an unknown method")},
};

int unpack(const void *in, size_t in_len, void *out, size_t out_len,
	   const char **why)
{
	const struct format *f = formats;
	int err;

	/* The last row matches everything. */
	while (in_len < f->magic_len || memcmp(in, f->magic, f->magic_len) != 0)
		f++;
	err = f->unpack ? f->unpack(in, in_len, out, out_len) : -EOPNOTSUPP;
	if (err == -ENOMEM)
		*why = "not enough memory to unpack it";
	else if (err)
		*why = f->why;
	return err;
}
