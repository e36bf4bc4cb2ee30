/*
 * The attack by contents, attributes and listings: offsets, lengths, commands
 * and names that might reach more than the file.
 */
#include "tests/guest/attack/attack.h"

static const uint64_t extremes[] = {
	1ULL << 31, 1ULL << 32, INT64_MAX - 1, INT64_MAX,
	1ULL << 63, ~0ULL - 1,	~0ULL,
};
enum { EXTREME_CNT = sizeof(extremes) / sizeof(extremes[0]) };

static bool is_offset(uint64_t offset)
{
	return offset <= INT64_MAX;
}

static void seek_and_read(uint64_t node, uint64_t fh)
{
	for (unsigned int i = 0; i < EXTREME_CNT; i++) {
		struct fuse_read_in read = {
			.fh = fh,
			.offset = extremes[i],
			.size = 4096,
		};

		for (uint32_t whence = 0; whence < 8; whence++) {
			struct fuse_lseek_in seek = {
				.fh = fh,
				.offset = extremes[i],
				.whence = whence,
			};
			bool known = whence == 3 || whence == 4;

			expect_one_of(TRY(LSEEK, node, ARG(seek)),
				      known ? -ENXIO : -EINVAL, -EINVAL);
		}
		expect(TRY(READ, node, ARG(read)),
		       is_offset(extremes[i] + 4096) && is_offset(extremes[i])
			       ? 0
			       : -EINVAL);
		expect_that(!replied, "bytes behind the end");
	}
}

/* Whatever it says: the file is brought back afterwards. */
static void allocate_and_resize(uint64_t node, uint64_t fh)
{
	struct fuse_fallocate_in in = {.fh = fh};

	for (uint32_t bit = 0; bit < 32; bit++) {
		for (unsigned int i = 2; i < EXTREME_CNT; i++) {
			in.mode = 1U << bit;
			in.offset = extremes[i];
			in.length = extremes[EXTREME_CNT - 1 - i];
			expect_refused(TRY(FALLOCATE, node, ARG(in)));
		}
	}
	in.mode = ~0U;
	expect(TRY(FALLOCATE, node, ARG(in)), -EINVAL);
	for (unsigned int i = 3; i < EXTREME_CNT; i++)
		expect_one_of(try_resize(node, extremes[i]),
			      is_offset(extremes[i]) ? 0 : -EFBIG, -EFBIG);
	expect(try_resize(node, 8192), 0);
}

static void copy_far(uint64_t node, uint64_t fh)
{
	for (unsigned int i = 0; i < EXTREME_CNT; i++) {
		struct fuse_copy_file_range_in in = {
			.fh_in = fh,
			.off_in = extremes[i],
			.nodeid_out = node,
			.fh_out = fh,
			.off_out = extremes[EXTREME_CNT - 1 - i],
			.len = ~0ULL,
		};
		struct fuse_write_out *out = (void *)&reply;

		/* Nothing is there to be copied. */
		if (!TRY(COPY_FILE_RANGE, node, ARG(in)))
			expect_that(!out->size, "bytes from nowhere");
		in.flags = 1ULL << (9 * i);
		expect(TRY(COPY_FILE_RANGE, node, ARG(in)), -EINVAL);
	}
}

/* Commands that the host knows, for all kinds of files and devices; those of
 * files alone are passed on (devices/fs/ioctl.c).
 */
static void command(uint64_t node, uint64_t fh)
{
	static const uint32_t refused[] = {
		0,	    1,		0x5401,	    0x5412,	0x541b,
		0x5421,	    0x5452,	0x40049409, 0x4020940d, 0xc0185879,
		0xc0045877, 0xc0045878, 0xc0189436, 0xc020660b, 0x80087601,
		0x40087602, 0x80046601, 0x40046602, 0x40806685, 0xc0406619,
		0x800c6613, 0x40106614, 0xae01,	    0x8004587d, 0xc0045878,
		0x00001260, 0x00001261, 0x80041272, 0x5301,	0x2285,
		0x7fffffff, 0xffffffff,
	};
	static const uint32_t passed[] = {0x80086601, 0x801c581f};

	for (unsigned int i = 0; i < sizeof(refused) / sizeof(refused[0]);
	     i++) {
		struct fuse_ioctl_in in = {
			.fh = fh,
			.cmd = refused[i],
			.out_size = 4096,
		};

		expect(TRY(IOCTL, node, ARG(in)), -ENOTTY);
	}
	for (unsigned int i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		struct fuse_ioctl_in in = {
			.fh = fh,
			.cmd = passed[i],
			.out_size = 4096,
		};

		expect_one_of(TRY(IOCTL, node, ARG(in)), 0, -ENOTTY);
		/* Memory of the caller is none of the server's. */
		for (uint32_t bit = 0; bit < 32; bit++) {
			in.flags = 1U << bit;
			if (in.flags != FUSE_IOCTL_DIR)
				expect(TRY(IOCTL, node, ARG(in)), -ENOTTY);
		}
	}
}

