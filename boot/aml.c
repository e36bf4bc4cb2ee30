/*
 * A writer of ACPI tables and of the machine language (AML) in one of them
 * (ACPI 6.5: 20.2 for the language, 6.4 for resources).
 */
#include "boot/aml.h"

#include <assert.h>
#include <string.h>

#include "vmm/base/bits.h"

/* ACPI 6.5, table 20.1 and 20.2.3 */
enum {
	OP_ZERO = 0x00,
	OP_ONE = 0x01,
	OP_NAME = 0x08,
	PREFIX_BYTE = 0x0a,
	PREFIX_WORD = 0x0b,
	PREFIX_DWORD = 0x0c,
	PREFIX_STRING = 0x0d,
	PREFIX_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	PREFIX_EXT = 0x5b,
	EXT_DEVICE = 0x82,
};

/* Most bytes of a PkgLength (20.2.4), of an integer with its prefix */
enum {
	MAX_PKG_LENGTH = 4,
	MAX_INT = 9,
};

/* Resource descriptors (6.4.2 and 6.4.3) */
enum {
	RES_IO = 0x47,
	RES_END = 0x79,
	RES_MEMORY32_FIXED = 0x86,
	RES_INTERRUPT = 0x89,
	RES_IO_DECODE16 = 1,
	RES_MEMORY_WRITABLE = 1,
	RES_INTERRUPT_CONSUMER = BIT(0),
	RES_INTERRUPT_EDGE = BIT(1), /* else level; active-high, exclusive: 0 */
};

struct res_io {
	uint8_t type;
	uint8_t decode;
	uint16_t min;
	uint16_t max;
	uint8_t align;
	uint8_t len;
} __attribute__((packed));

struct res_memory32_fixed {
	uint8_t type;
	uint16_t res_len; /* bytes after this field */
	uint8_t flags;
	uint32_t base;
	uint32_t len;
} __attribute__((packed));

struct res_interrupt {
	uint8_t type;
	uint16_t res_len;
	uint8_t flags;
	uint8_t cnt;
	uint32_t gsi;
} __attribute__((packed));

static_assert(sizeof(struct res_io) == 8, "ACPI 6.5, table 6.33");
static_assert(sizeof(struct res_memory32_fixed) == 12, "ACPI 6.5, table 6.41");
static_assert(sizeof(struct res_interrupt) == 9, "ACPI 6.5, table 6.54");

void aml_init(struct aml *aml, void *buf, size_t cap)
{
	*aml = (struct aml){.buf = buf, .cap = cap};
}

/* Insert bytes before what was written from @at on. */
static void insert(struct aml *aml, size_t at, const void *data, size_t len)
{
	if (aml->full || len > aml->cap - aml->len) {
		aml->full = true;
		return;
	}
	memmove(aml->buf + at + len, aml->buf + at, aml->len - at);
	memcpy(aml->buf + at, data, len);
	aml->len += len;
}

void aml_bytes(struct aml *aml, const void *data, size_t len)
{
	insert(aml, aml->len, data, len);
}

static void put_byte(struct aml *aml, uint8_t byte)
{
	aml_bytes(aml, &byte, 1);
}

static void open_block(struct aml *aml)
{
	assert(aml->depth < AML_MAX_DEPTH);
	aml->open[aml->depth++] = aml->len;
}

/* PkgLength counts itself. One byte holds 6 bits; with more bytes the first
 * one holds 4 bits, and in its top bits how many follow.
 */
static size_t encode_pkg_length(uint8_t out[MAX_PKG_LENGTH], size_t content_len)
{
	size_t len = content_len + 1;
	size_t n = 1;

	if (len < BIT(6)) {
		out[0] = (uint8_t)len;
		return 1;
	}
	do {
		n++;
		len = content_len + n;
	} while (len >= BIT(4 + 8 * (n - 1)));
	out[0] = (uint8_t)((n - 1) << 6 | (len & 0xf));
	for (size_t i = 1; i < n; i++)
		out[i] = (uint8_t)(len >> (4 + 8 * (i - 1)));
	return n;
}

void aml_end(struct aml *aml)
{
	uint8_t out[MAX_PKG_LENGTH];
	size_t start;
	size_t n;

	assert(aml->depth);
	start = aml->open[--aml->depth];
	if (aml->full)
		return;
	n = encode_pkg_length(out, aml->len - start);
	insert(aml, start, out, n);
}

