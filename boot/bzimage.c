/*
 * bzImage: the header that comes before a compressed kernel, and where the
 * compressed kernel is (Documentation/arch/x86/boot.rst).
 *
 *   0        0x1f1          0x200       setup_sects + 1 sectors
 *   | boot   | setup header | real-mode | protected-mode code               |
 *   | sector |  0x202: HdrS | code      |   payload_offset -> | payload |len|
 */
#include "boot/bzimage.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

#define SECTOR_LEN 512
#define DEFAULT_SETUP_SECTS 4 /* what 0 means */
#define XLOADFLAGS_VERSION 0x20c
#define SIZE_FIELD_LEN 4

/* The header ends where the jump instruction over it goes: its operand counts
 * from the byte after it, which is where the magic is.
 */
#define HEADER_START offsetof(struct boot_params, hdr)
#define MAGIC_OFFSET (HEADER_START + offsetof(struct setup_header, header))

static int reject(const char **why, const char *reason)
{
	*why = reason;
	return -ENOEXEC;
}

/* What is after the end that the header itself states is code. */
static void cut_header(struct setup_header *hdr)
{
	size_t len = MAGIC_OFFSET + (hdr->jump >> 8) - HEADER_START;

	if (len < sizeof(*hdr))
		memset((char *)hdr + len, 0, sizeof(*hdr) - len);
}

static int check_header(const struct setup_header *hdr, const char **why)
{
	if (hdr->header != BZIMAGE_MAGIC || hdr->boot_flag != BZIMAGE_BOOT_FLAG)
		return reject(why, "not an ELF file or bzImage");
	if (hdr->version < XLOADFLAGS_VERSION)
		return reject(why, "too old: its boot protocol is older than "
				   "2.12 (Linux 3.8)");
	if (!(hdr->xloadflags & XLF_KERNEL_64))
		return reject(why, "a 32-bit kernel; one for x86-64 is needed");
	if (!(hdr->loadflags & LOADED_HIGH))
		return reject(why, "a zImage; a bzImage is needed");
	return 0;
}

static int find_payload(struct bzimage *image, int fd, uint64_t file_len,
			const char **why)
{
	unsigned int sects = image->hdr.setup_sects;
	uint64_t end;
	uint8_t size[SIZE_FIELD_LEN];
	int err;

	if (!sects)
		sects = DEFAULT_SETUP_SECTS;
	image->payload_offset =
		(uint64_t)(sects + 1) * SECTOR_LEN + image->hdr.payload_offset;
	image->payload_len = image->hdr.payload_length;
	if (image->payload_len <= SIZE_FIELD_LEN)
		return reject(why, "corrupt: it contains no compressed kernel; "
				   "install it again");
	/* All of these have 32 bits at most: no sum can wrap. */
	end = image->payload_offset + image->payload_len;
	if (end > file_len)
		return reject(why, "truncated: the compressed kernel reaches "
				   "beyond the end of the file; install it "
				   "again");
	err = fd_read_full(fd, size, sizeof(size), end - sizeof(size));
	if (err)
		return reject(why, "cannot be read to its end");
	image->unpacked_len = size[0] | (uint32_t)size[1] << 8 |
			      (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
	return 0;
}

int bzimage_read(struct bzimage *image, int fd, uint64_t file_len,
		 const char **why)
{
	int err;

	*image = (struct bzimage){0};
	if (file_len < HEADER_START + sizeof(image->hdr))
		return reject(why, "not an ELF file or bzImage");
	err = fd_read_full(fd, &image->hdr, sizeof(image->hdr), HEADER_START);
	if (err) {
		*why = "cannot be read";
		return err;
	}
	err = check_header(&image->hdr, why);
	if (err)
		return err;
	cut_header(&image->hdr);
	if (!add_ok(image->hdr.pref_address, image->hdr.init_size, &image->end))
		return reject(why, "corrupt: its memory wraps around the "
				   "address space");
	return find_payload(image, fd, file_len, why);
}
