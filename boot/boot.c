/*
 * From files to a machine that can be entered: kernel, command line,
 * initramfs, boot parameters and ACPI tables in guest memory.
 */
#include "boot/boot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "boot/acpi.h"
#include "boot/elf.h"
#include "boot/image.h"
#include "boot/params.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/guestmem.h"

#define PAGE_LEN KIB(4)

/* What Linux needs beyond its own image and the initramfs until its first
 * process runs. Seen: with 96 MiB, of which Debian's kernels take up 70, both
 * 6.1 and 6.12 run a shell and have 33 MiB left.
 */
#define BOOT_SLACK MIB(24)

static uint64_t to_mib(uint64_t len)
{
	return align_up(len, MIB(1)) / MIB(1);
}

static uint64_t ram_len(const struct guestmem *mem)
{
	uint64_t len = 0;

	for (unsigned int i = 0; i < mem->region_cnt; i++)
		len += mem->region[i].len;
	return len;
}

static int check_memory(const struct boot_config *config,
			const struct image *image, const struct guestmem *mem,
			struct fail *fail)
{
	uint64_t have = ram_len(mem);
	uint64_t need = image->end;
	bool odd = have % MIB(1) != 0;

	/* A bare guest knows what it needs. */
	if (!image->elf.protected32)
		need += BOOT_SLACK;
	if (!add_ok(need, config->initrd_len, &need) || need > INT64_MAX)
		return fail_set(fail, -E2BIG, "initrd: too large");
	if (have >= need)
		return 0;
	return fail_set(fail, -ENOMEM,
			"memory %" PRIu64 "%s: this kernel needs at least "
			"%" PRIu64 "M; use --memory %" PRIu64 "M",
			odd ? have / KIB(1) : have / MIB(1), odd ? "K" : "M",
			to_mib(need), to_mib(need));
}

static int check_cmdline(const struct boot_config *config,
			 const struct image *image, struct fail *fail)
{
	size_t len = strlen(config->cmdline);
	size_t max = MIN(image->hdr.cmdline_size, LAYOUT_CMDLINE_MAX - 1);

	if (len <= max)
		return 0;
	return fail_set(fail, -E2BIG,
			"kernel command line: %zu bytes, this kernel takes at "
			"most %zu; shorten what --append adds",
			len, max);
}

/* Is [@gpa, @gpa + @len) apart from everything that the image brings? */
static bool is_free(const struct image *image, gpa_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < image->elf.segment_cnt; i++) {
		const struct elf_segment *s = &image->elf.segment[i];

		if (s->gpa < gpa + len && gpa < s->gpa + s->mem_len)
			return false;
	}
	return true;
}

/* A small initrd goes into the huge page of the boot structures: one page of
 * 2 MiB less to be cleared, which takes longer than all that is written there.
 * A larger one goes to the top of what the kernel can reach; the first pages
 * that the kernel gives out are elsewhere then.
 */
static gpa_t place_initrd(const struct image *image, gpa_t top, uint64_t len)
{
	if (len <= LAYOUT_LOW_INITRD_LEN &&
	    is_free(image, LAYOUT_HIGH_START, LAYOUT_LOW_INITRD_LEN))
		return LAYOUT_HIGH_START;
	top = len <= top ? align_down(top - len, PAGE_LEN) : 0;
	return top < align_up(image->end, PAGE_LEN) ? 0 : top;
}

static int load_initrd(const struct boot_config *config,
		       const struct image *image, struct guestmem *mem,
		       gpa_t *initrd, struct fail *fail)
{
	gpa_t top = MIN(guestmem_low_end(mem),
			(gpa_t)image->hdr.initrd_addr_max + 1);
	uint64_t len = config->initrd_len;
	void *hva;

	*initrd = len ? place_initrd(image, top, len) : 0;
	if (!len)
		return 0;
	hva = *initrd ? guest_ptr(mem, *initrd, len) : NULL;
	if (!hva)
		return fail_set(fail, -E2BIG,
				"initrd: %zu bytes, between kernel and %" PRIu64
				"M there is only room for %" PRIu64,
				config->initrd_len, top / MIB(1),
				top > image->end ? top - image->end : 0);
	memcpy(hva, config->initrd, len);
	return 0;
}

/* Write what the kernel is told about its machine. */
static int write_tables(const struct boot_config *config,
			const struct image *image, gpa_t initrd,
			struct guestmem *mem, struct fail *fail)
{
	const struct params params = {
		.hdr = &image->hdr,
		.cmdline = config->cmdline,
		.initrd = initrd,
		.initrd_len = config->initrd_len,
		.protected32 = image->elf.protected32,
	};
	int err;

	err = params_write(mem, &params);
	if (err)
		return fail_set(fail, err, "boot parameters: %s",
				strerror(-err));
	err = acpi_write(mem, config->cpu_cnt, config->mmio_cnt);
	if (err)
		return fail_set(fail, err,
				"ACPI tables for %u processors and %u devices: "
				"%s",
				config->cpu_cnt, config->mmio_cnt,
				strerror(-err));
	return 0;
}

static int load(const struct boot_config *config, const struct image *image,
		struct guestmem *mem, struct fail *fail)
{
	gpa_t initrd;
	int err;

	err = check_cmdline(config, image, fail);
	if (!err)
		err = check_memory(config, image, mem, fail);
	if (!err)
		err = load_initrd(config, image, mem, &initrd, fail);
	if (err)
		return err;
	err = elf_load(&image->elf, image->fd, mem);
	if (err)
		return fail_set(fail, err, "kernel %s: cannot be loaded: %s",
				config->kernel_path, strerror(-err));
	return write_tables(config, image, initrd, mem, fail);
}

int boot_load(const struct boot_config *config, struct guestmem *mem,
	      struct boot_entry *entry, struct fail *fail)
{
	struct image image;
	int err;

	err = image_open(&image, config->kernel_path, config->cache_dir, fail);
	if (!err)
		err = load(config, &image, mem, fail);
	if (!err)
		*entry = (struct boot_entry){
			.rip = image.elf.entry,
			.rsi = LAYOUT_BOOT_PARAMS,
			.rsp = LAYOUT_STACK,
			.cr3 = LAYOUT_PML4,
			.protected32 = image.elf.protected32,
		};
	image_close(&image);
	return err;
}