void attack_contents(void)
{
	uint64_t node = find(FUSE_ROOT_ID, "other");
	uint64_t fh = open_node(node, READS_WRITES);

	expect(try_resize(node, 8192), 0);
	seek_and_read(node, fh);
	copy_far(node, fh);
	allocate_and_resize(node, fh);
	command(node, fh);
	close_handle(node, fh);
	expect(try_map(FUSE_ROOT_ID, ~0ULL, MAP_READ), -ENODEV);
	for (uint32_t bit = 2; bit < 64; bit++)
		expect(try_map(node, ~0ULL, 1ULL << bit), -EINVAL);
}

/* SETXATTR with a value of four bytes, whose name may be long */
static int set_attribute(uint64_t node, const char *name, uint32_t len)
{
	static struct {
		struct fuse_setxattr_in in;
		char text[512];
	} set = {.in.size = 4};

	memcpy(set.text, name, len);
	memcpy(set.text + len, "bad", 4);
	return TRY(SETXATTR, node, .arg = &set,
		   .arg_len = sizeof(set.in) + len + 4);
}

/* MKDIR with an attribute as a security context's */
static int make_labelled(const char *name)
{
	struct {
		struct fuse_mkdir_in in;
		char made[5];
		/* not aligned, as what follows a name is not */
		uint8_t head[sizeof(struct fuse_secctx_header)];
		uint8_t label[sizeof(struct fuse_secctx)];
		char text[32];
	} make = {.in.mode = 0755, .made = "made"};
	struct fuse_secctx_header head = {
		.size = sizeof(make.head) + sizeof(make.label) +
			sizeof(make.text),
		.nr_secctx = 1,
	};
	struct fuse_secctx label = {
		.size = sizeof(make.text) - length_of(name) - 1,
	};

	memcpy(make.head, &head, sizeof(head));
	memcpy(make.label, &label, sizeof(label));
	memcpy(make.text, name, length_of(name) + 1);
	return TRY(MKDIR, FUSE_ROOT_ID, .arg = &make,
		   .arg_len = offsetof(typeof(make), text) + sizeof(make.text));
}

static void label_wrongly(void)
{
	static const char *const names[] = {
		"system.posix_acl_access",
		"system.posix_acl_default",
		"trusted.overlay.opaque",
		"user.x",
		"none",
		"security.capability",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(make_labelled(names[i]), -EINVAL);
	expect(make_labelled("security.other"), 0);
	expect(try_remove(FUSE_RMDIR, FUSE_ROOT_ID, "made"), 0);
}

/* Names of attributes that mean something to the host: a list of rights, rights
 * of a program, where an overlay goes on; of files and of the top directory.
 */
void attack_attributes(void)
{
	static const char *const wrong[] = {
		"system.posix_acl_access",
		"system.posix_acl_default",
		"system.nfs4_acl",
		"system.none",
		"security.capability",
		"none",
		"user.",
		".",
		"/",
		"trusted.",
	};
	static char longest[300];
	struct fuse_getxattr_in room = {.size = 4096};
	uint64_t nodes[] = {FUSE_ROOT_ID, find(FUSE_ROOT_ID, "other")};

	memset(longest, 'n', sizeof(longest));
	for (unsigned int n = 0; n < 2; n++) {
		for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]);
		     i++)
			expect_refused(set_attribute(nodes[n], wrong[i],
						     length_of(wrong[i]) + 1));
		expect(set_attribute(nodes[n], "", 1), -EINVAL);
		expect(set_attribute(nodes[n], longest, sizeof(longest)),
		       -ERANGE);
		expect(TRY(GETXATTR, nodes[n], ARG(room), TEXT("")), -EINVAL);
		expect(TRY(GETXATTR, nodes[n], ARG(room), TEXT(longest)),
		       -ERANGE);
		expect(TRY(REMOVEXATTR, nodes[n], TEXT(longest)), -ERANGE);
		expect_refused(TRY(GETXATTR, nodes[n], ARG(room),
				   TEXT("trusted.secret")));
	}
	label_wrongly();
}

/* Places in a directory that it never had: names of this directory, or none */
void attack_listings(void)
{
	struct fuse_open_in in = {0};
	struct fuse_read_in read = {.size = 4096};
	struct fuse_release_in release;

	expect(TRY(OPENDIR, FUSE_ROOT_ID, ARG(in)), 0);
	read.fh = reply.open.fh;
	release = (struct fuse_release_in){.fh = read.fh};
	for (uint32_t bit = 0; bit < 64; bit++) {
		read.offset = 1ULL << bit;
		expect_one_of(TRY(READDIR, FUSE_ROOT_ID, ARG(read)), 0,
			      -EINVAL);
		expect_one_of(TRY(READDIRPLUS, FUSE_ROOT_ID, ARG(read)), 0,
			      -EINVAL);
		read.offset = ~(1ULL << bit);
		expect_one_of(TRY(READDIR, FUSE_ROOT_ID, ARG(read)), 0,
			      -EINVAL);
	}
	read.offset = 0;
	for (read.size = 0; read.size < 24; read.size++)
		expect(TRY(READDIR, FUSE_ROOT_ID, ARG(read)), -EINVAL);
	read.size = ~0U;
	expect(TRY(READDIR, FUSE_ROOT_ID, ARG(read)), 0);
	expect(TRY(RELEASEDIR, FUSE_ROOT_ID, ARG(release)), 0);
}
