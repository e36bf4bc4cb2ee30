/*
 * Guest memory: RAM, and the one door into it.
 */
#include "vmm/base/guestmem.h"

#include <errno.h>
#include <sys/mman.h>

#include "vmm/base/bits.h"

#define GUEST_PAGE 4096ULL
#define HUGE_PAGE MIB(2)

/* Add a region of anonymous memory, aligned for huge pages. */
static int add_region(struct guestmem *mem, gpa_t gpa, uint64_t len)
{
	struct guestmem_region *r = &mem->region[mem->region_cnt];
	uint64_t map_len;
	void *map;

	if (!add_ok(len, HUGE_PAGE, &map_len))
		return -ENOMEM;
	map = mmap(NULL, map_len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	*r = (struct guestmem_region){
		.gpa = gpa,
		.len = len,
		/* Both regions begin at a multiple of 2 MiB in the guest. */
		.hva = (char *)map + (-(uintptr_t)map & (HUGE_PAGE - 1)),
		.map = map,
		.map_len = map_len,
	};
	mem->region_cnt++;
	/* A host without huge pages is slower, not wrong. */
	madvise(r->hva, len, MADV_HUGEPAGE);
	madvise(r->hva, len, MADV_DONTDUMP);
	return 0;
}

int guestmem_init(struct guestmem *mem, uint64_t ram_len)
{
	uint64_t low = MIN(ram_len, LAYOUT_GAP_START);
	int err;

	*mem = (struct guestmem){0};
	err = add_region(mem, 0, low);
	if (err || low == ram_len)
		return err;
	return add_region(mem, LAYOUT_GAP_END, ram_len - low);
}

void guestmem_destroy(struct guestmem *mem)
{
	for (unsigned int i = 0; i < mem->region_cnt; i++)
		munmap(mem->region[i].map, mem->region[i].map_len);
	*mem = (struct guestmem){0};
}

void *guest_ptr(const struct guestmem *mem, gpa_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < mem->region_cnt; i++) {
		const struct guestmem_region *r = &mem->region[i];

		if (gpa >= r->gpa && gpa - r->gpa <= r->len &&
		    len <= r->len - (gpa - r->gpa))
			return r->hva + (gpa - r->gpa);
	}
	return NULL;
}

int guestmem_map_file(struct guestmem *mem, gpa_t gpa, uint64_t len, int fd,
		      uint64_t offset)
{
	void *hva;

	if (len > UINT64_MAX - GUEST_PAGE)
		return -EFAULT;
	len = align_up(len, GUEST_PAGE);
	hva = guest_ptr(mem, gpa, len);
	if (!hva || !len)
		return -EFAULT;
	if (gpa % GUEST_PAGE || offset % GUEST_PAGE)
		return -EINVAL;
	if (mmap(hva, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
		 (off_t)offset) == MAP_FAILED)
		return -errno;
	return 0;
}

gpa_t guestmem_low_end(const struct guestmem *mem)
{
	return mem->region[0].gpa + mem->region[0].len;
}
