/*
 * Guest memory: RAM, windows and registers, and the doors into them.
 */
#include "vmm/base/guestmem.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include "vmm/base/bits.h"

#define GUEST_PAGE 4096ULL
#define HUGE_PAGE MIB(2)
#define GIANT_PAGE GIB(1)
static_assert(GUESTMEM_WINDOW_UNIT == HUGE_PAGE, "both of one level");

/* Map @len bytes of nothing at a multiple of @align, at which all regions and
 * windows begin in the guest.
 */
static int map_region(struct guestmem_region *r, gpa_t gpa, uint64_t len,
		      uint64_t align, int prot)
{
	uint64_t map_len;
	void *map;

	if (!add_ok(len, align, &map_len))
		return -ENOMEM;
	map = mmap(NULL, map_len, prot,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	*r = (struct guestmem_region){
		.gpa = gpa,
		.len = len,
		.hva = (char *)map + (-(uintptr_t)map & (align - 1)),
		.map = map,
		.map_len = map_len,
	};
	madvise(r->hva, len, MADV_DONTDUMP);
	return 0;
}

/* Add a region of RAM, aligned for huge pages. */
static int add_region(struct guestmem *mem, gpa_t gpa, uint64_t len)
{
	struct guestmem_region *r = &mem->region[mem->region_cnt];
	int err = map_region(r, gpa, len, HUGE_PAGE, PROT_READ | PROT_WRITE);

	if (err)
		return err;
	mem->region_cnt++;
	/* A host without huge pages is slower, not wrong. */
	madvise(r->hva, len, MADV_HUGEPAGE);
	return 0;
}

int guestmem_init(struct guestmem *mem, uint64_t ram_len)
{
	uint64_t low = MIN(ram_len, LAYOUT_GAP_START);
	int err;

	*mem = (struct guestmem){0};
	err = map_region(&mem->registers, LAYOUT_MMIO_BASE,
			 LAYOUT_MMIO_SLOTS * LAYOUT_MMIO_SIZE, GUEST_PAGE,
			 PROT_READ | PROT_WRITE);
	mem->registers.read_only = true;
	if (!err)
		err = add_region(mem, 0, low);
	if (err || low == ram_len)
		return err;
	return add_region(mem, LAYOUT_GAP_END, ram_len - low);
}

/* The first address that neither RAM nor a window lies above. */
static gpa_t end_of_all(const struct guestmem *mem)
{
	const struct guestmem_region *last =
		mem->window_cnt ? &mem->window[mem->window_cnt - 1]
				: &mem->region[mem->region_cnt - 1];

	return MAX(last->gpa + last->len, LAYOUT_GAP_END);
}

int guestmem_add_window(struct guestmem *mem, uint64_t len,
			unsigned int phys_bits, bool read_only)
{
	gpa_t gpa = align_up(end_of_all(mem), GIANT_PAGE);
	uint64_t align = len < GIANT_PAGE ? HUGE_PAGE : GIANT_PAGE;
	struct guestmem_region *window;
	uint64_t end;
	int err;

	if (!len || len % GUESTMEM_WINDOW_UNIT)
		return -EINVAL;
	if (mem->window_cnt == GUESTMEM_MAX_WINDOWS)
		return -ENOSPC;
	if (!add_ok(gpa, len, &end) || end > BIT(phys_bits))
		return -E2BIG;
	window = &mem->window[mem->window_cnt];
	err = map_region(window, gpa, len, align, PROT_NONE);
	if (err)
		return err;
	window->read_only = read_only;
	mem->window_cnt++;
	return 0;
}

static void unmap(struct guestmem_region *r, unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++)
		munmap(r[i].map, r[i].map_len);
}

void guestmem_destroy(struct guestmem *mem)
{
	unmap(mem->region, mem->region_cnt);
	unmap(mem->window, mem->window_cnt);
	if (mem->registers.map)
		unmap(&mem->registers, 1);
	*mem = (struct guestmem){0};
}

/* Host address of a range that lies within one of @cnt regions, or NULL. */
static void *find(const struct guestmem_region *r, unsigned int cnt, gpa_t gpa,
		  uint64_t len)
{
	for (; cnt; cnt--, r++) {
		if (gpa >= r->gpa && gpa - r->gpa <= r->len &&
		    len <= r->len - (gpa - r->gpa))
			return r->hva + (gpa - r->gpa);
	}
	return NULL;
}

void *guest_ptr(const struct guestmem *mem, gpa_t gpa, uint64_t len)
{
	return find(mem->region, mem->region_cnt, gpa, len);
}

void *guest_buf(const struct guestmem *mem, gpa_t gpa, uint64_t len,
		bool *is_window)
{
	void *hva = guest_ptr(mem, gpa, len);

	*is_window = !hva;
	return hva ? hva : find(mem->window, mem->window_cnt, gpa, len);
}

gpa_t guestmem_low_end(const struct guestmem *mem)
{
	return mem->region[0].gpa + mem->region[0].len;
}