static void put_name(struct aml *aml, const char *name)
{
	aml_bytes(aml, name, strlen(name));
}

void aml_scope(struct aml *aml, const char *name)
{
	put_byte(aml, OP_SCOPE);
	open_block(aml);
	put_name(aml, name);
}

void aml_device(struct aml *aml, const char *name)
{
	put_byte(aml, PREFIX_EXT);
	put_byte(aml, EXT_DEVICE);
	open_block(aml);
	put_name(aml, name);
}

void aml_name(struct aml *aml, const char *name)
{
	put_byte(aml, OP_NAME);
	put_name(aml, name);
}

static size_t encode_int(uint8_t out[MAX_INT], uint64_t value)
{
	size_t len = 1;

	if (value == 0 || value == 1) {
		out[0] = value ? OP_ONE : OP_ZERO;
		return 1;
	}
	if (value > UINT32_MAX) {
		out[0] = PREFIX_QWORD;
		len = 8;
	} else if (value > UINT16_MAX) {
		out[0] = PREFIX_DWORD;
		len = 4;
	} else if (value > UINT8_MAX) {
		out[0] = PREFIX_WORD;
		len = 2;
	} else {
		out[0] = PREFIX_BYTE;
	}
	for (size_t i = 0; i < len; i++)
		out[1 + i] = (uint8_t)(value >> (8 * i));
	return 1 + len;
}

void aml_int(struct aml *aml, uint64_t value)
{
	uint8_t out[MAX_INT];

	aml_bytes(aml, out, encode_int(out, value));
}

void aml_string(struct aml *aml, const char *s)
{
	put_byte(aml, PREFIX_STRING);
	aml_bytes(aml, s, strlen(s) + 1);
}

static unsigned int hex_digit(char c)
{
	return c <= '9' ? (unsigned int)(c - '0')
			: (unsigned int)(c - 'A' + 10);
}

/* Five bits a letter, four a digit, the most significant byte first (ACPI 6.5,
 * 19.3.4); always four bytes long.
 */
void aml_eisaid(struct aml *aml, const char *id)
{
	uint32_t value = 0;
	uint8_t out[5] = {PREFIX_DWORD};

	assert(strlen(id) == 7);
	for (int i = 0; i < 3; i++)
		value = value << 5 | (uint32_t)(id[i] - '@');
	for (int i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	for (int i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(value >> (24 - 8 * i));
	aml_bytes(aml, out, sizeof(out));
}

void aml_package(struct aml *aml, uint8_t cnt)
{
	put_byte(aml, OP_PACKAGE);
	open_block(aml);
	put_byte(aml, cnt);
}

void aml_resources(struct aml *aml)
{
	put_byte(aml, OP_BUFFER);
	open_block(aml);
}

void aml_resources_end(struct aml *aml)
{
	/* A checksum of 0 means that there is none (6.4.2.9). */
	const uint8_t end[] = {RES_END, 0};
	uint8_t size[MAX_INT] = {0};
	size_t start;

	assert(aml->depth);
	start = aml->open[aml->depth - 1];
	aml_bytes(aml, end, sizeof(end));
	if (!aml->full)
		insert(aml, start, size, encode_int(size, aml->len - start));
	aml_end(aml);
}

void aml_memory32(struct aml *aml, uint32_t base, uint32_t len)
{
	struct res_memory32_fixed r = {
		.type = RES_MEMORY32_FIXED,
		.res_len = sizeof(r) - offsetof(typeof(r), flags),
		.flags = RES_MEMORY_WRITABLE,
		.base = base,
		.len = len,
	};

	aml_bytes(aml, &r, sizeof(r));
}

void aml_io(struct aml *aml, uint16_t port, uint8_t len)
{
	struct res_io r = {
		.type = RES_IO,
		.decode = RES_IO_DECODE16,
		.min = port,
		.max = port,
		.align = 1,
		.len = len,
	};

	aml_bytes(aml, &r, sizeof(r));
}

void aml_interrupt(struct aml *aml, uint32_t gsi)
{
	struct res_interrupt r = {
		.type = RES_INTERRUPT,
		.res_len = sizeof(r) - offsetof(typeof(r), flags),
		.flags = RES_INTERRUPT_CONSUMER | RES_INTERRUPT_EDGE,
		.cnt = 1,
		.gsi = gsi,
	};

	aml_bytes(aml, &r, sizeof(r));
}
