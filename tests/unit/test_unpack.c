/*
 * Unpacking: streams made by the libraries themselves, whole, cut and damaged.
 */
#include "boot/unpack.h"

#include <check.h>
#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/base/bits.h"

enum {
	SMALL_LEN = 40000,
	/* Written by nobody, after the output */
	GUARD_LEN = 64,
	GUARD = 0xa5,
};

/* Data that pack well, but not to nothing */
static uint8_t *make_plain(size_t len)
{
	uint8_t *plain = malloc(len);
	uint32_t x = 1;

	ck_assert_ptr_nonnull(plain);
	for (size_t i = 0; i < len; i++) {
		if (i % 16 == 0)
			x = x * 1664525 + 1013904223;
		plain[i] = (uint8_t)(x >> 24);
	}
	return plain;
}

static size_t pack_gzip(uint8_t *plain, size_t len, uint8_t *out, size_t cap)
{
	z_stream z = {
		.next_in = plain,
		.avail_in = (uInt)len,
		.next_out = out,
		.avail_out = (uInt)cap,
	};

	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, 0),
			 Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

/* As the kernel's build does it: x86 branch filter, CRC32 */
static size_t pack_xz(uint8_t *plain, size_t len, uint8_t *out, size_t cap)
{
	lzma_options_lzma options;
	const lzma_filter filters[] = {
		{.id = LZMA_FILTER_X86},
		{.id = LZMA_FILTER_LZMA2, .options = &options},
		{.id = LZMA_VLI_UNKNOWN},
	};
	lzma_filter chain[ARRAY_SIZE(filters)];
	size_t out_len = 0;

	ck_assert(!lzma_lzma_preset(&options, 1));
	memcpy(chain, filters, sizeof(chain));
	ck_assert_int_eq(lzma_stream_buffer_encode(chain, LZMA_CHECK_CRC32,
						   NULL, plain, len, out,
						   &out_len, cap),
			 LZMA_OK);
	return out_len;
}

static size_t pack_zstd(uint8_t *plain, size_t len, uint8_t *out, size_t cap)
{
	size_t n = ZSTD_compress(out, cap, plain, len, 3);

	ck_assert(!ZSTD_isError(n));
	return n;
}

static void put_le32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static size_t pack_lz4(uint8_t *plain, size_t len, uint8_t *out, size_t cap)
{
	size_t pos = 4;

	put_le32(out, 0x184c2102);
	for (size_t done = 0; done < len;) {
		size_t part = MIN(len - done, MIB(8));
		int n = LZ4_compress_default((char *)plain + done,
					     (char *)out + pos + 4, (int)part,
					     (int)(cap - pos - 4));

		ck_assert_int_gt(n, 0);
		put_le32(out + pos, (uint32_t)n);
		pos += 4 + (size_t)n;
		done += part;
	}
	return pos;
}

static const struct {
	const char *name;
	size_t (*pack)(uint8_t *plain, size_t len, uint8_t *out, size_t cap);
	/* More than one block of it */
	size_t large_len;
	/* Does damage to the data always show? */
	bool summed;
} kinds[] = {
	{"gzip", pack_gzip, MIB(1), true},
	{"xz", pack_xz, MIB(1), true},
	{"zstd", pack_zstd, MIB(1), false},
	{"LZ4", pack_lz4, MIB(9), false},
};

/* Unpack into memory that has exactly the stated size, and a guard after it. */
static int unpack_guarded(const uint8_t *in, size_t in_len, uint8_t *out,
			  size_t out_len)
{
	const char *why = NULL;
	int err;

	memset(out + out_len, GUARD, GUARD_LEN);
	err = unpack(in, in_len, out, out_len, &why);
	ck_assert(!err == !why);
	for (size_t i = 0; i < GUARD_LEN; i++)
		ck_assert_uint_eq(out[out_len + i], GUARD);
	return err;
}

static void check_whole(size_t kind, size_t len)
{
	size_t cap = len + len / 2 + 4096;
	uint8_t *plain = make_plain(len);
	uint8_t *packed = malloc(cap);
	uint8_t *out = malloc(len + 1 + GUARD_LEN);
	size_t n = kinds[kind].pack(plain, len, packed, cap - 4);

	ck_assert_int_eq(unpack_guarded(packed, n, out, len), 0);
	ck_assert_mem_eq(out, plain, len);
	/* The kernel's build appends the length. */
	put_le32(packed + n, (uint32_t)len);
	memset(out, 0, len);
	ck_assert_int_eq(unpack_guarded(packed, n + 4, out, len), 0);
	ck_assert_mem_eq(out, plain, len);
	/* It is a lie. */
	ck_assert_int_eq(unpack_guarded(packed, n + 4, out, len - 1), -EBADMSG);
	ck_assert_int_eq(unpack_guarded(packed, n + 4, out, len + 1), -EBADMSG);
	ck_assert_int_eq(unpack_guarded(packed, n + 4, out, 0), -EBADMSG);
	free(plain);
	free(packed);
	free(out);
}

