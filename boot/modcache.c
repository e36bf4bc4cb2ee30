/*
 * Sets of kernel modules in the cache.
 *
 * Theory of operation: an entry is a table of names and places, then the
 * modules' contents, unpacked. It is mapped, so that only what is copied into
 * an initramfs is read.
 */
#include "boot/modcache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "boot/kcache.h"
#include "boot/modules.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/**
 * struct row - A module of an entry
 * @name:	NUL terminated
 * @offset:	Where in the entry its content is
 * @len:	Bytes of it
 */
struct row {
	char name[MODULES_NAME_LEN];
	uint64_t offset;
	uint64_t len;
};

/**
 * struct table - Beginning of an entry
 * @cnt:	Rows in use
 */
struct table {
	uint64_t cnt;
	struct row row[MODULES_MAX_CNT];
};

static bool is_good(const struct table *table, uint64_t len)
{
	if (len < sizeof(*table) || table->cnt > MODULES_MAX_CNT)
		return false;
	for (unsigned int i = 0; i < table->cnt; i++) {
		const struct row *row = &table->row[i];

		if (row->offset > len || row->len > len - row->offset ||
		    !memchr(row->name, '\0', sizeof(row->name)))
			return false;
	}
	return true;
}

int modcache_get(struct modules *modules, const char *cache_dir,
		 const struct kcache_key *key)
{
	uint64_t len;
	autofd fd = kcache_get(cache_dir, key, &len);
	const struct table *table;
	char *map;

	*modules = (struct modules){0};
	if (fd < 0)
		return fd;
	map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	table = (const struct table *)(void *)map;
	if (!is_good(table, len)) {
		munmap(map, len);
		return -ENOENT;
	}
	modules->map = map;
	modules->map_len = len;
	for (; modules->cnt < table->cnt; modules->cnt++) {
		const struct row *row = &table->row[modules->cnt];
		struct module *module = &modules->module[modules->cnt];

		memcpy(module->name, row->name, sizeof(row->name));
		module->elf.data = map + row->offset;
		module->elf.len = row->len;
	}
	return 0;
}

int modcache_put(const struct modules *modules, const char *cache_dir,
		 const struct kcache_key *key)
{
	struct table table = {.cnt = modules->cnt};
	struct bytes entry = {0};
	uint64_t offset = sizeof(table);
	int fd = -ENOMEM;

	for (unsigned int i = 0; i < modules->cnt; i++) {
		const struct module *module = &modules->module[i];

		memcpy(table.row[i].name, module->name, sizeof(module->name));
		table.row[i].offset = offset;
		table.row[i].len = module->elf.len;
		offset += module->elf.len;
	}
	bytes_append(&entry, &table, sizeof(table));
	for (unsigned int i = 0; i < modules->cnt; i++)
		bytes_append(&entry, modules->module[i].elf.data,
			     modules->module[i].elf.len);
	if (!entry.err)
		fd = kcache_put(cache_dir, key, entry.data, entry.len);
	bytes_destroy(&entry);
	if (fd < 0)
		return fd;
	fd_close(&fd);
	return 0;
}
