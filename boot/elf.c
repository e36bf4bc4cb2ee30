/*
 * ELF kernels: what an image wants in memory, checked, and its way there
 * (System V ABI, "Object Files" and "Program Loading"; x86-64 psABI, 4.1).
 */
#include "boot/elf.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stddef.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/guestmem.h"

static int reject(const char **why, const char *reason)
{
	*why = reason;
	return -ENOEXEC;
}

static bool overlaps(const struct elf_segment *a, const struct elf_segment *b)
{
	return a->gpa < b->gpa + b->mem_len && b->gpa < a->gpa + a->mem_len;
}

/* Take a PT_LOAD header, if all that it says is possible. */
static int add_segment(struct elf_image *image, const GElf_Phdr *phdr,
		       uint64_t file_len, const char **why)
{
	struct elf_segment s = {
		.offset = phdr->p_offset,
		.file_len = phdr->p_filesz,
		.gpa = phdr->p_paddr,
		.mem_len = phdr->p_memsz,
	};
	uint64_t end;

	if (s.file_len > s.mem_len)
		return reject(why, "a segment is larger than its memory");
	if (!add_ok(s.offset, s.file_len, &end) || end > file_len)
		return reject(why, "truncated: a segment reaches beyond the "
				   "end of the file; install it again");
	if (!s.mem_len)
		return 0;
	if (s.gpa < LAYOUT_HIGH_START)
		return reject(why, "not a kernel: it wants memory below 1 MiB");
	if (!add_ok(s.gpa, s.mem_len, &end))
		return reject(why, "a segment wraps around the address space");
	if (image->segment_cnt == ELF_MAX_SEGMENTS)
		return reject(why, "too many segments for a kernel");
	for (unsigned int i = 0; i < image->segment_cnt; i++)
		if (overlaps(&s, &image->segment[i]))
			return reject(why, "two segments overlap");
	image->segment[image->segment_cnt++] = s;
	image->end = MAX(image->end, end);
	return 0;
}

static int check_header(struct elf_image *image, Elf *elf, const char **why)
{
	GElf_Ehdr ehdr;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr))
		return reject(why, "truncated: its ELF header is incomplete; "
				   "install it again");
	if (ehdr.e_ident[EI_CLASS] == ELFCLASS32 && ehdr.e_machine == EM_386)
		image->protected32 = true;
	else if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
		 ehdr.e_machine != EM_X86_64)
		return reject(why, "built for another processor; x86-64 is "
				   "needed");
	/* The other byte order cannot be: libelf would have swapped it, but
	 * no x86 file is like that.
	 */
	if (ehdr.e_ident[EI_DATA] != ELFDATA2LSB || ehdr.e_type != ET_EXEC)
		return reject(why, "not a kernel: its ELF type is not that of "
				   "an executable");
	image->entry = ehdr.e_entry;
	return 0;
}

static int check_segments(struct elf_image *image, Elf *elf, uint64_t file_len,
			  const char **why)
{
	GElf_Phdr phdr;
	size_t cnt;
	int err;

	if (elf_getphdrnum(elf, &cnt) < 0)
		return reject(why, "truncated: its program headers are "
				   "incomplete; install it again");
	for (size_t i = 0; i < cnt; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			return reject(why, "truncated: its program headers are "
					   "incomplete; install it again");
		if (phdr.p_type != PT_LOAD)
			continue;
		err = add_segment(image, &phdr, file_len, why);
		if (err)
			return err;
	}
	for (unsigned int i = 0; i < image->segment_cnt; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (image->entry >= s->gpa &&
		    image->entry - s->gpa < s->mem_len)
			return 0;
	}
	return reject(why, "not a kernel: its entry point, as a physical "
			   "address, is in none of its segments");
}

int elf_read(struct elf_image *image, int fd, uint64_t file_len,
	     const char **why)
{
	Elf *elf;
	int err;

	*image = (struct elf_image){0};
	if (elf_version(EV_CURRENT) == EV_NONE)
		return reject(why, "libelf is too old for this program");
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return reject(why, "libelf cannot read it");
	err = check_header(image, elf, why);
	if (!err)
		err = check_segments(image, elf, file_len, why);
	elf_end(elf);
	return err;
}

static int load_segment(const struct elf_segment *s, int fd,
			struct guestmem *mem)
{
	void *hva = guest_ptr(mem, s->gpa, s->mem_len);

	return hva ? fd_read_full(fd, hva, s->file_len, s->offset) : -EFAULT;
}

int elf_load(const struct elf_image *image, int fd, struct guestmem *mem)
{
	int err = 0;

	for (unsigned int i = 0; i < image->segment_cnt && !err; i++)
		err = load_segment(&image->segment[i], fd, mem);
	return err;
}