START_TEST(whole)
{
	check_whole((size_t)_i, SMALL_LEN);
	check_whole((size_t)_i, kinds[_i].large_len);
}
END_TEST

START_TEST(truncated)
{
	uint8_t *plain = make_plain(SMALL_LEN);
	uint8_t packed[SMALL_LEN * 2];
	uint8_t out[SMALL_LEN + GUARD_LEN];
	size_t n = kinds[_i].pack(plain, SMALL_LEN, packed, sizeof(packed));

	for (size_t len = 0; len < n; len += len < 64 ? 3 : 497) {
		/* Of its own size, so that reading beyond it shows. */
		uint8_t *cut = malloc(len + !len);
		int err;

		memcpy(cut, packed, len);
		err = unpack_guarded(cut, len, out, SMALL_LEN);
		ck_assert(err == -EBADMSG || (len < 6 && err == -EOPNOTSUPP));
		free(cut);
	}
	free(plain);
}
END_TEST

START_TEST(damaged)
{
	uint8_t *plain = make_plain(SMALL_LEN);
	uint8_t packed[SMALL_LEN * 2];
	uint8_t out[SMALL_LEN + GUARD_LEN];
	size_t n = kinds[_i].pack(plain, SMALL_LEN, packed, sizeof(packed));

	for (size_t i = 6; i < n; i += i < 64 ? 3 : 489) {
		uint8_t old = packed[i];
		int err;

		packed[i] ^= 0x55;
		err = unpack_guarded(packed, n, out, SMALL_LEN);
		/* gzip does not use all bytes of its header. */
		if (kinds[_i].summed && i > 12)
			ck_assert_int_eq(err, -EBADMSG);
		packed[i] = 0xff;
		unpack_guarded(packed, n, out, SMALL_LEN);
		packed[i] = old;
	}
	free(plain);
}
END_TEST

/* The stated length ends where a block does. */
START_TEST(lz4_more_blocks)
{
	size_t len = MIB(8) + 5;
	uint8_t *plain = make_plain(len);
	uint8_t *packed = malloc(len);
	uint8_t *out = malloc(len + GUARD_LEN);
	size_t n = pack_lz4(plain, len, packed, len);

	ck_assert_int_eq(unpack_guarded(packed, n, out, len), 0);
	ck_assert_int_eq(unpack_guarded(packed, n, out, MIB(8)), -EBADMSG);
	free(plain);
	free(packed);
	free(out);
}
END_TEST

START_TEST(lz4_lengths)
{
	uint8_t in[64] = {0x02, 0x21, 0x4c, 0x18};
	uint8_t out[256 + GUARD_LEN];

	put_le32(in + 4, UINT32_MAX);
	ck_assert_int_eq(unpack_guarded(in, sizeof(in), out, 256), -EBADMSG);
	put_le32(in + 4, INT32_MAX);
	ck_assert_int_eq(unpack_guarded(in, sizeof(in), out, 256), -EBADMSG);
	put_le32(in + 4, sizeof(in) - 8 + 1);
	ck_assert_int_eq(unpack_guarded(in, sizeof(in), out, 256), -EBADMSG);
	put_le32(in + 4, 0);
	ck_assert_int_eq(unpack_guarded(in, sizeof(in), out, 256), -EBADMSG);
	for (size_t i = 1; i < sizeof(in) / 4; i++)
		memcpy(in + 4 * i, in, 4);
	ck_assert_int_eq(unpack_guarded(in, sizeof(in), out, 256), -EBADMSG);
}
END_TEST

START_TEST(unsupported)
{
	static const struct {
		const char *in;
		const char *name;
	} cases[] = {
		{"BZh91AY&SY", "bzip2"},
		{"\x5d\0\0\0\4\xff\xff\xff\xff\xff", "LZMA"},
		{"\x89LZO\0\r\n\x1a\n\0", "LZO"},
		{"MZ\0\0\0\0\0\0\0\0", "unknown"},
		{"\0\0\0\0\0\0\0\0\0\0", "unknown"},
	};
	const char *why;
	char out[8];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(
			unpack(cases[i].in, 10, out, sizeof(out), &why),
			-EOPNOTSUPP);
		ck_assert_ptr_nonnull(strstr(why, cases[i].name));
	}
	ck_assert_int_eq(unpack("", 0, out, sizeof(out), &why), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unpack");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, whole, 0, ARRAY_SIZE(kinds));
	tcase_add_loop_test(tc, truncated, 0, ARRAY_SIZE(kinds));
	tcase_add_loop_test(tc, damaged, 0, ARRAY_SIZE(kinds));
	tcase_add_test(tc, lz4_more_blocks);
	tcase_add_test(tc, lz4_lengths);
	tcase_add_test(tc, unsupported);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
