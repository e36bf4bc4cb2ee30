/*
 * The bus: which device answers at which address.
 */
#include "vmm/base/bus.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

int bus_add(struct bus *bus, enum bus_space space,
	    const struct bus_range *range)
{
	unsigned int cnt = bus->range_cnt[space];
	uint64_t end;

	if (!range->len || !add_ok(range->base, range->len, &end))
		return -EINVAL;
	if (cnt == BUS_MAX_RANGES)
		return -ENOSPC;
	for (unsigned int i = 0; i < cnt; i++) {
		const struct bus_range *r = &bus->range[space][i];

		if (range->base < r->base + r->len && r->base < end)
			return -EEXIST;
	}
	bus->range[space][cnt] = *range;
	bus->range_cnt[space]++;
	return 0;
}

int bus_add_kick(struct bus *bus, uint64_t addr, uint32_t value, int fd)
{
	if (bus->kick_cnt == BUS_MAX_KICKS)
		return -ENOSPC;
	bus->kick[bus->kick_cnt++] =
		(struct bus_kick){.addr = addr, .value = value, .fd = fd};
	return 0;
}

int bus_add_line(struct bus *bus, unsigned int gsi, int fd)
{
	if (bus->line_cnt == BUS_MAX_LINES)
		return -ENOSPC;
	bus->line[bus->line_cnt++] = (struct bus_line){.gsi = gsi, .fd = fd};
	return 0;
}

/* The range that holds all of [addr, addr + len), or NULL. */
static const struct bus_range *find(const struct bus *bus, enum bus_space space,
				    uint64_t addr, unsigned int len)
{
	for (unsigned int i = 0; i < bus->range_cnt[space]; i++) {
		const struct bus_range *r = &bus->range[space][i];

		if (addr >= r->base && addr - r->base < r->len &&
		    len <= r->len - (addr - r->base))
			return r;
	}
	return NULL;
}

bool bus_read(const struct bus *bus, enum bus_space space, uint64_t addr,
	      void *data, unsigned int len)
{
	const struct bus_range *r = find(bus, space, addr, len);

	if (!r) {
		memset(data, 0xff, len);
		return false;
	}
	r->ops->read(r->device, addr - r->base, data, len);
	return true;
}

/* Signal the eventfd that was recorded for this write, if there is one. */
static bool kick(const struct bus *bus, uint64_t addr, const void *data,
		 unsigned int len)
{
	uint32_t value;

	if (len != sizeof(value))
		return false;
	memcpy(&value, data, sizeof(value));
	for (unsigned int i = 0; i < bus->kick_cnt; i++) {
		const struct bus_kick *k = &bus->kick[i];

		if (k->addr == addr && k->value == value) {
			fd_event_signal(k->fd);
			return true;
		}
	}
	return false;
}

bool bus_write(const struct bus *bus, enum bus_space space, uint64_t addr,
	       const void *data, unsigned int len)
{
	const struct bus_range *r;

	if (space == BUS_MMIO && kick(bus, addr, data, len))
		return true;
	r = find(bus, space, addr, len);
	if (r)
		r->ops->write(r->device, addr - r->base, data, len);
	return r;
}
