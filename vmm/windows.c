/*
 * The shares' windows.
 */
#include "vmm/windows.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/fs/versions.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/config.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/machine.h"

static_assert(GUESTMEM_MAX_WINDOWS == 2 * (CONFIG_MAX_SHARES + 1),
	      "a window and a table for each share");
static_assert(VERSIONS_LEN % GUESTMEM_WINDOW_UNIT == 0, "as windows are");

enum {
	DEFAULT_MAPS = 65530, /* the kernel's own, where it does not tell */
	MAPS_EACH = 2 * 3,    /* a range is up to three of half of them */
};

/* Most mappings that this process may have. */
static uint32_t count_maps(void)
{
	autofd fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	long maps = 0;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		maps = strtol(text, NULL, 10);
	return maps > 0 ? MIN(maps, INT32_MAX) : DEFAULT_MAPS;
}

uint32_t windows_max_ranges(const struct machine *m)
{
	unsigned int window_cnt = 0;

	for (size_t i = 0; i < ARRAY_SIZE(m->share); i++)
		window_cnt += m->share[i].window != NULL;
	return count_maps() / MAPS_EACH / MAX(window_cnt, 1);
}

/* Width of the addresses that this host's guests have, unless it is known. */
static int find_phys_bits(const struct kvm *kvm, unsigned int *bits)
{
	struct cpuid cpuid;
	int err;

	if (*bits)
		return 0;
	err = cpuid_init(&cpuid, kvm);
	*bits = cpuid_phys_bits(&cpuid);
	return err;
}

static int add_dax(struct machine *m, struct machine_share *share,
		   const char *tag, const struct fs_config *fs,
		   unsigned int *bits, struct fail *fail)
{
	int err;

	if (!fs->dax_len)
		return 0;
	err = find_phys_bits(&m->kvm, bits);
	if (!err)
		err = guestmem_add_window(&m->mem, fs->dax_len, *bits,
					  fs->read_only);
	if (err)
		return fail_set(
			fail, err,
			"share %s: a window of %lluM: %s; give a shorter "
			"one with dax=, or dax=off",
			tag, (unsigned long long)(fs->dax_len / MIB(1)),
			err == -E2BIG ? "beyond what the processor can address"
				      : strerror(-err));
	share->window = &m->mem.window[m->mem.window_cnt - 1];
	return 0;
}

/* The guest sees the table of a share, and cannot write to it. */
static int add_table(struct machine *m, struct machine_share *share,
		     const char *tag, const struct fs_config *fs,
		     unsigned int *bits, struct fail *fail)
{
	int err;

	if (!fs->versions)
		return 0;
	err = find_phys_bits(&m->kvm, bits);
	if (!err)
		err = guestmem_add_window(&m->mem, VERSIONS_LEN, *bits, true);
	if (!err) {
		share->table = &m->mem.window[m->mem.window_cnt - 1];
		err = versions_show(fs->versions, share->table->hva);
	}
	return err ? fail_set(fail, err,
			      "share %s: memory for cache=shared: %s; choose "
			      "another cache=",
			      tag, strerror(-err))
		   : 0;
}

/* Linux fills a window with pieces of GUESTMEM_WINDOW_UNIT, and does not expect
 * to be refused one.
 */
static int check_ranges(const struct machine *m, struct fail *fail)
{
	uint64_t max_len = windows_max_ranges(m) * GUESTMEM_WINDOW_UNIT;

	for (unsigned int i = 0; i < m->mem.window_cnt; i++) {
		if (m->mem.window[i].len > max_len)
			return fail_set(
				fail, -ENOMEM,
				"shares: windows of more than %lluM each take "
				"more mappings than vm.max_map_count allows; "
				"raise that, or give shorter ones with dax=",
				(unsigned long long)(max_len / MIB(1)));
	}
	return 0;
}

static int add_window(struct machine *m, struct machine_share *share,
		      const char *tag, const struct fs_config *fs,
		      unsigned int *bits, struct fail *fail)
{
	int err = add_dax(m, share, tag, fs, bits, fail);

	return err ? err : add_table(m, share, tag, fs, bits, fail);
}

int windows_add(struct machine *m, const struct config *config,
		struct fail *fail)
{
	struct machine_share *share = m->share;
	unsigned int bits = 0;
	int err = 0;

	if (config->command == CONFIG_RUN)
		err = add_window(m, share++, CONFIG_ROOT_TAG, &config->root,
				 &bits, fail);
	for (unsigned int i = 0; !err && i < config->share_cnt; i++)
		err = add_window(m, share++, config->share[i].tag,
				 &config->share[i].fs, &bits, fail);
	return err ? err : check_ranges(m, fail);
}

static void read_window(void *device, uint64_t offset, void *data,
			unsigned int len)
{
	struct machine_share *share = device;

	dax_access(&share->fs.dax, offset, data, len, false);
}

static void write_window(void *device, uint64_t offset, const void *data,
			 unsigned int len)
{
	struct machine_share *share = device;
	uint64_t copy = 0;

	memcpy(&copy, data, len);
	dax_access(&share->fs.dax, offset, &copy, len, true);
}

int windows_connect(struct machine *m, struct machine_share *share)
{
	static const struct bus_ops ops = {read_window, write_window};
	struct virtio_dev *dev = &share->dev.dev;
	struct bus_range range = {.ops = &ops, .device = share};

	if (share->table)
		virtio_dev_set_shm(dev, VIRTIO_FS_VERSIONS, share->table->gpa,
				   share->table->len);
	if (!share->window)
		return 0;
	range.base = share->window->gpa;
	range.len = share->window->len;
	virtio_dev_set_shm(dev, VIRTIO_FS_CACHE, range.base, range.len);
	return bus_add(&m->bus, BUS_MMIO, &range);
}

uint64_t windows_mend(void *opaque)
{
	struct machine *m = opaque;
	uint64_t changes = 0;

	for (unsigned int i = 0; i < m->share_cnt; i++)
		changes += dax_repair(&m->share[i].fs.dax);
	return changes;
}
